//! READ FIRST: the parent process, built in the order in which data flows.
//!
//! ```text
//! camera workers ─┐
//!                 ├─▶ Desk: judge ─▶ tell ─▶ outbox (disk) ─▶ uplink ─▶ command centre
//! sensors ────────┘        │                      └─▶ sinks ──▶ webhook, group robots
//!                          └─▶ stills, clips ─▶ evidence (disk)
//! ```
//!
//! [`App::build`] makes and binds everything, [`App::run`] runs it until it is told to stop and then stops it in the
//! same order, so that nothing that was seen is left behind.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moshao_config::Config;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::batch::Batches;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::desk::Desk;
use crate::downlink::verbs::Verbs;
use crate::evidence::{Archive, ArchiveError, Recorder};
use crate::http::{BindError, Expected, Http};
use crate::metrics::Metrics;
use crate::mqtt::Link;
use crate::outbox::{self, OutboxError, OutboxHandle, Recovered};
use crate::page::{self, Page, PageError};
use crate::sensor::reading::Reading;
use crate::supervise::{WorkerCommand, Workers};
use crate::topics::Topics;
use crate::{downlink, heartbeat, machine, presence, sensor, sink, uplink};

/// After the sources have stopped, the uplink may go on for this long to empty the outbox. What is left waits on disk.
const LAST_DELIVERIES: Duration = Duration::from_millis(1000);
/// Readings that wait for the desk; beyond them the sensors' broker has to wait (TCP backpressure).
const READINGS_MAX: usize = 1024;
/// Dispositions that wait for the desk; beyond them the centre's broker has to wait.
const DISPOSITIONS_MAX: usize = 64;
/// What commands ask of the desk; beyond it the next command has to wait.
const ASKS_MAX: usize = 4;
/// Parts of files that wait for the link; beyond them the reading of the file has to wait.
const PARTS_MAX: usize = 2;
/// Clips on disk that wait for the desk; beyond them the recorder has to wait.
const CLIPS_MAX: usize = 16;

/// The gateway, built and not yet running.
#[derive(Debug)]
pub struct App {
    config: Arc<Config>,
    worker: WorkerCommand,
    metrics: Arc<Metrics>,
    http: Http,
    page: Option<Page>,
    config_file: Option<PathBuf>,
    outbox: OutboxHandle,
    recovered: Recovered,
    evidence: Archive,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The port of `/metrics`.
    #[error(transparent)]
    Http(#[from] BindError),
    /// The local page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The event store.
    #[error("cannot open the outbox: {0}")]
    Outbox(#[from] OutboxError),
    /// Stills, clips and the ledger of who had them.
    #[error(transparent)]
    Evidence(#[from] ArchiveError),
}

// === impl App ===

impl App {
    /// Opens the disk and binds the ports. `worker` is the command that starts a camera worker.
    ///
    /// # Errors
    /// What the box cannot do without is not there; see [`AppError`].
    pub async fn build(config: Config, worker: WorkerCommand) -> Result<Self, AppError> {
        let config = Arc::new(config);
        let metrics = Arc::new(Metrics::new());
        let (outbox, recovered) = outbox::open(outbox_settings(&config, &metrics))?;
        let evidence = {
            let gateway = &config.gateway;
            Archive::open(&gateway.data_dir, &gateway.time_zone, config.evidence.clone())?
        };
        let expected = Expected {
            workers: config.cameras.len().min(config.gateway.workers) as i64,
            sensor_broker: config.sensor_broker.is_some(),
        };
        let http = Http::bind(config.http.listen, metrics.clone(), expected).await?;
        let page = match &config.page {
            Some(page) => Some(Page::bind(&config, page).await?),
            None => None,
        };
        Ok(App { config, worker, metrics, http, page, config_file: None, outbox, recovered, evidence })
    }

    /// The file that the configuration came from: the page can edit zones, lines and masks in it.
    pub fn with_config_file(mut self, file: PathBuf) -> Self {
        self.config_file = Some(file);
        self
    }

    /// Where `/metrics` is served.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.address()
    }

    /// Runs until `stop`, then stops in the order of the data: sources, judgement, outbox, uplink.
    pub async fn run(self, stop: CancellationToken) {
        let App { config, worker, metrics, http, page, config_file, outbox, recovered, evidence } = self;
        info!(
            gateway = config.gateway.id,
            cameras = config.cameras.len(),
            sensors = config.sensors.len(),
            rules = config.rules.len(),
            waiting_events = recovered.waiting,
            "moshao {} is starting",
            env!("CARGO_PKG_VERSION")
        );

        // The far end first, so that the first event finds its way; the sources last.
        let uplink_stop = CancellationToken::new();
        let limits = config.budget;
        let time_zone = config.gateway.time_zone.clone();
        let budget = Budget::open(limits, time_zone, &outbox, metrics.clone()).await;
        let (tell_batches, batches) = watch::channel(Batches::None);
        let (uplink, uplink_link) =
            start_uplink(&config, &metrics, &outbox, budget.clone(), batches, &uplink_stop);
        let sinks = sink::start(&config, &metrics, &outbox, &uplink_stop);
        let (to_desk, dispositions) = mpsc::channel(DISPOSITIONS_MAX);
        let (receivers, commands) = Verbs::receivers();
        let (to_link, parts) = mpsc::channel(PARTS_MAX);
        let ears = downlink::Settings {
            broker: config.uplink.clone(),
            topics: Topics::new(&config.gateway.division, &config.gateway.id),
            dispositions: Some(to_desk),
            receivers,
            batches: tell_batches,
            parts,
        };
        let downlink = tokio::spawn(downlink::run(ears, outbox.clone(), stop.clone()));
        let http = tokio::spawn(http.serve(uplink_stop.clone()));
        let machine = machine::watch(config.gateway.data_dir.clone(), metrics.clone(), uplink_stop.clone());
        let machine = tokio::spawn(machine);
        let sources_stop = stop.child_token();
        let (readings, sensors, sensors_link) = start_sensors(&config, &metrics, &sources_stop);
        let (workers, reports) = Workers::start(&config, &worker, &metrics, &sources_stop);

        let (window, asks, page) = match page {
            None => {
                let (window, asks) = page::window::closed();
                (window, asks, None)
            }
            Some(page) => {
                let (window, visitor, asks) = page::window::open(&config);
                let sources = page::Sources {
                    config: config.clone(),
                    config_file,
                    metrics: metrics.clone(),
                    outbox: outbox.clone(),
                    uplink: uplink_link,
                    sensor_broker: config.sensor_broker.as_ref().map(|_| sensors_link),
                    visitor,
                };
                (window, asks, Some(tokio::spawn(page.serve(sources, uplink_stop.clone()))))
            }
        };
        let clock = Clock::start();
        let (to_desk, clips) = mpsc::channel(CLIPS_MAX);
        let (recorder, recording) =
            Recorder::new(&evidence, workers.requests(), metrics.clone(), clock, to_desk);
        let recording = tokio::spawn(recording.run());
        let (ask, orders) = mpsc::channel(ASKS_MAX);
        let verbs = Verbs {
            config: config.clone(),
            archive: evidence.clone(),
            recorder: recorder.clone(),
            workers: workers.requests(),
            desk: ask,
            budget,
            parts: to_link,
            topics: Topics::new(&config.gateway.division, &config.gateway.id),
            metrics: metrics.clone(),
        };
        let verbs = tokio::spawn(verbs.run(commands));

        let desk =
            Desk::new(config.clone(), clock, metrics, outbox.clone(), (evidence, recorder), workers, window)
                .await;
        heartbeat::ready();
        // Returns when both sources have ended and all that they had said is in the outbox.
        desk.run(reports, readings, dispositions, clips, orders, asks).await;

        finish("recorder", recording).await;
        finish("downlink", downlink).await;
        finish("commands", verbs).await;
        finish("sensors", sensors).await;
        let emptied = tokio::time::timeout(LAST_DELIVERIES, until_empty(&outbox)).await;
        if emptied.is_err() {
            info!(waiting_events = outbox.stats().borrow().depth, "events wait on disk for the next start");
        }
        uplink_stop.cancel();
        finish("uplink", uplink).await;
        for sink in sinks {
            finish("sink", sink).await;
        }
        finish("machine", machine).await;
        if let Some(page) = page {
            finish("page", page).await;
        }
        outbox.close().await;
        if let Ok(Err(error)) = http.await {
            warn!(%error, "the HTTP server failed");
        }
        info!("moshao has stopped");
    }
}

fn outbox_settings(config: &Config, metrics: &Arc<Metrics>) -> outbox::Settings {
    outbox::Settings {
        directory: config.gateway.data_dir.clone(),
        quota_bytes: config.outbox.quota_bytes,
        site: outbox::Site::of(config),
        sinks: sink::subscriptions(&config.sinks),
        metrics: metrics.clone(),
    }
}

fn start_uplink(
    config: &Arc<Config>,
    metrics: &Arc<Metrics>,
    outbox: &OutboxHandle,
    budget: Budget,
    batches: watch::Receiver<Batches>,
    stop: &CancellationToken,
) -> (JoinHandle<()>, watch::Receiver<Link>) {
    let health = {
        let (config, metrics) = (config.clone(), metrics.clone());
        move || presence::health(&config, &metrics)
    };
    let settings = uplink::Settings {
        broker: config.uplink.clone(),
        window: config.outbox.window,
        site: outbox::Site::of(config),
        budget,
        batches,
        topics: Topics::new(&config.gateway.division, &config.gateway.id),
        birth: presence::birth(config),
        health: Arc::new(health),
        on_delivered: None,
        metrics: metrics.clone(),
    };
    let (link, links) = watch::channel(Link::Down { reason: None });
    (tokio::spawn(uplink::run(settings, outbox.clone(), link, stop.clone())), links)
}

/// The sensors' broker, where one is configured; otherwise a source that never says anything until `stop`.
fn start_sensors(
    config: &Config,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> (mpsc::Receiver<Reading>, JoinHandle<()>, watch::Receiver<Link>) {
    let (sender, readings) = mpsc::channel(READINGS_MAX);
    let (link, links) = watch::channel(Link::Down { reason: None });
    let stop = stop.clone();
    let Some(broker) = config.sensor_broker.clone() else {
        let silence = async move {
            stop.cancelled().await;
            drop(sender);
        };
        return (readings, tokio::spawn(silence), links);
    };
    let settings =
        sensor::mqtt::Settings { broker, sensors: config.sensors.clone(), metrics: metrics.clone() };
    (readings, tokio::spawn(sensor::mqtt::run(settings, sender, link, stop)), links)
}

async fn until_empty(outbox: &OutboxHandle) {
    // An outbox whose owner is gone has nothing left to wait for.
    drop(outbox.stats().wait_for(|stats| stats.depth == 0).await);
}

async fn finish(name: &str, task: JoinHandle<()>) {
    if let Err(panic) = task.await {
        error!(task = name, error = %panic, "a task failed");
    }
}
