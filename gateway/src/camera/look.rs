//! What a sleeping camera is known by: its key frames, made small, against the last one and against those before.
//!
//! Key frames are compared with key frames alone, so that the encoder's pulse between them does not matter. The last
//! one shows what moves; the mean of the latest shows what comes slowly, like smoke.

use super::change::{Change, Noise, Threshold};
use super::thumb::Thumb;

/// Share of a new look in the mean: ten looks, twenty seconds as a rule.
const MEAN_RATE: f32 = 0.1;

/// The latest looks of one camera.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    last: Option<Thumb>,
    mean: Option<Thumb>,
    noise: Noise,
}

// === impl Looks ===

impl Looks {
    /// What has changed since the last look, or in comparison with the latest ones; none where there is nothing to
    /// compare with (the first look, or another picture size).
    pub fn look(&mut self, now: Thumb, threshold: Threshold) -> Option<Change> {
        let (last, mean) = match (&self.last, &mut self.mean) {
            (Some(last), Some(mean)) if last.fits(&now) => (last, mean),
            _ => {
                self.settle(now);
                return None;
            }
        };
        let change = Change::between(&now, last, &mut self.noise, threshold);
        // Against the mean nothing is learned, because what comes slowly would become noise.
        let change = change.or(&Change::against(&now, mean, &self.noise, threshold));
        mean.cells.iter_mut().zip(&now.cells).for_each(|(mean, now)| *mean += MEAN_RATE * (now - *mean));
        self.last = Some(now);
        Some(change)
    }

    /// What is seen now is how things are: when a camera falls asleep.
    pub fn settle(&mut self, now: Thumb) {
        self.mean = Some(now.clone());
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Threshold = Threshold { levels: 4.0, noises: 4.0, cells: 3 };

    fn yard(smoke: f32) -> Thumb {
        let mut thumb =
            Thumb { columns: 160, rows: 90, cells: (0..14_400).map(|i| 30.0 + (i % 160) as f32).collect() };
        for cell in thumb.cells_in([0.4, 0.2, 0.6, 0.6]).collect::<Vec<_>>() {
            thumb.cells[cell] += smoke;
        }
        thumb
    }

    fn regions(looks: &mut Looks, now: Thumb) -> usize {
        looks.look(now, NORMAL).map_or(0, |change| change.regions(NORMAL.cells).len())
    }

    #[test]
    fn the_first_look_has_nothing_to_compare_with() {
        let mut looks = Looks::default();
        assert_eq!(looks.look(yard(0.0), NORMAL), None);
        assert_eq!(regions(&mut looks, yard(0.0)), 0);
        let other_size = Thumb { columns: 80, rows: 45, cells: vec![10.0; 80 * 45] };
        assert_eq!(looks.look(other_size, NORMAL), None);
    }

    #[test]
    fn something_new_is_seen_at_once() {
        let mut looks = Looks::default();
        looks.settle(yard(0.0));
        assert_eq!(regions(&mut looks, yard(25.0)), 1);
    }

    #[test]
    fn smoke_that_comes_slowly_is_seen_although_no_two_looks_differ() {
        let mut looks = Looks::default();
        looks.settle(yard(0.0));
        let first = (1..=30).find(|n| regions(&mut looks, yard(*n as f32)) > 0);
        assert!(first.is_some_and(|n| n <= 12), "after {first:?} looks of one level each");
    }

    #[test]
    fn what_stays_becomes_how_things_are() {
        let mut looks = Looks::default();
        looks.settle(yard(0.0));
        looks.settle(yard(30.0));
        assert_eq!(regions(&mut looks, yard(30.0)), 0);
    }
}
