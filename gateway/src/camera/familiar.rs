//! Places where something was recognised that never moved. Pure.
//!
//! A detector that is unsure of a thing, such as a bush or a sign, recognises it now and then. The first time the camera
//! wakes for it; when nothing has come of that, the place is familiar, and recognising something there where little has
//! changed wakes nobody for an hour.

use std::time::Duration;

use super::opinion::is_same;
use super::thumb::Area;

/// How long a place stays familiar.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);
/// Places remembered.
const PLACES_MAX: usize = 32;

/// The familiar places of one camera.
#[derive(Debug, Clone, Default)]
pub struct Familiar {
    places: Vec<(Area, Duration)>,
    /// Where something was recognised since the camera woke.
    seen: Vec<Area>,
}

// === impl Familiar ===

impl Familiar {
    /// The camera wakes.
    pub fn begin(&mut self) {
        self.seen.clear();
    }

    /// An awake camera recognises something here.
    pub fn see(&mut self, area: Area) {
        if self.seen.len() < PLACES_MAX && !self.seen.iter().any(|seen| is_same(*seen, area)) {
            self.seen.push(area);
        }
    }

    /// It falls asleep, and nothing that was recognised has moved.
    pub fn keep(&mut self, at: Duration) {
        for area in self.seen.drain(..) {
            self.places.retain(|(place, _)| !is_same(*place, area));
            self.places.push((area, at));
        }
        let too_many = self.places.len().saturating_sub(PLACES_MAX);
        self.places.drain(..too_many);
    }

    /// What is familiar now.
    pub fn at(&self, at: Duration) -> Vec<Area> {
        let is_fresh = |seen: Duration| seen <= at && at < seen + REMEMBERED_FOR;
        self.places.iter().filter(|(_, seen)| is_fresh(*seen)).map(|(area, _)| *area).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSH: Area = [0.1, 0.1, 0.2, 0.3];
    const SIGN: Area = [0.7, 0.1, 0.8, 0.2];

    #[test]
    fn what_was_recognised_in_vain_is_familiar_for_an_hour() {
        let mut familiar = Familiar::default();
        familiar.begin();
        familiar.see(BUSH);
        familiar.see([0.1, 0.1, 0.2, 0.29]);
        familiar.keep(Duration::from_secs(10));
        assert_eq!(familiar.at(Duration::from_secs(100)), [BUSH]);
        assert_eq!(familiar.at(Duration::from_secs(3610)), [] as [Area; 0]);
    }

    #[test]
    fn what_was_recognised_when_the_wake_was_worth_it_is_not() {
        let mut familiar = Familiar::default();
        familiar.see(BUSH);
        familiar.begin();
        familiar.see(SIGN);
        familiar.keep(Duration::from_secs(10));
        assert_eq!(familiar.at(Duration::from_secs(20)), [SIGN]);
    }
}
