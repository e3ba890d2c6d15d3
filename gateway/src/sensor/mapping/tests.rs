use moshao_config::{More, Place, SensorKind};

use super::*;
use crate::sensor::topics::tests::pattern;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn sensor(id: &str, topic: &str, value: &str) -> Sensor {
    Sensor {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: SensorKind::Other,
        topic: pattern(topic),
        value: value.to_owned(),
        values: Vec::new(),
        scale: 1.0,
        unit: None,
        more: More::default(),
        lost_after: std::time::Duration::from_secs(86_400),
        watches: Vec::new(),
        cameras: Vec::new(),
        place: Place::default(),
    }
}

/// The only outcome of a message to these sensors.
fn only(sensors: &[Sensor], topic: &str, payload: &str) -> Result<Reading, Refused> {
    let mut outcomes = Mapper::new(sensors).map(topic, payload.as_bytes(), NOW);
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes.remove(0)
}

fn value(sensor: Sensor, payload: &str) -> Result<f64, Why> {
    only(&[sensor], "t", payload).map(|reading| reading.value).map_err(|refused| refused.why)
}

#[test]
fn a_zigbee2mqtt_smoke_alarm_is_a_yes() {
    let more = More { time: Some("/last_seen".to_owned()), ..More::default() };
    let smoke = Sensor { more, ..sensor("kitchen-smoke", "zigbee2mqtt/kitchen-smoke", "/smoke") };
    let payload = r#"{"battery":87,"last_seen":"2026-11-21T12:34:56+08:00","linkquality":112,"smoke":true}"#;
    let reading = only(&[smoke], "zigbee2mqtt/kitchen-smoke", payload).unwrap();
    assert_eq!(reading.sensor, "kitchen-smoke");
    assert_eq!(reading.value, 1.0);
    assert_eq!(reading.device_time, Some("2026-11-21T04:34:56Z".parse().unwrap()));
}

#[test]
fn one_message_feeds_several_sensors() {
    let sensors = [sensor("warm", "room/+", "/temperature"), sensor("damp", "room/1", "/humidity")];
    let outcomes = Mapper::new(&sensors).map("room/1", br#"{"temperature":21.5,"humidity":40}"#, NOW);
    let values: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().value).collect();
    assert_eq!(values, [21.5, 40.0]);
}

#[test]
fn captures_name_the_instance() {
    let meters = sensor("meter", "site/{building}/+/{circuit}", "");
    let reading = only(&[meters], "site/b2/x/c17", "30.5").unwrap();
    assert_eq!(reading.sensor, "meter/b2/c17");
    assert_eq!(reading.config_index, 0);
}

#[test]
fn the_table_of_values_comes_first_and_is_scaled() {
    let words = Sensor {
        values: vec![("ON".to_owned(), 1.0), ("OFF".to_owned(), 0.0), ("85".to_owned(), f64::INFINITY)],
        scale: 10.0,
        ..sensor("s", "t", "")
    };
    assert_eq!(value(words.clone(), "ON"), Ok(10.0));
    assert_eq!(value(words.clone(), "\"OFF\""), Ok(0.0));
    assert_eq!(value(words.clone(), "84"), Ok(840.0));
    assert_eq!(value(words, "85"), Err(Why::NotFinite));
}

#[test]
fn numbers_come_as_numbers_text_and_yes_or_no() {
    let at_v = || sensor("s", "t", "/v");
    assert_eq!(value(at_v(), r#"{"v":-3.25}"#), Ok(-3.25));
    assert_eq!(value(at_v(), r#"{"v":" 21.5 "}"#), Ok(21.5));
    assert_eq!(value(at_v(), r#"{"v":false}"#), Ok(0.0));
    assert_eq!(value(sensor("s", "t", "/a~1b/0"), r#"{"a/b":[7]}"#), Ok(7.0), "RFC 6901 escapes");
}

#[test]
fn bad_messages_are_refused_with_a_reason() {
    let at_v = || sensor("s", "t", "/v");
    assert_eq!(value(at_v(), "ON"), Err(Why::NotJson));
    assert_eq!(value(at_v(), "{"), Err(Why::NotJson));
    assert_eq!(value(at_v(), "{}"), Err(Why::NoValue("/v".to_owned())));
    assert_eq!(value(at_v(), r#"{"v":"warm"}"#), Err(Why::NotANumber("warm".to_owned())));
    assert_eq!(value(at_v(), r#"{"v":null}"#), Err(Why::NotANumber("null".to_owned())));
    assert_eq!(value(at_v(), r#"{"v":"nan"}"#), Err(Why::NotANumber("nan".to_owned())));
    assert_eq!(value(at_v(), r#"{"v":"inf"}"#), Err(Why::NotFinite));
    let refused = only(&[at_v()], "other", "1").unwrap_err();
    assert_eq!(refused.why, Why::UnknownTopic);
    let large = "9".repeat(MAX_MESSAGE_BYTES + 1);
    let limit = MAX_MESSAGE_BYTES;
    assert_eq!(value(sensor("s", "t", ""), &large), Err(Why::TooLarge { bytes: limit + 1, limit }));
}

#[test]
fn names_from_outside_are_bounded() {
    let mut mapper = Mapper::new(&[sensor("s", "x/{name}", "")]);
    for number in 0..MAX_INSTANCES {
        assert!(mapper.map(&format!("x/{number}"), b"1", NOW)[0].is_ok());
    }
    let refused = mapper.map("x/one-more", b"1", NOW).remove(0).unwrap_err();
    assert_eq!(refused.why, Why::TooManySensors { limit: MAX_INSTANCES });
    assert!(mapper.map("x/0", b"1", NOW)[0].is_ok(), "those known go on");
    assert_eq!(mapper.known(), MAX_INSTANCES);
}

#[test]
fn hostile_json_is_refused_and_not_followed() {
    let deep = "[".repeat(60_000);
    assert_eq!(value(sensor("s", "t", "/v"), &deep), Err(Why::NotJson));
}
