//! Which cameras come first, and how much of each is watched, as the threads of a worker share it. So is which of them
//! sleep.
//!
//! A camera that an alarm is linked to comes before all others and is always watched in full. The others get what the
//! step of the [`ladder`] leaves them. Set aside are those that are awake, of the lowest priority first, among equals the
//! last in the configuration. Sleeping ones cost a hundredth and come after them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use moshao_config::Priority;

use super::ladder;

/// How much of a camera is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Everything.
    Full,
    /// Every picture is decoded, half as many are looked at.
    Slower,
    /// And those that no other refers to are not decoded.
    ReferencePictures,
    /// Awake, the first three quarters of each group of pictures are decoded.
    ThreeQuarters,
    /// The first half.
    Half,
    /// The first quarter.
    Quarter,
    /// Key frames alone.
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
    is_asleep: Vec<AtomicBool>,
    step: AtomicUsize,
}

// === impl Service ===

impl Service {
    /// How much of each group of pictures of an awake camera is decoded, in quarters; the key frame always is.
    pub(super) fn quarters_of_groups(self) -> usize {
        match self {
            Service::Full | Service::Slower | Service::ReferencePictures => 4,
            Service::ThreeQuarters => 3,
            Service::Half => 2,
            Service::Quarter => 1,
            Service::KeyFrames | Service::Nothing => 0,
        }
    }
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
            is_asleep: priorities.iter().map(|_| AtomicBool::new(false)).collect(),
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

    /// Whether a camera sleeps from now on. True if it did not before, or the other way round.
    pub(super) fn set_asleep(&self, camera: usize, is_asleep: bool) -> bool {
        self.is_asleep[camera].swap(is_asleep, Relaxed) != is_asleep
    }

    pub(super) fn is_asleep(&self, camera: usize) -> bool {
        self.is_asleep[camera].load(Relaxed)
    }

    /// Goes to a step of the ladder.
    pub(super) fn set_step(&self, step: usize) {
        self.step.store(step, Relaxed);
    }

    /// How much of a camera is watched now.
    pub(super) fn service(&self, camera: usize) -> Service {
        if self.is_linked(camera) {
            return Service::Full;
        }
        match self.set_aside().any(|aside| aside == camera) {
            true => Service::Nothing,
            false => ladder::service(self.step.load(Relaxed)),
        }
    }

    /// Cameras of which nothing is watched now.
    pub(super) fn set_aside(&self) -> impl Iterator<Item = usize> {
        let count = ladder::set_aside(self.step.load(Relaxed));
        self.least_worth(false).chain(self.least_worth(true)).take(count)
    }

    /// Cameras that sleep, or do not, and that no alarm is linked to, least worth first.
    fn least_worth(&self, is_asleep: bool) -> impl Iterator<Item = usize> {
        let ranked = self.ranked.iter().copied();
        ranked.filter(move |camera| self.is_asleep(*camera) == is_asleep && !self.is_linked(*camera))
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
        use Service::{Full, Half, KeyFrames, Nothing, Quarter, ReferencePictures, Slower, ThreeQuarters};
        let order = Order::new([Priority::Normal, Priority::High, Priority::Low, Priority::Normal]);
        let all = [Full, Slower, ReferencePictures, ThreeQuarters, Half, Quarter, KeyFrames];
        for (step, service) in all.into_iter().enumerate() {
            assert_eq!(services(&order, step), [service; 4]);
        }
        assert!(
            all.is_sorted_by(
                |more, less| more < less && more.quarters_of_groups() >= less.quarters_of_groups()
            )
        );
        assert_eq!(services(&order, 7), [KeyFrames, KeyFrames, Nothing, KeyFrames], "low first");
        assert_eq!(
            services(&order, 8),
            [KeyFrames, KeyFrames, Nothing, Nothing],
            "then the last of its like"
        );
        assert_eq!(services(&order, 9), [Nothing, KeyFrames, Nothing, Nothing]);
    }

    #[test]
    fn cameras_that_sleep_are_set_aside_last() {
        let order = Order::new([Priority::Normal, Priority::Low, Priority::Normal]);
        assert!([1, 2].into_iter().all(|camera| order.set_asleep(camera, true)), "both were awake");
        order.set_step(7);
        assert_eq!(order.set_aside().collect::<Vec<_>>(), [0]);
        order.set_step(8);
        assert_eq!(order.set_aside().collect::<Vec<_>>(), [0, 1], "of low priority before normal");
        order.set_asleep(2, false);
        assert_eq!(order.set_aside().collect::<Vec<_>>(), [2, 0]);
    }

    #[test]
    fn a_camera_that_an_alarm_is_linked_to_is_watched_in_full_as_long_as_it_lasts() {
        let order = Order::new([Priority::Low, Priority::High]);
        order.link(0, Duration::from_secs(3600));
        assert_eq!(services(&order, 7), [Service::Full, Service::Nothing], "another one makes room");
        order.link(1, Duration::ZERO);
        assert!(!order.is_linked(1), "over at once");
    }
}
