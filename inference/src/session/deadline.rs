//! The end of a run that takes longer than anybody waits for: a graph may hold a loop that never ends.
//!
//! ONNX Runtime looks at the request to stop between two operators and between two turns of a loop, so that one single
//! operator is never interrupted.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ort::session::RunOptions;

/// Stops one run.
pub(super) struct Deadline {
    limit: Duration,
    options: RunOptions,
    passed: AtomicBool,
}

// === impl Deadline ===

impl Deadline {
    pub(super) fn new(limit: Duration) -> ort::Result<Self> {
        Ok(Self { limit, options: RunOptions::new()?, passed: AtomicBool::new(false) })
    }

    /// Calls `run` with options through which it is asked to stop once the limit has passed.
    ///
    /// # Errors
    /// The thread that watches it cannot be started.
    pub(super) fn watch<'a, T>(&'a self, run: impl FnOnce(&'a RunOptions) -> T) -> io::Result<T> {
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            thread::Builder::new().name("deadline".into()).spawn_scoped(scope, move || {
                if is_done.recv_timeout(self.limit) == Err(RecvTimeoutError::Timeout) {
                    self.passed.store(true, Ordering::Relaxed);
                    // There is nothing to be done where even this fails.
                    drop(self.options.terminate());
                }
            })?;
            let result = run(&self.options);
            drop(done);
            Ok(result)
        })
    }

    /// Whether the run was asked to stop.
    pub(super) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }
}
