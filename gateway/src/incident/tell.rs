//! From a change in an incident's life to the event that tells it.

use jiff::Timestamp;
use moshao_config::{Config, Place};
use ulid::Ulid;

use super::Change;
use super::fusion::configured_id;
use crate::clock::{Moment, rfc3339};
use crate::event::{Device, Event, EventData, GridRef, Mode, Phase};
use crate::rules::Source;
use crate::topics::Topics;

/// An event and the topic that it is published on.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// `moshao/v1/{division}/{gateway}/event/{category}/{level}`.
    pub topic: String,
    /// The event, still without its sequence number.
    pub event: Event,
}

/// Turns `change` into an event of this gateway. The outbox fills in `sequence`.
pub fn tell(config: &Config, now: Moment, change: &Change) -> Telling {
    let incident = &change.incident;
    let rule = &incident.rule;
    let zone = &config.gateway.time_zone;
    let (severitytext, severitynumber) = severity(incident.level);
    let (device, place) = device(config, &change.source);
    let division = &config.gateway.division;
    let gateway = &config.gateway.id;
    let happened = Timestamp::from_millisecond(change.origin_unix_ms).unwrap_or(now.wall);
    Telling {
        topic: Topics::new(division, gateway).event(rule.category, incident.level),
        event: Event {
            specversion: "1.0".to_owned(),
            id: new_id(now.wall),
            source: format!("urn:moshao:{division}:{gateway}"),
            kind: format!("moshao.{}.{}.v1", rule.category, rule.kind),
            subject: match &change.source {
                Source::Camera(id) => format!("camera/{id}"),
                Source::Sensor(id) => format!("sensor/{id}"),
            },
            time: rfc3339(happened, zone),
            recordedtime: rfc3339(now.wall, zone),
            datacontenttype: "application/json".to_owned(),
            sequence: String::new(),
            correlationid: incident.id.clone(),
            severitytext: severitytext.to_owned(),
            severitynumber,
            data: EventData {
                phase: change.phase,
                code: rule.code.clone(),
                title: rule.title.clone(),
                category: rule.category,
                level: incident.level,
                color: color(incident.level).to_owned(),
                mode: Mode::Live,
                confirm: incident.confirm,
                confidence: incident.confidence,
                rule: rule.id.clone(),
                grid: GridRef::from((&config.grid, division.as_str())),
                place,
                device,
                measure: incident.measure.clone(),
                objects: if change.phase == Phase::Closed { Vec::new() } else { incident.objects.clone() },
                evidence: incident.evidence.clone(),
                note: change.note.clone(),
            },
        },
    }
}

/// A ULID: sorts by time, unique without any state.
pub fn new_id(wall: Timestamp) -> String {
    let unix_ms = u64::try_from(wall.as_millisecond()).unwrap_or(0);
    Ulid::from_parts(unix_ms, rand::random()).to_string()
}

fn device(config: &Config, source: &Source) -> (Device, Place) {
    match source {
        Source::Camera(id) => {
            let camera = config.cameras.iter().find(|camera| camera.id == *id);
            let device = Device {
                kind: "camera".to_owned(),
                id: id.clone(),
                name: camera.map_or_else(|| id.clone(), |camera| camera.name.clone()),
            };
            (device, camera.map(|camera| camera.place.clone()).unwrap_or_default())
        }
        Source::Sensor(instance) => {
            let sensor = config.sensors.iter().find(|sensor| sensor.id == configured_id(instance));
            let device = Device {
                kind: sensor.map_or_else(|| "other".to_owned(), |sensor| sensor.kind.to_string()),
                id: instance.clone(),
                name: sensor.map_or_else(|| instance.clone(), |sensor| sensor.name.clone()),
            };
            (device, sensor.map(|sensor| sensor.place.clone()).unwrap_or_default())
        }
    }
}

/// OpenTelemetry severity of a level.
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
