//! What systemd is told: that the gateway is ready, that it is alive, that it is about to stop.
//!
//! The heartbeat comes from the desk's loop after a whole turn of it: readings and reports taken, rules asked, events
//! offered to the outbox. A loop that hangs on any of these beats no more, and systemd restarts the gateway after
//! `WatchdogSec`. A timer on a task of its own would go on beating over a dead desk.
//!
//! Outside of systemd (no `NOTIFY_SOCKET`) all of this does nothing.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::warn;

/// The watchdog's heartbeat.
#[derive(Debug)]
pub struct Heartbeat {
    /// Half the time after which systemd gives the gateway up; none where no watchdog waits.
    every: Option<Duration>,
    last: Option<Instant>,
}

// === impl Heartbeat ===

impl Heartbeat {
    /// As systemd asks for it in `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn from_environment() -> Self {
        let mut microseconds = 0;
        let wanted = sd_notify::watchdog_enabled(false, &mut microseconds);
        Self::every(wanted.then(|| Duration::from_micros(microseconds) / 2))
    }

    fn every(every: Option<Duration>) -> Self {
        Heartbeat { every, last: None }
    }

    /// One whole turn of the loop is done.
    pub fn beat(&mut self, now: Instant) {
        if self.due(now) {
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn due(&mut self, now: Instant) -> bool {
        let Some(every) = self.every else { return false };
        let due = self.last.is_none_or(|last| now.duration_since(last) >= every);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Everything is open and bound, sources are being connected.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("watching")]);
}

/// The gateway stops in order.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("delivering what is left")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        warn!(%error, "systemd cannot be told; check NOTIFY_SOCKET");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heart_beats_twice_in_a_watchdogs_time_and_not_with_every_turn() {
        let start = Instant::now();
        let mut heart = Heartbeat::every(Some(Duration::from_secs(15)));
        let beats = (0..240_u64).filter(|turn| heart.due(start + Duration::from_millis(turn * 250))).count();
        assert_eq!(beats, 4, "one minute of turns");
    }

    #[test]
    fn without_a_watchdog_there_is_no_heartbeat() {
        assert!(!Heartbeat::every(None).due(Instant::now()));
    }
}
