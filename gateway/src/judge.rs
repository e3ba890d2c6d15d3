//! The gateway's judgement: observations, readings and stream states in, changes in incidents' lives out.
//!
//! Rules and stream health make findings, incidents collect them. No clock, disk or network: live and replayed
//! material go through the same steps, and the same input gives the same changes.

mod change;
pub mod saved;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use moshao_config::{Config, Quantity};

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
use crate::rules::{Edge, Engine, Finding, Source};
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
mod tests;
