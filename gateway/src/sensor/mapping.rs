//! From an MQTT message to readings: no clock, no network.
//!
//! One message may carry the values of several sensors (temperature and humidity of one device), and several values of
//! one (smoke, battery, lid), so it maps to several readings, or to refusals with their reasons. What is remembered is
//! what it takes to know a message again ([`proof`]) and to read the next (births of Sparkplug, announcements of Home
//! Assistant).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use moshao_config::{Binary, Format, Quantity, Sensor, TopicPattern};
use serde_json::Value;

use super::binary;
use super::discovery::Discovery;
use super::home_assistant::Wanted;
use super::message::{Message, beginning, number};
use super::pointer::Pointer;
use super::proof::{self, Recent};
use super::reading::{Reading, Refused, Why};
use super::sparkplug::Births;
use super::topics::{TopicTree, captures};

/// Largest message of a sensor, bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Most sensors known at once: each name that a capture takes is one, and names come from outside. Sensors without
/// captures always are.
pub const MAX_INSTANCES: usize = 10_000;

/// Maps messages by the sensors of a configuration.
#[derive(Debug)]
pub struct Mapper {
    topics: TopicTree,
    rules: Vec<Rule>,
    /// Sensors heard; what is remembered of the messages of those that can be known again.
    instances: HashMap<String, Option<Box<Recent>>>,
    births: Births,
    discovery: Discovery,
    /// Whether there are sensors that announce themselves.
    discovers: bool,
}

/// How one sensor's values are found in its messages.
#[derive(Debug)]
struct Rule {
    id: String,
    pattern: TopicPattern,
    format: Format,
    value: Arc<Pointer>,
    binary: Option<Binary>,
    values: Vec<(String, f64)>,
    scale: f64,
    others: Vec<(Quantity, Arc<Pointer>)>,
    time: Option<Arc<Pointer>>,
    /// What makes a message one of its kind: id and number.
    marks: Vec<Arc<Pointer>>,
    identity: Option<Arc<Pointer>>,
    /// What it takes of what is announced on its topic.
    wanted: Option<Wanted>,
}

/// Pointers by their text: thousands of sensors of one kind share theirs.
#[derive(Debug, Default)]
struct Pointers(HashMap<String, Arc<Pointer>>);

// === impl Mapper ===

impl Mapper {
    /// A mapper for the sensors in the order of the configuration.
    pub fn new(sensors: &[Sensor]) -> Self {
        Self {
            topics: TopicTree::new(sensors.iter().map(|sensor| &sensor.topic)),
            rules: {
                let mut pointers = Pointers::default();
                sensors.iter().map(|sensor| Rule::new(sensor, &mut pointers)).collect()
            },
            instances: HashMap::new(),
            births: Births::default(),
            discovery: Discovery::default(),
            discovers: sensors.iter().any(|sensor| sensor.more.format == Format::HomeAssistant),
        }
    }

    /// The readings in a message, in the order of the configuration, each sensor's own value first; a refusal for each
    /// sensor that has this topic and no value in it.
    pub fn map(&mut self, topic: &str, payload: &[u8], received: Timestamp) -> Vec<Result<Reading, Refused>> {
        let found = self.topics.find(topic);
        if found.is_empty() && !self.discovery.knows(topic) {
            if self.discovers {
                // It may be announced in a moment.
                self.discovery.hold(topic, payload, received);
                return Vec::new();
            }
            return vec![Err(Refused { sensor: topic.to_owned(), why: Why::UnknownTopic })];
        }
        let mut message = Message::parse(payload);
        let mut outcomes = Vec::with_capacity(found.len());
        for index in found {
            if self.rules[index].wanted.is_some() {
                outcomes.extend(self.learn(index, topic, &message));
                continue;
            }
            if self.rules[index].format == Format::SparkplugB && payload.len() <= MAX_MESSAGE_BYTES {
                message = match self.births.read(topic, payload) {
                    Some(value) => Message::Json(value),
                    None => Message::Bad(Why::NotSparkplug),
                };
            }
            match self.readings(index, topic, &message, received) {
                Ok(readings) => outcomes.extend(readings.into_iter().map(Ok)),
                Err(why) => outcomes.push(Err(Refused { sensor: self.rules[index].id.clone(), why })),
            }
        }
        outcomes.extend(self.discovery.hear(topic, &message, received));
        outcomes
    }

    /// Topics that have been announced since this was asked last: to be subscribed to.
    pub fn take_announced(&mut self) -> Vec<String> {
        self.discovery.take_fresh()
    }

    /// Every announced topic.
    pub fn announced(&self) -> impl Iterator<Item = &String> {
        self.discovery.topics()
    }

    /// Sensors heard so far, each name of a captured topic counted.
    pub fn known(&self) -> usize {
        self.instances.len()
    }

    /// An announcement for the sensor at `config_index`: what is known already of its topics, or why it is refused.
    fn learn(
        &mut self,
        config_index: usize,
        topic: &str,
        message: &Message<'_>,
    ) -> Vec<Result<Reading, Refused>> {
        let rule = &self.rules[config_index];
        let Some(wanted) = &rule.wanted else { return Vec::new() };
        let instance = rule.instance(topic);
        if !self.instances.contains_key(&instance) && self.instances.len() >= MAX_INSTANCES {
            let why = Why::TooManySensors { limit: MAX_INSTANCES };
            return vec![Err(Refused { sensor: rule.id.clone(), why })];
        }
        let learnt =
            self.discovery.learn((topic.to_owned(), config_index), instance.clone(), wanted, message);
        match learnt {
            Ok(readings) => {
                if self.discovery.has(&instance) {
                    self.instances.entry(instance).or_insert(None);
                }
                readings
            }
            Err(why) => vec![Err(Refused { sensor: rule.id.clone(), why })],
        }
    }

    fn readings(
        &mut self,
        config_index: usize,
        topic: &str,
        message: &Message<'_>,
        received: Timestamp,
    ) -> Result<Vec<Reading>, Why> {
        let rule = &self.rules[config_index];
        if let Message::Bad(why) = message {
            return Err(why.clone());
        }
        rule.check_identity(topic, message)?;
        let device_time = rule.time.as_ref().and_then(|time| proof::time(&*message.at(time).ok()?));
        if let Some(device_time) = device_time {
            proof::is_of_now(device_time, received)?;
        }
        let values = rule.quantities(message)?;
        let sensor = rule.instance(topic);
        if !self.instances.contains_key(&sensor) {
            if rule.pattern.captures() > 0 && self.instances.len() >= MAX_INSTANCES {
                return Err(Why::TooManySensors { limit: MAX_INSTANCES });
            }
            self.instances.insert(sensor.clone(), (!rule.marks.is_empty()).then(Box::default));
        }
        if let Some(Some(recent)) = self.instances.get_mut(&sensor) {
            let marks: Vec<Cow<'_, Value>> =
                rule.marks.iter().filter_map(|mark| message.at(mark).ok()).collect();
            if !marks.is_empty() {
                recent.note(&Value::Array(marks.into_iter().map(Cow::into_owned).collect()))?;
            }
        }
        let reading = |(quantity, value)| {
            let sensor = sensor.clone();
            Reading { sensor, config_index, quantity, value, received, device_time }
        };
        Ok(values.into_iter().map(reading).collect())
    }
}

// === impl Pointers ===

impl Pointers {
    fn get(&mut self, text: &str) -> Arc<Pointer> {
        self.0.entry(text.to_owned()).or_insert_with(|| Arc::new(Pointer::new(text))).clone()
    }
}

// === impl Rule ===

impl Rule {
    fn new(sensor: &Sensor, pointers: &mut Pointers) -> Self {
        let more = &sensor.more;
        let own = pointers.get(&sensor.value);
        let mut pointer = |text: &Option<String>| text.as_deref().map(|text| pointers.get(text));
        let others = [
            (Quantity::Battery, &more.battery),
            (Quantity::BatteryLow, &more.battery_low),
            (Quantity::Tamper, &more.tamper),
            (Quantity::Signal, &more.signal),
        ];
        Self {
            id: sensor.id.clone(),
            pattern: sensor.topic.clone(),
            format: more.format,
            value: own,
            binary: more.binary,
            values: sensor.values.clone(),
            scale: sensor.scale,
            others: others.into_iter().filter_map(|(of, text)| Some((of, pointer(text)?))).collect(),
            time: pointer(&more.time),
            marks: [pointer(&more.message_id), pointer(&more.counter)].into_iter().flatten().collect(),
            identity: pointer(&more.identity),
            wanted: (more.format == Format::HomeAssistant)
                .then(|| Wanted { kind: sensor.kind, unit: sensor.unit.clone() }),
        }
    }

    fn instance(&self, topic: &str) -> String {
        let mut name = self.id.clone();
        for capture in captures(&self.pattern, topic) {
            name.push('/');
            name.push_str(capture);
        }
        name
    }

    fn check_identity(&self, topic: &str, message: &Message<'_>) -> Result<(), Why> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let named = message.at(identity).ok();
        let named = named.as_deref().and_then(Value::as_str).unwrap_or_default();
        let own = captures(&self.pattern, topic).next().is_some_and(|device| proof::is_own(named, device));
        if own { Ok(()) } else { Err(Why::Forged(beginning(named))) }
    }

    /// All values in the message. A message may leave out the sensor's own value, as long as another one is there.
    fn quantities(&self, message: &Message<'_>) -> Result<Vec<(Quantity, f64)>, Why> {
        let own = self.own_value(message);
        let missing = matches!(own, Err(Why::NoValue(_)));
        let mut values = Vec::with_capacity(1 + self.others.len());
        match own {
            Err(why) if !missing => return Err(why),
            Err(_) => {}
            Ok(value) => values.push((Quantity::Value, value)),
        }
        for (quantity, pointer) in &self.others {
            // Devices leave out what they do not have, or write null.
            let value = message.at(pointer).ok().and_then(|value| number(&value, &[]).ok());
            values.extend(value.filter(|value| value.is_finite()).map(|value| (*quantity, value)));
        }
        if values.is_empty() { Err(Why::NoValue(self.value.text.clone())) } else { Ok(values) }
    }

    fn own_value(&self, message: &Message<'_>) -> Result<f64, Why> {
        let mut value = message.at(&self.value)?;
        if let Some(binary) = &self.binary {
            value = Cow::Owned(binary::read(binary, value.as_str().ok_or(Why::NotBinary)?)?);
        }
        // Thing models may wrap a value: {"value": 1, "time": 1524448722000}.
        let wrapped = value.as_object().and_then(|object| object.get("value")).cloned();
        let value = number(wrapped.as_ref().unwrap_or(&value), &self.values)? * self.scale;
        if value.is_finite() { Ok(value) } else { Err(Why::NotFinite) }
    }
}

#[cfg(test)]
mod announced;
#[cfg(test)]
mod presets;

#[cfg(test)]
mod tests {
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
