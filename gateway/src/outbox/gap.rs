//! Gap events: the declaration that accepted events will not come.
//!
//! A gap event is an event like any other, in category `device` with code `OUTBOX_GAP`. It stands for sequences that
//! the centre will miss: `data.measure.value` is their number, `subject` their first and last
//! (`outbox/<first>-<last>`; sequences in between that did arrive, such as alarms, are not missing), `data.note` says
//! in words what happened. It is an alarm to the outbox: sent first and given up last. A gap event that has to be given
//! up itself is folded into the one that declares it.

use jiff::Timestamp;
use moshao_config::{Category, Place};

use super::{Class, NewEvent, Sequence, Site};
use crate::clock::rfc3339;
use crate::event::{Confirm, Device, Event, EventData, GridRef, Measure, Mode, Phase};
use crate::incident::tell::new_id;
use crate::topics::Topics;

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
    let time = rfc3339(now, &site.time_zone);
    let event = Event {
        specversion: "1.0".to_owned(),
        id: id.clone(),
        source: format!("urn:moshao:{}:{}", site.division, site.gateway),
        kind: "moshao.device.gap.v1".to_owned(),
        subject: match gap {
            Some(gap) => format!("outbox/{}-{}", gap.first.0, gap.last.0),
            None => "outbox".to_owned(),
        },
        time: time.clone(),
        recordedtime: time,
        datacontenttype: "application/json".to_owned(),
        sequence: String::new(),
        correlationid: id,
        severitytext: "ERROR".to_owned(),
        severitynumber: 17,
        data: EventData {
            phase: Phase::Opened,
            code: "OUTBOX_GAP".to_owned(),
            title: "事件丢失申报".to_owned(),
            category: Category::Device,
            level: LEVEL,
            color: "orange".to_owned(),
            mode: Mode::Live,
            confirm: Confirm::Unconfirmed,
            confidence: None,
            rule: "outbox".to_owned(),
            grid: GridRef::from((&site.grid, site.division.as_str())),
            place: Place::default(),
            device: Device {
                kind: "gateway".to_owned(),
                id: site.gateway.clone(),
                name: site.gateway.clone(),
            },
            measure: gap.map(|gap| Measure {
                name: "events_lost".to_owned(),
                value: gap.count as f64,
                unit: "1".to_owned(),
                threshold: None,
            }),
            objects: Vec::new(),
            evidence: Vec::new(),
            note: Some(cause.note()),
        },
    };
    let topic = Topics::new(&site.division, &site.gateway).event(Category::Device, LEVEL);
    NewEvent { class: Class::Alarm, topic, event, origin: None }
}
