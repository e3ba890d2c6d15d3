//! What the outbox itself tells the centre: the frame that all its events have in common.

use jiff::Timestamp;
use moshao_config::{Category, Place};

use super::{Class, NewEvent, Site};
use crate::clock::rfc3339;
use crate::event::{Confirm, Device, Event, EventData, GridRef, Measure, Mode, Phase};
use crate::topics::Topics;

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
        let event = Event {
            specversion: "1.0".to_owned(),
            id: self.id,
            source: format!("urn:moshao:{}:{}", site.division, site.gateway),
            kind: format!("moshao.device.{}.v1", self.kind),
            subject: self.subject,
            time: rfc3339(self.happened.unwrap_or(now), &site.time_zone),
            recordedtime: rfc3339(now, &site.time_zone),
            datacontenttype: "application/json".to_owned(),
            sequence: String::new(),
            correlationid: self.correlation,
            severitytext: "ERROR".to_owned(),
            severitynumber: 17,
            data: EventData {
                phase: self.phase,
                code: self.code.to_owned(),
                title: self.title.to_owned(),
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
                measure: self.measure,
                objects: Vec::new(),
                evidence: Vec::new(),
                note: Some(self.note),
            },
        };
        let topic = Topics::new(&site.division, &site.gateway).event(Category::Device, LEVEL);
        NewEvent { class: Class::Alarm, topic, event, origin: None }
    }
}
