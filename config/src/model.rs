//! The checked configuration: complete, with defaults filled in and every reference resolved.
//!
//! Nothing here can be wrong in a way that the gateway would have to report later: names that rules, cameras and
//! sensors refer to exist, numbers lie in their ranges, secrets have been read.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything `moshao run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// This box.
    pub gateway: Gateway,
    /// The grid cell that its events belong to.
    pub grid: Grid,
    /// The command centre's broker.
    pub uplink: Broker,
    /// The broker on which sensors publish; none where there are only cameras.
    pub sensor_broker: Option<Broker>,
    /// The durable queue of events.
    pub outbox: Outbox,
    /// Metrics, health and the local page.
    pub http: Http,
    /// Detectors that a camera names, each once. Built-in and catalogue names used by cameras are here too.
    pub detectors: Vec<Detector>,
    /// Cameras in the order of the file.
    pub cameras: Vec<Camera>,
    /// Sensors in the order of the file.
    pub sensors: Vec<Sensor>,
    /// Rules in the order of the file, then those that presets bring.
    pub rules: Vec<Rule>,
}

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
    /// Memory that one camera worker may use before it is ended and restarted, in bytes.
    pub worker_memory_bytes: u64,
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
    /// MQTT client id.
    pub client_id: String,
    /// MQTT keep alive.
    pub keep_alive: Duration,
}

/// How to check the broker's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the CA that signed the broker's certificate.
    pub ca_file: PathBuf,
}

/// `[outbox]`: the durable queue.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Most bytes that queued events may take on disk.
    pub quota_bytes: u64,
    /// Publishes in flight without a PUBACK, at most.
    pub window: usize,
}

/// `[http]`: where `/metrics` and `/healthz` are served.
#[derive(Debug, Clone)]
pub struct Http {
    /// Address to listen on; loopback by default.
    pub listen: SocketAddr,
}

/// `[detector.NAME]`, or a built-in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// The name that cameras use.
    pub name: String,
    /// Where the model comes from.
    pub model: Model,
    /// Family, where the file alone does not tell it.
    pub family: Option<String>,
    /// Least score of a detection, 0 to 1; the model's own default where absent.
    pub threshold: Option<f32>,
    /// Least score for single labels; overrides `threshold`.
    pub label_thresholds: Vec<(String, f32)>,
    /// Label names, for a file that does not carry them.
    pub labels: Option<Vec<String>>,
    /// Execution provider; `cpu` by default.
    pub provider: String,
}

/// Where a detector's model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// Embedded in the binary: `moshao-fire`.
    BuiltIn(String),
    /// An ONNX file.
    File(PathBuf),
}

/// `[camera.ID]`.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Id, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// Name for people; the id where the file gives none.
    pub name: String,
    /// RTSP URL without user and password.
    pub url: url::Url,
    /// RTSP user.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
    /// Send the password over Basic authentication too, where the camera offers nothing better.
    pub allow_basic: bool,
    /// Name of the detector.
    pub detector: String,
    /// Pictures handed to the detector in a second, at most.
    pub detections_per_second: f64,
    /// Ids of object rules that look at this camera.
    pub watches: Vec<String>,
    /// Areas that never leave the box in a picture and are never detected in.
    pub masks: Vec<Polygon>,
    /// How long each step of a connection may take.
    pub deadlines: Deadlines,
    /// Where it stands.
    pub place: Place,
}

/// A polygon in fractions of the picture, x to the right and y down, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polygon(pub Vec<(f32, f32)>);

/// How long each step of a camera connection may take before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// TCP connect and RTSP DESCRIBE.
    pub describe: Duration,
    /// RTSP SETUP.
    pub setup: Duration,
    /// RTSP PLAY.
    pub play: Duration,
    /// From PLAY to the first key frame.
    pub first_key_frame: Duration,
    /// Without a complete picture, while playing.
    pub silence: Duration,
}

/// `[sensor.ID]`, preset already expanded.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Id, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it measures.
    pub kind: SensorKind,
    /// MQTT topic filter; `{name}` captures one level.
    pub topic: TopicPattern,
    /// JSON pointer (RFC 6901) to the value; empty for a payload that is the value itself.
    pub value: String,
    /// Payload values and what they mean, such as `"ON" = true`; before `scale`.
    pub values: Vec<(String, f64)>,
    /// Multiplies a number.
    pub scale: f64,
    /// Unit of the value after `scale`, UCUM-like: `Cel`, `%LEL`, `mA`, `MPa`; none for yes/no.
    pub unit: Option<String>,
    /// Ids of state and threshold rules that look at this sensor.
    pub watches: Vec<String>,
    /// Ids of cameras that see the same place.
    pub cameras: Vec<String>,
    /// Where it is.
    pub place: Place,
}

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SensorKind {
    /// Smoke alarm; certified detectors decide themselves.
    Smoke,
    /// Air or surface temperature, degrees Celsius.
    Temperature,
    /// Combustible gas, % of the lower explosive limit, or yes/no.
    Gas,
    /// Carbon monoxide, or yes/no.
    CarbonMonoxide,
    /// Water on the floor.
    Leak,
    /// Door or window contact.
    Contact,
    /// Manual call point or help button.
    CallPoint,
    /// Water pressure of a hydrant or sprinkler, MPa.
    Pressure,
    /// Residual current of an electric circuit, mA.
    ResidualCurrent,
    /// Anything else.
    Other,
}

/// An MQTT topic filter in which `{name}` stands for one level that is part of the sensor's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicPattern {
    /// Levels from left to right.
    pub levels: Vec<TopicLevel>,
}

/// One level of a [`TopicPattern`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicLevel {
    /// This text.
    Exactly(String),
    /// `+`: any one level.
    Any,
    /// `{name}`: any one level, kept under this name.
    Capture(String),
    /// `#`: all further levels; last.
    Rest,
}

/// Where a camera or sensor stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// Address for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Longitude in degrees, CGCS2000 or WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Latitude in degrees, CGCS2000 or WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
}

/// `[rule.ID]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Id, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// What it looks for.
    pub condition: Condition,
    /// Severity, 1 (red, most severe) to 4 (blue).
    pub level: u8,
    /// Event code, such as `FIRE_SMOKE` (see the table of codes).
    pub code: String,
    /// Department the event belongs to.
    pub category: Category,
    /// Kind within the category: the last part of the event type, such as `video`.
    pub kind: String,
    /// Title for people.
    pub title: String,
    /// How long the condition must be gone before the incident closes.
    pub clear_after: Duration,
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// An object seen `at_least` times within `within` by one camera.
    Object {
        /// Labels that count.
        labels: Vec<String>,
        /// Sightings needed, 1 or more.
        at_least: u32,
        /// Length of the window.
        within: Duration,
        /// Least score of a sighting; the detector's threshold where absent.
        min_score: Option<f32>,
    },
    /// A yes/no sensor in this state.
    State {
        /// The alarming state.
        is: bool,
    },
    /// A number beyond a limit.
    Threshold {
        /// Which side alarms.
        side: Side,
        /// The limit, in the sensor's unit.
        limit: f64,
        /// How far back across the limit the value must come to clear, in the sensor's unit.
        hysteresis: f64,
        /// How long the value must stay beyond the limit.
        hold: Duration,
    },
}

/// The side of a limit that alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// At the limit or above.
    Above,
    /// At the limit or below.
    Below,
}

/// Department-level category of an event, the topic level that departments subscribe to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Fire brigade.
    Fire,
    /// Police.
    Security,
    /// Traffic police.
    Traffic,
    /// City management.
    City,
    /// Whoever maintains the devices.
    Device,
}

/// A password or key. Prints as `***` everywhere; only [`Secret::reveal`] gives it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

// === impl SensorKind ===

impl fmt::Display for SensorKind {
    /// The word in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SensorKind::Smoke => "smoke",
            SensorKind::Temperature => "temperature",
            SensorKind::Gas => "gas",
            SensorKind::CarbonMonoxide => "carbon-monoxide",
            SensorKind::Leak => "leak",
            SensorKind::Contact => "contact",
            SensorKind::CallPoint => "call-point",
            SensorKind::Pressure => "pressure",
            SensorKind::ResidualCurrent => "residual-current",
            SensorKind::Other => "other",
        })
    }
}

// === impl Condition ===

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Object { labels, at_least, within, .. } => {
                write!(f, "{} seen {at_least} times within {within:?}", labels.join(" or "))
            }
            Condition::State { is: true } => f.write_str("yes"),
            Condition::State { is: false } => f.write_str("no"),
            Condition::Threshold { side, limit, hold, .. } => {
                let side = if *side == Side::Above { "or more" } else { "or less" };
                write!(f, "{limit} {side}")?;
                if hold.is_zero() { Ok(()) } else { write!(f, " for {hold:?}") }
            }
        }
    }
}

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

// === impl Category ===

impl Category {
    /// The word in topics and event types.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Fire => "fire",
            Category::Security => "security",
            Category::Traffic => "traffic",
            Category::City => "city",
            Category::Device => "device",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
