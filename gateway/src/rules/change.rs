//! From one configuration to the next: machines of rules and devices that stay as they are go on with what they know.
//!
//! A dwell of 20 of 30 seconds, the readings of the last hours behind a trend, the silence of a sensor: none of it begins
//! anew because another camera got a zone. What a rule of another condition knows would mean nothing; it begins anew.

use std::collections::HashMap;

use moshao_config::{Camera, Config};

use super::camera::CameraWatch;
use super::engine::{Engine, Known, instance};

// === impl Engine ===

impl Engine {
    /// Takes over the state of an engine that ran with `old`, as far as this one, of `new`, looks at the same.
    pub(crate) fn take_over(&mut self, mut before: Engine, old: &Config, new: &Config) {
        let of = |config: &Config, id: &str| -> Option<Camera> {
            config.cameras.iter().find(|camera| camera.id == id).cloned()
        };
        for (id, eyes) in &mut self.cameras {
            let (Some(known), Some(was), Some(is)) = (before.cameras.remove(id), of(old, id), of(new, id))
            else {
                continue;
            };
            (eyes.session, eyes.media_time, eyes.blind) = (known.session, known.media_time, known.blind);
            let mut known = known.watches;
            for watch in &mut eyes.watches {
                let own = &self.rules[watch.rule];
                let Some(rule) = &own.rule else { continue };
                let same = |other: &CameraWatch| own.is_same(&before.rules[other.rule]);
                if CameraWatch::is_drawn_alike(rule, &was, &is)
                    && let Some(at) = known.iter().position(same)
                {
                    let index = watch.rule;
                    *watch = known.swap_remove(at);
                    watch.rule = index;
                }
            }
        }
        let sensors = |config: &Config| -> HashMap<String, moshao_config::Sensor> {
            config.sensors.iter().map(|sensor| (sensor.id.clone(), sensor.clone())).collect()
        };
        let (was, is) = (sensors(old), sensors(new));
        let is_same = |name: &str| {
            let id = name.split_once('/').map_or(name, |(id, _)| id);
            is.get(id).is_some_and(|sensor| was.get(id) == Some(sensor))
        };
        for (name, mut known) in before.instances {
            let id = name.split_once('/').map_or(name.as_str(), |(id, _)| id);
            let Some(config_index) = self.sensors.iter().position(|sensor| sensor.id == id) else { continue };
            if !is_same(&name) {
                continue;
            }
            let now = std::time::Duration::ZERO;
            let own = instance(&self.rules, &self.sensors, &mut self.instances, now, config_index, &name);
            for watch in &mut own.watches {
                let same = |other: &super::sensor::SensorWatch| {
                    self.rules[watch.rule].is_same(&before.rules[other.rule])
                };
                if let Some(at) = known.watches.iter().position(same) {
                    let index = watch.rule;
                    *watch = known.watches.swap_remove(at);
                    watch.rule = index;
                }
            }
        }
        self.whens.take_over((&self.rules, &self.sensors), before.whens, &before.rules, is_same);
    }
}

// === impl Known ===

impl Known {
    /// Whether it is the rule of this name and means the same.
    pub(super) fn is_same(&self, other: &Known) -> bool {
        self.info.id == other.info.id && self.rule == other.rule
    }
}
