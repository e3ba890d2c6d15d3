//! The table of presets.

use super::{Alarm, Pointers, Preset};
use crate::model::{Format, SensorKind};

/// What binary sensors of ESPHome and Tasmota say.
const ON_OFF: &[(&str, f64)] = &[("ON", 1.0), ("OFF", 0.0)];

/// `contact` of Zigbee2MQTT is true while closed; open is what alarms.
const CLOSED: &[(&str, f64)] = &[("true", 0.0), ("false", 1.0)];

/// Heat alarm: lowest static response temperature of class A1 point heat detectors (GB 4716, EN 54-5), Cel. Before it a
/// rise by 8 Cel in a minute, below the 10 K/min at which rate-of-rise detectors of these standards must respond.
const HEAT: Alarm = Alarm::AboveOrRise { limit: 54.0, hysteresis: 4.0, per_minute: 8.0 };

/// Temperature of cables and contacts: in the middle of the set-points of GB 14287.3 (45 to 140 Cel), where PVC insulation
/// has reached the 70 Cel that it is made for.
const CABLE: Alarm = Alarm::Above { limit: 70.0, hysteresis: 5.0 };

/// Lower end of the set-points of GB 50116-2013 §9.2.3 (300 to 500 mA).
const RESIDUAL_CURRENT: Alarm = Alarm::Above { limit: 300.0, hysteresis: 30.0 };

/// Least running pressure of a municipal hydrant (GB 50974 §7.2.8, GB 55036 §3.0.3), MPa.
const HYDRANT: Alarm = Alarm::Below { limit: 0.14, hysteresis: 0.02 };

/// Least static pressure at the highest hydrant of a class 1 tall public building (GB 50974 §5.2.2), MPa.
const INDOOR_HYDRANT: Alarm = Alarm::Below { limit: 0.10, hysteresis: 0.02 };

/// Within the low alarm of GB 15322 (5 to 25 %LEL).
const GAS: Alarm = Alarm::Above { limit: 10.0, hysteresis: 2.0 };

/// Lower end of the alarm set-points of household detectors for carbon monoxide (GB 15322.2), ppm.
const CO: Alarm = Alarm::Above { limit: 150.0, hysteresis: 30.0 };

const NONE: Pointers = Pointers {
    format: Format::Json,
    battery: None,
    battery_low: None,
    tamper: None,
    signal: None,
    time: None,
    message_id: None,
    counter: None,
    identity: None,
};

const ZIGBEE: Pointers = Pointers {
    battery: Some("/battery"),
    battery_low: Some("/battery_low"),
    tamper: Some("/tamper"),
    signal: Some("/linkquality"),
    time: Some("/last_seen"),
    ..NONE
};

const CHIRPSTACK_4: Pointers = Pointers {
    battery: Some("/object/battery"),
    tamper: Some("/object/tamper"),
    signal: Some("/rxInfo/0/rssi"),
    time: Some("/time"),
    message_id: Some("/deduplicationId"),
    counter: Some("/fCnt"),
    identity: Some("/deviceInfo/devEui"),
    ..NONE
};

/// ChirpStack 3: the decoded object is JSON within text, and `devEUI` is Base64 in one of its two formats.
const CHIRPSTACK_3: Pointers = Pointers {
    battery: Some("/objectJSON/battery"),
    tamper: Some("/objectJSON/tamper"),
    signal: Some("/rxInfo/0/rssi"),
    time: Some("/publishedAt"),
    counter: Some("/fCnt"),
    identity: Some("/devEUI"),
    ..NONE
};

const IOTDA: Pointers = Pointers {
    battery: Some("/services/0/properties/battery"),
    tamper: Some("/services/0/properties/tamper"),
    signal: Some("/services/0/properties/rsrp"),
    time: Some("/services/0/event_time"),
    ..NONE
};

const ALIYUN: Pointers = Pointers {
    battery: Some("/params/BatteryPercentage"),
    tamper: Some("/params/TamperState"),
    signal: Some("/params/RSSI"),
    ..NONE
};

const NBIOT: Pointers = Pointers {
    battery: Some("/battery"),
    battery_low: Some("/battery_low"),
    tamper: Some("/tamper"),
    signal: Some("/rsrp"),
    time: Some("/time"),
    ..NONE
};

const ONVIF: Pointers = Pointers { time: Some("/UtcTime"), ..NONE };

const SPARKPLUG: Pointers = Pointers {
    format: Format::SparkplugB,
    battery: Some("/metrics/[name=Battery]/value"),
    tamper: Some("/metrics/[name=Tamper]/value"),
    time: Some("/timestamp"),
    ..NONE
};

/// The device says itself where its values stand.
const ANNOUNCED: Pointers = Pointers { format: Format::HomeAssistant, ..NONE };

/// Zigbee2MQTT and ESPHome: `<prefix>/<component>/<device>/<value>/config`.
const ANNOUNCED_TOPIC: &str = "homeassistant/+/{device}/+/config";

const CHIRPSTACK_TOPIC: &str = "application/+/device/{device}/event/up";

/// All presets.
pub const PRESETS: [Preset; 46] = [
    yes("zigbee2mqtt-smoke", "zigbee2mqtt/kitchen-smoke", "/smoke", &[], SensorKind::Smoke, ZIGBEE),
    yes("zigbee2mqtt-gas", "zigbee2mqtt/kitchen-gas", "/gas", &[], SensorKind::Gas, ZIGBEE),
    yes(
        "zigbee2mqtt-co",
        "zigbee2mqtt/boiler-co",
        "/carbon_monoxide",
        &[],
        SensorKind::CarbonMonoxide,
        ZIGBEE,
    ),
    yes("zigbee2mqtt-leak", "zigbee2mqtt/cellar-leak", "/water_leak", &[], SensorKind::Leak, ZIGBEE),
    yes("zigbee2mqtt-contact", "zigbee2mqtt/back-door", "/contact", CLOSED, SensorKind::Contact, ZIGBEE),
    yes("zigbee2mqtt-button", "zigbee2mqtt/help-button", "/sos", &[], SensorKind::CallPoint, ZIGBEE),
    number(
        "zigbee2mqtt-temperature",
        "zigbee2mqtt/pump-room",
        "/temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        ZIGBEE,
    ),
    number(
        "tasmota-temperature",
        "tele/pump-room/SENSOR",
        "/DS18B20/Temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        NONE,
    ),
    yes("tasmota-switch", "stat/hall-smoke/RESULT", "/Switch1/Action", ON_OFF, SensorKind::Smoke, NONE),
    number(
        "esphome-temperature",
        "pump-room/sensor/temperature/state",
        "",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        NONE,
    ),
    yes("esphome-binary", "kitchen/binary_sensor/smoke/state", "", ON_OFF, SensorKind::Smoke, NONE),
    yes("chirpstack-smoke", CHIRPSTACK_TOPIC, "/object/smoke", &[], SensorKind::Smoke, CHIRPSTACK_4),
    yes("chirpstack-gas", CHIRPSTACK_TOPIC, "/object/gas", &[], SensorKind::Gas, CHIRPSTACK_4),
    yes("chirpstack-leak", CHIRPSTACK_TOPIC, "/object/water_leak", &[], SensorKind::Leak, CHIRPSTACK_4),
    yes("chirpstack-contact", CHIRPSTACK_TOPIC, "/object/open", &[], SensorKind::Contact, CHIRPSTACK_4),
    number(
        "chirpstack-temperature",
        CHIRPSTACK_TOPIC,
        "/object/temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        CHIRPSTACK_4,
    ),
    yes("chirpstack3-smoke", CHIRPSTACK_TOPIC, "/objectJSON/smoke", &[], SensorKind::Smoke, CHIRPSTACK_3),
    number(
        "chirpstack3-temperature",
        CHIRPSTACK_TOPIC,
        "/objectJSON/temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        CHIRPSTACK_3,
    ),
    yes(
        "onvif-input",
        "camera-7/onvif-ej/Device/Trigger/DigitalInput/#",
        "/Data/LogicalState",
        &[],
        SensorKind::Other,
        ONVIF,
    ),
    yes(
        "onvif-objects-inside",
        "camera-7/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/#",
        "/Data/IsInside",
        &[],
        SensorKind::Other,
        ONVIF,
    ),
    number(
        "onvif-temperature",
        "camera-7/onvif-ej/Device/Sensor/Temperature/High/#",
        "/Data/Value",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        ONVIF,
    ),
    yes(
        "iotda-smoke",
        "$oc/devices/{device}/sys/properties/report",
        "/services/0/properties/alarm",
        &[],
        SensorKind::Smoke,
        IOTDA,
    ),
    number(
        "iotda-temperature",
        "$oc/devices/{device}/sys/properties/report",
        "/services/0/properties/temperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        IOTDA,
    ),
    yes(
        "aliyun-smoke",
        "/sys/+/{device}/thing/event/property/post",
        "/params/SmokeSensorState",
        &[],
        SensorKind::Smoke,
        ALIYUN,
    ),
    yes(
        "aliyun-gas",
        "/sys/+/{device}/thing/event/property/post",
        "/params/GasSensorState",
        &[],
        SensorKind::Gas,
        ALIYUN,
    ),
    number(
        "aliyun-temperature",
        "/sys/+/{device}/thing/event/property/post",
        "/params/CurrentTemperature",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        ALIYUN,
    ),
    yes(
        "sparkplug-smoke",
        "spBv1.0/village/+/node-1/kitchen",
        "/metrics/[name=Smoke]/value",
        &[],
        SensorKind::Smoke,
        SPARKPLUG,
    ),
    number(
        "sparkplug-temperature",
        "spBv1.0/village/+/node-1/kitchen",
        "/metrics/[name=Temperature]/value",
        SensorKind::Temperature,
        "Cel",
        HEAT,
        SPARKPLUG,
    ),
    yes("homeassistant-smoke", ANNOUNCED_TOPIC, "", &[], SensorKind::Smoke, ANNOUNCED),
    yes("homeassistant-gas", ANNOUNCED_TOPIC, "", &[], SensorKind::Gas, ANNOUNCED),
    yes("homeassistant-co", ANNOUNCED_TOPIC, "", &[], SensorKind::CarbonMonoxide, ANNOUNCED),
    number("homeassistant-co-level", ANNOUNCED_TOPIC, "", SensorKind::CarbonMonoxide, "ppm", CO, ANNOUNCED),
    yes("homeassistant-leak", ANNOUNCED_TOPIC, "", &[], SensorKind::Leak, ANNOUNCED),
    yes("homeassistant-contact", ANNOUNCED_TOPIC, "", &[], SensorKind::Contact, ANNOUNCED),
    number("homeassistant-temperature", ANNOUNCED_TOPIC, "", SensorKind::Temperature, "Cel", HEAT, ANNOUNCED),
    number("homeassistant-pressure", ANNOUNCED_TOPIC, "", SensorKind::Pressure, "MPa", HYDRANT, ANNOUNCED),
    yes("generic-nbiot-smoke", "nbiot/smoke/kitchen", "/alarm", &[], SensorKind::Smoke, NBIOT),
    yes("generic-nbiot-gas", "nbiot/gas/kitchen", "/alarm", &[], SensorKind::Gas, NBIOT),
    yes("generic-nbiot-co", "nbiot/co/boiler", "/alarm", &[], SensorKind::CarbonMonoxide, NBIOT),
    yes("generic-call-point", "call-point/hall", "/alarm", &[], SensorKind::CallPoint, NBIOT),
    number("generic-gas-level", "gas/boiler-room", "/gas", SensorKind::Gas, "%LEL", GAS, NBIOT),
    number("generic-co-level", "co/boiler-room", "/co", SensorKind::CarbonMonoxide, "ppm", CO, NBIOT),
    number("generic-pressure", "hydrant/yard", "/pressure", SensorKind::Pressure, "MPa", HYDRANT, NBIOT),
    number(
        "generic-indoor-pressure",
        "hydrant/roof",
        "/pressure",
        SensorKind::Pressure,
        "MPa",
        INDOOR_HYDRANT,
        NBIOT,
    ),
    number(
        "generic-residual-current",
        "electric/board-1",
        "/leakage",
        SensorKind::ResidualCurrent,
        "mA",
        RESIDUAL_CURRENT,
        NBIOT,
    ),
    number(
        "generic-cable-temperature",
        "electric/board-1",
        "/cable_temperature",
        SensorKind::CableTemperature,
        "Cel",
        CABLE,
        NBIOT,
    ),
];

const fn yes(
    name: &'static str,
    topic: &'static str,
    value: &'static str,
    values: &'static [(&'static str, f64)],
    kind: SensorKind,
    more: Pointers,
) -> Preset {
    Preset { name, topic, value, values, kind, unit: None, more, alarm: Alarm::Yes }
}

const fn number(
    name: &'static str,
    topic: &'static str,
    value: &'static str,
    kind: SensorKind,
    unit: &'static str,
    alarm: Alarm,
    more: Pointers,
) -> Preset {
    Preset { name, topic, value, values: &[], kind, unit: Some(unit), more, alarm }
}
