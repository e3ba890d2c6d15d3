//! `moshao camera-worker`: the child process that `moshao run` starts for its cameras. Not for people.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use tokio::runtime;

use super::{Failure, Outcome};
use crate::{logging, worker};

/// Watch cameras for a parent process. Started by `moshao run`; the link to it is standard input.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Memory that the process may take, bytes; beyond it the process dies and the parent starts another.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
}

/// Runs until the parent says stop or is gone.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    // A terminal's Ctrl-C reaches the whole process group; the parent then stops its workers in order. Blocked before
    // there is any other thread, so for all of them.
    SigSet::from(Signal::SIGINT)
        .thread_block()
        .map_err(|error| Failure::failed(format!("SIGINT cannot be blocked: {error}")))?;
    if let Some(bytes) = arguments.memory_bytes {
        setrlimit(Resource::RLIMIT_DATA, bytes, bytes).map_err(|error| {
            Failure::failed(format!("memory cannot be limited to {bytes} bytes: {error}"))
        })?;
    }
    logging::init(logging::inherited_format(), false);
    let link = link()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let ended = runtime.block_on(async {
        let link = tokio::net::UnixStream::from_std(link).map_err(Failure::failed)?;
        worker::run(link).await.map_err(|error| Failure::failed(format!("camera worker: {error}")))
    });
    // Threads in the middle of a picture are left to the end of the process.
    runtime.shutdown_background();
    ended
}

/// Standard input, if it is the socket that a parent gave.
fn link() -> Result<UnixStream, Failure> {
    let stdin = std::io::stdin();
    let is_stream_socket =
        getsockopt(&stdin.as_fd(), sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream);
    if !is_stream_socket {
        return Err(Failure::usage(
            "camera-worker is started by `moshao run`; standard input is not its link",
        ));
    }
    let link = UnixStream::from(stdin.as_fd().try_clone_to_owned().map_err(Failure::failed)?);
    link.set_nonblocking(true).map_err(Failure::failed)?;
    Ok(link)
}
