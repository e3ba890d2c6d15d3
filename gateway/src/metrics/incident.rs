//! Incidents, and what the centre says of them.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::register::{counter, counter_vec, gauge};

/// Incidents, and what the centre says of them.
#[derive(Debug)]
pub struct IncidentMetrics {
    /// Incidents open now.
    pub open: IntGauge,
    /// Open incidents of level 1 to 3 that the centre has not acknowledged.
    pub unacknowledged: IntGauge,
    /// Incidents told again because nobody had acknowledged them.
    pub escalated: IntCounter,
    /// Findings that were not told because their rule or camera was mute.
    pub findings_muted: IntCounter,
    /// Dispositions of the centre. `answer` (`applied`, `repeated`, `late`, `unknown`, `refused`), `result` (the verdict; why it is refused)
    pub dispositions: IntCounterVec,
    /// Verdicts of the centre on incidents of each rule. `rule`, `result`
    pub rule_verdicts: IntCounterVec,
}

// === impl IncidentMetrics ===

impl IncidentMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        IncidentMetrics {
            open: gauge(r, "moshao_incidents_open", "Incidents open now."),
            unacknowledged: gauge(
                r,
                "moshao_incidents_unacknowledged",
                "Open incidents of level 1 to 3 that the centre has not acknowledged.",
            ),
            escalated: counter(
                r,
                "moshao_incidents_escalated_total",
                "Incidents told again because nobody had acknowledged them.",
            ),
            findings_muted: counter(
                r,
                "moshao_findings_muted_total",
                "Findings that were not told because their rule or camera was mute.",
            ),
            dispositions: counter_vec(
                r,
                "moshao_dispositions_total",
                "Dispositions of the centre, by what became of them.",
                &["answer", "result"],
            ),
            rule_verdicts: counter_vec(
                r,
                "moshao_rule_verdicts_total",
                "Verdicts of the centre on incidents, by the rule that opened them.",
                &["rule", "result"],
            ),
        }
    }
}
