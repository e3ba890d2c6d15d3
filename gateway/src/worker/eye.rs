//! What one camera does with an access unit: let it pass while nothing moves, or decode it and pick the pictures that
//! are due for the detector.
//!
//! The same steps run in the decode thread of a worker and in a replay of recorded footage. [`Eye::take`] takes each
//! access unit as it comes; while [`Eye::is_behind`], a camera that woke has to look back, [`Eye::catch_up`] does so
//! picture by picture. What the detector made of them comes back through [`Eye::hear`].

use std::time::Duration;

use super::link::CameraJob;
use super::looker::Looker;
use super::order::Service;
use super::sight::Sight;
use crate::camera::AccessUnit;
use crate::camera::change::Change;
use crate::camera::decode::{DecodeError, Filter};
use crate::camera::gate::{Findings, Gate, Wake};
use crate::camera::look::Looks;
use crate::camera::media_clock::MAX_STEP;
use crate::camera::picture::Picture;
use crate::camera::restless::{Lesson, Restless};
use crate::camera::ring::{Push, Ring};
use crate::camera::sentinel::Sentinel;
use crate::camera::thumb::{Area, Thumb};

/// Part of the ring from which on a sleeping camera looks at each key frame, so that nothing since the last look is
/// forgotten; and from which on it wakes, because the group of pictures will not fit.
const LOOK_FROM: (usize, usize) = (1, 2);
const WAKE_FROM: (usize, usize) = (7, 8);
/// With key frames further apart than this, a camera with something parked stays awake: it would be taken for gone.
const PARKED_KEY_INTERVAL_MAX: Duration = Duration::from_millis(4500);

/// What one camera needs between access unit and picture.
pub(crate) struct Eye {
    sight: Sight,
    /// None where every picture is to be decoded.
    lid: Option<Lid>,
}

/// What lets a camera sleep.
struct Lid {
    gate: Gate,
    ring: Ring,
    looks: Looks,
    restless: Restless,
    sentinel: Sentinel,
    /// Number of the next unit to be decoded, while looking back.
    behind: Option<u64>,
    /// Media time of the latest unit, and the time between the latest two key frames.
    last: Option<Duration>,
    last_key: Option<Duration>,
    key_interval: Duration,
    /// Bytes of the latest whole group of pictures, and of the one that has begun.
    group_bytes: (usize, usize),
    fell_asleep: Duration,
    /// Time slept in all, up to the latest waking.
    slept: Duration,
    tally: Tally,
}

/// What the gate did, to be counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) looks: u64,
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
    /// The picture that is due for the detector, if one is.
    pub(crate) due: Option<Due>,
    /// The access unit, or the picture that was due, is lost.
    pub(crate) lost: Option<DecodeError>,
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
}

// === impl Eye ===

impl Eye {
    pub(crate) fn new(job: &CameraJob) -> Self {
        Self { sight: Sight::new(job.detections_per_second), lid: job.gate.then(|| Lid::new(job)) }
    }

    /// One access unit as it comes.
    pub(crate) fn take(&mut self, unit: AccessUnit, looker: &mut Looker) -> Glance {
        let Self { sight, lid } = self;
        let Some(lid) = lid else { return sight.see(&unit) };
        lid.note_faults(&unit, sight);
        lid.clock(&unit);
        if !lid.gate.is_awake() {
            return lid.doze(unit, sight, looker);
        }
        lid.watch(unit, sight)
    }

    /// How much of the camera is watched from now on, while it is awake.
    pub(crate) fn serve(&mut self, service: Service) {
        self.sight.serve(service);
    }

    /// Whether a camera that woke is still looking back.
    pub(crate) fn is_behind(&self) -> bool {
        self.lid.as_ref().is_some_and(|lid| lid.behind.is_some())
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
        let Some(lid) = &mut self.lid else { return };
        let at = lid.last.unwrap_or_default();
        if lid.gate.hear(findings) {
            lid.open(at, &mut self.sight);
        }
    }

    /// Stays awake, or wakes, for so long.
    pub(crate) fn hold(&mut self, lasting: Duration) {
        let Some(lid) = &mut self.lid else { return };
        let at = lid.last.unwrap_or_default();
        if lid.gate.hold(at, at + lasting) {
            lid.open(at, &mut self.sight);
        }
    }

    /// Whether it sleeps.
    pub(crate) fn is_asleep(&self) -> bool {
        self.lid.as_ref().is_some_and(|lid| !lid.gate.is_awake())
    }

    /// Media time up to which a sleeping camera is sure that there was nothing.
    pub(crate) fn quiet_until(&self) -> Option<Duration> {
        let lid = self.lid.as_ref().filter(|lid| !lid.gate.is_awake())?;
        lid.ring.units().next().map(|unit| unit.media_time)
    }

    /// What the gate did since it was asked last.
    pub(crate) fn tally(&mut self) -> Tally {
        self.lid.as_mut().map(|lid| std::mem::take(&mut lid.tally)).unwrap_or_default()
    }
}

// === impl Tally ===

impl Tally {
    /// Reasons of all wakes.
    pub(crate) fn wakes(&self) -> impl Iterator<Item = Wake> {
        self.moves.iter().filter_map(|moved| moved.woke)
    }
}

// === impl Lid ===

impl Lid {
    fn new(job: &CameraJob) -> Self {
        Self {
            gate: Gate::new(job.sensitivity),
            ring: Ring::default(),
            looks: Looks::default(),
            restless: Restless::default(),
            sentinel: Sentinel::default(),
            behind: None,
            last: None,
            last_key: None,
            key_interval: Duration::ZERO,
            group_bytes: (0, 0),
            fell_asleep: Duration::ZERO,
            slept: Duration::ZERO,
            tally: Tally::default(),
        }
    }

    /// What makes the past useless, and wakes.
    fn note_faults(&mut self, unit: &AccessUnit, sight: &mut Sight) {
        let at = unit.media_time;
        let leapt = self.last.is_some_and(|last| at < last || at > last + MAX_STEP);
        let reason = match () {
            () if unit.is_new_sequence => Wake::NewSequence,
            () if leapt => Wake::Clock,
            () => return,
        };
        // Nothing of before can be decoded together with what comes.
        self.ring.clear();
        self.behind = self.behind.map(|_| self.ring.end());
        self.sentinel.skip();
        if leapt {
            sight.forget_time();
        }
        if self.gate.wake(at, reason) {
            self.open(at, sight);
        }
    }

    fn clock(&mut self, unit: &AccessUnit) {
        let at = unit.media_time;
        let passed = self.last.replace(at).map(|last| at.saturating_sub(last)).unwrap_or_default();
        if self.gate.is_awake() {
            self.tally.awake += passed.min(MAX_STEP);
        }
        if unit.is_key {
            if let Some(before) = self.last_key.replace(at) {
                self.key_interval = at.saturating_sub(before);
            }
            self.group_bytes = (self.group_bytes.1, 0);
        }
        self.group_bytes.1 += unit.data.len();
    }

    /// An access unit of an awake camera.
    fn watch(&mut self, unit: AccessUnit, sight: &mut Sight) -> Glance {
        let at = unit.media_time;
        if unit.is_key {
            match self.behind {
                None => self.sentinel.learn(sight.group_moved()),
                Some(_) => self.sentinel.skip(),
            }
        } else {
            self.sentinel.see(unit.data.len());
        }
        if let Some(next) = self.behind {
            self.ring.push(unit);
            if next < self.ring.first() {
                // It fell so far behind that the ring forgot what it was to see next.
                self.behind = Some(self.ring.first());
                sight.start_over();
            }
            return Glance::default();
        }
        let may_sleep = self.may_sleep();
        sight.rest(!may_sleep && !self.gate.is_lively(at));
        let mut glance = sight.see_moving(&unit, &mut self.gate, &mut self.looks, &mut self.restless);
        if let Some(due) = &mut glance.due {
            due.slept = self.slept;
        }
        self.hold_one_group(unit);
        if self.may_sleep() && sight.has_seen() && self.gate.sleeps(at) {
            self.close(at, sight);
        }
        glance
    }

    /// Holds what came since the latest key frame.
    fn hold_one_group(&mut self, unit: AccessUnit) {
        self.ring.push(unit);
        if let Some(key) = self.ring.latest_key() {
            self.ring.forget_before(key);
        }
    }

    /// A camera whose key frames are too far apart for the ring could not look back.
    fn may_sleep(&self) -> bool {
        self.ring.latest_key().is_some()
            && self.group_bytes.0.max(self.group_bytes.1) <= self.part_of_ring(WAKE_FROM)
            && (self.gate.parked().is_empty() || self.key_interval <= PARKED_KEY_INTERVAL_MAX)
    }

    fn close(&mut self, at: Duration, sight: &mut Sight) {
        if self.gate.reason() == Wake::Sentinel && !self.gate.was_fruitful() {
            self.sentinel.cried_wolf();
        }
        if let Some(now) = sight.scene() {
            self.looks.settle(now);
        }
        self.tally.moves.push(Move { media_time: at, woke: None });
        self.fell_asleep = at;
        sight.close();
    }

    /// Opens the eye: back to the last quiet look, or to where it fell asleep.
    fn open(&mut self, at: Duration, sight: &mut Sight) {
        self.tally.moves.push(Move { media_time: at, woke: Some(self.gate.reason()) });
        let back_to = self.ring.units().next().map_or(at, |unit| unit.media_time);
        self.slept += back_to.max(self.fell_asleep) - self.fell_asleep;
        self.behind = (self.ring.first() < self.ring.end()).then(|| self.ring.first());
        sight.start_over();
    }

    /// An access unit of a sleeping camera.
    fn doze(&mut self, unit: AccessUnit, sight: &mut Sight, looker: &mut Looker) -> Glance {
        let at = unit.media_time;
        let (is_key, is_broken, bytes) = (unit.is_key, unit.lost_packets > 0, unit.data.len());
        if is_broken {
            // Whatever is missing, the next key frame shows what became of it.
            self.gate.look_soon();
            self.sentinel.skip();
        }
        let number = self.ring.end();
        let is_filling = self.ring.bytes() > self.part_of_ring(LOOK_FROM);
        let pushed = self.ring.push(unit);
        self.tally.spared += 1;
        if pushed == Push::Overrun || self.ring.bytes() > self.part_of_ring(WAKE_FROM) {
            if self.gate.wake(at, Wake::Overrun) {
                self.open(at, sight);
            }
            return Glance::default();
        }
        if is_key {
            return match is_filling || self.gate.wants_look(at, self.sentinel.is_proven()) {
                true => self.look(number, is_broken, sight, looker),
                false => Glance::default(),
            };
        }
        if self.sentinel.see(bytes) && self.gate.wake(at, Wake::Sentinel) {
            self.open(at, sight);
        }
        Glance::default()
    }

    fn part_of_ring(&self, (part, of): (usize, usize)) -> usize {
        self.ring.bytes_max() / of * part
    }

    /// Looks at the key frame with this number.
    fn look(&mut self, number: u64, is_broken: bool, sight: &mut Sight, looker: &mut Looker) -> Glance {
        let Some(unit) = self.ring.get(number) else { return Glance::default() };
        let at = unit.media_time;
        let patrols = self.gate.wants_patrol(at, self.restless.is_any());
        // The detector is used to whole pictures.
        let filter = if patrols { Filter::Whole } else { Filter::Skipped };
        let looked = match is_broken {
            true => Err(DecodeError::NoPicture),
            false => looker.look(unit, sight.size_px(), filter),
        };
        self.tally.looks += 1;
        let picture = match looked {
            Ok(picture) => picture,
            Err(error) => {
                if self.gate.look_failed(at) {
                    self.open(at, sight);
                }
                return Glance { lost: Some(error), ..Glance::default() };
            }
        };
        if let Err(reason) = self.compare(at, Thumb::of(&picture.view())) {
            if self.gate.wake(at, reason) {
                self.open(at, sight);
            }
            return Glance::default();
        }
        // From here on nothing before this picture is needed any more.
        self.gate.looked(at);
        self.ring.forget_before(number);
        let task = if patrols {
            self.gate.ask(at);
            Task::Detect { moving: Vec::new() }
        } else if !self.gate.parked().is_empty() {
            Task::Remember
        } else {
            return Glance::default();
        };
        sight.has_shown(at);
        let slept = self.slept + at.saturating_sub(self.fell_asleep);
        Glance { due: Some(Due { picture, slept, task }), ..Glance::default() }
    }

    /// Compares a look with those before; the error is the reason to wake.
    fn compare(&mut self, at: Duration, now: Thumb) -> Result<(), Wake> {
        let threshold = self.gate.threshold();
        let Some(change) = self.looks.look(now.clone(), threshold) else { return Err(Wake::Switch) };
        if change.is_switch() {
            self.sentinel.skip();
            return Err(Wake::Switch);
        }
        let tracked: Vec<Area> = self.gate.parked().iter().map(|(_, area)| *area).collect();
        let matters: Change = self.restless.matters(&now, change.clone());
        if !matters.regions(threshold.cells).is_empty() {
            self.sentinel.learn(true);
            return Err(Wake::Look);
        }
        self.sentinel.learn(false);
        self.restless.learn(at, &now, &change, Lesson::Look, &tracked);
        Ok(())
    }

    /// Decodes from the ring until a picture is due or the present is reached.
    fn catch_up(&mut self, sight: &mut Sight) -> Glance {
        let mut glance = Glance::default();
        while let Some(number) = self.behind {
            let Some(unit) = self.ring.get(number) else {
                self.behind = None;
                break;
            };
            let seen = sight.see_moving(unit, &mut self.gate, &mut self.looks, &mut self.restless);
            self.behind = (number + 1 < self.ring.end()).then_some(number + 1);
            glance.decoded += seen.decoded;
            glance.passed_over += seen.passed_over;
            glance.lost = seen.lost.or(glance.lost);
            if let Some(due) = seen.due {
                glance.due = Some(Due { slept: self.slept, ..due });
                break;
            }
        }
        if self.behind.is_none()
            && let Some(key) = self.ring.latest_key()
        {
            self.ring.forget_before(key);
        }
        glance
    }
}

#[cfg(test)]
mod tests;
