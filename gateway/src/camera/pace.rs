//! Which pictures are due for the detector.
//!
//! Pure: media time in, yes or no out. Every picture is decoded, because later ones refer to it; only those that are
//! due go on.

use std::time::Duration;

/// Timestamps are rounded to 1/90000 s; a picture this much early is still on time.
const ROUNDING: Duration = Duration::from_millis(1);

/// Lets at most so many pictures a second pass.
#[derive(Debug)]
pub struct Pace {
    /// As asked for, and as it is now.
    base: Duration,
    interval: Duration,
    next: Option<Duration>,
}

// === impl Pace ===

impl Pace {
    /// At most `per_second` pictures a second; the first is always due.
    ///
    /// # Panics
    /// If `per_second` is not a positive number (the configuration has been checked).
    pub fn new(per_second: f64) -> Self {
        assert!(per_second > 0.0 && per_second.is_finite(), "{per_second} detections per second");
        let base = Duration::from_secs_f64(1.0 / per_second);
        Self { base, interval: base, next: None }
    }

    /// So many times fewer pictures from the next one on; 1 for as many as asked for.
    pub fn stretch(&mut self, times: u32) {
        self.interval = self.base * times;
    }

    /// Whether the picture at `media_time` would be due.
    pub fn would_be_due(&self, media_time: Duration) -> bool {
        self.next.is_none_or(|next| media_time + ROUNDING >= next)
    }

    /// Whether the picture at `media_time` is due; then the next one is an interval away.
    pub fn is_due(&mut self, media_time: Duration) -> bool {
        let Some(next) = self.next else {
            self.next = Some(media_time + self.interval);
            return true;
        };
        if media_time + ROUNDING < next {
            return false;
        }
        // Keeps the beat where pictures do not fall on it; starts a new one after a gap.
        let on_the_beat = next + self.interval;
        self.next = Some(if on_the_beat > media_time { on_the_beat } else { media_time + self.interval });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_in(pace: &mut Pace, pictures_per_second: f64, seconds: f64) -> usize {
        let count = (pictures_per_second * seconds) as usize;
        (0..count).filter(|n| pace.is_due(Duration::from_secs_f64(*n as f64 / pictures_per_second))).count()
    }

    #[test]
    fn keeps_the_rate_whatever_the_camera_sends() {
        for pictures_per_second in [5.0, 12.0, 12.5, 15.0, 20.0, 25.0, 29.97, 30.0, 60.0] {
            let due = due_in(&mut Pace::new(5.0), pictures_per_second, 20.0);
            assert!((99..=101).contains(&due), "{due} in 20 s at {pictures_per_second}/s");
        }
    }

    #[test]
    fn a_slow_camera_is_looked_at_in_every_picture() {
        assert_eq!(due_in(&mut Pace::new(5.0), 2.0, 10.0), 20);
    }

    #[test]
    fn stretched_it_lets_a_part_pass_until_it_is_as_before() {
        let mut pace = Pace::new(5.0);
        let mut due = |from: u64, times| {
            pace.stretch(times);
            (from..from + 250).filter(|n| pace.is_due(Duration::from_millis(n * 40))).count()
        };
        assert_eq!([due(0, 1), due(250, 2), due(500, 1)], [50, 25, 50]);
    }

    #[test]
    fn a_gap_is_not_made_up_for() {
        let mut pace = Pace::new(5.0);
        assert!(pace.is_due(Duration::ZERO));
        assert!(pace.is_due(Duration::from_secs(10)));
        assert!(!pace.is_due(Duration::from_millis(10_040)));
        assert!(pace.is_due(Duration::from_millis(10_200)));
    }
}
