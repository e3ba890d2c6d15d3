//! `running = { labels, zone, faster_than, hold }`: an object moves too fast.
//!
//! Speed is the way between two pictures at least `hold` apart, as the crow flies, over the object's mean height: boxes
//! tremble, and a straight way over a second does not. The unit, heights of the object a second, needs no calibration: a
//! person walks at about 1.4 m/s, which is 0.8 of 1.7 m, and runs at 3 m/s and more, which is 1.8.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::geometry::{Point, Thing, distance};

/// An object that is not seen for this long begins anew.
const FORGET: Duration = Duration::from_secs(2);
/// Most pictures of one object that are remembered.
const STEPS_MAX: usize = 64;

/// One running rule looking at one camera.
#[derive(Debug)]
pub(super) struct RunningWatch {
    faster_than: f32,
    hold: Duration,
    followed: HashMap<u64, VecDeque<Step>>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    at: Duration,
    spot: Point,
    height: f32,
}

// === impl RunningWatch ===

impl RunningWatch {
    pub(super) fn new(faster_than: f32, hold: Duration) -> Self {
        RunningWatch { faster_than, hold, followed: HashMap::new() }
    }

    /// The things that are too fast, as indices. `at` is the time of the picture as the camera has it, without the
    /// network's delays.
    pub(super) fn culprits(&mut self, at: Duration, things: &[Thing]) -> Vec<usize> {
        let fresh = |steps: &VecDeque<Step>| {
            steps.back().is_some_and(|step| step.at <= at && at.saturating_sub(step.at) <= FORGET)
        };
        self.followed.retain(|_, steps| fresh(steps));
        let too_fast = |(index, thing): (usize, &Thing)| {
            self.speed(at, thing).filter(|speed| *speed >= self.faster_than).map(|_| index)
        };
        things.iter().enumerate().filter_map(too_fast).collect()
    }

    /// Heights a second over at least `hold`; none before that has passed.
    fn speed(&mut self, at: Duration, thing: &Thing) -> Option<f32> {
        let steps = self.followed.entry(thing.key).or_default();
        steps.push_back(Step { at, spot: thing.spot, height: thing.height });
        // Keep one step that is at least `hold` old.
        while steps.len() > STEPS_MAX || steps.get(1).is_some_and(|second| at - second.at >= self.hold) {
            steps.pop_front();
        }
        let first = steps.front().filter(|first| at - first.at >= self.hold)?;
        let height = steps.iter().map(|step| step.height).sum::<f32>() / steps.len() as f32;
        Some(distance(first.spot, thing.spot) / height / (at - first.at).as_secs_f32())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::tests::thing;
    use super::*;

    /// Whether somebody `height` tall who moves at `speed` heights a second runs, after two seconds at five pictures each.
    fn runs(height: f32, speed: f32) -> bool {
        let mut watch = RunningWatch::new(1.8, Duration::from_secs(1));
        (0..=10).any(|n| {
            let at = n as f32 * 0.2;
            let spot = (0.1 + at * speed * height, 0.6);
            !watch.culprits(Duration::from_secs_f32(at), &[thing(1, spot, height)]).is_empty()
        })
    }

    #[test]
    fn running_is_running_near_and_far() {
        for height in [0.05, 0.1, 0.3] {
            assert!(runs(height, 2.0), "at {height} of the picture");
            assert!(!runs(height, 1.5), "at {height} of the picture");
        }
    }

    #[test]
    fn a_box_that_trembles_does_not_run() {
        let mut watch = RunningWatch::new(1.8, Duration::from_secs(1));
        for n in 0..100 {
            let spot = (0.5 + if n % 2 == 0 { 0.05 } else { 0.0 }, 0.6);
            assert_eq!(watch.culprits(Duration::from_millis(200 * n), &[thing(1, spot, 0.1)]), [0; 0]);
        }
    }

    #[test]
    fn a_jump_after_a_gap_is_no_speed() {
        let mut watch = RunningWatch::new(1.8, Duration::from_secs(1));
        watch.culprits(Duration::ZERO, &[thing(1, (0.1, 0.6), 0.1)]);
        assert_eq!(watch.culprits(Duration::from_secs(3), &[thing(1, (0.9, 0.6), 0.1)]), [0; 0]);
    }

    proptest! {
        /// Nobody runs who has never been farther away from where he was a second ago than runners get.
        #[test]
        fn whoever_stays_within_reach_does_not_run(way in proptest::collection::vec((0.4_f32..0.5, 0.5_f32..0.6), 0..60)) {
            let mut watch = RunningWatch::new(1.8, Duration::from_secs(1));
            for (n, spot) in way.into_iter().enumerate() {
                prop_assert!(watch.culprits(Duration::from_millis(200 * n as u64), &[thing(1, spot, 0.1)]).is_empty());
            }
        }
    }
}
