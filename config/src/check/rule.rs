//! `[rule.ID]`: what it looks for, and which event it makes.

use super::{Check, Watcher, detector};
use crate::codes::EventCode;
use crate::model::{Condition, Detector, Rule, Sensor, SensorKind, Side};
use crate::raw::{self, At};
use crate::report::{Problem, list};

/// Who can watch a rule; none where it does not say what it looks for.
pub(super) fn watcher(rule: &raw::Rule) -> Option<Watcher> {
    match (&rule.object, &rule.state, &rule.threshold) {
        (Some(_), None, None) => Some(Watcher::Cameras),
        (None, Some(_), None) | (None, None, Some(_)) => Some(Watcher::Sensors),
        _ => None,
    }
}

impl Check<'_> {
    pub(super) fn rules(
        &mut self,
        file: &raw::File,
        sensors: &[Sensor],
        detectors: &[Detector],
    ) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (id, section) in &file.rule.0 {
            let watching: Vec<&Sensor> =
                sensors.iter().filter(|sensor| sensor.watches.contains(id)).collect();
            self.watched(id, file);
            self.labels_are_known(id, section, file, detectors);
            self.fits_sensors(id, section, &watching);
            let condition = self.condition(id, section);
            let code = self.code(id, section, &watching);
            let (Some(condition), Some(code)) = (condition, code) else { continue };
            rules.push(Rule { condition, ..code });
        }
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
        let labels = rule.object.as_ref().and_then(|object| object.labels.as_ref());
        let cameras =
            file.camera.0.iter().filter(|(_, camera)| camera.watches.iter().any(|rule| **rule == **id));
        let watching: Vec<&Detector> = cameras
            .filter_map(|(_, camera)| detectors.iter().find(|detector| detector.name == *camera.detector))
            .collect();
        let known: Option<Vec<Vec<&str>>> =
            watching.iter().map(|detector| detector::known_labels(detector)).collect();
        let (Some(labels), Some(known)) = (labels, known.filter(|known| !known.is_empty())) else { return };
        let known: Vec<&str> = known.concat();
        for label in labels.iter().filter(|label| !known.contains(&label.as_str())) {
            let mut names: Vec<&str> = watching.iter().map(|detector| detector.name.as_str()).collect();
            names.dedup();
            let message = format!("`labels`: {} does not know `{}`", list(names), **label);
            self.problems
                .push(Problem::error(label.place(), message).did_you_mean(label, known.iter().copied()));
        }
    }

    /// A yes/no rule on a measured value, or a limit on a certified smoke detector, cannot be meant.
    fn fits_sensors(&mut self, id: &At<String>, rule: &raw::Rule, watching: &[&Sensor]) {
        for sensor in watching {
            if let (Some(state), Some(unit)) = (&rule.state, &sensor.unit) {
                let message = format!("`state` wants yes/no, and sensor `{}` measures in {unit}", sensor.id);
                self.error(state.place(), message, format!("use `threshold` in rule `{}`", **id));
            }
            if let (Some(threshold), SensorKind::Smoke) = (&rule.threshold, sensor.kind) {
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
        }
    }

    fn condition(&mut self, id: &At<String>, rule: &raw::Rule) -> Option<Condition> {
        match (&rule.object, &rule.state, &rule.threshold) {
            (Some(object), None, None) => Some(Condition::Object {
                labels: object.labels.as_ref()?.iter().map(|label| label.to_string()).collect(),
                at_least: *object.at_least,
                within: object.within.0,
                min_score: object.min_score.map(|score| score as f32),
            }),
            (None, Some(state), None) => Some(Condition::State { is: state.is }),
            (None, None, Some(threshold)) => self.threshold(id, threshold),
            (None, None, None) => {
                let path = |key: &str| format!("rule.{}.{key}", **id);
                if !["object", "state", "threshold"].iter().any(|key| self.document.is_bad(&path(key))) {
                    let message = format!("rule `{}` does not say what it looks for", **id);
                    self.error(id.place(), message, "add one of `object`, `state` and `threshold`");
                }
                None
            }
            _ => {
                let message = format!("rule `{}` looks for more than one thing", **id);
                self.error(
                    id.place(),
                    message,
                    "keep one of `object`, `state` and `threshold`, and make a rule of each",
                );
                None
            }
        }
    }

    fn threshold(&mut self, id: &At<String>, threshold: &At<raw::Threshold>) -> Option<Condition> {
        let (side, limit) = match (&threshold.above, &threshold.below) {
            (Some(above), None) => (Side::Above, **above),
            (None, Some(below)) => (Side::Below, **below),
            (Some(_), Some(below)) => {
                self.error(
                    below.place(),
                    "`above` and `below` stand beside each other",
                    "make a rule of each",
                );
                return None;
            }
            (None, None) => {
                let bad = |key: &str| self.document.is_bad(&format!("rule.{}.threshold.{key}", **id));
                if !bad("above") && !bad("below") {
                    self.error(
                        threshold.place(),
                        "`threshold` has no limit",
                        "add `above` or `below`, in the sensor's unit",
                    );
                }
                return None;
            }
        };
        Some(Condition::Threshold { side, limit, hysteresis: threshold.hysteresis, hold: threshold.hold.0 })
    }

    /// The event that a rule makes; its condition is still to come.
    fn code(&mut self, id: &At<String>, rule: &raw::Rule, watching: &[&Sensor]) -> Option<Rule> {
        let by_kind = match &rule.object {
            Some(object) => {
                let labels = object.labels.as_ref();
                EventCode::of_labels(labels.into_iter().flatten().map(|label| label.as_str()))
            }
            None => self.code_of_sensors(id, rule, watching)?,
        };
        let own = rule.code.as_ref().map(|code| code.as_str());
        let known = own.and_then(EventCode::find);
        let usual = known.unwrap_or(by_kind);
        // A code of the user's own names itself; only the department is taken from the usual one.
        let named = own.filter(|_| known.is_none());
        let kind = named.map_or(usual.kind.to_owned(), |code| code.to_lowercase().replace('_', "-"));
        Some(Rule {
            id: id.to_string(),
            condition: Condition::State { is: true },
            level: rule.level.unwrap_or(usual.level),
            code: own.unwrap_or(usual.code).to_owned(),
            category: rule.category.as_ref().map_or(usual.category, |category| **category),
            kind: rule.kind.clone().unwrap_or(kind),
            title: rule.title.clone().unwrap_or_else(|| named.unwrap_or(usual.title).to_owned()),
            clear_after: rule.clear_after.0,
        })
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
