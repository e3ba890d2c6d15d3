//! Sensors.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Place;

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
