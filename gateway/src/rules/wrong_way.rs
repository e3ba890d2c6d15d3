//! `wrong_way = { labels, zone, along, farther_than }`: an object moves against the direction allowed.
//!
//! Counted is how far it has come back from its farthest point in the direction allowed, in heights of its own: a car
//! that reverses a little to park has come back little.

use std::collections::HashMap;
use std::time::Duration;

use moshao_config::Line;

use super::geometry::{Thing, direction, dot, in_heights};

/// An object that is not seen for this long begins anew.
const FORGET: Duration = Duration::from_secs(3);

/// One wrong-way rule looking at one camera.
#[derive(Debug)]
pub(super) struct WrongWayWatch {
    along: Line,
    farther_than: f32,
    followed: HashMap<u64, Followed>,
}

#[derive(Debug, Clone, Copy)]
struct Followed {
    seen: Duration,
    /// Farthest point in the direction allowed, picture heights.
    farthest: f32,
}

// === impl WrongWayWatch ===

impl WrongWayWatch {
    pub(super) fn new(along: Line, farther_than: f32) -> Self {
        WrongWayWatch { along, farther_than, followed: HashMap::new() }
    }

    /// The things that have come too far the wrong way, as indices. `aspect` is the picture's width over its height.
    pub(super) fn culprits(&mut self, now: Duration, things: &[Thing], aspect: f32) -> Vec<usize> {
        self.followed.retain(|_, followed| now.saturating_sub(followed.seen) <= FORGET);
        let allowed = direction(in_heights(self.along, aspect));
        let wrong = |(index, thing): (usize, &Thing)| {
            let progress = dot(thing.spot, allowed);
            let followed =
                self.followed.entry(thing.key).or_insert(Followed { seen: now, farthest: progress });
            followed.seen = now;
            followed.farthest = followed.farthest.max(progress);
            (followed.farthest - progress >= self.farther_than * thing.height).then_some(index)
        };
        things.iter().enumerate().filter_map(wrong).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::Point;
    use super::super::geometry::tests::thing;
    use super::*;

    const UP: Line = Line((0.5, 0.9), (0.5, 0.1));

    /// Whether somebody 0.1 tall who stands at these points, five times a second, ever goes the wrong way.
    fn wrong(way: impl IntoIterator<Item = Point>) -> bool {
        let mut watch = WrongWayWatch::new(UP, 2.0);
        let mut any = false;
        for (n, spot) in way.into_iter().enumerate() {
            any |= !watch
                .culprits(Duration::from_millis(200 * n as u64), &[thing(1, spot, 0.1)], 1.0)
                .is_empty();
        }
        any
    }

    #[test]
    fn against_the_arrow_is_wrong_and_along_it_or_across_is_not() {
        let path = |from: Point, to: Point| {
            (0..=10).map(move |n| {
                let share = n as f32 / 10.0;
                (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
            })
        };
        assert!(wrong(path((0.5, 0.2), (0.5, 0.5))));
        assert!(!wrong(path((0.5, 0.8), (0.5, 0.2))), "along");
        assert!(!wrong(path((0.1, 0.5), (0.9, 0.5))), "across");
        assert!(
            wrong(path((0.5, 0.8), (0.5, 0.4)).chain(path((0.5, 0.4), (0.5, 0.7)))),
            "after turning round"
        );
        assert!(
            !wrong(path((0.5, 0.8), (0.5, 0.4)).chain(path((0.5, 0.4), (0.5, 0.5)))),
            "only a little back"
        );
    }

    proptest! {
        /// Whoever never goes down the picture never goes the wrong way.
        #[test]
        fn whoever_only_goes_up_is_right(mut way in proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0), 0..40)) {
            way.sort_by(|a, b| b.1.total_cmp(&a.1));
            prop_assert!(!wrong(way));
        }
    }
}
