//! `trend = { above | below, horizon, window }`: a number that will be beyond a limit within `horizon`, as it is going
//! now.
//!
//! It warns of what comes slowly: a bearing that runs hot, a tank that leaks. A slope alone warns of nothing: the readings
//! must also rise or fall more than chance would have it ([`Series::trend`]).

use std::time::Duration;

use super::Edge;
use super::series::Series;
use super::state::StateWatch;

/// Fewer readings show no trend.
const READINGS_MIN: usize = 6;

/// It looks ahead for at most this many times as long as the readings reach back.
const AHEAD_MAX: u32 = 4;

/// One trend rule looking at one sensor.
#[derive(Debug)]
pub(super) struct TrendWatch {
    above: bool,
    limit: f64,
    horizon: Duration,
    series: Series,
    state: StateWatch,
}

// === impl TrendWatch ===

impl TrendWatch {
    pub(super) fn new(
        above: bool,
        limit: f64,
        horizon: Duration,
        window: Duration,
        clear_after: Duration,
    ) -> Self {
        let (series, state) = (Series::new(window), StateWatch::new(true, clear_after));
        TrendWatch { above, limit, horizon, series, state }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.state.restore();
    }

    pub(super) fn limit(&self) -> f64 {
        self.limit
    }

    /// One reading.
    pub(super) fn step(&mut self, now: Duration, value: f64) -> Option<Edge> {
        self.series.push(now, value);
        let will_cross = self.will_cross(now);
        self.state.step(now, f64::from(u8::from(will_cross)))
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        self.state.tick(now)
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.state.end()
    }

    fn will_cross(&self, now: Duration) -> bool {
        let heads_there = self.series.trend() == if self.above { 1 } else { -1 };
        let far = self.series.span() * AHEAD_MAX < self.horizon;
        if self.series.len() < READINGS_MIN || far || !heads_there {
            return false;
        }
        let then = self.series.value_at(now + self.horizon);
        then.is_some_and(|then| if self.above { then >= self.limit } else { then <= self.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is raised and cleared, seconds; a reading each minute, limit 54 within half an hour, looking back an hour.
    fn told(values: impl IntoIterator<Item = f64>) -> Vec<(usize, Edge)> {
        let minutes = Duration::from_secs(60);
        let mut watch = TrendWatch::new(true, 54.0, minutes * 30, minutes * 60, Duration::from_secs(120));
        let step = |(minute, value): (usize, f64)| {
            let edge = watch.step(minutes * minute as u32, value)?;
            (edge != Edge::Continues).then_some((minute, edge))
        };
        values.into_iter().enumerate().filter_map(step).collect()
    }

    #[test]
    fn a_bearing_that_runs_hot_is_told_half_an_hour_before() {
        // 0.5 a minute from 20: at 54 after 68 minutes.
        let told = told((0..60).map(|n| 20.0 + 0.5 * n as f64 + [0.3, -0.2, 0.1, -0.3][n % 4]));
        let [(minute, Edge::Raised)] = told.as_slice() else { panic!("{told:?}") };
        assert!((33..=42).contains(minute), "{minute}");
    }

    #[test]
    fn noise_below_the_limit_is_no_trend() {
        let noise = |n: usize| ((n as u64 * 2_654_435_761) % 1000) as f64 / 1000.0 - 0.5;
        assert_eq!(told((0..600).map(|n| 50.0 + 3.0 * noise(n))), vec![]);
    }

    #[test]
    fn it_is_over_when_the_value_turns() {
        let told = told((0..60).map(|n| 20.0 + 0.5 * n as f64).chain((0..60).map(|n| 50.0 - 0.5 * n as f64)));
        let [(_, Edge::Raised), (cleared, Edge::Cleared)] = told.as_slice() else { panic!("{told:?}") };
        assert!((60..110).contains(cleared), "{cleared}");
    }
}
