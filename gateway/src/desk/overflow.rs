//! Events that could not be stored and did not fit into memory while the disk failed: counted, and declared as soon as
//! the disk takes something again.
//!
//! They have no sequence, for they were never accepted. The gap event's subject is `desk`, so that nobody looks for a
//! range of numbers; `data.measure.value` is how many there were.

use jiff::Timestamp;

use crate::clock::rfc3339;
use crate::event::{Measure, Phase};
use crate::incident::tell::new_id;
use crate::outbox::{Announcement, Class, NewEvent, Site};

/// Level of the declaration: orange, as of every other gap.
const LEVEL: u8 = 2;

/// What was lost since the last declaration.
#[derive(Debug, Default)]
pub(super) struct Overflow(Option<Lost>);

#[derive(Debug)]
struct Lost {
    events: u64,
    alarms: u64,
    since: Timestamp,
}

// === impl Overflow ===

impl Overflow {
    /// One more is lost.
    pub(super) fn lose(&mut self, class: Class, now: Timestamp) {
        let lost = self.0.get_or_insert(Lost { events: 0, alarms: 0, since: now });
        lost.events += 1;
        lost.alarms += u64::from(class == Class::Alarm);
    }

    /// The event that declares them, as long as it has not been stored.
    pub(super) fn declaration(&self, site: &Site, now: Timestamp) -> Option<NewEvent> {
        let lost = self.0.as_ref()?;
        let id = new_id(now);
        let since = rfc3339(lost.since, &site.time_zone);
        let announcement = Announcement {
            id: id.clone(),
            correlation: id,
            kind: "gap",
            subject: "desk".to_owned(),
            code: "OUTBOX_GAP",
            title: "事件丢失申报",
            level: LEVEL,
            phase: Phase::Opened,
            happened: Some(lost.since),
            measure: Some(Measure {
                name: "events_lost".to_owned(),
                value: lost.events as f64,
                unit: "1".to_owned(),
                threshold: None,
            }),
            note: format!(
                "{} events, {} of them alarms, were never stored: the disk has failed since {since} and more of them \
                 came than fit into memory; they have no sequence",
                lost.events, lost.alarms
            ),
        };
        Some(announcement.into_event(site, now))
    }

    /// The declaration has been stored.
    pub(super) fn declared(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use moshao_config::Grid;

    use super::*;

    #[test]
    fn what_is_lost_is_declared_until_the_declaration_is_stored() {
        let site = Site {
            division: "510104001001".to_owned(),
            gateway: "gw-0007".to_owned(),
            grid: Grid { code: "510104001001003".to_owned(), name: None },
            time_zone: TimeZone::UTC,
        };
        let now: Timestamp = "2026-11-21T04:34:56Z".parse().unwrap();
        let mut overflow = Overflow::default();
        assert!(overflow.declaration(&site, now).is_none());
        overflow.lose(Class::Event, now);
        overflow.lose(Class::Alarm, now);
        let declared = overflow.declaration(&site, now).expect("two are lost").event;
        assert_eq!((declared.data.code.as_str(), declared.subject.as_str()), ("OUTBOX_GAP", "desk"));
        assert_eq!(declared.data.measure.map(|measure| measure.value), Some(2.0));
        assert!(declared.data.note.is_some_and(|note| note.contains("2 events, 1 of them alarms")));
        assert!(overflow.declaration(&site, now).is_some(), "it may have failed to be stored");
        overflow.declared();
        assert!(overflow.declaration(&site, now).is_none());
    }
}
