//! What the file says: every section and key, with its default, range and unit.
//!
//! These types are the one description of the format. The JSON Schema, the reference page and the check of the shape
//! (`document`) are all made from them: doc comments are the descriptions that users read, `schemars` attributes the
//! ranges, `serde` defaults the defaults. A key that later checks may point at is an [`At`].
//!
//! Ranges of durations and sizes stand in `x-min` and `x-max`, units of numbers in `x-unit`, what a pattern asks for
//! in `x-wants`, and `x-secrets` marks text in which `${env:NAME}` and `${file:path}` are replaced.

mod at;
mod default;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use at::{At, Named};

use crate::model::{Category, SensorKind};
use crate::quantity::{Size, Span};

/// A Moshao configuration file.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// This box.
    #[schemars(required)]
    pub gateway: Option<Gateway>,
    /// The grid cell that the box's events belong to.
    #[schemars(required)]
    pub grid: Option<Grid>,
    /// The command centre's broker: events go up, dispositions and commands come down.
    #[schemars(required)]
    pub uplink: Option<At<Broker>>,
    /// The broker on which the site's sensors publish. Needed as soon as there is a sensor.
    pub sensors: Option<At<Broker>>,
    /// The durable queue of events on disk.
    pub outbox: Option<Outbox>,
    /// Where metrics, health and the local page are served.
    pub http: Option<Http>,
    /// Detectors of your own, by name. `moshao-fire` is built in and needs no section.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub detector: Named<Detector>,
    /// Cameras, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub camera: Named<Camera>,
    /// Sensors, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub sensor: Named<Sensor>,
    /// Rules, by id. A rule does nothing until a camera or a sensor watches it.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub rule: Named<Rule>,
}

/// This box.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Id of the box within its division.
    #[schemars(required, regex(pattern = "^[a-z0-9-]{1,32}$"), extend("x-wants" = ID_WANTS))]
    pub id: Option<String>,
    /// Administrative division code (GB/T 2260 and GB/T 10114).
    #[schemars(
        required,
        regex(pattern = "^[0-9]{12}$"),
        extend("x-wants" = "12 digits, such as \"510104001001\"")
    )]
    pub division: Option<String>,
    /// Directory of the outbox and the evidence, relative to the file.
    #[serde(default = "default::data_dir")]
    pub data_dir: String,
    /// Camera worker processes. One for each core where the key is absent.
    #[schemars(range(min = 1, max = 256), extend("x-unit" = "processes"))]
    pub workers: Option<usize>,
    /// Memory that one camera worker may use before it is ended and restarted.
    #[serde(default = "default::worker_memory")]
    #[schemars(extend("x-min" = "64MiB", "x-max" = "64GiB"))]
    pub worker_memory: Size,
    /// IANA time zone of the site; event times carry its offset.
    #[serde(default = "default::time_zone")]
    pub time_zone: At<String>,
}

/// The grid cell that the box's events belong to.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Grid {
    /// Grid code: 15 digits as a rule (division 12, cell 3); anything else gives a warning.
    #[schemars(required, length(min = 1, max = 32))]
    pub code: Option<At<String>>,
    /// Name for people.
    pub name: Option<String>,
}

/// An MQTT broker and how to log in to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Broker {
    /// `mqtt://` or `mqtts://`, host, and port where it is not 1883 or 8883; may carry user and password.
    #[schemars(required, extend("x-secrets" = true, "examples" = BROKER_EXAMPLES))]
    pub url: Option<At<String>>,
    /// User name, where the URL has none.
    #[schemars(extend("x-secrets" = true))]
    pub username: Option<At<String>>,
    /// Password, where the URL has none.
    #[schemars(extend("x-secrets" = true))]
    pub password: Option<At<String>>,
    /// MQTT client id. Where the key is absent, `moshao-<division>-<id>` for the uplink and `moshao-<id>-sensors` for
    /// the sensors' broker.
    #[schemars(length(min = 1, max = 128))]
    pub client_id: Option<At<String>>,
    /// MQTT keep alive: a silent connection is given up after one and a half times this.
    #[serde(default = "default::keep_alive")]
    #[schemars(extend("x-min" = "5s", "x-max" = "10m"))]
    pub keep_alive: Span,
    /// PEM file of the authority that signed the broker's certificate, relative to the file. For `mqtts://` the
    /// system's authorities (`/etc/ssl/certs/ca-certificates.crt`) where the key is absent.
    pub ca_file: Option<At<String>>,
}

/// The durable queue of events on disk.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Outbox {
    /// Most bytes that queued events may take on disk.
    #[serde(default = "default::quota")]
    #[schemars(extend("x-min" = "1MiB", "x-max" = "1024GiB"))]
    pub quota: Size,
    /// Publishes in flight without a PUBACK, at most.
    #[serde(default = "default::window")]
    #[schemars(range(min = 1, max = 256), extend("x-unit" = "messages"))]
    pub window: usize,
}

/// Where metrics, health and the local page are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Http {
    /// Address and port to listen on. Anything but loopback is open to the network.
    #[serde(default = "default::listen")]
    pub listen: At<String>,
}

/// A detector of your own.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Detector {
    /// ONNX file, relative to the configuration file.
    #[schemars(required)]
    pub file: Option<At<String>>,
    /// Family of the model (`moshao models inspect FILE`), where the file alone does not tell it.
    pub family: Option<String>,
    /// Least score of a detection. The model's own default where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
    /// Least score for single labels; overrides `threshold`.
    #[serde(default)]
    pub thresholds: Named<Score>,
    /// Label names in the order of the model's classes, for a file that does not carry them.
    #[schemars(length(min = 1))]
    pub labels: Option<At<Vec<String>>>,
    /// Text file with one label a line, relative to the configuration file; instead of `labels`.
    pub labels_file: Option<At<String>>,
    /// Execution provider of ONNX Runtime. Anything but `cpu` needs a runtime that was built with it.
    #[serde(default = "default::provider")]
    #[schemars(extend("enum" = PROVIDERS))]
    pub provider: String,
}

/// A camera.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Camera {
    /// RTSP URL with user and password.
    #[schemars(
        required,
        extend("x-secrets" = true, "examples" = [CAMERA_EXAMPLE])
    )]
    pub url: Option<At<String>>,
    /// Name for people. The id where the key is absent.
    pub name: Option<String>,
    /// Name of a built-in detector (`moshao-fire`) or of a `[detector.*]` section, or an ONNX file.
    #[serde(default = "default::detector")]
    pub detector: At<String>,
    /// Pictures handed to the detector, at most.
    #[serde(default = "default::detections_per_second")]
    #[schemars(range(min = 0.1, max = 30.0), extend("x-unit" = "per second"))]
    pub detections_per_second: f64,
    /// Ids of object rules that look at this camera.
    #[serde(default)]
    pub watches: Vec<At<String>>,
    /// Areas that never leave the box in a picture and in which nothing is detected: polygons of `[x, y]`, fractions of
    /// the picture from its top left corner.
    #[serde(default)]
    pub masks: Vec<At<Corners>>,
    /// Send the password over Basic authentication too, where the camera offers nothing better. Anyone on the wire can
    /// read it.
    #[serde(default)]
    pub allow_basic: bool,
    /// Address for people.
    pub address: Option<String>,
    /// Longitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -180.0, max = 180.0), extend("x-unit" = "degrees"))]
    pub lon: Option<At<f64>>,
    /// Latitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -90.0, max = 90.0), extend("x-unit" = "degrees"))]
    pub lat: Option<At<f64>>,
    /// How long each step of a connection may take before it is given up and tried again.
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// How long each step of a camera connection may take.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Deadlines {
    /// TCP connect and RTSP DESCRIBE.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub describe: Span,
    /// RTSP SETUP.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub setup: Span,
    /// RTSP PLAY.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub play: Span,
    /// From PLAY to the first key frame; longer than the camera's key-frame interval.
    #[serde(default = "default::first_key_frame")]
    #[schemars(extend("x-min" = "1s", "x-max" = "5m"))]
    pub first_key_frame: Span,
    /// Without a complete picture, while playing.
    #[serde(default = "default::silence")]
    #[schemars(extend("x-min" = "1s", "x-max" = "5m"))]
    pub silence: Span,
}

/// A sensor.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Sensor {
    /// Ready-made `value`, `values`, `kind`, `unit` and rule for a common device; keys beside it override it.
    pub preset: Option<At<String>>,
    /// MQTT topic filter. `{name}` captures one level, `+` is any one level, `#` at the end all further levels.
    #[schemars(required, extend("examples" = ["zigbee2mqtt/kitchen-smoke"]))]
    pub topic: Option<At<String>>,
    /// JSON pointer (RFC 6901) to the value, such as `/smoke`; empty for a payload that is the value itself. Needed
    /// without a preset.
    pub value: Option<At<String>>,
    /// What single payload values mean, such as `{ ON = true, OFF = false }`; before `scale`.
    pub values: Option<Named<Meaning>>,
    /// Multiplies a number.
    pub scale: Option<At<f64>>,
    /// What it measures. Needed without a preset.
    pub kind: Option<At<SensorKind>>,
    /// Unit of the value after `scale`: `Cel`, `%LEL`, `mA`, `MPa`; none for yes/no.
    pub unit: Option<At<String>>,
    /// Name for people. The id where the key is absent.
    pub name: Option<String>,
    /// Ids of state and threshold rules that look at this sensor. The preset's own rule where the key is absent.
    pub watches: Option<Vec<At<String>>>,
    /// Ids of cameras that see the same place and are looked at when the sensor alarms.
    #[serde(default)]
    pub cameras: Vec<At<String>>,
    /// Address for people.
    pub address: Option<String>,
    /// Longitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -180.0, max = 180.0), extend("x-unit" = "degrees"))]
    pub lon: Option<At<f64>>,
    /// Latitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -90.0, max = 90.0), extend("x-unit" = "degrees"))]
    pub lat: Option<At<f64>>,
}

/// A rule: exactly one of `object`, `state` and `threshold`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Rule {
    /// An object that a camera sees several times.
    pub object: Option<At<Object>>,
    /// A yes/no sensor in its alarming state.
    pub state: Option<At<State>>,
    /// A number beyond a limit.
    pub threshold: Option<At<Threshold>>,
    /// Severity: 1 (red, most severe) to 4 (blue). The level of the event code where the key is absent.
    #[schemars(range(min = 1, max = 4))]
    pub level: Option<u8>,
    /// Event code. By the labels, or by the kind of the sensor that watches the rule, where the key is absent.
    #[schemars(regex(pattern = "^[A-Z][A-Z0-9_]{0,31}$"), extend("x-wants" = CODE_WANTS))]
    pub code: Option<At<String>>,
    /// Department that the event belongs to. By the code where the key is absent.
    pub category: Option<At<Category>>,
    /// Last part of the event type, such as `video` in `moshao.fire.video.v1`. By the code where the key is absent.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,31}$"), extend("x-wants" = KIND_WANTS))]
    pub kind: Option<String>,
    /// Title for people. By the code where the key is absent.
    #[schemars(length(min = 1, max = 100))]
    pub title: Option<String>,
    /// How long the condition must be gone (for an object: unseen) before the incident closes.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub clear_after: Span,
}

/// An object that a camera sees several times.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Object {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Sightings needed.
    #[serde(default = "default::at_least")]
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "sightings"))]
    pub at_least: At<u32>,
    /// Length of the window in which they must lie.
    #[serde(default = "default::within")]
    #[schemars(extend("x-min" = "100ms", "x-max" = "10m"))]
    pub within: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// A yes/no sensor in its alarming state.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct State {
    /// The alarming state.
    #[serde(default = "default::yes")]
    pub is: bool,
}

/// A number beyond a limit: exactly one of `above` and `below`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Threshold {
    /// Alarms at this value and above, in the sensor's unit.
    pub above: Option<At<f64>>,
    /// Alarms at this value and below, in the sensor's unit.
    pub below: Option<At<f64>>,
    /// How far back across the limit the value must come to clear, in the sensor's unit.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub hysteresis: f64,
    /// How long the value must stay beyond the limit.
    #[serde(default = "default::no_time")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub hold: Span,
}

/// What a payload value means.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Meaning {
    /// Yes or no.
    YesNo(bool),
    /// A number.
    Number(f64),
}

/// A score, 0 to 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Score(#[schemars(range(min = 0.0, max = 1.0))] pub f64);

/// The corners of a polygon.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Corners(
    #[schemars(length(min = 3, max = 100), inner(inner(range(min = 0.0, max = 1.0))))] pub Vec<[f64; 2]>,
);

/// Execution providers that `moshao-inference` knows.
const PROVIDERS: [&str; 7] = ["cpu", "xnnpack", "openvino", "cuda", "tensorrt", "acl", "rknpu"];

const BROKER_EXAMPLES: [&str; 2] = ["mqtts://centre.example:8883", "mqtt://127.0.0.1:1883"];
const CAMERA_EXAMPLE: &str = "rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/Streaming/Channels/102";
const CODE_WANTS: &str = "capitals, digits and `_`, at most 32, such as \"FIRE_SMOKE\"";
const KIND_WANTS: &str = "small letters, digits and `-`, at most 32, such as \"video\"";
const ID_WANTS: &str = "1 to 32 of small letters, digits and `-`";

fn id_pattern() -> serde_json::Value {
    serde_json::json!({ "pattern": "^[a-z0-9-]{1,32}$", "x-wants": ID_WANTS })
}

// === impl Outbox, Http, Deadlines ===

impl Default for Outbox {
    fn default() -> Self {
        Self { quota: default::quota(), window: default::window() }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: default::listen() }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            describe: default::ten_seconds(),
            setup: default::ten_seconds(),
            play: default::ten_seconds(),
            first_key_frame: default::first_key_frame(),
            silence: default::silence(),
        }
    }
}

// === impl Meaning ===

impl From<Meaning> for f64 {
    fn from(meaning: Meaning) -> f64 {
        match meaning {
            Meaning::YesNo(yes) => f64::from(u8::from(yes)),
            Meaning::Number(number) => number,
        }
    }
}
