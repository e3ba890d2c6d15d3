//! A rule looking at a sensor: which machine it is, and what each reading means to it.

use std::time::Duration;

use moshao_config::{Condition, Quantity, Rule, Side};

use super::Edge;
use super::battery::BatteryWatch;
use super::rise::RiseWatch;
use super::silence::SilenceWatch;
use super::state::StateWatch;
use super::stuck::StuckWatch;
use super::threshold::{Limit, ThresholdWatch};
use super::trend::TrendWatch;

/// One rule looking at one sensor.
#[derive(Debug)]
pub(super) struct SensorWatch {
    /// Place of the rule in the engine.
    pub(super) rule: usize,
    /// The hours of the rule are over.
    pub(super) asleep: bool,
    /// The value it looks at; none for those that hear several.
    of: Option<Quantity>,
    /// Latest value, to be looked at again when the hours begin.
    last: Option<f64>,
    machine: Machine,
}

/// What a rule does with a sensor: its own condition, or one that every sensor is watched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// The condition of a rule of the file.
    Condition,
    /// Silence for the sensor's `lost_after`.
    Silence,
    /// A low battery.
    Battery,
    /// Tampering.
    Tamper,
}

/// What the built-in rules hold a sensor against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) lost_after: Duration,
    /// %.
    pub(super) battery_low_at: f64,
}

#[derive(Debug)]
enum Machine {
    State(StateWatch),
    Threshold(ThresholdWatch),
    Rise(Box<RiseWatch>),
    Stuck(StuckWatch),
    Trend(Box<TrendWatch>),
    Silence(SilenceWatch),
    Battery(BatteryWatch),
}

/// How long tampering must be gone: a lid that is closed is closed.
const TAMPER_CLEAR_AFTER: Duration = Duration::from_secs(10);

// === impl SensorWatch ===

impl SensorWatch {
    /// None for a condition that does not look at sensors.
    pub(super) fn new(
        index: usize,
        rule: Option<&Rule>,
        now: Duration,
        looks: Looks,
        limits: Limits,
    ) -> Option<Self> {
        let (of, machine) = match looks {
            Looks::Silence => (None, Machine::Silence(SilenceWatch::new(now, limits.lost_after))),
            Looks::Battery => (None, Machine::Battery(BatteryWatch::new(limits.battery_low_at))),
            Looks::Tamper => {
                (Some(Quantity::Tamper), Machine::State(StateWatch::new(true, TAMPER_CLEAR_AFTER)))
            }
            Looks::Condition => {
                let Rule { condition, clear_after, .. } = rule?;
                (condition.quantity(), Machine::new(condition, *clear_after)?)
            }
        };
        Some(SensorWatch { rule: index, asleep: false, of, last: None, machine })
    }

    /// One reading.
    pub(super) fn step(&mut self, now: Duration, quantity: Quantity, value: f64) -> Option<Edge> {
        if self.of.is_some_and(|of| of != quantity) {
            return None;
        }
        self.last = Some(value);
        if self.asleep {
            return None;
        }
        match (&mut self.machine, quantity) {
            (Machine::State(watch), _) => watch.step(now, value),
            (Machine::Threshold(watch), _) => watch.step(now, value),
            (Machine::Rise(watch), _) => watch.step(now, value),
            (Machine::Stuck(watch), _) => watch.step(now, value),
            (Machine::Trend(watch), _) => watch.step(now, value),
            (Machine::Silence(watch), Quantity::Present) => watch.said_to_be(now, value != 0.0),
            (Machine::Silence(watch), _) => watch.step(now),
            (Machine::Battery(watch), Quantity::Battery) => watch.charge(value),
            (Machine::Battery(watch), Quantity::BatteryLow) => watch.word(value),
            (Machine::Battery(_), _) => None,
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        match &mut self.machine {
            Machine::State(watch) => watch.tick(now),
            Machine::Threshold(watch) => watch.tick(now),
            Machine::Rise(watch) => watch.tick(now),
            Machine::Trend(watch) => watch.tick(now),
            Machine::Silence(watch) => watch.tick(now),
            Machine::Stuck(_) | Machine::Battery(_) => None,
        }
    }

    /// The hours of the rule begin: the latest value still stands.
    pub(super) fn wake(&mut self, now: Duration) -> Option<Edge> {
        self.asleep = false;
        let (of, last) = self.of.zip(self.last)?;
        self.step(now, of, last)
    }

    /// The hours of the rule are over.
    pub(super) fn sleep(&mut self) -> Option<Edge> {
        self.asleep = true;
        match &mut self.machine {
            Machine::State(watch) => watch.end(),
            Machine::Threshold(watch) => watch.end(),
            Machine::Rise(watch) => watch.end(),
            Machine::Stuck(watch) => watch.end(),
            Machine::Trend(watch) => watch.end(),
            Machine::Silence(_) | Machine::Battery(_) => None,
        }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        match &mut self.machine {
            Machine::State(watch) => watch.restore(),
            Machine::Threshold(watch) => watch.restore(),
            Machine::Rise(watch) => watch.restore(),
            Machine::Stuck(watch) => watch.restore(),
            Machine::Trend(watch) => watch.restore(),
            Machine::Silence(watch) => watch.restore(),
            Machine::Battery(watch) => watch.restore(),
        }
    }

    /// The limit that a value is held against.
    pub(super) fn limit(&self, quantity: Quantity) -> Option<f64> {
        match &self.machine {
            Machine::Threshold(watch) => Some(watch.limit()),
            Machine::Trend(watch) => Some(watch.limit()),
            Machine::Battery(watch) => Some(watch.low_at()).filter(|_| quantity == Quantity::Battery),
            _ => None,
        }
    }

    /// What has happened, in a sentence, where no reading says it.
    pub(super) fn symptom(&self, now: Duration) -> Option<String> {
        let Machine::Silence(watch) = &self.machine else { return None };
        let minutes = watch.silent_for(now).as_secs() / 60;
        Some(match minutes {
            0..120 => format!("no message for {minutes} min"),
            _ => format!("no message for {} h", minutes / 60),
        })
    }
}

// === impl Machine ===

impl Machine {
    fn new(condition: &Condition, clear_after: Duration) -> Option<Self> {
        Some(match condition {
            Condition::State { is, .. } => Machine::State(StateWatch::new(*is, clear_after)),
            Condition::Threshold { side, limit, hysteresis, hold, .. } => {
                let limit = Limit { above: *side == Side::Above, limit: *limit, hysteresis: *hysteresis };
                Machine::Threshold(ThresholdWatch::new(limit, *hold, clear_after))
            }
            Condition::Rise { per_minute, window, .. } => {
                Machine::Rise(Box::new(RiseWatch::new(*per_minute, *window, clear_after)))
            }
            Condition::Stuck { longer_than, tolerance, .. } => {
                Machine::Stuck(StuckWatch::new(*longer_than, *tolerance))
            }
            Condition::Trend { side, limit, horizon, window, .. } => {
                let above = *side == Side::Above;
                Machine::Trend(Box::new(TrendWatch::new(above, *limit, *horizon, *window, clear_after)))
            }
            _ => return None,
        })
    }
}
