//! What systemd is told: that the gateway is ready, that it is alive, that it is about to stop.
//!
//! The heartbeat comes from the desk's loop after a whole turn of it: readings and reports taken, rules asked, events
//! offered to the outbox. A loop that hangs on any of these beats no more, and systemd restarts the gateway after
//! `WatchdogSec`. A timer on a task of its own would go on beating over a dead desk.
//!
//! Outside of systemd (no `NOTIFY_SOCKET`) nobody is told. Whoever watches the gateway there, Kubernetes for one, asks
//! `/livez`, which looks at the same loop's [`Pulse`].

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::warn;

/// How long the loop may take for a turn before it counts as hung: as `WatchdogSec` of the packaged unit.
const TURN_MAX: Duration = Duration::from_secs(30);

/// When the desk's loop last had a whole turn. Shared with whoever asks.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<Instant>>);

/// The watchdog's heartbeat.
#[derive(Debug)]
pub struct Heartbeat {
    /// Half the time after which systemd gives the gateway up; none where no watchdog waits.
    every: Option<Duration>,
    last: Option<Instant>,
}

// === impl Pulse ===

impl Pulse {
    /// One whole turn of the loop is done.
    pub fn turned(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(now);
    }

    /// Whether the loop turns; before its first turn nobody can tell, and it counts as alive.
    pub fn is_alive(&self, now: Instant) -> bool {
        let last = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.is_none_or(|last| now.saturating_duration_since(last) < TURN_MAX)
    }
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
    fn a_loop_that_hangs_has_no_pulse_after_half_a_minute() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        assert!(pulse.is_alive(start + Duration::from_secs(3600)), "it has not begun");
        pulse.turned(start);
        assert!(pulse.is_alive(start + Duration::from_secs(29)));
        assert!(!pulse.is_alive(start + Duration::from_secs(30)));
        pulse.turned(start + Duration::from_secs(31));
        assert!(pulse.is_alive(start + Duration::from_secs(32)));
    }

    #[test]
    fn without_a_watchdog_there_is_no_heartbeat() {
        assert!(!Heartbeat::every(None).due(Instant::now()));
    }
}
