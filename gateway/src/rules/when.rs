//! `when = { cel = "…", hold }`: a condition over several devices at once.
//!
//! Whoever watches the rule has the incident; whoever the expression names is remembered here with what was last known of
//! it. An expression is evaluated when one of its devices says something, and once a second where it follows time or
//! hours. While it hangs on something that is not known, nothing begins and nothing ends.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use moshao_config::{Condition, Config, Expression, Field, Known as Fact, Named, Quantity, Rule};

use super::engine::{Configured, Known, Local, measure};
use super::patience::{Patience, Says};
use super::series::Series;
use super::{Detail, Edge, Finding, Source};
use crate::clock::Moment;
use crate::event::Object;
use crate::sensor::reading::Reading;
use crate::worker::link::Observation;

/// How far back `rise` and `rising` look, and how many readings they want.
const RISE_WINDOW: Duration = Duration::from_secs(120);
const RISE_READINGS_MIN: usize = 3;
/// How often expressions that follow time are evaluated.
const EVERY: Duration = Duration::from_secs(1);

/// All rules of this kind, and what is known of the devices that they name.
#[derive(Debug, Default)]
pub(super) struct Whens {
    watches: Vec<WhenWatch>,
    /// Watches by a device that they hang on.
    hang_on: HashMap<Source, Vec<usize>>,
    /// Those that follow time or hours.
    timed: Vec<usize>,
    evaluated: Duration,
    sensors: HashMap<String, Heard>,
    cameras: HashMap<String, Seen>,
    /// Places of the sensors in the configuration.
    by_id: HashMap<String, usize>,
    /// Sensors with captures whose names have been met.
    met: HashSet<String>,
}

/// One rule, watched by one device.
#[derive(Debug)]
struct WhenWatch {
    rule: usize,
    source: Source,
    patience: Patience,
}

/// What is known of a sensor.
#[derive(Debug)]
struct Heard {
    config_index: usize,
    is_yes_no: bool,
    values: Vec<(Quantity, f64)>,
    at: Duration,
    /// Of its value, where somebody asks how it rises.
    series: Option<Box<Series>>,
}

/// What is known of a camera.
#[derive(Debug, Default)]
struct Seen {
    /// None while it gives no pictures.
    labels: Option<Vec<String>>,
    up: Option<bool>,
    at: Duration,
    picture: Option<(u64, Vec<Object>)>,
}

/// What the rules of this kind need to know of the engine.
pub(super) struct Around<'e, 'z> {
    pub(super) now: Moment,
    pub(super) rules: &'e [Known],
    pub(super) sensors: &'e [Configured],
    pub(super) local: Local<'z>,
}

// === impl Whens ===

impl Whens {
    /// Every watch of a device that is known by name; sensors with captures are met later.
    pub(super) fn new(rules: &[Known], sensors: &[Configured], config: &Config) -> Self {
        let by_id = sensors.iter().enumerate().map(|(index, sensor)| (sensor.id.clone(), index));
        let mut whens = Whens { by_id: by_id.collect(), ..Whens::default() };
        for camera in &config.cameras {
            let watched = camera.watches.iter();
            let indices: Vec<usize> =
                watched.filter_map(|id| rules.iter().position(|known| known.info.id == *id)).collect();
            for index in indices {
                whens.watch(rules, sensors, Duration::ZERO, index, Source::Camera(camera.id.clone()));
            }
        }
        for sensor in sensors.iter().filter(|sensor| !sensor.captures) {
            whens.meet(rules, sensors, Duration::ZERO, sensor, &sensor.id);
        }
        whens
    }

    /// A sensor of this name is there: what watches it begins to.
    fn meet(
        &mut self,
        rules: &[Known],
        sensors: &[Configured],
        now: Duration,
        sensor: &Configured,
        name: &str,
    ) {
        if !sensor.watches.iter().any(|(index, _)| condition(&rules[*index]).is_some()) {
            return;
        }
        if !self.met.contains(name) {
            self.met.insert(name.to_owned());
            for (index, _) in &sensor.watches {
                self.watch(rules, sensors, now, *index, Source::Sensor(name.to_owned()));
            }
        }
    }

    /// Sets up a watch, where the rule is of this kind, and remembers its devices from now on.
    fn watch(&mut self, rules: &[Known], sensors: &[Configured], now: Duration, rule: usize, source: Source) {
        let Some((expression, hold, of)) = condition(&rules[rule]) else { return };
        let index = self.watches.len();
        self.hangs_on(sensors, now, index, source.clone(), false);
        for input in expression.inputs() {
            let asks_rise = matches!(input.field, Field::Rise | Field::Rising);
            self.hangs_on(sensors, now, index, device(&source, &input.device), asks_rise);
        }
        if expression.follows_time() || !of.schedule.hours.is_empty() {
            self.timed.push(index);
        }
        self.watches.push(WhenWatch { rule, source, patience: Patience::new(hold, of.clear_after) });
    }

    fn hangs_on(&mut self, sensors: &[Configured], now: Duration, index: usize, on: Source, asks_rise: bool) {
        match &on {
            Source::Camera(id) => drop(self.cameras.entry(id.clone()).or_default()),
            Source::Sensor(name) => {
                let id = name.split_once('/').map_or(name.as_str(), |(id, _)| id);
                let Some(&config_index) = self.by_id.get(id) else { return };
                let is_yes_no = sensors[config_index].unit.is_none();
                let new = || Heard { config_index, is_yes_no, values: Vec::new(), at: now, series: None };
                let heard = self.sensors.entry(name.clone()).or_insert_with(new);
                if asks_rise {
                    heard.series.get_or_insert_with(|| Box::new(Series::new(RISE_WINDOW)));
                }
            }
            Source::Gateway(_) => {}
        }
        let watches = self.hang_on.entry(on).or_default();
        if !watches.contains(&index) {
            watches.push(index);
        }
    }

    /// A reading has come.
    pub(super) fn reading(&mut self, mut around: Around<'_, '_>, reading: &Reading) -> Vec<Finding> {
        let sensor = &around.sensors[reading.config_index];
        if sensor.captures {
            self.meet(around.rules, around.sensors, around.now.mono, sensor, &reading.sensor);
        }
        let Some(heard) = self.sensors.get_mut(&reading.sensor) else { return Vec::new() };
        heard.at = around.now.mono;
        match heard.values.iter_mut().find(|(quantity, _)| *quantity == reading.quantity) {
            Some((_, value)) => *value = reading.value,
            None => heard.values.push((reading.quantity, reading.value)),
        }
        if let (Quantity::Value, Some(series)) = (reading.quantity, &mut heard.series) {
            series.push(around.now.mono, reading.value);
        }
        self.said(&mut around, Source::Sensor(reading.sensor.clone()), reading.received.as_millisecond())
    }

    /// A picture has been looked at.
    pub(super) fn picture(&mut self, mut around: Around<'_, '_>, seen: &Observation) -> Vec<Finding> {
        let Some(camera) = self.cameras.get_mut(&seen.camera) else { return Vec::new() };
        let object = |track: &crate::worker::link::SeenTrack| Object {
            label: track.label.clone(),
            score: track.score,
            track: track.id,
            area: track.area,
        };
        *camera = Seen {
            labels: Some(seen.tracks.iter().map(|track| track.label.clone()).collect()),
            up: Some(true),
            at: around.now.mono,
            picture: Some((seen.picture, seen.tracks.iter().map(object).collect())),
        };
        self.said(&mut around, Source::Camera(seen.camera.clone()), seen.received_unix_ms)
    }

    /// A camera gives no pictures for now.
    pub(super) fn blind(&mut self, camera: &str) {
        if let Some(seen) = self.cameras.get_mut(camera) {
            (seen.labels, seen.up, seen.picture) = (None, Some(false), None);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, mut around: Around<'_, '_>) -> Vec<Finding> {
        let now = around.now;
        let origin_unix_ms = now.wall.as_millisecond();
        let mut findings = Vec::new();
        if now.mono.saturating_sub(self.evaluated) >= EVERY {
            self.evaluated = now.mono;
            let timed = self.timed.clone();
            let told = timed.into_iter().filter_map(|index| self.ask(&mut around, index, origin_unix_ms));
            findings.extend(told.filter(|finding| finding.edge != Edge::Continues));
        }
        for index in 0..self.watches.len() {
            let edge = self.watches[index].patience.tick(now.mono);
            findings.extend(edge.map(|edge| self.finding(&around, index, edge, origin_unix_ms)));
        }
        findings
    }

    /// Takes over what is known of devices that `is_same`, by name, and the patience of rules that are the same.
    pub(super) fn take_over(
        &mut self,
        (rules, sensors): (&[Known], &[Configured]),
        mut before: Whens,
        rules_before: &[Known],
        is_same: impl Fn(&str) -> bool,
    ) {
        self.evaluated = before.evaluated;
        for name in before.met.iter().filter(|name| is_same(name)) {
            let id = name.split_once('/').map_or(name.as_str(), |(id, _)| id);
            if let Some(sensor) = sensors.iter().find(|sensor| sensor.id == id) {
                self.meet(rules, sensors, Duration::ZERO, sensor, name);
            }
        }
        for (name, heard) in self.sensors.iter_mut().filter(|(name, _)| is_same(name)) {
            let Some(known) = before.sensors.remove(name) else { continue };
            (heard.values, heard.at) = (known.values, known.at);
            if heard.series.is_some() && known.series.is_some() {
                heard.series = known.series;
            }
        }
        for (id, seen) in &mut self.cameras {
            if let Some(known) = before.cameras.remove(id) {
                *seen = known;
            }
        }
        for watch in &mut self.watches {
            let same = |other: &WhenWatch| {
                let (own, other_rule) = (&rules[watch.rule], &rules_before[other.rule]);
                other.source == watch.source && own.is_same(other_rule)
            };
            if let Some(at) = before.watches.iter().position(same) {
                watch.patience = before.watches.swap_remove(at).patience;
            }
        }
    }

    /// Takes up a condition that was true before a restart.
    pub(super) fn restore(
        &mut self,
        rules: &[Known],
        sensors: &[Configured],
        rule_id: &str,
        source: &Source,
    ) {
        if let Source::Sensor(name) = source {
            let id = name.split_once('/').map_or(name.as_str(), |(id, _)| id);
            if let Some(sensor) = sensors.iter().find(|sensor| sensor.id == id) {
                self.meet(rules, sensors, Duration::ZERO, sensor, name);
            }
        }
        let is_it = |watch: &&mut WhenWatch| watch.source == *source && rules[watch.rule].info.id == rule_id;
        self.watches.iter_mut().filter(is_it).for_each(|watch| watch.patience.restore());
    }

    /// A device has said something: everything that hangs on it is asked.
    fn said(&mut self, around: &mut Around<'_, '_>, source: Source, origin_unix_ms: i64) -> Vec<Finding> {
        let watches = self.hang_on.get(&source).cloned().unwrap_or_default();
        watches.into_iter().filter_map(|index| self.ask(around, index, origin_unix_ms)).collect()
    }

    /// Evaluates one expression.
    fn ask(&mut self, around: &mut Around<'_, '_>, index: usize, origin_unix_ms: i64) -> Option<Finding> {
        let (expression, _, rule) = condition(&around.rules[self.watches[index].rule])?;
        let now = around.now.mono;
        let edge = if around.local.covered(&rule.schedule) {
            let source = &self.watches[index].source;
            let says = match expression.holds(|named, field| self.fact(now, &device(source, named), field)) {
                Some(true) => Says::Alarm,
                Some(false) => Says::Clear,
                None => Says::Neither,
            };
            self.watches[index].patience.step(now, says)
        } else {
            self.watches[index].patience.end()
        };
        edge.map(|edge| self.finding(around, index, edge, origin_unix_ms))
    }

    /// What is known of a device.
    fn fact(&self, now: Duration, of: &Source, field: Field) -> Option<Fact> {
        match of {
            Source::Sensor(name) => self.sensors.get(name)?.fact(now, field),
            Source::Camera(id) => self.cameras.get(id)?.fact(now, field),
            Source::Gateway(_) => None,
        }
    }

    fn finding(&self, around: &Around<'_, '_>, index: usize, edge: Edge, origin_unix_ms: i64) -> Finding {
        let watch = &self.watches[index];
        let detail = match &watch.source {
            Source::Camera(id) => {
                let picture = self.cameras.get(id).and_then(|seen| seen.picture.clone());
                picture.map(|(picture, objects)| Detail::Seen { picture, objects })
            }
            Source::Sensor(name) => self.sensors.get(name).and_then(|heard| {
                let value = heard.value(Quantity::Value)?;
                let sensor = &around.sensors[heard.config_index];
                Some(Detail::Measured(measure(sensor, Quantity::Value, value, None)))
            }),
            Source::Gateway(_) => None,
        };
        Finding {
            rule: around.rules[watch.rule].info.clone(),
            source: watch.source.clone(),
            edge,
            detail: detail.unwrap_or(Detail::Nothing),
            origin_unix_ms,
        }
    }
}

/// The expression of a rule, and how long it must hold; none for other kinds of rule.
fn condition(known: &Known) -> Option<(&Expression, Duration, &Rule)> {
    let rule = known.rule.as_ref()?;
    match &rule.condition {
        Condition::When { expression, hold } => Some((expression, *hold, rule)),
        _ => None,
    }
}

/// The device that an expression means when this one watches the rule.
fn device(own: &Source, named: &Named) -> Source {
    match named {
        Named::Own => own.clone(),
        Named::Sensor(name) => Source::Sensor(name.clone()),
        Named::Camera(id) => Source::Camera(id.clone()),
    }
}

// === impl Heard ===

impl Heard {
    fn value(&self, of: Quantity) -> Option<f64> {
        self.values.iter().find(|(quantity, _)| *quantity == of).map(|(_, value)| *value)
    }

    fn fact(&self, now: Duration, field: Field) -> Option<Fact> {
        let series = || self.series.as_ref().filter(|series| series.len() >= RISE_READINGS_MIN);
        Some(match field {
            Field::Of(quantity) => {
                let yes_no = match quantity {
                    Quantity::Value => self.is_yes_no,
                    Quantity::BatteryLow | Quantity::Tamper | Quantity::Present => true,
                    Quantity::Battery | Quantity::Signal => false,
                };
                let value = self.value(quantity)?;
                if yes_no { Fact::YesNo(value != 0.0) } else { Fact::Number(value) }
            }
            Field::Age => Fact::Number(now.saturating_sub(self.at).as_secs_f64()),
            Field::Rise => Fact::Number(60.0 * series()?.slope()?),
            Field::Rising => Fact::YesNo(series()?.trend() > 0),
            Field::Labels | Field::Up => return None,
        })
    }
}

// === impl Seen ===

impl Seen {
    fn fact(&self, now: Duration, field: Field) -> Option<Fact> {
        Some(match field {
            Field::Labels => Fact::Words(self.labels.clone()?),
            Field::Up => Fact::YesNo(self.up?),
            Field::Age => Fact::Number(now.saturating_sub(self.at).as_secs_f64()),
            Field::Of(_) | Field::Rise | Field::Rising => return None,
        })
    }
}
