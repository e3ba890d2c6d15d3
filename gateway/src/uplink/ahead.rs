//! Reading ahead: the events that go next are in memory before the window has room for them.
//!
//! The outbox answers between two commits, and each commit is a sync of the disk: whoever asks only when the window has
//! room sends nothing meanwhile. So the next events are asked for while there are still some in hand, and the connection
//! goes on while the outbox is busy deleting.
//!
//! Alarms are in hand apart from the others and go first. As soon as one has been accepted that is not in hand, the others
//! wait until it is: what was read ahead overtakes no alarm.

use std::collections::{BTreeSet, VecDeque};

use tokio::sync::oneshot;

use crate::outbox::{Class, Cursor, OutboxError, OutboxHandle, Page, Sequence, Stats, Waiting, Wanted};

/// Events of a class in hand, at most. At 20,000 a second they last for 25 ms, which is some syncs of a slow disk.
const IN_HAND: usize = 512;
/// With fewer, more are asked for.
const FEW: usize = IN_HAND / 2;
/// An answer brings no further event when it has so many bytes, and nothing is asked for while so many are in hand.
const ANSWER_BYTES: usize = 512 * 1024;

/// Events in hand, and what is known of those that are not.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    alarms: VecDeque<Waiting>,
    events: VecDeque<Waiting>,
    bytes: usize,
    /// Under way already when reading began: passed over.
    under_way: BTreeSet<Sequence>,
    /// The last ones that were read.
    read: Cursor,
    asked: Option<Asked>,
    /// Every alarm up to this one has been read.
    alarms_known: Sequence,
    /// Everything up to this one has been read.
    known: Sequence,
}

/// A question that the outbox has not answered yet.
#[derive(Debug)]
struct Asked {
    answer: oneshot::Receiver<Result<Page, OutboxError>>,
    /// What had been accepted when it was asked.
    last: Sequence,
    last_alarm: Sequence,
}

// === impl Ahead ===

impl Ahead {
    /// Begins at the beginning, and passes over what is under way.
    pub(super) fn without(under_way: BTreeSet<Sequence>) -> Self {
        Self { under_way, ..Self::default() }
    }

    /// Asks the outbox for more, where more wait there and few are in hand.
    ///
    /// # Errors
    /// The outbox is closed.
    pub(super) async fn ask(&mut self, outbox: &OutboxHandle) -> Result<(), OutboxError> {
        let (last, last_alarm) = {
            let stats = outbox.stats();
            let Stats { last, last_alarm, .. } = *stats.borrow();
            (last, last_alarm)
        };
        if let Some(wanted) = self.wanted(last, last_alarm) {
            let answer = outbox.ask_for(wanted).await?;
            self.asked = Some(Asked { answer, last, last_alarm });
        }
        Ok(())
    }

    /// What to ask for, given the last sequences that were accepted.
    fn wanted(&self, last: Sequence, last_alarm: Sequence) -> Option<Wanted> {
        let alarms_lack = last_alarm > self.alarms_known && self.alarms.len() < FEW;
        let few = self.alarms.len().max(self.events.len()) < FEW && self.bytes < ANSWER_BYTES;
        let others_lack = last > self.known && few;
        (self.asked.is_none() && (alarms_lack || others_lack)).then(|| Wanted {
            after: self.read,
            alarms: IN_HAND - self.alarms.len(),
            events: if few { IN_HAND - self.events.len() } else { 0 },
            bytes: ANSWER_BYTES,
        })
    }

    /// Waits for the answer to what was asked; for ever where nothing was. May be cancelled.
    ///
    /// # Errors
    /// The storage fails, or the outbox is closed.
    pub(super) async fn answered(&mut self) -> Result<(), OutboxError> {
        let Some(asked) = &mut self.asked else { return std::future::pending().await };
        let page = (&mut asked.answer).await.map_err(|_| OutboxError::Closed)?;
        let (last, last_alarm) = (asked.last, asked.last_alarm);
        self.asked = None;
        self.take(page?, last, last_alarm);
        Ok(())
    }

    fn take(&mut self, page: Page, last: Sequence, last_alarm: Sequence) {
        if page.all_alarms {
            self.alarms_known = last_alarm;
        }
        if page.all {
            self.known = last;
        }
        for waiting in page.rows {
            self.read.advance(waiting.class, waiting.sequence);
            if self.under_way.remove(&waiting.sequence) {
                continue;
            }
            self.bytes += waiting.body.len();
            match waiting.class {
                Class::Alarm => self.alarms.push_back(waiting),
                Class::Event => self.events.push_back(waiting),
            }
        }
    }

    /// The event that goes next, given the last alarm that was accepted; none while it is not in hand.
    pub(super) fn next(&mut self, last_alarm: Sequence) -> Option<Waiting> {
        if let Some(alarm) = self.alarms.pop_front() {
            self.bytes -= alarm.body.len();
            return Some(alarm);
        }
        if last_alarm > self.alarms_known { None } else { self.next_event() }
    }

    /// The next event that is no alarm.
    pub(super) fn next_event(&mut self) -> Option<Waiting> {
        let next = self.events.pop_front()?;
        self.bytes -= next.body.len();
        Some(next)
    }

    /// Events in hand that may go now, given the last alarm that was accepted; 0 while an alarm waits.
    pub(super) fn backlog(&self, last_alarm: Sequence) -> usize {
        let is_alarm_first = !self.alarms.is_empty() || last_alarm > self.alarms_known;
        if is_alarm_first { 0 } else { self.events.len() }
    }

    /// The event is not to go yet: it is the next one again.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.bytes += waiting.body.len();
        match waiting.class {
            Class::Alarm => self.alarms.push_front(waiting),
            Class::Event => self.events.push_front(waiting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(class: Class, sequence: u64) -> Waiting {
        Waiting {
            sequence: Sequence(sequence),
            class,
            topic: String::new(),
            body: Vec::new(),
            accepted_unix_ms: 0,
            origin: None,
        }
    }

    fn page(alarms: &[u64], events: &[u64], all: bool) -> Page {
        let alarms = alarms.iter().map(|sequence| waiting(Class::Alarm, *sequence));
        let events = events.iter().map(|sequence| waiting(Class::Event, *sequence));
        Page { rows: alarms.chain(events).collect(), all_alarms: true, all }
    }

    fn numbers(ahead: &mut Ahead, last_alarm: u64) -> Vec<u64> {
        std::iter::from_fn(|| ahead.next(Sequence(last_alarm)).map(|waiting| waiting.sequence.0)).collect()
    }

    #[test]
    fn alarms_go_first_and_each_class_in_order() {
        let mut ahead = Ahead::default();
        ahead.take(page(&[2, 5], &[1, 3, 4], true), Sequence(5), Sequence(5));
        assert_eq!(numbers(&mut ahead, 5), [2, 5, 1, 3, 4]);
    }

    #[test]
    fn nothing_that_was_read_ahead_overtakes_a_new_alarm() {
        let mut ahead = Ahead::default();
        ahead.take(page(&[], &[1, 2, 3], false), Sequence(900), Sequence(0));
        assert_eq!(ahead.next(Sequence(0)).map(|waiting| waiting.sequence.0), Some(1));
        assert_eq!(ahead.next(Sequence(901)), None, "an alarm has been accepted and is not in hand");
        let wanted = ahead.wanted(Sequence(901), Sequence(901)).expect("it is asked for");
        assert_eq!(wanted.after, Cursor { alarm: Sequence(0), event: Sequence(3) });
        ahead.take(page(&[901], &[4], false), Sequence(901), Sequence(901));
        assert_eq!(numbers(&mut ahead, 901), [901, 2, 3, 4]);
    }

    #[test]
    fn more_are_asked_for_before_the_last_has_gone_and_not_while_many_are_in_hand() {
        let all: Vec<u64> = (1..=IN_HAND as u64).collect();
        let last = Sequence(10_000);
        let mut ahead = Ahead::default();
        assert!(ahead.wanted(last, Sequence(0)).is_some(), "nothing has been read");
        ahead.take(page(&[], &all, false), last, Sequence(0));
        while ahead.events.len() >= FEW {
            assert!(ahead.wanted(last, Sequence(0)).is_none(), "{} are in hand", ahead.events.len());
            ahead.next(Sequence(0)).expect("there are some in hand");
        }
        let wanted = ahead.wanted(last, Sequence(0)).expect("few are in hand");
        assert_eq!(wanted.events + ahead.events.len(), IN_HAND, "never more in hand than that");
    }

    #[test]
    fn an_outbox_that_is_read_to_its_end_is_asked_again_when_it_has_accepted_more() {
        let mut ahead = Ahead::default();
        ahead.take(page(&[], &[1], true), Sequence(1), Sequence(0));
        assert!(ahead.wanted(Sequence(1), Sequence(0)).is_none());
        assert!(ahead.wanted(Sequence(2), Sequence(0)).is_some());
    }

    #[test]
    fn large_events_fill_the_hand_sooner() {
        let mut ahead = Ahead::default();
        let large = |sequence| Waiting { body: vec![0; ANSWER_BYTES / 2], ..waiting(Class::Event, sequence) };
        let page = Page { rows: vec![large(1), large(2)], all_alarms: true, all: false };
        ahead.take(page, Sequence(9), Sequence(0));
        assert!(ahead.wanted(Sequence(9), Sequence(0)).is_none());
        let for_an_alarm = ahead.wanted(Sequence(10), Sequence(10)).expect("an alarm is read all the same");
        assert_eq!(for_an_alarm.events, 0);
        ahead.next(Sequence(0)).expect("one is in hand");
        assert!(ahead.wanted(Sequence(9), Sequence(0)).is_some());
    }

    #[test]
    fn what_is_under_way_is_not_read_again() {
        let mut ahead = Ahead::without(BTreeSet::from([Sequence(1), Sequence(3)]));
        ahead.take(page(&[3], &[1, 2], true), Sequence(3), Sequence(3));
        assert_eq!(numbers(&mut ahead, 3), [2]);
    }

    #[test]
    fn what_is_put_back_comes_next() {
        let mut ahead = Ahead::default();
        ahead.take(page(&[], &[1, 2], true), Sequence(2), Sequence(0));
        let first = ahead.next(Sequence(0)).expect("one is in hand");
        ahead.put_back(first);
        assert_eq!(numbers(&mut ahead, 0), [1, 2]);
    }
}
