//! `[[test]]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::sensor::Meaning;
use super::{At, default};
use crate::model::Quantity;
use crate::quantity::Span;

/// A test of the rules: what happens, and which incidents must come of it, no more and no fewer.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Test {
    /// What it shows, in a sentence.
    #[schemars(required, extend("examples" = ["a car in the fire lane is told after five minutes"]))]
    pub name: Option<At<String>>,
    /// Date and time of the site at which it begins. A Monday at noon where the key is absent.
    #[serde(default = "default::monday_noon")]
    pub start: At<String>,
    /// What happens.
    #[schemars(required, length(min = 1))]
    pub steps: Option<Vec<At<Step>>>,
    /// Incidents that open. None may where the list is absent or empty.
    #[serde(default)]
    pub expect: Vec<At<Expected>>,
}

/// Something that happens: an object before a camera, or a value of a sensor.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Step {
    /// When, from the beginning of the test.
    #[schemars(required, extend("x-min" = "0s", "x-max" = "31d"))]
    pub at: Option<Span>,
    /// For how long. An object is in every picture that the camera takes meanwhile.
    #[serde(default = "default::no_time")]
    #[schemars(extend("x-min" = "0s", "x-max" = "31d"))]
    pub lasts: Span,
    /// Camera that sees it.
    pub camera: Option<At<String>>,
    /// Label of the object.
    pub label: Option<At<String>>,
    /// Box of the object: `[left, top, right, bottom]`, fractions of the picture. Most of its middle where the key is
    /// absent.
    #[serde(rename = "box")]
    #[schemars(length(min = 4, max = 4), inner(range(min = 0.0, max = 1.0)))]
    pub area: Option<At<Vec<f64>>>,
    /// Box at the end; it moves there evenly.
    #[schemars(length(min = 4, max = 4), inner(range(min = 0.0, max = 1.0)))]
    pub to: Option<At<Vec<f64>>>,
    /// Score of the detection.
    #[serde(default = "default::score")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: f64,
    /// Sensor that says it; with captures, `id/capture`.
    pub sensor: Option<At<String>>,
    /// Which of its values.
    #[serde(default)]
    pub of: Quantity,
    /// The value, in the sensor's unit.
    pub value: Option<At<Meaning>>,
    /// How often the sensor says it while it lasts. Once where the key is absent.
    #[schemars(extend("x-min" = "100ms", "x-max" = "24h"))]
    pub every: Option<Span>,
}

/// An incident that must open.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Expected {
    /// Its event code.
    #[schemars(required, extend("examples" = ["FIRE_LANE"]))]
    pub code: Option<At<String>>,
    /// Camera or sensor that opens it. Any where the key is absent.
    pub device: Option<At<String>>,
    /// When it opens, give or take a second. Any time where the key is absent.
    #[schemars(extend("x-min" = "0s", "x-max" = "31d"))]
    pub opened: Option<Span>,
    /// When it closes, give or take a second. Not asked where the key is absent.
    #[schemars(extend("x-min" = "0s", "x-max" = "31d"))]
    pub closed: Option<Span>,
    /// Its level in the end: 1 (most severe) to 4. Any where the key is absent.
    #[schemars(range(min = 1, max = 4))]
    pub level: Option<u8>,
}
