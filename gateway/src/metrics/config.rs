//! The configuration that runs, and its changes.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::register::{counter_vec, gauge, gauge_vec};

/// How a configuration can stand.
const STATES: [&str; 4] = ["good", "trial", "refused", "rolled-back"];

/// The configuration that runs, and its changes.
#[derive(Debug)]
pub struct ConfigMetrics {
    /// Changes of the configuration: `applied`, `kept` after its trial, `refused`, `rolled-back`.
    pub changes: IntCounterVec,
    /// The configuration that runs: always 1, told by its labels.
    info: IntGaugeVec,
    /// 1 while the configuration is watched.
    trial: IntGauge,
    /// 1 for how it stands.
    state: IntGaugeVec,
}

// === impl ConfigMetrics ===

impl ConfigMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        ConfigMetrics {
            changes: counter_vec(
                r,
                "moshao_config_changes_total",
                "Changes of the configuration; kept: as well as before at the end of its trial, rolled-back: not so.",
                &["outcome"],
            ),
            info: gauge_vec(
                r,
                "moshao_config_info",
                "Always 1: SHA-256 of the configuration that runs, and number of the last bundle that was taken.",
                &["sha256", "bundle"],
            ),
            trial: gauge(
                r,
                "moshao_config_trial",
                "Whether the configuration is watched: 1 until it is kept or given up.",
            ),
            state: gauge_vec(
                r,
                "moshao_config_state",
                "1 for how the configuration stands; refused, rolled-back: not what was wanted last runs.",
                &["state"],
            ),
        }
    }

    /// Another configuration runs.
    pub fn show(&self, state: &str, sha256: &str, bundle: Option<u64>) {
        self.info.reset();
        let bundle = bundle.map(|number| number.to_string()).unwrap_or_default();
        self.info.with_label_values(&[sha256, &bundle]).set(1);
        self.trial.set(i64::from(state == "trial"));
        for known in STATES {
            self.state.with_label_values(&[known]).set(i64::from(state == known));
        }
    }
}
