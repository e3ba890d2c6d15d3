//! Ready-made sensors: where the value stands in the payload, what it measures, and the rule that comes with it.
//!
//! Payload shapes: Zigbee2MQTT's exposes (<https://www.zigbee2mqtt.io/guide/usage/exposes.html>), Tasmota's
//! `tele/…/SENSOR`, ESPHome's `…/state`, ChirpStack's uplink events (<https://www.chirpstack.io/docs/chirpstack/integrations/events.html>),
//! Huawei IoTDA's property reports, Aliyun's thing model, ONVIF's event broker (Core Specification, "JSON event"), Sparkplug B
//! (Eclipse Sparkplug 3.0), Home Assistant's MQTT discovery (<https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>). Narrow-band smoke alarms have no common format; `generic-nbiot-smoke` reads the commonest
//! (`{"alarm": 1}`), and its keys can be overridden one by one.

mod table;

use std::time::Duration;

pub use table::PRESETS;

use crate::codes::EventCode;
use crate::model::{Condition, Format, Quantity, Rule, Schedule, SensorKind, Side};

/// What a preset fills in.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Its name in the file.
    pub name: &'static str,
    /// What the topic usually looks like.
    pub topic: &'static str,
    /// JSON pointer to the value; empty for a payload that is the value itself.
    pub value: &'static str,
    /// Payload values and what they mean.
    pub values: &'static [(&'static str, f64)],
    /// What it measures.
    pub kind: SensorKind,
    /// Unit; none for yes/no.
    pub unit: Option<&'static str>,
    /// Where the other values of such a message stand.
    pub more: Pointers,
    /// When it alarms.
    alarm: Alarm,
}

/// Where the other values of a message stand; see [`More`](crate::model::More).
#[derive(Debug, Clone, Copy, Default)]
pub struct Pointers {
    /// How the payload is written.
    pub format: Format,
    /// Battery charge, %.
    pub battery: Option<&'static str>,
    /// Whether the battery is low.
    pub battery_low: Option<&'static str>,
    /// Whether somebody has opened or removed it.
    pub tamper: Option<&'static str>,
    /// How well it is heard.
    pub signal: Option<&'static str>,
    /// When the device measured.
    pub time: Option<&'static str>,
    /// Id of the message.
    pub message_id: Option<&'static str>,
    /// Number of the message.
    pub counter: Option<&'static str>,
    /// Must be the first capture of the topic, where it has one.
    pub identity: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum Alarm {
    /// Yes alarms.
    Yes,
    /// This limit, from below; clears this much below it.
    Above { limit: f64, hysteresis: f64 },
    /// As `Above`, and before it, one level milder: a rise by this much in a minute.
    AboveOrRise { limit: f64, hysteresis: f64, per_minute: f64 },
    /// This limit, from above; clears this much above it.
    Below { limit: f64, hysteresis: f64 },
}

// === impl Preset ===

impl Preset {
    /// The preset of this name.
    pub fn find(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Id of the rule that comes with it on a sensor of this kind. No rule of a file can have it, for the slash.
    pub fn rule_id(&self, kind: SensorKind) -> String {
        match kind == self.kind {
            true => format!("preset/{}", self.name),
            false => format!("preset/{}/{kind}", self.name),
        }
    }

    /// Whether its rule holds a limit, which only means something in its own unit.
    pub fn has_limit(&self) -> bool {
        !matches!(self.alarm, Alarm::Yes)
    }

    /// The rules that a sensor of this kind with this preset and no `watches` is watched by, the alarm first.
    pub fn rules(&self, kind: SensorKind) -> Vec<Rule> {
        let mut rules = vec![self.rule(kind)];
        if let Alarm::AboveOrRise { per_minute, .. } = self.alarm {
            let window = Duration::from_secs(3 * 60);
            let alarm = self.rule(kind);
            rules.push(Rule {
                id: format!("{}/rise", alarm.id),
                condition: Condition::Rise { per_minute, window, of: Quantity::Value },
                level: alarm.level + 1,
                title: format!("{}预警", alarm.title),
                ..alarm
            });
        }
        rules
    }

    /// The rule of its alarm, on a sensor of this kind.
    pub fn rule(&self, kind: SensorKind) -> Rule {
        let code = EventCode::of_sensor(kind);
        let of = Quantity::Value;
        let condition = match self.alarm {
            Alarm::Yes => Condition::State { is: true, of },
            Alarm::Above { limit, hysteresis } | Alarm::AboveOrRise { limit, hysteresis, .. } => {
                Condition::Threshold { side: Side::Above, limit, hysteresis, hold: Duration::ZERO, of }
            }
            Alarm::Below { limit, hysteresis } => {
                let hold = Duration::from_secs(60);
                Condition::Threshold { side: Side::Below, limit, hysteresis, hold, of }
            }
        };
        Rule {
            id: self.rule_id(kind),
            condition,
            schedule: Schedule::default(),
            level: code.level,
            code: code.code.to_owned(),
            category: code.category,
            kind: code.kind.to_owned(),
            title: code.title.to_owned(),
            clear_after: Duration::from_secs(10),
        }
    }
}
