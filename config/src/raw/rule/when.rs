//! A condition in CEL.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{At, default};
use crate::quantity::Span;

/// A condition in the Common Expression Language.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct When {
    /// The condition, in CEL (<https://cel.dev>), at most 1000 characters. Of the sensor that watches the rule it knows
    /// `value` (yes/no where the sensor has no unit), `battery`, `battery_low`, `tamper`, `signal`, `age` (seconds since its
    /// last message), `rise` (change of the value in a minute, over the last two) and `rising` (more than chance would have
    /// it); of the camera that watches it `labels` (of the objects in the last picture), `age` (seconds since that) and `up`.
    /// The same of any other device as `sensors['id'].value` or `cameras['id'].labels`. As long as the condition hangs on
    /// something not known yet, such as the labels of a camera that is offline, nothing begins and nothing ends;
    /// `has(sensors['id'].value)` asks for that. Looked at when a device that it names says something, and once a second
    /// where it asks for `age` or `rise`.
    #[schemars(required, extend("examples" = ["value > 60.0 && rising && !('person' in cameras['boiler-room'].labels)"]))]
    pub cel: Option<At<String>>,
    /// How long it must hold.
    #[serde(default = "default::no_time")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub hold: Span,
}
