//! Event codes: what each brings to a rule that gives nothing else.
//!
//! One table for cameras and sensors. A code of a rule that stands here fills in the rule's category, kind, title and
//! level; a rule without a code takes its own from its labels or from the kind of its sensor.

use crate::model::{Category, Condition, Quantity, SensorKind, Subject};

/// One event code and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventCode {
    /// The code, such as `FIRE_SMOKE`.
    pub code: &'static str,
    /// Department.
    pub category: Category,
    /// Last part of the event type, such as `smoke`.
    pub kind: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// Severity, 1 (red, most severe) to 4 (blue).
    pub level: u8,
}

/// All codes that rules may rely on.
pub const EVENT_CODES: [EventCode; 28] = [
    code("FIRE_VIDEO", Category::Fire, "video", "视频烟火", 2),
    code("FIRE_SMOKE", Category::Fire, "smoke", "烟感火警", 1),
    code("FIRE_HEAT", Category::Fire, "heat", "温感火警", 1),
    code("GAS_LEAK", Category::Fire, "gas", "燃气泄漏", 1),
    code("CO_ALARM", Category::Fire, "co", "一氧化碳报警", 1),
    code("ELEC_LEAKAGE", Category::Fire, "elec-leakage", "剩余电流超限", 2),
    code("ELEC_TEMP", Category::Fire, "elec-temp", "线缆温度超限", 2),
    code("WATER_LOW", Category::Fire, "water", "消防水压过低", 3),
    code("MANUAL_CALL", Category::Fire, "call", "手动报警", 1),
    code("EBIKE_IN", Category::Fire, "ebike", "电动车进楼", 2),
    code("FIRE_LANE", Category::Fire, "lane", "占用消防通道", 2),
    code("INTRUSION", Category::Security, "intrusion", "区域入侵", 2),
    code("LINE_CROSS", Category::Security, "line", "绊线", 3),
    code("LOITER", Category::Security, "loiter", "徘徊", 3),
    code("CROWD", Category::Security, "crowd", "人员聚集", 2),
    code("DOOR_OPEN", Category::Security, "door", "门窗开启", 3),
    code("OBJECT", Category::Security, "object", "发现目标", 3),
    code("WATER_LEAK", Category::City, "leak", "漏水", 3),
    code("RUN", Category::Security, "run", "快速移动", 3),
    code("RETRO", Category::Traffic, "wrong-way", "逆行", 3),
    code("LEFT", Category::Security, "left", "遗留物品", 3),
    code("ABSENCE", Category::Security, "absence", "岗位无人", 3),
    code("BATT_LOW", Category::Device, "battery-low", "设备电量低", 4),
    code("OFFLINE", Category::Device, "sensor-lost", "设备失联", 4),
    code("STUCK", Category::Device, "sensor-stuck", "读数不变", 4),
    code("OVERLOAD", Category::Device, "overload", "处理能力不足", 4),
    code("TAMPER", Category::Device, "tamper", "设备防拆", 3),
    code("SENSOR", Category::Device, "sensor", "传感器报警", 3),
];

/// Labels of what must not be charged or parked indoors.
const TWO_WHEELS: [&str; 4] = ["ebike", "bicycle", "motorcycle", "scooter"];

/// Labels of what blocks a fire lane.
const VEHICLES: [&str; 10] =
    ["car", "truck", "bus", "van", "tricycle", "motorcycle", "ebike", "bicycle", "scooter", "vehicle"];

const fn code(
    code: &'static str,
    category: Category,
    kind: &'static str,
    title: &'static str,
    level: u8,
) -> EventCode {
    EventCode { code, category, kind, title, level }
}

// === impl EventCode ===

impl EventCode {
    /// The entry of a code.
    pub fn find(code: &str) -> Option<Self> {
        EVENT_CODES.into_iter().find(|entry| entry.code == code)
    }

    /// The code of a condition; none where it goes by the kind of the sensor.
    pub(crate) fn of_condition(condition: &Condition) -> Option<Self> {
        let is = |subject: &Subject, words: &[&str]| {
            subject.labels.iter().all(|label| words.contains(&label.as_str()))
        };
        Some(Self::known(match condition {
            Condition::Object { subject, .. } => {
                let by_label = Self::of_labels(subject.labels.iter().map(String::as_str));
                match (by_label.code, &subject.zone) {
                    ("OBJECT", Some(_)) => "INTRUSION",
                    (code, _) => code,
                }
            }
            Condition::Crossing { .. } => "LINE_CROSS",
            Condition::Loitering { .. } => "LOITER",
            Condition::Crowd { .. } => "CROWD",
            Condition::Blocked { subject, .. } if is(subject, &TWO_WHEELS) => "EBIKE_IN",
            Condition::Blocked { subject, .. } if is(subject, &VEHICLES) => "FIRE_LANE",
            Condition::Blocked { .. } => "LEFT",
            Condition::Running { .. } => "RUN",
            Condition::WrongWay { .. } => "RETRO",
            Condition::Absence { .. } => "ABSENCE",
            Condition::Stuck { .. } => "STUCK",
            _ => match condition.quantity()? {
                Quantity::Value => return None,
                Quantity::Battery | Quantity::BatteryLow => "BATT_LOW",
                Quantity::Tamper => "TAMPER",
                Quantity::Present => "OFFLINE",
                Quantity::Signal => "SENSOR",
            },
        }))
    }

    /// The code of an object rule: fire where nothing but fire and smoke counts.
    pub(crate) fn of_labels<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let fire = labels.into_iter().all(|label| matches!(label, "fire" | "smoke"));
        Self::known(if fire { "FIRE_VIDEO" } else { "OBJECT" })
    }

    /// The code of a rule on a sensor of this kind.
    pub(crate) fn of_sensor(kind: SensorKind) -> Self {
        Self::known(match kind {
            SensorKind::Smoke => "FIRE_SMOKE",
            SensorKind::Temperature => "FIRE_HEAT",
            SensorKind::Gas => "GAS_LEAK",
            SensorKind::CarbonMonoxide => "CO_ALARM",
            SensorKind::Leak => "WATER_LEAK",
            SensorKind::Contact => "DOOR_OPEN",
            SensorKind::CallPoint => "MANUAL_CALL",
            SensorKind::Pressure => "WATER_LOW",
            SensorKind::ResidualCurrent => "ELEC_LEAKAGE",
            SensorKind::CableTemperature => "ELEC_TEMP",
            SensorKind::Other => "SENSOR",
        })
    }

    fn known(code: &str) -> Self {
        Self::find(code).expect("every code named in this file is in the table; a test goes through them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_sensor_kind_has_one() {
        for (index, entry) in EVENT_CODES.iter().enumerate() {
            assert!(
                EVENT_CODES[..index].iter().all(|other| other.code != entry.code),
                "{} twice",
                entry.code
            );
            assert!((1..=4).contains(&entry.level), "{}", entry.code);
        }
        for kind in [
            SensorKind::Smoke,
            SensorKind::Temperature,
            SensorKind::Gas,
            SensorKind::CarbonMonoxide,
            SensorKind::Leak,
            SensorKind::Contact,
            SensorKind::CallPoint,
            SensorKind::Pressure,
            SensorKind::ResidualCurrent,
            SensorKind::CableTemperature,
            SensorKind::Other,
        ] {
            assert_eq!(EventCode::find(EventCode::of_sensor(kind).code), Some(EventCode::of_sensor(kind)));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.to_string(), "the word in the file");
        }
        assert_eq!(EventCode::of_labels(["fire", "smoke"]).code, "FIRE_VIDEO");
        assert_eq!(EventCode::of_labels(["smoke", "person"]).code, "OBJECT");
    }
}
