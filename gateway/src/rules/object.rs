//! `object = { labels, at_least, within }`: an object seen in `at_least` pictures of the last `within`.
//!
//! A single picture proves nothing: detectors err on one picture far more often than on three of the last ten.

use std::collections::VecDeque;
use std::time::Duration;

use super::Edge;

/// One object rule looking at one camera.
#[derive(Debug)]
pub(super) struct ObjectWatch {
    at_least: usize,
    within: Duration,
    clear_after: Duration,
    /// Times of the latest sightings, oldest first; never more than `at_least`.
    sightings: VecDeque<Duration>,
    active: bool,
}

// === impl ObjectWatch ===

impl ObjectWatch {
    pub(super) fn new(at_least: u32, within: Duration, clear_after: Duration) -> Self {
        let at_least = at_least.max(1) as usize;
        ObjectWatch {
            at_least,
            within,
            clear_after,
            sightings: VecDeque::with_capacity(at_least),
            active: false,
        }
    }

    /// True as of `now`, as it was before a restart.
    pub(super) fn restore(&mut self, now: Duration) {
        self.active = true;
        self.sightings = VecDeque::from([now]);
    }

    /// One picture, with or without the object.
    pub(super) fn step(&mut self, now: Duration, seen: bool) -> Option<Edge> {
        if !seen {
            return self.tick(now);
        }
        if self.sightings.len() == self.at_least {
            self.sightings.pop_front();
        }
        self.sightings.push_back(now);
        if self.active {
            return Some(Edge::Continues);
        }
        let enough = self.sightings.len() == self.at_least
            && self.sightings.front().is_some_and(|&first| now.saturating_sub(first) <= self.within);
        if enough {
            self.active = true;
            return Some(Edge::Raised);
        }
        None
    }

    /// No picture, or one without the object.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        let last = *self.sightings.back()?;
        if self.active && now.saturating_sub(last) >= self.clear_after {
            self.active = false;
            self.sightings.clear();
            return Some(Edge::Cleared);
        }
        None
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.sightings.clear();
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn three_in_two_seconds() -> ObjectWatch {
        ObjectWatch::new(3, ms(2000), ms(10_000))
    }

    #[test]
    fn three_sightings_within_two_seconds_raise_once() {
        let mut watch = three_in_two_seconds();
        assert_eq!(watch.step(ms(0), true), None);
        assert_eq!(watch.step(ms(200), false), None);
        assert_eq!(watch.step(ms(400), true), None);
        assert_eq!(watch.step(ms(2000), true), Some(Edge::Raised));
        assert_eq!(watch.step(ms(2200), true), Some(Edge::Continues));
    }

    #[test]
    fn three_sightings_over_a_longer_time_do_not() {
        let mut watch = three_in_two_seconds();
        for t in [0, 1500, 3000, 4500, 6000] {
            assert_eq!(watch.step(ms(t), true), None, "at {t} ms");
        }
    }

    #[test]
    fn it_clears_after_the_object_has_been_gone_long_enough() {
        let mut watch = three_in_two_seconds();
        for t in [0, 200, 400] {
            watch.step(ms(t), true);
        }
        assert_eq!(watch.step(ms(10_399), false), None);
        assert_eq!(watch.step(ms(10_400), false), Some(Edge::Cleared));
        assert_eq!(watch.tick(ms(30_000)), None, "cleared once");
    }

    #[test]
    fn it_clears_by_time_alone_when_the_camera_goes_dark() {
        let mut watch = three_in_two_seconds();
        for t in [0, 200, 400] {
            watch.step(ms(t), true);
        }
        assert_eq!(watch.tick(ms(10_400)), Some(Edge::Cleared));
    }

    #[test]
    fn restored_it_clears_when_nothing_is_seen_any_more() {
        let mut watch = three_in_two_seconds();
        watch.restore(ms(0));
        assert_eq!(watch.step(ms(100), true), Some(Edge::Continues), "no second alarm for the same fire");
        assert_eq!(watch.tick(ms(10_100)), Some(Edge::Cleared));
    }
}
