//! Points in time that survive a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// Milliseconds on the gateway's monotonic clock; below zero for what was before this start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Mark(i64);

// === impl Mark ===

impl Mark {
    /// Now.
    pub(crate) fn of(now: Moment) -> Self {
        Mark(i64::try_from(now.mono.as_millis()).unwrap_or(i64::MAX))
    }

    /// How long ago `earlier` was; zero for a later one.
    pub(crate) fn since(self, earlier: Mark) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same point on the clock of a new start: `saved` there is `restored` here.
    pub(crate) fn moved(self, saved: Mark, restored: Mark) -> Self {
        Mark(self.0.saturating_sub(saved.0).saturating_add(restored.0))
    }

    /// This much earlier.
    pub(crate) fn before(self, by: Duration) -> Self {
        Mark(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_stay_what_they_were_when_the_clock_begins_anew() {
        let (noticed, saved) = (Mark(90_000), Mark(100_000));
        let restored = Mark(5_000);
        let moved = noticed.moved(saved, restored);
        assert_eq!(moved, Mark(-5_000));
        assert_eq!(restored.since(moved), Duration::from_secs(10));
        assert_eq!(moved.since(restored), Duration::ZERO, "never negative");
    }
}
