//! Camera workers as the parent sees them: start, feed, watch, restart.
//!
//! Cameras are dealt out to the workers (`dealing`) and stay where they are, over changes of the configuration too. A
//! worker that dies or breaks the rules of the link is started again at once; one that keeps dying waits longer each time
//! (`worker`), and the others never notice. A worker sees the end of its parent as the end of its standard input, and
//! exits.

mod dealing;
mod heeded;
mod memory;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moshao_config::Config;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use self::dealing::{Plan, Terms};
use self::worker::{STOP_GRACE, Worker};
use crate::machine;
use crate::metrics::Metrics;
use crate::worker::link::{Assignment, FromWorker, StillRequest, ToWorker};

pub use self::dealing::{camera_job, worker_names};

/// Messages waiting for one worker; a worker that lets this many wait does not read and is restarted.
const REQUESTS_MAX: usize = 64;
/// Reports that wait for the desk; beyond them the workers have to wait.
const REPORTS_MAX: usize = 256;

/// The command that starts a worker: this binary, `camera-worker`.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without those that `supervise` adds.
    pub arguments: Vec<String>,
    /// Environment variables beside those of this process.
    pub environment: Vec<(String, String)>,
}

/// All workers, running.
#[derive(Debug)]
pub struct Workers {
    command: WorkerCommand,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    /// Ends with the last worker once `stop` is cancelled, and not before: there may be none for a while.
    reports: mpsc::WeakSender<FromWorker>,
    terms: Option<Terms>,
    /// Workers that share the box's memory.
    sharers: usize,
    crews: Vec<Crew>,
    tasks: JoinSet<()>,
}

/// One worker, from outside.
#[derive(Debug)]
struct Crew {
    assignment: Assignment,
    queue: mpsc::Sender<ToWorker>,
    stop: CancellationToken,
    gone: CancellationToken,
}

/// Where the workers are asked for something. Clones ask the same workers.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// Camera id to the queue of its worker.
    queues: BTreeMap<String, mpsc::Sender<ToWorker>>,
}

// === impl Workers ===

impl Workers {
    /// Starts the workers that `config` asks for. What they say goes to the receiver; cancelling `stop` stops them.
    pub async fn start(
        config: &Config,
        command: &WorkerCommand,
        metrics: &Arc<Metrics>,
        stop: &CancellationToken,
    ) -> (Self, mpsc::Receiver<FromWorker>) {
        let (reports, received) = mpsc::channel(REPORTS_MAX);
        let mut workers = Workers {
            command: command.clone(),
            metrics: metrics.clone(),
            stop: stop.clone(),
            reports: reports.downgrade(),
            terms: None,
            sharers: 1,
            crews: Vec::new(),
            tasks: JoinSet::new(),
        };
        let stop = stop.clone();
        workers.tasks.spawn(async move {
            stop.cancelled().await;
            drop(reports);
        });
        workers.go_on_with(config).await;
        (workers, received)
    }

    /// Watches what this configuration asks for; cameras that stay as they are never notice.
    pub async fn go_on_with(&mut self, config: &Config) {
        let terms = Terms::of(config);
        self.sharers = config.gateway.workers;
        let same_terms = self.terms.replace(terms).is_none_or(|before| before == terms);
        let running: Vec<Assignment> = self.crews.iter().map(|crew| crew.assignment.clone()).collect();
        let plan = Plan::new(&running, config, same_terms);
        let before: Vec<String> = self.cameras().map(str::to_owned).collect();
        self.stop_some(&plan.stop).await;
        for (worker, camera) in &plan.drop {
            self.let_go(worker, camera, terms).await;
        }
        for assignment in plan.start {
            // Until its worker says otherwise. One whose detector cannot be loaded never does.
            assignment
                .cameras
                .iter()
                .for_each(|job| self.metrics.camera.up.with_label_values(&[&job.id]).set(0));
            self.start_one(assignment, terms);
        }
        for camera in before.iter().filter(|id| config.cameras.iter().all(|camera| camera.id != **id)) {
            self.metrics.forget_camera(camera);
        }
        self.metrics.worker.wanted.set(self.crews.len() as i64);
    }

    /// Names of the workers that run.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.crews.iter().map(|crew| crew.assignment.worker.as_str())
    }

    /// Where the workers are asked for something.
    pub fn requests(&self) -> Requests {
        let queue = |crew: &Crew| {
            let queue = crew.queue.clone();
            crew.assignment.cameras.iter().map(move |job| (job.id.clone(), queue.clone())).collect::<Vec<_>>()
        };
        Requests { queues: self.crews.iter().flat_map(queue).collect() }
    }

    /// Asks for a still; false when the camera's worker cannot take the request now.
    pub fn take_still(&self, request: StillRequest) -> bool {
        let camera = request.camera.clone();
        self.send(&camera, ToWorker::TakeStill(request))
    }

    /// Asks that a camera is looked at closely for a while, though nothing may move there: an alarm was raised in its
    /// sight. False when its worker cannot take the request now.
    pub fn look(&self, camera: &str, lasting: Duration) -> bool {
        self.send(camera, ToWorker::Look { camera: camera.to_owned(), lasting })
    }

    fn send(&self, camera: &str, message: ToWorker) -> bool {
        let watches = |crew: &&Crew| crew.assignment.cameras.iter().any(|job| job.id == camera);
        self.crews.iter().find(watches).is_some_and(|crew| crew.queue.try_send(message).is_ok())
    }

    /// Waits until every worker is gone.
    pub async fn join(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(panic) = ended {
                error!(error = %panic, "a worker's task failed");
            }
        }
    }

    fn cameras(&self) -> impl Iterator<Item = &str> {
        self.crews.iter().flat_map(|crew| &crew.assignment.cameras).map(|job| job.id.as_str())
    }

    /// Stops workers and waits until their sessions are closed: some cameras have room for one alone.
    async fn stop_some(&mut self, names: &[String]) {
        let (going, staying) = std::mem::take(&mut self.crews)
            .into_iter()
            .partition(|crew: &Crew| names.contains(&crew.assignment.worker));
        self.crews = staying;
        let going: Vec<Crew> = going;
        going.iter().for_each(|crew| crew.stop.cancel());
        for crew in going {
            if tokio::time::timeout(2 * STOP_GRACE, crew.gone.cancelled()).await.is_err() {
                warn!(worker = crew.assignment.worker, "a worker does not end; its cameras go on without it");
            }
            self.metrics.worker.forget(&crew.assignment.worker);
        }
    }

    /// A worker goes on without one of its cameras.
    async fn let_go(&mut self, worker: &str, camera: &str, terms: Terms) {
        let Some(crew) = self.crews.iter_mut().find(|crew| crew.assignment.worker == worker) else { return };
        crew.assignment.cameras.retain(|job| job.id != camera);
        info!(worker, camera, "the worker goes on without this camera");
        let told = crew.queue.send_timeout(ToWorker::Drop { camera: camera.to_owned() }, STOP_GRACE).await;
        if told.is_err() {
            warn!(worker, "the worker does not listen; it is started anew without the camera");
            let assignment = crew.assignment.clone();
            self.stop_some(&[worker.to_owned()]).await;
            self.start_one(assignment, terms);
        }
    }

    fn memory_limit(&self, cameras: usize, terms: Terms) -> u64 {
        memory::limit(terms.memory_bytes, cameras, self.sharers, machine::memory_size_bytes(Path::new("/")))
    }

    fn start_one(&mut self, assignment: Assignment, terms: Terms) {
        // Nobody listens any more once everything stops.
        let Some(reports) = self.reports.upgrade() else { return };
        let (queue, requests) = mpsc::channel(REQUESTS_MAX);
        let (stop, gone) = (self.stop.child_token(), CancellationToken::new());
        let name = assignment.worker.clone();
        let worker = Worker {
            command: self.command.clone(),
            memory_bytes: self.memory_limit(assignment.cameras.len(), terms),
            assignment: assignment.clone(),
            requests,
            reports,
            metrics: self.metrics.clone(),
            stop: stop.clone(),
        };
        let leaves = gone.clone().drop_guard();
        let running = async move {
            worker.run().await;
            drop(leaves);
        };
        self.tasks.spawn(running.instrument(info_span!("worker", name)));
        self.crews.push(Crew { assignment, queue, stop, gone });
    }
}

// === impl Requests ===

impl Requests {
    /// Sends a message to the worker of a camera; false when it cannot take it now.
    pub fn send(&self, camera: &str, message: ToWorker) -> bool {
        self.queues.get(camera).is_some_and(|queue| queue.try_send(message).is_ok())
    }

    /// Has the worker of a camera ended, and with it started anew; false when it cannot be told now.
    pub fn restart(&self, camera: &str) -> bool {
        self.send(camera, ToWorker::Stop)
    }

    /// The cameras that share a worker with this one, itself among them.
    pub fn beside(&self, camera: &str) -> Vec<&str> {
        let Some(own) = self.queues.get(camera) else { return Vec::new() };
        let shared = self.queues.iter().filter(|(_, queue)| queue.same_channel(own));
        shared.map(|(camera, _)| camera.as_str()).collect()
    }
}
