//! What the outbox itself tells the centre: the frame that all its events have in common.

use jiff::Timestamp;
use moshao_config::Category;

use super::{Class, NewEvent, Site};
use crate::event::envelope::Envelope;
use crate::event::{Device, EventData, Measure, Phase, Stage};

/// Orange: something may have happened of which the centre will never hear, or will hear late.
pub(super) const LEVEL: u8 = 2;

/// What one event of the outbox, or of those who read it, says.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// Id of the event; the correlation id too where it has no other.
    pub(crate) id: String,
    /// Events about one happening share it.
    pub(crate) correlation: String,
    /// `moshao.device.<kind>.v1`.
    pub(crate) kind: &'static str,
    /// `outbox`, or the part of it that is meant.
    pub(crate) subject: String,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) level: u8,
    pub(crate) phase: Phase,
    /// When it happened; none for now.
    pub(crate) happened: Option<Timestamp>,
    pub(crate) measure: Option<Measure>,
    pub(crate) note: String,
}

// === impl Announcement ===

impl Announcement {
    /// The event. From level 2 on it is an alarm to the outbox: sent first and given up last.
    pub(crate) fn into_event(self, site: &Site, now: Timestamp) -> NewEvent {
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
            ..EventData::new(self.code, self.title, Category::Device, self.level, site.grid_ref(), device)
        };
        let topic = site.topic(&data);
        let class = if self.level <= LEVEL { Class::Alarm } else { Class::Event };
        NewEvent { class, topic, event: site.event(envelope, data), origin: None }
    }
}
