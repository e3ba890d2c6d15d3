//! Rules, and what their events say.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
