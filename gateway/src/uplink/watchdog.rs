//! When to give up a connection that looks alive: a pure decision.
//!
//! A half-open cellular link swallows everything for a quarter of an hour before the kernel gives up, and a broker may
//! forget a PUBACK for ever. Neither may hold the events back.

use std::time::{Duration, Instant};

/// A publish without PUBACK for this long: the connection is given up, the event goes again on the next one.
pub(super) const PUBACK_LIMIT: Duration = Duration::from_secs(60);

/// Watches one connection.
#[derive(Debug)]
pub(super) struct Watchdog {
    silence_limit: Duration,
    last_packet: Instant,
}

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Expired {
    #[error("no packet from the broker for {} s", .0.as_secs())]
    Silence(Duration),
    #[error("no PUBACK for a publish within {} s", .0.as_secs())]
    NoPuback(Duration),
}

// === impl Watchdog ===

impl Watchdog {
    /// A broker answers each ping: silence for two of them and some travel time means that it is gone.
    pub(super) fn new(keep_alive: Duration, now: Instant) -> Self {
        Self { silence_limit: keep_alive * 2 + Duration::from_secs(10), last_packet: now }
    }

    /// A packet came in.
    pub(super) fn packet(&mut self, now: Instant) {
        self.last_packet = now;
    }

    /// Whether to give up, given since when the oldest publish waits.
    pub(super) fn expired(&self, now: Instant, oldest: Option<Instant>) -> Option<Expired> {
        if now.duration_since(self.last_packet) >= self.silence_limit {
            return Some(Expired::Silence(self.silence_limit));
        }
        let waits = oldest.map_or(Duration::ZERO, |since| now.duration_since(since));
        (waits >= PUBACK_LIMIT).then_some(Expired::NoPuback(PUBACK_LIMIT))
    }

    /// When to ask next.
    pub(super) fn deadline(&self, oldest: Option<Instant>) -> Instant {
        let silence = self.last_packet + self.silence_limit;
        oldest.map_or(silence, |since| silence.min(since + PUBACK_LIMIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(30);

    #[test]
    fn silence_for_two_keep_alives_and_some_is_the_end() {
        let begin = Instant::now();
        let mut watchdog = Watchdog::new(KEEP_ALIVE, begin);
        let limit = Duration::from_secs(70);
        assert_eq!(watchdog.deadline(None), begin + limit);
        assert_eq!(watchdog.expired(begin + limit - Duration::from_millis(1), None), None);
        assert_eq!(watchdog.expired(begin + limit, None), Some(Expired::Silence(limit)));
        watchdog.packet(begin + Duration::from_secs(30));
        assert_eq!(watchdog.expired(begin + limit, None), None);
    }

    #[test]
    fn a_forgotten_puback_is_the_end_though_pings_are_answered() {
        let begin = Instant::now();
        let mut watchdog = Watchdog::new(KEEP_ALIVE, begin);
        let published = begin + Duration::from_secs(5);
        watchdog.packet(begin + Duration::from_secs(60));
        assert_eq!(watchdog.deadline(Some(published)), published + PUBACK_LIMIT);
        assert_eq!(watchdog.expired(begin + Duration::from_secs(64), Some(published)), None);
        let at = published + PUBACK_LIMIT;
        assert_eq!(watchdog.expired(at, Some(published)), Some(Expired::NoPuback(PUBACK_LIMIT)));
    }
}
