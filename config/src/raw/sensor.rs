//! `[sensor.ID]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Named};
use crate::model::SensorKind;

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

/// What a payload value means.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Meaning {
    /// Yes or no.
    YesNo(bool),
    /// A number.
    Number(f64),
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
