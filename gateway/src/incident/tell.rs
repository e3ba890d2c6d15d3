//! From a change in an incident's life to the event that tells it.

use jiff::Timestamp;
use moshao_config::{Config, Place};
use ulid::Ulid;

use super::fusion::configured_id;
use super::{Change, Incident};
use crate::clock::Moment;
use crate::event::envelope::{Envelope, Site};
use crate::event::{Device, Event, EventData, Phase, Witness};
use crate::rules::Source;

/// Witnesses that an event names, at most.
const WITNESSES_MAX: usize = 16;

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
    let site = Site::of(config);
    let incident = &change.incident;
    let envelope = Envelope {
        id: change.event_id.clone(),
        kind: incident.rule.kind.clone(),
        subject: match &change.source {
            Source::Camera(id) => format!("camera/{id}"),
            Source::Sensor(id) => format!("sensor/{id}"),
            Source::Gateway(part) => format!("gateway/{part}"),
        },
        happened: Timestamp::from_millisecond(change.origin_unix_ms).unwrap_or(now.wall),
        recorded: now.wall,
        incident: incident.id.clone(),
    };
    let data = data(config, &site, change);
    Telling { topic: site.topic(&data), event: site.event(envelope, data) }
}

fn data(config: &Config, site: &Site, change: &Change) -> EventData {
    let incident = &change.incident;
    let rule = &incident.rule;
    let (device, place) = device(config, &change.source);
    let devices = incident.devices() as u64;
    let over = change.phase == Phase::Closed;
    EventData {
        phase: change.phase,
        stage: incident.stage,
        mode: incident.mode.into(),
        confirm: incident.confirm,
        confidence: incident.confidence,
        rule: rule.id.clone(),
        place,
        measure: incident.measure.clone(),
        objects: if over { Vec::new() } else { incident.objects.clone() },
        evidence: incident.evidence.clone(),
        note: change.note.clone(),
        count: (incident.count > 1).then_some(incident.count),
        devices: (devices > 1).then_some(devices),
        storm: incident.storm,
        latched: incident.is_latched(),
        witnesses: if devices > 1 { witnesses(config, incident) } else { Vec::new() },
        looks: incident.looks.iter().map(|looking| looking.look.clone()).collect(),
        checks: incident.checks.clone(),
        escalation: (incident.escalation > 0).then_some(incident.escalation),
        handling: incident.handling.clone(),
        ended: incident.ended,
        merged_into: incident.merged_into.clone(),
        ..EventData::new(&rule.code, &rule.title, rule.category, incident.level, site.grid_ref(), device)
    }
}

/// A ULID: sorts by time, unique without any state.
pub fn new_id(wall: Timestamp) -> String {
    let unix_ms = u64::try_from(wall.as_millisecond()).unwrap_or(0);
    Ulid::from_parts(unix_ms, rand::random()).to_string()
}

/// The first and the latest devices that found it.
fn witnesses(config: &Config, incident: &Incident) -> Vec<Witness> {
    let skipped = incident.members.len().saturating_sub(WITNESSES_MAX);
    let named = incident.members.iter().enumerate().filter(|(index, _)| *index == 0 || *index > skipped);
    named
        .map(|(_, member)| Witness {
            device: device(config, &member.source).0,
            rule: member.rule.clone(),
            active: member.active,
        })
        .collect()
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
        Source::Gateway(_) => {
            let id = config.gateway.id.clone();
            (Device { kind: "gateway".to_owned(), id: id.clone(), name: id }, Place::default())
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
