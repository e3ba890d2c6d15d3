//! How long each object has been there, also when its track breaks.
//!
//! A track ends when its object is hidden for a moment, and a new one begins. A new track close to where one of the same
//! label was lost takes over its time. Time out of sight is counted in pictures: between two pictures that the gate left
//! out nothing has moved, so nobody has gone.

use std::time::Duration;

use super::geometry::{Point, Thing, distance};

/// Most that one gap between pictures counts as time out of sight.
const GAP_MAX: Duration = Duration::from_secs(2);
/// Most objects remembered; those unseen for the longest go first.
const STAYS_MAX: usize = 256;
/// How far from where it was lost an object is found again, in heights of its own: at once, and more for each second.
const REACH: (f32, f32) = (1.0, 0.5);

/// Objects that are there, or were a moment ago.
#[derive(Debug, Default)]
pub(super) struct Stays {
    /// Longest time out of sight.
    patience: Duration,
    last_picture: Option<Duration>,
    stays: Vec<Stay>,
}

#[derive(Debug, Clone)]
struct Stay {
    key: u64,
    label: String,
    since: Duration,
    unseen: Duration,
    spot: Point,
    height: f32,
}

// === impl Stays ===

impl Stays {
    pub(super) fn new(patience: Duration) -> Self {
        Stays { patience, last_picture: None, stays: Vec::new() }
    }

    /// One picture: since when each of its things has been there, in their order.
    pub(super) fn see(&mut self, now: Duration, things: &[Thing]) -> Vec<Duration> {
        let gap = gap(self.last_picture.replace(now), now);
        for stay in &mut self.stays {
            stay.unseen += gap;
        }
        self.stays.retain(|stay| stay.unseen <= self.patience + gap);
        let since: Vec<Duration> = things.iter().map(|thing| self.find(now, thing, things)).collect();
        if self.stays.len() > STAYS_MAX {
            self.stays.sort_by_key(|stay| stay.unseen);
            self.stays.truncate(STAYS_MAX);
        }
        since
    }

    /// Since when those who were in the last picture have been there.
    pub(super) fn present(&self) -> impl Iterator<Item = Duration> {
        self.stays.iter().filter(|stay| stay.unseen.is_zero()).map(|stay| stay.since)
    }

    fn find(&mut self, now: Duration, thing: &Thing, all: &[Thing]) -> Duration {
        let known = self.stays.iter().position(|stay| stay.key == thing.key);
        let index = known.or_else(|| self.lost_near(thing, all)).unwrap_or_else(|| {
            self.stays.push(Stay {
                key: thing.key,
                label: thing.object.label.clone(),
                since: now,
                unseen: Duration::ZERO,
                spot: thing.spot,
                height: thing.height,
            });
            self.stays.len() - 1
        });
        let stay = &mut self.stays[index];
        stay.key = thing.key;
        stay.unseen = Duration::ZERO;
        stay.spot = thing.spot;
        stay.height = thing.height;
        stay.since
    }

    /// The nearest lost one of the same label within reach that is nobody else's.
    fn lost_near(&self, thing: &Thing, all: &[Thing]) -> Option<usize> {
        let taken = |key: u64| all.iter().any(|other| other.key == key);
        let candidates = self.stays.iter().enumerate().filter(|(_, stay)| {
            let reach = (REACH.0 + REACH.1 * stay.unseen.as_secs_f32()) * stay.height;
            !stay.unseen.is_zero()
                && stay.label == thing.object.label
                && !taken(stay.key)
                && distance(stay.spot, thing.spot) <= reach
        });
        candidates
            .min_by(|(_, a), (_, b)| distance(a.spot, thing.spot).total_cmp(&distance(b.spot, thing.spot)))
            .map(|(index, _)| index)
    }
}

/// The time between two pictures as far as it counts as time out of sight.
pub(super) fn gap(last: Option<Duration>, now: Duration) -> Duration {
    last.map_or(Duration::ZERO, |last| now.saturating_sub(last)).min(GAP_MAX)
}
