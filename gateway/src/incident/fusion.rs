//! Which devices are at the same place, and which findings are about the same happening.
//!
//! A sensor and the cameras that it names see the same place; two sensors that name the same camera do as well, and so
//! do devices whose coordinates are a few metres apart. A finding joins an open incident of the same happening, the
//! same place and the same mode: a test never confirms a fire, and a fire is never hidden in a test.

use std::collections::{BTreeMap, BTreeSet};

use moshao_config::{Config, DeviceMode, IncidentPolicy};

use super::Incident;
use super::happening::Happening;
use super::orders::InMode;
use crate::rules::{Finding, RuleInfo, Source};
use crate::supervise::worker_names;

/// Metres of one degree of latitude.
const METRES_A_DEGREE: f64 = 111_195.0;

/// Who sees the same place, and in which mode each device is.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Configured sensor id to the cameras that see its place.
    cameras_of: BTreeMap<String, BTreeSet<String>>,
    /// The other way round.
    sensors_of: BTreeMap<String, BTreeSet<String>>,
    /// Longitude and latitude in degrees of devices that have them.
    coordinates: BTreeMap<Source, (f64, f64)>,
    neighbours_m: f64,
    site_mode: DeviceMode,
    modes: BTreeMap<String, DeviceMode>,
    /// What a person tests at the moment: the whole site, or devices.
    site_is_tested: bool,
    tested: BTreeSet<String>,
    /// What the centre has ordered, for the site and for devices.
    ordered_site: Option<DeviceMode>,
    ordered: BTreeMap<String, DeviceMode>,
    /// Cameras with a rule that finds fire.
    fire_cameras: BTreeSet<String>,
    /// Every camera and configured sensor.
    devices: BTreeSet<Source>,
}

// === impl Places ===

impl Places {
    /// From the `cameras` lists of the sensors, the coordinates of all devices, and the modes.
    pub fn new(config: &Config) -> Self {
        let policy = &config.incidents;
        let mut places =
            Self::of(config.sensors.iter().map(|sensor| (sensor.id.as_str(), sensor.cameras.as_slice())));
        places.neighbours_m = policy.neighbours_m;
        places.set_modes(policy);
        let finds_fire = |id: &String| {
            let rule = config.rules.iter().find(|rule| rule.id == *id);
            rule.is_some_and(|rule| Happening::of(&RuleInfo::from(rule)) == Happening::Fire)
        };
        let fire_cameras = config.cameras.iter().filter(|camera| camera.watches.iter().any(finds_fire));
        places.fire_cameras = fire_cameras.map(|camera| camera.id.clone()).collect();
        let cameras = config.cameras.iter().map(|camera| Source::Camera(camera.id.clone()));
        let sensors = config.sensors.iter().map(|sensor| Source::Sensor(sensor.id.clone()));
        let workers = worker_names(config).map(Source::Gateway);
        places.devices = cameras.chain(sensors).chain(workers).collect();
        let cameras = config.cameras.iter().map(|camera| (Source::Camera(camera.id.clone()), &camera.place));
        let sensors = config.sensors.iter().map(|sensor| (Source::Sensor(sensor.id.clone()), &sensor.place));
        places.coordinates = cameras
            .chain(sensors)
            .filter_map(|(source, place)| Some((source, (place.lon?, place.lat?))))
            .collect();
        places
    }

    /// From pairs of a sensor id and the ids of the cameras that see its place.
    pub fn of<'a, C: AsRef<str> + 'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [C])>) -> Self {
        let mut places = Places::default();
        for (sensor, cameras) in pairs {
            let names: BTreeSet<String> = cameras.iter().map(|camera| camera.as_ref().to_owned()).collect();
            for camera in &names {
                places.sensors_of.entry(camera.clone()).or_default().insert(sensor.to_owned());
            }
            places.cameras_of.insert(sensor.to_owned(), names);
        }
        places
    }

    fn set_modes(&mut self, policy: &IncidentPolicy) {
        self.site_mode = policy.mode;
        let named = policy.test.iter().chain(&policy.maintenance);
        self.modes = named.map(|id| (id.clone(), policy.mode_of(id))).collect();
    }

    /// Puts a device, or with none the whole site, into test mode, or ends that.
    pub fn set_test(&mut self, device: Option<&str>, on: bool) {
        match device {
            None => self.site_is_tested = on,
            Some(id) if on => drop(self.tested.insert(id.to_owned())),
            Some(id) => drop(self.tested.remove(id)),
        }
    }

    /// Cameras that see the place of `source`; a camera sees its own.
    pub fn cameras(&self, source: &Source) -> BTreeSet<String> {
        match source {
            Source::Camera(id) => BTreeSet::from([id.clone()]),
            Source::Sensor(instance) => {
                self.cameras_of.get(configured_id(instance)).cloned().unwrap_or_default()
            }
            Source::Gateway(_) => BTreeSet::new(),
        }
    }

    /// Configured ids of the sensors whose place the camera sees.
    pub fn sensors(&self, camera: &str) -> impl Iterator<Item = &str> {
        self.sensors_of.get(camera).into_iter().flatten().map(String::as_str)
    }

    /// Whether any camera sees the place of this sensor.
    pub fn is_seen(&self, instance: &str) -> bool {
        self.cameras_of.get(configured_id(instance)).is_some_and(|cameras| !cameras.is_empty())
    }

    /// Whether the camera's rules know what would show such a happening.
    pub(super) fn can_see(&self, camera: &str, happening: &Happening) -> bool {
        match happening {
            Happening::Fire | Happening::Gas | Happening::Electric => self.fire_cameras.contains(camera),
            Happening::Intrusion | Happening::Fault(_) | Happening::Other(_) => true,
        }
    }

    /// Whether the configuration has this device.
    pub fn knows(&self, source: &Source) -> bool {
        match source {
            Source::Camera(_) | Source::Gateway(_) => self.devices.contains(source),
            Source::Sensor(instance) => {
                self.devices.contains(&Source::Sensor(configured_id(instance).to_owned()))
            }
        }
    }

    /// Whether what `source` says is for real.
    pub fn mode(&self, source: &Source) -> DeviceMode {
        let id = match source {
            Source::Camera(id) | Source::Gateway(id) => id,
            Source::Sensor(instance) => configured_id(instance),
        };
        let ordered = self.ordered.get(id).or_else(|| self.modes.get(id)).copied();
        let meant = ordered.or(self.ordered_site).unwrap_or(self.site_mode);
        let tested = self.site_is_tested || self.tested.contains(id);
        if meant == DeviceMode::Live && tested { DeviceMode::Test } else { meant }
    }

    /// Modes that the centre has ordered, in place of all that it ordered before.
    pub(super) fn order_modes<'a>(&mut self, orders: impl Iterator<Item = &'a InMode>) {
        (self.ordered_site, self.ordered) = (None, BTreeMap::new());
        for InMode { device, mode } in orders.cloned() {
            match device {
                Some(id) => drop(self.ordered.insert(id, mode)),
                None => self.ordered_site = Some(mode),
            }
        }
    }

    /// Whether `finding` is one more sign of what `incident` is about.
    pub fn same_happening(&self, incident: &Incident, finding: &Finding) -> bool {
        let happening = Happening::of(&finding.rule);
        if !happening.can_merge()
            || happening != Happening::of(&incident.rule)
            || incident.mode != self.mode(&finding.source)
        {
            return false;
        }
        let sees = self.cameras(&finding.source);
        incident.members.iter().any(|member| {
            member.source == finding.source
                || !self.cameras(&member.source).is_disjoint(&sees)
                || self.are_neighbours(&member.source, &finding.source)
        })
    }

    fn are_neighbours(&self, one: &Source, other: &Source) -> bool {
        let at = |source: &Source| {
            let device = match source {
                Source::Camera(_) | Source::Gateway(_) => source.clone(),
                Source::Sensor(instance) => Source::Sensor(configured_id(instance).to_owned()),
            };
            self.coordinates.get(&device).copied()
        };
        let (Some(one), Some(other)) = (at(one), at(other)) else { return false };
        self.neighbours_m > 0.0 && distance_m(one, other) <= self.neighbours_m
    }
}

/// Metres between two points a short way apart, each longitude and latitude in degrees.
fn distance_m((lon, lat): (f64, f64), (other_lon, other_lat): (f64, f64)) -> f64 {
    let north = (other_lat - lat) * METRES_A_DEGREE;
    let east = (other_lon - lon) * METRES_A_DEGREE * lat.to_radians().cos();
    north.hypot(east)
}

/// `kitchen/0x1234` is an instance of the configured sensor `kitchen`.
pub fn configured_id(instance: &str) -> &str {
    instance.split_once('/').map_or(instance, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_right_to_a_metre_in_a_village() {
        let chengdu = (104.0660, 30.5720);
        assert!((distance_m(chengdu, (104.0660, 30.5723)) - 33.4).abs() < 0.5);
        assert!((distance_m(chengdu, (104.0663, 30.5720)) - 28.7).abs() < 0.5);
    }

    #[test]
    fn a_camera_knows_the_sensors_that_name_it() {
        let places = Places::of([("kitchen", &["gate", "yard"][..]), ("attic", &["gate"]), ("cellar", &[])]);
        assert_eq!(places.sensors("gate").collect::<Vec<_>>(), ["attic", "kitchen"]);
        assert!(places.is_seen("kitchen/0x12") && !places.is_seen("cellar"));
    }
}
