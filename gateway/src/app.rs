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

mod kept;
mod storage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moshao_config::Config;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use self::kept::Kept;
use self::storage::Opened;
use crate::batch::Batches;
use crate::budget::Budget;
use crate::downlink::verbs::Verbs;
use crate::evidence::ArchiveError;
use crate::http::{BindError, Http};
use crate::metrics::Metrics;
use crate::mqtt::Link;
use crate::outbox::{self, OutboxError, OutboxHandle};
use crate::page::{self, Page, PageError};
use crate::supervise::WorkerCommand;
use crate::topics::Topics;
use crate::{downlink, heartbeat, live, machine, presence, sink, uplink};

/// After the sources have stopped, the uplink may go on for this long to empty the outbox. What is left waits on disk.
const LAST_DELIVERIES: Duration = Duration::from_millis(1000);
/// Connections of `/metrics` and `/healthz` may take so long at the end.
const HTTP_END: Duration = Duration::from_millis(500);
/// A command that is being obeyed may take so long at the end; it has no answer then, and comes again.
const COMMAND_END: Duration = Duration::from_millis(500);
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
    bound: Bound,
    kept: Kept,
    /// Where the configuration is changed; nowhere where it came from no file.
    live: Option<live::Handle>,
}

/// What one configuration has opened and bound.
#[derive(Debug)]
pub struct Bound {
    config: Arc<Config>,
    opened: Opened,
    http: Http,
    page: Option<Page>,
}

/// Asks a running gateway to make room for another configuration; its sources go on.
#[derive(Debug, Clone, Default)]
pub struct Leave {
    asked: CancellationToken,
    same_centre: Arc<AtomicBool>,
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
    /// A fault of the gateway itself.
    #[error("the gateway failed: {0}")]
    Died(String),
}

// === impl App ===

impl App {
    /// Opens the disk and binds the ports. `worker` is the command that starts a camera worker.
    ///
    /// # Errors
    /// What the box cannot do without is not there; see [`AppError`].
    pub async fn build(config: Config, worker: WorkerCommand) -> Result<Self, AppError> {
        let mut kept = Kept::new(worker);
        let bound = kept.bind(config).await?;
        Ok(Self::of(bound, kept))
    }

    /// A configuration that has been bound, with what goes on from the one before.
    pub fn of(bound: Bound, kept: Kept) -> Self {
        App { bound, kept, live: None }
    }

    /// The configuration can be changed there.
    pub fn changed_at(mut self, live: live::Handle) -> Self {
        self.live = Some(live);
        self
    }

    /// The events, to tell something in the gateway's own name.
    pub fn outbox(&self) -> OutboxHandle {
        self.bound.opened.outbox.clone()
    }

    /// Where `/metrics` is served.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.bound.http.address()
    }

    /// Runs until `stop`, then stops in the order of the data: sources, judgement, outbox, uplink.
    pub async fn run(self, stop: CancellationToken) {
        // Nobody asks it to leave, so that nothing goes on.
        drop(self.run_until(stop, Leave::default()).await);
    }

    /// The same, or until it is to `leave`: then the sources go on, for the configuration that comes next.
    pub async fn run_until(self, stop: CancellationToken, leave: Leave) -> Option<Kept> {
        let App { bound: Bound { config, opened, http, page }, mut kept, live } = self;
        let (outbox, evidence, metrics) = (&opened.outbox, &opened.evidence, &kept.metrics.clone());
        info!(
            gateway = config.gateway.id,
            cameras = config.cameras.len(),
            sensors = config.sensors.len(),
            rules = config.rules.len(),
            waiting_events = opened.recovered.waiting,
            "moshao {} is starting",
            env!("CARGO_PKG_VERSION")
        );

        // The far end first, so that the first event finds its way; the sources last.
        let uplink_stop = CancellationToken::new();
        let limits = config.budget;
        let time_zone = config.gateway.time_zone.clone();
        let budget = Budget::open(limits, time_zone, outbox, metrics.clone()).await;
        let standing = live.as_ref().map(live::Handle::standing).unwrap_or_default();
        let (tell_batches, batches) = watch::channel(Batches::None);
        let same_centre = leave.same_centre.clone();
        let told = Told { standing, same_centre, budget: budget.clone(), batches };
        let (uplink, uplink_link) = start_uplink(&config, metrics, outbox, told, &uplink_stop);
        let sinks = sink::start(&config, metrics, outbox, &uplink_stop);
        let (to_desk, dispositions) = mpsc::channel(DISPOSITIONS_MAX);
        let (receivers, commands) = Verbs::receivers();
        let (to_link, parts) = mpsc::channel(PARTS_MAX);
        let ends = stop.child_token();
        let ears = downlink::Settings {
            broker: config.uplink.clone(),
            topics: Topics::new(&config.gateway.division, &config.gateway.id),
            dispositions: Some(to_desk),
            receivers,
            batches: tell_batches,
            parts,
        };
        let downlink = tokio::spawn(downlink::run(ears, outbox.clone(), ends.clone()));
        let http = tokio::spawn(http.serve(uplink_stop.clone()));
        let machine = machine::watch(config.gateway.data_dir.clone(), metrics.clone(), uplink_stop.clone());
        let machine = tokio::spawn(machine);
        let mut running = kept.running(&config, &opened, &stop).await;

        let page = page.map(|page| {
            let sources = page::Sources {
                config: config.clone(),
                live: live.clone(),
                guests: kept.guests.clone(),
                evidence: evidence.clone(),
                metrics: metrics.clone(),
                outbox: outbox.clone(),
                uplink: uplink_link,
                sensor_broker: config.sensor_broker.as_ref().map(|_| running.sensors.clone()),
                visitor: running.visitor.clone(),
            };
            tokio::spawn(page.serve(sources, uplink_stop.clone()))
        });
        let (ask, orders) = mpsc::channel(ASKS_MAX);
        let verbs = Verbs {
            config: config.clone(),
            archive: evidence.clone(),
            recorder: running.recorder.clone(),
            workers: running.requests.clone(),
            live,
            desk: ask,
            budget,
            parts: to_link,
            topics: Topics::new(&config.gateway.division, &config.gateway.id),
            metrics: metrics.clone(),
        };
        let verbs = tokio::spawn(verbs.run(commands));

        heartbeat::ready();
        // Returns when both sources have ended and all that they had said is in the outbox, or it is to leave.
        running.desk.run(&mut running.ears, dispositions, orders, leave.asked).await;
        ends.cancel();
        let goes_on = !stop.is_cancelled();
        if goes_on {
            kept.keep(running);
        } else {
            running.end().await;
        }

        finish("downlink", downlink).await;
        finish_soon("commands", verbs).await;
        // What waits goes out soon where the gateway goes on.
        if !goes_on && tokio::time::timeout(LAST_DELIVERIES, until_empty(outbox)).await.is_err() {
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
        end_http(http).await;
        if goes_on {
            info!("the sources go on, everything else is built anew");
            return Some(kept);
        }
        outbox.close().await;
        info!("moshao has stopped");
        None
    }
}

// === impl Leave ===

impl Leave {
    /// Asks. `same_centre`: the next configuration talks to the same centre, which need not hear that the box is away.
    pub fn ask(&self, same_centre: bool) {
        self.same_centre.store(same_centre, Ordering::Relaxed);
        self.asked.cancel();
    }
}

/// Frees the port, whoever still listens.
async fn end_http(mut http: JoinHandle<std::io::Result<()>>) {
    match tokio::time::timeout(HTTP_END, &mut http).await {
        Ok(Ok(Err(error))) => warn!(%error, "the HTTP server failed"),
        Ok(_) => {}
        Err(_) => {
            http.abort();
            drop(http.await);
        }
    }
}

/// What the uplink says of the box, and what it may send.
struct Told {
    standing: live::Standing,
    same_centre: Arc<AtomicBool>,
    budget: Budget,
    batches: watch::Receiver<Batches>,
}

fn start_uplink(
    config: &Arc<Config>,
    metrics: &Arc<Metrics>,
    outbox: &OutboxHandle,
    told: Told,
    stop: &CancellationToken,
) -> (JoinHandle<()>, watch::Receiver<Link>) {
    let Told { standing, same_centre, budget, batches } = told;
    let health = {
        let (config, metrics) = (config.clone(), metrics.clone());
        move || presence::health(&config, &metrics, &standing)
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
        stays_online: same_centre,
        metrics: metrics.clone(),
    };
    let (link, links) = watch::channel(Link::Down { reason: None });
    (tokio::spawn(uplink::run(settings, outbox.clone(), link, stop.clone())), links)
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

/// The same for a task that may wait for somebody who does not answer any more.
async fn finish_soon(name: &str, mut task: JoinHandle<()>) {
    match tokio::time::timeout(COMMAND_END, &mut task).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => error!(task = name, error = %panic, "a task failed"),
        Err(_) => task.abort(),
    }
}
