//! What is kept of one row.

use serde::{Deserialize, Serialize};

/// What one contestant used on one scene.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) cameras: usize,
    /// Processor time for one second of one camera, seconds; the median of the repeats.
    pub(crate) cpu: f64,
    /// Memory of all its processes, bytes.
    pub(crate) memory_bytes: u64,
    /// What each camera really sent, kbit/s.
    pub(crate) sent_kbit_s: f64,
    /// What the simulated cameras took in all, of one core.
    pub(crate) serving: f64,
    /// Pictures that a model looked at, for one second of one camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inferred: Option<f64>,
    /// What only the gateway tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gate: Option<GateFigures>,
}

/// What the gateway counted meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateFigures {
    /// Share of the time in which cameras were awake.
    pub(crate) awake: f64,
    /// Key frames looked at, for one second of one camera.
    pub(crate) looks: f64,
    /// Access units and pictures dropped: the decoders or the detector came too late for them.
    pub(crate) behind: f64,
    /// Incidents that were opened, and happenings that there were on all cameras in that time, about.
    #[serde(default)]
    pub(crate) incidents: f64,
    #[serde(default)]
    pub(crate) happenings: f64,
}
