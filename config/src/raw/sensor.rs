//! `[sensor.ID]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Named, default};
use crate::model::{Encoding, Endian, Format, SensorKind};
use crate::quantity::Span;

/// A sensor.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Sensor {
    /// Ready-made `value`, `values`, `kind`, `unit` and rule for a common device; keys beside it override it.
    pub preset: Option<At<String>>,
    /// MQTT topic filter. `{name}` captures one level, `+` is any one level, `#` at the end all further levels. With the
    /// format `home-assistant` it says which announcements are taken: those of one device
    /// (`homeassistant/+/0x00158d0001a2b3c4/+/config`), or of all (`homeassistant/+/{device}/+/config`), each a sensor of
    /// its own.
    #[schemars(required, extend("examples" = ["zigbee2mqtt/kitchen-smoke"]))]
    pub topic: Option<At<String>>,
    /// How the payload is written. A Sparkplug B payload is read as `{"timestamp", "seq", "metrics": [{"name",
    /// "timestamp", "value"}]}`. With `home-assistant` the device announces itself where its values come: the value by the
    /// `device_class` that belongs to the `kind`, battery, tampering, signal and availability besides. Of its templates
    /// those are read that only point: `{{ value_json.a['b'] }}`.
    pub format: Option<At<Format>>,
    /// JSON pointer (RFC 6901) to the value, such as `/smoke`; empty for a payload that is the value itself. Needed
    /// without a preset. `[key=text]` instead of a number picks the entry of a list whose `key` is `text`
    /// (`/metrics/[name=Smoke]/value`); text that is itself JSON is looked into.
    pub value: Option<At<String>>,
    /// What single payload values mean, such as `{ ON = true, OFF = false }`; before `scale`.
    pub values: Option<Named<Meaning>>,
    /// Where the value is text that stands for bytes.
    pub binary: Option<At<Binary>>,
    /// Multiplies a number.
    pub scale: Option<At<f64>>,
    /// What it measures. Needed without a preset.
    pub kind: Option<At<SensorKind>>,
    /// Unit of the value after `scale`: `Cel`, `%LEL`, `mA`, `MPa`; none for yes/no.
    pub unit: Option<At<String>>,
    /// JSON pointer to the battery's charge, %.
    pub battery: Option<At<String>>,
    /// Charge at which the battery counts as low.
    #[serde(default = "default::low_battery")]
    #[schemars(range(min = 0.0, max = 100.0), extend("x-unit" = "%"))]
    pub battery_low_at: f64,
    /// JSON pointer to whether the battery is low.
    pub battery_low: Option<At<String>>,
    /// JSON pointer to whether somebody has opened or removed the sensor.
    pub tamper: Option<At<String>>,
    /// JSON pointer to how well the sensor is heard; for rules with `of = "signal"`.
    pub signal: Option<At<String>>,
    /// JSON pointer to the time at which the device measured: RFC 3339, or seconds or milliseconds since the Unix epoch.
    /// Messages older than 24 h or more than 10 min ahead are refused; text without an offset from UTC is no time.
    pub time: Option<At<String>>,
    /// JSON pointer to the message's id; a message that comes twice is refused.
    pub message_id: Option<At<String>>,
    /// JSON pointer to the message's number; one that has been there lately is refused.
    pub counter: Option<At<String>>,
    /// JSON pointer to the device's id, which must be the first capture of the topic; others are refused as forged.
    pub identity: Option<At<String>>,
    /// How long it may be silent before it counts as lost.
    #[serde(default = "default::a_day")]
    #[schemars(extend("x-min" = "1m", "x-max" = "31d"))]
    pub lost_after: Span,
    /// Name for people. The id where the key is absent.
    pub name: Option<String>,
    /// Ids of rules that look at this sensor. The preset's own rule where the key is absent.
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

/// A number within bytes that are written as text.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Binary {
    /// How the bytes are written.
    #[schemars(required)]
    pub encoding: Option<Encoding>,
    /// First byte of the number, from 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65535), extend("x-unit" = "bytes"))]
    pub offset: usize,
    /// Length of the number.
    #[serde(default = "default::one_byte")]
    #[schemars(range(min = 1, max = 8), extend("x-unit" = "bytes"))]
    pub width: usize,
    /// Order of the bytes.
    #[serde(default)]
    pub endian: Endian,
    /// Two's complement.
    #[serde(default)]
    pub signed: bool,
    /// One bit of it alone, from the least significant, 0; yes/no.
    #[schemars(range(min = 0, max = 63))]
    pub bit: Option<u32>,
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
