//! Rules that nobody has to write: every sensor is watched for silence, a weak battery and tampering.

use std::sync::Arc;

use moshao_config::codes::EventCode;
use moshao_config::{Category, Quantity, Sensor};

use super::RuleInfo;
use super::engine::Known;
use super::sensor::Looks;

/// Adds the rules that every sensor is watched by; returns which of them watch a sensor. Devices against fire weigh more.
pub(super) fn built_in(rules: &mut Vec<Known>) -> impl Fn(&Sensor) -> Vec<(usize, Looks)> + use<> {
    let mut add = |id: &str, code: &str, level: Option<u8>| {
        let code = EventCode::find(code)
            .expect("the codes of built-in rules are in the table; a test asks for them");
        rules.push(Known {
            info: Arc::new(RuleInfo {
                id: format!("health/{id}"),
                level: level.unwrap_or(code.level),
                code: code.code.to_owned(),
                category: Category::Device,
                kind: code.kind.to_owned(),
                title: code.title.to_owned(),
            }),
            rule: None,
        });
        rules.len() - 1
    };
    let lost = [add("sensor-lost", "OFFLINE", None), add("fire-sensor-lost", "OFFLINE", Some(3))];
    let battery = [add("sensor-battery", "BATT_LOW", None), add("fire-sensor-battery", "BATT_LOW", Some(3))];
    let tamper = add("sensor-tamper", "TAMPER", None);
    move |sensor: &Sensor| {
        let of = usize::from(sensor.kind.is_fire());
        let mut watches = vec![(lost[of], Looks::Silence)];
        if sensor.has(Quantity::Battery) || sensor.has(Quantity::BatteryLow) {
            watches.push((battery[of], Looks::Battery));
        }
        if sensor.has(Quantity::Tamper) {
            watches.push((tamper, Looks::Tamper));
        }
        watches
    }
}
