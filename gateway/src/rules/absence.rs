//! `absence = { labels, zone, longer_than }`: nobody is where somebody should be, such as at a guard post.
//!
//! Only a picture says that the place is empty; as long as none comes the last one stands, because the gate leaves out
//! pictures in which nothing has moved. A camera that is down says nothing: the time begins anew when it is back.

use std::time::Duration;

use super::Edge;

/// One absence rule looking at one camera.
#[derive(Debug)]
pub(super) struct AbsenceWatch {
    longer_than: Duration,
    /// Since when the place has been empty.
    empty_since: Option<Duration>,
    active: bool,
}

// === impl AbsenceWatch ===

impl AbsenceWatch {
    pub(super) fn new(longer_than: Duration) -> Self {
        AbsenceWatch { longer_than, empty_since: None, active: false }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.active = true;
    }

    /// One picture.
    pub(super) fn step(&mut self, now: Duration, somebody: bool) -> Option<Edge> {
        if somebody {
            self.empty_since = None;
            return self.end();
        }
        self.empty_since.get_or_insert(now);
        if self.active {
            return Some(Edge::Continues);
        }
        self.tick(now)
    }

    /// Time has passed: the last picture still stands.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        let since = self.empty_since.filter(|_| !self.active)?;
        if now.saturating_sub(since) < self.longer_than {
            return None;
        }
        self.active = true;
        Some(Edge::Raised)
    }

    /// The camera sees nothing any more.
    pub(super) fn blind(&mut self) {
        self.empty_since = None;
    }

    /// It is over, whatever the pictures say.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.empty_since = None;
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_empty_post_is_told_after_its_time_and_over_when_somebody_is_back() {
        let mut post = AbsenceWatch::new(s(300));
        assert_eq!(post.step(s(0), true), None);
        assert_eq!(post.step(s(10), false), None);
        assert_eq!(post.step(s(309), false), None);
        assert_eq!(post.step(s(310), false), Some(Edge::Raised));
        assert_eq!(post.step(s(311), false), Some(Edge::Continues));
        assert_eq!(post.step(s(400), true), Some(Edge::Cleared));
        assert_eq!(post.step(s(401), true), None);
    }

    #[test]
    fn somebody_who_sits_still_is_there() {
        let mut post = AbsenceWatch::new(s(300));
        post.step(s(0), true);
        assert_eq!(post.tick(s(10_000)), None, "no picture has said that he is gone");
    }

    #[test]
    fn it_is_told_by_time_alone_when_nothing_moves() {
        let mut post = AbsenceWatch::new(s(300));
        post.step(s(0), false);
        assert_eq!(post.tick(s(299)), None);
        assert_eq!(post.tick(s(300)), Some(Edge::Raised));
        assert_eq!(post.tick(s(301)), None);
    }

    #[test]
    fn a_camera_that_is_down_sees_no_empty_post() {
        let mut post = AbsenceWatch::new(s(300));
        post.step(s(0), false);
        post.blind();
        assert_eq!(post.tick(s(1000)), None);
        assert_eq!(post.step(s(1000), false), None, "the time begins anew");
        assert_eq!(post.step(s(1300), false), Some(Edge::Raised));
    }
}
