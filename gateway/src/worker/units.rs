//! Access units on their way from the sources to the decode thread: a bounded queue for each camera.
//!
//! When a queue is full the decoder is behind, and what comes is skipped up to the next key frame, because pictures in
//! between could not be decoded. That key frame finds room by pushing out what still waits: newer is worth more.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::camera::AccessUnit;

/// Access units that may wait, for each camera: two seconds of an ordinary one.
const UNITS_MAX: usize = 50;
/// Bytes that may wait, for each camera. A single larger access unit still passes.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The queues of all cameras.
#[derive(Debug)]
pub(super) struct Units {
    lanes: Mutex<Lanes>,
    arrived: Condvar,
}

#[derive(Debug)]
struct Lanes {
    lanes: Vec<Lane>,
    /// Camera that is served next.
    next: usize,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Lane {
    units: VecDeque<AccessUnit>,
    bytes: usize,
    waits_for_key: bool,
    /// A skipped access unit began a new sequence; the next one that passes says so in its stead.
    owes_new_sequence: bool,
}

// === impl Units ===

impl Units {
    pub(super) fn new(cameras: usize) -> Self {
        let lanes = (0..cameras).map(|_| Lane::default()).collect();
        Self { lanes: Mutex::new(Lanes { lanes, next: 0, is_closed: false }), arrived: Condvar::new() }
    }

    /// Takes an access unit of a camera. Returns how many had to be skipped for want of room.
    pub(super) fn offer(&self, camera: usize, unit: AccessUnit) -> u64 {
        let skipped = self.lock().lanes[camera].offer(unit);
        self.arrived.notify_one();
        skipped
    }

    /// The next access unit, camera by camera in turn; waits for one. None when closed.
    pub(super) fn take(&self) -> Option<(usize, AccessUnit)> {
        let mut lanes = self.lock();
        loop {
            if lanes.is_closed {
                return None;
            }
            if let Some(taken) = lanes.take() {
                return Some(taken);
            }
            lanes = self.arrived.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lanes ===

impl Lanes {
    fn take(&mut self) -> Option<(usize, AccessUnit)> {
        let count = self.lanes.len();
        let camera =
            (0..count).map(|n| (self.next + n) % count).find(|n| !self.lanes[*n].units.is_empty())?;
        self.next = (camera + 1) % count;
        Some((camera, self.lanes[camera].take()?))
    }
}

// === impl Lane ===

impl Lane {
    fn offer(&mut self, mut unit: AccessUnit) -> u64 {
        let has_room = self.units.is_empty()
            || (self.units.len() < UNITS_MAX && self.bytes + unit.data.len() <= BYTES_MAX);
        if !unit.is_key && (self.waits_for_key || !has_room) {
            self.waits_for_key = true;
            self.owes_new_sequence |= unit.is_new_sequence;
            return 1;
        }
        let mut skipped = 0;
        if !has_room {
            skipped = self.units.len() as u64;
            self.owes_new_sequence |= self.units.iter().any(|unit| unit.is_new_sequence);
            self.units.clear();
            self.bytes = 0;
        }
        self.waits_for_key = false;
        unit.is_new_sequence |= std::mem::take(&mut self.owes_new_sequence);
        self.bytes += unit.data.len();
        self.units.push_back(unit);
        skipped
    }

    fn take(&mut self) -> Option<AccessUnit> {
        let unit = self.units.pop_front()?;
        self.bytes -= unit.data.len();
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::camera::Codec;

    fn unit(number: u64, is_key: bool) -> AccessUnit {
        AccessUnit {
            data: vec![0; 1000],
            codec: Codec::H264,
            is_key,
            lost_packets: 0,
            is_new_sequence: number == 0,
            media_time: Duration::from_millis(number * 40),
            received_unix_ms: 0,
        }
    }

    fn number(unit: &AccessUnit) -> u64 {
        unit.media_time.as_millis() as u64 / 40
    }

    #[test]
    fn everything_passes_while_there_is_room() {
        let units = Units::new(1);
        for n in 0..200 {
            assert_eq!(units.offer(0, unit(n, n % 50 == 0)), 0);
            assert_eq!(number(&units.take().unwrap().1), n);
        }
    }

    #[test]
    fn a_full_queue_skips_up_to_the_next_key_frame_and_that_one_pushes_out_the_rest() {
        let units = Units::new(1);
        let skipped: u64 = (0..100).map(|n| units.offer(0, unit(n, n == 0 || n == 90))).sum();
        assert_eq!(skipped, 90, "0 to 49 were pushed out by 90; 50 to 89 found no room");
        let (_, first) = units.take().unwrap();
        assert_eq!(number(&first), 90);
        assert!(first.is_new_sequence, "the decoder still learns that a sequence began");
        assert_eq!(number(&units.take().unwrap().1), 91);
    }

    #[test]
    fn once_skipping_it_skips_to_the_key_frame_even_if_there_is_room_again() {
        let units = Units::new(1);
        let skipped: u64 = (0..51).map(|n| units.offer(0, unit(n, n == 0))).sum();
        assert_eq!(skipped, 1);
        assert!((0..50).all(|n| number(&units.take().unwrap().1) == n));
        assert_eq!(units.offer(0, unit(51, false)), 1, "refers to 50, which was skipped");
        assert_eq!(units.offer(0, unit(52, true)), 0);
        assert_eq!(number(&units.take().unwrap().1), 52);
    }

    #[test]
    fn one_giant_access_unit_passes() {
        let units = Units::new(1);
        let giant = AccessUnit { data: vec![0; BYTES_MAX + 1], ..unit(0, true) };
        assert_eq!(units.offer(0, giant), 0);
        assert_eq!(units.offer(0, unit(1, false)), 1);
    }

    #[test]
    fn cameras_are_served_in_turn() {
        let units = Units::new(3);
        for n in 0..4 {
            units.offer(0, unit(n, n == 0));
        }
        units.offer(2, unit(0, true));
        let order: Vec<usize> = (0..5).map(|_| units.take().unwrap().0).collect();
        assert_eq!(order, [0, 2, 0, 0, 0]);
    }

    #[test]
    fn closing_ends_the_waiting() {
        let units = Units::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| units.take().is_none());
            units.close();
            assert!(waiting.join().unwrap());
        });
    }
}
