//! A sensor that has not been heard for its `lost_after`: lost.
//!
//! GB 20517 wants a stand-alone smoke alarm to check its battery at least every 24 h and to say so; one that says nothing
//! for that long is not there any more.

use std::time::Duration;

use super::Edge;

/// The built-in silence rule looking at one sensor.
#[derive(Debug)]
pub(super) struct SilenceWatch {
    lost_after: Duration,
    heard: Duration,
    active: bool,
}

// === impl SilenceWatch ===

impl SilenceWatch {
    /// Counts from `now`, whether or not it is ever heard.
    pub(super) fn new(now: Duration, lost_after: Duration) -> Self {
        SilenceWatch { lost_after, heard: now, active: false }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.active = true;
    }

    /// How long it has been silent at `now`.
    pub(super) fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard)
    }

    /// Anything has come.
    pub(super) fn step(&mut self, now: Duration) -> Option<Edge> {
        self.heard = now;
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }

    /// The device or its hub says whether it is there. Where it is, that is as good as a message only after it was not.
    pub(super) fn said_to_be(&mut self, now: Duration, there: bool) -> Option<Edge> {
        match (there, self.active) {
            (false, false) => {
                self.active = true;
                Some(Edge::Raised)
            }
            (true, true) => self.step(now),
            _ => None,
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        if self.active || self.silent_for(now) < self.lost_after {
            return None;
        }
        self.active = true;
        Some(Edge::Raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(3600 * hours)
    }

    #[test]
    fn a_sensor_is_lost_after_its_time_and_back_with_its_next_message() {
        let mut watch = SilenceWatch::new(hours(0), hours(24));
        assert_eq!(watch.step(hours(1)), None);
        assert_eq!(watch.tick(hours(24)), None);
        assert_eq!(watch.tick(hours(25)), Some(Edge::Raised));
        assert_eq!(watch.tick(hours(26)), None, "once");
        assert_eq!(watch.step(hours(27)), Some(Edge::Cleared));
    }

    #[test]
    fn one_that_is_said_to_be_away_is_lost_at_once_and_no_word_replaces_its_messages() {
        let mut watch = SilenceWatch::new(hours(0), hours(24));
        assert_eq!(watch.said_to_be(hours(1), true), None);
        assert_eq!(watch.said_to_be(hours(2), false), Some(Edge::Raised));
        assert_eq!(watch.said_to_be(hours(3), false), None);
        assert_eq!(watch.said_to_be(hours(4), true), Some(Edge::Cleared));
        assert_eq!(watch.said_to_be(hours(20), true), None);
        assert_eq!(watch.tick(hours(28)), Some(Edge::Raised), "it has not been heard for a day");
    }

    #[test]
    fn one_that_was_never_heard_is_lost_too() {
        assert_eq!(SilenceWatch::new(hours(0), hours(24)).tick(hours(24)), Some(Edge::Raised));
    }
}
