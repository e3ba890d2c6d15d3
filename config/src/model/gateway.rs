//! The box itself, and its brokers.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[gateway]`: this box.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Id of the box within its division, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// Administrative division code, 12 digits (GB/T 2260 and GB/T 10114).
    pub division: String,
    /// Where the outbox and the evidence live.
    pub data_dir: PathBuf,
    /// Camera worker processes; by default one for each core.
    pub workers: usize,
    /// Memory that one camera worker may use before it is ended and restarted, in bytes; none where that goes by its cameras.
    pub worker_memory_bytes: Option<u64>,
    /// IANA time zone of the site; event times carry its offset.
    pub time_zone: jiff::tz::TimeZone,
}

/// `[grid]`: the grid cell.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Grid {
    /// Grid code, 1 to 32 characters; usually 15 digits.
    pub code: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An MQTT broker and how to log in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port; 1883, or 8883 with TLS, where the URL names none.
    pub port: u16,
    /// TLS from `mqtts://`.
    pub tls: Option<Tls>,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password, if the broker wants one.
    pub password: Option<Secret>,
    /// File with the password, read anew at each connection.
    pub password_file: Option<PathBuf>,
    /// Where else the same broker may be found, in order: host and port. Everything else is the same.
    pub fallbacks: Vec<(String, u16)>,
    /// MQTT client id.
    pub client_id: String,
    /// Version of MQTT.
    pub protocol: Protocol,
    /// MQTT keep alive.
    pub keep_alive: Duration,
}

/// Version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Protocol {
    /// Every broker speaks it, NATS too. It cannot refuse a message: what an access list forbids is lost in silence.
    #[default]
    #[serde(rename = "3.1.1")]
    V3,
    /// Refusals have reasons.
    #[serde(rename = "5")]
    V5,
}

/// How to check the broker's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the CA that signed the broker's certificate.
    pub ca_file: PathBuf,
    /// Who we are, where the broker asks for a certificate.
    pub identity: Option<Identity>,
}

/// A client certificate and its key, both PEM files, read anew at each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and the authority that the broker trusts.
    pub certificate_file: PathBuf,
    /// The private key: PKCS #8, PKCS #1 or SEC 1.
    pub key_file: PathBuf,
}

/// `[outbox]`: the durable queue.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Most bytes that queued events may take on disk.
    pub quota_bytes: u64,
    /// Publishes in flight without a PUBACK, at most.
    pub window: usize,
}

/// `[budget]`: what the link to the centre may carry; no limit where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes from midnight to midnight.
    pub day_bytes: Option<u64>,
    /// Bits a second of everything but alarms.
    pub bits_per_second: Option<u64>,
}

/// `[http]`: where `/metrics` and `/healthz` are served.
#[derive(Debug, Clone)]
pub struct Http {
    /// Address to listen on; loopback by default.
    pub listen: SocketAddr,
}

/// `[page]`: the local web page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Address to listen on; loopback where there is no identity.
    pub listen: SocketAddr,
    /// Certificate and key, where the page is served over TLS.
    pub identity: Option<Identity>,
}

/// A password or key. Prints as `***` everywhere; only [`Secret::reveal`] gives it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

// === impl Secret ===

impl Secret {
    /// Wraps a value read from the environment or a file.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, to hand to the peer that it is for and to nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
