//! Rules: from what cameras see and sensors measure to findings.
//!
//! One file for each kind of condition, each a state machine `step(now, input) -> Option<Edge>` that knows nothing but
//! its own rule and one source. [`Engine`] keeps one such machine for every pair of rule and source that watch each
//! other, and gives what they say a name. Nothing here reads a clock.

mod object;
mod state;
mod threshold;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moshao_config::{Category, Condition, Config, Rule, Side};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::event::{Measure, Object};
use crate::sensor::reading::Reading;
use crate::worker::link::Observation;

use object::ObjectWatch;
use state::StateWatch;
use threshold::ThresholdWatch;

/// What a rule says about one source at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// What it looked at.
    pub source: Source,
    /// What has changed.
    pub edge: Edge,
    /// What it saw.
    pub detail: Detail,
    /// When the picture or reading behind it reached the box, milliseconds since the Unix epoch.
    pub origin_unix_ms: i64,
}

/// Change of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It has become true.
    Raised,
    /// It was true and still is.
    Continues,
    /// It is over.
    Cleared,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Objects in a picture.
    Seen {
        /// Number of the picture, to ask the worker for a still of it.
        picture: u64,
        /// The objects that count.
        objects: Vec<Object>,
    },
    /// A reading.
    Measured(Measure),
    /// A symptom, in a sentence for people.
    Symptom(String),
    /// Nothing: time has passed.
    Nothing,
}

/// Where an observation comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Camera id.
    Camera(String),
    /// Sensor id, with captured topic levels behind a slash.
    Sensor(String),
}

/// How findings of a rule are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Rule id; built-in health rules have a `health/` in front.
    pub id: String,
    /// 1 (most severe) to 4.
    pub level: u8,
    /// Event code.
    pub code: String,
    /// Department-level category.
    pub category: Category,
    /// Last part of the event type.
    pub kind: String,
    /// Title for people.
    pub title: String,
}

/// All rules with the state of each pair of rule and source.
#[derive(Debug)]
pub struct Engine {
    rules: HashMap<String, (Rule, Arc<RuleInfo>)>,
    camera_watches: HashMap<String, Vec<String>>,
    sensors: Vec<SensorWatch>,
    pairs: HashMap<Pair, Watch>,
}

/// What the engine needs to know of a configured sensor.
#[derive(Debug)]
struct SensorWatch {
    watches: Vec<String>,
    measure: String,
    unit: String,
}

/// A rule and a source that it looks at.
type Pair = (String, Source);

#[derive(Debug)]
enum Watch {
    Object(ObjectWatch),
    State(StateWatch),
    Threshold(ThresholdWatch),
}

// === impl Engine ===

impl Engine {
    /// An engine in which no condition is true.
    pub fn new(config: &Config) -> Self {
        let rules = config
            .rules
            .iter()
            .map(|rule| (rule.id.clone(), (rule.clone(), Arc::new(RuleInfo::from(rule)))))
            .collect();
        let camera_watches = config.cameras.iter().map(|c| (c.id.clone(), c.watches.clone())).collect();
        let sensors = config
            .sensors
            .iter()
            .map(|sensor| SensorWatch {
                watches: sensor.watches.clone(),
                measure: sensor.kind.to_string(),
                unit: sensor.unit.clone().unwrap_or_else(|| "bool".to_owned()),
            })
            .collect();
        Engine { rules, camera_watches, sensors, pairs: HashMap::new() }
    }

    /// Takes up a condition that was true before a restart. It stays true until a picture or reading, or for objects
    /// the time without one, ends it.
    pub fn restore(&mut self, now: Moment, rule_id: &str, source: &Source) {
        let Some((rule, _)) = self.rules.get(rule_id) else { return };
        let mut watch = Watch::new(rule);
        watch.restore(now.mono);
        self.pairs.insert((rule_id.to_owned(), source.clone()), watch);
    }

    /// One analysed picture.
    pub fn observe(&mut self, now: Moment, seen: &Observation) -> Vec<Finding> {
        let source = Source::Camera(seen.camera.clone());
        let mut findings = Vec::new();
        for rule_id in self.camera_watches.get(&seen.camera).into_iter().flatten() {
            let Some((rule, info)) = self.rules.get(rule_id) else { continue };
            let Condition::Object { labels, min_score, .. } = &rule.condition else { continue };
            let objects: Vec<Object> = seen
                .tracks
                .iter()
                .filter(|track| {
                    labels.contains(&track.label) && min_score.is_none_or(|min| track.score >= min)
                })
                .map(|track| Object {
                    label: track.label.clone(),
                    score: track.score,
                    track: track.id,
                    area: track.area,
                })
                .collect();
            let watch =
                self.pairs.entry((rule_id.clone(), source.clone())).or_insert_with(|| Watch::new(rule));
            let Watch::Object(watch) = watch else { continue };
            if let Some(edge) = watch.step(now.mono, !objects.is_empty()) {
                findings.push(Finding {
                    rule: info.clone(),
                    source: source.clone(),
                    edge,
                    detail: Detail::Seen { picture: seen.picture, objects },
                    origin_unix_ms: seen.received_unix_ms,
                });
            }
        }
        findings
    }

    /// One reading of a sensor.
    pub fn reading(&mut self, now: Moment, reading: &Reading) -> Vec<Finding> {
        let Some(sensor) = self.sensors.get(reading.config_index) else { return Vec::new() };
        let source = Source::Sensor(reading.sensor.clone());
        let value = reading.value;
        let mut findings = Vec::new();
        for rule_id in &sensor.watches {
            let Some((rule, info)) = self.rules.get(rule_id) else { continue };
            let watch =
                self.pairs.entry((rule_id.clone(), source.clone())).or_insert_with(|| Watch::new(rule));
            let edge = match watch {
                Watch::State(watch) => watch.step(now.mono, value),
                Watch::Threshold(watch) => watch.step(now.mono, value),
                Watch::Object(_) => continue,
            };
            if let Some(edge) = edge {
                let threshold = match rule.condition {
                    Condition::Threshold { limit, .. } => Some(limit),
                    Condition::State { .. } | Condition::Object { .. } => None,
                };
                let measure =
                    Measure { name: sensor.measure.clone(), value, unit: sensor.unit.clone(), threshold };
                findings.push(Finding {
                    rule: info.clone(),
                    source: source.clone(),
                    edge,
                    detail: Detail::Measured(measure),
                    origin_unix_ms: reading.received.as_millisecond(),
                });
            }
        }
        findings
    }

    /// Time has passed without input: conditions that end, or begin, by time alone.
    pub fn tick(&mut self, now: Moment) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ((rule_id, source), watch) in &mut self.pairs {
            let edge = match watch {
                Watch::Object(watch) => watch.tick(now.mono),
                Watch::State(watch) => watch.tick(now.mono),
                Watch::Threshold(watch) => watch.tick(now.mono),
            };
            let (Some(edge), Some((_, info))) = (edge, self.rules.get(rule_id)) else { continue };
            findings.push(Finding {
                rule: info.clone(),
                source: source.clone(),
                edge,
                detail: Detail::Nothing,
                origin_unix_ms: now.wall.as_millisecond(),
            });
        }
        // The map has no order of its own; what leaves the box must not depend on it.
        findings.sort_by(|a, b| (&a.rule.id, &a.source).cmp(&(&b.rule.id, &b.source)));
        findings
    }
}

// === impl Watch ===

impl Watch {
    fn new(rule: &Rule) -> Self {
        match &rule.condition {
            Condition::Object { at_least, within, .. } => {
                Watch::Object(ObjectWatch::new(*at_least, *within, rule.clear_after))
            }
            Condition::State { is } => Watch::State(StateWatch::new(*is, rule.clear_after)),
            Condition::Threshold { side, limit, hysteresis, hold } => Watch::Threshold(ThresholdWatch::new(
                threshold::Limit { above: *side == Side::Above, limit: *limit, hysteresis: *hysteresis },
                *hold,
                rule.clear_after,
            )),
        }
    }

    fn restore(&mut self, now: Duration) {
        match self {
            Watch::Object(watch) => watch.restore(now),
            Watch::State(watch) => watch.restore(),
            Watch::Threshold(watch) => watch.restore(),
        }
    }
}

// === impl RuleInfo ===

impl From<&Rule> for RuleInfo {
    fn from(rule: &Rule) -> Self {
        RuleInfo {
            id: rule.id.clone(),
            level: rule.level,
            code: rule.code.clone(),
            category: rule.category,
            kind: rule.kind.clone(),
            title: rule.title.clone(),
        }
    }
}
