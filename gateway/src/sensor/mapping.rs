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
mod tests;
