//! Camera worker processes.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::register::{counter, counter_vec, gauge, gauge_vec};

/// Camera worker processes.
#[derive(Debug)]
pub struct WorkerMetrics {
    /// Camera workers running.
    pub up: IntGauge,
    /// Camera workers that should run.
    pub wanted: IntGauge,
    /// Camera workers restarted.
    pub restarts: IntCounter,
    /// How far a worker has stepped down because it cannot do all: 0 everything, 1 half the detections, 2 reference
    /// pictures, 3 key frames, 4 fewer cameras (`worker::ladder`). `worker`
    pub rung: IntGaugeVec,
    /// Steps that led to a rung other than the first. `worker`, `rung`
    pub steps: IntCounterVec,
    /// Cameras that a worker has set aside. `worker`
    pub set_aside: IntGaugeVec,
}

// === impl WorkerMetrics ===

impl WorkerMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        WorkerMetrics {
            up: gauge(r, "moshao_workers_up", "Camera worker processes running."),
            wanted: gauge(r, "moshao_workers_wanted", "Camera worker processes that should run."),
            restarts: counter(r, "moshao_worker_restarts_total", "Camera worker processes restarted."),
            rung: gauge_vec(
                r,
                "moshao_worker_rung",
                "How far a worker has stepped down: 0 everything is done, 1 half the detections, 2 reference pictures, \
                 3 the beginnings of groups of pictures, 4 key frames, 5 fewer cameras.",
                &["worker"],
            ),
            steps: counter_vec(
                r,
                "moshao_worker_steps_total",
                "Steps of a worker to a rung where less is done, by rung.",
                &["worker", "rung"],
            ),
            set_aside: gauge_vec(
                r,
                "moshao_worker_set_aside_cameras",
                "Cameras that a worker has set aside.",
                &["worker"],
            ),
        }
    }

    /// A worker runs no more: how it stood is over.
    pub fn forget(&self, worker: &str) {
        // Each fails only where there is no sample.
        drop(self.rung.remove_label_values(&[worker]));
        drop(self.set_aside.remove_label_values(&[worker]));
    }
}
