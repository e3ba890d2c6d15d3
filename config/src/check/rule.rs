//! `[rule.ID]`: what it looks for, and which event it makes.

use super::expression::Devices;
use super::{Check, Watcher, condition, detector};
use crate::codes::EventCode;
use crate::model::{
    Camera, Condition, Detector, Field, Hours, Named, Quantity, Rule, Schedule, Sensor, SensorKind,
};
use crate::raw::{self, At};
use crate::report::{Problem, list};

/// Who can watch a rule; none where it does not say what it looks for.
pub(super) fn watcher(rule: &raw::Rule) -> Option<Watcher> {
    match condition::named(rule).as_slice() {
        [(_, watcher)] => Some(*watcher),
        _ => None,
    }
}

impl Check<'_> {
    pub(super) fn rules(
        &mut self,
        file: &raw::File,
        sensors: &[Sensor],
        cameras: &[Camera],
        detectors: &[Detector],
    ) -> Vec<Rule> {
        let devices = Devices { sensors, cameras, detectors };
        let mut rules = Vec::new();
        for (id, section) in &file.rule.0 {
            let watching: Vec<&Sensor> =
                sensors.iter().filter(|sensor| sensor.watches.contains(id)).collect();
            self.watched(id, file);
            self.labels_are_known(id, section, file, detectors);
            self.places_are_drawn(id, section, file);
            self.fits_sensors(id, section, &watching);
            let schedule = self.schedule(id, section, &watching);
            let Some(condition) = self.condition(id, section, devices) else { continue };
            let Some(code) = self.usual_code(id, section, &condition, &watching) else { continue };
            rules.push(rule(id, section, condition, schedule, code));
        }
        self.no_picture_silences(file, sensors, &rules);
        rules
    }

    fn watched(&mut self, id: &At<String>, file: &raw::File) {
        let names = |entries: &[At<String>]| entries.iter().any(|entry| **entry == **id);
        let watched = file.camera.0.iter().any(|(_, camera)| names(&camera.watches))
            || file.sensor.0.iter().any(|(_, sensor)| sensor.watches.as_deref().is_some_and(names));
        if !watched {
            let message = format!("nothing watches rule `{}`", **id);
            let hint = format!("add watches = [\"{}\"] to a camera or sensor, or remove the rule", **id);
            self.problems.push(Problem::warning(id.place(), message).hint(hint));
        }
    }

    /// Each label must be known to the detector of a camera that watches, as far as labels are known here.
    fn labels_are_known(
        &mut self,
        id: &At<String>,
        rule: &raw::Rule,
        file: &raw::File,
        detectors: &[Detector],
    ) {
        let labels = condition::labels(rule);
        let cameras =
            file.camera.0.iter().filter(|(_, camera)| camera.watches.iter().any(|rule| **rule == **id));
        let watching: Vec<&Detector> = cameras
            .filter_map(|(_, camera)| detectors.iter().find(|detector| detector.name == *camera.detector))
            .collect();
        let (Some(labels), Some(known)) = (labels, detector::labels_of_any(&watching)) else { return };
        for label in labels.iter().filter(|label| !known.contains(&label.as_str())) {
            let mut names: Vec<&str> = watching.iter().map(|detector| detector.name.as_str()).collect();
            names.dedup();
            let message = format!("`labels`: {} does not know `{}`", list(names), **label);
            self.problems
                .push(Problem::error(label.place(), message).did_you_mean(label, known.iter().copied()));
        }
    }

    /// Each camera that watches must have drawn the zone and the line that the rule speaks of.
    fn places_are_drawn(&mut self, id: &At<String>, rule: &raw::Rule, file: &raw::File) {
        let cameras =
            file.camera.0.iter().filter(|(_, camera)| camera.watches.iter().any(|rule| **rule == **id));
        for (camera, section) in cameras {
            let zones: Vec<&str> = section.zones.0.iter().map(|(name, _)| name.as_str()).collect();
            let lines: Vec<&str> = section.lines.0.iter().map(|(name, _)| name.as_str()).collect();
            let wanted = [
                ("zone", "zones", condition::zone(rule), zones),
                ("line", "lines", condition::line(rule), lines),
            ];
            for (what, table, name, drawn) in wanted {
                let Some(name) = name.filter(|name| !drawn.contains(&name.as_str())) else { continue };
                if self.document.is_bad(&format!("camera.{}.{table}.{}", **camera, **name)) {
                    continue;
                }
                let message =
                    format!("camera `{}` watches this rule and has no {what} `{}`", **camera, **name);
                let problem = Problem::error(name.place(), message);
                self.problems.push(match drawn.is_empty() {
                    true => problem.hint(format!("draw it in [camera.{}.{table}]", **camera)),
                    false => problem.did_you_mean(name, drawn),
                });
            }
        }
    }

    /// A yes/no rule on a measured value, or a limit on a certified smoke detector, cannot be meant.
    fn fits_sensors(&mut self, id: &At<String>, rule: &raw::Rule, watching: &[&Sensor]) {
        for sensor in watching {
            if let (Some(state), Some(unit)) = (&rule.state, &sensor.unit)
                && state.of == Quantity::Value
            {
                let message = format!("`state` wants yes/no, and sensor `{}` measures in {unit}", sensor.id);
                self.error(state.place(), message, format!("use `threshold` in rule `{}`", **id));
            }
            if let (Some(threshold), SensorKind::Smoke) = (&rule.threshold, sensor.kind)
                && threshold.of == Quantity::Value
            {
                let message = format!(
                    "`threshold` on smoke sensor `{}`, which decides itself when to alarm",
                    sensor.id
                );
                self.error(
                    threshold.place(),
                    message,
                    "use state = { is = true }: certified detectors are never re-thresholded",
                );
            }
            let (of, place) = condition::quantity(rule).unwrap_or((Quantity::Value, 0..0));
            if !sensor.has(of) {
                let message = format!("sensor `{}` watches this rule and has no `{}`", sensor.id, of.key());
                let hint = format!("add {} = \"/…\", a JSON pointer, to [sensor.{}]", of.key(), sensor.id);
                self.error(place, message, hint);
            }
        }
    }

    /// A sensor against fire needs a rule of its own that asks no camera.
    fn no_picture_silences(&mut self, file: &raw::File, sensors: &[Sensor], rules: &[Rule]) {
        let asks_cameras = |id: &String| {
            let rule = rules.iter().find(|rule| rule.id == *id);
            rule.is_some_and(|rule| match &rule.condition {
                Condition::When { expression, .. } => expression.inputs().iter().any(|input| {
                    matches!(input.field, Field::Labels | Field::Up)
                        || matches!(input.device, Named::Camera(_))
                }),
                _ => false,
            })
        };
        for sensor in sensors.iter().filter(|sensor| sensor.kind.is_fire() && !sensor.watches.is_empty()) {
            if !sensor.watches.iter().all(asks_cameras) {
                continue;
            }
            let Some((id, _)) = file.sensor.0.iter().find(|(id, _)| **id == sensor.id) else { continue };
            let message =
                format!("sensor `{}` ({}) would alarm only if a camera agrees", sensor.id, sensor.kind);
            self.error(
                id.place(),
                message,
                "let it watch a rule besides that asks no camera, such as `state`",
            );
        }
    }

    /// Hours; never for sensors that save lives.
    fn schedule(&mut self, id: &At<String>, rule: &raw::Rule, watching: &[&Sensor]) -> Schedule {
        let (Some(first), Some(sensor)) =
            (rule.during.first(), watching.iter().find(|sensor| sensor.kind.is_fire()))
        else {
            return Schedule { hours: rule.during.iter().filter_map(|hours| self.hours(hours)).collect() };
        };
        let message =
            format!("`during` would silence sensor `{}` ({}) in rule `{}`", sensor.id, sensor.kind, **id);
        self.error(
            first.place(),
            message,
            "sensors against fire and danger to life always alarm: leave it out",
        );
        Schedule::default()
    }

    fn hours(&mut self, hours: &At<raw::Hours>) -> Option<Hours> {
        let clock = |text: &str| text.parse::<jiff::civil::Time>().ok();
        let Some(from) = clock(&hours.from) else {
            self.error(hours.from.place(), "`from` cannot be the end of the day", "write \"00:00\"");
            return None;
        };
        let to = clock(&hours.to);
        if to == Some(from) {
            self.error(
                hours.to.place(),
                "`to` is `from`: nothing lies between",
                "for the whole day leave both out",
            );
            return None;
        }
        Some(Hours { from, to, days: hours.days.clone() })
    }

    /// The event code that a rule has where it gives none itself.
    fn usual_code(
        &mut self,
        id: &At<String>,
        rule: &raw::Rule,
        condition: &Condition,
        watching: &[&Sensor],
    ) -> Option<EventCode> {
        match EventCode::of_condition(condition) {
            Some(code) => Some(code),
            None => self.code_of_sensors(id, rule, watching),
        }
    }

    fn code_of_sensors(
        &mut self,
        id: &At<String>,
        rule: &raw::Rule,
        watching: &[&Sensor],
    ) -> Option<EventCode> {
        let mut codes: Vec<EventCode> =
            watching.iter().map(|sensor| EventCode::of_sensor(sensor.kind)).collect();
        codes.dedup();
        match codes.as_slice() {
            [] if rule.when.is_some() => Some(EventCode::of_labels(["object"])),
            [] => Some(EventCode::of_sensor(SensorKind::Other)),
            [only] => Some(*only),
            [first, ..] if rule.code.is_some() => Some(*first),
            [..] => {
                let message = format!(
                    "rule `{}` is watched by sensors of different kinds, which would be {}",
                    **id,
                    list(codes.iter().map(|code| code.code))
                );
                self.error(id.place(), message, "say which with `code`, or make a rule for each kind");
                None
            }
        }
    }
}

/// The rule, and the event that it makes.
fn rule(
    id: &At<String>,
    section: &raw::Rule,
    condition: Condition,
    schedule: Schedule,
    by_kind: EventCode,
) -> Rule {
    let own = section.code.as_ref().map(|code| code.as_str());
    let known = own.and_then(EventCode::find);
    let usual = known.unwrap_or(by_kind);
    // A code of the user's own names itself; only the department is taken from the usual one.
    let named = own.filter(|_| known.is_none());
    let kind = named.map_or(usual.kind.to_owned(), |code| code.to_lowercase().replace('_', "-"));
    Rule {
        id: id.to_string(),
        condition,
        schedule,
        level: section.level.unwrap_or(usual.level),
        code: own.unwrap_or(usual.code).to_owned(),
        category: section.category.as_ref().map_or(usual.category, |category| **category),
        kind: section.kind.clone().unwrap_or(kind),
        title: section.title.clone().unwrap_or_else(|| named.unwrap_or(usual.title).to_owned()),
        clear_after: section.clear_after.0,
    }
}
