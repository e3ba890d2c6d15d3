//! Access units on their way from the sources to the decode thread: a bounded queue for each camera.
//!
//! A camera that an alarm is linked to is served first, the others in turn. When a queue is full the decoder is behind, and
//! what comes is skipped up to the next key frame, because pictures in between could not be decoded. That key frame finds
//! room by pushing out what still waits: newer is worth more.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::order::Order;
use super::waiting::Waiting;
use crate::camera::AccessUnit;
use crate::camera::gate::Findings;

/// Access units that may wait, for each camera: two seconds of an ordinary one.
const UNITS_MAX: usize = 50;
/// Bytes that may wait, for each camera. A single larger access unit still passes.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// A sleeping camera is in no hurry: the decode thread is woken for its key frames and each so many units.
const DOZING_BATCH: usize = 8;

/// What the decode thread has to do next.
#[derive(Debug)]
pub(super) enum Work {
    /// An access unit of a camera.
    Unit(usize, AccessUnit),
    /// What the detector made of a camera's picture.
    Findings(usize, Findings),
    /// A camera is to be looked at closely for so long.
    Hold(usize, Duration),
    /// Nothing new; a place for a picture may have become free.
    Nothing,
}

/// The queues of all cameras.
#[derive(Debug)]
pub(super) struct Units {
    lanes: Mutex<Lanes>,
    arrived: Condvar,
}

/// What waited and was lost since it was asked for last.
#[derive(Debug)]
pub(super) struct Backlog {
    /// How long the oldest access unit of a camera in a hurry has been waiting.
    pub(super) oldest: Duration,
    /// Access units skipped for want of room.
    pub(super) skipped: u64,
    /// How long the decode thread waited for work.
    pub(super) waited: Duration,
}

#[derive(Debug)]
struct Lanes {
    order: Arc<Order>,
    lanes: Vec<Lane>,
    /// Camera that is served next.
    next: usize,
    /// What is known of cameras; at most one of a kind for each, the latest.
    findings: Vec<Option<Findings>>,
    holds: Vec<Option<Duration>>,
    is_poked: bool,
    is_closed: bool,
    skipped: u64,
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct Lane {
    /// With the time of their arrival.
    units: VecDeque<(Instant, AccessUnit)>,
    bytes: usize,
    waits_for_key: bool,
    /// A skipped access unit began a new sequence; the next one that passes says so in its stead.
    owes_new_sequence: bool,
}

// === impl Units ===

impl Units {
    pub(super) fn new(cameras: usize, order: Arc<Order>) -> Self {
        let lanes = Lanes {
            order,
            lanes: (0..cameras).map(|_| Lane::default()).collect(),
            next: 0,
            findings: vec![None; cameras],
            holds: vec![None; cameras],
            is_poked: false,
            is_closed: false,
            skipped: 0,
            waiting: Waiting::default(),
        };
        Self { lanes: Mutex::new(lanes), arrived: Condvar::new() }
    }

    /// Takes an access unit of a camera. Returns how many had to be skipped for want of room.
    pub(super) fn offer(&self, camera: usize, unit: AccessUnit) -> u64 {
        let mut lanes = self.lock();
        let is_dozing = lanes.order.is_asleep(camera);
        let lane = &mut lanes.lanes[camera];
        let is_key = unit.is_key;
        let skipped = lane.offer(unit);
        let is_urgent = !is_dozing || is_key || lane.units.len() >= DOZING_BATCH;
        lanes.skipped += skipped;
        if is_urgent {
            self.arrived.notify_one();
        }
        skipped
    }

    /// Access units of a camera that looks back have been skipped: the detector is too slow for all.
    pub(super) fn leave_out(&self, units: u64) {
        self.lock().skipped += units;
    }

    /// Takes what the detector made of a picture, in place of what it made of the one before.
    pub(super) fn tell(&self, camera: usize, findings: Findings) {
        self.lock().findings[camera] = Some(findings);
        self.arrived.notify_one();
    }

    /// Asks that a camera is looked at closely for so long.
    pub(super) fn hold(&self, camera: usize, lasting: Duration) {
        let mut lanes = self.lock();
        lanes.holds[camera] = lanes.holds[camera].max(Some(lasting));
        self.arrived.notify_one();
    }

    /// Wakes the decode thread: a place for a picture has become free.
    pub(super) fn poke(&self) {
        self.lock().is_poked = true;
        self.arrived.notify_one();
    }

    /// What waits, and what happened since this was asked last.
    pub(super) fn backlog(&self) -> Backlog {
        let mut lanes = self.lock();
        let in_a_hurry = lanes.lanes.iter().enumerate().filter(|(camera, _)| !lanes.order.is_asleep(*camera));
        let waiting = in_a_hurry.filter_map(|(_, lane)| lane.units.front());
        Backlog {
            oldest: waiting.map(|(arrived, _)| arrived.elapsed()).max().unwrap_or_default(),
            skipped: std::mem::take(&mut lanes.skipped),
            waited: lanes.waiting.take(),
        }
    }

    /// What to do next: what is known first, then access units, camera by camera in turn. Waits for something where
    /// `may_wait`. None when closed.
    pub(super) fn take(&self, may_wait: bool) -> Option<Work> {
        let mut lanes = self.lock();
        loop {
            if lanes.is_closed {
                return None;
            }
            if let Some(work) = lanes.take() {
                return Some(work);
            }
            if std::mem::take(&mut lanes.is_poked) || !may_wait {
                return Some(Work::Nothing);
            }
            lanes.waiting.begin();
            lanes = self.arrived.wait(lanes).unwrap_or_else(PoisonError::into_inner);
            lanes.waiting.end();
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
    fn take(&mut self) -> Option<Work> {
        fn first<T>(waiting: &mut [Option<T>]) -> Option<(usize, T)> {
            waiting.iter_mut().enumerate().find_map(|(camera, slot)| Some((camera, slot.take()?)))
        }
        if let Some((camera, lasting)) = first(&mut self.holds) {
            return Some(Work::Hold(camera, lasting));
        }
        if let Some((camera, findings)) = first(&mut self.findings) {
            return Some(Work::Findings(camera, findings));
        }
        let count = self.lanes.len();
        let mut waiting =
            (0..count).map(|n| (self.next + n) % count).filter(|n| !self.lanes[*n].units.is_empty());
        let linked = waiting.clone().find(|camera| self.order.is_linked(*camera));
        let camera = linked.or_else(|| waiting.next())?;
        self.next = (camera + 1) % count;
        Some(Work::Unit(camera, self.lanes[camera].take()?))
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
            self.owes_new_sequence |= self.units.iter().any(|(_, unit)| unit.is_new_sequence);
            self.units.clear();
            self.bytes = 0;
        }
        self.waits_for_key = false;
        unit.is_new_sequence |= std::mem::take(&mut self.owes_new_sequence);
        self.bytes += unit.data.len();
        self.units.push_back((Instant::now(), unit));
        skipped
    }

    fn take(&mut self) -> Option<AccessUnit> {
        let (_, unit) = self.units.pop_front()?;
        self.bytes -= unit.data.len();
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use moshao_config::Priority;

    use super::*;
    use crate::camera::Codec;

    fn unit(number: u64, is_key: bool) -> AccessUnit {
        AccessUnit {
            data: vec![0; 1000].into(),
            codec: Codec::H264,
            is_key,
            lost_packets: 0,
            is_new_sequence: number == 0,
            media_time: Duration::from_millis(number * 40),
            received_unix_ms: 0,
        }
    }

    fn queues(cameras: usize) -> Units {
        Units::new(cameras, Arc::new(Order::new(vec![Priority::Normal; cameras])))
    }

    fn take_unit(units: &Units) -> (usize, AccessUnit) {
        match units.take(false) {
            Some(Work::Unit(camera, unit)) => (camera, unit),
            other => panic!("{other:?}"),
        }
    }

    fn number(unit: &AccessUnit) -> u64 {
        unit.media_time.as_millis() as u64 / 40
    }

    #[test]
    fn everything_passes_while_there_is_room() {
        let units = queues(1);
        for n in 0..200 {
            assert_eq!(units.offer(0, unit(n, n % 50 == 0)), 0);
            assert_eq!(number(&take_unit(&units).1), n);
        }
    }

    #[test]
    fn a_full_queue_skips_up_to_the_next_key_frame_and_that_one_pushes_out_the_rest() {
        let units = queues(1);
        let skipped: u64 = (0..100).map(|n| units.offer(0, unit(n, n == 0 || n == 90))).sum();
        assert_eq!(skipped, 90, "0 to 49 were pushed out by 90; 50 to 89 found no room");
        let (_, first) = take_unit(&units);
        assert_eq!(number(&first), 90);
        assert!(first.is_new_sequence, "the decoder still learns that a sequence began");
        assert_eq!(number(&take_unit(&units).1), 91);
    }

    #[test]
    fn once_skipping_it_skips_to_the_key_frame_even_if_there_is_room_again() {
        let units = queues(1);
        let skipped: u64 = (0..51).map(|n| units.offer(0, unit(n, n == 0))).sum();
        assert_eq!(skipped, 1);
        assert!((0..50).all(|n| number(&take_unit(&units).1) == n));
        assert_eq!(units.offer(0, unit(51, false)), 1, "refers to 50, which was skipped");
        assert_eq!(units.offer(0, unit(52, true)), 0);
        assert_eq!(number(&take_unit(&units).1), 52);
    }

    #[test]
    fn one_giant_access_unit_passes() {
        let units = queues(1);
        let giant = AccessUnit { data: vec![0; BYTES_MAX + 1].into(), ..unit(0, true) };
        assert_eq!(units.offer(0, giant), 0);
        assert_eq!(units.offer(0, unit(1, false)), 1);
    }

    #[test]
    fn cameras_are_served_in_turn() {
        let units = queues(3);
        for n in 0..4 {
            units.offer(0, unit(n, n == 0));
        }
        units.offer(2, unit(0, true));
        let order: Vec<usize> = (0..5).map(|_| take_unit(&units).0).collect();
        assert_eq!(order, [0, 2, 0, 0, 0]);
    }

    #[test]
    fn a_camera_that_an_alarm_is_linked_to_is_served_first() {
        let order = Arc::new(Order::new([Priority::Normal; 3]));
        let units = Units::new(3, order.clone());
        for camera in 0..3 {
            assert!((0..2).all(|n| units.offer(camera, unit(n, n == 0)) == 0));
        }
        order.link(2, Duration::from_secs(3600));
        let served: Vec<usize> = (0..6).map(|_| take_unit(&units).0).collect();
        assert_eq!(served, [2, 2, 0, 1, 0, 1]);
    }

    #[test]
    fn what_waits_and_is_lost_is_told_but_not_of_sleeping_cameras() {
        let units = queues(2);
        units.lock().order.set_asleep(1, true);
        units.offer(1, unit(0, true));
        assert_eq!(units.backlog().oldest, Duration::ZERO, "in no hurry");
        let skipped: u64 = (0..60).map(|n| units.offer(0, unit(n, n == 0))).sum();
        let backlog = units.backlog();
        assert!(backlog.oldest > Duration::ZERO && backlog.skipped == skipped, "{backlog:?}");
        assert_eq!(units.backlog().skipped, 0, "told once");
    }

    #[test]
    fn closing_ends_the_waiting() {
        let units = queues(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| units.take(true).is_none());
            units.close();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn what_is_asked_and_known_comes_before_access_units() {
        let units = queues(2);
        units.offer(0, unit(0, true));
        units.tell(1, Findings { media_time: Duration::from_secs(1), ..Findings::default() });
        units.tell(1, Findings { media_time: Duration::from_secs(2), ..Findings::default() });
        units.hold(0, Duration::from_secs(10));
        units.hold(0, Duration::from_secs(5));
        assert!(
            matches!(units.take(true), Some(Work::Hold(0, lasting)) if lasting == Duration::from_secs(10))
        );
        assert!(
            matches!(units.take(true), Some(Work::Findings(1, latest)) if latest.media_time == Duration::from_secs(2))
        );
        assert!(matches!(units.take(true), Some(Work::Unit(0, _))));
        assert!(matches!(units.take(false), Some(Work::Nothing)));
        units.poke();
        assert!(matches!(units.take(true), Some(Work::Nothing)));
    }

    #[test]
    fn a_sleeping_camera_wakes_the_thread_for_a_key_frame() {
        let units = queues(1);
        units.lock().order.set_asleep(0, true);
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| matches!(units.take(true), Some(Work::Unit(0, unit)) if unit.is_key));
            units.offer(0, unit(0, true));
            assert!(waiting.join().unwrap());
        });
    }
}
