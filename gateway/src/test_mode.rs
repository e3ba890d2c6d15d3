//! Test mode that a person switches on for a while: of one camera or sensor, or of the whole site.
//!
//! What a device in test mode says is told as a test and never escalated. It always has an end, and a restart ends it:
//! a forgotten test must not hide a fire. Pure: `now` is handed in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;

/// The longest test.
pub const LONGEST: Duration = Duration::from_secs(8 * 3600);

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Every camera and sensor.
    Site,
    /// A camera or a configured sensor.
    Device(String),
}

/// The tests that run.
#[derive(Debug, Default)]
pub struct TestMode {
    ends: BTreeMap<Subject, Moment>,
}

// === impl TestMode ===

impl TestMode {
    /// Begins or prolongs a test; no longer than [`LONGEST`].
    pub fn begin(&mut self, now: Moment, subject: Subject, lasting: Duration) {
        self.ends.insert(subject, now.later(lasting.min(LONGEST)));
    }

    /// Ends a test; false where none ran.
    pub fn end(&mut self, subject: &Subject) -> bool {
        self.ends.remove(subject).is_some()
    }

    /// Tests whose time is over; they end.
    pub fn tick(&mut self, now: Moment) -> Vec<Subject> {
        let over: Vec<Subject> = self
            .ends
            .iter()
            .filter(|(_, end)| now.mono >= end.mono)
            .map(|(subject, _)| subject.clone())
            .collect();
        self.ends.retain(|_, end| now.mono < end.mono);
        over
    }

    /// What is tested, and until when.
    pub fn running(&self) -> impl Iterator<Item = (Subject, Timestamp)> {
        self.ends.iter().map(|(subject, end)| (subject.clone(), end.wall))
    }
}

// === impl Subject ===

impl Subject {
    /// The device; none for the site.
    pub fn device(&self) -> Option<&str> {
        match self {
            Subject::Site => None,
            Subject::Device(id) => Some(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Moment {
        Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH }.later(Duration::from_secs(s))
    }

    #[test]
    fn a_test_ends_by_itself_and_never_lasts_for_days() {
        let mut tests = TestMode::default();
        let gate = Subject::Device("gate".to_owned());
        tests.begin(at(0), gate.clone(), Duration::from_secs(600));
        tests.begin(at(0), Subject::Site, Duration::from_secs(1_000_000));
        assert!(tests.tick(at(599)).is_empty());
        assert_eq!(tests.tick(at(600)), std::slice::from_ref(&gate));
        assert_eq!(tests.running().collect::<Vec<_>>(), [(Subject::Site, at(8 * 3600).wall)]);
        assert!(tests.end(&Subject::Site) && !tests.end(&gate));
    }
}
