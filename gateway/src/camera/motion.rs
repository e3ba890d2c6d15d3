//! What moves while a camera is awake: each picture, made small, against the one a second before.
//!
//! A key frame is encoded afresh, so that everything looks a little different right after it. Pictures on both sides of
//! a key frame have a noise of their own, which takes that in.

use std::collections::VecDeque;
use std::time::Duration;

use super::change::{Change, Noise, Threshold};
use super::thumb::Thumb;

/// How far back the picture lies that a new one is compared with.
const BACK: Duration = Duration::from_millis(1010);
/// Pictures kept, whatever the rate.
const KEPT_MAX: usize = 12;

/// The latest pictures of one camera.
#[derive(Debug, Clone, Default)]
pub struct Motion {
    latest: VecDeque<Seen>,
    noise_within: Noise,
    noise_across: Noise,
}

#[derive(Debug, Clone)]
struct Seen {
    at: Duration,
    group: u64,
    thumb: Thumb,
}

// === impl Motion ===

impl Motion {
    /// What has changed in the last second. `group` is the number of the key frame that the picture goes back to. None
    /// for the first picture.
    pub fn see(&mut self, at: Duration, group: u64, now: &Thumb, threshold: Threshold) -> Option<Change> {
        if self.latest.back().is_some_and(|seen| seen.at > at || !seen.thumb.fits(now)) {
            self.latest.clear();
        }
        // The oldest that is left is about a second old.
        while self.latest.len() > KEPT_MAX || self.latest.get(1).is_some_and(|seen| seen.at + BACK <= at) {
            self.latest.pop_front();
        }
        let change = self.latest.front().map(|before| {
            let noise = if before.group == group { &mut self.noise_within } else { &mut self.noise_across };
            Change::between(now, &before.thumb, noise, threshold)
        });
        self.latest.push_back(Seen { at, group, thumb: now.clone() });
        change
    }

    /// Forgets the pictures, not the noise: when time is not continuous.
    pub fn forget(&mut self) {
        self.latest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Threshold = Threshold { levels: 4.0, noises: 4.0, cells: 3 };

    fn yard(object: f32, blur: f32) -> Thumb {
        let cells =
            (0..14_400).map(|i| 30.0 + (i % 160) as f32 + if i % 2 == 0 { blur } else { -blur }).collect();
        let mut thumb = Thumb { columns: 160, rows: 90, cells };
        for cell in thumb.cells_in([object, 0.4, object + 0.04, 0.6]).collect::<Vec<_>>() {
            thumb.cells[cell] = 240.0;
        }
        thumb
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n * 200)
    }

    #[test]
    fn an_object_moves_until_it_stands_for_a_second() {
        let mut motion = Motion::default();
        let moving: Vec<bool> = (0..20)
            .map(|n| {
                let place = 0.1 + 0.03 * n.min(9) as f32;
                let change = motion.see(ms(n), 0, &yard(place, 0.0), NORMAL);
                change.is_some_and(|change| !change.regions(3).is_empty())
            })
            .collect();
        assert!(moving[1..14].iter().all(|moving| *moving), "{moving:?}");
        assert!(moving[15..].iter().all(|moving| !moving), "{moving:?}");
    }

    #[test]
    fn the_pulse_of_key_frames_is_learned_and_no_motion() {
        let mut motion = Motion::default();
        let mut false_alarms = 0;
        for n in 0..200 {
            let group = n / 10;
            let blur = if group % 2 == 0 { 2.0 } else { 0.0 };
            let change = motion.see(ms(n), group, &yard(0.5, blur), NORMAL);
            let is_alarm = change.is_some_and(|change| !change.regions(3).is_empty());
            false_alarms += usize::from(is_alarm && group >= 5);
        }
        assert_eq!(false_alarms, 0);
    }

    #[test]
    fn time_that_goes_back_begins_anew() {
        let mut motion = Motion::default();
        motion.see(ms(100), 0, &yard(0.1, 0.0), NORMAL);
        assert_eq!(motion.see(ms(0), 0, &yard(0.7, 0.0), NORMAL), None);
    }
}
