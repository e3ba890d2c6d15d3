//! A rule looking at a camera: which machine it is, and what each picture means to it.

use std::time::Duration;

use moshao_config::{Camera, Condition, Line, Polygon, Rule};

use super::Edge;
use super::absence::AbsenceWatch;
use super::blocked::{BlockedWatch, Standing};
use super::crossing::CrossingWatch;
use super::crowd::CrowdWatch;
use super::geometry::{Thing, things};
use super::latch::Latch;
use super::loitering::LoiteringWatch;
use super::object::ObjectWatch;
use super::running::RunningWatch;
use super::wrong_way::WrongWayWatch;
use crate::clock::Moment;
use crate::event::Object;
use crate::worker::link::Observation;

/// One rule looking at one camera.
#[derive(Debug)]
pub(super) struct CameraWatch {
    /// Place of the rule in the engine.
    pub(super) rule: usize,
    /// The hours of the rule are over.
    pub(super) asleep: bool,
    zone: Option<Polygon>,
    machine: Machine,
}

#[derive(Debug)]
enum Machine {
    Object(ObjectWatch),
    Absence(AbsenceWatch),
    /// Holds while there are culprits.
    Latched(Culprits, Latch),
}

/// Finds the things in a picture for which the condition holds.
#[derive(Debug)]
enum Culprits {
    Crossing(CrossingWatch),
    Loitering(LoiteringWatch),
    Crowd(CrowdWatch),
    Blocked(BlockedWatch),
    Running(RunningWatch),
    WrongWay(WrongWayWatch),
}

// === impl CameraWatch ===

impl CameraWatch {
    /// None for a rule that does not look at cameras, or whose zone or line the camera has not drawn, which the checks of
    /// the configuration rule out.
    pub(super) fn new(index: usize, rule: &Rule, camera: &Camera) -> Option<Self> {
        let subject = rule.condition.subject()?;
        let zone = match &subject.zone {
            Some(name) => Some(camera.zones.iter().find(|(zone, _)| zone == name)?.1.clone()),
            None => None,
        };
        let line = |name: &String| -> Option<Line> {
            camera.lines.iter().find(|(line, _)| line == name).map(|(_, line)| *line)
        };
        let latched = |culprits| Machine::Latched(culprits, Latch::new(rule.clear_after));
        let machine = match &rule.condition {
            Condition::Object { at_least, within, .. } => {
                Machine::Object(ObjectWatch::new(*at_least, *within, rule.clear_after))
            }
            Condition::Absence { longer_than, .. } => Machine::Absence(AbsenceWatch::new(*longer_than)),
            Condition::Crossing { line: name, direction, .. } => {
                latched(Culprits::Crossing(CrossingWatch::new(line(name)?, *direction)))
            }
            Condition::Loitering { longer_than, .. } => {
                latched(Culprits::Loitering(LoiteringWatch::new(*longer_than)))
            }
            Condition::Crowd { at_least, apart, hold, .. } => {
                latched(Culprits::Crowd(CrowdWatch::new(*at_least, *apart, *hold)))
            }
            Condition::Blocked { longer_than, .. } => {
                latched(Culprits::Blocked(BlockedWatch::new(*longer_than)))
            }
            Condition::Running { faster_than, hold, .. } => {
                latched(Culprits::Running(RunningWatch::new(*faster_than, *hold)))
            }
            Condition::WrongWay { along, farther_than, .. } => {
                latched(Culprits::WrongWay(WrongWayWatch::new(line(along)?, *farther_than)))
            }
            Condition::State { .. }
            | Condition::Threshold { .. }
            | Condition::Rise { .. }
            | Condition::Stuck { .. }
            | Condition::Trend { .. }
            | Condition::When { .. } => return None,
        };
        Some(CameraWatch { rule: index, asleep: false, zone, machine })
    }

    /// Whether the rule means the same of both: its zone and its line are drawn alike.
    pub(super) fn is_drawn_alike(rule: &Rule, one: &Camera, other: &Camera) -> bool {
        let zone = |camera: &Camera| {
            let name = rule.condition.subject()?.zone.as_ref()?;
            camera.zones.iter().find(|(zone, _)| zone == name).map(|(_, zone)| zone.clone())
        };
        let line = |camera: &Camera| {
            let (Condition::Crossing { line: name, .. } | Condition::WrongWay { along: name, .. }) =
                &rule.condition
            else {
                return None;
            };
            camera.lines.iter().find(|(line, _)| line == name).map(|(_, line)| *line)
        };
        zone(one) == zone(other) && line(one) == line(other)
    }

    /// One picture: what has changed, and the objects that count. `session` tells the tracks of one worker's life from
    /// those of the next.
    pub(super) fn see(
        &mut self,
        now: Moment,
        session: u64,
        rule: &Rule,
        seen: &Observation,
    ) -> Option<(Edge, Vec<Object>)> {
        let things = things(seen, session, rule.condition.subject()?, self.zone.as_ref());
        let all = |things: Vec<Thing>| things.into_iter().map(|thing| thing.object).collect();
        match &mut self.machine {
            Machine::Object(watch) => Some((watch.step(now.mono, !things.is_empty())?, all(things))),
            Machine::Absence(watch) => Some((watch.step(now.mono, !things.is_empty())?, all(things))),
            Machine::Latched(culprits, latch) => {
                let (found, new) = culprits.find(now, seen, &things);
                if found.is_empty() || !new && !latch.is_active() {
                    return Some((latch.tick(now.mono)?, Vec::new()));
                }
                let edge = latch.hold(now.mono);
                let found = things.into_iter().enumerate().filter(|(index, _)| found.contains(index));
                Some((edge, found.map(|(_, thing)| thing.object).collect()))
            }
        }
    }

    /// Time has passed without a picture. What stands still goes on standing, as long as the camera is there to see it.
    pub(super) fn tick(&mut self, now: Moment, blind: bool) -> Option<Edge> {
        match &mut self.machine {
            Machine::Object(watch) => watch.tick(now.mono),
            Machine::Absence(watch) => watch.tick(now.mono),
            Machine::Latched(Culprits::Loitering(_) | Culprits::Blocked(_), latch) if blind => {
                latch.tick(now.mono)
            }
            Machine::Latched(culprits, latch) => {
                let (holds, new) = culprits.still(now);
                if holds && (new || latch.is_active()) {
                    return Some(latch.hold(now.mono)).filter(|edge| *edge == Edge::Raised);
                }
                latch.tick(now.mono)
            }
        }
    }

    /// True as of `now`, as it was before a restart.
    pub(super) fn restore(&mut self, now: Duration) {
        match &mut self.machine {
            Machine::Object(watch) => watch.restore(now),
            Machine::Absence(watch) => watch.restore(),
            Machine::Latched(_, latch) => latch.restore(now),
        }
    }

    /// The hours are over.
    pub(super) fn end(&mut self) -> Option<Edge> {
        match &mut self.machine {
            Machine::Object(watch) => watch.end(),
            Machine::Absence(watch) => watch.end(),
            Machine::Latched(_, latch) => latch.end(),
        }
    }

    /// The camera sees nothing any more.
    pub(super) fn blind(&mut self) {
        if let Machine::Absence(watch) = &mut self.machine {
            watch.blind();
        }
    }

    /// What has been told and still stands there.
    pub(super) fn standing(&self) -> Vec<Standing> {
        match &self.machine {
            Machine::Latched(Culprits::Blocked(watch), _) => watch.save().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Takes up [`CameraWatch::standing`].
    pub(super) fn restore_standing(&mut self, standing: Vec<Standing>) {
        if let Machine::Latched(Culprits::Blocked(watch), _) = &mut self.machine {
            watch.restore(standing);
        }
    }
}

// === impl Culprits ===

impl Culprits {
    /// The things for which it holds, as indices, and whether that is news.
    fn find(&mut self, now: Moment, seen: &Observation, things: &[Thing]) -> (Vec<usize>, bool) {
        let found = match self {
            Culprits::Crossing(watch) => watch.culprits(now.mono, things),
            Culprits::Loitering(watch) => watch.culprits(now.mono, things),
            Culprits::Crowd(watch) => watch.culprits(now.mono, things),
            Culprits::Blocked(watch) => return watch.culprits(now, things),
            Culprits::Running(watch) => watch.culprits(seen.media_time, things),
            Culprits::WrongWay(watch) => {
                let aspect = seen.width as f32 / seen.height.max(1) as f32;
                watch.culprits(now.mono, things, aspect)
            }
        };
        (found, true)
    }

    /// Whether it holds by time alone, and whether that is news.
    fn still(&mut self, now: Moment) -> (bool, bool) {
        match self {
            Culprits::Loitering(watch) => (watch.still(now.mono), true),
            Culprits::Blocked(watch) => watch.still(now),
            _ => (false, false),
        }
    }
}
