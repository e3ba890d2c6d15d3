//! What one camera does with an access unit: let it pass while nothing moves, or decode it and pick the pictures that
//! are due for the detector.
//!
//! The same steps run in the decode thread of a worker and in a replay of recorded footage. [`Eye::take`] takes each
//! access unit as it comes; while [`Eye::is_behind`], a camera that woke has to look back, [`Eye::catch_up`] does so
//! picture by picture. What the detector made of them comes back through [`Eye::hear`].

use std::time::Duration;

use super::lid::Lid;
use super::link::CameraJob;
use super::looker::Looker;
use super::order::Service;
use super::sight::Sight;
use crate::camera::AccessUnit;
use crate::camera::appearance::Appearance;
use crate::camera::decode::DecodeError;
use crate::camera::gate::Findings;
use crate::camera::opinion::Suspicion;
use crate::camera::picture::Picture;
use crate::camera::thumb::Area;
use crate::camera::wake::Wake;

/// What one camera needs between access unit and picture.
pub(crate) struct Eye {
    sight: Sight,
    /// None where every picture is to be decoded.
    lid: Option<Lid>,
}

/// What the gate did, to be counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) looks: u64,
    /// Looks that the detector was asked about, and for which the camera did not wake.
    pub(crate) dismissed: u64,
    pub(crate) spared: u64,
    pub(crate) awake: Duration,
    pub(crate) moves: Vec<Move>,
}

/// The gate opened or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) media_time: Duration,
    /// Why the camera woke; none where it fell asleep.
    pub(crate) woke: Option<Wake>,
}

/// What came of one access unit.
#[derive(Default)]
pub(crate) struct Glance {
    /// Pictures decoded, without looks.
    pub(crate) decoded: u64,
    /// Access units of an awake camera that were not decoded because not all can be.
    pub(crate) passed_over: u64,
    /// Access units that a camera looking back does not catch up with.
    pub(crate) left_out: u64,
    /// The picture that is due for the detector, if one is.
    pub(crate) due: Option<Due>,
    /// The access unit, or the picture that was due, is lost.
    pub(crate) lost: Option<DecodeError>,
    /// What one of the pictures looks like, now and then.
    pub(crate) appearance: Option<Appearance>,
}

/// A picture for the detector.
pub(crate) struct Due {
    pub(crate) picture: Picture,
    /// How long the camera has slept in all: time that does not count for what was parked meanwhile.
    pub(crate) slept: Duration,
    pub(crate) task: Task,
}

/// What is to be done with a picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// Find what is in it. Where something moves, in fractions; nowhere where that is not known.
    Detect { moving: Vec<Area> },
    /// Nothing has changed since the last one: what was parked then still is.
    Remember,
    /// A sleeping camera's look: is there anything new?
    Judge(Suspicion),
}

// === impl Eye ===

impl Eye {
    pub(crate) fn new(job: &CameraJob) -> Self {
        Self { sight: Sight::new(job), lid: job.gate.then(|| Lid::new(job)) }
    }

    /// One access unit as it comes.
    pub(crate) fn take(&mut self, unit: AccessUnit, looker: &mut Looker) -> Glance {
        let Self { sight, lid } = self;
        let glance = match lid {
            Some(lid) => lid.take(unit, sight, looker),
            None => sight.see(&unit),
        };
        Glance { appearance: sight.take_appearance(), ..glance }
    }

    /// How much of the camera is watched from now on, while it is awake.
    pub(crate) fn serve(&mut self, service: Service) {
        self.sight.serve(service);
    }

    /// Whether a camera that woke is still looking back.
    pub(crate) fn is_behind(&self) -> bool {
        self.lid.as_ref().is_some_and(Lid::is_behind)
    }

    /// Whether it has fallen back while looking back: a newer picture may take the place of one that the detector has not
    /// taken yet.
    pub(crate) fn hurries(&self) -> bool {
        self.lid.as_ref().is_some_and(Lid::hurries)
    }

    /// Looks back, up to the next picture that is due or to the present.
    pub(crate) fn catch_up(&mut self) -> Glance {
        match &mut self.lid {
            Some(lid) => lid.catch_up(&mut self.sight),
            None => Glance::default(),
        }
    }

    /// What the detector made of a picture.
    pub(crate) fn hear(&mut self, findings: Findings) {
        if let Some(lid) = &mut self.lid {
            lid.hear(findings, &mut self.sight);
        }
    }

    /// Stays awake, or wakes, for so long.
    pub(crate) fn hold(&mut self, lasting: Duration) {
        if let Some(lid) = &mut self.lid {
            lid.hold(lasting, &mut self.sight);
        }
    }

    /// Whether it sleeps.
    pub(crate) fn is_asleep(&self) -> bool {
        self.lid.as_ref().is_some_and(Lid::is_asleep)
    }

    /// Whether it gets to know its scene and has seen nothing that matters.
    pub(crate) fn is_settling(&self) -> bool {
        self.lid.as_ref().is_some_and(Lid::is_settling)
    }

    /// The key frame up to which a sleeping camera is sure that there was nothing.
    pub(crate) fn latest_quiet(&self) -> Option<&AccessUnit> {
        self.lid.as_ref().and_then(Lid::latest_quiet)
    }

    /// What the gate did since it was asked last.
    pub(crate) fn tally(&mut self) -> Tally {
        self.lid.as_mut().map(Lid::tally).unwrap_or_default()
    }
}

// === impl Tally ===

impl Tally {
    /// Reasons of all wakes.
    pub(crate) fn wakes(&self) -> impl Iterator<Item = Wake> {
        self.moves.iter().filter_map(|moved| moved.woke)
    }
}

#[cfg(test)]
mod tests;
