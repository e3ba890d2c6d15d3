//! `blocked = { labels, zone, longer_than }`: an object stands still for too long: a car in the fire lane, an e-bike in
//! the hall, a bag left behind.
//!
//! What stands is known by its place and not by its track, so that a car that is hidden by a passing bus, or that was
//! there before the gateway restarted, is the same car. Once told, it is not told again, unless it has been away.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::geometry::{Thing, overlap};
use super::stay::gap;
use crate::clock::Moment;

/// Out of sight for this long, in pictures, an object has gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much two boxes must overlap (intersection over union) to be the same object at the same place.
const SAME_PLACE: f32 = 0.5;
/// Most places remembered; those seen last stay.
const STANDING_MAX: usize = 64;

/// One blocked-place rule looking at one camera.
#[derive(Debug)]
pub(super) struct BlockedWatch {
    longer_than: Duration,
    last_picture: Option<Duration>,
    standing: Vec<Standing>,
}

/// An object that stands somewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its label.
    pub label: String,
    /// Where: left, top, right, bottom in fractions of the picture.
    pub area: [f32; 4],
    /// Since when.
    pub since: Timestamp,
    /// It has been told.
    pub told: bool,
    /// Time out of sight, in pictures.
    #[serde(skip)]
    unseen: Duration,
}

// === impl BlockedWatch ===

impl BlockedWatch {
    pub(super) fn new(longer_than: Duration) -> Self {
        BlockedWatch { longer_than, last_picture: None, standing: Vec::new() }
    }

    /// Those that have been told, which a restart must not tell again.
    pub(super) fn save(&self) -> impl Iterator<Item = &Standing> {
        self.standing.iter().filter(|standing| standing.told)
    }

    pub(super) fn restore(&mut self, standing: Vec<Standing>) {
        self.standing = standing;
    }

    /// The things that have stood for too long, as indices, and whether one of them is still to be told.
    pub(super) fn culprits(&mut self, now: Moment, things: &[Thing]) -> (Vec<usize>, bool) {
        let gap = gap(self.last_picture.replace(now.mono), now.mono);
        for standing in &mut self.standing {
            standing.unseen += gap;
        }
        self.standing.retain(|standing| standing.unseen <= PATIENCE);
        let mut culprits = Vec::new();
        let mut new = false;
        for (index, thing) in things.iter().enumerate() {
            let place = self.place_of(now, thing);
            let standing = &mut self.standing[place];
            standing.unseen = Duration::ZERO;
            if standing.too_long(now, self.longer_than) {
                new |= !std::mem::replace(&mut standing.told, true);
                culprits.push(index);
            }
        }
        if self.standing.len() > STANDING_MAX {
            self.standing.sort_by_key(|standing| (standing.unseen, standing.since));
            self.standing.truncate(STANDING_MAX);
        }
        (culprits, new)
    }

    /// Whether something that stood there in the last picture has stood for too long by now, and whether that is new.
    pub(super) fn still(&mut self, now: Moment) -> (bool, bool) {
        let longer_than = self.longer_than;
        let here = self.standing.iter_mut().filter(|standing| standing.unseen.is_zero());
        let too_long = here.filter(|standing| standing.too_long(now, longer_than));
        too_long.fold((false, false), |(_, new), standing| {
            (true, new | !std::mem::replace(&mut standing.told, true))
        })
    }

    /// The place of a thing; a new one where nothing like it stood.
    fn place_of(&mut self, now: Moment, thing: &Thing) -> usize {
        let here =
            self.standing.iter().enumerate().filter(|(_, standing)| standing.label == thing.object.label);
        let nearest = here
            .map(|(index, standing)| (overlap(standing.area, thing.object.area), index))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        if let Some((_, index)) = nearest.filter(|(overlap, _)| *overlap >= SAME_PLACE) {
            return index;
        }
        self.standing.push(Standing {
            label: thing.object.label.clone(),
            area: thing.object.area,
            since: now.wall,
            told: false,
            unseen: Duration::ZERO,
        });
        self.standing.len() - 1
    }
}

// === impl Standing ===

impl Standing {
    fn too_long(&self, now: Moment, longer_than: Duration) -> bool {
        let standing = Duration::try_from(now.wall.duration_since(self.since)).unwrap_or_default();
        standing >= longer_than
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::tests::thing;
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH }.later(Duration::from_secs(seconds))
    }

    fn five_minutes() -> BlockedWatch {
        BlockedWatch::new(Duration::from_secs(300))
    }

    #[test]
    fn a_parked_car_is_told_once_and_under_any_track() {
        let mut watch = five_minutes();
        for t in 0..300 {
            assert_eq!(watch.culprits(at(t), &[thing(t / 40, (0.5, 0.6), 0.2)]), (vec![], false), "at {t} s");
        }
        assert_eq!(watch.culprits(at(300), &[thing(9, (0.51, 0.6), 0.2)]), (vec![0], true));
        assert_eq!(watch.culprits(at(301), &[thing(9, (0.5, 0.6), 0.2)]), (vec![0], false));
    }

    #[test]
    fn traffic_that_creeps_is_not_parked() {
        let mut watch = five_minutes();
        for t in 0..900 {
            let creeping = thing(1, (0.1 + t as f32 * 0.002, 0.6), 0.2);
            assert_eq!(watch.culprits(at(t), &[creeping]), (vec![], false), "at {t} s");
        }
    }

    #[test]
    fn a_bus_in_front_does_not_end_it_but_driving_off_does() {
        let mut watch = five_minutes();
        watch.culprits(at(0), &[thing(1, (0.5, 0.6), 0.2)]);
        for t in 1..50 {
            watch.culprits(at(t), &[]);
        }
        watch.culprits(at(50), &[thing(2, (0.5, 0.6), 0.2)]);
        for t in 51..=120 {
            watch.culprits(at(t), &[]);
        }
        watch.culprits(at(121), &[thing(3, (0.5, 0.6), 0.2)]);
        assert_eq!(watch.culprits(at(300), &[thing(3, (0.5, 0.6), 0.2)]), (vec![], false), "another car");
        assert_eq!(watch.culprits(at(421), &[thing(3, (0.5, 0.6), 0.2)]), (vec![0], true));
    }

    #[test]
    fn what_was_told_before_a_restart_is_not_told_again() {
        let mut before = five_minutes();
        before.culprits(at(0), &[thing(1, (0.5, 0.6), 0.2)]);
        assert_eq!(before.culprits(at(300), &[thing(1, (0.5, 0.6), 0.2)]), (vec![0], true));
        let saved = serde_json::to_string(&before.save().collect::<Vec<_>>()).unwrap();

        let mut after = five_minutes();
        after.restore(serde_json::from_str(&saved).unwrap());
        let same = thing(1, (0.5, 0.6), 0.2);
        assert_eq!(after.culprits(at(400), std::slice::from_ref(&same)), (vec![0], false));
        let other = thing(2, (0.1, 0.3), 0.1);
        assert_eq!(after.culprits(at(401), &[same.clone(), other.clone()]), (vec![0], false));
        assert_eq!(after.culprits(at(702), &[same, other]), (vec![0, 1], true), "a second car is news");
    }

    #[test]
    fn it_is_told_by_time_alone_when_nothing_moves() {
        let mut watch = five_minutes();
        watch.culprits(at(0), &[thing(1, (0.5, 0.6), 0.2)]);
        assert_eq!(watch.still(at(299)), (false, false));
        assert_eq!(watch.still(at(300)), (true, true));
        assert_eq!(watch.still(at(301)), (true, false));
    }

    proptest! {
        /// Whatever comes and goes, nothing is told before its time, and memory is bounded.
        #[test]
        fn nothing_is_told_before_its_time(
            pictures in proptest::collection::vec(
                (1_u64..20, proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0, 0.01_f32..0.5), 0..6)), 1..60),
        ) {
            let mut watch = five_minutes();
            let mut now = 0;
            for (gap, seen) in pictures {
                now += gap;
                let things: Vec<_> =
                    seen.iter().enumerate().map(|(n, (x, y, h))| thing(n as u64, (*x, *y), *h)).collect();
                let (culprits, new) = watch.culprits(at(now), &things);
                prop_assert!(!new || !culprits.is_empty());
                prop_assert!(culprits.is_empty() || now >= 300);
                prop_assert!(watch.standing.len() <= STANDING_MAX);
            }
        }
    }
}
