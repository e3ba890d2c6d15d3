//! Camera workers as the parent sees them: start, feed, watch, restart.
//!
//! Cameras are dealt out to the workers in turn and stay where they are. A worker that dies or breaks the rules of the
//! link is started again at once; one that keeps dying waits longer each time, up to `RESTART_DELAY_MAX`, and the
//! others never notice. A worker sees the end of its parent as the end of its standard input, and exits.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use moshao_config::{Camera, Config};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::metrics::Metrics;
use crate::worker::codec::{LinkError, read_message, write_message};
use crate::worker::link::{Assignment, CameraJob, FromWorker, StillRequest, ToWorker};

/// Delay before a worker is started again after its first death.
const RESTART_DELAY_MIN: Duration = Duration::from_millis(100);
/// Delay before a worker is started again when it dies again and again.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long has proven itself: its next death counts as the first.
const PROVEN_AFTER: Duration = Duration::from_secs(60);
/// How long a worker may take to close its sessions after [`ToWorker::Stop`].
const STOP_GRACE: Duration = Duration::from_millis(3500);
/// Messages waiting for one worker; a worker that lets this many wait does not read and is restarted.
const REQUESTS_MAX: usize = 64;

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
    tasks: JoinSet<()>,
    requests: Requests,
}

/// Where the workers are asked for something. Clones ask the same workers.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// Camera id to the queue of its worker.
    queues: BTreeMap<String, mpsc::Sender<ToWorker>>,
}

/// Everything one worker's task needs.
struct Worker {
    command: WorkerCommand,
    memory_bytes: u64,
    assignment: Assignment,
    requests: mpsc::Receiver<ToWorker>,
    reports: mpsc::Sender<FromWorker>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

/// How one life of a worker ended.
enum End {
    /// As asked.
    Stopped,
    /// By itself.
    Died(String),
}

// === impl Workers ===

impl Workers {
    /// Starts the workers that `config` asks for. What they say goes to `reports`; cancelling `stop` stops them.
    pub fn start(
        config: &Config,
        command: &WorkerCommand,
        metrics: &Arc<Metrics>,
        stop: &CancellationToken,
    ) -> (Self, mpsc::Receiver<FromWorker>) {
        let (reports, received) = mpsc::channel(256);
        let mut workers = Workers { tasks: JoinSet::new(), requests: Requests::default() };
        for (number, assignment) in assignments(config).into_iter().enumerate() {
            let (queue, requests) = mpsc::channel(REQUESTS_MAX);
            for camera in &assignment.cameras {
                workers.requests.queues.insert(camera.id.clone(), queue.clone());
            }
            let worker = Worker {
                command: command.clone(),
                memory_bytes: config.gateway.worker_memory_bytes,
                assignment,
                requests,
                reports: reports.clone(),
                metrics: metrics.clone(),
                stop: stop.clone(),
            };
            workers.tasks.spawn(worker.run().instrument(info_span!("worker", number)));
        }
        (workers, received)
    }

    /// Where the workers are asked for something.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Asks for a still; false when the camera's worker cannot take the request now.
    pub fn take_still(&self, request: StillRequest) -> bool {
        let camera = request.camera.clone();
        self.requests.send(&camera, ToWorker::TakeStill(request))
    }

    /// Asks that a camera is looked at closely for a while, though nothing may move there: an alarm was raised in its
    /// sight. False when its worker cannot take the request now.
    pub fn look(&self, camera: &str, lasting: Duration) -> bool {
        self.requests.send(camera, ToWorker::Look { camera: camera.to_owned(), lasting })
    }

    /// Waits until every worker is gone.
    pub async fn join(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(panic) = ended {
                error!(error = %panic, "a worker's task failed");
            }
        }
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

// === impl Worker ===

impl Worker {
    /// One life after another until asked to stop.
    async fn run(mut self) {
        let mut delay = RESTART_DELAY_MIN;
        loop {
            let born = Instant::now();
            let reason = match self.live().await {
                End::Stopped => return,
                End::Died(reason) => reason,
            };
            self.metrics.worker_restarts.inc();
            if born.elapsed() >= PROVEN_AFTER {
                delay = RESTART_DELAY_MIN;
            }
            warn!(reason, delay_ms = delay.as_millis() as u64, "camera worker ended, starting it again");
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(delay) => {}
            }
            delay = (delay * 2).min(RESTART_DELAY_MAX);
        }
    }

    /// One life: start the process, give it its cameras, pass messages both ways.
    async fn live(&mut self) -> End {
        let (mut child, mut link) = match self.start() {
            Ok(started) => started,
            Err(error) => {
                return End::Died(format!("cannot start {}: {error}", self.command.program.display()));
            }
        };
        self.metrics.workers_up.inc();
        let outcome = self.converse(&mut link).await;
        let end = match outcome {
            Ok(()) => {
                let asked = tokio::time::timeout(STOP_GRACE, async {
                    write_message(&mut link, &ToWorker::Stop).await?;
                    child.wait().await.map_err(LinkError::from)
                });
                match asked.await {
                    Ok(Ok(_)) => info!("camera worker stopped"),
                    Ok(Err(error)) => warn!(%error, "camera worker went before it was asked to"),
                    Err(_) => {
                        warn!(grace_ms = STOP_GRACE.as_millis() as u64, "camera worker did not stop in time")
                    }
                }
                End::Stopped
            }
            Err(error) => {
                let status = end_of(&mut child, Duration::from_millis(200)).await;
                End::Died(format!("{error}{}", status.map(|s| format!(" ({s})")).unwrap_or_default()))
            }
        };
        // Dropping the child kills what is left of it.
        drop(child);
        self.metrics.workers_up.dec();
        end
    }

    fn start(&self) -> std::io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .envs(self.command.environment.iter().cloned())
            .arg("--memory-bytes")
            .arg(self.memory_bytes.to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        info!(pid = child.id(), cameras = self.assignment.cameras.len(), "camera worker started");
        Ok((child, UnixStream::from_std(ours)?))
    }

    /// Passes messages until asked to stop (`Ok`) or the link breaks.
    async fn converse(&mut self, link: &mut UnixStream) -> Result<(), LinkError> {
        let (mut from, mut to) = link.split();
        let assignment = self.assignment.clone();
        let requests = &mut self.requests;
        let reports = &self.reports;
        let writing = async {
            write_message(&mut to, &ToWorker::Start(Box::new(assignment))).await?;
            while let Some(request) = requests.recv().await {
                write_message(&mut to, &request).await?;
                if matches!(request, ToWorker::Stop) {
                    // It goes by itself, which ends the reading; one that does not is killed.
                    tokio::time::sleep(STOP_GRACE).await;
                    let late =
                        std::io::Error::new(std::io::ErrorKind::TimedOut, "it was asked to stop and did not");
                    return Err(late.into());
                }
            }
            // No sender is left: the gateway is stopping and `stop` says so.
            std::future::pending::<Result<(), LinkError>>().await
        };
        let reading = async {
            loop {
                match read_message::<FromWorker>(&mut from).await? {
                    // The receiver is gone only while the gateway stops.
                    Some(report) => drop(reports.send(report).await),
                    None => {
                        let gone =
                            std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the worker is gone");
                        return Err::<(), LinkError>(gone.into());
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(()),
            ended = writing => ended,
            ended = reading => ended,
        }
    }
}

async fn end_of(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    tokio::time::timeout(patience, child.wait()).await.ok()?.ok()
}

/// Names of the workers that a configuration asks for.
pub fn worker_names(config: &Config) -> impl Iterator<Item = String> {
    let count =
        if config.cameras.is_empty() { 0 } else { config.gateway.workers.clamp(1, config.cameras.len()) };
    (0..count).map(|number| format!("worker-{number}"))
}

/// Cameras dealt out in turn, each worker with the detectors that its cameras need.
fn assignments(config: &Config) -> Vec<Assignment> {
    let pre_roll = config.evidence.pre_roll;
    let assignment = |worker| Assignment { worker, detectors: Vec::new(), cameras: Vec::new(), pre_roll };
    let mut dealt: Vec<Assignment> = worker_names(config).map(assignment).collect();
    let workers = dealt.len();
    for (number, camera) in config.cameras.iter().enumerate() {
        let assignment = &mut dealt[number % workers];
        assignment.cameras.push(camera_job(camera));
        if assignment.detectors.iter().all(|detector| detector.name != camera.detector)
            && let Some(detector) = config.detectors.iter().find(|detector| detector.name == camera.detector)
        {
            assignment.detectors.push(detector.clone());
        }
    }
    dealt
}

/// What a worker needs to know of a camera.
pub fn camera_job(camera: &Camera) -> CameraJob {
    CameraJob {
        id: camera.id.clone(),
        url: camera.url.to_string(),
        username: camera.username.clone(),
        password: camera.password.clone(),
        main: camera.main.clone(),
        allow_basic: camera.allow_basic,
        detector: camera.detector.clone(),
        detections_per_second: camera.detections_per_second,
        gate: camera.gate,
        sensitivity: camera.sensitivity,
        priority: camera.priority,
        masks: camera.masks.clone(),
        view: camera.view.clone(),
        deadlines: camera.deadlines,
        diagnose: camera.diagnosis.is_on,
    }
}
