//! The event: an immutable message about one change in an incident's life; the only thing that leaves the box.
//!
//! CloudEvents 1.0 in structured JSON (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>), which
//! works on MQTT 3.1.1 and 5. `(source, id)` is the key for removing duplicates: a retry repeats both.

pub mod envelope;
mod story;

use moshao_config::{Category, DeviceMode, Grid, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use story::{Check, Ended, Handling, HandlingState, Look, Saw, Says, Stage, Verdict, Witness};

/// A CloudEvents 1.0 envelope with Moshao's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique per source; the same over retries. For an incident's events: its id, `-`, and a number from 1 on.
    pub id: String,
    /// `urn:moshao:<division>:<gateway>`.
    pub source: String,
    /// `moshao.<category>.<kind>.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `camera/<id>`, `sensor/<id>`, or `gateway/<part>` for what is wrong with the box itself.
    pub subject: String,
    /// When it happened: RFC 3339 with the site's offset.
    pub time: String,
    /// When the box wrote it down: RFC 3339 with the site's offset.
    pub recordedtime: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Number within the source, 20 digits, zero-padded; no gaps except declared ones.
    pub sequence: String,
    /// Id of the incident.
    pub correlationid: String,
    /// OpenTelemetry severity text.
    pub severitytext: String,
    /// OpenTelemetry severity number: 21, 17, 13, 9 for level 1 to 4.
    pub severitynumber: u8,
    /// What happened.
    pub data: EventData,
}

/// Moshao's part of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventData {
    /// Which change in the incident's life this is.
    pub phase: Phase,
    /// How far the incident has come.
    #[serde(default)]
    pub stage: Stage,
    /// Event code, such as `FIRE_SMOKE`.
    pub code: String,
    /// Title for people.
    pub title: String,
    /// Department-level category.
    pub category: Category,
    /// 1 (red, most severe) to 4 (blue).
    pub level: u8,
    /// `red`, `orange`, `yellow`, `blue`.
    pub color: String,
    /// `live`, `test` or `maintenance`.
    pub mode: Mode,
    /// Who confirmed it.
    pub confirm: Confirm,
    /// Highest score behind a camera's part of it, 0..1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Rule that fired.
    pub rule: String,
    /// The grid cell.
    pub grid: GridRef,
    /// Where.
    pub place: Place,
    /// Which device.
    pub device: Device,
    /// The reading behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// The objects behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// Stills and clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What happened, in a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Alarms that this incident stands for, where there were more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Devices that found it, where there are more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u64>,
    /// It collects what came too fast to be told one by one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub storm: bool,
    /// Over, and kept open until the centre acknowledges it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub latched: bool,
    /// Devices that found it, where there are more than one; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
    /// What cameras saw that were asked to look because a sensor alarmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// What sensors at the place of a camera's alarm say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// How often it has been escalated because nobody acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<u8>,
    /// What the centre said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Handling>,
    /// Why it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The incident that goes on in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
}

/// Changes in an incident's life that are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// A new incident.
    Opened,
    /// More of the same.
    Updated,
    /// Another, independent source agrees.
    Confirmed,
    /// The centre has taken it up.
    Acknowledged,
    /// The centre has sent somebody.
    Dispatched,
    /// Nobody has taken it up in time.
    Escalated,
    /// Over.
    Closed,
    /// It was over and has begun again.
    Reopened,
}

/// Operating mode at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// For real.
    #[default]
    Live,
    /// Somebody tests.
    Test,
    /// Somebody works on the device.
    Maintenance,
}

/// Who has confirmed an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Nobody yet.
    #[default]
    Unconfirmed,
    /// A camera saw it too.
    VideoConfirmed,
    /// A sensor measured it too.
    SensorConfirmed,
    /// A person.
    Manual,
}

/// The grid cell of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridRef {
    /// Grid code.
    pub code: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 12-digit division code.
    pub division: String,
}

/// The device of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// `camera` or a sensor kind such as `smoke`.
    pub kind: String,
    /// Id in the gateway's configuration.
    pub id: String,
    /// Name for people.
    pub name: String,
}

/// A measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// What was measured, such as `temperature`.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit; `bool` for yes/no.
    pub unit: String,
    /// The limit that it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// A tracked object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// Label.
    pub label: String,
    /// 0..1.
    pub score: f32,
    /// Track id.
    pub track: u64,
    /// Left, top, right, bottom in fractions of the picture.
    pub area: [f32; 4],
}

/// A still or a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// `image` or `video`.
    pub kind: String,
    /// MIME type.
    pub mime: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Length, bytes.
    pub bytes: u64,
    /// Where it is kept on the box, relative to its data directory.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Privacy masks are filled and people's heads pixelated. A video is not masked, and is kept on the box only.
    pub masked: bool,
    /// When the picture, or the first one of a video, was taken, RFC 3339.
    pub taken: String,
    /// Which stream of the camera it is of, where the camera has two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
    /// The camera that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// It shows the incident best, so far.
    #[serde(default, skip_serializing_if = "is_false")]
    pub best: bool,
    /// How long a video is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why a video is shorter than it should be: `reconnected` (the camera connected anew), `no-pictures`, `too-slow`
    /// (the disk), `picture-too-large`, `worker-silent`, `stopping` (the gateway).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// A stream of a camera that has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// The large one.
    Main,
    /// The small one, because the large one had no picture of that moment.
    Sub,
}

impl From<(&Grid, &str)> for GridRef {
    fn from((grid, division): (&Grid, &str)) -> Self {
        GridRef { code: grid.code.clone(), name: grid.name.clone(), division: division.to_owned() }
    }
}

impl From<DeviceMode> for Mode {
    fn from(mode: DeviceMode) -> Self {
        match mode {
            DeviceMode::Live => Mode::Live,
            DeviceMode::Test => Mode::Test,
            DeviceMode::Maintenance => Mode::Maintenance,
        }
    }
}

// === impl Phase ===

impl Phase {
    /// The word in messages, metrics and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Opened => "opened",
            Phase::Updated => "updated",
            Phase::Confirmed => "confirmed",
            Phase::Acknowledged => "acknowledged",
            Phase::Dispatched => "dispatched",
            Phase::Escalated => "escalated",
            Phase::Closed => "closed",
            Phase::Reopened => "reopened",
        }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}
