//! How findings become incidents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[incidents]`: when an incident is told, merged, escalated and closed.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentPolicy {
    /// Mode of the whole site.
    pub mode: DeviceMode,
    /// Ids of cameras and sensors that somebody tests.
    pub test: Vec<String>,
    /// Ids of cameras and sensors that somebody works on.
    pub maintenance: Vec<String>,
    /// An incident that goes on is told again this often.
    pub update_every: Duration,
    /// A fire that is over and that nobody has acknowledged stays open for this long.
    pub fire_latch: Duration,
    /// The same thing again within this time after its end reopens the incident.
    pub reopen_within: Duration,
    /// A sign of the same happening joins an incident in which nothing has been found for up to this long.
    pub merge_within: Duration,
    /// Devices with coordinates at most this many metres apart are at the same place.
    pub neighbours_m: f64,
    /// Incidents of one kind that may open within `flood_within`; further ones are collapsed into one.
    pub flood: usize,
    /// See `flood`.
    pub flood_within: Duration,
    /// A fire that nobody acknowledges is escalated after this long.
    pub escalate_fire: Duration,
    /// Anything else that nobody acknowledges is escalated after this long.
    pub escalate: Duration,
    /// How long the cameras of an alarming sensor are looked at for an answer.
    pub look_for: Duration,
    /// How long evidence is kept, unless it is held.
    pub keep_evidence: Duration,
}

/// Whether what a device says is for real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceMode {
    /// For real.
    #[default]
    Live,
    /// Somebody tests.
    Test,
    /// Somebody works on the device.
    Maintenance,
}

// === impl IncidentPolicy ===

impl IncidentPolicy {
    /// The mode of a camera or a configured sensor.
    pub fn mode_of(&self, device: &str) -> DeviceMode {
        let names = |list: &[String]| list.iter().any(|id| id == device);
        if names(&self.maintenance) {
            DeviceMode::Maintenance
        } else if names(&self.test) {
            DeviceMode::Test
        } else {
            self.mode
        }
    }
}
