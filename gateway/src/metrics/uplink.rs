//! The link to the centre, and what it carries.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::register::{counter, counter_vec, gauge, gauge_vec};

/// The link to the centre, and what it carries.
#[derive(Debug)]
pub struct UplinkMetrics {
    /// Connected to the centre's broker (1) or not (0).
    pub up: IntGauge,
    /// Connections made to the centre's broker.
    pub connections: IntCounter,
    /// Publishes that the centre's broker refused, and events over which it hung up. `reason` (a word of `uplink::refusal`)
    pub refused: IntCounterVec,
    /// Event topics that the centre's broker refuses now.
    pub refused_topics: IntGauge,
    /// Bytes of event payloads and topics published to the centre, repeats included.
    pub sent_bytes: IntCounter,
    /// Bytes sent to the centre, with the packets around them. `class` (a word of `budget::Class`)
    pub traffic_bytes: IntCounterVec,
    /// The same since midnight, over restarts. `class`
    pub traffic_day_bytes: IntGaugeVec,
    /// The most that may be sent from midnight to midnight; 0 where there is no limit.
    pub traffic_day_limit_bytes: IntGauge,
    /// The last of its class waits for the budget (1) or went (0). `class`
    pub traffic_waits: IntGaugeVec,
}

// === impl UplinkMetrics ===

impl UplinkMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        UplinkMetrics {
            up: gauge(r, "moshao_uplink_up", "Connected to the centre's broker (1) or not (0)."),
            connections: counter(
                r,
                "moshao_uplink_connections_total",
                "Connections made to the centre's broker.",
            ),
            refused: counter_vec(
                r,
                "moshao_uplink_refused_total",
                "Publishes that the centre's broker refused, and events over which it hung up, by reason.",
                &["reason"],
            ),
            refused_topics: gauge(
                r,
                "moshao_uplink_refused_topics",
                "Event topics that the centre's broker refuses now; their events wait.",
            ),
            sent_bytes: counter(
                r,
                "moshao_uplink_sent_bytes_total",
                "Bytes of topics and payloads published to the centre, repeats included.",
            ),
            traffic_bytes: counter_vec(
                r,
                "moshao_traffic_bytes_total",
                "Bytes sent to the centre with the packets around them, by class.",
                &["class"],
            ),
            traffic_day_bytes: gauge_vec(
                r,
                "moshao_traffic_day_bytes",
                "Bytes sent to the centre since midnight, over restarts, by class.",
                &["class"],
            ),
            traffic_day_limit_bytes: gauge(
                r,
                "moshao_traffic_day_limit_bytes",
                "Most bytes from midnight to midnight; 0 where there is no limit.",
            ),
            traffic_waits: gauge_vec(
                r,
                "moshao_traffic_waits",
                "The last of its class waits for the budget (1) or went (0).",
                &["class"],
            ),
        }
    }
}
