//! `state = { is = true }`: a yes/no sensor in its alarming state.
//!
//! The sensor decides; nothing is filtered here. Only the end waits for `clear_after`, so that a contact that bounces
//! makes one incident.

use std::time::Duration;

use super::Edge;

/// One state rule looking at one sensor.
#[derive(Debug)]
pub(super) struct StateWatch {
    alarming: bool,
    clear_after: Duration,
    active: bool,
    /// Since when the sensor has been quiet, while the rule is still active.
    quiet_since: Option<Duration>,
}

// === impl StateWatch ===

impl StateWatch {
    pub(super) fn new(alarming: bool, clear_after: Duration) -> Self {
        StateWatch { alarming, clear_after, active: false, quiet_since: None }
    }

    /// True, as it was before a restart: only the sensor may end it.
    pub(super) fn restore(&mut self) {
        self.active = true;
        self.quiet_since = None;
    }

    /// One reading; 0 is no, everything else is yes.
    pub(super) fn step(&mut self, now: Duration, value: f64) -> Option<Edge> {
        if (value != 0.0) != self.alarming {
            if self.active && self.quiet_since.is_none() {
                self.quiet_since = Some(now);
            }
            return self.tick(now);
        }
        self.quiet_since = None;
        if self.active {
            return Some(Edge::Continues);
        }
        self.active = true;
        Some(Edge::Raised)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        let since = self.quiet_since?;
        if now.saturating_sub(since) < self.clear_after {
            return None;
        }
        self.quiet_since = None;
        self.active = false;
        Some(Edge::Cleared)
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.quiet_since = None;
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn the_first_alarming_reading_raises_at_once() {
        let mut watch = StateWatch::new(true, s(10));
        assert_eq!(watch.step(s(0), 0.0), None);
        assert_eq!(watch.step(s(1), 1.0), Some(Edge::Raised));
        assert_eq!(watch.step(s(2), 1.0), Some(Edge::Continues));
    }

    #[test]
    fn a_bounce_does_not_end_it() {
        let mut watch = StateWatch::new(true, s(10));
        watch.step(s(0), 1.0);
        assert_eq!(watch.step(s(1), 0.0), None);
        assert_eq!(watch.step(s(2), 1.0), Some(Edge::Continues));
        assert_eq!(watch.tick(s(60)), None, "alarming again: the quiet second is forgotten");
    }

    #[test]
    fn it_clears_when_quiet_for_long_enough_even_without_another_reading() {
        let mut watch = StateWatch::new(true, s(10));
        watch.step(s(0), 1.0);
        assert_eq!(watch.step(s(5), 0.0), None);
        assert_eq!(watch.tick(s(14)), None);
        assert_eq!(watch.tick(s(15)), Some(Edge::Cleared));
    }

    #[test]
    fn a_contact_may_alarm_when_open() {
        let mut watch = StateWatch::new(false, s(0));
        assert_eq!(watch.step(s(0), 1.0), None);
        assert_eq!(watch.step(s(1), 0.0), Some(Edge::Raised));
        assert_eq!(watch.step(s(2), 1.0), Some(Edge::Cleared));
    }

    #[test]
    fn restored_it_waits_for_the_sensor_however_long() {
        let mut watch = StateWatch::new(true, s(10));
        watch.restore();
        assert_eq!(watch.tick(s(86_400)), None);
        assert_eq!(watch.step(s(86_401), 0.0), None);
        assert_eq!(watch.tick(s(86_411)), Some(Edge::Cleared));
    }
}
