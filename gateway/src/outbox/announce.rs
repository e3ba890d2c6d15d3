//! What the outbox itself tells the centre: the frame that all its events have in common.

use jiff::Timestamp;
use moshao_config::Category;

use super::{Class, NewEvent, Site};
use crate::event::envelope::Envelope;
use crate::event::{Device, EventData, Measure, Phase, Stage};

/// Level of what the outbox tells: orange. Something may have happened of which the centre will never hear.
const LEVEL: u8 = 2;

/// What one event of the outbox says.
#[derive(Debug)]
pub(super) struct Announcement {
    /// Id of the event; the correlation id too where it has no other.
    pub(super) id: String,
    /// Events about one happening share it.
    pub(super) correlation: String,
    /// `moshao.device.<kind>.v1`.
    pub(super) kind: &'static str,
    /// `outbox`, or the part of it that is meant.
    pub(super) subject: String,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) phase: Phase,
    /// When it happened; none for now.
    pub(super) happened: Option<Timestamp>,
    pub(super) measure: Option<Measure>,
    pub(super) note: String,
}

// === impl Announcement ===

impl Announcement {
    /// The event, an alarm to the outbox: sent first and given up last.
    pub(super) fn into_event(self, site: &Site, now: Timestamp) -> NewEvent {
        let envelope = Envelope {
            id: self.id,
            kind: self.kind.to_owned(),
            subject: self.subject,
            happened: self.happened.unwrap_or(now),
            recorded: now,
            incident: self.correlation,
        };
        let device =
            Device { kind: "gateway".to_owned(), id: site.gateway.clone(), name: site.gateway.clone() };
        let stage = if self.phase == Phase::Closed { Stage::Closed } else { Stage::Open };
        let data = EventData {
            phase: self.phase,
            stage,
            rule: "outbox".to_owned(),
            measure: self.measure,
            note: Some(self.note),
            ..EventData::new(self.code, self.title, Category::Device, LEVEL, site.grid_ref(), device)
        };
        let topic = site.topic(&data);
        NewEvent { class: Class::Alarm, topic, event: site.event(envelope, data), origin: None }
    }
}
