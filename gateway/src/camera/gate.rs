//! When a camera sleeps and when it is awake. Pure: media time and what was noticed in, decisions out.
//!
//! ```text
//!            a look and the detector, sentinel, fault, request
//!   asleep ─────────────────────────────────────────────────────▶ awake: first looks back, then live
//!     ▲                                                             │
//!     └─── nothing has moved, or nothing that moves is known ◀──────┘
//! ```
//!
//! A look that differs is no more than a suspicion. The detector sees it too: what it recognises there wakes the camera,
//! what it knows nothing of does so within a [`Budget`], earlier where it is large: insects, rain and leaves are small.
//! What is large and of a kind that no rule asks for has a budget of its own, since detectors take one for the other.
//! Awake, motion that is tracked keeps the camera so; motion of something that the detector knows nothing of does so for
//! `VAIN_MAX`. What is still tracked although nothing moves is *parked*: it is remembered, and the detector looks again
//! at times. Tracks of what no rule asks for are not told to the gate.

use std::time::Duration;

use moshao_config::Sensitivity;

use super::budget::Budget;
use super::change::Threshold;
use super::familiar::Familiar;
use super::opinion::{LARGE, Opinion, Recognised, Suspicion, size, touch};
use super::patrol::Patrol;
use super::thumb::Area;
use super::wake::Wake;

/// Awake after a beginning, at least: until the scene is known. The worker waits for a second key frame besides.
const SETTLING: Duration = Duration::from_millis(2500);
/// Awake after the last motion, where nothing is tracked. Motion is told for a second after its end.
const LINGER: Duration = Duration::from_millis(500);
/// Awake after the last motion, where something is.
const LINGER_TRACKED: Duration = Duration::from_millis(1500);
/// Awake while something moves of which nothing is tracked any more.
const VAIN_MAX: Duration = Duration::from_millis(2500);
/// The same where nothing has been tracked since the wake. What came before it has been looked back at by then, some ten
/// pictures; this is seven more, and the next key frame is looked at in any case.
const VAIN_FROM_WAKE: Duration = Duration::from_millis(1500);
/// How long an answer of the detector is waited for; beyond this it fails or is far behind.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// While nothing moves the detector looks this often, awake.
const IDLE_EVERY: Duration = Duration::from_millis(900);
/// Time between looks, at least; where key frames come more often, not each is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(950);
/// Time between looks, at most, where the sentinel has proven itself.
const LOOK_EVERY_PROVEN: Duration = Duration::from_secs(10);
/// With key frames further apart than this somebody may come and go unseen by any look: the camera sleeps only where the
/// sentinel has proven itself, and what is parked would be taken for gone.
pub const KEY_INTERVAL_MAX: Duration = Duration::from_millis(4500);

/// What the detector and the tracker made of one picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Media time of the picture.
    pub media_time: Duration,
    /// Tracks seen in it: id and where, in fractions of the picture.
    pub tracks: Vec<(u64, Area)>,
    /// What it makes of a suspicion; none where the picture was one of an awake camera.
    pub opinion: Option<Opinion>,
    /// What it recognised in a picture that it was asked about.
    pub recognised: Recognised,
}

/// The gate of one camera.
#[derive(Debug)]
pub struct Gate {
    sensitivity: Sensitivity,
    is_awake: bool,
    wake: Wake,
    since: Duration,
    last_motion: Duration,
    held_until: Duration,
    asked: Option<Duration>,
    answered: Option<Duration>,
    /// When something was tracked last, and when something tracked moved, since it woke.
    tracked_at: Option<Duration>,
    lively_at: Option<Duration>,
    tracks: Findings,
    last_look: Option<Duration>,
    last_detection: Option<Duration>,
    failed_looks: u32,
    /// What the detector has been asked about and has not answered.
    doubt: Option<Doubt>,
    patrol: Patrol,
    familiar: Familiar,
    /// Where rounds of the detector found something faint.
    doubted: Familiar,
    /// For wakes for what nobody knows, and for what is large and of a kind that no rule asks for.
    budget: Budget,
    budget_of_others: Budget,
    /// What the detector made of the look for which it woke last, where it was one.
    woke_for: Option<Opinion>,
}

/// A look that the detector has been asked about.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    at: Duration,
    because: Wake,
    is_large: bool,
}

// === impl Gate ===

impl Gate {
    /// Begins awake: how things are has to be seen first.
    pub fn new(sensitivity: Sensitivity) -> Self {
        let (share_in_vain, share_for_others) = match sensitivity {
            Sensitivity::Low => (0.002, 0.006),
            Sensitivity::Normal => (0.006, 0.03),
            Sensitivity::High => (0.02, 0.1),
        };
        Self {
            sensitivity,
            is_awake: true,
            wake: Wake::NewSequence,
            since: Duration::ZERO,
            last_motion: Duration::ZERO,
            held_until: SETTLING,
            asked: None,
            answered: None,
            tracked_at: None,
            lively_at: None,
            tracks: Findings::default(),
            last_look: None,
            last_detection: None,
            failed_looks: 0,
            doubt: None,
            patrol: Patrol::default(),
            familiar: Familiar::default(),
            doubted: Familiar::default(),
            budget: Budget::new(share_in_vain),
            budget_of_others: Budget::new(share_for_others),
            woke_for: None,
        }
    }

    /// How much must change for this camera.
    pub fn threshold(&self) -> Threshold {
        match self.sensitivity {
            Sensitivity::Low => Threshold { levels: 8.0, noises: 6.0, cells: 6 },
            Sensitivity::Normal => Threshold { levels: 4.5, noises: 4.5, cells: 3 },
            Sensitivity::High => Threshold { levels: 3.0, noises: 4.0, cells: 2 },
        }
    }

    /// Whether every picture is decoded.
    pub fn is_awake(&self) -> bool {
        self.is_awake
    }

    /// Whether it is awake because its scene has to be seen first, which two key frames are enough for, and nothing that is
    /// tracked has moved since.
    pub fn is_settling(&self, at: Duration) -> bool {
        let is_new = self.wake == Wake::NewSequence && at < self.held_until + KEY_INTERVAL_MAX;
        self.is_awake && is_new && !self.was_fruitful()
    }

    /// Why it woke last.
    pub fn reason(&self) -> Wake {
        self.wake
    }

    /// Where something stands still in the picture and is known, as seen last.
    pub fn parked(&self) -> Vec<Area> {
        self.tracks.tracks.iter().map(|(_, area)| *area).collect()
    }

    /// Whether anything that was tracked has moved since it woke.
    pub fn was_fruitful(&self) -> bool {
        self.lively_at.is_some()
    }

    /// Something was noticed. True if the camera was asleep and wakes.
    pub fn wake(&mut self, at: Duration, reason: Wake) -> bool {
        self.wake_for(at, reason, None)
    }

    fn wake_for(&mut self, at: Duration, reason: Wake, opinion: Option<Opinion>) -> bool {
        self.last_motion = self.last_motion.max(at);
        if reason == Wake::NewSequence {
            self.held_until = self.held_until.max(at + SETTLING);
        }
        if self.is_awake {
            return false;
        }
        self.is_awake = true;
        self.wake = reason;
        self.since = at;
        self.failed_looks = 0;
        self.asked = None;
        self.tracked_at = None;
        self.lively_at = None;
        self.familiar.begin();
        self.woke_for = opinion;
        self.doubt = None;
        self.patrol = Patrol::default();
        true
    }

    /// Somebody wants to see: awake until `until`, at least. True if it was asleep.
    pub fn hold(&mut self, at: Duration, until: Duration) -> bool {
        self.held_until = self.held_until.max(until);
        self.wake(at, Wake::Request)
    }

    /// Something moves in an awake camera's picture, at these places.
    pub fn moves(&mut self, at: Duration, places: &[Area]) {
        self.last_motion = self.last_motion.max(at);
        let tracks = &self.tracks.tracks;
        if places.iter().any(|place| tracks.iter().any(|(_, area)| touch(*place, *area))) {
            self.lively_at = self.lively_at.max(Some(at));
        }
    }

    /// A look of a sleeping camera has shown something. What the detector is to be asked, or nothing where it owes the
    /// last answer for long: then the camera wakes.
    pub fn suspects(&mut self, at: Duration, because: Wake, moving: Vec<Area>) -> Option<Suspicion> {
        if self.doubt.is_some() {
            self.wake(at, because);
            return None;
        }
        // Somebody who is so near is often seen in part, which detectors do not know.
        let is_large = moving.iter().any(|area| size(*area) >= LARGE);
        self.doubt = Some(Doubt { at, because, is_large });
        self.last_look = Some(at);
        self.last_detection = Some(at);
        // What may wake it all the same is looked back at: nothing may be told that is younger.
        let is_told = !self.tracks.tracks.is_empty() && !self.affords_unknown(at, is_large);
        let heeds_others = self.budget_of_others.affords_on_credit(at);
        let (parked, familiar) = (self.parked(), self.familiar.at(at));
        Some(Suspicion { moving, parked, familiar, doubted: Vec::new(), heeds_others, is_told })
    }

    /// The detector is to see a look in which nothing had changed.
    pub fn patrols(&mut self, at: Duration) -> Suspicion {
        self.doubt = Some(Doubt { at, because: Wake::Detector, is_large: false });
        self.last_detection = Some(at);
        Suspicion {
            moving: Vec::new(),
            parked: self.parked(),
            familiar: self.familiar.at(at),
            doubted: self.doubted.at(at),
            heeds_others: false,
            is_told: true,
        }
    }

    /// The sentinel gives the alarm. True if the camera was asleep and wakes.
    pub fn alarm(&mut self, at: Duration) -> bool {
        if !self.is_awake && !self.budget.affords(at) {
            self.look_soon();
            return false;
        }
        self.wake(at, Wake::Sentinel)
    }

    /// A picture is on its way to the detector.
    pub fn ask(&mut self, at: Duration) {
        self.asked = Some(at);
        self.last_detection = Some(at);
    }

    /// The detector's answer. True if the camera was asleep and wakes.
    pub fn hear(&mut self, findings: Findings) -> bool {
        let at = findings.media_time;
        self.answered = self.answered.max(Some(at));
        if let Some(opinion) = findings.opinion {
            return self.weigh(opinion, &findings.recognised);
        }
        if self.is_awake && !findings.tracks.is_empty() {
            self.tracked_at = Some(at);
        }
        if self.is_awake {
            findings.tracks.iter().for_each(|(_, area)| self.familiar.see(*area));
        }
        self.tracks = findings;
        false
    }

    /// What the detector made of a look.
    fn weigh(&mut self, opinion: Opinion, recognised: &Recognised) -> bool {
        let Some(Doubt { at, because, is_large }) = self.doubt.take() else { return false };
        if because == Wake::Detector {
            recognised.faint.iter().for_each(|area| self.doubted.see(*area));
            self.doubted.keep(at);
            return self.patrol.returns(opinion) && self.wake(at, because);
        }
        self.patrol.was_elsewhere();
        let wakes = match opinion {
            // Asked for only where there is time for it.
            Opinion::Clear | Opinion::Other => true,
            Opinion::Gone | Opinion::Faint => self.budget.affords_on_credit(at),
            Opinion::Nothing => self.affords_unknown(at, is_large),
        };
        let woke = wakes && self.wake_for(at, because, Some(opinion));
        if woke && opinion == Opinion::Other {
            // Where nothing comes of it, it is familiar: a bench in the rain is not news again.
            recognised.others.iter().for_each(|area| self.familiar.see(*area));
        }
        woke
    }

    /// Whether there is time for a wake that nothing speaks for but a change.
    fn affords_unknown(&mut self, at: Duration, is_large: bool) -> bool {
        if is_large { self.budget.affords_in_advance(at) } else { self.budget.affords(at) }
    }

    /// Whether the detector should see the awake camera's picture that is due: always while something moves or is
    /// tracked, and once in a while otherwise.
    pub fn wants_detection(&self, at: Duration) -> bool {
        self.is_lively(at) || self.last_detection.is_none_or(|last| last + IDLE_EVERY <= at || at < last)
    }

    /// Whether something moves before an awake camera or is tracked, or somebody wants to see.
    pub fn is_lively(&self, at: Duration) -> bool {
        at <= self.last_motion + LINGER
            || at <= self.held_until
            || self.tracked_at.is_some_and(|tracked| at <= tracked + LINGER_TRACKED)
    }

    /// Whether an awake camera that has caught up may sleep; then it does.
    pub fn sleeps(&mut self, at: Duration) -> bool {
        let linger = if self.tracks.tracks.is_empty() { LINGER } else { LINGER_TRACKED };
        let waits = self.asked.is_some_and(|asked| {
            self.answered.is_none_or(|answered| answered < asked) && at < asked + ANSWER_MAX
        });
        let is_still = at >= self.last_motion.max(self.since) + linger;
        let is_in_vain = match self.lively_at {
            Some(lively) => at >= lively.max(self.since) + VAIN_MAX,
            None => at >= self.since + VAIN_FROM_WAKE,
        };
        if !self.is_awake || waits || at < self.held_until || !(is_still || is_in_vain) {
            return false;
        }
        let was_doubtful = matches!(self.wake, Wake::Look | Wake::Switch | Wake::Sentinel | Wake::Detector);
        if !self.was_fruitful() {
            self.familiar.keep(at);
            if was_doubtful {
                let is_for_other = self.woke_for == Some(Opinion::Other);
                let budget = if is_for_other { &mut self.budget_of_others } else { &mut self.budget };
                budget.spend(at, at.saturating_sub(self.since));
            }
        }
        self.budget.pass(at);
        self.budget_of_others.pass(at);
        self.is_awake = false;
        // The falling asleep has seen everything: looks and patrols count from here. Of what goes on moving nobody knows
        // anything yet, so that the next key frame is looked at in any case.
        self.last_look = is_still.then_some(at);
        true
    }

    /// Whether the key frame at `at` is to be looked at. Not while the detector is asked about another.
    pub fn wants_look(&self, at: Duration, is_sentinel_proven: bool) -> bool {
        if self.doubt.is_some_and(|doubt| doubt.at <= at && at < doubt.at + ANSWER_MAX) {
            return false;
        }
        // What is parked is told again with each look, so that nobody takes it for gone.
        let may_be_rare = is_sentinel_proven && self.failed_looks == 0 && self.tracks.tracks.is_empty();
        let every = if may_be_rare { LOOK_EVERY_PROVEN } else { LOOK_EVERY };
        // Key frames do not come to the millisecond.
        const EARLY: Duration = Duration::from_millis(100);
        self.last_look.is_none_or(|last| last + every <= at + EARLY || at < last)
    }

    /// A look has been had, and nothing had changed.
    pub fn looked(&mut self, at: Duration) {
        self.last_look = Some(at);
        self.failed_looks = 0;
        self.doubt = None;
    }

    /// Something was lost since the last look: the next key frame is looked at in any case.
    pub fn look_soon(&mut self) {
        self.last_look = None;
    }

    /// A key frame could not be looked at: broken, or packets missing. True from the second in a row on, when the
    /// camera wakes; the first may be followed by a good one.
    pub fn look_failed(&mut self, at: Duration) -> bool {
        self.failed_looks += 1;
        self.last_look = None;
        self.failed_looks >= 2 && self.wake(at, Wake::Blind)
    }

    /// Whether the detector should see a look that was quiet, where this share of the picture is restless.
    pub fn wants_patrol(&self, at: Duration, restless: f32) -> bool {
        let every = self.patrol.every(self.sensitivity, restless);
        self.last_detection.is_none_or(|last| last + every <= at || at < last)
    }
}

#[cfg(test)]
mod tests;
