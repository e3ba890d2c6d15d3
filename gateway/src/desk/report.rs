//! What camera workers say: shown to the judge, to the page and in metrics.

use tracing::{debug, error, info, warn};

use super::Desk;
use crate::evidence::best::Still;
use crate::metrics::Metrics;
use crate::worker::ladder::Rung;
use crate::worker::link::{CameraCounters, FromWorker, Standing, StreamState};

// === impl Desk ===

impl Desk {
    pub(super) async fn report(&mut self, report: FromWorker) {
        let now = self.clock.now();
        match report {
            // Said before the camera left the configuration, heard after.
            late if self.is_of_nobody(&late) => {
                debug!("a late word of a camera that is not watched any more")
            }
            FromWorker::Hello { version } => {
                if version != env!("CARGO_PKG_VERSION") {
                    error!(
                        version,
                        "a camera worker of another version: the binary has been replaced, restart moshao"
                    );
                }
            }
            FromWorker::DetectorFailed { detector, message } => {
                self.window.detector_failed(&self.config, &detector, &message);
                error!(detector, "detector cannot be used, its cameras are not watched: {message}");
            }
            FromWorker::Observation(seen) => {
                let taken_s = seen.received_unix_ms as f64 / 1000.0;
                self.metrics.camera.last_picture.with_label_values(&[&seen.camera]).set(taken_s);
                self.window.observed(now, &seen);
                self.still_of(&seen);
                let changes = self.judge.observe(now, &seen);
                self.tell(now, changes, Some(seen.picture)).await;
                self.look_for_better(now, &seen);
            }
            FromWorker::Appearance { camera, appearance } => {
                let changes = self.judge.appearance(now, &camera, &appearance);
                self.tell(now, changes, None).await;
            }
            FromWorker::Stream { camera, state } => {
                self.note_stream(&camera, &state);
                self.window.stream(now, &camera, &state);
                let changes = self.judge.stream(now, &camera, &state);
                self.tell(now, changes, None).await;
            }
            FromWorker::MainStream { camera, state } => {
                self.note_main_stream(&camera, &state);
                let changes = self.judge.main_stream(now, &camera, &state);
                self.tell(now, changes, None).await;
            }
            FromWorker::Standing(standing) => {
                self.note_standing(&standing);
                let changes = self.judge.standing(now, &standing);
                self.tell(now, changes, None).await;
            }
            FromWorker::Still { request, jpeg, sharpness, taken_unix_ms, stream, .. } => {
                if self.window.still(request, jpeg.as_ref(), taken_unix_ms) {
                    return;
                }
                let still = jpeg.map(|jpeg| Still { jpeg, taken_unix_ms, stream });
                self.still(now, request, still, sharpness).await;
            }
            FromWorker::Reel { request, part } => self.recorder.part(request, part),
            FromWorker::Counters(counters) => {
                let is_clock_trusted = self.metrics.machine.clock_trusted.get() == 1;
                let mut changes = Vec::new();
                for counter in &counters {
                    if !self.knows(&counter.camera) {
                        continue;
                    }
                    count(&self.metrics, counter);
                    self.window.counted(counter);
                    changes.extend(self.judge.counted(now, counter, is_clock_trusted));
                }
                self.tell(now, changes, None).await;
            }
        }
    }

    fn note_stream(&mut self, camera: &str, state: &StreamState) {
        let up = matches!(state, StreamState::Live { .. });
        self.metrics.camera.up.with_label_values(&[camera]).set(i64::from(up));
        match state {
            StreamState::Connecting => {}
            StreamState::Live { codec, width, height } => {
                self.failing.remove(camera);
                info!(camera, codec, width, height, "pictures flow");
            }
            StreamState::Failed { fault, message, retry_in } => {
                self.metrics.camera.faults.with_label_values(&[camera, fault.as_str()]).inc();
                let retry_s = retry_in.as_secs_f64();
                if self.failing.insert(camera.to_owned(), *fault) == Some(*fault) {
                    debug!(camera, fault = fault.as_str(), retry_s, "{message}");
                } else {
                    warn!(camera, fault = fault.as_str(), retry_s, "{message}");
                }
            }
        }
    }

    fn note_main_stream(&self, camera: &str, state: &StreamState) {
        let up = matches!(state, StreamState::Live { .. });
        self.metrics.camera.main_up.with_label_values(&[camera]).set(i64::from(up));
        match state {
            StreamState::Connecting => {}
            StreamState::Live { codec, width, height } => {
                info!(camera, codec, width, height, "main stream flows")
            }
            StreamState::Failed { fault, message, retry_in } => {
                let retry_s = retry_in.as_secs_f64();
                debug!(camera, fault = fault.as_str(), retry_s, "main stream: {message}");
            }
        }
    }

    fn note_standing(&self, standing: &Standing) {
        let Standing { worker, rung, set_aside, .. } = standing;
        let worker = worker.as_str();
        self.metrics.worker.rung.with_label_values(&[worker]).set(*rung as i64);
        self.metrics.worker.set_aside.with_label_values(&[worker]).set(set_aside.len() as i64);
        if *rung != Rung::Full {
            self.metrics.worker.steps.with_label_values(&[worker, rung.as_str()]).inc();
        }
    }
}

fn count(metrics: &Metrics, counted: &CameraCounters) {
    let camera = &[counted.camera.as_str()];
    metrics.camera.received_bytes.with_label_values(camera).inc_by(counted.bytes);
    metrics.camera.main_received_bytes.with_label_values(camera).inc_by(counted.main_bytes);
    metrics.camera.access_units.with_label_values(camera).inc_by(counted.access_units);
    metrics.camera.decoded.with_label_values(camera).inc_by(counted.decoded);
    metrics.camera.inferred.with_label_values(camera).inc_by(counted.inferred);
    metrics.camera.lost_packets.with_label_values(camera).inc_by(counted.lost_packets);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "replaced"]).inc_by(counted.replaced);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "behind"]).inc_by(counted.skipped);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "overload"]).inc_by(counted.passed_over);
    metrics.camera.decode_seconds.with_label_values(camera).inc_by(counted.decode_busy.as_secs_f64());
    metrics.camera.infer_seconds.with_label_values(camera).inc_by(counted.infer_busy.as_secs_f64());
    count_gate(metrics, counted);
}

fn count_gate(metrics: &Metrics, counted: &CameraCounters) {
    let camera = &[counted.camera.as_str()];
    metrics.camera.looks.with_label_values(camera).inc_by(counted.looks);
    metrics.camera.awake_seconds.with_label_values(camera).inc_by(counted.awake.as_secs_f64());
    metrics.camera.asleep.with_label_values(camera).set(i64::from(counted.is_asleep));
    for (reason, times) in &counted.wakes {
        metrics.camera.wakes.with_label_values(&[camera[0], reason.as_str()]).inc_by(*times);
    }
    let decoded = metrics.camera.decoded.with_label_values(camera).get();
    let busy_s = metrics.camera.decode_seconds.with_label_values(camera).get();
    let mean_s = busy_s / decoded.max(1) as f64;
    let saved_s = counted.spared as f64 * mean_s - counted.look_busy.as_secs_f64();
    metrics.camera.decode_saved_seconds.with_label_values(camera).inc_by(saved_s.max(0.0));
}
