//! The best still of an incident: larger, more confident and sharper than the one that opened it. Pure.
//!
//! The first picture that shows something often shows it far away or half hidden. While the incident goes on, a picture
//! that promises more is asked for; whether it holds what it promised (it may be blurred) shows when the still has come.
//! What is best is told when nothing better has come for a while, and a few times at most.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Object, StreamName};

/// A picture must promise so much more than the last one that was asked for.
const WORTH: f32 = 1.25;
/// At most this often is one asked for.
const ASK_EVERY: Duration = Duration::from_millis(800);
/// What is best is told when nothing better has come for so long.
const SETTLE: Duration = Duration::from_secs(3);
/// Better stills told of one incident and camera.
const TOLD_MAX: u32 = 3;
/// Incidents and cameras that are followed; beyond it, new ones keep their first still.
const FOLLOWED_MAX: usize = 256;

/// All incidents with a still, by incident and camera.
#[derive(Debug, Default)]
pub struct BestStills {
    of: BTreeMap<(String, String), Following>,
}

#[derive(Debug)]
struct Following {
    /// What the best picture that was asked for promised.
    promised: f32,
    /// What the best still that came is worth.
    best: f32,
    asked: Duration,
    /// A better one that came then, and is not told yet.
    waiting: Option<(Still, Duration)>,
    told: u32,
}

/// A still as a worker sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Still {
    /// The picture.
    pub jpeg: Vec<u8>,
    /// When it was taken, milliseconds since the Unix epoch.
    pub taken_unix_ms: i64,
    /// Which stream of the camera it is from; none where it has one.
    pub stream: Option<StreamName>,
}

/// What a picture promises: how large and how sure its clearest object is.
pub fn promise<'a>(objects: impl Iterator<Item = (&'a [f32; 4], f32)>) -> f32 {
    let of = |([left, top, right, bottom], score): (&[f32; 4], f32)| {
        ((right - left) * (bottom - top)).max(0.0).sqrt() * score
    };
    objects.map(of).fold(0.0, f32::max)
}

/// [`promise`] of what an event says.
pub fn promise_of(objects: &[Object]) -> f32 {
    promise(objects.iter().map(|object| (&object.area, object.score)))
}

/// What a still is worth.
fn worth(promise: f32, sharpness: f32) -> f32 {
    promise * sharpness.max(0.0).sqrt()
}

// === impl BestStills ===

impl BestStills {
    /// Whether no incident is followed.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The still that opened an incident, or confirmed it.
    pub fn first(&mut self, now: Duration, key: (String, String), promise: f32, sharpness: f32) {
        if self.of.len() >= FOLLOWED_MAX && !self.of.contains_key(&key) {
            return;
        }
        let best = worth(promise, sharpness);
        let fresh = Following { promised: promise, best, asked: now, waiting: None, told: 0 };
        let following = self.of.entry(key).or_insert(fresh);
        following.best = following.best.max(best);
    }

    /// A picture that shows it: whether to ask for a still of it.
    pub fn asks(&mut self, now: Duration, key: &(String, String), promise: f32) -> bool {
        let Some(following) = self.of.get_mut(key) else { return false };
        let is_worth = promise > following.promised * WORTH
            && now.saturating_sub(following.asked) >= ASK_EVERY
            && following.told < TOLD_MAX;
        if is_worth {
            (following.promised, following.asked) = (promise, now);
        }
        is_worth
    }

    /// A still that was asked for has come.
    pub fn came(
        &mut self,
        now: Duration,
        key: &(String, String),
        (promise, sharpness): (f32, f32),
        still: Still,
    ) {
        let Some(following) = self.of.get_mut(key) else { return };
        let worth = worth(promise, sharpness);
        if worth > following.best {
            following.best = worth;
            following.waiting = Some((still, now));
        }
    }

    /// Stills that are to be told now. `is_open` says whether an incident still goes on; one that does not is forgotten.
    pub fn due(&mut self, now: Duration, is_open: impl Fn(&str) -> bool) -> Vec<((String, String), Still)> {
        let mut due = Vec::new();
        self.of.retain(|key, following| {
            let goes_on = is_open(&key.0);
            let settled = |(_, came): &mut (Still, Duration)| !goes_on || now.saturating_sub(*came) >= SETTLE;
            if let Some((still, _)) = following.waiting.take_if(settled) {
                following.told += 1;
                due.push((key.clone(), still));
            }
            goes_on
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn key() -> (String, String) {
        ("01INC".to_owned(), "gate".to_owned())
    }

    fn still(jpeg: Vec<u8>) -> Still {
        Still { jpeg, taken_unix_ms: 0, stream: None }
    }

    fn jpegs(due: Vec<((String, String), Still)>) -> Vec<Vec<u8>> {
        due.into_iter().map(|(_, still)| still.jpeg).collect()
    }

    #[test]
    fn a_larger_and_surer_object_promises_more() {
        let small = ([0.0, 0.0, 0.1, 0.1], 0.9);
        let large = ([0.0, 0.0, 0.3, 0.4], 0.8);
        let of = |objects: &[([f32; 4], f32)]| promise(objects.iter().map(|(area, score)| (area, *score)));
        assert!(of(&[large]) > 2.0 * of(&[small]));
        assert_eq!(of(&[small, large]), of(&[large]));
        assert_eq!(of(&[]), 0.0);
    }

    #[test]
    fn the_best_is_told_once_it_has_settled_and_not_each_step_to_it() {
        let mut best = BestStills::default();
        best.first(MS(0), key(), 0.1, 100.0);
        assert!(!best.asks(MS(400), &key(), 0.5), "too soon");
        assert!(!best.asks(MS(900), &key(), 0.11), "hardly better");
        for (ms, promise) in [(1000, 0.2), (2000, 0.3)] {
            assert!(best.asks(MS(ms), &key(), promise));
            best.came(MS(ms), &key(), (promise, 100.0), still(vec![ms as u8]));
        }
        assert!(best.due(MS(4900), |_| true).is_empty());
        assert_eq!(jpegs(best.due(MS(5000), |_| true)), [vec![2000_u64 as u8]]);
        assert!(best.due(MS(60_000), |_| true).is_empty());
    }

    #[test]
    fn a_large_picture_that_is_blurred_is_not_better() {
        let mut best = BestStills::default();
        best.first(MS(0), key(), 0.2, 100.0);
        assert!(best.asks(MS(1000), &key(), 0.3));
        best.came(MS(1100), &key(), (0.3, 20.0), still(vec![1]));
        assert!(best.due(MS(10_000), |_| true).is_empty());
    }

    #[test]
    fn the_end_of_the_incident_tells_what_waits_and_forgets_it() {
        let mut best = BestStills::default();
        best.first(MS(0), key(), 0.1, 100.0);
        assert!(best.asks(MS(1000), &key(), 0.3));
        best.came(MS(1100), &key(), (0.3, 100.0), still(vec![1]));
        assert_eq!(jpegs(best.due(MS(1200), |_| false)), [vec![1]]);
        assert!(!best.asks(MS(3000), &key(), 0.9));
    }

    #[test]
    fn nobody_is_told_of_better_pictures_for_ever() {
        let mut best = BestStills::default();
        best.first(MS(0), key(), 0.01, 100.0);
        let mut told = 0;
        for (n, promise) in (1..20).map(|n| (n, 0.01 * 1.3_f32.powi(n))) {
            let now = MS(n as u64 * 5000);
            if best.asks(now, &key(), promise) {
                best.came(now, &key(), (promise, 100.0), still(vec![0]));
            }
            told += best.due(now + SETTLE, |_| true).len();
        }
        assert_eq!(told, TOLD_MAX as usize);
    }
}
