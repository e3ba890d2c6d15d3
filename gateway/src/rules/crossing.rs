//! `crossing = { labels, line, direction }`: an object goes from one side of a line to the other.
//!
//! A side counts once the object stands clear of the line by a share of its own height, so that somebody who stands on
//! the line, whose box trembles, does not cross it again and again.

use std::collections::HashMap;
use std::time::Duration;

use moshao_config::{Direction, Line};

use super::geometry::{Point, Thing, beside, meets};

/// How far from the line an object must stand for its side to count, in heights of its own.
const CLEAR: f32 = 0.1;
/// An object that is not seen for this long begins anew.
const FORGET: Duration = Duration::from_secs(3);

/// One line in one camera's picture.
#[derive(Debug)]
pub(super) struct CrossingWatch {
    line: Line,
    direction: Direction,
    followed: HashMap<u64, Followed>,
}

#[derive(Debug)]
struct Followed {
    seen: Duration,
    /// Where it last stood clear of the line, and whether that was to the right of it.
    clear: Option<(Point, bool)>,
}

// === impl CrossingWatch ===

impl CrossingWatch {
    pub(super) fn new(line: Line, direction: Direction) -> Self {
        CrossingWatch { line, direction, followed: HashMap::new() }
    }

    /// The things that are across since the picture before, as indices.
    pub(super) fn culprits(&mut self, now: Duration, things: &[Thing]) -> Vec<usize> {
        self.followed.retain(|_, followed| now.saturating_sub(followed.seen) <= FORGET);
        let crossed = |(index, thing): (usize, &Thing)| self.crosses(now, thing).then_some(index);
        things.iter().enumerate().filter_map(crossed).collect()
    }

    fn crosses(&mut self, now: Duration, thing: &Thing) -> bool {
        let followed = self.followed.entry(thing.key).or_insert(Followed { seen: now, clear: None });
        followed.seen = now;
        let beside = beside(self.line, thing.foot);
        if beside.abs() < CLEAR * thing.height {
            return false;
        }
        let right = beside > 0.0;
        let before = followed.clear.replace((thing.foot, right));
        let wanted = match self.direction {
            Direction::Both => true,
            Direction::ToRight => right,
            Direction::ToLeft => !right,
        };
        wanted
            && before
                .is_some_and(|(from, was_right)| was_right != right && meets(self.line, from, thing.foot))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::tests::thing;
    use super::*;

    /// From left to right in the middle of the picture: what lies below is to the right.
    const FENCE: Line = Line((0.2, 0.5), (0.8, 0.5));

    /// How often somebody who stands at these points, five times a second, crosses.
    fn crossings(direction: Direction, way: &[Point]) -> usize {
        let mut watch = CrossingWatch::new(FENCE, direction);
        let step = |(n, point): (usize, &Point)| {
            watch.culprits(Duration::from_millis(200 * n as u64), &[thing(1, *point, 0.2)]).len()
        };
        way.iter().enumerate().map(step).sum()
    }

    #[test]
    fn going_down_is_going_to_the_right_of_a_line_from_left_to_right() {
        let down = [(0.5, 0.4), (0.5, 0.5), (0.5, 0.6)];
        assert_eq!(crossings(Direction::Both, &down), 1);
        assert_eq!(crossings(Direction::ToRight, &down), 1);
        assert_eq!(crossings(Direction::ToLeft, &down), 0);
    }

    #[test]
    fn there_and_back_is_two_crossings() {
        let way = [(0.5, 0.4), (0.5, 0.6), (0.5, 0.7), (0.5, 0.4)];
        assert_eq!(crossings(Direction::Both, &way), 2);
        assert_eq!(crossings(Direction::ToLeft, &way), 1);
    }

    #[test]
    fn trembling_on_the_line_is_no_crossing() {
        let way: Vec<Point> = (0..50).map(|n| (0.5, if n % 2 == 0 { 0.49 } else { 0.51 })).collect();
        assert_eq!(crossings(Direction::Both, &way), 0);
    }

    #[test]
    fn around_the_end_of_the_line_is_no_crossing() {
        let way = [(0.9, 0.4), (0.95, 0.6), (0.9, 0.7)];
        assert_eq!(crossings(Direction::Both, &way), 0);
    }

    #[test]
    fn who_was_not_seen_on_the_way_begins_anew() {
        let mut watch = CrossingWatch::new(FENCE, Direction::Both);
        assert_eq!(watch.culprits(Duration::ZERO, &[thing(1, (0.5, 0.4), 0.2)]), [0; 0]);
        let later = Duration::from_secs(4);
        assert_eq!(watch.culprits(later, &[thing(1, (0.5, 0.6), 0.2)]), [0; 0]);
        assert_eq!(watch.culprits(later, &[thing(2, (0.5, 0.4), 0.2)]), [0; 0], "another one is another one");
    }

    proptest! {
        /// To the left and to the right take turns, so their numbers differ by one at most, and together they are all.
        #[test]
        fn crossings_take_turns(way in proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0), 0..60)) {
            // Between the ends of a line across the whole picture nobody goes around it.
            let count = |direction| {
                let mut watch = CrossingWatch::new(Line((-9.0, 0.5), (9.0, 0.5)), direction);
                way.iter().enumerate().map(|(n, point)| {
                    watch.culprits(Duration::from_millis(200 * n as u64), &[thing(1, *point, 0.2)]).len()
                }).sum::<usize>()
            };
            let (both, left, right) = (count(Direction::Both), count(Direction::ToLeft), count(Direction::ToRight));
            prop_assert_eq!(both, left + right);
            prop_assert!(left.abs_diff(right) <= 1);
        }
    }
}
