//! Every preset on messages as its devices send them.

use std::path::Path;

use jiff::Timestamp;
use moshao_config::presets::PRESETS;
use moshao_config::sample::HEAD;
use moshao_config::{Environment, Quantity, Sensor, TopicLevel};

use super::super::sparkplug::Content;
use super::super::sparkplug::tests::{metric, payload};
use super::*;

/// The sensor that a section of the file makes.
pub(super) fn sensor(section: &str) -> Sensor {
    let text = format!("{HEAD}[sensor.one]\n{section}");
    let environment = Environment::of_process(Path::new("."));
    moshao_config::parse(&text, "site.toml", &environment).unwrap().sensors.remove(0)
}

/// A sensor with a preset and the preset's usual topic.
fn preset(name: &str) -> (Sensor, String) {
    let topic = PRESETS.iter().find(|preset| preset.name == name).unwrap().topic;
    let one = sensor(&format!("preset = \"{name}\"\ntopic = \"{topic}\""));
    let level = |level: &TopicLevel| match level {
        TopicLevel::Exactly(text) => text.clone(),
        TopicLevel::Any | TopicLevel::Rest => "x".to_owned(),
        TopicLevel::Capture(_) => "24e124136d000001".to_owned(),
    };
    let topic = one.topic.levels.iter().map(level).collect::<Vec<_>>().join("/");
    (one, topic)
}

pub(super) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// What a message to a sensor with this preset says.
fn says(name: &str, message: &str) -> Vec<(Quantity, f64)> {
    let (sensor, topic) = preset(name);
    let outcomes = Mapper::new(&[sensor]).map(&topic, message.as_bytes(), now());
    outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap())
        .map(|reading| (reading.quantity, reading.value))
        .collect()
}

/// The sensor's own value in a message.
fn value(name: &str, message: &str) -> f64 {
    match says(name, message).first() {
        Some((Quantity::Value, value)) => *value,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn zigbee2mqtt_says_value_battery_lid_and_signal() {
    let smoke =
        r#"{"battery":98,"battery_low":false,"linkquality":120,"smoke":true,"tamper":false,"voltage":3000}"#;
    let expected = [
        (Quantity::Value, 1.0),
        (Quantity::Battery, 98.0),
        (Quantity::BatteryLow, 0.0),
        (Quantity::Tamper, 0.0),
        (Quantity::Signal, 120.0),
    ];
    assert_eq!(says("zigbee2mqtt-smoke", smoke), expected);
    for (name, message, expected) in [
        ("zigbee2mqtt-gas", r#"{"gas":true,"gas_value":14}"#, 1.0),
        ("zigbee2mqtt-co", r#"{"carbon_monoxide":false,"co":3}"#, 0.0),
        ("zigbee2mqtt-leak", r#"{"water_leak":true,"battery":null}"#, 1.0),
        ("zigbee2mqtt-contact", r#"{"contact":true}"#, 0.0),
        ("zigbee2mqtt-contact", r#"{"contact":false}"#, 1.0),
        ("zigbee2mqtt-button", r#"{"sos":true}"#, 1.0),
        ("zigbee2mqtt-temperature", r#"{"temperature":21.35,"humidity":51.2}"#, 21.35),
    ] {
        assert_eq!(value(name, message), expected, "{name}: {message}");
    }
    let battery = says("zigbee2mqtt-smoke", r#"{"battery":12}"#);
    assert_eq!(battery, [(Quantity::Battery, 12.0)], "a message without the value still says something");
}

const CHIRPSTACK: &str = r#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time":"2026-11-24T11:59:58.103+00:00","deviceInfo":{"deviceName":"kitchen","devEui":"24E124136d000001"},
    "dr":5,"fCnt":4,"fPort":85,"data":"AXVkAgEB","object":{"smoke":1,"battery":100,"temperature":22.5},
    "rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-48,"snr":9.0}]}"#;

#[test]
fn chirpstack_4_says_what_the_codec_decoded() {
    let expected = [(Quantity::Value, 1.0), (Quantity::Battery, 100.0), (Quantity::Signal, -48.0)];
    assert_eq!(says("chirpstack-smoke", CHIRPSTACK), expected);
    assert_eq!(value("chirpstack-temperature", CHIRPSTACK), 22.5);
    assert_eq!(value("chirpstack-gas", &CHIRPSTACK.replace("\"smoke\"", "\"gas\"")), 1.0);
    assert_eq!(value("chirpstack-leak", &CHIRPSTACK.replace("\"smoke\"", "\"water_leak\"")), 1.0);
    assert_eq!(value("chirpstack-contact", &CHIRPSTACK.replace("\"smoke\"", "\"open\"")), 1.0);
}

#[test]
fn chirpstack_3_says_it_in_text_and_names_the_device_in_base64() {
    let message = r#"{"applicationID":"1","deviceName":"kitchen","devEUI":"JOEkE20AAAE=","fCnt":10,"fPort":5,
        "data":"AQ==","objectJSON":"{\"smoke\":true,\"battery\":71,\"temperature\":19.5}","rxInfo":[{"rssi":-60}]}"#;
    let expected = [(Quantity::Value, 1.0), (Quantity::Battery, 71.0), (Quantity::Signal, -60.0)];
    assert_eq!(says("chirpstack3-smoke", message), expected);
    assert_eq!(value("chirpstack3-temperature", message), 19.5);
}

#[test]
fn duplicates_stale_early_and_forged_messages_are_refused() {
    let (sensor, topic) = preset("chirpstack-smoke");
    let mut mapper = Mapper::new(&[sensor]);
    let mut why = |message: &str| {
        let outcome = mapper.map(&topic, message.as_bytes(), now()).remove(0);
        outcome.map(|_| ()).map_err(|refused| refused.why.as_str())
    };
    assert_eq!(why(CHIRPSTACK), Ok(()));
    assert_eq!(why(CHIRPSTACK), Err("duplicate"), "heard by a second gateway, or delivered again");
    let next = CHIRPSTACK.replace("3ac7e3c4", "4ac7e3c4").replace("\"fCnt\":4", "\"fCnt\":5");
    assert_eq!(why(&next.replace("2026-11-24T11", "2026-11-23T11")), Err("stale"));
    assert_eq!(why(&next.replace("2026-11-24T11", "2026-11-24T12")), Err("future"));
    assert_eq!(why(&next.replace("24E124136d000001", "24E124136d000002")), Err("forged"));
    assert_eq!(why(&next.replace("devEui", "noEui")), Err("forged"));
    assert_eq!(why(""), Err("empty"));
    assert_eq!(why(&next), Ok(()), "what was refused does not count as heard");
}

#[test]
fn tasmota_and_esphome_say_it_in_their_ways() {
    let tasmota = r#"{"Time":"2026-11-21T12:00:00","DS18B20":{"Id":"01","Temperature":45.1},"TempUnit":"C"}"#;
    assert_eq!(value("tasmota-temperature", tasmota), 45.1);
    assert_eq!(value("tasmota-switch", r#"{"Switch1":{"Action":"ON"}}"#), 1.0);
    assert_eq!(value("esphome-temperature", "21.4"), 21.4);
    assert_eq!(value("esphome-binary", "ON"), 1.0);
    assert_eq!(value("esphome-binary", "OFF"), 0.0);
}

#[test]
fn onvif_events_say_it_in_their_data() {
    let input =
        r#"{"UtcTime":"2026-11-24T11:59:59Z","Source":{"InputToken":"1"},"Data":{"LogicalState":"true"}}"#;
    assert_eq!(value("onvif-input", input), 1.0);
    let inside = r#"{"UtcTime":"2026-11-24T11:59:59Z","Source":{"Rule":"Field1"},"Data":{"IsInside":false}}"#;
    assert_eq!(value("onvif-objects-inside", inside), 0.0);
    let hot = r#"{"UtcTime":"2026-11-24T11:59:59Z","Source":{"SensorID":"1"},"Data":{"Value":71.5,"Threshold":60}}"#;
    assert_eq!(value("onvif-temperature", hot), 71.5);
}

#[test]
fn huawei_and_aliyun_say_it_in_their_thing_models() {
    let iotda = r#"{"services":[{"service_id":"smokeDetector","properties":{"alarm":1,"temperature":23,"battery":88},
        "event_time":"20261124T115959Z"}]}"#;
    assert_eq!(says("iotda-smoke", iotda), [(Quantity::Value, 1.0), (Quantity::Battery, 88.0)]);
    assert_eq!(value("iotda-temperature", iotda), 23.0);
    let plain = r#"{"id":"123","version":"1.0","params":{"SmokeSensorState":1,"BatteryPercentage":64,"GasSensorState":0},
        "method":"thing.event.property.post"}"#;
    assert_eq!(says("aliyun-smoke", plain), [(Quantity::Value, 1.0), (Quantity::Battery, 64.0)]);
    assert_eq!(value("aliyun-gas", plain), 0.0);
    let wrapped = r#"{"id":"124","params":{"CurrentTemperature":{"value":23.6,"time":1524448722000}}}"#;
    assert_eq!(value("aliyun-temperature", wrapped), 23.6);
}

#[test]
fn sparkplug_says_it_in_bytes_and_by_alias() {
    let (sensor, _) = preset("sparkplug-smoke");
    let mut mapper = Mapper::new(&[sensor]);
    let time = now().as_millisecond().cast_unsigned();
    let mut smoke = |kind: &str, name: Option<&str>, on: bool| {
        let message = payload(time, vec![metric(name, Some(3), 11, Content::Boolean(on))]);
        let topic = format!("spBv1.0/village/{kind}/node-1/kitchen");
        mapper
            .map(&topic, &message, now())
            .remove(0)
            .map(|reading| reading.value)
            .map_err(|refused| refused.why)
    };
    assert_eq!(smoke("DBIRTH", Some("Smoke"), false), Ok(0.0));
    assert_eq!(smoke("DDATA", None, true), Ok(1.0));
    let (sensor, topic) = preset("sparkplug-temperature");
    let mut mapper = Mapper::new(&[sensor]);
    let hot = payload(time, vec![metric(Some("Temperature"), None, 10, Content::Double(61.5))]);
    assert_eq!(mapper.map(&topic, &hot, now()).remove(0).unwrap().value, 61.5);
    assert_eq!(mapper.map(&topic, b"{}", now()).remove(0).unwrap_err().why, Why::NotSparkplug);
}

#[test]
fn narrow_band_devices_say_it_in_plain_json() {
    let smoke = r#"{"alarm":1,"battery":91,"tamper":0,"rsrp":-101,"imei":"867726031234567"}"#;
    let expected = [
        (Quantity::Value, 1.0),
        (Quantity::Battery, 91.0),
        (Quantity::Tamper, 0.0),
        (Quantity::Signal, -101.0),
    ];
    assert_eq!(says("generic-nbiot-smoke", smoke), expected);
    assert_eq!(value("generic-nbiot-gas", smoke), 1.0);
    assert_eq!(value("generic-nbiot-co", smoke), 1.0);
    assert_eq!(value("generic-call-point", smoke), 1.0);
    assert_eq!(value("generic-gas-level", r#"{"gas":12.5}"#), 12.5);
    assert_eq!(value("generic-co-level", r#"{"co":35}"#), 35.0);
    assert_eq!(value("generic-pressure", r#"{"pressure":"0.32"}"#), 0.32);
    assert_eq!(value("generic-indoor-pressure", r#"{"pressure":0.12}"#), 0.12);
    assert_eq!(value("generic-residual-current", r#"{"leakage":412}"#), 412.0);
    assert_eq!(value("generic-cable-temperature", r#"{"cable_temperature":66}"#), 66.0);
}

#[test]
fn bytes_within_an_uplink_are_read_without_a_codec() {
    let section = "topic = \"application/+/device/{device}/event/up\"\nvalue = \"/data\"\nkind = \"temperature\"\n\
        scale = 0.1\nbinary = { encoding = \"base64\", offset = 2, width = 2, endian = \"little\", signed = true }\n";
    let mut mapper = Mapper::new(&[sensor(section)]);
    // 01 67 f6 ff: -10 tenths of a degree.
    let outcome = mapper.map("application/1/device/a/event/up", br#"{"data":"AWf2/w=="}"#, now()).remove(0);
    assert_eq!(outcome.unwrap().value, -1.0);
}
