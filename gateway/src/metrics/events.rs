//! Events, from their acceptance to the centre.

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Registry};

use super::register::{LATENCY_BUCKETS_S, counter, counter_vec, registered};

/// Events, from their acceptance to the centre.
#[derive(Debug)]
pub struct EventMetrics {
    /// Events accepted. `category`, `phase`
    pub accepted: IntCounterVec,
    /// Accepted events given up, each declared to the centre. `reason`. Must stay 0.
    pub lost: IntCounterVec,
    /// Events set aside because the centre's broker refuses them for good. `reason`
    pub set_aside: IntCounterVec,
    /// Events that the broker took although nobody was subscribed (MQTT 5 only).
    pub unheard: IntCounter,
    /// Events acknowledged by the centre's broker in a batch.
    pub batched: IntCounter,
    /// Events acknowledged by the centre's broker.
    pub delivered: IntCounter,
    /// From a picture or a reading to the PUBACK of the event that it caused. `source` (`picture`, `reading`)
    pub source_to_puback_seconds: HistogramVec,
}

// === impl EventMetrics ===

impl EventMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        EventMetrics {
            accepted: counter_vec(
                r,
                "moshao_events_accepted_total",
                "Events committed to the outbox.",
                &["category", "phase"],
            ),
            lost: counter_vec(
                r,
                "moshao_events_lost_total",
                "Accepted events given up and declared to the centre, by reason. Must stay 0.",
                &["reason"],
            ),
            set_aside: counter_vec(
                r,
                "moshao_events_set_aside_total",
                "Events set aside because the centre's broker refuses them for good, by reason.",
                &["reason"],
            ),
            unheard: counter(
                r,
                "moshao_events_unheard_total",
                "Events that the broker took although nobody was subscribed (MQTT 5 only).",
            ),
            batched: counter(
                r,
                "moshao_events_batched_total",
                "Events acknowledged by the centre's broker in a batch.",
            ),
            delivered: counter(
                r,
                "moshao_events_delivered_total",
                "Events acknowledged by the centre's broker.",
            ),
            source_to_puback_seconds: registered(
                r,
                HistogramVec::new(
                    HistogramOpts::new(
                        "moshao_source_to_puback_seconds",
                        "From a picture or a reading to the PUBACK of the event that it caused.",
                    )
                    .buckets(LATENCY_BUCKETS_S.to_vec()),
                    &["source"],
                ),
            ),
        }
    }
}
