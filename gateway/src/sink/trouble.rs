//! What the centre is told about a sink that fails: a pure decision.
//!
//! A sink that has failed for [`PATIENCE`] is told once, and once more when it works again. Refused events are told at
//! most once in [`REFUSALS_EVERY`], with their number.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::event::Phase;
use crate::incident::tell::new_id;
use crate::outbox::{Announcement, NewEvent, Site};

/// How long a sink may fail untold.
const PATIENCE: Duration = Duration::from_secs(300);
/// Refusals within this time are told together.
const REFUSALS_EVERY: Duration = Duration::from_secs(3600);
/// Level of both: yellow. The centre itself lacks nothing.
const LEVEL: u8 = 3;

/// What is known of one sink's failures.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failing_since: Option<Instant>,
    /// The incident that was told.
    told: Option<String>,
    refused: u64,
    refusals_told: Option<Instant>,
}

// === impl Trouble ===

impl Trouble {
    /// A request has failed.
    pub(super) fn failed(&mut self, now: Instant, detail: &str, name: &str, site: &Site) -> Option<NewEvent> {
        let since = *self.failing_since.get_or_insert(now);
        if self.told.is_some() || now.duration_since(since) < PATIENCE {
            return None;
        }
        let wall = Timestamp::now();
        let incident = new_id(wall);
        self.told = Some(incident.clone());
        let note =
            format!("nothing has reached the sink {name} for {} minutes: {detail}", PATIENCE.as_secs() / 60);
        Some(down(name, incident, Phase::Opened, note).into_event(site, wall))
    }

    /// A request has been taken; `missed` events will never reach the sink.
    pub(super) fn worked(&mut self, missed: u64, name: &str, site: &Site) -> Option<NewEvent> {
        self.failing_since = None;
        let told = self.told.take();
        if told.is_none() && missed == 0 {
            return None;
        }
        let wall = Timestamp::now();
        let incident = told.unwrap_or_else(|| new_id(wall));
        let note = match missed {
            0 => format!("the sink {name} takes events again"),
            missed => format!(
                "the sink {name} takes events again; {missed} events were given up for it because too many waited"
            ),
        };
        Some(down(name, incident, Phase::Closed, note).into_event(site, wall))
    }

    /// `count` events have been given up because the sink will not have them.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        count: u64,
        detail: &str,
        name: &str,
        site: &Site,
    ) -> Option<NewEvent> {
        self.refused += count;
        if self.refusals_told.is_some_and(|told| now.duration_since(told) < REFUSALS_EVERY) {
            return None;
        }
        self.refusals_told = Some(now);
        let wall = Timestamp::now();
        let id = new_id(wall);
        let announcement = Announcement {
            id: id.clone(),
            correlation: id,
            kind: "sink-refused",
            subject: format!("sink/{name}"),
            code: "SINK_REFUSED",
            title: "推送消息被拒收",
            level: LEVEL,
            phase: Phase::Opened,
            happened: None,
            measure: None,
            note: format!(
                "the sink {name} refused {} events for good: {detail}",
                std::mem::take(&mut self.refused)
            ),
        };
        Some(announcement.into_event(site, wall))
    }
}

fn down(name: &str, incident: String, phase: Phase, note: String) -> Announcement {
    Announcement {
        id: new_id(Timestamp::now()),
        correlation: incident,
        kind: "sink-down",
        subject: format!("sink/{name}"),
        code: "SINK_DOWN",
        title: "推送通道故障",
        level: LEVEL,
        phase,
        happened: None,
        measure: None,
        note,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use moshao_config::Grid;

    use super::*;

    fn site() -> Site {
        Site {
            division: "510104001001".to_owned(),
            gateway: "gw-0007".to_owned(),
            grid: Grid { code: "510104001001003".to_owned(), name: None },
            time_zone: TimeZone::UTC,
        }
    }

    #[test]
    fn a_sink_that_stays_down_is_told_once_and_once_when_it_works_again() {
        let (begin, site) = (Instant::now(), site());
        let mut trouble = Trouble::default();
        assert!(trouble.failed(begin, "it hangs", "duty", &site).is_none());
        assert!(trouble.failed(begin + Duration::from_secs(299), "it hangs", "duty", &site).is_none());
        let opened =
            trouble.failed(begin + PATIENCE, "it hangs", "duty", &site).expect("told after five minutes");
        assert!(trouble.failed(begin + PATIENCE * 2, "it hangs", "duty", &site).is_none());
        let closed = trouble.worked(3, "duty", &site).expect("told when it works again");
        assert_eq!(opened.event.correlationid, closed.event.correlationid);
        assert!(closed.event.data.note.is_some_and(|note| note.contains("3 events were given up")));
        assert!(trouble.worked(0, "duty", &site).is_none());
    }

    #[test]
    fn refusals_are_told_together() {
        let (begin, site) = (Instant::now(), site());
        let mut trouble = Trouble::default();
        assert!(trouble.refused(begin, 1, "400", "duty", &site).is_some());
        assert!(trouble.refused(begin + Duration::from_secs(60), 1, "400", "duty", &site).is_none());
        let later = trouble.refused(begin + REFUSALS_EVERY, 1, "400", "duty", &site).expect("an hour later");
        assert!(later.event.data.note.is_some_and(|note| note.contains("refused 2 events")));
    }
}
