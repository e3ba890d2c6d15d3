//! Which cameras come first, and how much of each is watched, as the threads of a worker share it.
//!
//! A camera that an alarm is linked to comes before all others and is always watched in full. The others get what the
//! step of the [`ladder`] leaves them; set aside are those of the lowest priority first, among equals the last in the
//! configuration.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use moshao_config::Priority;

use super::ladder::{self, Rung};

/// How much of a camera is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Everything.
    Full,
    /// Every picture is decoded, half as many are looked at.
    Slower,
    /// And those that no other refers to are not decoded.
    ReferencePictures,
    /// Awake, key frames alone are decoded.
    KeyFrames,
    /// Nothing.
    Nothing,
}

/// The order of a worker's cameras.
#[derive(Debug)]
pub(super) struct Order {
    began: Instant,
    /// Least worth first.
    ranked: Vec<usize>,
    /// Until when an alarm is linked to each, milliseconds since `began`; 0 where none was.
    linked_until_ms: Vec<AtomicU64>,
    step: AtomicUsize,
}

// === impl Order ===

impl Order {
    pub(super) fn new(priorities: impl IntoIterator<Item = Priority>) -> Self {
        let priorities: Vec<Priority> = priorities.into_iter().collect();
        let mut ranked: Vec<usize> = (0..priorities.len()).rev().collect();
        ranked.sort_by_key(|camera| priorities[*camera]);
        Self {
            began: Instant::now(),
            ranked,
            linked_until_ms: priorities.iter().map(|_| AtomicU64::new(0)).collect(),
            step: AtomicUsize::new(0),
        }
    }

    /// An alarm is linked to a camera for so long.
    pub(super) fn link(&self, camera: usize, lasting: Duration) {
        self.linked_until_ms[camera].fetch_max(in_ms(self.began.elapsed() + lasting), Relaxed);
    }

    pub(super) fn is_linked(&self, camera: usize) -> bool {
        match self.linked_until_ms[camera].load(Relaxed) {
            0 => false,
            until_ms => in_ms(self.began.elapsed()) < until_ms,
        }
    }

    /// Goes to a step of the ladder.
    pub(super) fn set_step(&self, step: usize) {
        self.step.store(step, Relaxed);
    }

    /// How much of a camera is watched now.
    pub(super) fn service(&self, camera: usize) -> Service {
        let step = self.step.load(Relaxed);
        if step == 0 || self.is_linked(camera) {
            return Service::Full;
        }
        match Rung::of(step) {
            Rung::Full => Service::Full,
            Rung::SlowerDetection => Service::Slower,
            Rung::ReferencePictures => Service::ReferencePictures,
            Rung::FewerCameras if self.set_aside().any(|aside| aside == camera) => Service::Nothing,
            Rung::KeyFrames | Rung::FewerCameras => Service::KeyFrames,
        }
    }

    /// Cameras of which nothing is watched now.
    pub(super) fn set_aside(&self) -> impl Iterator<Item = usize> {
        let count = ladder::set_aside(self.step.load(Relaxed));
        self.ranked.iter().copied().filter(|camera| !self.is_linked(*camera)).take(count)
    }
}

fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(order: &Order, step: usize) -> Vec<Service> {
        order.set_step(step);
        (0..order.ranked.len()).map(|camera| order.service(camera)).collect()
    }

    #[test]
    fn each_step_leaves_less_and_priority_says_who_is_set_aside_first() {
        use Service::{Full, KeyFrames, Nothing, ReferencePictures, Slower};
        let order = Order::new([Priority::Normal, Priority::High, Priority::Low, Priority::Normal]);
        assert_eq!(services(&order, 0), [Full; 4]);
        assert_eq!(services(&order, 1), [Slower; 4]);
        assert_eq!(services(&order, 2), [ReferencePictures; 4]);
        assert_eq!(services(&order, 3), [KeyFrames; 4]);
        assert_eq!(services(&order, 4), [KeyFrames, KeyFrames, Nothing, KeyFrames], "low first");
        assert_eq!(
            services(&order, 5),
            [KeyFrames, KeyFrames, Nothing, Nothing],
            "then the last of its like"
        );
        assert_eq!(services(&order, 6), [Nothing, KeyFrames, Nothing, Nothing]);
    }

    #[test]
    fn a_camera_that_an_alarm_is_linked_to_is_watched_in_full_as_long_as_it_lasts() {
        let order = Order::new([Priority::Low, Priority::High]);
        order.link(0, Duration::from_secs(3600));
        assert_eq!(services(&order, 4), [Service::Full, Service::Nothing], "another one makes room");
        order.link(1, Duration::ZERO);
        assert!(!order.is_linked(1), "over at once");
    }
}
