//! Pictures on their way from the decode thread to the inference thread: one slot for each camera, the newest wins.
//!
//! A camera that an alarm is linked to is served first, the others in turn.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::order::Order;
use super::waiting::Waiting;

/// One slot for each camera.
#[derive(Debug)]
pub(super) struct Slots<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

/// What was asked of the inference thread since it was asked for last.
#[derive(Debug)]
pub(super) struct Demand {
    /// Pictures put into slots.
    pub(super) offered: u64,
    /// Those among them that nobody had taken when the next came.
    pub(super) replaced: u64,
    /// How long the inference thread waited for pictures.
    pub(super) waited: Duration,
}

#[derive(Debug)]
struct State<T> {
    order: Arc<Order>,
    slots: Vec<Option<T>>,
    /// Camera that is served next.
    next: usize,
    is_closed: bool,
    offered: u64,
    replaced: u64,
    waiting: Waiting,
}

// === impl Slots ===

impl<T> Slots<T> {
    pub(super) fn new(cameras: usize, order: Arc<Order>) -> Self {
        let state = State {
            order,
            slots: (0..cameras).map(|_| None).collect(),
            next: 0,
            is_closed: false,
            offered: 0,
            replaced: 0,
            waiting: Waiting::default(),
        };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Puts something into a camera's slot. True if it replaced what nobody had taken.
    pub(super) fn put(&self, camera: usize, item: T) -> bool {
        // The old one is dropped after the lock is.
        let replaced = self.lock().put(camera, item);
        self.arrived.notify_one();
        replaced.is_some()
    }

    /// What happened since this was asked last.
    pub(super) fn demand(&self) -> Demand {
        let mut state = self.lock();
        Demand {
            offered: std::mem::take(&mut state.offered),
            replaced: std::mem::take(&mut state.replaced),
            waited: state.waiting.take(),
        }
    }

    /// Whether nothing waits in a camera's slot.
    pub(super) fn is_free(&self, camera: usize) -> bool {
        self.lock().slots[camera].is_none()
    }

    /// The next item, camera by camera in turn; waits for one. None when closed.
    pub(super) fn take(&self) -> Option<(usize, T)> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(taken) = state.take() {
                return Some(taken);
            }
            state.waiting.begin();
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting.end();
        }
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl<T> State<T> {
    fn put(&mut self, camera: usize, item: T) -> Option<T> {
        let replaced = self.slots[camera].replace(item);
        self.offered += 1;
        self.replaced += u64::from(replaced.is_some());
        replaced
    }

    fn take(&mut self) -> Option<(usize, T)> {
        let count = self.slots.len();
        let mut waiting = (0..count).map(|n| (self.next + n) % count).filter(|n| self.slots[*n].is_some());
        let linked = waiting.clone().find(|camera| self.order.is_linked(*camera));
        let camera = linked.or_else(|| waiting.next())?;
        self.next = (camera + 1) % count;
        Some((camera, self.slots[camera].take()?))
    }
}

#[cfg(test)]
mod tests {
    use moshao_config::Priority;

    use super::*;

    fn slots_of<T>(cameras: usize) -> Slots<T> {
        Slots::new(cameras, Arc::new(Order::new(vec![Priority::Normal; cameras])))
    }

    #[test]
    fn a_camera_that_an_alarm_is_linked_to_is_served_first() {
        let order = Arc::new(Order::new([Priority::Normal; 3]));
        let slots = Slots::new(3, order.clone());
        order.link(1, Duration::from_secs(3600));
        assert!((0..3).all(|camera| !slots.put(camera, 'a')));
        assert_eq!(slots.take(), Some((1, 'a')));
        slots.put(1, 'b');
        assert_eq!(slots.take(), Some((1, 'b')));
        assert_eq!([slots.take(), slots.take()], [Some((2, 'a')), Some((0, 'a'))]);
        let demand = slots.demand();
        assert_eq!((demand.offered, demand.replaced), (4, 0));
    }

    #[test]
    fn the_newest_wins_and_says_that_it_replaced() {
        let slots = slots_of(1);
        assert!(!slots.put(0, "old"));
        assert!(slots.put(0, "new"));
        assert!(!slots.is_free(0));
        assert_eq!(slots.take(), Some((0, "new")));
        assert!(slots.is_free(0));
        assert!(!slots.put(0, "newer"));
    }

    #[test]
    fn cameras_are_served_in_turn() {
        let slots = slots_of(3);
        for camera in 0..3 {
            slots.put(camera, 'a');
        }
        assert_eq!(slots.take(), Some((0, 'a')));
        slots.put(0, 'b');
        assert_eq!(slots.take(), Some((1, 'a')));
        assert_eq!(slots.take(), Some((2, 'a')));
        assert_eq!(slots.take(), Some((0, 'b')));
    }

    #[test]
    fn closing_ends_the_waiting() {
        let slots = slots_of::<u8>(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take().is_none());
            slots.close();
            assert!(waiting.join().unwrap());
        });
    }
}
