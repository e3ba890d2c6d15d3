//! How much of its time a thread waits for work.

use std::time::{Duration, Instant};

/// Kept under the lock that the thread waits with.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    waited: Duration,
    since: Option<Instant>,
}

// === impl Waiting ===

impl Waiting {
    pub(super) fn begin(&mut self) {
        self.since = Some(Instant::now());
    }

    pub(super) fn end(&mut self) {
        self.waited += self.since.take().map(|since| since.elapsed()).unwrap_or_default();
    }

    /// Time waited since it was asked last, a wait that goes on included.
    pub(super) fn take(&mut self) -> Duration {
        if let Some(since) = &mut self.since {
            let now = Instant::now();
            self.waited += now - std::mem::replace(since, now);
        }
        std::mem::take(&mut self.waited)
    }
}
