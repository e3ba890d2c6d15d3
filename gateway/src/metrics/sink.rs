//! Where events go besides the centre.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::register::{counter_vec, gauge_vec};

/// Where events go besides the centre.
#[derive(Debug)]
pub struct SinkMetrics {
    /// The last request to the sink was taken (1) or not (0). `sink`
    pub up: IntGaugeVec,
    /// Events waiting for the sink. `sink`
    pub waiting: IntGaugeVec,
    /// Requests that the sink has taken. `sink`
    pub requests: IntCounterVec,
    /// Requests that failed and are made again. `sink`, `reason` (a word of `sink::answer::Failure`)
    pub failures: IntCounterVec,
    /// Events that the sink is done with. `sink`, `outcome` (`delivered`; `folded`: counted, not told again; `silent`: of
    /// no use to people; `refused`: given up because the sink will not have it)
    pub events: IntCounterVec,
    /// Events given up for the sink because too many waited; the centre has them or gets them all the same. `sink`
    pub missed: IntCounterVec,
}

// === impl SinkMetrics ===

impl SinkMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        SinkMetrics {
            up: gauge_vec(
                r,
                "moshao_sink_up",
                "The last request to the sink was taken (1) or not (0).",
                &["sink"],
            ),
            waiting: gauge_vec(r, "moshao_sink_waiting_events", "Events waiting for the sink.", &["sink"]),
            requests: counter_vec(
                r,
                "moshao_sink_requests_total",
                "Requests that the sink has taken.",
                &["sink"],
            ),
            failures: counter_vec(
                r,
                "moshao_sink_failures_total",
                "Requests to the sink that failed and are made again, by reason.",
                &["sink", "reason"],
            ),
            events: counter_vec(
                r,
                "moshao_sink_events_total",
                "Events that the sink is done with, by outcome.",
                &["sink", "outcome"],
            ),
            missed: counter_vec(
                r,
                "moshao_sink_missed_total",
                "Events given up for the sink because too many waited; the centre gets them all the same.",
                &["sink"],
            ),
        }
    }
}
