//! Devices that announce themselves, with the messages that Zigbee2MQTT, ESPHome and Tasmota send.

use super::presets::{now, sensor};
use super::*;

const SMOKE: (&str, &str) = (
    "homeassistant/binary_sensor/0x00158d0001d8e1d2/smoke/config",
    r#"{"availability":[{"topic":"zigbee2mqtt/bridge/state","value_template":"{{ value_json.state }}"},
        {"topic":"zigbee2mqtt/kitchen/availability","value_template":"{{ value_json.state }}"}],
        "availability_mode":"all","device":{"identifiers":["zigbee2mqtt_0x00158d0001d8e1d2"],"manufacturer":"Aqara",
        "model":"Smoke detector","model_id":"JTYJ-GD-01LM/BW","name":"kitchen","via_device":"zigbee2mqtt_bridge_0x00124b0024c1"},
        "device_class":"smoke","object_id":"kitchen_smoke","origin":{"name":"Zigbee2MQTT","sw":"2.1.3",
        "url":"https://www.zigbee2mqtt.io"},"payload_off":false,"payload_on":true,"state_topic":"zigbee2mqtt/kitchen",
        "unique_id":"0x00158d0001d8e1d2_smoke_zigbee2mqtt","value_template":"{{ value_json.smoke }}"}"#,
);
const BATTERY: (&str, &str) = (
    "homeassistant/sensor/0x00158d0001d8e1d2/battery/config",
    r#"{"device":{"identifiers":["zigbee2mqtt_0x00158d0001d8e1d2"]},"device_class":"battery","enabled_by_default":true,
        "entity_category":"diagnostic","state_class":"measurement","state_topic":"zigbee2mqtt/kitchen",
        "unique_id":"0x00158d0001d8e1d2_battery_zigbee2mqtt","unit_of_measurement":"%",
        "value_template":"{{ value_json.battery }}"}"#,
);
const TAMPER: (&str, &str) = (
    "homeassistant/binary_sensor/0x00158d0001d8e1d2/tamper/config",
    r#"{"device_class":"tamper","entity_category":"diagnostic","payload_off":false,"payload_on":true,
        "state_topic":"zigbee2mqtt/kitchen","value_template":"{{ value_json.tamper }}"}"#,
);
/// Computes, and belongs to nothing that a smoke sensor has.
const UPDATE: (&str, &str) = (
    "homeassistant/update/0x00158d0001d8e1d2/update/config",
    r#"{"device_class":"firmware","state_topic":"zigbee2mqtt/kitchen",
        "value_template":"{\"latest_version\":\"{{ value_json['update']['latest_version'] }}\"}"}"#,
);
const DOOR: (&str, &str) = (
    "homeassistant/binary_sensor/0x00158d00029a17b3/contact/config",
    r#"{"device_class":"door","payload_off":true,"payload_on":false,"state_topic":"zigbee2mqtt/back-door",
        "value_template":"{{ value_json.contact }}"}"#,
);

const ESPHOME: (&str, &str) = (
    "homeassistant/sensor/pump-room/temperature/config",
    r#"{"dev_cla":"temperature","unit_of_meas":"\u00b0C","stat_cla":"measurement","name":"Temperature",
        "stat_t":"pump-room/sensor/temperature/state","avty_t":"pump-room/status","uniq_id":"ESPsensortemperature",
        "dev":{"ids":"a4cf12abcdef","name":"pump-room","sw":"esphome v2024.6.0","mdl":"esp32dev","mf":"espressif"}}"#,
);
const ESPHOME_LEAK: (&str, &str) = (
    "homeassistant/binary_sensor/cellar/water/config",
    r#"{"dev_cla":"moisture","name":"Water","stat_t":"cellar/binary_sensor/water/state","avty_t":"cellar/status",
        "uniq_id":"ESPbinary_sensorwater","dev":{"ids":"a4cf12abcd01","name":"cellar"}}"#,
);
const TASMOTA: (&str, &str) = (
    "homeassistant/sensor/DB2A6F_DS18B20_Temperature/config",
    r#"{"name":"pump-room DS18B20 Temperature","stat_t":"~SENSOR","avty_t":"~LWT","frc_upd":true,"pl_avail":"Online",
        "pl_not_avail":"Offline","uniq_id":"DB2A6F_DS18B20_Temperature","device":{"identifiers":["DB2A6F"],
        "connections":[["mac","60:01:94:DB:2A:6F"]]},"~":"tele/pump-room/","unit_of_meas":"\u00b0F",
        "dev_cla":"temperature","val_tpl":"{{value_json['DS18B20'].Temperature}}"}"#,
);

fn house(preset: &str, topic: &str) -> Mapper {
    Mapper::new(&[sensor(&format!("preset = \"{preset}\"\ntopic = \"{topic}\""))])
}

fn everywhere(preset: &str) -> Mapper {
    house(preset, "homeassistant/+/{device}/+/config")
}

/// Sensor, quantity and value of each reading; the word of each refusal.
fn says(
    mapper: &mut Mapper,
    topic: &str,
    payload: &str,
) -> Vec<Result<(String, Quantity, f64), &'static str>> {
    let outcomes = mapper.map(topic, payload.as_bytes(), now());
    let told = |outcome: Result<Reading, Refused>| match outcome {
        Ok(reading) => Ok((reading.sensor, reading.quantity, reading.value)),
        Err(refused) => Err(refused.why.as_str()),
    };
    outcomes.into_iter().map(told).collect()
}

fn announce(mapper: &mut Mapper, (topic, payload): (&str, &str)) {
    assert_eq!(says(mapper, topic, payload), [], "{topic}");
}

fn reading(sensor: &str, quantity: Quantity, value: f64) -> Result<(String, Quantity, f64), &'static str> {
    Ok((sensor.to_owned(), quantity, value))
}

#[test]
fn a_device_of_zigbee2mqtt_says_value_battery_and_lid() {
    let mut mapper = everywhere("homeassistant-smoke");
    for announcement in [SMOKE, BATTERY, TAMPER, UPDATE, DOOR] {
        announce(&mut mapper, announcement);
    }
    let topics = ["zigbee2mqtt/kitchen", "zigbee2mqtt/bridge/state", "zigbee2mqtt/kitchen/availability"];
    assert_eq!(mapper.take_announced(), topics, "the door is none of a smoke sensor's concern");
    let kitchen = "one/0x00158d0001d8e1d2";
    let message = r#"{"battery":98,"linkquality":120,"smoke":true,"tamper":false,"voltage":3000}"#;
    assert_eq!(
        says(&mut mapper, "zigbee2mqtt/kitchen", message),
        [
            reading(kitchen, Quantity::Value, 1.0),
            reading(kitchen, Quantity::Battery, 98.0),
            reading(kitchen, Quantity::Tamper, 0.0),
        ]
    );
    let lacking = says(&mut mapper, "zigbee2mqtt/kitchen", r#"{"battery":97}"#);
    assert_eq!(lacking, [Err("no-value"), reading(kitchen, Quantity::Battery, 97.0)]);
    assert_eq!(mapper.known(), 1);
}

#[test]
fn a_device_is_there_while_all_its_topics_say_so() {
    let mut mapper = everywhere("homeassistant-smoke");
    announce(&mut mapper, SMOKE);
    let kitchen = "one/0x00158d0001d8e1d2";
    let (hub, own) = ("zigbee2mqtt/bridge/state", "zigbee2mqtt/kitchen/availability");
    let (online, offline) = (r#"{"state":"online"}"#, r#"{"state":"offline"}"#);
    assert_eq!(says(&mut mapper, hub, online), [], "nothing new");
    assert_eq!(says(&mut mapper, own, offline), [reading(kitchen, Quantity::Present, 0.0)]);
    assert_eq!(says(&mut mapper, hub, offline), []);
    assert_eq!(says(&mut mapper, own, online), [], "its hub is still away");
    assert_eq!(says(&mut mapper, hub, online), [reading(kitchen, Quantity::Present, 1.0)]);
}

#[test]
fn payloads_that_mean_yes_are_the_devices_own() {
    let mut mapper = everywhere("homeassistant-contact");
    announce(&mut mapper, DOOR);
    let door = "one/0x00158d00029a17b3";
    let mut contact =
        |closed: &str| says(&mut mapper, "zigbee2mqtt/back-door", &format!(r#"{{"contact":{closed}}}"#));
    assert_eq!(contact("false"), [reading(door, Quantity::Value, 1.0)]);
    assert_eq!(contact("true"), [reading(door, Quantity::Value, 0.0)]);
    assert_eq!(contact("\"ajar\""), [Err("not-a-number")]);
}

#[test]
fn esphome_abbreviates_and_speaks_plainly() {
    let mut mapper = everywhere("homeassistant-temperature");
    announce(&mut mapper, ESPHOME);
    let room = "one/pump-room";
    assert_eq!(
        says(&mut mapper, "pump-room/sensor/temperature/state", "21.4"),
        [reading(room, Quantity::Value, 21.4)]
    );
    assert_eq!(says(&mut mapper, "pump-room/status", "offline"), [reading(room, Quantity::Present, 0.0)]);
    let mut mapper = everywhere("homeassistant-leak");
    announce(&mut mapper, ESPHOME_LEAK);
    assert_eq!(
        says(&mut mapper, "cellar/binary_sensor/water/state", "ON"),
        [reading("one/cellar", Quantity::Value, 1.0)]
    );
}

#[test]
fn tasmota_has_a_base_topic_brackets_and_fahrenheit() {
    let mut mapper = house("homeassistant-temperature", "homeassistant/sensor/{entity}/config");
    announce(&mut mapper, TASMOTA);
    let message =
        r#"{"Time":"2026-11-24T12:00:00","DS18B20":{"Id":"01131B","Temperature":131.0},"TempUnit":"F"}"#;
    let told = says(&mut mapper, "tele/pump-room/SENSOR", message);
    let [Ok((sensor, Quantity::Value, degrees))] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(sensor, "one/DB2A6F_DS18B20_Temperature");
    assert!((degrees - 55.0).abs() < 1e-9, "{degrees} Cel");
    let gone = reading(sensor, Quantity::Present, 0.0);
    assert_eq!(says(&mut mapper, "tele/pump-room/LWT", "Offline"), [gone]);
}

#[test]
fn a_base_may_stand_behind_too() {
    let mut mapper = house("homeassistant-temperature", "homeassistant/sensor/{entity}/config");
    let behind = TASMOTA.1.replace("~SENSOR", "stat/~").replace("tele/pump-room/", "pump-room");
    announce(&mut mapper, (TASMOTA.0, behind.as_str()));
    assert!(mapper.announced().any(|topic| topic == "stat/pump-room"));
}

#[test]
fn a_battery_that_is_merely_low_is_no_percentage() {
    let mut mapper = everywhere("homeassistant-smoke");
    let low = BATTERY.0.replace("/sensor/", "/binary_sensor/");
    let said =
        BATTERY.1.replace("\"unit_of_measurement\":\"%\",", "\"payload_on\":true,\"payload_off\":false,");
    announce(&mut mapper, (low.as_str(), said.as_str()));
    let kitchen = "one/0x00158d0001d8e1d2";
    assert_eq!(
        says(&mut mapper, "zigbee2mqtt/kitchen", r#"{"battery":true}"#),
        [reading(kitchen, Quantity::BatteryLow, 1.0)]
    );
}

#[test]
fn a_number_of_smoke_is_no_smoke_alarm() {
    let mut mapper = everywhere("homeassistant-smoke");
    let density = SMOKE.0.replace("/binary_sensor/", "/sensor/");
    announce(&mut mapper, (density.as_str(), SMOKE.1));
    assert_eq!(mapper.take_announced(), [""; 0]);
}

#[test]
fn only_what_the_topic_takes_is_listened_to() {
    let mut mapper = house("homeassistant-smoke", "homeassistant/+/0x00158d0001d8e1d2/+/config");
    announce(&mut mapper, SMOKE);
    let neighbour = SMOKE.0.replace("0x00158d0001d8e1d2", "0x00158d0009999999");
    announce(&mut mapper, (&neighbour, SMOKE.1));
    assert_eq!(mapper.take_announced().len(), 3, "nothing of the neighbour");
    assert_eq!(
        says(&mut mapper, "zigbee2mqtt/kitchen", r#"{"smoke":true}"#),
        [reading("one", Quantity::Value, 1.0)]
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let mut mapper = everywhere("homeassistant-temperature");
    let mut why = |change: (&str, &str)| {
        let payload = ESPHOME.1.replace(change.0, change.1);
        assert_ne!(payload, ESPHOME.1);
        mapper.map(ESPHOME.0, payload.as_bytes(), now()).remove(0).unwrap_err().why
    };
    let computes = why(("\"uniq_id\"", "\"val_tpl\":\"{{ value_json.t * 1.8 }}\",\"uniq_id\""));
    assert_eq!(
        computes.to_string(),
        "the template \"{{ value_json.t * 1.8 }}\" does more than to point to a value; read are `{{ value }}` and paths \
         such as `{{ value_json.a['b'] }}`"
    );
    assert_eq!(
        why(("\\u00b0C", "furlong")).to_string(),
        "the announcement cannot be used: its unit is \"furlong\", of which nothing makes \"Cel\""
    );
    for (change, word) in [
        (("stat_t", "other"), "announcement"),
        (("pump-room/sensor/temperature/state", "pump-room/#"), "announcement"),
        (("pump-room/sensor/temperature/state", "$SYS/uptime"), "announcement"),
        (("\"dev_cla\"", "\"cmps\":{},\"dev_cla\""), "announcement"),
        (("{\"dev_cla\"", "[\"dev_cla\""), "not-json"),
    ] {
        assert_eq!(why(change).as_str(), word, "{change:?}");
    }
    assert_eq!(mapper.take_announced(), [""; 0], "nothing of that is listened to");
}

#[test]
fn two_announcements_of_one_value_are_one_too_many() {
    let mut mapper = everywhere("homeassistant-temperature");
    announce(&mut mapper, ESPHOME);
    announce(&mut mapper, ESPHOME);
    let second = ESPHOME.1.replace("temperature/state", "outside/state");
    let topic = "homeassistant/sensor/pump-room/outside/config";
    assert_eq!(says(&mut mapper, topic, &second), [Err("announcement")]);
    assert_eq!(says(&mut mapper, ESPHOME.0, ""), [], "taken back");
    assert!(!mapper.announced().any(|topic| topic.ends_with("temperature/state")));
    assert_eq!(says(&mut mapper, topic, &second), [], "now there is room");
    assert_eq!(says(&mut mapper, "pump-room/sensor/outside/state", "3").len(), 1);
}

#[test]
fn what_came_before_the_announcement_is_not_lost() {
    let mut mapper = everywhere("homeassistant-leak");
    let state = "cellar/binary_sensor/water/state";
    assert_eq!(says(&mut mapper, state, "ON"), [], "it may be announced in a moment");
    assert_eq!(says(&mut mapper, state, "OFF"), []);
    let told = says(&mut mapper, ESPHOME_LEAK.0, ESPHOME_LEAK.1);
    let expected = [1.0, 0.0].map(|value| reading("one/cellar", Quantity::Value, value));
    assert_eq!(told, expected);
    announce(&mut mapper, ESPHOME_LEAK);
}

#[test]
fn of_what_nobody_announces_no_more_is_held_than_a_thousand_messages() {
    let state = "cellar/binary_sensor/water/state";
    let after = |others: usize| {
        let mut mapper = everywhere("homeassistant-leak");
        says(&mut mapper, state, "ON");
        (0..others).for_each(|number| assert_eq!(says(&mut mapper, &format!("other/{number}"), "ON"), []));
        says(&mut mapper, ESPHOME_LEAK.0, ESPHOME_LEAK.1)
    };
    assert_eq!(after(999), [reading("one/cellar", Quantity::Value, 1.0)]);
    assert_eq!(after(1000), [], "the oldest has made room");
}

#[test]
fn no_more_is_listened_to_than_ten_thousand_announcements() {
    let mut mapper = house("homeassistant-leak", "homeassistant/+/{device}/+/config");
    let announced = |device: usize| {
        let own = format!("cellar-{device}");
        (ESPHOME_LEAK.0.replace("cellar", &own), ESPHOME_LEAK.1.replace("cellar", &own))
    };
    for device in 0..10_000 {
        let (topic, said) = announced(device);
        announce(&mut mapper, (topic.as_str(), said.as_str()));
    }
    let battery = BATTERY.0.replace("0x00158d0001d8e1d2", "cellar-0");
    assert_eq!(
        says(&mut mapper, &battery, BATTERY.1),
        [Err("too-many-sensors")],
        "of a device that is known"
    );
}
