//! `stuck = { longer_than, tolerance }`: a sensor that goes on reporting, and always the same.
//!
//! A frozen pressure of a hydrant looks well until the day it is needed. Silence is another thing, and another rule.

use std::time::Duration;

use super::Edge;

/// Fewer readings of the same value are no sign of anything.
const READINGS_MIN: u32 = 4;

/// One stuck rule looking at one sensor.
#[derive(Debug)]
pub(super) struct StuckWatch {
    longer_than: Duration,
    tolerance: f64,
    /// Lowest and highest value, since when, and how many readings.
    same: Option<(f64, f64, Duration, u32)>,
    active: bool,
}

// === impl StuckWatch ===

impl StuckWatch {
    pub(super) fn new(longer_than: Duration, tolerance: f64) -> Self {
        StuckWatch { longer_than, tolerance, same: None, active: false }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.active = true;
    }

    /// One reading.
    pub(super) fn step(&mut self, now: Duration, value: f64) -> Option<Edge> {
        let (low, high, since, readings) = self.same.unwrap_or((value, value, now, 0));
        let (low, high) = (low.min(value), high.max(value));
        if high - low > self.tolerance {
            self.same = Some((value, value, now, 1));
            return std::mem::take(&mut self.active).then_some(Edge::Cleared);
        }
        let readings = readings.saturating_add(1);
        self.same = Some((low, high, since, readings));
        if self.active {
            return Some(Edge::Continues);
        }
        self.active = readings >= READINGS_MIN && now.saturating_sub(since) >= self.longer_than;
        self.active.then_some(Edge::Raised)
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.same = None;
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(3600 * hours)
    }

    #[test]
    fn the_same_pressure_for_a_day_is_told_and_over_with_the_next_change() {
        let mut watch = StuckWatch::new(hours(24), 0.001);
        for hour in 0..24 {
            assert_eq!(watch.step(hours(hour), 0.32), None, "at {hour} h");
        }
        assert_eq!(watch.step(hours(24), 0.3205), Some(Edge::Raised));
        assert_eq!(watch.step(hours(25), 0.32), Some(Edge::Continues));
        assert_eq!(watch.step(hours(26), 0.33), Some(Edge::Cleared));
        assert_eq!(watch.step(hours(27), 0.33), None);
    }

    #[test]
    fn creeping_within_the_tolerance_is_a_change_in_the_end() {
        let mut watch = StuckWatch::new(hours(24), 0.01);
        for hour in 0..100 {
            assert_eq!(watch.step(hours(hour), 0.3 + hour as f64 * 0.001), None, "at {hour} h");
        }
    }

    #[test]
    fn two_readings_a_day_apart_prove_nothing() {
        let mut watch = StuckWatch::new(hours(24), 0.0);
        assert_eq!(watch.step(hours(0), 0.3), None);
        assert_eq!(watch.step(hours(48), 0.3), None);
    }
}
