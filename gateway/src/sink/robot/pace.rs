//! When a robot may speak: a token bucket and a pause after a digest. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Messages that may go one after the other.
const BURST: f64 = 5.0;
/// The last of them is kept for level 1.
const KEPT_FOR_URGENT: f64 = 1.0;
/// After a digest so much collects before the next message; level 1 waits less.
const PAUSE: Duration = Duration::from_secs(60);
const URGENT_PAUSE: Duration = Duration::from_secs(10);

/// How much may be said now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    every: Duration,
    tokens: f64,
    counted: Option<Instant>,
    digest: Option<Instant>,
}

// === impl Pace ===

impl Pace {
    /// So many messages a minute, in the long run.
    pub(super) fn new(a_minute: u32) -> Self {
        Pace { every: Duration::from_secs(60) / a_minute, tokens: BURST, counted: None, digest: None }
    }

    /// Until when to wait with a message; none where it may go now.
    pub(super) fn wait(&self, now: Instant, is_urgent: bool) -> Option<Instant> {
        let pause = if is_urgent { URGENT_PAUSE } else { PAUSE };
        let paused = self.digest.map(|digest| digest + pause).filter(|until| *until > now);
        let needed = if is_urgent { 1.0 } else { 1.0 + KEPT_FOR_URGENT };
        let lacking = needed - self.tokens(now);
        let token = (lacking > 0.0).then(|| now + self.every.mul_f64(lacking));
        paused.max(token)
    }

    /// A message has gone.
    pub(super) fn sent(&mut self, now: Instant, is_urgent: bool, is_digest: bool) {
        self.tokens = (self.tokens(now) - 1.0).max(0.0);
        self.counted = Some(now);
        if is_digest {
            self.digest = Some(now);
        } else if !is_urgent {
            self.digest = None;
        }
    }

    fn tokens(&self, now: Instant) -> f64 {
        let since = self.counted.map_or(Duration::ZERO, |counted| now.duration_since(counted));
        (self.tokens + since.as_secs_f64() / self.every.as_secs_f64()).min(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_pressure_keeps_the_limit_and_leaves_room_for_level_1() {
        let begin = Instant::now();
        let mut pace = Pace::new(15);
        let mut sent = 0;
        let mut now = begin;
        while now < begin + Duration::from_secs(60) {
            match pace.wait(now, false) {
                None => {
                    pace.sent(now, false, false);
                    sent += 1;
                    assert_eq!(pace.wait(now, true), None, "level 1 may always follow");
                }
                Some(until) => now = until,
            }
        }
        assert!((15..=19).contains(&sent), "{sent} messages: at most 20 a minute with the burst");
    }

    #[test]
    fn after_a_digest_it_collects_for_a_while() {
        let now = Instant::now();
        let mut pace = Pace::new(15);
        pace.sent(now, true, true);
        assert_eq!(pace.wait(now, true), Some(now + URGENT_PAUSE));
        assert_eq!(pace.wait(now, false), Some(now + PAUSE));
        assert_eq!(pace.wait(now + PAUSE, false), None);
    }
}
