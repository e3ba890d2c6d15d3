//! The gateway's judgement: observations, readings and stream states in, changes in incidents' lives out.
//!
//! Rules and stream health make findings, incidents collect them. No clock, disk or network: live and replayed
//! material go through the same steps, and the same input gives the same changes.

use std::collections::BTreeMap;

use moshao_config::Config;

use crate::clock::Moment;
use crate::event::Evidence;
use crate::health::StreamHealth;
use crate::incident::fusion::Places;
use crate::incident::{Change, Incident, Incidents};
use crate::rules::{Engine, Finding, Source};
use crate::worker::link::{Observation, StreamState};

pub use crate::incident::NewId;

/// Rules, health and incidents with all their state.
#[derive(Debug)]
pub struct Judge {
    rules: Engine,
    streams: BTreeMap<String, StreamHealth>,
    incidents: Incidents,
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
                .map(|camera| (camera.id.clone(), StreamHealth::new(&camera.id, &camera.name)))
                .collect(),
            incidents: Incidents::new(Places::new(config), new_id),
        }
    }

    /// Takes up the open incidents of [`Judge::save`], and with them the conditions that were true.
    ///
    /// # Errors
    /// The bytes are not what `save` wrote; nothing is taken up.
    pub fn restore(&mut self, now: Moment, saved: &[u8]) -> Result<(), serde_json::Error> {
        self.incidents.restore(saved)?;
        for member in self.incidents.open().iter().flat_map(|incident| &incident.members) {
            if !member.active {
                continue;
            }
            self.rules.restore(now, &member.rule, &member.source);
            if let Source::Camera(id) = &member.source
                && let Some(health) = self.streams.get_mut(id)
            {
                health.restore(now, &member.rule);
            }
        }
        Ok(())
    }

    /// What has to survive a restart.
    pub fn save(&self) -> Vec<u8> {
        self.incidents.save()
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> &[Incident] {
        self.incidents.open()
    }

    /// One analysed picture.
    pub fn observe(&mut self, now: Moment, seen: &Observation) -> Vec<Change> {
        let findings = self.rules.observe(now, seen);
        self.settle(now, findings)
    }

    /// One reading of sensor number `index` in the configuration.
    pub fn reading(&mut self, now: Moment, index: usize, instance: &str, value: f64) -> Vec<Change> {
        let findings = self.rules.reading(now, index, instance, value);
        self.settle(now, findings)
    }

    /// A camera's stream has changed state.
    pub fn stream(&mut self, now: Moment, camera: &str, state: &StreamState) -> Vec<Change> {
        let Some(health) = self.streams.get_mut(camera) else { return Vec::new() };
        let findings = health.step(now, state);
        self.settle(now, findings)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) -> Vec<Change> {
        let mut findings = self.rules.tick(now);
        findings.extend(self.streams.values_mut().filter_map(|health| health.tick(now)));
        self.settle(now, findings)
    }

    /// A still has been kept for an incident.
    pub fn attach(&mut self, now: Moment, incident: &str, source: &Source, kept: Evidence) -> Option<Change> {
        self.incidents.attach(now, incident, source, kept)
    }

    fn settle(&mut self, now: Moment, findings: Vec<Finding>) -> Vec<Change> {
        findings.iter().filter_map(|finding| self.incidents.find(now, finding)).collect()
    }
}
