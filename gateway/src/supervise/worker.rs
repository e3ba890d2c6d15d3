//! One camera worker: its process started, fed, watched, started again.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{WorkerCommand, memory};
use crate::metrics::Metrics;
use crate::worker::codec::{LinkError, read_message, write_message};
use crate::worker::link::{Assignment, FromWorker, ToWorker};

/// Delay before a worker is started again after its first death.
const RESTART_DELAY_MIN: Duration = Duration::from_millis(100);
/// Delay before a worker is started again when it dies again and again.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long has proven itself: its next death counts as the first.
const PROVEN_AFTER: Duration = Duration::from_secs(60);
/// How long a worker may take to close its sessions after [`ToWorker::Stop`].
pub(super) const STOP_GRACE: Duration = Duration::from_millis(3500);

/// Everything one worker's task needs.
pub(super) struct Worker {
    pub(super) command: WorkerCommand,
    pub(super) memory_bytes: u64,
    pub(super) assignment: Assignment,
    pub(super) requests: mpsc::Receiver<ToWorker>,
    pub(super) reports: mpsc::Sender<FromWorker>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
}

/// How one life of a worker ended.
enum End {
    /// As asked.
    Stopped,
    /// By itself.
    Died(String),
}

// === impl Worker ===

impl Worker {
    /// One life after another until asked to stop.
    pub(super) async fn run(mut self) {
        let mut delay = RESTART_DELAY_MIN;
        loop {
            let born = Instant::now();
            let reason = match self.live().await {
                End::Stopped => return,
                End::Died(reason) => reason,
            };
            self.metrics.worker.restarts.inc();
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
        self.metrics.worker.up.inc();
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
                End::Died(format!("{error}{}", status.map(|s| self.told(s)).unwrap_or_default()))
            }
        };
        // Dropping the child kills what is left of it.
        drop(child);
        self.metrics.worker.up.dec();
        end
    }

    /// How a process ended, and why that may be.
    fn told(&self, status: ExitStatus) -> String {
        // An allocation that fails ends the process with SIGABRT.
        let hint = match status.signal() == Some(Signal::SIGABRT as i32) {
            true => format!(
                "; if it says that a memory allocation failed, it has come to its limit of {} MiB for {} cameras: \
                 raise gateway.worker_memory, or give fewer cameras to the box",
                self.memory_bytes >> 20,
                self.assignment.cameras.len()
            ),
            false => String::new(),
        };
        format!(" ({status}{hint})")
    }

    fn start(&self) -> std::io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .envs(memory::ALLOCATOR)
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
        let own = &mut self.assignment;
        let requests = &mut self.requests;
        let reports = &self.reports;
        let writing = async {
            write_message(&mut to, &ToWorker::Start(Box::new(assignment))).await?;
            while let Some(request) = requests.recv().await {
                write_message(&mut to, &request).await?;
                if let ToWorker::Drop { camera } = &request {
                    // Its next life begins without it.
                    own.cameras.retain(|job| job.id != *camera);
                }
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
