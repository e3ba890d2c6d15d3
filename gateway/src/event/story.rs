//! The parts of an event that tell how an incident stands: what others saw, who deals with it, how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Device;

/// How far an incident has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nobody has answered yet.
    #[default]
    Open,
    /// The centre has taken it up.
    Acknowledged,
    /// Somebody is on the way or at work.
    Dispatched,
    /// Over.
    Closed,
}

/// A device that found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Which.
    pub device: Device,
    /// The rule by which.
    pub rule: String,
    /// It still finds it.
    pub active: bool,
}

/// What a camera saw when it was asked to look, because a sensor alarmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// Camera id.
    pub camera: String,
    /// The answer.
    pub saw: Saw,
    /// Labels that it saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Highest score among them, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// Pictures that it was judged by.
    pub pictures: u32,
}

/// The answer of a camera that was asked to look. None of them takes anything from the sensor's alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Saw {
    /// It is still looking.
    Looking,
    /// Flames or smoke.
    FireSeen,
    /// Objects, for a happening that is no fire.
    ObjectsSeen,
    /// Pictures, and nothing in them.
    NothingSeen,
    /// The camera gives no stream.
    CameraOffline,
    /// The stream is there, but no picture was analysed in time.
    NoPicture,
    /// The camera's rules know no object that would show it.
    CannotTell,
}

/// What a sensor at the place of a camera's alarm says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Sensor id.
    pub sensor: String,
    /// What it says.
    pub says: Says,
    /// Its last value, 1 and 0 for yes and no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Unit of the value; `bool` for yes/no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Age of the value, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
}

/// How a sensor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Says {
    /// One of its rules is true.
    Alarm,
    /// It has been heard, and none of its rules is true.
    Normal,
    /// Not heard since the gateway started.
    Unknown,
}

/// What the centre said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handling {
    /// What it has come to.
    pub state: HandlingState,
    /// Number of the disposition.
    pub seq: u64,
    /// The centre's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// Verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Verdict>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, as the centre wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// State of the centre's case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HandlingState {
    /// Taken up (受理).
    Accepted,
    /// Somebody has been sent (派遣).
    Dispatched,
    /// Being dealt with (处置).
    Processing,
    /// A report from the place (反馈).
    Feedback,
    /// Being checked (核查).
    Verifying,
    /// Handed to a higher level (督办).
    Escalated,
    /// Done (结案).
    Closed,
    /// Not taken up (不予受理).
    Rejected,
    /// Taken back (作废).
    Cancelled,
}

/// What it turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was what it seemed.
    Real,
    /// Nothing was there.
    FalseAlarm,
    /// A test.
    Test,
    /// Known from elsewhere.
    Duplicate,
    /// Something harmless, such as cooking.
    Nuisance,
    /// Nobody can tell.
    Unverifiable,
}

/// Why an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Every device finds it no more.
    Cleared,
    /// The centre has closed it.
    Centre,
    /// It was one happening with an earlier incident, which goes on.
    Merged,
    /// Over for as long as an unacknowledged fire stays open.
    Unattended,
    /// Nothing was heard of it for a week.
    Silent,
    /// The configuration knows none of its devices or rules any more.
    Unwatched,
}

// === impl HandlingState ===

impl HandlingState {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            HandlingState::Accepted => "accepted",
            HandlingState::Dispatched => "dispatched",
            HandlingState::Processing => "processing",
            HandlingState::Feedback => "feedback",
            HandlingState::Verifying => "verifying",
            HandlingState::Escalated => "escalated",
            HandlingState::Closed => "closed",
            HandlingState::Rejected => "rejected",
            HandlingState::Cancelled => "cancelled",
        }
    }

    /// The case is over.
    pub fn is_end(self) -> bool {
        matches!(self, HandlingState::Closed | HandlingState::Rejected | HandlingState::Cancelled)
    }
}

// === impl Verdict ===

impl Verdict {
    /// The word in messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Real => "real",
            Verdict::FalseAlarm => "false_alarm",
            Verdict::Test => "test",
            Verdict::Duplicate => "duplicate",
            Verdict::Nuisance => "nuisance",
            Verdict::Unverifiable => "unverifiable",
        }
    }
}
