//! Ready-made sensors: where the value stands in the payload, what it measures, and the rule that comes with it.
//!
//! Payload shapes: Zigbee2MQTT's exposes (<https://www.zigbee2mqtt.io/guide/usage/exposes.html>), Tasmota's
//! `tele/…/SENSOR`, ESPHome's `…/state`. Narrow-band smoke alarms have no common format; `generic-nbiot-smoke` reads the
//! commonest (`{"alarm": 1}`), and its keys can be overridden one by one.

use std::time::Duration;

use crate::codes::EventCode;
use crate::model::{Condition, Rule, SensorKind, Side};

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
    /// When it alarms.
    alarm: Alarm,
}

#[derive(Debug, Clone, Copy)]
enum Alarm {
    /// Yes alarms.
    Yes,
    /// This limit, from below; clears this much below it.
    Above { limit: f64, hysteresis: f64 },
    /// This limit, from above; clears this much above it.
    Below { limit: f64, hysteresis: f64 },
}

/// What binary sensors of ESPHome and Tasmota say.
const ON_OFF: &[(&str, f64)] = &[("ON", 1.0), ("OFF", 0.0)];

/// `contact` of Zigbee2MQTT is true while closed; open is what alarms.
const CLOSED: &[(&str, f64)] = &[("true", 0.0), ("false", 1.0)];

/// Heat alarm: lowest static response temperature of class A1 point heat detectors (GB 4716, EN 54-5), Cel.
const HEAT: Alarm = Alarm::Above { limit: 54.0, hysteresis: 4.0 };

/// All presets.
pub const PRESETS: [Preset; 16] = [
    yes("zigbee2mqtt-smoke", "zigbee2mqtt/kitchen-smoke", "/smoke", &[], SensorKind::Smoke),
    yes("zigbee2mqtt-gas", "zigbee2mqtt/kitchen-gas", "/gas", &[], SensorKind::Gas),
    yes("zigbee2mqtt-co", "zigbee2mqtt/boiler-co", "/carbon_monoxide", &[], SensorKind::CarbonMonoxide),
    yes("zigbee2mqtt-leak", "zigbee2mqtt/cellar-leak", "/water_leak", &[], SensorKind::Leak),
    yes("zigbee2mqtt-contact", "zigbee2mqtt/back-door", "/contact", CLOSED, SensorKind::Contact),
    yes("zigbee2mqtt-button", "zigbee2mqtt/help-button", "/sos", &[], SensorKind::CallPoint),
    number(
        "zigbee2mqtt-temperature",
        "zigbee2mqtt/pump-room",
        "/temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
    ),
    number(
        "tasmota-temperature",
        "tele/pump-room/SENSOR",
        "/DS18B20/Temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
    ),
    number(
        "esphome-temperature",
        "pump-room/sensor/temperature/state",
        "",
        SensorKind::Temperature,
        "Cel",
        HEAT,
    ),
    yes("esphome-binary", "kitchen/binary_sensor/smoke/state", "", ON_OFF, SensorKind::Smoke),
    yes("generic-nbiot-smoke", "nbiot/smoke/kitchen", "/alarm", &[], SensorKind::Smoke),
    yes("generic-nbiot-gas", "nbiot/gas/kitchen", "/alarm", &[], SensorKind::Gas),
    yes("generic-call-point", "call-point/hall", "/alarm", &[], SensorKind::CallPoint),
    number(
        "generic-pressure",
        "hydrant/yard",
        "/pressure",
        SensorKind::Pressure,
        "MPa",
        Alarm::Below {
            // Least running pressure of a municipal hydrant (GB 50974 §7.2.8).
            limit: 0.14,
            hysteresis: 0.02,
        },
    ),
    number(
        "generic-residual-current",
        "electric/board-1",
        "/leakage",
        SensorKind::ResidualCurrent,
        "mA",
        Alarm::Above {
            // Lower end of the set-points of GB 50116-2013 §9.2.3.
            limit: 300.0,
            hysteresis: 30.0,
        },
    ),
    yes(
        "chirpstack-smoke",
        "application/+/device/{device}/event/up",
        "/object/smoke",
        &[],
        SensorKind::Smoke,
    ),
];

const fn yes(
    name: &'static str,
    topic: &'static str,
    value: &'static str,
    values: &'static [(&'static str, f64)],
    kind: SensorKind,
) -> Preset {
    Preset { name, topic, value, values, kind, unit: None, alarm: Alarm::Yes }
}

const fn number(
    name: &'static str,
    topic: &'static str,
    value: &'static str,
    kind: SensorKind,
    unit: &'static str,
    alarm: Alarm,
) -> Preset {
    Preset { name, topic, value, values: &[], kind, unit: Some(unit), alarm }
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

    /// The rule that a sensor of this kind with this preset and no `watches` is watched by.
    pub fn rule(&self, kind: SensorKind) -> Rule {
        let code = EventCode::of_sensor(kind);
        let condition = match self.alarm {
            Alarm::Yes => Condition::State { is: true },
            Alarm::Above { limit, hysteresis } => {
                Condition::Threshold { side: Side::Above, limit, hysteresis, hold: Duration::ZERO }
            }
            Alarm::Below { limit, hysteresis } => {
                Condition::Threshold { side: Side::Below, limit, hysteresis, hold: Duration::from_secs(60) }
            }
        };
        Rule {
            id: self.rule_id(kind),
            condition,
            level: code.level,
            code: code.code.to_owned(),
            category: code.category,
            kind: code.kind.to_owned(),
            title: code.title.to_owned(),
            clear_after: Duration::from_secs(10),
        }
    }
}
