//! The durable queue of events.

use prometheus::{Gauge, Histogram, HistogramOpts, IntGauge, IntGaugeVec, Registry};

use super::register::{LATENCY_BUCKETS_S, gauge, gauge_vec, registered};

/// The durable queue of events.
#[derive(Debug)]
pub struct OutboxMetrics {
    /// Events waiting for their PUBACK.
    pub depth: IntGauge,
    /// Age of the oldest waiting event.
    pub oldest_age_seconds: Gauge,
    /// Bytes that the outbox takes on disk.
    pub bytes: IntGauge,
    /// The outbox's storage fails (1) or not (0). `reason` (a storage word of `OutboxError`)
    pub degraded: IntGaugeVec,
    /// Events that are set aside now.
    pub aside: IntGauge,
    /// From an event's acceptance to its commit on disk.
    pub commit_seconds: Histogram,
}

// === impl OutboxMetrics ===

impl OutboxMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        OutboxMetrics {
            depth: gauge(r, "moshao_outbox_depth_events", "Events waiting for their PUBACK."),
            oldest_age_seconds: registered(
                r,
                Gauge::new("moshao_outbox_oldest_age_seconds", "Age of the oldest waiting event."),
            ),
            bytes: gauge(r, "moshao_outbox_bytes", "Bytes that the outbox takes on disk."),
            degraded: gauge_vec(
                r,
                "moshao_outbox_degraded",
                "The storage of the outbox fails (1) or not (0), by reason.",
                &["reason"],
            ),
            aside: gauge(
                r,
                "moshao_outbox_aside_events",
                "Events that are set aside: kept on disk, and tried again after the next start.",
            ),
            commit_seconds: registered(
                r,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "moshao_outbox_commit_seconds",
                        "From an event's hand-over to its commit on disk.",
                    )
                    .buckets(LATENCY_BUCKETS_S.to_vec()),
                ),
            ),
        }
    }
}
