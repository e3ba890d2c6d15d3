//! `[rule.ID]` and its conditions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::model::Category;
use crate::quantity::Span;

/// A rule: exactly one of `object`, `state` and `threshold`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Rule {
    /// An object that a camera sees several times.
    pub object: Option<At<Object>>,
    /// A yes/no sensor in its alarming state.
    pub state: Option<At<State>>,
    /// A number beyond a limit.
    pub threshold: Option<At<Threshold>>,
    /// Severity: 1 (red, most severe) to 4 (blue). The level of the event code where the key is absent.
    #[schemars(range(min = 1, max = 4))]
    pub level: Option<u8>,
    /// Event code. By the labels, or by the kind of the sensor that watches the rule, where the key is absent.
    #[schemars(regex(pattern = "^[A-Z][A-Z0-9_]{0,31}$"), extend("x-wants" = CODE_WANTS))]
    pub code: Option<At<String>>,
    /// Department that the event belongs to. By the code where the key is absent.
    pub category: Option<At<Category>>,
    /// Last part of the event type, such as `video` in `moshao.fire.video.v1`. By the code where the key is absent.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,31}$"), extend("x-wants" = KIND_WANTS))]
    pub kind: Option<String>,
    /// Title for people. By the code where the key is absent.
    #[schemars(length(min = 1, max = 100))]
    pub title: Option<String>,
    /// How long the condition must be gone (for an object: unseen) before the incident closes.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub clear_after: Span,
}

/// An object that a camera sees several times.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Object {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Sightings needed.
    #[serde(default = "default::at_least")]
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "sightings"))]
    pub at_least: At<u32>,
    /// Length of the window in which they must lie.
    #[serde(default = "default::within")]
    #[schemars(extend("x-min" = "100ms", "x-max" = "10m"))]
    pub within: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// A yes/no sensor in its alarming state.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct State {
    /// The alarming state.
    #[serde(default = "default::yes")]
    pub is: bool,
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
}

const CODE_WANTS: &str = "capitals, digits and `_`, at most 32, such as \"FIRE_SMOKE\"";
const KIND_WANTS: &str = "small letters, digits and `-`, at most 32, such as \"video\"";
