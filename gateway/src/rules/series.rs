//! The latest readings of a sensor, and where they are going.
//!
//! The slope is Theil's and Sen's (P. K. Sen, *Estimates of the regression coefficient based on Kendall's tau*, J. Am.
//! Stat. Assoc. 63, 1968): the median of the slopes between all pairs, which up to 29 % of wild readings cannot move far.
//! Whether there is a trend at all is asked with the test of Mann and Kendall (H. B. Mann, *Nonparametric tests against
//! trend*, Econometrica 13, 1945).

use std::collections::VecDeque;
use std::time::Duration;

/// Most readings kept; pairs are compared, so the work grows with the square.
const READINGS_MAX: usize = 32;
/// Standard deviations of chance beyond which the test speaks of a trend: one in a hundred series without a trend does.
const SIGNIFICANT: f64 = 2.33;

/// Readings of the last `window`, at most one for each 32nd part of it.
#[derive(Debug)]
pub(super) struct Series {
    window: Duration,
    readings: VecDeque<(Duration, f64)>,
}

// === impl Series ===

impl Series {
    pub(super) fn new(window: Duration) -> Self {
        Series { window, readings: VecDeque::new() }
    }

    /// One reading. Those that come closer together than the window's 32nd part replace one another.
    pub(super) fn push(&mut self, now: Duration, value: f64) {
        while self.readings.front().is_some_and(|(at, _)| now.saturating_sub(*at) > self.window) {
            self.readings.pop_front();
        }
        let spacing = self.window / READINGS_MAX as u32;
        let before_last = self.readings.len().checked_sub(2).map(|index| self.readings[index].0);
        if before_last.is_some_and(|at| now.saturating_sub(at) < spacing) {
            self.readings.pop_back();
        }
        if self.readings.len() == READINGS_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back((now, value));
    }

    /// Number of readings kept.
    pub(super) fn len(&self) -> usize {
        self.readings.len()
    }

    /// From the first to the last reading.
    pub(super) fn span(&self) -> Duration {
        let (Some((first, _)), Some((last, _))) = (self.readings.front(), self.readings.back()) else {
            return Duration::ZERO;
        };
        last.saturating_sub(*first)
    }

    /// Change in a second; none with fewer than two times.
    pub(super) fn slope(&self) -> Option<f64> {
        let slopes = self.pairs().filter_map(|((t1, v1), (t2, v2))| {
            let seconds = t2.saturating_sub(t1).as_secs_f64();
            (seconds > 0.0).then(|| (v2 - v1) / seconds)
        });
        median(slopes.collect())
    }

    /// The value at `at` if it goes on as it does; none with fewer than two times.
    pub(super) fn value_at(&self, at: Duration) -> Option<f64> {
        let slope = self.slope()?;
        let levels = self.readings.iter().map(|(t, v)| v + slope * (at.as_secs_f64() - t.as_secs_f64()));
        median(levels.collect())
    }

    /// Whether the readings rise (1) or fall (-1) more than chance would have it, or neither (0).
    pub(super) fn trend(&self) -> i8 {
        let n = self.readings.len() as f64;
        let s: f64 =
            self.pairs().map(|((_, v1), (_, v2))| (v2 - v1).signum() * f64::from(u8::from(v1 != v2))).sum();
        let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
        // One off for continuity.
        if s.abs() - 1.0 <= SIGNIFICANT * deviation {
            return 0;
        }
        if s > 0.0 { 1 } else { -1 }
    }

    /// All pairs, the earlier one first.
    fn pairs(&self) -> impl Iterator<Item = ((Duration, f64), (Duration, f64))> {
        let later = |index: usize| self.readings.range(index + 1..).copied();
        self.readings
            .iter()
            .enumerate()
            .flat_map(move |(index, first)| later(index).map(|second| (*first, second)))
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, low, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let low = *low;
    let high = if even { above.iter().copied().min_by(f64::total_cmp).unwrap_or(low) } else { low };
    Some(low.midpoint(high))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series(values: &[f64]) -> Series {
        let mut series = Series::new(Duration::from_secs(3600));
        for (n, value) in values.iter().enumerate() {
            series.push(Duration::from_secs(120 * n as u64), *value);
        }
        series
    }

    #[test]
    fn a_wild_reading_does_not_move_the_slope() {
        let steady = series(&[20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0]);
        assert!((steady.slope().unwrap() - 1.0 / 120.0).abs() < 1e-12);
        let wild = series(&[20.0, 21.0, 22.0, 850.0, 24.0, 25.0, 26.0]);
        assert!((wild.slope().unwrap() - 1.0 / 120.0).abs() < 1e-3);
        assert!((wild.value_at(Duration::from_secs(120 * 16)).unwrap() - 36.0).abs() < 1.0);
    }

    #[test]
    fn only_more_than_chance_is_a_trend() {
        assert_eq!(series(&[20.0, 20.1, 20.3, 20.2, 20.5, 20.6, 20.9, 21.0]).trend(), 1);
        assert_eq!(series(&[21.0, 20.9, 20.7, 20.6, 20.3, 20.4, 20.1, 20.0]).trend(), -1);
        assert_eq!(series(&[20.0, 20.4, 19.9, 20.3, 20.1, 20.2, 19.8, 20.5]).trend(), 0);
        assert_eq!(series(&[20.0; 8]).trend(), 0);
        assert_eq!(series(&[]).trend(), 0);
    }

    #[test]
    fn only_the_window_is_kept_and_evenly() {
        let mut series = Series::new(Duration::from_secs(320));
        for second in 0..1000 {
            series.push(Duration::from_secs(second), second as f64);
        }
        assert!((20..=READINGS_MAX).contains(&series.len()), "{}", series.len());
        assert!(series.span() >= Duration::from_secs(270) && series.span() <= Duration::from_secs(320));
        assert!((series.slope().unwrap() - 1.0).abs() < 1e-9);
    }

    proptest! {
        /// The slope of a line is the line's, whatever the times, and turns with it.
        #[test]
        fn the_slope_of_a_line_is_its_slope(
            gaps in proptest::collection::vec(130_u64..200, 2..20), slope in -10.0_f64..10.0,
        ) {
            let mut series = Series::new(Duration::from_secs(3600));
            let mut at = 0;
            for gap in gaps {
                at += gap;
                series.push(Duration::from_secs(at), slope * at as f64);
            }
            prop_assert!((series.slope().unwrap() - slope).abs() < 1e-9);
        }
    }
}
