//! What a disposition of the centre does to an incident.
//!
//! The highest `(seq, event)` counts, whatever order the messages come in; each key counts once.

use super::Incident;
use crate::disposition::{Answer, Disposition};
use crate::event::{Confirm, Handling, HandlingState, Phase, Stage, Verdict};

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
