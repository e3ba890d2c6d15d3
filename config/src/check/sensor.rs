//! `[sensor.ID]`: presets expanded, topics and pointers read.

use super::{Check, Names, Watcher, topic};
use crate::model::{Binary, Format, More, Rule, Sensor, SensorKind, TopicLevel, TopicPattern};
use crate::presets::{PRESETS, Preset};
use crate::raw::{self, At};
use crate::report::Problem;

impl Check<'_> {
    /// Sensors, and the rules that their presets bring, each once.
    pub(super) fn sensors(&mut self, file: &raw::File, names: &Names) -> (Vec<Sensor>, Vec<Rule>) {
        if let (None, Some((id, _))) = (&file.sensors, file.sensor.0.first()) {
            let message = format!("sensor `{}` needs a broker to come from", **id);
            self.error(id.place(), message, "add [sensors] with url = \"mqtt://127.0.0.1:1883\"");
        }
        let mut sensors: Vec<Sensor> = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        for (id, section) in &file.sensor.0 {
            let preset = self.preset(section);
            let Some(sensor) = self.sensor(id, section, preset, names) else { continue };
            if let Some(twin) =
                sensors.iter().find(|other| (&other.topic, &other.value) == (&sensor.topic, &sensor.value))
                // Several may listen to the same announcements, each for its kind.
                && (sensor.more.format != Format::HomeAssistant || twin.kind == sensor.kind)
            {
                let message = format!("sensor `{}` reads the same value as `{}`", sensor.id, twin.id);
                self.problems.push(Problem::warning(id.place(), message));
            }
            if let Some(preset) = preset.filter(|_| section.watches.is_none())
                && !rules.iter().any(|rule| rule.id == preset.rule_id(sensor.kind))
            {
                rules.extend(preset.rules(sensor.kind));
            }
            sensors.push(sensor);
        }
        (sensors, rules)
    }

    fn preset(&mut self, section: &raw::Sensor) -> Option<&'static Preset> {
        let name = section.preset.as_ref()?;
        let preset = Preset::find(name);
        if preset.is_none() {
            let problem = Problem::error(name.place(), format!("there is no preset `{}`", **name));
            self.problems.push(problem.did_you_mean(name, PRESETS.iter().map(|preset| preset.name)));
        }
        preset
    }

    fn sensor(
        &mut self,
        id: &At<String>,
        section: &raw::Sensor,
        preset: Option<&'static Preset>,
        names: &Names,
    ) -> Option<Sensor> {
        let path = format!("sensor.{}", **id);
        let needed = section.preset.is_none() && !self.document.is_bad(&format!("{path}.preset"));
        let kind = self.kind(id, section, preset, needed);
        let value = self.pointer(id, section, preset, needed);
        let topic = section.topic.as_ref().and_then(|text| {
            topic::parse(text)
                .map_err(|reason| {
                    self.problems.push(Problem::error(text.place(), format!("`topic` {reason}")))
                })
                .ok()
        });
        let format = section.format.as_ref().map(|format| **format);
        if format.or(preset.map(|preset| preset.more.format)) == Some(Format::HomeAssistant) {
            self.announces_itself(section, topic.as_ref());
        }
        let scale = section.scale.as_ref().map_or(1.0, |scale| {
            if **scale == 0.0 {
                self.error(
                    scale.place(),
                    "`scale` is 0: every value would be 0",
                    "leave it out, or say what to multiply by",
                );
            }
            **scale
        });
        let watches = match &section.watches {
            Some(entries) => self.watches(entries, names, Watcher::Sensors),
            None => {
                let rules = preset.zip(kind).map(|(preset, kind)| preset.rules(kind)).unwrap_or_default();
                rules.into_iter().map(|rule| rule.id).collect()
            }
        };
        if section.watches.is_none() {
            self.keeps_its_limit(section, preset);
        }
        let nothing = section.watches.as_ref().map_or(needed, |entries| entries.is_empty());
        if nothing && !self.document.is_bad(&format!("{path}.watches")) {
            let message = format!("sensor `{}` watches no rule: its readings will raise nothing", **id);
            let hint = "add watches = [\"…\"] with the id of a rule for sensors";
            self.problems.push(Problem::warning(id.place(), message).hint(hint));
        }
        let cameras: Vec<&str> = names.cameras.iter().map(String::as_str).collect();
        let cameras = self.references("cameras", &section.cameras, "camera", &cameras);
        let place = self.place(section.address.as_ref(), section.lon.as_ref(), section.lat.as_ref(), &path);
        let kind = kind?;
        let unit = section.unit.as_ref().map(|unit| unit.to_string());
        Some(Sensor {
            id: id.to_string(),
            name: section.name.clone().unwrap_or_else(|| id.to_string()),
            kind,
            // What is missing has been reported; the rules are still held against the rest of the sensor.
            topic: topic.unwrap_or(TopicPattern { levels: Vec::new() }),
            value: value.unwrap_or_default(),
            values: match &section.values {
                Some(values) => {
                    values.0.iter().map(|(text, meaning)| (text.to_string(), f64::from(*meaning))).collect()
                }
                None => preset
                    .iter()
                    .flat_map(|preset| preset.values)
                    .map(|(text, value)| ((*text).to_owned(), *value))
                    .collect(),
            },
            more: self.more(id, section, preset),
            lost_after: section.lost_after.0,
            scale,
            unit: unit.or_else(|| preset.map_or(usual_unit(kind), |preset| preset.unit).map(str::to_owned)),
            watches,
            cameras,
            place,
        })
    }

    /// What a device announces is not said again, and each device is told from the others.
    fn announces_itself(&mut self, section: &raw::Sensor, topic: Option<&TopicPattern>) {
        let said = [
            ("value", section.value.as_ref().map(At::place)),
            ("binary", section.binary.as_ref().map(At::place)),
            ("scale", section.scale.as_ref().map(At::place)),
            ("battery", section.battery.as_ref().map(At::place)),
            ("battery_low", section.battery_low.as_ref().map(At::place)),
            ("tamper", section.tamper.as_ref().map(At::place)),
            ("signal", section.signal.as_ref().map(At::place)),
            ("time", section.time.as_ref().map(At::place)),
            ("message_id", section.message_id.as_ref().map(At::place)),
            ("counter", section.counter.as_ref().map(At::place)),
            ("identity", section.identity.as_ref().map(At::place)),
        ];
        for (key, place) in said {
            let Some(place) = place else { continue };
            let message = format!("`{key}` beside an announcement of Home Assistant, which says it itself");
            self.error(place, message, "leave it out, or describe the sensor with another preset or format");
        }
        let (Some(topic), Some(text)) = (topic, &section.topic) else { return };
        let is_config = topic.levels.last() == Some(&TopicLevel::Exactly("config".to_owned()));
        if !is_config || !(4..=8).contains(&topic.levels.len()) {
            let message = format!("`topic` is no topic of announcements: `{}`", **text);
            self.error(
                text.place(),
                message,
                "they end in /config, such as \"homeassistant/+/{device}/+/config\"",
            );
        } else if topic.captures() == 0 && topic.levels[2] == TopicLevel::Any {
            let message = "`topic` takes any device and tells none from another";
            self.error(text.place(), message, "write `{device}` in place of the third level");
        }
    }

    /// The limit of a preset's own rule means nothing for another kind or in another unit.
    fn keeps_its_limit(&mut self, section: &raw::Sensor, preset: Option<&'static Preset>) {
        let Some(preset) = preset.filter(|preset| preset.has_limit()) else { return };
        let kind = section.kind.as_ref().filter(|kind| ***kind != preset.kind).map(At::place);
        let unit = section.unit.as_ref().filter(|unit| preset.unit != Some(unit.as_str())).map(At::place);
        if let Some(place) = kind.or(unit) {
            let unit = preset.unit.unwrap_or_default();
            let message = format!("the rule of preset `{}` is for {} in {unit}", preset.name, preset.kind);
            self.error(place, message, "leave this key out, or name a rule of your own in `watches`");
        }
    }

    fn kind(
        &mut self,
        id: &At<String>,
        section: &raw::Sensor,
        preset: Option<&'static Preset>,
        needed: bool,
    ) -> Option<SensorKind> {
        match (&section.kind, preset) {
            (Some(kind), _) => Some(**kind),
            (None, Some(preset)) => Some(preset.kind),
            (None, None) => {
                if needed && !self.document.is_bad(&format!("sensor.{}.kind", **id)) {
                    let message = format!("sensor `{}` has neither `preset` nor `kind`", **id);
                    let hint = "for example preset = \"zigbee2mqtt-smoke\"; or kind = \"smoke\" and value = \"/smoke\"";
                    self.error(id.place(), message, hint);
                }
                None
            }
        }
    }

    fn pointer(
        &mut self,
        id: &At<String>,
        section: &raw::Sensor,
        preset: Option<&'static Preset>,
        needed: bool,
    ) -> Option<String> {
        let Some(pointer) = &section.value else {
            let announced = section.format.as_ref().is_some_and(|format| **format == Format::HomeAssistant);
            if needed
                && !announced
                && section.kind.is_some()
                && !self.document.is_bad(&format!("sensor.{}.value", **id))
            {
                let message = format!("sensor `{}` does not say where its value stands", **id);
                self.error(
                    id.place(),
                    message,
                    "for example value = \"/smoke\"; or value = \"\" where the payload is the value",
                );
            }
            return preset.map(|preset| preset.value.to_owned());
        };
        self.is_pointer("value", pointer).then(|| pointer.to_string())
    }

    /// Where the other values stand: what the preset says, and what the file says instead.
    fn more(&mut self, id: &At<String>, section: &raw::Sensor, preset: Option<&'static Preset>) -> More {
        let given = preset.map(|preset| preset.more).unwrap_or_default();
        let captures = section.topic.as_ref().is_some_and(|topic| topic.contains('{'));
        let pointer = |check: &mut Self, name: &str, own: &Option<At<String>>, preset: Option<&str>| match own
        {
            Some(own) => check.is_pointer(name, own).then(|| own.to_string()),
            None => preset.map(str::to_owned),
        };
        if let Some(identity) = section.identity.as_ref().filter(|_| !captures) {
            let message = format!("`identity` of sensor `{}` has nothing to be held against", **id);
            self.error(
                identity.place(),
                message,
                "capture a level of `topic`, such as \"application/+/device/{device}/event/up\"",
            );
        }
        More {
            format: section.format.as_ref().map_or(given.format, |format| **format),
            binary: section.binary.as_ref().and_then(|binary| self.binary(binary)),
            battery: pointer(self, "battery", &section.battery, given.battery),
            battery_low_at: section.battery_low_at,
            battery_low: pointer(self, "battery_low", &section.battery_low, given.battery_low),
            tamper: pointer(self, "tamper", &section.tamper, given.tamper),
            signal: pointer(self, "signal", &section.signal, given.signal),
            time: pointer(self, "time", &section.time, given.time),
            message_id: pointer(self, "message_id", &section.message_id, given.message_id),
            counter: pointer(self, "counter", &section.counter, given.counter),
            identity: pointer(self, "identity", &section.identity, given.identity.filter(|_| captures)),
        }
    }

    fn binary(&mut self, binary: &At<raw::Binary>) -> Option<Binary> {
        let raw::Binary { encoding, offset, width, endian, signed, bit } = **binary;
        if let Some(bit) = bit.filter(|bit| *bit as usize >= 8 * width) {
            let message = format!("`bit` is {bit}; with `width` {width} there are 0 to {}", 8 * width - 1);
            self.error(binary.place(), message, "count from the least significant bit, and set `width`");
            return None;
        }
        Some(Binary { encoding: encoding?, offset, width, endian, signed, bit })
    }

    fn is_pointer(&mut self, name: &str, pointer: &At<String>) -> bool {
        let escapes_are_right = pointer.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        let good = (pointer.is_empty() || pointer.starts_with('/')) && escapes_are_right;
        if !good {
            let message = format!("`{name}` is no JSON pointer (RFC 6901): `{}`", **pointer);
            self.error(
                pointer.place(),
                message,
                "it begins with `/`, such as \"/smoke\"; `~` is written `~0`, and `/` in a key `~1`",
            );
        }
        good
    }
}

/// The unit that a kind is measured in where nothing else is said; none for kinds that are usually yes/no.
fn usual_unit(kind: SensorKind) -> Option<&'static str> {
    match kind {
        SensorKind::Temperature | SensorKind::CableTemperature => Some("Cel"),
        SensorKind::Pressure => Some("MPa"),
        SensorKind::ResidualCurrent => Some("mA"),
        _ => None,
    }
}
