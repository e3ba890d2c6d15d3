//! Gap events: the declaration that accepted events will not come.
//!
//! A gap event is an event like any other, in category `device` with code `OUTBOX_GAP`. It stands for sequences that
//! the centre will miss: `data.measure.value` is their number, `subject` their first and last
//! (`outbox/<first>-<last>`; sequences in between that did arrive, such as alarms, are not missing), `data.note` says
//! in words what happened. It is an alarm to the outbox: sent first and given up last. A gap event that has to be given
//! up itself is folded into the one that declares it.

use jiff::Timestamp;
use moshao_config::Category;

use super::{Class, NewEvent, Sequence, Site};
use crate::event::envelope::Envelope;
use crate::event::{Device, EventData, Measure};
use crate::incident::tell::new_id;

/// Level of a gap event: orange. Something may have happened of which the centre will never hear.
const LEVEL: u8 = 2;

/// Metric word for events given up because the quota was used up.
pub(super) const LOST_TO_QUOTA: &str = "quota";
/// Metric word for a damaged file; counts files, for nobody knows how many events they held.
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
    /// The file was damaged and put aside; what it held that had not been delivered is not known.
    Damaged {
        /// First sequence of the new file.
        begin: Sequence,
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
            Cause::Damaged { .. } => None,
        }
    }

    fn note(self) -> String {
        match self {
            Cause::Quota { gap, quota_bytes } => format!(
                "{} events with sequences {} to {} were given up: the outbox had reached its quota of {quota_bytes} \
                 bytes while the centre could not be reached",
                gap.count, gap.first.0, gap.last.0
            ),
            Cause::Damaged { begin } => format!(
                "the outbox file was damaged and has been put aside; events before sequence {} that have not arrived \
                 are lost, and their number is not known",
                begin.0
            ),
        }
    }
}

/// The event that declares a gap.
pub(super) fn declare(site: &Site, cause: Cause, now: Timestamp) -> NewEvent {
    let gap = cause.gap();
    let id = new_id(now);
    let envelope = Envelope {
        id: id.clone(),
        kind: "gap".to_owned(),
        subject: match gap {
            Some(gap) => format!("outbox/{}-{}", gap.first.0, gap.last.0),
            None => "outbox".to_owned(),
        },
        happened: now,
        recorded: now,
        incident: id,
    };
    let device = Device { kind: "gateway".to_owned(), id: site.gateway.clone(), name: site.gateway.clone() };
    let data = EventData {
        rule: "outbox".to_owned(),
        measure: gap.map(|gap| Measure {
            name: "events_lost".to_owned(),
            value: gap.count as f64,
            unit: "1".to_owned(),
            threshold: None,
        }),
        note: Some(cause.note()),
        ..EventData::new("OUTBOX_GAP", "事件丢失申报", Category::Device, LEVEL, site.grid_ref(), device)
    };
    let topic = site.topic(&data);
    NewEvent { class: Class::Alarm, topic, event: site.event(envelope, data), origin: None }
}
