//! Rules: from what cameras see and sensors measure to findings.
//!
//! One file for each kind of condition, each a state machine that knows nothing but its own rule and one source.
//! [`Engine`] keeps one such machine for every pair of rule and source that watch each other, and gives what they say a
//! name; [`camera`] and [`sensor`] list the machines, [`when`] has those that look at several devices. [`change`] takes
//! what machines know over to another configuration. Nothing here reads a clock.
//!
//! | condition | machine | raised | cleared |
//! |---|---|---|---|
//! | `object` | [`object`] | seen n times within a time | not seen for `clear_after` |
//! | `crossing`, `loitering`, `crowd`, `running`, `wrong_way` | one file each, [`latch`] | one picture that has it | no such picture for `clear_after` |
//! | `blocked` | [`blocked`] | something stands for too long | it has gone |
//! | `absence` | [`absence`] | nobody for too long | somebody is back |
//! | `state` | [`state`] | the first alarming reading | quiet for `clear_after` |
//! | `threshold` | [`threshold`] | beyond the limit for `hold` | back by `hysteresis` for `clear_after` |
//! | `rise`, `trend` | [`rise`], [`trend`] over a [`series`] | the slope says so | it has not for `clear_after` |
//! | `stuck` | [`stuck`] | the same for too long | a change |
//! | `when` | [`when`] over all devices | the expression has held for `hold` | it has not for `clear_after` |
//! | built in | [`silence`], [`battery`], and `state` for tamper | lost, low, opened | heard, charged, closed |

mod absence;
mod battery;
mod blocked;
mod built_in;
mod camera;
mod change;
mod crossing;
mod crowd;
mod engine;
mod geometry;
mod latch;
mod loitering;
mod object;
mod patience;
mod rise;
mod running;
mod sensor;
mod series;
mod silence;
mod state;
mod stay;
mod stuck;
mod threshold;
mod trend;
mod when;
mod wrong_way;

use std::sync::Arc;

use moshao_config::{Category, Rule};
use serde::{Deserialize, Serialize};

use crate::event::{Measure, Object};

pub use engine::{Engine, Memory};

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
    /// A part of the gateway itself, such as `worker-0`.
    Gateway(String),
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

#[cfg(test)]
mod tests;
