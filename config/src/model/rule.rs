//! Rules, and what their events say.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Expression, Quantity, Schedule};

/// `[rule.ID]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Id, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// What it looks for.
    pub condition: Condition,
    /// When it looks.
    pub schedule: Schedule,
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
        /// Which objects.
        subject: Subject,
        /// Sightings needed, 1 or more.
        at_least: u32,
        /// Length of the window.
        within: Duration,
    },
    /// An object that crosses a line.
    Crossing {
        /// Which objects; their zone is not asked.
        subject: Subject,
        /// Name of the line in each watching camera.
        line: String,
        /// Which way.
        direction: Direction,
    },
    /// An object that stays too long.
    Loitering {
        /// Which objects, and where.
        subject: Subject,
        /// How long it may stay.
        longer_than: Duration,
    },
    /// Too many in one place.
    Crowd {
        /// Which objects, and where.
        subject: Subject,
        /// How many are too many.
        at_least: u32,
        /// Counts only those who stand together: at most this far from another, in heights of their own.
        apart: Option<f32>,
        /// For how long.
        hold: Duration,
    },
    /// An object that stands still for too long.
    Blocked {
        /// Which objects, and where.
        subject: Subject,
        /// How long it may stand.
        longer_than: Duration,
    },
    /// An object that moves too fast.
    Running {
        /// Which objects, and where.
        subject: Subject,
        /// Speed over ground, heights of the object a second.
        faster_than: f32,
        /// For how long.
        hold: Duration,
    },
    /// An object that moves against the direction allowed.
    WrongWay {
        /// Which objects, and where.
        subject: Subject,
        /// Name of the line in each watching camera whose direction is allowed.
        along: String,
        /// How far it must have come, heights of its own.
        farther_than: f32,
    },
    /// Nobody there.
    Absence {
        /// Which objects, and where.
        subject: Subject,
        /// How long the place may be empty.
        longer_than: Duration,
    },
    /// A yes/no value in this state.
    State {
        /// The alarming state.
        is: bool,
        /// Which of the sensor's values.
        of: Quantity,
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
        /// Which of the sensor's values.
        of: Quantity,
    },
    /// A number that rises too fast.
    Rise {
        /// Least rise in a minute, in the sensor's unit.
        per_minute: f64,
        /// Length of the window over which it is measured.
        window: Duration,
        /// Which of the sensor's values.
        of: Quantity,
    },
    /// A number that no longer changes.
    Stuck {
        /// How long it may stay the same.
        longer_than: Duration,
        /// Changes up to this much are none, in the sensor's unit.
        tolerance: f64,
        /// Which of the sensor's values.
        of: Quantity,
    },
    /// Whatever an expression says, over one device or several.
    When {
        /// The condition.
        expression: Expression,
        /// How long it must hold.
        hold: Duration,
    },
    /// A number that will be beyond a limit soon, as it is going now.
    Trend {
        /// Which side alarms.
        side: Side,
        /// The limit, in the sensor's unit.
        limit: f64,
        /// How far ahead it looks.
        horizon: Duration,
        /// How far back it looks.
        window: Duration,
        /// Which of the sensor's values.
        of: Quantity,
    },
}

/// Which objects count, and where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    /// Labels that count.
    pub labels: Vec<String>,
    /// Least score of a sighting; the detector's threshold where absent.
    pub min_score: Option<f32>,
    /// Name of the zone in each watching camera; the whole picture where absent.
    pub zone: Option<String>,
}

/// Which way a line is crossed, as seen in the picture by somebody who walks it from its first point to its second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Either way.
    #[default]
    Both,
    /// From the right-hand side to the left.
    ToLeft,
    /// From the left-hand side to the right.
    ToRight,
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

impl Condition {
    /// Which objects of a camera count; none for a condition of sensors.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Condition::Object { subject, .. }
            | Condition::Crossing { subject, .. }
            | Condition::Loitering { subject, .. }
            | Condition::Crowd { subject, .. }
            | Condition::Blocked { subject, .. }
            | Condition::Running { subject, .. }
            | Condition::WrongWay { subject, .. }
            | Condition::Absence { subject, .. } => Some(subject),
            Condition::State { .. }
            | Condition::Threshold { .. }
            | Condition::Rise { .. }
            | Condition::Stuck { .. }
            | Condition::Trend { .. }
            | Condition::When { .. } => None,
        }
    }

    /// Name of the line that each watching camera must have.
    pub fn line(&self) -> Option<&str> {
        match self {
            Condition::Crossing { line, .. } => Some(line),
            Condition::WrongWay { along, .. } => Some(along),
            _ => None,
        }
    }

    /// Which of a sensor's values it looks at; none for cameras, and for silence, which hears everything.
    pub fn quantity(&self) -> Option<Quantity> {
        match self {
            Condition::State { of, .. }
            | Condition::Threshold { of, .. }
            | Condition::Rise { of, .. }
            | Condition::Stuck { of, .. }
            | Condition::Trend { of, .. } => Some(*of),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(of) = self.quantity().filter(|of| *of != Quantity::Value) {
            write!(f, "{of}: ")?;
        }
        let who = self.subject().map(|subject| subject.labels.join(" or ")).unwrap_or_default();
        match self {
            Condition::Object { at_least, within, .. } => {
                write!(f, "{who} seen {at_least} times within {within:?}")
            }
            Condition::Crossing { line, .. } => write!(f, "{who} across {line}"),
            Condition::Loitering { longer_than, .. } => write!(f, "{who} there for {longer_than:?}"),
            Condition::Crowd { at_least, hold, .. } => write!(f, "{at_least} or more {who} for {hold:?}"),
            Condition::Blocked { longer_than, .. } => write!(f, "{who} standing for {longer_than:?}"),
            Condition::Running { faster_than, .. } => write!(f, "{who} at {faster_than} heights/s or more"),
            Condition::WrongWay { along, .. } => write!(f, "{who} against {along}"),
            Condition::Absence { longer_than, .. } => write!(f, "no {who} for {longer_than:?}"),
            Condition::State { is: true, .. } => f.write_str("yes"),
            Condition::State { is: false, .. } => f.write_str("no"),
            Condition::Threshold { side, limit, hold, .. } => {
                write!(f, "{limit} {side}")?;
                if hold.is_zero() { Ok(()) } else { write!(f, " for {hold:?}") }
            }
            Condition::Rise { per_minute, .. } => write!(f, "rises by {per_minute} a minute or more"),
            Condition::Stuck { longer_than, .. } => write!(f, "the same for {longer_than:?}"),
            Condition::When { expression, .. } => f.write_str(expression.text()),
            Condition::Trend { side, limit, horizon, .. } => write!(f, "{limit} {side} within {horizon:?}"),
        }
    }
}

// === impl Side ===

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Side::Above { "or more" } else { "or less" })
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
