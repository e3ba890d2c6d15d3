//! The gateway's judgement: observations, readings and stream states in, changes in incidents' lives out.
//!
//! Rules and stream health make findings, incidents collect them. No clock, disk or network: live and replayed
//! material go through the same steps, and the same input gives the same changes.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use moshao_config::{Config, Quantity};
use serde::{Deserialize, Serialize};

use crate::camera::appearance::Appearance;
use crate::clock::Moment;
use crate::disposition::{Answer, Disposition};
use crate::event::Evidence;
use crate::health::StreamHealth;
use crate::incident::fusion::Places;
use crate::incident::orders::{InMode, Muted, Orders};
use crate::incident::{Change, Incident, Incidents};
use crate::overload::WorkerHealth;
use crate::quality::Quality;
use crate::rules::{Edge, Engine, Finding, Memory, Source};
use crate::sensor::reading::Reading;
use crate::supervise::worker_names;
use crate::worker::link::{CameraCounters, Observation, Standing, StreamState};

pub use crate::incident::NewId;

/// Rules, health and incidents with all their state.
#[derive(Debug)]
pub struct Judge {
    rules: Engine,
    streams: BTreeMap<String, StreamHealth>,
    /// Of cameras that have a main stream.
    main_streams: BTreeMap<String, StreamHealth>,
    workers: BTreeMap<String, WorkerHealth>,
    quality: Quality,
    incidents: Incidents,
    orders: Orders,
    /// Findings that were not told because of them, since this was asked last.
    muted: u64,
    /// Which device of the configuration watches which rule.
    watched: BTreeSet<(Source, String)>,
    /// Unit of each sensor of the configuration; none for yes/no.
    units: Vec<Option<String>>,
}

/// What has to survive a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    incidents: serde_json::Value,
    #[serde(default)]
    rules: Memory,
    #[serde(default)]
    orders: Orders,
}

// === impl Judge ===

impl Judge {
    /// Nothing is true yet, no incident is open.
    pub fn new(config: &Config, new_id: NewId) -> Self {
        Judge {
            rules: Engine::new(config),
            streams: config
                .cameras
                .iter()
                .map(|camera| (camera.id.clone(), StreamHealth::new(&camera.id)))
                .collect(),
            main_streams: config
                .cameras
                .iter()
                .filter(|camera| camera.main.is_some())
                .map(|camera| (camera.id.clone(), StreamHealth::of_main(&camera.id)))
                .collect(),
            workers: worker_names(config).map(|name| (name.clone(), WorkerHealth::new(&name))).collect(),
            quality: Quality::new(config),
            incidents: Incidents::new(Places::new(config), config.incidents.clone(), new_id),
            orders: Orders::default(),
            muted: 0,
            watched: change::watched(config),
            units: config.sensors.iter().map(|sensor| sensor.unit.clone()).collect(),
        }
    }

    /// Takes up the open incidents of [`Judge::save`], and with them the conditions that were true.
    ///
    /// # Errors
    /// The bytes are not what `save` wrote; nothing is taken up.
    pub fn restore(&mut self, now: Moment, saved: &[u8]) -> Result<(), serde_json::Error> {
        // Before rules had a memory of their own, the state was the list of open incidents.
        let saved: Saved = match saved.first() {
            Some(b'[') => Saved { incidents: serde_json::from_slice(saved)?, ..Saved::default() },
            _ => serde_json::from_slice(saved)?,
        };
        self.incidents.restore(now, saved.incidents.to_string().as_bytes())?;
        self.rules.restore_memory(saved.rules);
        self.orders = saved.orders;
        self.orders.expire(now.wall);
        self.incidents.order_modes(&self.orders);
        self.forget_unwatched(now);
        let remembered = self.incidents.open().iter().chain(self.incidents.closed());
        for member in remembered.flat_map(|incident| &incident.members) {
            if !member.active {
                continue;
            }
            self.rules.restore(now, &member.rule, &member.source);
            match &member.source {
                Source::Camera(id) => {
                    let streams = [self.streams.get_mut(id), self.main_streams.get_mut(id)];
                    streams.into_iter().flatten().for_each(|health| health.restore(now, &member.rule));
                    self.quality.restore_told(id, &member.rule);
                }
                Source::Gateway(part) => {
                    self.workers
                        .get_mut(part)
                        .into_iter()
                        .for_each(|health| health.restore(now, &member.rule));
                }
                Source::Sensor(_) => {}
            }
        }
        Ok(())
    }

    /// What has to survive a restart.
    pub fn save(&self) -> Vec<u8> {
        let incidents = serde_json::from_slice(&self.incidents.save()).expect("incidents are saved as JSON");
        let saved = Saved { incidents, rules: self.rules.save(), orders: self.orders.clone() };
        serde_json::to_vec(&saved).expect("what is saved has string keys only, which JSON can hold")
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> &[Incident] {
        self.incidents.open()
    }

    /// Closed incidents that are remembered, oldest end first.
    pub fn closed(&self) -> &[Incident] {
        self.incidents.closed()
    }

    /// Puts a device, or with none the whole site, into test mode, or ends that.
    pub fn set_test(&mut self, device: Option<&str>, on: bool) {
        self.incidents.set_test(device, on);
    }

    /// One analysed picture.
    pub fn observe(&mut self, now: Moment, seen: &Observation) -> Vec<Change> {
        let labels: Vec<(&str, f32)> =
            seen.tracks.iter().map(|track| (track.label.as_str(), track.score)).collect();
        self.incidents.see(now, &seen.camera, &labels);
        let findings = self.rules.observe(now, seen);
        self.settle(now, findings)
    }

    /// One reading of a sensor.
    pub fn reading(&mut self, now: Moment, reading: &Reading) -> Vec<Change> {
        if reading.quantity == Quantity::Value {
            let unit = self.units.get(reading.config_index).and_then(|unit| unit.as_deref());
            self.incidents.measured(now, &reading.sensor, reading.value, unit.unwrap_or("bool"));
        }
        let findings = self.rules.reading(now, reading);
        self.settle(now, findings)
    }

    /// A camera's stream has changed state.
    pub fn stream(&mut self, now: Moment, camera: &str, state: &StreamState) -> Vec<Change> {
        let Some(health) = self.streams.get_mut(camera) else { return Vec::new() };
        if !matches!(state, StreamState::Live { .. }) {
            self.rules.blind(camera);
        }
        let findings = health.step(now, state);
        self.quality.stream(camera, state);
        match state {
            StreamState::Connecting => {}
            StreamState::Live { .. } => self.incidents.stream(now, camera, true),
            StreamState::Failed { .. } => self.incidents.stream(now, camera, false),
        }
        self.settle(now, findings)
    }

    /// The main stream of a camera has changed state. What is seen does not depend on it.
    pub fn main_stream(&mut self, now: Moment, camera: &str, state: &StreamState) -> Vec<Change> {
        let Some(health) = self.main_streams.get_mut(camera) else { return Vec::new() };
        let findings = health.step(now, state);
        self.settle(now, findings)
    }

    /// What a picture of a camera looks like.
    pub fn appearance(&mut self, now: Moment, camera: &str, seen: &Appearance) -> Vec<Change> {
        let findings = self.quality.see(now, camera, seen);
        self.settle(now, findings)
    }

    /// What a camera did of late. `is_clock_trusted`: the box knows the time.
    pub fn counted(&mut self, now: Moment, counters: &CameraCounters, is_clock_trusted: bool) -> Vec<Change> {
        let findings = self.quality.count(now, counters, is_clock_trusted);
        self.settle(now, findings)
    }

    /// How well cameras are.
    pub fn quality(&self) -> &Quality {
        &self.quality
    }

    /// Takes up what [`Quality::save`] gave.
    ///
    /// # Errors
    /// The bytes are not what it wrote; nothing is taken up.
    pub fn restore_quality(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        self.quality.restore(saved)
    }

    /// A worker has said how far it has stepped down.
    pub fn standing(&mut self, now: Moment, standing: &Standing) -> Vec<Change> {
        let Some(health) = self.workers.get_mut(&standing.worker) else { return Vec::new() };
        let findings = health.step(now, standing);
        self.settle(now, findings)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) -> Vec<Change> {
        if self.orders.expire(now.wall) {
            self.incidents.order_modes(&self.orders);
        }
        let mut findings = self.rules.tick(now);
        let streams = self.streams.values_mut().chain(self.main_streams.values_mut());
        findings.extend(streams.filter_map(|health| health.tick(now)));
        findings.extend(self.workers.values_mut().flat_map(|health| health.tick(now)));
        findings.extend(self.quality.tick(now));
        let mut changes = self.settle(now, findings);
        changes.extend(self.incidents.tick(now));
        changes
    }

    /// The incident that an event belongs to; none where none is remembered.
    pub fn incident_of(&self, event_id: &str) -> Option<String> {
        self.incidents.incident_of(event_id)
    }

    /// What the centre says about an incident.
    pub fn dispose(&mut self, now: Moment, told: &Disposition) -> (Answer, Vec<Change>) {
        self.incidents.dispose(now, told)
    }

    /// A still has been kept for an incident.
    pub fn attach(&mut self, now: Moment, incident: &str, source: &Source, kept: Evidence) -> Option<Change> {
        self.incidents.attach(now, incident, source, kept)
    }

    /// Tells nothing of a rule or a camera until then.
    pub fn mute(&mut self, now: Moment, what: Muted, until: Timestamp) {
        self.orders.mute(what, until);
        self.orders.expire(now.wall);
    }

    /// A device or the site is in another mode until then.
    pub fn set_mode(&mut self, now: Moment, what: InMode, until: Timestamp) {
        self.orders.set_mode(what, until);
        self.orders.expire(now.wall);
        self.incidents.order_modes(&self.orders);
    }

    /// How many findings were mute since this was asked last.
    pub fn take_muted(&mut self) -> u64 {
        std::mem::take(&mut self.muted)
    }

    fn settle(&mut self, now: Moment, findings: Vec<Finding>) -> Vec<Change> {
        let (mute, told): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| self.orders.silence(finding));
        self.muted += mute.iter().filter(|finding| finding.edge == Edge::Raised).count() as u64;
        told.iter().flat_map(|finding| self.incidents.find(now, finding)).collect()
    }
}

#[cfg(test)]
mod tests {
    //! From a configuration file to events, word for word.

    use std::time::Duration;

    use moshao_config::Environment;

    use super::*;
    use crate::event::Phase;
    use crate::incident::tell::tell;
    use crate::worker::link::SeenTrack;

    const VILLAGE: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
name = "第三网格"
[uplink]
url = "mqtt://127.0.0.1"
[sensors]
url = "mqtt://127.0.0.1"
[incidents]
fire_latch = "0s"
[camera.yard]
name = "院子"
url = "rtsp://10.0.0.12/102"
detector = "moshao-fire"
watches = ["fire-video"]
[sensor.kitchen-smoke]
preset = "zigbee2mqtt-smoke"
name = "厨房烟感"
topic = "zigbee2mqtt/kitchen-smoke"
cameras = ["yard"]
address = "一组 3 号"
[rule.fire-video]
object = { labels = ["fire", "smoke"], at_least = 3, within = "2s" }
level = 1
"#;

    fn village() -> Config {
        moshao_config::parse(VILLAGE, "village.toml", &Environment::of_process(std::path::Path::new(".")))
            .unwrap()
    }

    fn judge(config: &Config) -> Judge {
        let mut number = 0;
        Judge::new(
            config,
            Box::new(move |_| {
                number += 1;
                format!("inc-{number}")
            }),
        )
    }

    fn at(ms: u64) -> Moment {
        let begin = Timestamp::from_millisecond(1_795_235_696_120).unwrap();
        Moment { mono: Duration::ZERO, wall: begin }.later(Duration::from_millis(ms))
    }

    /// The kitchen's smoke alarm says yes (1) or no (0).
    fn smoke(ms: u64, value: f64) -> Reading {
        let received = at(ms).wall;
        Reading {
            sensor: "kitchen-smoke".to_owned(),
            config_index: 0,
            quantity: Quantity::Value,
            value,
            received,
            device_time: None,
        }
    }

    fn picture(number: u64, labels: &[&str]) -> Observation {
        let tracks = labels
            .iter()
            .map(|label| SeenTrack {
                id: 1,
                label: (*label).to_owned(),
                score: 0.75,
                area: [0.25, 0.5, 0.5, 0.75],
            })
            .collect();
        Observation {
            camera: "yard".to_owned(),
            picture: number,
            received_unix_ms: at(0).wall.as_millisecond(),
            media_time: Duration::ZERO,
            width: 1920,
            height: 1080,
            rotate_degrees: 0,
            tracks,
        }
    }

    #[test]
    fn a_kitchen_fire_from_first_smoke_to_the_end() {
        let config = village();
        let mut judge = judge(&config);
        let mut story = Vec::new();
        let mut note = |ms: u64, changes: Vec<Change>| {
            story.extend(changes.iter().map(|c| (ms, c.phase, c.incident.id.clone(), c.incident.level)));
        };
        note(0, judge.reading(at(0), &smoke(0, 1.0)));
        for (n, ms) in [400, 600, 800, 1000].into_iter().enumerate() {
            note(ms, judge.observe(at(ms), &picture(n as u64, &["fire"])));
        }
        note(20_000, judge.reading(at(20_000), &smoke(20_000, 0.0)));
        note(25_000, judge.tick(at(25_000)));
        note(30_000, judge.tick(at(30_000)));
        assert_eq!(
            story,
            [
                (0, Phase::Opened, "inc-1".to_owned(), 1),
                (800, Phase::Confirmed, "inc-1".to_owned(), 1),
                (30_000, Phase::Closed, "inc-1".to_owned(), 1),
            ]
        );
    }

    #[test]
    fn the_event_says_what_the_contract_promises() {
        let config = village();
        let mut judge = judge(&config);
        let opened = judge.reading(at(0), &smoke(0, 1.0)).remove(0);
        let telling = tell(&config, at(360), &opened);
        assert_eq!(telling.topic, "moshao/v1/510104001001/gw-0007/event/fire/1");
        let mut event = serde_json::to_value(&telling.event).unwrap();
        let id = event["id"].take();
        assert_eq!(id, "inc-1-1", "the incident's first event");
        assert_eq!(
            event,
            serde_json::json!({
                "specversion": "1.0",
                "id": null,
                "source": "urn:moshao:510104001001:gw-0007",
                "type": "moshao.fire.smoke.v1",
                "subject": "sensor/kitchen-smoke",
                "time": "2026-11-21T12:34:56.120+08:00",
                "recordedtime": "2026-11-21T12:34:56.480+08:00",
                "datacontenttype": "application/json",
                "sequence": "",
                "correlationid": "inc-1",
                "severitytext": "FATAL",
                "severitynumber": 21,
                "data": {
                    "phase": "opened",
                    "stage": "open",
                    "code": "FIRE_SMOKE",
                    "title": "烟感火警",
                    "category": "fire",
                    "level": 1,
                    "color": "red",
                    "mode": "live",
                    "confirm": "unconfirmed",
                    "rule": "preset/zigbee2mqtt-smoke",
                    "grid": { "code": "510104001001003", "name": "第三网格", "division": "510104001001" },
                    "place": { "address": "一组 3 号" },
                    "device": { "kind": "smoke", "id": "kitchen-smoke", "name": "厨房烟感" },
                    "measure": { "name": "smoke", "value": 1.0, "unit": "bool" },
                    "looks": [{ "camera": "yard", "saw": "looking", "pictures": 0 }],
                },
            })
        );
    }

    #[test]
    fn a_restart_in_the_middle_changes_nothing_of_the_story() {
        let config = village();
        let mut before = judge(&config);
        before.reading(at(0), &smoke(0, 1.0));
        for ms in [400, 600, 800] {
            before.observe(at(ms), &picture(1, &["smoke"]));
        }

        let mut after = judge(&config);
        after.restore(at(2000), &before.save()).unwrap();
        assert!(after.observe(at(2200), &picture(1, &["smoke"])).is_empty(), "known already");
        assert!(after.reading(at(3000), &smoke(3000, 1.0)).is_empty(), "known already");
        assert!(after.tick(at(59_000)).is_empty(), "the camera sees nothing more, the sensor still alarms");
        assert!(after.reading(at(61_000), &smoke(61_000, 0.0)).is_empty());
        let closed = after.tick(at(71_000));
        assert_eq!((closed.len(), closed[0].phase), (1, Phase::Closed));
    }

    #[test]
    fn a_broken_stream_is_an_event_for_whoever_maintains_the_camera() {
        let config = village();
        let mut judge = judge(&config);
        let failed = StreamState::Failed {
            fault: crate::worker::link::StreamFault::WrongPassword,
            message: "the camera refused the password".to_owned(),
            retry_in: Duration::from_secs(30),
        };
        let opened = judge.stream(at(0), "yard", &failed).remove(0);
        let telling = tell(&config, at(0), &opened);
        assert_eq!(telling.topic, "moshao/v1/510104001001/gw-0007/event/device/4");
        assert_eq!(telling.event.kind, "moshao.device.camera-wrong-password.v1");
        assert_eq!(telling.event.data.note.as_deref(), Some("the camera refused the password"));
    }
}
