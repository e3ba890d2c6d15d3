//! All rules with the state of each pair of rule and source.
//!
//! A picture or reading costs as much as the rules that watch its source, however many others there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;
use moshao_config::{Config, Quantity, Rule, Schedule, SensorKind};
use serde::{Deserialize, Serialize};

use super::blocked::Standing;
use super::built_in::built_in;
use super::camera::CameraWatch;
use super::sensor::{Limits, Looks, SensorWatch};
use super::when::{Around, Whens};
use super::{Detail, Edge, Finding, RuleInfo, Source};
use crate::clock::Moment;
use crate::event::Measure;
use crate::sensor::reading::Reading;
use crate::worker::link::Observation;

/// All rules with the state of each pair of rule and source.
#[derive(Debug)]
pub struct Engine {
    zone: TimeZone,
    pub(super) rules: Vec<Known>,
    pub(super) cameras: HashMap<String, Eyes>,
    pub(super) sensors: Vec<Configured>,
    /// Sensors heard, or configured without captures, by instance.
    pub(super) instances: HashMap<String, Instance>,
    /// Rules over several devices at once.
    pub(super) whens: Whens,
}

/// What has to survive a restart besides the conditions of open incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What stands where it has been told to stand, by camera and rule.
    pub standing: BTreeMap<String, BTreeMap<String, Vec<Standing>>>,
}

/// A rule as the engine knows it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) info: Arc<RuleInfo>,
    /// None for what is built in.
    pub(super) rule: Option<Rule>,
}

/// A camera and the rules that look at it.
#[derive(Debug)]
pub(super) struct Eyes {
    pub(super) watches: Vec<CameraWatch>,
    /// Lives of the worker so far: each numbers its tracks anew.
    pub(super) session: u64,
    pub(super) media_time: Duration,
    pub(super) blind: bool,
}

/// What the engine needs to know of a sensor of the configuration.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) id: String,
    kind: SensorKind,
    pub(super) unit: Option<String>,
    lost_after: Duration,
    battery_low_at: f64,
    /// Each topic level that it captures makes an instance.
    pub(super) captures: bool,
    /// Places of rules, and what they look for.
    pub(super) watches: Vec<(usize, Looks)>,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) config_index: usize,
    pub(super) watches: Vec<SensorWatch>,
}

// === impl Engine ===

impl Engine {
    /// An engine in which no condition is true.
    pub fn new(config: &Config) -> Self {
        let mut rules: Vec<Known> = config
            .rules
            .iter()
            .map(|rule| Known { info: Arc::new(RuleInfo::from(rule)), rule: Some(rule.clone()) })
            .collect();
        let index: HashMap<&str, usize> =
            config.rules.iter().enumerate().map(|(index, rule)| (rule.id.as_str(), index)).collect();
        let find = |id: &String| index.get(id.as_str()).copied();
        let cameras = config.cameras.iter().map(|camera| {
            let watches = camera.watches.iter().filter_map(find);
            let watches =
                watches.filter_map(|index| CameraWatch::new(index, &config.rules[index], camera)).collect();
            let eyes = Eyes { watches, session: 0, media_time: Duration::ZERO, blind: false };
            (camera.id.clone(), eyes)
        });
        let cameras = cameras.collect();
        let built_in = built_in(&mut rules);
        let sensors = config.sensors.iter().map(|sensor| Configured {
            id: sensor.id.clone(),
            kind: sensor.kind,
            unit: sensor.unit.clone(),
            lost_after: sensor.lost_after,
            battery_low_at: sensor.more.battery_low_at,
            captures: sensor.topic.captures() > 0,
            watches: {
                let own = sensor.watches.iter().filter_map(find).map(|index| (index, Looks::Condition));
                own.chain(built_in(sensor)).collect()
            },
        });
        let sensors: Vec<Configured> = sensors.collect();
        let whens = Whens::new(&rules, &sensors, config);
        let mut engine = Engine {
            zone: config.gateway.time_zone.clone(),
            rules,
            cameras,
            sensors,
            instances: HashMap::new(),
            whens,
        };
        engine.expect_all();
        engine
    }

    /// Takes up a condition that was true before a restart. It stays true until a picture or reading, or for objects
    /// the time without one, ends it.
    pub fn restore(&mut self, now: Moment, rule_id: &str, source: &Source) {
        self.whens.restore(&self.rules, &self.sensors, rule_id, source);
        let is = |rules: &[Known], index: usize| rules[index].info.id == rule_id;
        match source {
            // No rule of the configuration looks at the gateway itself.
            Source::Gateway(_) => {}
            Source::Camera(id) => {
                let Some(eyes) = self.cameras.get_mut(id) else { return };
                for watch in eyes.watches.iter_mut().filter(|watch| is(&self.rules, watch.rule)) {
                    watch.restore(now.mono);
                }
            }
            Source::Sensor(id) => {
                let configured = id.split_once('/').map_or(id.as_str(), |(id, _)| id);
                let Some(config_index) = self.sensors.iter().position(|known| known.id == configured) else {
                    return;
                };
                let instance =
                    instance(&self.rules, &self.sensors, &mut self.instances, now.mono, config_index, id);
                for watch in instance.watches.iter_mut().filter(|watch| is(&self.rules, watch.rule)) {
                    watch.restore();
                }
            }
        }
    }

    /// What [`Engine::restore_memory`] wants back after a restart.
    pub fn save(&self) -> Memory {
        let mut memory = Memory::default();
        for (camera, eyes) in &self.cameras {
            for watch in &eyes.watches {
                let standing = watch.standing();
                if !standing.is_empty() {
                    let rule = self.rules[watch.rule].info.id.clone();
                    memory.standing.entry(camera.clone()).or_default().insert(rule, standing);
                }
            }
        }
        memory
    }

    /// Takes up what [`Engine::save`] gave. What the configuration no longer has is left out.
    pub fn restore_memory(&mut self, memory: Memory) {
        for (camera, mut rules) in memory.standing {
            let Some(eyes) = self.cameras.get_mut(&camera) else { continue };
            for watch in &mut eyes.watches {
                if let Some(standing) = rules.remove(&self.rules[watch.rule].info.id) {
                    watch.restore_standing(standing);
                }
            }
        }
    }

    /// One analysed picture.
    pub fn observe(&mut self, now: Moment, seen: &Observation) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(eyes) = self.cameras.get_mut(&seen.camera) else { return findings };
        if seen.media_time < eyes.media_time {
            eyes.session += 1;
        }
        eyes.media_time = seen.media_time;
        eyes.blind = false;
        let mut local = Local::new(now, &self.zone);
        for watch in &mut eyes.watches {
            let known = &self.rules[watch.rule];
            let Some(rule) = &known.rule else { continue };
            let (edge, objects) = if local.covered(&rule.schedule) {
                watch.asleep = false;
                let Some(change) = watch.see(now, eyes.session, rule, seen) else { continue };
                change
            } else {
                watch.asleep = true;
                let Some(edge) = watch.end() else { continue };
                (edge, Vec::new())
            };
            findings.push(Finding {
                rule: known.info.clone(),
                source: Source::Camera(seen.camera.clone()),
                edge,
                detail: Detail::Seen { picture: seen.picture, objects },
                origin_unix_ms: seen.received_unix_ms,
            });
        }
        let around = Around { now, rules: &self.rules, sensors: &self.sensors, local };
        findings.extend(self.whens.picture(around, seen));
        findings
    }

    /// A camera gives no pictures for now: what was last seen may no longer be so.
    pub fn blind(&mut self, camera: &str) {
        self.whens.blind(camera);
        let Some(eyes) = self.cameras.get_mut(camera) else { return };
        eyes.blind = true;
        eyes.watches.iter_mut().for_each(CameraWatch::blind);
    }

    /// One reading of a sensor.
    pub fn reading(&mut self, now: Moment, reading: &Reading) -> Vec<Finding> {
        let mut findings = Vec::new();
        if reading.config_index >= self.sensors.len() {
            return findings;
        }
        let instance = instance(
            &self.rules,
            &self.sensors,
            &mut self.instances,
            now.mono,
            reading.config_index,
            &reading.sensor,
        );
        let sensor = &self.sensors[instance.config_index];
        let mut local = Local::new(now, &self.zone);
        for watch in &mut instance.watches {
            let known = &self.rules[watch.rule];
            if let Some(rule) = &known.rule {
                watch.asleep = !local.covered(&rule.schedule);
            }
            let Some(edge) = watch.step(now.mono, reading.quantity, reading.value) else { continue };
            findings.push(Finding {
                rule: known.info.clone(),
                source: Source::Sensor(reading.sensor.clone()),
                edge,
                detail: Detail::Measured(measure(
                    sensor,
                    reading.quantity,
                    reading.value,
                    watch.limit(reading.quantity),
                )),
                origin_unix_ms: reading.received.as_millisecond(),
            });
        }
        let around = Around { now, rules: &self.rules, sensors: &self.sensors, local };
        findings.extend(self.whens.reading(around, reading));
        findings
    }

    /// Time has passed without input: conditions that end, or begin, by time alone.
    pub fn tick(&mut self, now: Moment) -> Vec<Finding> {
        let mut local = Local::new(now, &self.zone);
        let mut findings = Vec::new();
        let mut find = |known: &Known, source: Source, edge: Edge, detail: Detail| {
            let origin_unix_ms = now.wall.as_millisecond();
            findings.push(Finding { rule: known.info.clone(), source, edge, detail, origin_unix_ms });
        };
        for (camera, eyes) in &mut self.cameras {
            for watch in &mut eyes.watches {
                let known = &self.rules[watch.rule];
                let awake = known.rule.as_ref().is_none_or(|rule| local.covered(&rule.schedule));
                watch.asleep = !awake;
                let edge = if awake { watch.tick(now, eyes.blind) } else { watch.end() };
                if let Some(edge) = edge {
                    find(known, Source::Camera(camera.clone()), edge, Detail::Nothing);
                }
            }
        }
        for (id, instance) in &mut self.instances {
            for watch in &mut instance.watches {
                let known = &self.rules[watch.rule];
                let awake = known.rule.as_ref().is_none_or(|rule| local.covered(&rule.schedule));
                let edge = match (watch.asleep, awake) {
                    (false, true) => watch.tick(now.mono),
                    (true, true) => watch.wake(now.mono),
                    (_, false) => watch.sleep(),
                };
                if let Some(edge) = edge {
                    let detail = watch.symptom(now.mono).map_or(Detail::Nothing, Detail::Symptom);
                    find(known, Source::Sensor(id.clone()), edge, detail);
                }
            }
        }
        let around = Around { now, rules: &self.rules, sensors: &self.sensors, local };
        findings.extend(self.whens.tick(around));
        // The maps have no order of their own; what leaves the box must not depend on it.
        findings.sort_by(|a, b| (&a.rule.id, &a.source).cmp(&(&b.rule.id, &b.source)));
        findings
    }

    /// Sensors without captures are known before they are heard: their silence counts from the start.
    fn expect_all(&mut self) {
        for config_index in 0..self.sensors.len() {
            let sensor = &self.sensors[config_index];
            if !sensor.captures {
                let id = sensor.id.clone();
                instance(&self.rules, &self.sensors, &mut self.instances, Duration::ZERO, config_index, &id);
            }
        }
    }
}

/// The instance of this name, made where it is new.
pub(super) fn instance<'i>(
    rules: &[Known],
    sensors: &[Configured],
    instances: &'i mut HashMap<String, Instance>,
    now: Duration,
    config_index: usize,
    id: &str,
) -> &'i mut Instance {
    if !instances.contains_key(id) {
        let sensor = &sensors[config_index];
        let limits = Limits { lost_after: sensor.lost_after, battery_low_at: sensor.battery_low_at };
        let watch = |(index, looks): &(usize, Looks)| {
            SensorWatch::new(*index, rules[*index].rule.as_ref(), now, *looks, limits)
        };
        let watches = sensor.watches.iter().filter_map(watch).collect();
        instances.insert(id.to_owned(), Instance { config_index, watches });
    }
    instances.get_mut(id).expect("it has just been made")
}

pub(super) fn measure(
    sensor: &Configured,
    quantity: Quantity,
    value: f64,
    threshold: Option<f64>,
) -> Measure {
    let (name, unit) = match quantity {
        Quantity::Value => {
            (sensor.kind.to_string(), sensor.unit.clone().unwrap_or_else(|| "bool".to_owned()))
        }
        Quantity::Battery => (quantity.to_string(), "%".to_owned()),
        Quantity::BatteryLow | Quantity::Tamper | Quantity::Present => {
            (quantity.to_string(), "bool".to_owned())
        }
        Quantity::Signal => (quantity.to_string(), "1".to_owned()),
    };
    Measure { name, value, unit, threshold }
}

/// The time of the site, worked out once and only where a rule asks for it.
pub(super) struct Local<'z> {
    now: Moment,
    zone: &'z TimeZone,
    time: Option<civil::DateTime>,
}

// === impl Local ===

impl<'z> Local<'z> {
    fn new(now: Moment, zone: &'z TimeZone) -> Self {
        Local { now, zone, time: None }
    }

    pub(super) fn covered(&mut self, schedule: &Schedule) -> bool {
        if schedule.hours.is_empty() {
            return true;
        }
        let (now, zone) = (self.now, self.zone);
        schedule.covers(*self.time.get_or_insert_with(|| zone.to_datetime(now.wall)))
    }
}
