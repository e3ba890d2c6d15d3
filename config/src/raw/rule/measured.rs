//! Conditions over what sensors measure.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{At, default};
use crate::model::Quantity;
use crate::quantity::Span;

/// A yes/no value in its alarming state.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct State {
    /// The alarming state.
    #[serde(default = "default::yes")]
    pub is: bool,
    /// Which of the sensor's values.
    #[serde(default)]
    pub of: Quantity,
}

/// A number beyond a limit: exactly one of `above` and `below`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Threshold {
    /// Alarms at this value and above, in the sensor's unit.
    pub above: Option<At<f64>>,
    /// Alarms at this value and below, in the sensor's unit.
    pub below: Option<At<f64>>,
    /// How far back across the limit the value must come to clear, in the sensor's unit.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub hysteresis: f64,
    /// How long the value must stay beyond the limit.
    #[serde(default = "default::no_time")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub hold: Span,
    /// Which of the sensor's values.
    #[serde(default)]
    pub of: Quantity,
}

/// A number that rises too fast.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Rise {
    /// Least rise in a minute, in the sensor's unit.
    #[schemars(required, range(min = 0.001), extend("x-unit" = "units per minute"))]
    pub per_minute: Option<At<f64>>,
    /// Length of the window over which it is measured; at least three readings must lie in it.
    #[serde(default = "default::two_minutes")]
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub window: Span,
    /// Which of the sensor's values.
    #[serde(default)]
    pub of: Quantity,
}

/// A number that no longer changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Stuck {
    /// How long it may stay the same while the sensor goes on reporting.
    #[serde(default = "default::a_day")]
    #[schemars(extend("x-min" = "1m", "x-max" = "31d"))]
    pub longer_than: Span,
    /// Changes up to this much are none, in the sensor's unit.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Which of the sensor's values.
    #[serde(default)]
    pub of: Quantity,
}

/// A number that will be beyond a limit soon: exactly one of `above` and `below`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Trend {
    /// Warns before the value reaches this from below, in the sensor's unit.
    pub above: Option<At<f64>>,
    /// Warns before the value reaches this from above, in the sensor's unit.
    pub below: Option<At<f64>>,
    /// How far ahead it looks.
    #[serde(default = "default::half_an_hour")]
    #[schemars(extend("x-min" = "10s", "x-max" = "7d"))]
    pub horizon: Span,
    /// How far back it looks.
    #[serde(default = "default::an_hour")]
    #[schemars(extend("x-min" = "10s", "x-max" = "7d"))]
    pub window: Span,
    /// Which of the sensor's values.
    #[serde(default)]
    pub of: Quantity,
}
