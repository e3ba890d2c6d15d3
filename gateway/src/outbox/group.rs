//! When to commit: the pure part of group commit.
//!
//! | queued | committed |
//! |---|---|
//! | an alarm | at once, with everything queued at that moment |
//! | other events | after 50 ms, or when 32 rows are queued |
//! | deletions of delivered events | with the next commit, or after 1 s, or when 50 are queued |

use std::time::{Duration, Instant};

use super::Class;

/// How long an event may wait for company.
pub(super) const EVENT_WAIT: Duration = Duration::from_millis(50);
/// Rows that are enough company.
pub(super) const GROUP_ROWS: usize = 32;
/// How long a deletion may wait.
pub(super) const DELETION_WAIT: Duration = Duration::from_secs(1);
/// Deletions that are enough for a commit of their own.
pub(super) const GROUP_DELETIONS: usize = 50;

/// What waits for the next commit, as far as its time is concerned.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Group {
    due: Option<Instant>,
    rows: usize,
    deletions: usize,
}

// === impl Group ===

impl Group {
    /// Events (or a state alone, `class` then being [`Class::Event`]) have been queued.
    pub(super) fn queued(&mut self, now: Instant, class: Class, rows: usize) {
        self.rows += rows;
        let wait = match class {
            Class::Alarm => Duration::ZERO,
            Class::Event if self.rows >= GROUP_ROWS => Duration::ZERO,
            Class::Event => EVENT_WAIT,
        };
        self.bring_forward(now + wait);
    }

    /// Deletions have been queued.
    pub(super) fn deletions(&mut self, now: Instant, count: usize) {
        self.deletions += count;
        let wait = if self.deletions >= GROUP_DELETIONS { Duration::ZERO } else { DELETION_WAIT };
        self.bring_forward(now + wait);
    }

    /// When to commit; none while nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn bring_forward(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_due_at_once_even_behind_a_waiting_event() {
        let now = Instant::now();
        let mut group = Group::default();
        assert_eq!(group.due(), None);
        group.queued(now, Class::Event, 1);
        assert_eq!(group.due(), Some(now + EVENT_WAIT));
        let later = now + Duration::from_millis(10);
        group.queued(later, Class::Alarm, 1);
        assert_eq!(group.due(), Some(later));
    }

    #[test]
    fn a_later_event_does_not_postpone_the_first() {
        let now = Instant::now();
        let mut group = Group::default();
        group.queued(now, Class::Event, 1);
        group.queued(now + Duration::from_millis(40), Class::Event, 1);
        assert_eq!(group.due(), Some(now + EVENT_WAIT));
    }

    #[test]
    fn enough_company_is_due_at_once() {
        let now = Instant::now();
        let mut group = Group::default();
        for _ in 0..GROUP_ROWS - 1 {
            group.queued(now, Class::Event, 1);
        }
        assert_eq!(group.due(), Some(now + EVENT_WAIT));
        let later = now + Duration::from_millis(3);
        group.queued(later, Class::Event, 1);
        assert_eq!(group.due(), Some(later));
    }

    #[test]
    fn deletions_wait_a_second_or_for_fifty() {
        let now = Instant::now();
        let mut group = Group::default();
        group.deletions(now, 1);
        assert_eq!(group.due(), Some(now + DELETION_WAIT));
        group.deletions(now, GROUP_DELETIONS - 1);
        assert_eq!(group.due(), Some(now));
    }
}
