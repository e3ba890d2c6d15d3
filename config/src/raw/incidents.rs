//! `[incidents]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::model::DeviceMode;
use crate::quantity::Span;

/// When an incident is told, merged, escalated and closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Incidents {
    /// Mode of the whole site. Events of `test` and `maintenance` say so, never join live ones and are not escalated.
    #[serde(default)]
    pub mode: DeviceMode,
    /// Ids of cameras and sensors that somebody tests.
    #[serde(default)]
    pub test: Vec<At<String>>,
    /// Ids of cameras and sensors that somebody works on.
    #[serde(default)]
    pub maintenance: Vec<At<String>>,
    /// An incident that goes on is told again this often.
    #[serde(default = "default::update_every")]
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub update_every: Span,
    /// A fire or gas alarm that is over stays open until the centre acknowledges it (GB/T 45839-2025, 5.4.2), at most
    /// this long.
    #[serde(default = "default::fire_latch")]
    #[schemars(extend("x-min" = "0s", "x-max" = "7d"))]
    pub fire_latch: Span,
    /// The same thing again within this time after its end reopens the incident instead of opening another.
    #[serde(default = "default::reopen_within")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub reopen_within: Span,
    /// A sign of the same happening at the same place joins an incident in which nothing has been found for up to this
    /// long.
    #[serde(default = "default::merge_within")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub merge_within: Span,
    /// Devices with coordinates at most this far apart are at the same place; 0 for never.
    #[serde(default = "default::neighbours_m")]
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-unit" = "metres"))]
    pub neighbours_m: f64,
    /// Incidents of one kind that may open within `flood_within`; further ones are collapsed into one with a count
    /// (GB/T 45839-2025, 5.4.3: at least 20 fire alarms within 60 s).
    #[serde(default = "default::flood")]
    #[schemars(range(min = 1, max = 100_000), extend("x-unit" = "incidents"))]
    pub flood: usize,
    /// See `flood`.
    #[serde(default = "default::update_every")]
    #[schemars(extend("x-min" = "1s", "x-max" = "1h"))]
    pub flood_within: Span,
    /// A fire or gas alarm that the centre does not acknowledge is escalated after this long, 0 for never.
    #[serde(default = "default::escalate_fire")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub escalate_fire: Span,
    /// Anything else of level 1 to 3 that the centre does not acknowledge is escalated after this long, 0 for never.
    #[serde(default = "default::escalate")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub escalate: Span,
    /// How long the cameras of an alarming sensor are looked at for an answer.
    #[serde(default = "default::look_for")]
    #[schemars(extend("x-min" = "1s", "x-max" = "1m"))]
    pub look_for: Span,
    /// How long stills and clips are kept (Decree 799 of 2024, article 17: at least 30 days), unless they are held.
    #[serde(default = "default::keep_evidence")]
    #[schemars(extend("x-min" = "1d", "x-max" = "3650d"))]
    pub keep_evidence: At<Span>,
}

// === impl Incidents ===

impl Default for Incidents {
    fn default() -> Self {
        Self {
            mode: DeviceMode::default(),
            test: Vec::new(),
            maintenance: Vec::new(),
            update_every: default::update_every(),
            fire_latch: default::fire_latch(),
            reopen_within: default::reopen_within(),
            merge_within: default::merge_within(),
            neighbours_m: default::neighbours_m(),
            flood: default::flood(),
            flood_within: default::update_every(),
            escalate_fire: default::escalate_fire(),
            escalate: default::escalate(),
            look_for: default::look_for(),
            keep_evidence: default::keep_evidence(),
        }
    }
}
