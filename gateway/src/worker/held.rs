//! Main streams, received and not decoded: the latest access units of each, from a key frame on.
//!
//! Written by the sources, read by whoever wants a picture of a moment or a clip. A camera without a main stream has an
//! empty ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::camera::AccessUnit;
use crate::camera::ring::Ring;

/// Bytes held, for each camera: twelve seconds at 4 Mbit/s. Unlike the ring of a camera that is looked at, which is
/// emptied with each look, this one is always full.
const BYTES_MAX: usize = 6 * 1024 * 1024;

/// The main stream's picture may have been received this long before or after the sub-stream's, milliseconds: encoders
/// and large key frames delay the two differently. What lies further apart shows another moment.
const APART_MAX_MS: u64 = 400;

/// The rings of all cameras.
#[derive(Debug)]
pub(super) struct Held {
    rings: Vec<Mutex<Ring>>,
}

// === impl Held ===

impl Held {
    pub(super) fn new(cameras: usize) -> Self {
        Self { rings: (0..cameras).map(|_| Mutex::new(Ring::with_capacity(BYTES_MAX))).collect() }
    }

    /// Takes an access unit of a camera's main stream.
    pub(super) fn push(&self, camera: usize, unit: AccessUnit) {
        let mut ring = self.ring(camera);
        if unit.is_new_sequence {
            ring.clear();
        }
        // A group that does not fit is given up until the next key frame: stills are of the sub-stream meanwhile.
        ring.push(unit);
    }

    /// The picture that was received nearest to a moment, behind all that it needs to be decoded, the key frame first.
    /// None where nothing whole was received near it.
    pub(super) fn up_to(&self, camera: usize, unix_ms: i64) -> Option<Vec<AccessUnit>> {
        let ring = self.ring(camera);
        let apart = |unit: &AccessUnit| unit.received_unix_ms.abs_diff(unix_ms);
        let (nearest, unit) = ring.units().enumerate().min_by_key(|(_, unit)| apart(unit))?;
        if apart(unit) > APART_MAX_MS {
            return None;
        }
        let before: Vec<&AccessUnit> = ring.units().take(nearest + 1).collect();
        let key = before.iter().rposition(|unit| unit.is_key)?;
        let is_whole = before[key..].iter().all(|unit| unit.lost_packets == 0);
        is_whole.then(|| before[key..].iter().map(|unit| (*unit).clone()).collect())
    }

    fn ring(&self, camera: usize) -> MutexGuard<'_, Ring> {
        self.rings[camera].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::camera::Codec;

    /// Pictures 40 ms apart, each fifth a key frame.
    fn held(pictures: i64) -> Held {
        let held = Held::new(1);
        (0..pictures).for_each(|n| held.push(0, unit(n)));
        held
    }

    fn unit(n: i64) -> AccessUnit {
        AccessUnit {
            data: vec![n as u8].into(),
            codec: Codec::H264,
            is_key: n % 5 == 0,
            lost_packets: 0,
            is_new_sequence: n == 0,
            media_time: Duration::from_millis(n as u64 * 40),
            received_unix_ms: n * 40,
        }
    }

    fn numbers(held: &Held, unix_ms: i64) -> Option<Vec<u8>> {
        Some(held.up_to(0, unix_ms)?.iter().map(|unit| unit.data[0]).collect())
    }

    #[test]
    fn the_nearest_picture_comes_with_all_since_its_key_frame() {
        let held = held(20);
        assert_eq!(numbers(&held, 12 * 40 + 15), Some(vec![10, 11, 12]));
        assert_eq!(numbers(&held, 10 * 40), Some(vec![10]));
        assert_eq!(numbers(&held, 19 * 40 + 400), Some(vec![15, 16, 17, 18, 19]), "just near enough");
        assert_eq!(numbers(&held, 19 * 40 + 401), None, "another moment");
    }

    #[test]
    fn what_is_missing_makes_the_rest_of_its_group_useless() {
        let held = held(8);
        held.push(0, AccessUnit { lost_packets: 1, ..unit(8) });
        (9..12).for_each(|n| held.push(0, unit(n)));
        assert_eq!(numbers(&held, 9 * 40), None);
        assert_eq!(numbers(&held, 7 * 40), Some(vec![5, 6, 7]), "before it");
        assert_eq!(numbers(&held, 11 * 40), Some(vec![10, 11]), "and from the next key frame on");
    }

    #[test]
    fn another_session_begins_afresh() {
        let held = held(8);
        held.push(0, AccessUnit { is_new_sequence: true, ..unit(10) });
        assert_eq!(numbers(&held, 7 * 40), Some(vec![10]), "nothing of before is left");
    }
}
