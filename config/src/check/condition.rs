//! What a rule looks for: exactly one condition, and what is inside it.

use std::ops::Range;

use super::expression::Devices;
use super::{Check, Watcher};
use crate::model::{Condition, Quantity, Side, Subject};
use crate::raw::{self, At};

/// The conditions that a rule names, and who can watch each.
pub(super) fn named(rule: &raw::Rule) -> Vec<(&'static str, Watcher)> {
    use Watcher::{Both, Cameras, Sensors};
    let all = [
        ("object", rule.object.is_some(), Cameras),
        ("crossing", rule.crossing.is_some(), Cameras),
        ("loitering", rule.loitering.is_some(), Cameras),
        ("crowd", rule.crowd.is_some(), Cameras),
        ("blocked", rule.blocked.is_some(), Cameras),
        ("running", rule.running.is_some(), Cameras),
        ("wrong_way", rule.wrong_way.is_some(), Cameras),
        ("absence", rule.absence.is_some(), Cameras),
        ("state", rule.state.is_some(), Sensors),
        ("threshold", rule.threshold.is_some(), Sensors),
        ("rise", rule.rise.is_some(), Sensors),
        ("stuck", rule.stuck.is_some(), Sensors),
        ("trend", rule.trend.is_some(), Sensors),
        ("when", rule.when.is_some(), Both),
    ];
    all.into_iter().filter(|(_, there, _)| *there).map(|(name, _, watcher)| (name, watcher)).collect()
}

/// Names of all conditions.
const NAMES: [&str; 14] = [
    "object",
    "crossing",
    "loitering",
    "crowd",
    "blocked",
    "running",
    "wrong_way",
    "absence",
    "state",
    "threshold",
    "rise",
    "stuck",
    "trend",
    "when",
];

/// The labels that a rule names.
pub(super) fn labels(rule: &raw::Rule) -> Option<&Vec<At<String>>> {
    let labels = [
        rule.object.as_ref().map(|seen| &seen.labels),
        rule.crossing.as_ref().map(|seen| &seen.labels),
        rule.loitering.as_ref().map(|seen| &seen.labels),
        rule.crowd.as_ref().map(|seen| &seen.labels),
        rule.blocked.as_ref().map(|seen| &seen.labels),
        rule.running.as_ref().map(|seen| &seen.labels),
        rule.wrong_way.as_ref().map(|seen| &seen.labels),
        rule.absence.as_ref().map(|seen| &seen.labels),
    ];
    labels.into_iter().flatten().find_map(Option::as_ref)
}

/// The zone that a rule names.
pub(super) fn zone(rule: &raw::Rule) -> Option<&At<String>> {
    let zones = [
        rule.object.as_ref().map(|seen| &seen.zone),
        rule.loitering.as_ref().map(|seen| &seen.zone),
        rule.crowd.as_ref().map(|seen| &seen.zone),
        rule.blocked.as_ref().map(|seen| &seen.zone),
        rule.running.as_ref().map(|seen| &seen.zone),
        rule.wrong_way.as_ref().map(|seen| &seen.zone),
        rule.absence.as_ref().map(|seen| &seen.zone),
    ];
    zones.into_iter().flatten().find_map(Option::as_ref)
}

/// The line that a rule names.
pub(super) fn line(rule: &raw::Rule) -> Option<&At<String>> {
    let crossed = rule.crossing.as_ref().and_then(|seen| seen.line.as_ref());
    crossed.or_else(|| rule.wrong_way.as_ref().and_then(|seen| seen.along.as_ref()))
}

/// Which value of a sensor a rule looks at, and where that stands.
pub(super) fn quantity(rule: &raw::Rule) -> Option<(Quantity, Range<usize>)> {
    None.or(rule.state.as_ref().map(|state| (state.of, state.place())))
        .or(rule.threshold.as_ref().map(|threshold| (threshold.of, threshold.place())))
        .or(rule.rise.as_ref().map(|rise| (rise.of, rise.place())))
        .or(rule.stuck.as_ref().map(|stuck| (stuck.of, stuck.place())))
        .or(rule.trend.as_ref().map(|trend| (trend.of, trend.place())))
}

impl Check<'_> {
    /// The one condition of a rule.
    pub(super) fn condition(
        &mut self,
        id: &At<String>,
        rule: &raw::Rule,
        devices: Devices<'_>,
    ) -> Option<Condition> {
        match named(rule).as_slice() {
            [] => {
                let bad = |name: &&str| self.document.is_bad(&format!("rule.{}.{name}", **id));
                if !NAMES.iter().any(bad) {
                    let message = format!("rule `{}` does not say what it looks for", **id);
                    let hint =
                        "add one condition: `object`, `state`, `threshold`, or another of the reference";
                    self.error(id.place(), message, hint);
                }
                None
            }
            [(_, Watcher::Cameras)] => seen(rule),
            [(_, Watcher::Sensors)] => self.measured(id, rule),
            [(_, Watcher::Both)] => {
                let when = rule.when.as_ref()?;
                let expression = self.expression(id, when.cel.as_ref()?, devices)?;
                Some(Condition::When { expression, hold: when.hold.0 })
            }
            several => {
                let names: Vec<String> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
                let message = format!("rule `{}` looks for more than one thing", **id);
                let hint = format!("keep one of {}, and make a rule of each", names.join(", "));
                self.error(id.place(), message, hint);
                None
            }
        }
    }

    fn measured(&mut self, id: &At<String>, rule: &raw::Rule) -> Option<Condition> {
        if let Some(state) = &rule.state {
            return Some(Condition::State { is: state.is, of: state.of });
        }
        if let Some(threshold) = &rule.threshold {
            let place = threshold.place();
            let (side, limit) = self.limit(id, "threshold", place, &threshold.above, &threshold.below)?;
            let (hysteresis, hold, of) = (threshold.hysteresis, threshold.hold.0, threshold.of);
            return Some(Condition::Threshold { side, limit, hysteresis, hold, of });
        }
        if let Some(rise) = &rule.rise {
            let per_minute = **rise.per_minute.as_ref()?;
            return Some(Condition::Rise { per_minute, window: rise.window.0, of: rise.of });
        }
        if let Some(stuck) = &rule.stuck {
            let (longer_than, tolerance, of) = (stuck.longer_than.0, stuck.tolerance, stuck.of);
            return Some(Condition::Stuck { longer_than, tolerance, of });
        }
        let trend = rule.trend.as_ref()?;
        let (side, limit) = self.limit(id, "trend", trend.place(), &trend.above, &trend.below)?;
        Some(Condition::Trend { side, limit, horizon: trend.horizon.0, window: trend.window.0, of: trend.of })
    }

    /// Exactly one of `above` and `below`.
    fn limit(
        &mut self,
        id: &At<String>,
        name: &str,
        place: Range<usize>,
        above: &Option<At<f64>>,
        below: &Option<At<f64>>,
    ) -> Option<(Side, f64)> {
        match (above, below) {
            (Some(above), None) => Some((Side::Above, **above)),
            (None, Some(below)) => Some((Side::Below, **below)),
            (Some(_), Some(below)) => {
                let message = "`above` and `below` stand beside each other";
                self.error(below.place(), message, "make a rule of each");
                None
            }
            (None, None) => {
                let bad = |key: &str| self.document.is_bad(&format!("rule.{}.{name}.{key}", **id));
                if !bad("above") && !bad("below") {
                    let message = format!("`{name}` has no limit");
                    self.error(place, message, "add `above` or `below`, in the sensor's unit");
                }
                None
            }
        }
    }
}

/// The condition of a rule for cameras; none where a part is missing, which has been reported.
fn seen(rule: &raw::Rule) -> Option<Condition> {
    let min_score = |score: Option<f64>| score.map(|score| score as f32);
    let labels = labels(rule)?.iter().map(|label| label.to_string()).collect();
    let zone = zone(rule).map(|zone| zone.to_string());
    let subject = |score| Subject { labels, min_score: min_score(score), zone };
    if let Some(seen) = &rule.object {
        let (at_least, within) = (*seen.at_least, seen.within.0);
        return Some(Condition::Object { subject: subject(seen.min_score), at_least, within });
    }
    if let Some(seen) = &rule.crossing {
        let line = seen.line.as_ref()?.to_string();
        let direction = seen.direction;
        return Some(Condition::Crossing { subject: subject(seen.min_score), line, direction });
    }
    if let Some(seen) = &rule.loitering {
        let longer_than = seen.longer_than.0;
        return Some(Condition::Loitering { subject: subject(seen.min_score), longer_than });
    }
    if let Some(seen) = &rule.crowd {
        let (at_least, apart, hold) = (*seen.at_least, seen.apart.map(|apart| apart as f32), seen.hold.0);
        return Some(Condition::Crowd { subject: subject(seen.min_score), at_least, apart, hold });
    }
    if let Some(seen) = &rule.blocked {
        let longer_than = seen.longer_than.0;
        return Some(Condition::Blocked { subject: subject(seen.min_score), longer_than });
    }
    if let Some(seen) = &rule.running {
        let (faster_than, hold) = (seen.faster_than as f32, seen.hold.0);
        return Some(Condition::Running { subject: subject(seen.min_score), faster_than, hold });
    }
    if let Some(seen) = &rule.wrong_way {
        let (along, farther_than) = (seen.along.as_ref()?.to_string(), seen.farther_than as f32);
        return Some(Condition::WrongWay { subject: subject(seen.min_score), along, farther_than });
    }
    let seen = rule.absence.as_ref()?;
    Some(Condition::Absence { subject: subject(seen.min_score), longer_than: seen.longer_than.0 })
}
