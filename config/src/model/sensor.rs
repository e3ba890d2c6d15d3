//! Sensors.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Place;

/// `[sensor.ID]`, preset already expanded.
#[derive(Debug, Clone, PartialEq)]
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
    /// Where its other values stand, and what proves a message to be its own.
    pub more: More,
    /// How long it may be silent before it counts as lost.
    pub lost_after: Duration,
    /// Ids of sensor rules that look at this sensor.
    pub watches: Vec<String>,
    /// Ids of cameras that see the same place.
    pub cameras: Vec<String>,
    /// Where it is.
    pub place: Place,
}

/// Where the other values of a sensor stand, and what proves a message to be its own, new and whole. All are JSON
/// pointers as in [`Sensor::value`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct More {
    /// How the payload is written.
    pub format: Format,
    /// The value is text that stands for bytes.
    pub binary: Option<Binary>,
    /// Battery charge, %.
    pub battery: Option<String>,
    /// Battery charge at which it counts as low, %.
    pub battery_low_at: f64,
    /// Whether the battery is low.
    pub battery_low: Option<String>,
    /// Whether somebody has opened or removed it.
    pub tamper: Option<String>,
    /// How well it is heard.
    pub signal: Option<String>,
    /// When the device measured: RFC 3339, or seconds or milliseconds since the Unix epoch.
    pub time: Option<String>,
    /// Id of the message, the same when it comes twice.
    pub message_id: Option<String>,
    /// Number of the message, rising.
    pub counter: Option<String>,
    /// Must say the same as the first capture of the topic.
    pub identity: Option<String>,
}

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// JSON, or text that is the value itself.
    #[default]
    Json,
    /// Sparkplug B (Eclipse Sparkplug 3.0): Protocol Buffers.
    SparkplugB,
    /// The messages on the topic are announcements by Home Assistant's MQTT discovery: each says on which topic a value
    /// of a device comes, and how.
    HomeAssistant,
}

/// A number within bytes that are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// How the bytes are written.
    pub encoding: Encoding,
    /// First byte of the number, from 0.
    pub offset: usize,
    /// Bytes of the number, 1 to 8.
    pub width: usize,
    /// Order of the bytes.
    pub endian: Endian,
    /// Two's complement.
    pub signed: bool,
    /// One bit of it alone, from the least significant, 0; yes/no.
    pub bit: Option<u32>,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// RFC 4648 §4, with or without padding.
    Base64,
    /// Two digits a byte, capitals or not.
    Hex,
}

/// Order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Endian {
    /// Most significant byte first.
    #[default]
    Big,
    /// Least significant byte first.
    Little,
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
    /// Temperature of a cable or contact, degrees Celsius.
    CableTemperature,
    /// Anything else.
    Other,
}

/// Which of a sensor's values a reading is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// What it is there to measure.
    #[default]
    Value,
    /// Charge of its battery, %.
    Battery,
    /// Whether its battery is low, as it says itself.
    BatteryLow,
    /// Whether somebody has opened or removed it.
    Tamper,
    /// How well it is heard, in the unit that it reports.
    Signal,
    /// Whether it is there, as it or its hub says. No rule of a file looks at it.
    #[serde(skip)]
    Present,
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

// === impl Sensor ===

impl Sensor {
    /// Whether its messages carry this value.
    pub fn has(&self, quantity: Quantity) -> bool {
        if self.more.format == Format::HomeAssistant {
            // The device announces what it has.
            return true;
        }
        match quantity {
            Quantity::Value => true,
            Quantity::Present => false,
            Quantity::Battery => self.more.battery.is_some(),
            Quantity::BatteryLow => self.more.battery_low.is_some(),
            Quantity::Tamper => self.more.tamper.is_some(),
            Quantity::Signal => self.more.signal.is_some(),
        }
    }
}

// === impl Quantity ===

impl Quantity {
    /// The key of `[sensor.ID]` that says where it stands.
    pub fn key(self) -> &'static str {
        match self {
            Quantity::Value => "value",
            Quantity::Battery => "battery",
            Quantity::BatteryLow => "battery_low",
            Quantity::Tamper => "tamper",
            Quantity::Signal => "signal",
            Quantity::Present => "present",
        }
    }
}

impl fmt::Display for Quantity {
    /// The word in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Value => "value",
            Quantity::Battery => "battery",
            Quantity::BatteryLow => "battery-low",
            Quantity::Tamper => "tamper",
            Quantity::Signal => "signal",
            Quantity::Present => "present",
        })
    }
}

// === impl SensorKind ===

impl SensorKind {
    /// Whether it is there to save lives: never silenced by hours, and worth more when it fails.
    pub fn is_fire(self) -> bool {
        !matches!(self, SensorKind::Leak | SensorKind::Contact | SensorKind::Other)
    }
}

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
            SensorKind::CableTemperature => "cable-temperature",
            SensorKind::Other => "other",
        })
    }
}

// === impl TopicPattern ===

impl TopicPattern {
    /// Levels that are part of the sensor's identity.
    pub fn captures(&self) -> usize {
        self.levels.iter().filter(|level| matches!(level, TopicLevel::Capture(_))).count()
    }
}

impl fmt::Display for TopicPattern {
    /// As it stands in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, level) in self.levels.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "/" })?;
            match level {
                TopicLevel::Exactly(text) => f.write_str(text)?,
                TopicLevel::Any => f.write_str("+")?,
                TopicLevel::Capture(name) => write!(f, "{{{name}}}")?,
                TopicLevel::Rest => f.write_str("#")?,
            }
        }
        Ok(())
    }
}
