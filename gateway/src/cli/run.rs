//! `moshao run`: the daemon.

use std::path::PathBuf;
use std::time::Duration;

use moshao_config::Report;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Failure, Outcome};
use crate::live::{self, Live, Start};
use crate::supervise::WorkerCommand;
use crate::{heartbeat, logging};

/// Watch cameras and sensors, and forward events
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao run --config /etc/moshao/moshao.toml
  moshao run --config village.toml --log-format json 2>> moshao.log

Reads the configuration again when it has been saved and on SIGHUP: cameras that it does not change go on untouched,
and a wrong one changes nothing. A change after which the gateway is not as well as before is taken back; see deploy/change.md. Beside FILE
it keeps FILE.last-good, with which it starts where FILE cannot be used, and FILE.state.
Stops in order on SIGTERM or Ctrl-C, within 5 seconds; at once on a second one. Events that have not been
delivered by then stay on disk and go out after the next start.")]
pub(super) struct Arguments {
    /// Configuration file; `moshao check` says what is wrong with it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log_format: logging::Format,
}

/// Runs until a signal.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    let start = Start::choose(arguments.config.clone())
        .map_err(|report| Failure::config(format!("the configuration cannot be used\n{report}")))?;
    logging::init(arguments.log_format, false);
    for doubt in start.doubts.iter().flat_map(Report::problems) {
        warn!(config = %arguments.config.display(), "{}", doubt.message);
    }
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve(start, arguments));
    // Nothing that matters runs any more; a look-up that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

/// Two threads are enough for the parent: pictures are the workers' business.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))
}

async fn serve(start: Start, arguments: &Arguments) -> Outcome {
    let stop = CancellationToken::new();
    let signals =
        Signals::listen().map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let worker = worker_command(arguments.log_format)?;
    let (live, app) = Live::begin(start, worker).await.map_err(Failure::failed)?;
    let address = app.http_address().map_err(Failure::failed)?;
    info!("metrics at http://{address}/metrics, health at http://{address}/healthz");
    let handle = live.handle();
    tokio::select! {
        ended = live.run(app, stop.clone()) => ended.map_err(Failure::failed),
        never = reload_on_hangup(handle) => never,
        second = signals.stop_on_first(stop) => Err(second),
    }
}

/// This binary, as a camera worker with logs like ours.
pub(super) fn worker_command(format: logging::Format) -> Result<WorkerCommand, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot find this program's own file: {error}")))?;
    Ok(WorkerCommand {
        program,
        arguments: vec!["camera-worker".to_owned()],
        environment: vec![(logging::FORMAT_VARIABLE.to_owned(), format.as_str().to_owned())],
    })
}

/// Has the configuration read again with each SIGHUP.
async fn reload_on_hangup(live: live::Handle) -> Outcome {
    let mut hangups = signal(SignalKind::hangup())
        .map_err(|error| Failure::failed(format!("cannot listen for SIGHUP: {error}")))?;
    loop {
        hangups.recv().await;
        live.reload_soon("SIGHUP");
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

// === impl Signals ===

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Cancels `stop` on the first signal and returns on the second.
    async fn stop_on_first(mut self, stop: CancellationToken) -> Failure {
        self.next().await;
        info!("stopping; a second signal ends it at once");
        heartbeat::stopping();
        stop.cancel();
        self.next().await;
        warn!("second signal, ending at once");
        Failure::failed("ended by a second signal before everything had stopped; events are safe on disk")
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
