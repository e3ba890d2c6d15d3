//! The one place where an event's envelope is filled in, for incidents and for gap records alike.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moshao_config::{Category, Config, Grid, Place};

use super::{Confirm, Device, Event, EventData, GridRef, Mode, Phase, Stage};
use crate::clock::rfc3339;
use crate::topics::Topics;

/// The gateway as events name it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// 12-digit division code.
    pub division: String,
    /// Id of the gateway.
    pub gateway: String,
    /// Grid cell.
    pub grid: Grid,
    /// Time zone of the offset in event times.
    pub time_zone: TimeZone,
}

/// What an envelope says besides what the site and the data give.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Unique within the gateway, the same over retries.
    pub id: String,
    /// Last part of the type, such as `smoke`.
    pub kind: String,
    /// What it is about, such as `camera/gate-east`.
    pub subject: String,
    /// When it happened.
    pub happened: Timestamp,
    /// When the box wrote it down.
    pub recorded: Timestamp,
    /// Id of the incident.
    pub incident: String,
}

// === impl Site ===

impl Site {
    /// The site of a configuration.
    pub fn of(config: &Config) -> Self {
        Site {
            division: config.gateway.division.clone(),
            gateway: config.gateway.id.clone(),
            grid: config.grid.clone(),
            time_zone: config.gateway.time_zone.clone(),
        }
    }

    /// The grid cell of this site's events.
    pub fn grid_ref(&self) -> GridRef {
        GridRef::from((&self.grid, self.division.as_str()))
    }

    /// The topic of an event of this category and level.
    pub fn topic(&self, data: &EventData) -> String {
        Topics::new(&self.division, &self.gateway).event(data.category, data.level)
    }

    /// `data` in its envelope. The outbox fills in `sequence`; severity and colour follow from the level.
    pub fn event(&self, envelope: Envelope, mut data: EventData) -> Event {
        let (severitytext, severitynumber) = severity(data.level);
        data.color = color(data.level).to_owned();
        Event {
            specversion: "1.0".to_owned(),
            id: envelope.id,
            source: format!("urn:moshao:{}:{}", self.division, self.gateway),
            kind: format!("moshao.{}.{}.v1", data.category, envelope.kind),
            subject: envelope.subject,
            time: rfc3339(envelope.happened, &self.time_zone),
            recordedtime: rfc3339(envelope.recorded, &self.time_zone),
            datacontenttype: "application/json".to_owned(),
            sequence: String::new(),
            correlationid: envelope.incident,
            severitytext: severitytext.to_owned(),
            severitynumber,
            data,
        }
    }
}

// === impl EventData ===

impl EventData {
    /// Something of this code that has just begun, with nothing said about it yet.
    pub fn new(
        code: &str,
        title: &str,
        category: Category,
        level: u8,
        grid: GridRef,
        device: Device,
    ) -> Self {
        EventData {
            phase: Phase::Opened,
            stage: Stage::Open,
            code: code.to_owned(),
            title: title.to_owned(),
            category,
            level,
            color: color(level).to_owned(),
            mode: Mode::Live,
            confirm: Confirm::Unconfirmed,
            confidence: None,
            rule: String::new(),
            grid,
            place: Place::default(),
            device,
            measure: None,
            objects: Vec::new(),
            evidence: Vec::new(),
            note: None,
            count: None,
            devices: None,
            storm: false,
            latched: false,
            witnesses: Vec::new(),
            looks: Vec::new(),
            checks: Vec::new(),
            escalation: None,
            handling: None,
            ended: None,
            merged_into: None,
        }
    }
}

/// OpenTelemetry severity of a level (standards: 1 is red and most severe).
fn severity(level: u8) -> (&'static str, u8) {
    match level {
        1 => ("FATAL", 21),
        2 => ("ERROR", 17),
        3 => ("WARN", 13),
        _ => ("INFO", 9),
    }
}

/// Warning colour of a level.
fn color(level: u8) -> &'static str {
    match level {
        1 => "red",
        2 => "orange",
        3 => "yellow",
        _ => "blue",
    }
}
