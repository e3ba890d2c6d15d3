//! From one configuration to the next: the desk stays, with all that it knows and all that it has not got rid of yet.

use std::sync::Arc;

use moshao_config::Config;
use tokio::sync::mpsc;

use super::{Around, Desk};
use crate::evidence::ClipKept;
use crate::incident::fusion::Places;
use crate::sensor::reading::Reading;
use crate::supervise::{Requests, Workers};
use crate::worker::link::FromWorker;

// === impl Desk ===

impl Desk {
    /// Leaves what is built anew: whoever waits for an answer from there waits no longer. What the centre sent and has no
    /// answer to comes again.
    pub(super) async fn leave(&mut self) {
        self.offer().await;
        self.answers.clear();
        self.stills_asked.clear();
        self.wanted.forget_asked();
        self.window.leave();
    }

    /// Takes what sensors had said before their session ended.
    pub async fn hear_out(&mut self, mut readings: mpsc::Receiver<Reading>) {
        while let Some(reading) = readings.recv().await {
            self.reading(&reading).await;
        }
    }

    /// Tells the clips that the recorder ended with.
    pub async fn keep_clips(&mut self, mut clips: mpsc::Receiver<ClipKept>) {
        while let Some(kept) = clips.recv().await {
            self.clip(kept).await;
        }
    }

    /// Has the workers watch what another configuration asks for.
    pub async fn change_workers(&mut self, config: &Config) -> Requests {
        self.workers.go_on_with(config).await;
        self.workers.requests()
    }

    /// Goes on among other surroundings. The workers have been changed before.
    pub async fn go_on_with(&mut self, around: Around) {
        let Around { config, outbox, evidence, recorder } = around;
        let before = std::mem::replace(&mut self.config, config.clone());
        (self.outbox, self.evidence, self.recorder) = (outbox, evidence, recorder);
        self.places = Places::new(&config);
        self.failing.retain(|camera, _| config.cameras.iter().any(|known| known.id == *camera));
        self.window.go_on_with(&config);
        let now = self.clock.now();
        let names: Vec<&str> = self.workers.names().collect();
        let changes = self.judge.go_on_with(now, &before, &config, &names);
        for (subject, _) in self.tests.running() {
            self.judge.set_test(subject.device(), true);
        }
        self.quality_shown = 0;
        self.note_open();
        self.tell(now, changes, None).await;
    }

    /// The workers, once all has ended.
    pub fn into_workers(self) -> Workers {
        self.workers
    }

    /// What the desk goes by.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(super) fn knows(&self, camera: &str) -> bool {
        self.config.cameras.iter().any(|known| known.id == camera)
    }

    /// A word of a camera that the configuration does not have any more.
    pub(super) fn is_of_nobody(&self, report: &FromWorker) -> bool {
        match report {
            FromWorker::Observation(seen) => !self.knows(&seen.camera),
            FromWorker::Appearance { camera, .. }
            | FromWorker::Stream { camera, .. }
            | FromWorker::MainStream { camera, .. } => !self.knows(camera),
            _ => false,
        }
    }
}
