//! What a disposition of the centre does to an incident.
//!
//! The highest `(seq, event)` counts, whatever order the messages come in; each key counts once.

use super::book::{Incidents, tell};
use super::mark::Mark;
use super::{Change, Incident};
use crate::clock::Moment;
use crate::disposition::{Answer, Disposition};
use crate::event::{Confirm, Ended, Handling, HandlingState, Phase, Stage, Verdict};

/// Dispositions of one incident that are remembered; the lowest numbers are forgotten first, and count as late then.
const HEARD_MAX: usize = 64;

/// The incident's id and the event's number in an event id; number 0 for the incident's own id.
pub(super) fn split_event_id(event_id: &str) -> (&str, u64) {
    let number = |text: &str| text.parse::<u64>().ok().filter(|&number| number > 0);
    match event_id.rsplit_once('-') {
        Some((incident, text)) => number(text).map_or((event_id, 0), |number| (incident, number)),
        None => (event_id, 0),
    }
}

// === impl Incidents ===

impl Incidents {
    /// What the centre says about an incident.
    pub fn dispose(&mut self, now: Moment, told: &Disposition) -> (Answer, Vec<Change>) {
        self.latest = now;
        let (prefix, number) = split_event_id(&told.event_id);
        let whole = self.survivor(&told.event_id).map(|id| (id, 0));
        let Some((id, event)) = whole.or_else(|| self.survivor(prefix).map(|id| (id, number))) else {
            return (Answer::Unknown, Vec::new());
        };
        if let Some(index) = self.open.iter().position(|incident| incident.id == id) {
            let answer = self.open[index].hear(event, told);
            let applied = answer == Answer::Applied;
            return (answer, if applied { self.handle(now, index, told) } else { Vec::new() });
        }
        let Some(index) = self.closed.iter().position(|incident| incident.id == id) else {
            return (Answer::Unknown, Vec::new());
        };
        let answer = self.closed[index].hear(event, told);
        if answer != Answer::Applied {
            return (answer, Vec::new());
        }
        let incident = &self.closed[index];
        let goes_on = incident.is_active() && incident.ended == Some(Ended::Centre) && !told.state.is_end();
        let change = if goes_on {
            let incident = self.closed.remove(index);
            self.resume(now, incident, told.state)
        } else {
            let source = incident.source();
            tell(&mut self.closed[index], now, Phase::Updated, &source, None, now.wall.as_millisecond())
        };
        (answer, vec![change])
    }

    /// The centre takes up again what it had closed and what goes on.
    fn resume(&mut self, now: Moment, mut incident: Incident, state: HandlingState) -> Change {
        incident.advance(state);
        incident.ended = None;
        incident.cleared = None;
        incident.reopened += 1;
        let source = incident.source();
        let change = tell(&mut incident, now, Phase::Reopened, &source, None, now.wall.as_millisecond());
        self.list(incident);
        change
    }

    /// What an applied disposition does to the open incident at `index`.
    fn handle(&mut self, now: Moment, index: usize, told: &Disposition) -> Vec<Change> {
        let origin_unix_ms = now.wall.as_millisecond();
        let source = self.open[index].source();
        if told.state.is_end() {
            return vec![self.close(now, index, Ended::Centre, &source, origin_unix_ms)];
        }
        let incident = &mut self.open[index];
        let phase = incident.advance(told.state);
        let mut changes = vec![tell(incident, now, phase, &source, None, origin_unix_ms)];
        if let Some(why) = self.ends(Mark::of(now), index) {
            changes.push(self.close(now, index, why, &source, origin_unix_ms));
        }
        changes
    }
}

// === impl Incident ===

impl Incident {
    /// Notes a disposition; [`Answer::Applied`] where it is the one that counts now.
    pub(super) fn hear(&mut self, event: u64, told: &Disposition) -> Answer {
        let key = (told.seq, event);
        if self.heard.contains(&key) {
            return Answer::Repeated;
        }
        self.heard.push(key);
        self.heard.sort_unstable();
        if self.heard.len() > HEARD_MAX {
            self.heard.remove(0);
        }
        if told.result == Some(Verdict::Real) && self.confirm == Confirm::Unconfirmed {
            self.confirm = Confirm::Manual;
        }
        if self.heard.last() != Some(&key) {
            if let Some(last) = self.handling.as_mut().filter(|last| last.case_id.is_none()) {
                last.case_id.clone_from(&told.case_id);
            }
            return Answer::Late;
        }
        let known = self.handling.take().and_then(|last| last.case_id);
        self.handling = Some(Handling {
            state: told.state,
            seq: told.seq,
            case_id: told.case_id.clone().or(known),
            result: told.result,
            by: told.by.clone(),
            at: told.at.clone(),
            note: told.note.clone(),
        });
        Answer::Applied
    }

    /// Moves an open incident on to where the centre has come; the phase that tells it.
    pub(super) fn advance(&mut self, state: HandlingState) -> Phase {
        let (stage, phase) = match state {
            HandlingState::Accepted => (Stage::Acknowledged, Phase::Acknowledged),
            HandlingState::Dispatched => (Stage::Dispatched, Phase::Dispatched),
            HandlingState::Escalated => (Stage::Acknowledged, Phase::Escalated),
            HandlingState::Processing | HandlingState::Feedback | HandlingState::Verifying => {
                (Stage::Dispatched, Phase::Updated)
            }
            HandlingState::Closed | HandlingState::Rejected | HandlingState::Cancelled => {
                (Stage::Closed, Phase::Closed)
            }
        };
        let news = stage != self.stage || phase == Phase::Escalated;
        self.stage = stage;
        if news { phase } else { Phase::Updated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_names_its_incident() {
        assert_eq!(split_event_id("01JD5Z-12"), ("01JD5Z", 12));
        assert_eq!(split_event_id("01JD5Z"), ("01JD5Z", 0));
        assert_eq!(split_event_id("inc-1-2"), ("inc-1", 2));
        assert_eq!(split_event_id("01JD5Z-0"), ("01JD5Z-0", 0));
    }
}
