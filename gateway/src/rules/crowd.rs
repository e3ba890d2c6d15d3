//! `crowd = { labels, zone, at_least, apart, hold }`: too many in one place.
//!
//! With `apart`, only those who stand together count: the largest group in which each is at most that many heights of
//! their own from another one. That measures density without a calibrated camera: the unit shrinks with the distance.

use std::time::Duration;

use super::geometry::{Thing, distance};

/// Fewer for this long do not yet end a crowd that is still to be told: people hide one another.
const FLICKER: Duration = Duration::from_secs(2);

/// One crowd rule looking at one camera.
#[derive(Debug)]
pub(super) struct CrowdWatch {
    at_least: usize,
    apart: Option<f32>,
    hold: Duration,
    /// First and latest picture with enough, as long as none without has come for longer than [`FLICKER`].
    enough: Option<(Duration, Duration)>,
}

// === impl CrowdWatch ===

impl CrowdWatch {
    pub(super) fn new(at_least: u32, apart: Option<f32>, hold: Duration) -> Self {
        CrowdWatch { at_least: at_least as usize, apart, hold, enough: None }
    }

    /// Those of the crowd, as indices.
    pub(super) fn culprits(&mut self, now: Duration, things: &[Thing]) -> Vec<usize> {
        let together = match self.apart {
            None => (0..things.len()).collect(),
            Some(apart) => largest_group(things, apart),
        };
        self.enough = self.enough.filter(|(_, last)| now.saturating_sub(*last) <= FLICKER);
        if together.len() < self.at_least {
            return Vec::new();
        }
        let (first, last) = self.enough.get_or_insert((now, now));
        *last = now;
        if now.saturating_sub(*first) >= self.hold { together } else { Vec::new() }
    }
}

/// The largest group of things, each near another of it, as rising indices; the first of several as large.
fn largest_group(things: &[Thing], apart: f32) -> Vec<usize> {
    let near = |a: &Thing, b: &Thing| distance(a.spot, b.spot) <= apart * a.height.midpoint(b.height);
    let mut left: Vec<usize> = (0..things.len()).collect();
    let mut largest = Vec::new();
    while let Some(first) = (!left.is_empty()).then(|| left.remove(0)) {
        let mut group = vec![first];
        let mut asked = 0;
        while asked < group.len() {
            let member = &things[group[asked]];
            let (joins, others): (Vec<usize>, _) =
                left.into_iter().partition(|index| near(member, &things[*index]));
            group.extend(joins);
            left = others;
            asked += 1;
        }
        if group.len() > largest.len() {
            largest = group;
        }
    }
    largest.sort_unstable();
    largest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::tests::thing;
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn row(count: u64, gap: f32) -> Vec<Thing> {
        (0..count).map(|n| thing(n, (0.05 + n as f32 * gap, 0.6), 0.1)).collect()
    }

    #[test]
    fn ten_for_ten_seconds_are_a_crowd() {
        let mut watch = CrowdWatch::new(10, None, s(10));
        assert_eq!(watch.culprits(s(0), &row(10, 0.09)), [0; 0]);
        assert_eq!(watch.culprits(s(9), &row(12, 0.07)), [0; 0], "a longer gap without pictures begins anew");
        for t in 10..19 {
            assert_eq!(watch.culprits(s(t), &row(10, 0.09)), [0; 0], "at {t} s");
        }
        assert_eq!(watch.culprits(s(19), &row(10, 0.09)).len(), 10);
    }

    #[test]
    fn one_hidden_for_a_moment_does_not_matter() {
        let mut watch = CrowdWatch::new(3, None, s(4));
        for (t, count) in [(0, 3), (1, 2), (2, 3), (3, 2)] {
            assert_eq!(watch.culprits(s(t), &row(count, 0.1)), [0; 0]);
        }
        assert_eq!(watch.culprits(s(4), &row(3, 0.1)), [0, 1, 2]);
    }

    #[test]
    fn those_who_stand_apart_are_no_crowd() {
        let mut watch = CrowdWatch::new(5, Some(0.8), s(0));
        assert_eq!(watch.culprits(s(0), &row(9, 0.1)), [0; 0], "a height apart each");
        assert_eq!(watch.culprits(s(1), &row(9, 0.07)).len(), 9);
        let mut two_groups = row(5, 0.05);
        two_groups.extend((5..8).map(|n| thing(n, (0.6 + 0.05 * n as f32, 0.6), 0.1)));
        assert_eq!(watch.culprits(s(2), &two_groups), [0, 1, 2, 3, 4]);
    }

    proptest! {
        /// The group does not depend on the order of the things, except for which of several as large it is.
        #[test]
        fn the_size_of_the_group_does_not_depend_on_the_order(
            spots in proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0), 0..20), by in 0_usize..20,
        ) {
            let things: Vec<_> =
                spots.iter().enumerate().map(|(n, spot)| thing(n as u64, *spot, 0.1)).collect();
            let mut turned = things.clone();
            turned.rotate_left(by % things.len().max(1));
            prop_assert_eq!(largest_group(&things, 1.5).len(), largest_group(&turned, 1.5).len());
        }
    }
}
