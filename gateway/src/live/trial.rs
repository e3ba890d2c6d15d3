//! Whether a gateway is as well with its new configuration as it was before. Pure: time and health come in, a verdict out.
//!
//! Watched is what was well before and what the change has touched: cameras that were started anew, the sensors' broker
//! where its session was, the centre's broker, and the camera workers. A camera that the change did not touch may fail
//! meanwhile without anybody's blame.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use moshao_config::Config;

use super::fall::Fall;
use crate::metrics::Metrics;

/// What was well and is not any more may take this long to come back.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// So many deaths of camera workers within a trial are no accident.
pub(super) const DEATHS_MAX: u64 = 3;

/// How the gateway is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// Cameras whose pictures flow, and brokers that are connected.
    pub(super) well: BTreeSet<Part>,
    /// Camera workers that have died, ever.
    pub(super) deaths: u64,
}

/// What can be well or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// By id.
    Camera(String),
    /// The sensors' broker.
    SensorBroker,
    /// The centre's broker.
    Centre,
}

/// A configuration that is being watched.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    until: Duration,
    /// Watched parts, and since when they are not well; none while they are.
    parts: BTreeMap<Part, Option<Duration>>,
    /// Deaths up to which workers are no reason.
    deaths_max: u64,
}

/// What a look at the gateway comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too early to say.
    Wait,
    /// As well as before.
    Good,
    /// Not as well as before, and why.
    Fallen(Fall),
}

// === impl Health ===

impl Health {
    /// What the gateway counts of itself.
    pub(super) fn of(metrics: &Metrics, config: &Config) -> Self {
        let up = |id: &str| metrics.camera.up.with_label_values(&[id]).get() == 1;
        let cameras = config.cameras.iter().filter(|camera| up(&camera.id));
        let mut well: BTreeSet<Part> = cameras.map(|camera| Part::Camera(camera.id.clone())).collect();
        if config.sensor_broker.is_some() && metrics.sensor.broker_up.get() == 1 {
            well.insert(Part::SensorBroker);
        }
        if metrics.uplink.up.get() == 1 {
            well.insert(Part::Centre);
        }
        Health { well, deaths: metrics.worker.restarts.get() }
    }
}

// === impl Trial ===

impl Trial {
    /// Begins `now`, for so long. `watched` are the parts that were well before and that the change has touched.
    pub(super) fn begin(
        now: Duration,
        lasting: Duration,
        watched: impl IntoIterator<Item = Part>,
        deaths: u64,
    ) -> Self {
        let parts = watched.into_iter().map(|part| (part, Some(now))).collect();
        Trial { until: now + lasting, parts, deaths_max: deaths + DEATHS_MAX }
    }

    /// Until when, at least.
    pub(super) fn until(&self) -> Duration {
        self.until
    }

    /// Parts that are watched: they were well before the change.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Part> {
        self.parts.keys()
    }

    /// Camera workers die for reasons of their own: they are not watched.
    pub(super) fn without_workers(mut self) -> Self {
        self.deaths_max = u64::MAX;
        self
    }

    /// How it is now.
    pub(super) fn look(&mut self, now: Duration, health: &Health) -> Verdict {
        for (part, since) in &mut self.parts {
            *since = if health.well.contains(part) { None } else { Some(since.unwrap_or(now)) };
        }
        if health.deaths >= self.deaths_max {
            return Verdict::Fallen(Fall::Workers);
        }
        let lost = |(part, since): (&Part, &Option<Duration>)| {
            let lasting = now.saturating_sub((*since)?);
            (lasting >= PATIENCE).then(|| (part.clone(), lasting))
        };
        let lost: Vec<(Part, Duration)> = self.parts.iter().filter_map(lost).collect();
        if !lost.is_empty() {
            return Verdict::Fallen(Fall::Lost(lost));
        }
        let is_well = self.parts.values().all(Option::is_none);
        if now >= self.until && is_well { Verdict::Good } else { Verdict::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn camera(id: &str) -> Part {
        Part::Camera(id.to_owned())
    }

    fn health(well: &[Part], deaths: u64) -> Health {
        Health { well: well.iter().cloned().collect(), deaths }
    }

    #[test]
    fn what_comes_back_in_time_is_good_at_the_end() {
        let mut trial = Trial::begin(s(100), s(60), [camera("a"), Part::Centre], 5);
        assert_eq!(trial.look(s(101), &health(&[], 5)), Verdict::Wait);
        let well = health(&[camera("a"), Part::Centre], 5);
        assert_eq!(trial.look(s(110), &well), Verdict::Wait, "the trial is not over");
        assert_eq!(trial.look(s(160), &well), Verdict::Good);
    }

    #[test]
    fn what_does_not_come_back_has_fallen() {
        let mut trial = Trial::begin(s(100), s(120), [camera("a"), camera("b")], 0);
        assert_eq!(trial.look(s(129), &health(&[camera("b")], 0)), Verdict::Wait);
        let verdict = trial.look(s(130), &health(&[camera("b")], 0));
        assert_eq!(verdict, Verdict::Fallen(Fall::Lost(vec![(camera("a"), s(30))])));
    }

    #[test]
    fn a_short_trial_waits_for_what_is_not_back_yet() {
        let mut trial = Trial::begin(s(0), s(5), [camera("a")], 0);
        assert_eq!(trial.look(s(6), &health(&[], 0)), Verdict::Wait);
        assert_eq!(trial.look(s(12), &health(&[camera("a")], 0)), Verdict::Good);
        let mut trial = Trial::begin(s(0), s(5), [camera("a")], 0);
        assert!(matches!(trial.look(s(31), &health(&[], 0)), Verdict::Fallen(_)));
    }

    #[test]
    fn workers_that_die_again_and_again_are_no_accident() {
        let mut trial = Trial::begin(s(0), s(60), [], 4);
        assert_eq!(trial.look(s(1), &health(&[], 6)), Verdict::Wait, "two deaths may happen");
        assert!(matches!(trial.look(s(2), &health(&[], 7)), Verdict::Fallen(_)));
        let mut trial = Trial::begin(s(0), s(60), [], 4).without_workers();
        assert_eq!(trial.look(s(60), &health(&[], 99)), Verdict::Good, "they died before the change too");
    }
}
