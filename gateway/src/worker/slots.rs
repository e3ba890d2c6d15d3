//! Pictures on their way from the decode thread to the inference thread: one slot for each camera, the newest wins.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// One slot for each camera.
#[derive(Debug)]
pub(super) struct Slots<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State<T> {
    slots: Vec<Option<T>>,
    /// Camera that is served next.
    next: usize,
    is_closed: bool,
}

// === impl Slots ===

impl<T> Slots<T> {
    pub(super) fn new(cameras: usize) -> Self {
        let slots = (0..cameras).map(|_| None).collect();
        Self { state: Mutex::new(State { slots, next: 0, is_closed: false }), arrived: Condvar::new() }
    }

    /// Puts something into a camera's slot. True if it replaced what nobody had taken.
    pub(super) fn put(&self, camera: usize, item: T) -> bool {
        // The old one is dropped after the lock is.
        let replaced = self.lock().slots[camera].replace(item);
        self.arrived.notify_one();
        replaced.is_some()
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
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
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
    fn take(&mut self) -> Option<(usize, T)> {
        let count = self.slots.len();
        let camera = (0..count).map(|n| (self.next + n) % count).find(|n| self.slots[*n].is_some())?;
        self.next = (camera + 1) % count;
        Some((camera, self.slots[camera].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_says_that_it_replaced() {
        let slots = Slots::new(1);
        assert!(!slots.put(0, "old"));
        assert!(slots.put(0, "new"));
        assert!(!slots.is_free(0));
        assert_eq!(slots.take(), Some((0, "new")));
        assert!(slots.is_free(0));
        assert!(!slots.put(0, "newer"));
    }

    #[test]
    fn cameras_are_served_in_turn() {
        let slots = Slots::new(3);
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
        let slots = Slots::<u8>::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take().is_none());
            slots.close();
            assert!(waiting.join().unwrap());
        });
    }
}
