//! Gap events: the declaration that accepted events will not come.
//!
//! A gap event is an event like any other, in category `device` with code `OUTBOX_GAP`. It stands for sequences that
//! the centre will miss: `data.measure.value` is their number, `subject` their first and last
//! (`outbox/<first>-<last>`; sequences in between that did arrive, such as alarms, are not missing), `data.note` says
//! in words what happened. It is an alarm to the outbox: sent first and given up last. A gap event that has to be given
//! up itself is folded into the one that declares it.

use jiff::Timestamp;

use super::announce::{Announcement, LEVEL};
use super::{NewEvent, Sequence, Site};
use crate::event::{Measure, Phase};
use crate::incident::tell::new_id;

/// Metric word for events given up because the quota was used up.
pub(super) const LOST_TO_QUOTA: &str = "quota";
/// Metric word for a damaged file; counts the events, or one where nobody knows how many there were.
pub(super) const LOST_TO_DAMAGE: &str = "damaged-file";

/// Sequences that the centre will miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// Lowest of them.
    pub(super) first: Sequence,
    /// Highest of them.
    pub(super) last: Sequence,
    /// How many there are.
    pub(super) count: u64,
}

/// Why there is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The quota was used up.
    Quota {
        /// What was given up.
        gap: Gap,
        /// The quota.
        quota_bytes: u64,
    },
    /// The file was damaged and put aside; what could be read of it has been taken over.
    Damaged {
        /// What could not be read and had not been delivered, where the damage has left that to be known.
        lost: Option<Gap>,
        /// First and last sequence that the damaged file may have held.
        held: (Sequence, Sequence),
        /// Events taken over.
        salvaged: u64,
    },
}

// === impl Gap ===

impl Gap {
    /// The gap of one missing event.
    pub(super) fn one(sequence: Sequence) -> Self {
        Gap { first: sequence, last: sequence, count: 1 }
    }

    /// Both gaps as one.
    pub(super) fn with(self, other: Gap) -> Gap {
        Gap {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            count: self.count + other.count,
        }
    }
}

// === impl Cause ===

impl Cause {
    fn gap(self) -> Option<Gap> {
        match self {
            Cause::Quota { gap, .. } => Some(gap),
            Cause::Damaged { lost, .. } => lost,
        }
    }

    fn range(self) -> (Sequence, Sequence) {
        match self {
            Cause::Quota { gap, .. } => (gap.first, gap.last),
            Cause::Damaged { lost: Some(lost), .. } if lost.count > 0 => (lost.first, lost.last),
            Cause::Damaged { held, .. } => held,
        }
    }

    fn note(self) -> String {
        match self {
            Cause::Quota { gap, quota_bytes } => format!(
                "{} events with sequences {} to {} were given up: the outbox had reached its quota of {quota_bytes} \
                 bytes while the centre could not be reached",
                gap.count, gap.first.0, gap.last.0
            ),
            Cause::Damaged { lost: Some(lost), salvaged, .. } => format!(
                "the outbox file was damaged and has been put aside; {salvaged} waiting events were saved from it and \
                 {} were not",
                lost.count
            ),
            Cause::Damaged { lost: None, held, salvaged } => format!(
                "the outbox file was damaged and has been put aside; {salvaged} waiting events were saved from it; \
                 others with sequences {} to {} that have not arrived are lost, and their number is not known",
                held.0.0, held.1.0
            ),
        }
    }
}

/// The event that declares a gap.
pub(super) fn declare(site: &Site, cause: Cause, now: Timestamp) -> NewEvent {
    let id = new_id(now);
    let (first, last) = cause.range();
    let announcement = Announcement {
        id: id.clone(),
        correlation: id,
        kind: "gap",
        subject: format!("outbox/{}-{}", first.0, last.0),
        code: "OUTBOX_GAP",
        title: "事件丢失申报",
        level: LEVEL,
        phase: Phase::Opened,
        happened: None,
        measure: cause.gap().map(|gap| Measure {
            name: "events_lost".to_owned(),
            value: gap.count as f64,
            unit: "1".to_owned(),
            threshold: None,
        }),
        note: cause.note(),
    };
    announcement.into_event(site, now)
}
