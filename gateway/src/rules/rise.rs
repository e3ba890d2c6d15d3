//! `rise = { per_minute, window }`: a number that rises too fast.

use std::time::Duration;

use super::Edge;
use super::series::Series;
use super::state::StateWatch;

/// Fewer readings say nothing: the one that is wrong could be the last.
const READINGS_MIN: usize = 3;

/// Readings in a row that must say so, because a single wild one says so too.
const IN_A_ROW: u32 = 2;

/// One rise rule looking at one sensor.
#[derive(Debug)]
pub(super) struct RiseWatch {
    per_minute: f64,
    series: Series,
    in_a_row: u32,
    state: StateWatch,
}

// === impl RiseWatch ===

impl RiseWatch {
    pub(super) fn new(per_minute: f64, window: Duration, clear_after: Duration) -> Self {
        let (series, state) = (Series::new(window), StateWatch::new(true, clear_after));
        RiseWatch { per_minute, series, in_a_row: 0, state }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.state.restore();
    }

    /// One reading.
    pub(super) fn step(&mut self, now: Duration, value: f64) -> Option<Edge> {
        self.series.push(now, value);
        let enough = self.series.len() >= READINGS_MIN;
        let per_minute = self.series.slope().filter(|_| enough).map_or(0.0, |slope| slope * 60.0);
        self.in_a_row = if per_minute >= self.per_minute { self.in_a_row.saturating_add(1) } else { 0 };
        self.state.step(now, f64::from(u8::from(self.in_a_row >= IN_A_ROW)))
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        self.state.tick(now)
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.state.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(values: &[(u64, f64)]) -> Vec<Option<Edge>> {
        let mut watch = RiseWatch::new(8.0, Duration::from_secs(120), Duration::from_secs(10));
        values.iter().map(|(second, value)| watch.step(Duration::from_secs(*second), *value)).collect()
    }

    #[test]
    fn a_fire_in_the_pump_room_is_told_long_before_54_degrees() {
        let rising = [(0, 21.0), (30, 21.1), (60, 25.5), (90, 30.0), (120, 34.9), (150, 39.9)];
        assert_eq!(edges(&rising), [None, None, None, None, None, Some(Edge::Raised)]);
    }

    #[test]
    fn the_sun_on_the_wall_is_no_fire() {
        let sun: Vec<(u64, f64)> = (0..60).map(|n| (n * 30, 21.0 + n as f64 * 0.9)).collect();
        assert!(edges(&sun).iter().all(Option::is_none), "1.8 a minute");
    }

    #[test]
    fn one_wild_reading_is_no_rise() {
        assert_eq!(edges(&[(0, 21.0), (30, 21.0), (60, 85.0), (90, 21.0), (120, 21.0)]), [None; 5]);
    }
}
