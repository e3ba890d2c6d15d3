//! A small MQTT broker inside the process, on loopback: for the demo, where a machine has none.
//!
//! rumqttd keeps everything in memory and cannot be stopped; it lives as long as the process. Never listen with it
//! on a network.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Largest MQTT packet, bytes.
const MAX_PACKET_BYTES: usize = 1024 * 1024;
/// How long the broker may take to listen.
const START_DEADLINE: Duration = Duration::from_secs(5);

/// Starts a broker on a free port of 127.0.0.1 and returns its address once it listens.
pub fn start() -> std::io::Result<SocketAddr> {
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let server = ServerSettings {
        name: "demo-broker".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 10_000,
            max_payload_size: MAX_PACKET_BYTES,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let router = RouterConfig {
        max_connections: 64,
        max_outgoing_packet_count: 200,
        max_segment_size: 8 * 1024 * 1024,
        max_segment_count: 4,
        ..RouterConfig::default()
    };
    let config = Config { router, v4: Some(HashMap::from([("1".to_owned(), server)])), ..Config::default() };
    std::thread::Builder::new().name("demo-broker".into()).spawn(move || {
        if let Err(error) = rumqttd::Broker::new(config).start() {
            tracing::error!(%error, "the embedded broker failed");
        }
    })?;
    let begin = Instant::now();
    while let Err(error) = TcpStream::connect(listen) {
        if begin.elapsed() > START_DEADLINE {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(listen)
}
