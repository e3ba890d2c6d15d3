//! What goes on from one configuration to the next: the camera workers, the sensors' session, the desk with all that it
//! knows, clips that are being recorded, who is logged in at the page, the files on disk, and all that is counted.

use std::sync::Arc;

use moshao_config::Config;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::storage::{Opened, Storage};
use super::{AppError, Bound, CLIPS_MAX, READINGS_MAX, finish};
use crate::clock::Clock;
use crate::desk::{Around, Desk, Ears};
use crate::evidence::{Archive, ClipKept, Recorder};
use crate::http::{Expected, Http};
use crate::live::renews_sensors;
use crate::metrics::Metrics;
use crate::mqtt::Link;
use crate::page::visitor::Visitor;
use crate::page::{self, Guests, Page};
use crate::sensor::{self, reading::Reading};
use crate::supervise::{Requests, WorkerCommand, Workers};

/// See the module's text.
#[derive(Debug)]
pub struct Kept {
    pub(super) worker: WorkerCommand,
    pub(super) metrics: Arc<Metrics>,
    pub(super) guests: Arc<Guests>,
    storage: Storage,
    running: Option<Running>,
}

/// Sources and the desk that listens to them.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) desk: Desk,
    pub(super) ears: Ears,
    pub(super) visitor: Visitor,
    pub(super) requests: Requests,
    pub(super) recorder: Recorder,
    /// The link to the sensors' broker.
    pub(super) sensors: watch::Receiver<Link>,
    sensing: Task,
    recording: JoinHandle<()>,
    clock: Clock,
    stop: CancellationToken,
}

/// A task that can be stopped alone.
#[derive(Debug)]
struct Task {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

// === impl Kept ===

impl Kept {
    /// Nothing runs yet. `worker` is the command that starts a camera worker.
    pub fn new(worker: WorkerCommand) -> Self {
        let (metrics, guests) = (Arc::new(Metrics::new()), Arc::default());
        Kept { worker, metrics, guests, storage: Storage::default(), running: None }
    }

    /// Opens the disk and binds the ports for a configuration.
    ///
    /// # Errors
    /// What the box cannot do without is not there; see [`AppError`]. Another configuration can be tried.
    pub async fn bind(&mut self, config: Config) -> Result<Bound, AppError> {
        let config = Arc::new(config);
        let opened = self.storage.open(&config, &self.metrics).await?;
        let expected = Expected { sensor_broker: config.sensor_broker.is_some() };
        let http = Http::bind(config.http.listen, self.metrics.clone(), expected).await?;
        let page = match &config.page {
            Some(page) => Some(Page::bind(&config, page).await?),
            None => None,
        };
        Ok(Bound { config, opened, http, page })
    }

    /// What the gateway counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Starts the sources, which run until `stop`; or goes on with those that run, without touching what stays as it is.
    pub(super) async fn running(
        &mut self,
        config: &Arc<Config>,
        opened: &Opened,
        stop: &CancellationToken,
    ) -> Running {
        match self.running.take() {
            Some(running) => running.go_on_with(config, opened, &self.metrics).await,
            None => Running::start(config, opened, &self.metrics, &self.worker, stop).await,
        }
    }

    /// The sources go on, for the configuration that comes next.
    pub(super) fn keep(&mut self, running: Running) {
        self.running = Some(running);
    }
}

// === impl Running ===

impl Running {
    async fn start(
        config: &Arc<Config>,
        opened: &Opened,
        metrics: &Arc<Metrics>,
        worker: &WorkerCommand,
        stop: &CancellationToken,
    ) -> Self {
        let (stop, clock) = (stop.child_token(), Clock::start());
        let (readings, sensing, sensors) = sense(config, metrics, &stop);
        let (workers, reports) = Workers::start(config, worker, metrics, &stop).await;
        let requests = workers.requests();
        let (window, visitor, asks) = page::window::open(config);
        let (recorder, recording, clips) = record(&opened.evidence, &requests, metrics, clock);
        let around = around(config, opened, &recorder);
        let desk = Desk::new(around, (clock, metrics.clone()), workers, window).await;
        let ears = Ears { reports, readings, clips, asks };
        Running { desk, ears, visitor, requests, recorder, sensors, sensing, recording, clock, stop }
    }

    /// The same sources for another configuration.
    async fn go_on_with(mut self, config: &Arc<Config>, opened: &Opened, metrics: &Arc<Metrics>) -> Self {
        if renews_sensors(self.desk.config(), config) {
            self.sensing.stop.cancel();
            // Its successor has the same client id: the broker would throw out one of the two.
            finish("sensors", self.sensing.task).await;
            let (readings, sensing, sensors) = sense(config, metrics, &self.stop);
            // What came before is of the sensors as they were then.
            self.desk.hear_out(std::mem::replace(&mut self.ears.readings, readings)).await;
            (self.sensing, self.sensors) = (sensing, sensors);
        }
        self.requests = self.desk.change_workers(config).await;
        if opened.is_evidence_new {
            self.recorder.stop().await;
            let (recorder, recording, clips) = record(&opened.evidence, &self.requests, metrics, self.clock);
            self.desk.keep_clips(std::mem::replace(&mut self.ears.clips, clips)).await;
            finish("recorder", std::mem::replace(&mut self.recording, recording)).await;
            self.recorder = recorder;
        } else {
            self.recorder.change_workers(self.requests.clone()).await;
        }
        self.desk.go_on_with(around(config, opened, &self.recorder)).await;
        self
    }

    /// Waits until everything has ended, once it has been told to stop.
    pub(super) async fn end(self) {
        self.desk.into_workers().join().await;
        finish("recorder", self.recording).await;
        finish("sensors", self.sensing.task).await;
    }
}

fn around(config: &Arc<Config>, opened: &Opened, recorder: &Recorder) -> Around {
    let Opened { outbox, evidence, .. } = opened.clone();
    Around { config: config.clone(), outbox, evidence, recorder: recorder.clone() }
}

fn record(
    evidence: &Archive,
    requests: &Requests,
    metrics: &Arc<Metrics>,
    clock: Clock,
) -> (Recorder, JoinHandle<()>, mpsc::Receiver<ClipKept>) {
    let (to_desk, clips) = mpsc::channel(CLIPS_MAX);
    let (recorder, recording) = Recorder::new(evidence, requests.clone(), metrics.clone(), clock, to_desk);
    (recorder, tokio::spawn(recording.run()), clips)
}

/// The sensors' broker, where one is configured; otherwise a source that never says anything until it is stopped.
fn sense(
    config: &Config,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> (mpsc::Receiver<Reading>, Task, watch::Receiver<Link>) {
    let stop = stop.child_token();
    let (sender, readings) = mpsc::channel(READINGS_MAX);
    let (link, links) = watch::channel(Link::Down { reason: None });
    let ends = stop.clone();
    let task = match config.sensor_broker.clone() {
        None => tokio::spawn(async move {
            ends.cancelled().await;
            drop(sender);
        }),
        Some(broker) => {
            let (sensors, metrics) = (config.sensors.clone(), metrics.clone());
            let settings = sensor::mqtt::Settings { broker, sensors, metrics };
            tokio::spawn(sensor::mqtt::run(settings, sender, link, ends))
        }
    };
    (readings, Task { task, stop }, links)
}
