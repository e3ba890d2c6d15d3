//! A reading: one value of one sensor, and why a message was not one.

use jiff::Timestamp;
use moshao_config::Quantity;

/// One value of one sensor, in the unit of its configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which instance: the sensor's id in the configuration; for a topic with captures `id/capture` (`…/capture`).
    pub sensor: String,
    /// Place of the sensor in the configuration.
    pub config_index: usize,
    /// Which of the sensor's values it is.
    pub quantity: Quantity,
    /// The value; 1 and 0 for yes and no.
    pub value: f64,
    /// When the message was received.
    pub received: Timestamp,
    /// When the device measured it, where the message says so (`last_seen` of Zigbee2MQTT).
    pub device_time: Option<Timestamp>,
}

/// A message that is no reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sensor}: {why}")]
pub struct Refused {
    /// Id in the configuration of the sensor that it was for; the topic where it was for none.
    pub sensor: String,
    /// Why.
    pub why: Why,
}

/// Why a message is no reading. [`Why::as_str`] is the metric label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No sensor has this topic.
    #[error("no sensor has this topic")]
    UnknownTopic,
    /// Larger than any sensor's message.
    #[error("the message has {bytes} bytes; the limit is {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A pointer was given and the payload is not JSON.
    #[error("the message is not JSON")]
    NotJson,
    /// Not a Sparkplug B payload.
    #[error("the message is not Sparkplug B")]
    NotSparkplug,
    /// What a device announces of itself says something that cannot be used.
    #[error("the announcement cannot be used: {0}")]
    Announcement(String),
    /// A value template that does more than to say where the value stands.
    #[error(
        "the template {0:?} does more than to point to a value; read are `{{{{ value }}}}` and paths such as \
         `{{{{ value_json.a['b'] }}}}`"
    )]
    Template(String),
    /// Nothing where the pointer points to.
    #[error("the message has nothing at {0:?}")]
    NoValue(String),
    /// Something that is neither a number nor in the sensor's table of values.
    #[error("{0} is neither a number nor one of the sensor's values")]
    NotANumber(String),
    /// There is nothing in it; a retained message that has been deleted.
    #[error("the message is empty")]
    Empty,
    /// Text that stands for no bytes.
    #[error("the value is not the Base64 or hexadecimal text that the sensor's `binary` says")]
    NotBinary,
    /// Fewer bytes than the value's place needs.
    #[error("the value has {bytes} bytes; {needed} are needed")]
    TooShort {
        /// What came.
        bytes: usize,
        /// Up to the end of the number.
        needed: usize,
    },
    /// It has been there lately.
    #[error("the message has been there before")]
    Duplicate,
    /// Its device says that it is too old.
    #[error("the message is {age_s} s old; the limit is 24 h")]
    Stale {
        /// Seconds.
        age_s: i64,
    },
    /// Its device is ahead of time.
    #[error("the message is from {ahead_s} s ahead; the limit is 600 s: check the clocks")]
    Future {
        /// Seconds.
        ahead_s: i64,
    },
    /// It names another device than its topic does.
    #[error("the message names the device {0:?}, which is not the one of its topic")]
    Forged(String),
    /// The number is infinite after scaling.
    #[error("the value is too large for a number")]
    NotFinite,
    /// A topic with captures has come with too many different names.
    #[error("{limit} sensors are known already")]
    TooManySensors {
        /// The limit.
        limit: usize,
    },
}

// === impl Why ===

impl Why {
    /// One bounded word for metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Why::UnknownTopic => "unknown-topic",
            Why::TooLarge { .. } => "too-large",
            Why::NotJson => "not-json",
            Why::NoValue(_) => "no-value",
            Why::NotANumber(_) => "not-a-number",
            Why::NotSparkplug => "not-sparkplug",
            Why::Announcement(_) => "announcement",
            Why::Template(_) => "template",
            Why::Empty => "empty",
            Why::NotBinary => "not-binary",
            Why::TooShort { .. } => "too-short",
            Why::Duplicate => "duplicate",
            Why::Stale { .. } => "stale",
            Why::Future { .. } => "future",
            Why::Forged(_) => "forged",
            Why::NotFinite => "not-finite",
            Why::TooManySensors { .. } => "too-many-sensors",
        }
    }
}
