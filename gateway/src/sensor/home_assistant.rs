//! What a device announces of itself by Home Assistant's MQTT discovery: which topic says what, and how.
//!
//! The message is documented at <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>; its keys may be
//! abbreviated, and `~` at the beginning or end of a topic stands for a base. One message is one *entity*: one value of
//! one device. Nothing is remembered here.

use moshao_config::{Quantity, SensorKind};
use serde_json::{Map, Value};

use super::reading::Why;
use super::template;

/// Longest topic that is subscribed to, bytes.
const TOPIC_BYTES_MAX: usize = 256;

/// What of all that is announced a sensor of the configuration takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) kind: SensorKind,
    /// None for yes/no.
    pub(super) unit: Option<String>,
}

/// One value of a device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entity {
    pub(super) quantity: Quantity,
    pub(super) topic: String,
    /// JSON pointer to the value.
    pub(super) pointer: String,
    /// What the words of a yes/no value mean.
    pub(super) words: Vec<(String, f64)>,
    /// To the unit of the sensor: times this, plus that.
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) presence: Vec<PresenceTopic>,
    /// How several of them go together.
    pub(super) mode: PresenceMode,
}

/// Where it is said whether the device is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PresenceTopic {
    pub(super) topic: String,
    pub(super) pointer: String,
    pub(super) words: Vec<(String, f64)>,
}

/// When a device with several such topics counts as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum PresenceMode {
    /// All say so.
    All,
    /// One says so.
    Any,
    /// The one that spoke last says so.
    #[default]
    Latest,
}

/// Keys that are read, and their abbreviations.
const ABBREVIATIONS: [(&str, &str); 16] = [
    ("avty", "availability"),
    ("avty_mode", "availability_mode"),
    ("avty_t", "availability_topic"),
    ("avty_tpl", "availability_template"),
    ("cmps", "components"),
    ("dev_cla", "device_class"),
    ("pl_avail", "payload_available"),
    ("pl_not_avail", "payload_not_available"),
    ("pl_off", "payload_off"),
    ("pl_on", "payload_on"),
    ("stat_t", "state_topic"),
    ("t", "topic"),
    ("unit_of_meas", "unit_of_measurement"),
    ("uniq_id", "unique_id"),
    ("val_tpl", "value_template"),
    ("dev", "device"),
];

/// Units that devices announce, and what makes them the sensor's: times this, plus that.
const UNITS: [(&str, &str, f64, f64); 13] = [
    ("Cel", "°C", 1.0, 0.0),
    ("Cel", "°F", 5.0 / 9.0, -160.0 / 9.0),
    ("Cel", "K", 1.0, -273.15),
    ("MPa", "Pa", 1e-6, 0.0),
    ("MPa", "hPa", 1e-4, 0.0),
    ("MPa", "mbar", 1e-4, 0.0),
    ("MPa", "kPa", 1e-3, 0.0),
    ("MPa", "bar", 0.1, 0.0),
    ("MPa", "psi", 0.006_894_757, 0.0),
    ("mA", "A", 1000.0, 0.0),
    ("%LEL", "LEL", 1.0, 0.0),
    ("%LEL", "% LEL", 1.0, 0.0),
    ("%", "%", 1.0, 0.0),
];

/// Reads the announcement on `topic` (`<prefix>/<component>/[<node>/]<object>/config`); none where it is of something
/// that is not wanted.
///
/// # Errors
/// It is wanted, and says something that cannot be read.
pub(super) fn read(topic: &str, announced: &Value, wanted: &Wanted) -> Result<Option<Entity>, Why> {
    let Some(announced) = announced.as_object() else { return Err(Why::NotJson) };
    let announced = Keys::of(announced);
    if announced.0.contains_key("components") {
        return Err(Why::Announcement("it announces a whole device at once (`components`)".to_owned()));
    }
    let levels: Vec<&str> = topic.split('/').collect();
    let component = match levels.as_slice() {
        [.., component, _, _, "config"] if is_component(component) => *component,
        [.., component, _, "config"] => *component,
        _ => return Err(Why::Announcement("its topic does not end in /config".to_owned())),
    };
    let class = announced.text("device_class").unwrap_or_default();
    let Some(quantity) = quantity(component, class, wanted) else { return Ok(None) };

    let (scale, offset) = conversion(quantity, announced.text("unit_of_measurement"), wanted)?;
    let is_yes_no = component == "binary_sensor";
    Ok(Some(Entity {
        quantity,
        topic: announced.topic("state_topic")?.ok_or_else(|| missing("state_topic"))?,
        pointer: announced.pointer("value_template")?,
        words: if is_yes_no {
            announced.words(("payload_on", "ON"), ("payload_off", "OFF"))
        } else {
            Vec::new()
        },
        scale,
        offset,
        presence: announced.presence()?,
        mode: match announced.text("availability_mode") {
            Some("all") => PresenceMode::All,
            Some("any") => PresenceMode::Any,
            _ => PresenceMode::Latest,
        },
    }))
}

fn is_component(level: &str) -> bool {
    matches!(level, "binary_sensor" | "sensor")
}

/// Which of a sensor's values an entity is; none for one that is none of them.
fn quantity(component: &str, class: &str, wanted: &Wanted) -> Option<Quantity> {
    match (component, class) {
        ("sensor", "battery") => return Some(Quantity::Battery),
        ("binary_sensor", "battery") => return Some(Quantity::BatteryLow),
        ("binary_sensor", "tamper") => return Some(Quantity::Tamper),
        ("sensor", "signal_strength") => return Some(Quantity::Signal),
        ("binary_sensor", "connectivity") => return Some(Quantity::Present),
        _ => {}
    }
    let is_value = match wanted.kind {
        SensorKind::Smoke => class == "smoke",
        SensorKind::Temperature | SensorKind::CableTemperature => class == "temperature",
        SensorKind::Gas => class == "gas",
        SensorKind::CarbonMonoxide => class == "carbon_monoxide",
        SensorKind::Leak => class == "moisture",
        SensorKind::Contact => matches!(class, "door" | "garage_door" | "opening" | "window" | "lock"),
        SensorKind::CallPoint => matches!(class, "safety" | "problem"),
        SensorKind::Pressure => class == "pressure",
        SensorKind::ResidualCurrent => class == "current",
        // Whatever it is: the topic says which.
        _ => true,
    };
    let fits = component == if wanted.unit.is_none() { "binary_sensor" } else { "sensor" };
    (is_value && fits).then_some(Quantity::Value)
}

fn conversion(quantity: Quantity, announced: Option<&str>, wanted: &Wanted) -> Result<(f64, f64), Why> {
    let (Quantity::Value, Some(unit), Some(announced)) = (quantity, &wanted.unit, announced) else {
        return Ok((1.0, 0.0));
    };
    if unit == announced {
        return Ok((1.0, 0.0));
    }
    let known = UNITS.iter().find(|(to, from, ..)| to == unit && *from == announced);
    known.map(|(.., scale, offset)| (*scale, *offset)).ok_or_else(|| {
        Why::Announcement(format!("its unit is {announced:?}, of which nothing makes {unit:?}"))
    })
}

fn missing(key: &str) -> Why {
    Why::Announcement(format!("it has no `{key}`"))
}

/// An announcement with its keys written out.
struct Keys<'a>(Map<String, Value>, &'a str);

// === impl Keys ===

impl<'a> Keys<'a> {
    fn of(announced: &'a Map<String, Value>) -> Self {
        let base = announced.get("~").and_then(Value::as_str).unwrap_or_default();
        Keys(written_out(announced), base)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// A topic with its base; none where there is none.
    fn topic(&self, key: &str) -> Result<Option<String>, Why> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let topic = match (text.strip_prefix('~'), text.strip_suffix('~')) {
            (Some(rest), _) => format!("{}{rest}", self.1),
            (None, Some(rest)) => format!("{rest}{}", self.1),
            (None, None) => text.to_owned(),
        };
        let bad = topic.is_empty() || topic.len() > TOPIC_BYTES_MAX || topic.contains(['+', '#', '\0']);
        if bad || topic.starts_with('$') {
            return Err(Why::Announcement(format!("its `{key}` is no topic to be listened to")));
        }
        Ok(Some(topic))
    }

    fn pointer(&self, key: &str) -> Result<String, Why> {
        self.text(key).map_or(Ok(String::new()), template::pointer)
    }

    /// What a payload means: yes, or no. Devices write these words as text or as they are in JSON.
    fn words(&self, yes: (&str, &str), no: (&str, &str)) -> Vec<(String, f64)> {
        let word = |(key, usual): (&str, &str)| match self.0.get(key) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => usual.to_owned(),
            Some(other) => other.to_string(),
        };
        vec![(word(yes), 1.0), (word(no), 0.0)]
    }

    /// `availability_topic`, or each entry of `availability`.
    fn presence(&self) -> Result<Vec<PresenceTopic>, Why> {
        let words = |keys: &Keys<'_>| {
            keys.words(("payload_available", "online"), ("payload_not_available", "offline"))
        };
        if let Some(topic) = self.topic("availability_topic")? {
            let pointer = self.pointer("availability_template")?;
            return Ok(vec![PresenceTopic { topic, pointer, words: words(self) }]);
        }
        let listed = match self.0.get("availability") {
            Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_object).collect(),
            Some(Value::Object(entry)) => vec![entry],
            _ => Vec::new(),
        };
        let entry = |entry: &Map<String, Value>| {
            let keys = Keys(written_out(entry), self.1);
            let topic = keys.topic("topic")?.ok_or_else(|| missing("topic"))?;
            Ok(PresenceTopic { topic, pointer: keys.pointer("value_template")?, words: words(&keys) })
        };
        listed.into_iter().map(entry).collect()
    }
}

fn written_out(keys: &Map<String, Value>) -> Map<String, Value> {
    let whole = |key: &String| {
        let known = ABBREVIATIONS.iter().find(|(short, _)| short == key);
        known.map_or_else(|| key.clone(), |(_, long)| (*long).to_owned())
    };
    keys.iter().map(|(key, value)| (whole(key), value.clone())).collect()
}
