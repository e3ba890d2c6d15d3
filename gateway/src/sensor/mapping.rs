//! From an MQTT message to readings: pure, no clock, no network.
//!
//! One message may carry the values of several sensors (temperature and humidity of one device), so it maps to several
//! readings, or to several refusals with their reasons.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use moshao_config::{Sensor, TopicPattern};
use serde_json::Value;

use super::reading::{Reading, Refused, Why};
use super::topics::{TopicTree, captures};

/// Largest message of a sensor, bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Most sensors known at once: each name that a capture takes is one, and names come from outside.
pub const MAX_INSTANCES: usize = 10_000;

/// Maps messages by the sensors of a configuration.
#[derive(Debug)]
pub struct Mapper {
    topics: TopicTree,
    rules: Vec<Rule>,
    instances: HashSet<String>,
}

/// How one sensor's value is found in its messages.
#[derive(Debug)]
struct Rule {
    id: String,
    pattern: TopicPattern,
    pointer: String,
    values: Vec<(String, f64)>,
    scale: f64,
}

// === impl Mapper ===

impl Mapper {
    /// A mapper for the sensors in the order of the configuration.
    pub fn new(sensors: &[Sensor]) -> Self {
        Self {
            topics: TopicTree::new(sensors.iter().map(|sensor| &sensor.topic)),
            rules: sensors.iter().map(Rule::new).collect(),
            instances: HashSet::new(),
        }
    }

    /// The readings in a message, one for each sensor that has this topic, in the order of the configuration.
    pub fn map(&mut self, topic: &str, payload: &[u8], received: Timestamp) -> Vec<Result<Reading, Refused>> {
        let found = self.topics.find(topic);
        if found.is_empty() {
            return vec![Err(Refused { sensor: topic.to_owned(), why: Why::UnknownTopic })];
        }
        let message = Message::parse(payload);
        found
            .into_iter()
            .map(|index| {
                self.reading(index, topic, &message, received)
                    .map_err(|why| Refused { sensor: self.rules[index].id.clone(), why })
            })
            .collect()
    }

    /// Sensors heard so far, each name of a captured topic counted.
    pub fn known(&self) -> usize {
        self.instances.len()
    }

    fn reading(
        &mut self,
        config_index: usize,
        topic: &str,
        message: &Message<'_>,
        received: Timestamp,
    ) -> Result<Reading, Why> {
        let rule = &self.rules[config_index];
        let value = rule.number(&*message.at(&rule.pointer)?)? * rule.scale;
        if !value.is_finite() {
            return Err(Why::NotFinite);
        }
        let sensor = rule.instance(topic);
        if !self.instances.contains(&sensor) {
            if self.instances.len() >= MAX_INSTANCES {
                return Err(Why::TooManySensors { limit: MAX_INSTANCES });
            }
            self.instances.insert(sensor.clone());
        }
        Ok(Reading { sensor, config_index, value, received, device_time: message.device_time() })
    }
}

// === impl Rule ===

impl Rule {
    fn new(sensor: &Sensor) -> Self {
        Self {
            id: sensor.id.clone(),
            pattern: sensor.topic.clone(),
            pointer: sensor.value.clone(),
            values: sensor.values.clone(),
            scale: sensor.scale,
        }
    }

    fn instance(&self, topic: &str) -> String {
        std::iter::once(self.id.as_str()).chain(captures(&self.pattern, topic)).collect::<Vec<_>>().join("/")
    }

    /// The sensor's own table first; then numbers, also as text, and yes or no.
    fn number(&self, value: &Value) -> Result<f64, Why> {
        let text: Cow<'_, str> = match value {
            Value::String(text) => text.trim().into(),
            other => other.to_string().into(),
        };
        if let Some((_, meaning)) = self.values.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        match value {
            Value::Bool(yes) => Ok(f64::from(u8::from(*yes))),
            Value::Number(_) | Value::String(_) => {
                text.parse().ok().filter(|number: &f64| !number.is_nan()).ok_or_else(|| not_a_number(&text))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => Err(not_a_number(&text)),
        }
    }
}

/// A payload, parsed once for all sensors on its topic.
enum Message<'a> {
    Json(Value),
    /// Not JSON; good for a sensor whose payload is the value itself, such as `ON`.
    Text(&'a str),
    Bad(Why),
}

// === impl Message ===

impl<'a> Message<'a> {
    fn parse(payload: &'a [u8]) -> Self {
        if payload.len() > MAX_MESSAGE_BYTES {
            return Message::Bad(Why::TooLarge { bytes: payload.len(), limit: MAX_MESSAGE_BYTES });
        }
        match (serde_json::from_slice(payload), std::str::from_utf8(payload)) {
            (Ok(value), _) => Message::Json(value),
            (Err(_), Ok(text)) => Message::Text(text),
            (Err(_), Err(_)) => Message::Bad(Why::NotJson),
        }
    }

    /// What the pointer (RFC 6901) points to; the empty one points to the whole.
    fn at(&self, pointer: &str) -> Result<Cow<'_, Value>, Why> {
        match self {
            Message::Json(value) => {
                value.pointer(pointer).map(Cow::Borrowed).ok_or_else(|| Why::NoValue(pointer.to_owned()))
            }
            Message::Text(text) if pointer.is_empty() => Ok(Cow::Owned(Value::String((*text).to_owned()))),
            Message::Text(_) => Err(Why::NotJson),
            Message::Bad(why) => Err(why.clone()),
        }
    }

    /// `last_seen` of Zigbee2MQTT: ISO 8601 or milliseconds since the Unix epoch.
    fn device_time(&self) -> Option<Timestamp> {
        let Message::Json(value) = self else { return None };
        match value.get("last_seen")? {
            Value::String(text) => text.parse().ok(),
            Value::Number(unix_ms) => Timestamp::from_millisecond(unix_ms.as_i64()?).ok(),
            _ => None,
        }
    }
}

/// The beginning is enough to recognise it, and the rest may be long.
fn not_a_number(text: &str) -> Why {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    Why::NotANumber(shown)
}

#[cfg(test)]
mod tests {
    use moshao_config::{Place, SensorKind};

    use super::super::topics::tests::pattern;
    use super::*;

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
        let smoke = sensor("kitchen-smoke", "zigbee2mqtt/kitchen-smoke", "/smoke");
        let payload =
            r#"{"battery":87,"last_seen":"2026-11-21T12:34:56+08:00","linkquality":112,"smoke":true}"#;
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
}
