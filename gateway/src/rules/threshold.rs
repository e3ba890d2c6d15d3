//! `threshold = { above | below, hysteresis, hold }`: a number beyond a limit for at least `hold`.
//!
//! Clears when the value has come back across the limit by `hysteresis` and stayed there for `clear_after`. Between
//! limit and hysteresis nothing changes either way.

use std::time::Duration;

use super::Edge;
use super::patience::{Patience, Says};

/// The limit, in the sensor's unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Alarms at the limit or above it; otherwise at it or below.
    pub(super) above: bool,
    pub(super) limit: f64,
    pub(super) hysteresis: f64,
}

/// One threshold rule looking at one sensor.
#[derive(Debug)]
pub(super) struct ThresholdWatch {
    limit: Limit,
    patience: Patience,
}

// === impl ThresholdWatch ===

impl ThresholdWatch {
    pub(super) fn new(limit: Limit, hold: Duration, clear_after: Duration) -> Self {
        ThresholdWatch { limit, patience: Patience::new(hold, clear_after) }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.patience.restore();
    }

    /// The limit, in the sensor's unit.
    pub(super) fn limit(&self) -> f64 {
        self.limit.limit
    }

    /// One reading.
    pub(super) fn step(&mut self, now: Duration, value: f64) -> Option<Edge> {
        self.patience.step(now, self.limit.says(value))
    }

    /// Time has passed: the last value still stands.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        self.patience.tick(now)
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.patience.end()
    }
}

// === impl Limit ===

impl Limit {
    fn says(&self, value: f64) -> Says {
        let beyond = if self.above { value - self.limit } else { self.limit - value };
        if beyond >= 0.0 {
            Says::Alarm
        } else if beyond < -self.hysteresis {
            Says::Clear
        } else {
            // Within the hysteresis, or not a number.
            Says::Neither
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn hotter_than_54(hold: u64) -> ThresholdWatch {
        ThresholdWatch::new(Limit { above: true, limit: 54.0, hysteresis: 4.0 }, s(hold), s(10))
    }

    #[test]
    fn at_the_limit_it_raises() {
        let mut watch = hotter_than_54(0);
        assert_eq!(watch.step(s(0), 53.9), None);
        assert_eq!(watch.step(s(1), 54.0), Some(Edge::Raised));
        assert_eq!(watch.step(s(2), 70.0), Some(Edge::Continues));
    }

    #[test]
    fn hold_asks_for_the_whole_time_and_one_cool_value_starts_it_again() {
        let mut watch = hotter_than_54(30);
        assert_eq!(watch.step(s(0), 60.0), None);
        assert_eq!(watch.step(s(20), 40.0), None);
        assert_eq!(watch.step(s(25), 60.0), None);
        assert_eq!(watch.tick(s(54)), None);
        assert_eq!(watch.tick(s(55)), Some(Edge::Raised), "the last value still stands");
    }

    #[test]
    fn within_the_hysteresis_nothing_clears() {
        let mut watch = hotter_than_54(0);
        watch.step(s(0), 60.0);
        assert_eq!(watch.step(s(1), 51.0), Some(Edge::Continues));
        assert_eq!(watch.tick(s(100)), None);
        assert_eq!(watch.step(s(101), 49.9), Some(Edge::Continues), "waits for clear_after");
        assert_eq!(watch.tick(s(111)), Some(Edge::Cleared));
    }

    #[test]
    fn below_is_the_mirror_image() {
        let mut watch =
            ThresholdWatch::new(Limit { above: false, limit: 0.14, hysteresis: 0.02 }, s(0), s(0));
        assert_eq!(watch.step(s(0), 0.20), None);
        assert_eq!(watch.step(s(1), 0.14), Some(Edge::Raised));
        assert_eq!(watch.step(s(2), 0.15), Some(Edge::Continues));
        assert_eq!(watch.step(s(3), 0.17), Some(Edge::Cleared));
    }

    #[test]
    fn not_a_number_changes_nothing() {
        let mut watch = hotter_than_54(0);
        watch.step(s(0), 60.0);
        assert_eq!(watch.step(s(1), f64::NAN), Some(Edge::Continues));
        assert_eq!(watch.tick(s(100)), None);
    }
}
