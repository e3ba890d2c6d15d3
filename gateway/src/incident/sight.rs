//! What cameras and sensors at the same place can say about one another's alarms.

use std::collections::{BTreeMap, BTreeSet};

use super::Incident;
use super::fusion::Places;
use super::happening::Happening;
use super::look::{Eyes, LOOKS_MAX, Looking};
use super::mark::Mark;
use crate::event::{Check, Says};
use crate::rules::{Finding, Source};

/// Sensors that an event names, at most.
const CHECKS_MAX: usize = 16;

/// Streams and readings as they are now. Not saved: after a restart both are heard anew.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Cameras that have no stream.
    offline: BTreeSet<String>,
    /// Last value of each sensor whose place a camera sees.
    measured: BTreeMap<String, Measured>,
}

/// The last value of a sensor.
#[derive(Debug)]
struct Measured {
    value: f64,
    unit: String,
    at: Mark,
}

// === impl Sight ===

impl Sight {
    pub(super) fn stream(&mut self, camera: &str, up: bool) {
        if up {
            self.offline.remove(camera);
        } else {
            self.offline.insert(camera.to_owned());
        }
    }

    pub(super) fn measured(&mut self, now: Mark, instance: &str, value: f64, unit: &str) {
        let measured = self.measured.entry(instance.to_owned()).or_insert_with(|| Measured {
            value,
            unit: unit.to_owned(),
            at: now,
        });
        (measured.value, measured.at) = (value, now);
    }

    /// Asks the cameras at the sensor's place that have not been asked, or answered long ago; those that shall look.
    pub(super) fn ask(
        &self,
        now: Mark,
        places: &Places,
        incident: &mut Incident,
        finding: &Finding,
    ) -> Vec<String> {
        let happening = Happening::of(&incident.rule);
        let mut look_at = Vec::new();
        for camera in places.cameras(&finding.source) {
            // A camera that finds it already need not be asked.
            let source = Source::Camera(camera.clone());
            if incident.members.iter().any(|member| member.active && member.source == source) {
                continue;
            }
            let asked = incident.looks.iter().position(|looking| looking.look.camera == camera);
            match asked {
                Some(index) if incident.looks[index].told => drop(incident.looks.remove(index)),
                Some(_) => continue,
                None if incident.looks.len() >= LOOKS_MAX => continue,
                None => {}
            }
            let eyes = match (self.offline.contains(&camera), places.can_see(&camera, &happening)) {
                (true, _) => Eyes::Offline,
                (false, false) => Eyes::Blind,
                (false, true) => Eyes::Open,
            };
            incident.looks.push(Looking::ask(now, &camera, eyes));
            if eyes == Eyes::Open {
                look_at.push(camera);
            }
        }
        look_at
    }

    /// What the sensors at the place of `camera` say; `alarming` are those of which a rule is true.
    pub(super) fn check(
        &self,
        now: Mark,
        places: &Places,
        camera: &str,
        alarming: &BTreeSet<&str>,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        for id in places.sensors(camera) {
            // A sensor with captured levels is known by its instances: `id/…`, which sort before `id0`.
            let (from, until) = (format!("{id}/"), format!("{id}0"));
            let mut instances: Vec<&str> =
                self.measured.range(from..until).map(|(instance, _)| instance.as_str()).collect();
            if instances.is_empty() || self.measured.contains_key(id) {
                instances.push(id);
            }
            for instance in instances {
                let known = self.measured.get(instance);
                let says = match (alarming.contains(instance), known) {
                    (true, _) => Says::Alarm,
                    (false, Some(_)) => Says::Normal,
                    (false, None) => Says::Unknown,
                };
                checks.push(Check {
                    sensor: instance.to_owned(),
                    says,
                    value: known.map(|measured| measured.value),
                    unit: known.map(|measured| measured.unit.clone()),
                    age_s: known.map(|measured| now.since(measured.at).as_secs()),
                });
            }
        }
        checks.truncate(CHECKS_MAX);
        checks
    }
}
