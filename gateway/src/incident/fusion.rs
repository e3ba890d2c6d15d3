//! Which findings are about the same happening.
//!
//! A sensor and the cameras that it names see the same place; two sensors that name the same camera do as well. A
//! finding joins an open incident of the same category at the same place. Health of devices never joins anything: a
//! broken camera and a wrong password are two things to mend.

use std::collections::{BTreeMap, BTreeSet};

use moshao_config::{Category, Config};

use super::Incident;
use crate::rules::{Finding, Source};

/// Who sees the same place.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Configured sensor id to the cameras that see its place.
    cameras_of: BTreeMap<String, BTreeSet<String>>,
}

// === impl Places ===

impl Places {
    /// From the `cameras` lists of the sensors.
    pub fn new(config: &Config) -> Self {
        Self::of(config.sensors.iter().map(|sensor| (sensor.id.as_str(), sensor.cameras.as_slice())))
    }

    /// From pairs of a sensor id and the ids of the cameras that see its place.
    pub fn of<'a, C: AsRef<str> + 'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [C])>) -> Self {
        let cameras_of = pairs
            .into_iter()
            .map(|(sensor, cameras)| {
                (sensor.to_owned(), cameras.iter().map(|camera| camera.as_ref().to_owned()).collect())
            })
            .collect();
        Places { cameras_of }
    }

    /// Cameras that see the place of `source`; a camera sees its own.
    pub fn cameras(&self, source: &Source) -> BTreeSet<String> {
        match source {
            Source::Camera(id) => BTreeSet::from([id.clone()]),
            Source::Sensor(instance) => {
                self.cameras_of.get(configured_id(instance)).cloned().unwrap_or_default()
            }
        }
    }

    /// Whether `finding` is one more sign of what `incident` is about.
    pub fn same_happening(&self, incident: &Incident, finding: &Finding) -> bool {
        if finding.rule.category != incident.rule.category || finding.rule.category == Category::Device {
            return false;
        }
        let sees = self.cameras(&finding.source);
        incident
            .members
            .iter()
            .any(|member| member.source == finding.source || !self.cameras(&member.source).is_disjoint(&sees))
    }
}

/// `kitchen/0x1234` is an instance of the configured sensor `kitchen`.
pub fn configured_id(instance: &str) -> &str {
    instance.split_once('/').map_or(instance, |(id, _)| id)
}
