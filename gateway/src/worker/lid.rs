//! What lets a camera sleep: the gate with all that it decides by, and the ring that a camera which wakes looks back at.

mod asleep;

use std::time::Duration;

use tracing::trace;

use super::eye::{Due, Glance, Move, Tally};
use super::link::CameraJob;
use super::looker::Looker;
use super::sight::Sight;
use crate::camera::AccessUnit;
use crate::camera::gate::{Findings, Gate, KEY_INTERVAL_MAX};
use crate::camera::media_clock::MAX_STEP;
use crate::camera::place::Place;
use crate::camera::ring::Ring;
use crate::camera::sentinel::Sentinel;
use crate::camera::wake::Wake;

/// Part of the ring from which on a sleeping camera looks at each key frame, so that nothing since the last look is
/// forgotten; and from which on it wakes, because the group of pictures will not fit.
const LOOK_FROM: (usize, usize) = (1, 2);
const WAKE_FROM: (usize, usize) = (7, 8);
/// The sentinel of an awake camera learns so often at least, however far apart key frames are.
const LESSON_EVERY: Duration = Duration::from_secs(2);
/// A camera that looks back and comes to be so much later than when it began leaves out what it cannot catch up with.
const FALL_BACK_MAX: Duration = Duration::from_secs(2);
/// Before that it hurries: it does not wait any more for the detector to take each picture.
const HURRY_FROM: Duration = Duration::from_millis(500);

/// What lets a camera sleep.
pub(super) struct Lid {
    gate: Gate,
    ring: Ring,
    place: Place,
    sentinel: Sentinel,
    /// Number of the next unit to be decoded, while looking back.
    behind: Option<u64>,
    /// How late it was when it began to look back, and whether it has fallen back on the way.
    late_at_first: Duration,
    hurries: bool,
    /// Media time of the latest unit, and the time between the latest two key frames.
    last: Option<Duration>,
    last_key: Option<Duration>,
    key_interval: Option<Duration>,
    /// Bytes of the latest whole group of pictures, and of the one that has begun.
    group_bytes: (usize, usize),
    /// When the sentinel of the awake camera learned last.
    last_lesson: Duration,
    fell_asleep: Duration,
    /// Time slept in all, up to the latest waking.
    slept: Duration,
    judged: Option<Judged>,
    tally: Tally,
}

/// The look that the detector was asked about last.
struct Judged {
    number: u64,
    at: Duration,
    is_told: bool,
}

// === impl Lid ===

impl Lid {
    pub(super) fn new(job: &CameraJob) -> Self {
        Self {
            gate: Gate::new(job.sensitivity),
            ring: Ring::default(),
            place: Place::new(job.masks.clone(), job.view.regions.clone()),
            sentinel: Sentinel::default(),
            behind: None,
            late_at_first: Duration::ZERO,
            hurries: false,
            last: None,
            last_key: None,
            key_interval: None,
            group_bytes: (0, 0),
            last_lesson: Duration::ZERO,
            fell_asleep: Duration::ZERO,
            slept: Duration::ZERO,
            judged: None,
            tally: Tally::default(),
        }
    }

    /// One access unit as it comes.
    pub(super) fn take(&mut self, unit: AccessUnit, sight: &mut Sight, looker: &mut Looker) -> Glance {
        self.note_faults(&unit, sight);
        self.clock(&unit);
        if self.is_asleep() { self.doze(unit, sight, looker) } else { self.watch(unit, sight) }
    }

    /// What the detector made of a picture.
    pub(super) fn hear(&mut self, findings: Findings, sight: &mut Sight) {
        let at = self.last.unwrap_or_default();
        let opinion = findings.opinion;
        let was_asleep = self.is_asleep();
        if self.gate.hear(findings) {
            trace!(?at, ?opinion, "the look wakes");
            self.open(at, sight);
        } else if let Some(opinion) = opinion.filter(|_| was_asleep) {
            self.dismiss(at, opinion, sight);
        }
    }

    /// Stays awake, or wakes, for so long.
    pub(super) fn hold(&mut self, lasting: Duration, sight: &mut Sight) {
        let at = self.last.unwrap_or_default();
        if self.gate.hold(at, at + lasting) {
            self.open(at, sight);
        }
    }

    pub(super) fn is_asleep(&self) -> bool {
        !self.gate.is_awake()
    }

    /// Whether it gets to know its scene and has seen nothing that matters.
    pub(super) fn is_settling(&self) -> bool {
        self.gate.is_settling(self.last.unwrap_or_default())
    }

    /// Whether a camera that woke is still looking back.
    pub(super) fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Whether a camera that looks back has fallen back on the way, so that it does not wait for the detector any more.
    pub(super) fn hurries(&self) -> bool {
        self.hurries
    }

    /// The key frame up to which a sleeping camera is sure that there was nothing.
    pub(super) fn latest_quiet(&self) -> Option<&AccessUnit> {
        self.ring.units().next().filter(|_| self.is_asleep())
    }

    /// What the gate did since it was asked last.
    pub(super) fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
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
                self.key_interval = Some(at.saturating_sub(before));
            }
            self.group_bytes = (self.group_bytes.1, 0);
        }
        self.group_bytes.1 += unit.data.len();
    }

    /// An access unit of an awake camera.
    fn watch(&mut self, unit: AccessUnit, sight: &mut Sight) -> Glance {
        let at = unit.media_time;
        let is_due = unit.is_key || at >= self.last_lesson + LESSON_EVERY || at < self.last_lesson;
        // What moved is known once it has looked back.
        if is_due && self.behind.is_none() {
            self.last_lesson = at;
            match sight.take_moved() {
                Some(moved) => self.sentinel.learn(moved),
                None => self.sentinel.skip(),
            }
        }
        if !unit.is_key {
            self.sentinel.see(unit.data.len());
        }
        if let Some(next) = self.behind {
            self.ring.push(unit);
            return Glance { left_out: self.keep_up(next, at, sight), ..Glance::default() };
        }
        sight.rest(!self.may_sleep() && !self.gate.is_lively(at));
        let mut glance = sight.see_moving(&unit, &mut self.gate, &mut self.place);
        if let Some(due) = &mut glance.due {
            due.slept = self.slept;
        }
        self.hold_one_group(unit);
        if self.may_sleep() && sight.has_seen() && self.gate.sleeps(at) {
            self.close(at, sight);
        }
        glance
    }

    /// A box that has too much to do would look back for ever, as late as the ring is long: it goes on with the newest key
    /// frame instead. Returns how many access units are left out.
    fn keep_up(&mut self, next: u64, at: Duration, sight: &mut Sight) -> u64 {
        let Some(key) = self.ring.latest_key().filter(|&key| key > next) else { return 0 };
        if self.ring.get(next).is_some_and(|unit| self.fallen_back(unit.media_time) <= FALL_BACK_MAX) {
            return 0;
        }
        self.look_back_from(key, at);
        self.sentinel.skip();
        sight.start_over();
        key - next
    }

    fn look_back_from(&mut self, number: u64, at: Duration) {
        let from = self.ring.get(number).map_or(at, |unit| unit.media_time);
        self.behind = (number < self.ring.end()).then_some(number);
        self.late_at_first = at.saturating_sub(from);
    }

    /// By how much it is later than when it began to look back, where the next unit is of this time.
    fn fallen_back(&self, media_time: Duration) -> Duration {
        let late = self.last.unwrap_or_default().saturating_sub(media_time);
        late.saturating_sub(self.late_at_first)
    }

    /// Holds what came since the latest key frame.
    fn hold_one_group(&mut self, unit: AccessUnit) {
        self.ring.push(unit);
        if let Some(key) = self.ring.latest_key() {
            self.ring.forget_before(key);
        }
    }

    /// A camera whose groups of pictures do not fit into the ring could not look back.
    fn may_sleep(&self) -> bool {
        self.ring.latest_key().is_some()
            && self.group_bytes.0.max(self.group_bytes.1) <= self.part_of_ring(WAKE_FROM)
            && self.sees_enough()
    }

    fn part_of_ring(&self, (part, of): (usize, usize)) -> usize {
        self.ring.bytes_max() / of * part
    }

    /// Looks that are too far apart miss who comes and goes in between.
    fn sees_enough(&self) -> bool {
        let since_key = self.last.unwrap_or_default().saturating_sub(self.last_key.unwrap_or_default());
        let is_near = self.key_interval.is_some_and(|interval| interval.max(since_key) <= KEY_INTERVAL_MAX);
        is_near || self.gate.parked().is_empty() && self.sentinel.is_proven()
    }

    fn close(&mut self, at: Duration, sight: &mut Sight) {
        let mattered = self.gate.was_fruitful();
        self.sentinel.close(mattered);
        if self.gate.reason() == Wake::Sentinel && !mattered {
            self.sentinel.cried_wolf();
        }
        if let Some(now) = sight.scene() {
            self.place.settle(now);
        }
        self.tally.moves.push(Move { media_time: at, woke: None });
        self.fell_asleep = at;
        sight.close();
    }

    /// Opens the eye: back to the last quiet look, or to where it fell asleep.
    fn open(&mut self, at: Duration, sight: &mut Sight) {
        let reason = self.gate.reason();
        self.tally.moves.push(Move { media_time: at, woke: Some(reason) });
        if matches!(reason, Wake::Look | Wake::Switch) {
            self.sentinel.learn(true);
            self.last_lesson = at;
        }
        let back_to = self.ring.units().next().map_or(at, |unit| unit.media_time);
        self.slept += back_to.max(self.fell_asleep) - self.fell_asleep;
        self.look_back_from(self.ring.first(), at);
        sight.start_over();
    }

    /// Decodes from the ring until a picture is due or the present is reached.
    pub(super) fn catch_up(&mut self, sight: &mut Sight) -> Glance {
        let mut glance = Glance::default();
        while let Some(number) = self.behind {
            let Some(unit) = self.ring.get(number) else {
                self.behind = None;
                break;
            };
            self.hurries |= self.fallen_back(unit.media_time) >= HURRY_FROM;
            let seen = sight.see_moving(unit, &mut self.gate, &mut self.place);
            self.behind = (number + 1 < self.ring.end()).then_some(number + 1);
            glance.decoded += seen.decoded;
            glance.passed_over += seen.passed_over;
            glance.lost = seen.lost.or(glance.lost);
            if let Some(due) = seen.due {
                glance.due = Some(Due { slept: self.slept, ..due });
                break;
            }
        }
        if self.behind.is_none() {
            self.hurries = false;
            if let Some(key) = self.ring.latest_key() {
                self.ring.forget_before(key);
            }
        }
        glance
    }
}
