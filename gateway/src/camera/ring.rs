//! The latest access units of a camera, from a key frame on: what a camera that wakes looks back at.
//!
//! Bounded in bytes. Whole groups of pictures go first, oldest first. A group that alone does not fit is given up: what
//! is left of it could not be decoded, so nothing is held until the next key frame.

use std::collections::VecDeque;
use std::time::Duration;

use super::AccessUnit;

/// Bytes held, for each camera: ten seconds at 6 Mbit/s.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Access units in the order of their arrival, each with a number that is never used again.
#[derive(Debug)]
pub struct Ring {
    units: VecDeque<AccessUnit>,
    bytes: usize,
    bytes_max: usize,
    /// Number of the oldest unit held, or of the next to come.
    first: u64,
}

/// What became of an access unit that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// It is held, and everything else that was.
    Held,
    /// It is held; whole older groups had to go.
    Forgot,
    /// Its group alone does not fit, or its key frame never came: nothing of it is held.
    Overrun,
}

// === impl Ring ===

impl Default for Ring {
    fn default() -> Self {
        Self::with_capacity(BYTES_MAX)
    }
}

impl Ring {
    /// Holds at most `bytes_max`. A single key frame is held even if it is larger.
    pub fn with_capacity(bytes_max: usize) -> Self {
        Self { units: VecDeque::new(), bytes: 0, bytes_max, first: 0 }
    }

    /// Takes an access unit.
    pub fn push(&mut self, unit: AccessUnit) -> Push {
        if self.units.is_empty() && !unit.is_key {
            self.first += 1;
            return Push::Overrun;
        }
        self.bytes += unit.data.len();
        self.units.push_back(unit);
        let mut outcome = Push::Held;
        while self.bytes > self.bytes_max && self.units.len() > 1 {
            let newest = self.first + self.units.len() as u64 - 1;
            match self.key_after(self.first) {
                Some(key) => {
                    self.forget_before(key);
                    outcome = Push::Forgot;
                }
                None => {
                    self.forget_before(newest + 1);
                    return Push::Overrun;
                }
            }
        }
        outcome
    }

    /// Forgets everything before the unit with this number.
    pub fn forget_before(&mut self, number: u64) {
        while self.first < number {
            let Some(unit) = self.units.pop_front() else {
                self.first = number;
                return;
            };
            self.bytes -= unit.data.len();
            self.first += 1;
        }
    }

    /// Forgets whole groups of pictures, as long as what is left reaches back to this media time.
    pub fn forget_older(&mut self, media_time: Duration) {
        let first = self.units.iter().rposition(|unit| unit.is_key && unit.media_time <= media_time);
        if let Some(at) = first {
            self.forget_before(self.first + at as u64);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.forget_before(self.end());
    }

    /// The unit with this number, if it is held.
    pub fn get(&self, number: u64) -> Option<&AccessUnit> {
        self.units.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Number of the oldest unit held: a key frame.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next unit to come.
    pub fn end(&self) -> u64 {
        self.first + self.units.len() as u64
    }

    /// Number of the latest key frame held.
    pub fn latest_key(&self) -> Option<u64> {
        self.units.iter().rposition(|unit| unit.is_key).map(|at| self.first + at as u64)
    }

    /// Number of the first key frame after this unit.
    pub fn key_after(&self, number: u64) -> Option<u64> {
        let skip = usize::try_from((number + 1).saturating_sub(self.first)).ok()?;
        self.units.iter().skip(skip).position(|unit| unit.is_key).map(|at| self.first + (skip + at) as u64)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes held at most.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Everything held, oldest first: the pre-roll of a clip.
    pub fn units(&self) -> impl ExactSizeIterator<Item = &AccessUnit> {
        self.units.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::camera::Codec;

    fn unit(bytes: usize, is_key: bool) -> AccessUnit {
        AccessUnit {
            data: vec![0; bytes].into(),
            codec: Codec::H264,
            is_key,
            lost_packets: 0,
            is_new_sequence: false,
            media_time: Duration::ZERO,
            received_unix_ms: 0,
        }
    }

    #[test]
    fn whole_groups_go_first() {
        let mut ring = Ring::with_capacity(1000);
        for n in 0..10 {
            assert_eq!(ring.push(unit(100, n % 4 == 0)), Push::Held);
        }
        assert_eq!(ring.push(unit(100, false)), Push::Forgot);
        assert_eq!((ring.first(), ring.end(), ring.latest_key()), (4, 11, Some(8)));
        assert!(ring.get(3).is_none());
        assert!(ring.get(4).is_some_and(|unit| unit.is_key));
    }

    #[test]
    fn a_group_that_does_not_fit_is_given_up_until_the_next_key_frame() {
        let mut ring = Ring::with_capacity(1000);
        let outcomes: Vec<Push> = (0..12).map(|n| ring.push(unit(100, n == 0))).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Push::Overrun).count(), 2);
        assert_eq!((ring.bytes(), ring.latest_key()), (0, None));
        assert_eq!(ring.push(unit(100, true)), Push::Held);
        assert_eq!(ring.latest_key(), Some(12));
    }

    #[test]
    fn a_giant_key_frame_is_held_alone() {
        let mut ring = Ring::with_capacity(1000);
        ring.push(unit(100, true));
        assert_eq!(ring.push(unit(5000, true)), Push::Forgot);
        assert_eq!((ring.first(), ring.bytes()), (1, 5000));
        assert_eq!(ring.push(unit(10, false)), Push::Overrun);
    }

    proptest! {
        #[test]
        fn it_begins_with_a_key_frame_and_stays_within_its_bytes(
            units in prop::collection::vec((1usize..400, prop::bool::weighted(0.2)), 1..200),
            forget in prop::collection::vec(0u64..200, 0..4),
        ) {
            let mut ring = Ring::with_capacity(1000);
            for (pushed, (bytes, is_key)) in units.into_iter().enumerate() {
                ring.push(unit(bytes, is_key));
                prop_assert_eq!(ring.end(), pushed as u64 + 1);
                prop_assert!(ring.bytes() <= 1000);
                prop_assert_eq!(ring.bytes(), ring.units().map(|unit| unit.data.len()).sum::<usize>());
                prop_assert!(ring.units().next().is_none_or(|oldest| oldest.is_key));
            }
            for number in forget {
                let end = ring.end();
                ring.forget_before(number.min(end));
                prop_assert_eq!(ring.end(), end);
                prop_assert_eq!(ring.bytes(), ring.units().map(|unit| unit.data.len()).sum::<usize>());
            }
        }
    }
}
