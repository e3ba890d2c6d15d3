//! What goes to the centre in a day, against the video that stays: the demo's site, with its camera, its sensors and its
//! fire.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use moshao_tests::gateway::binary;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use super::{ratio, table};
use crate::report::{line, progress};

/// Incidents of the demo's kind that a camera has in a day.
const INCIDENTS: [u64; 3] = [1, 10, 100];
/// The box tells its health each minute, and as a whole in one of fifteen.
const MINUTES_A_DAY: u64 = 24 * 60;
const MINUTES_A_WHOLE: u64 = 15;
/// The demo runs for so long: it tells its health whole while things come up, and then what has changed.
const WATCHED_SECONDS: &str = "250";
const DAY_SECONDS: f64 = 86_400.0;
/// What MQTT and TCP put around a publish and its PUBACK, bytes (MQTT 3.1.1 §3.3, 40 bytes of IP and TCP both ways).
const PACKET_BYTES: u64 = 7 + 40 + 4 + 40;

pub(super) fn measure() {
    progress("the demo's site");
    let seen = watch_the_demo();
    let video = seen.video_bytes as f64 / seen.seconds * DAY_SECONDS;
    table(
        &format!(
            "A day of the demo's site: a camera of {:.0} kbit/s, health each minute ({} bytes, of fifteen one of {}), \
             {} bytes of events an incident.",
            seen.video_bytes as f64 * 8.0 / seen.seconds / 1000.0,
            seen.bytes_of("changes"),
            seen.bytes_of("health"),
            seen.bytes_of("event"),
        ),
        &[
            "incidents a camera-day",
            "uplink bytes a camera-day",
            "video bytes a camera-day",
            "uplink : video",
        ],
    );
    for incidents in INCIDENTS {
        let whole = MINUTES_A_DAY / MINUTES_A_WHOLE;
        let uplink = whole * seen.bytes_of("health")
            + (MINUTES_A_DAY - whole) * seen.bytes_of("changes")
            + seen.bytes_of("state")
            + incidents * seen.bytes_of("event");
        line(&format!("| {incidents} | {uplink} | {video:.0} | {} |", ratio(uplink as f64, video)));
    }
    line(
        "\nWith topics and what MQTT, TCP and IP add; without TLS. The box has one camera: health counts for it alone.",
    );
}

/// What went over the wires while the demo told its story.
struct Seen {
    seconds: f64,
    video_bytes: u64,
    /// `event`, `state`, `health` as a whole, `changes` of it.
    uplink_bytes: BTreeMap<String, u64>,
}

// === impl Seen ===

impl Seen {
    fn bytes_of(&self, kind: &str) -> u64 {
        self.uplink_bytes.get(kind).copied().unwrap_or(0)
    }
}

fn watch_the_demo() -> Seen {
    let mut demo = Command::new(binary())
        .args(["demo", "--json", "--stay", "--seconds", WATCHED_SECONDS])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (metrics, broker) = addresses(&mut demo);
    let uplink_bytes = Arc::new(Mutex::new(BTreeMap::new()));
    listen(&broker, Arc::clone(&uplink_bytes));
    let begin = Instant::now();
    let mut seen = Seen { seconds: 0.0, video_bytes: 0, uplink_bytes: BTreeMap::new() };
    while demo.try_wait().expect("it is our child").is_none() {
        if let Some(bytes) = video_bytes(&metrics) {
            (seen.seconds, seen.video_bytes) = (begin.elapsed().as_secs_f64(), bytes);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    seen.uplink_bytes = uplink_bytes.lock().expect("no holder panics").clone();
    for kind in ["event", "state", "health", "changes"] {
        assert!(seen.bytes_of(kind) > 0, "the demo has told no {kind}: a day of it would cost nothing");
    }
    seen
}

/// Where the demo says that its metrics and its broker are; the rest of what it says is read and forgotten.
fn addresses(demo: &mut Child) -> (String, String) {
    let mut lines = BufReader::new(demo.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut find = |scheme: &str| {
        let line = lines.by_ref().find(|line| line.contains(scheme)).expect("the demo introduces itself");
        let (_, address) = line.split_once(scheme).expect("it has just been found");
        address.split('/').next().unwrap_or_default().trim().to_owned()
    };
    let found = (find("http://"), find("mqtt://"));
    std::thread::spawn(move || lines.for_each(drop));
    found
}

/// Counts what a box publishes once each: events as they come, state, health and its changes at their latest length.
fn listen(broker: &str, bytes: Arc<Mutex<BTreeMap<String, u64>>>) {
    let (host, port) = broker.split_once(':').expect("host and port");
    let mut options = MqttOptions::new("bench", host, port.parse().expect("a port"));
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut connection) = Client::new(options, 4);
    client.subscribe("moshao/v1/#", QoS::AtLeastOnce).expect("an empty queue");
    std::thread::spawn(move || {
        // The client belongs to the connection: dropped, it would end it.
        let _client = client;
        for packet in connection.iter().map_while(Result::ok) {
            let Event::Incoming(Packet::Publish(publish)) = packet else { continue };
            let length = (publish.topic.len() + publish.payload.len()) as u64 + PACKET_BYTES;
            let mut bytes = bytes.lock().expect("no holder panics");
            match publish.topic.split('/').nth(4) {
                Some("event") => *bytes.entry("event".to_owned()).or_default() += length,
                Some("health") if !is_whole(&publish.payload) => {
                    bytes.insert("changes".to_owned(), length);
                }
                Some(kind) => {
                    bytes.insert(kind.to_owned(), length);
                }
                None => {}
            }
        }
    });
}

/// A whole health says how many cameras there are, which does not change.
fn is_whole(health: &[u8]) -> bool {
    serde_json::from_slice(health).is_ok_and(|health: serde_json::Value| health.get("cameras").is_some())
}

fn video_bytes(metrics: &str) -> Option<u64> {
    let mut stream = TcpStream::connect(metrics).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let line = answer.lines().find(|line| line.starts_with("moshao_camera_received_bytes_total{"))?;
    line.rsplit(' ').next()?.parse::<f64>().ok().map(|bytes| bytes as u64)
}
