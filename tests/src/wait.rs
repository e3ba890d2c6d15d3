//! Waiting for something that another process does.

use std::thread;
use std::time::{Duration, Instant};

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks until `probe` finds something, and returns it.
///
/// # Panics
/// After `patience`, naming `what` was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, patience: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(begin.elapsed() < patience, "waited {patience:?} in vain: {what}");
        thread::sleep(INTERVAL);
    }
}
