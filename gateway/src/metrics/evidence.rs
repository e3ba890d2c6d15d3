//! Stills and clips.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::register::{counter, counter_vec};

/// Stills and clips.
#[derive(Debug)]
pub struct EvidenceMetrics {
    /// Stills written as evidence.
    pub stills: IntCounter,
    /// Clips written as evidence.
    pub clips: IntCounter,
    /// Bytes of evidence sent to the centre by command.
    pub exported_bytes: IntCounter,
    /// Evidence that could not be had. `reason`
    pub missed: IntCounterVec,
}

// === impl EvidenceMetrics ===

impl EvidenceMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        EvidenceMetrics {
            stills: counter(r, "moshao_evidence_stills_total", "Stills written as evidence."),
            clips: counter(r, "moshao_evidence_clips_total", "Clips written as evidence."),
            exported_bytes: counter(
                r,
                "moshao_evidence_exported_bytes_total",
                "Bytes of evidence sent to the centre by command.",
            ),
            missed: counter_vec(
                r,
                "moshao_evidence_missed_total",
                "Evidence that could not be had, by reason.",
                &["reason"],
            ),
        }
    }
}
