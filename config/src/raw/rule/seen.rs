//! Conditions over what cameras see. An object stands where the bottom centre of its box is.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{At, default};
use crate::model::Direction;
use crate::quantity::Span;

/// An object that a camera sees several times.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Object {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
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

/// An object that crosses a line.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Crossing {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Line to cross, by the name that each watching camera gives it in `lines`.
    #[schemars(required, extend("examples" = ["fence"]))]
    pub line: Option<At<String>>,
    /// Which way, as seen in the picture by somebody who walks the line from its first point to its second.
    #[serde(default)]
    pub direction: Direction,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// An object that stays too long.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Loitering {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// How long it may stay. Out of sight for up to 5 s does not count as gone.
    #[serde(default = "default::a_minute")]
    #[schemars(extend("x-min" = "5s", "x-max" = "24h"))]
    pub longer_than: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// Too many in one place.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Crowd {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// How many are too many.
    #[serde(default = "default::ten_people")]
    #[schemars(range(min = 2, max = 1000), extend("x-unit" = "objects"))]
    pub at_least: At<u32>,
    /// Counts only those who stand together: each at most this far from another, in heights of their own. The whole zone
    /// where the key is absent.
    #[schemars(range(min = 0.1, max = 10.0), extend("x-unit" = "heights"))]
    pub apart: Option<f64>,
    /// For how long.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "0s", "x-max" = "1h"))]
    pub hold: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// An object that stands still for too long.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Blocked {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// How long it may stand. Hidden for up to a minute does not count as gone, and neither does a restart.
    #[serde(default = "default::five_minutes")]
    #[schemars(extend("x-min" = "5s", "x-max" = "7d"))]
    pub longer_than: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// An object that moves too fast.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Running {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// Speed over ground in heights of the object a second. People walk at about 0.8 and run at 1.8 and more. Movement
    /// straight towards the camera or away from it shows less than it is.
    #[serde(default = "default::running")]
    #[schemars(range(min = 0.1, max = 50.0), extend("x-unit" = "heights per second"))]
    pub faster_than: f64,
    /// For how long.
    #[serde(default = "default::a_second")]
    #[schemars(extend("x-min" = "200ms", "x-max" = "1m"))]
    pub hold: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// An object that moves against the direction allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct WrongWay {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// The direction allowed: from the first point to the second of this line, by the name that each watching camera gives
    /// it in `lines`.
    #[schemars(required, extend("examples" = ["lane"]))]
    pub along: Option<At<String>>,
    /// How far it must have come the wrong way, in heights of its own.
    #[serde(default = "default::a_height")]
    #[schemars(range(min = 0.1, max = 100.0), extend("x-unit" = "heights"))]
    pub farther_than: f64,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}

/// Nobody there.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Absence {
    /// Labels that count.
    #[schemars(required, length(min = 1))]
    pub labels: Option<Vec<At<String>>>,
    /// Zone that the object must stand in, by the name that each watching camera gives it in `zones`. The whole picture
    /// where the key is absent.
    pub zone: Option<At<String>>,
    /// How long the place may be empty.
    #[serde(default = "default::five_minutes")]
    #[schemars(extend("x-min" = "5s", "x-max" = "24h"))]
    pub longer_than: Span,
    /// Least score of a sighting. The detector's threshold where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
}
