//! When a camera sleeps and when it is awake. Pure: media time and what was noticed in, decisions out.
//!
//! ```text
//!            look, sentinel, detector, fault, request
//!   asleep ───────────────────────────────────────────▶ awake: first looks back, then live
//!     ▲                                                    │
//!     └─── nothing has moved, nobody is waited for ◀───────┘
//! ```
//!
//! Generous in waking, stingy only in staying awake: a wake that led to nothing ends after `LINGER`, one in which
//! something was tracked after `LINGER_TRACKED`. What is still tracked although nothing moves is *parked*: it is
//! remembered, and the detector looks again at times.

use std::collections::BTreeSet;
use std::time::Duration;

use moshao_config::Sensitivity;

use super::change::Threshold;

/// Awake after a beginning: until the scene is known.
const SETTLING: Duration = Duration::from_secs(6);
/// Awake after the last motion, where nothing was tracked.
const LINGER: Duration = Duration::from_millis(1200);
/// Awake after the last motion, where something was: longer than a tracker remembers.
const LINGER_TRACKED: Duration = Duration::from_millis(3500);
/// How long an answer of the detector is waited for; beyond this it fails or is far behind.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// While nothing moves the detector looks this often, awake.
const IDLE_EVERY: Duration = Duration::from_millis(900);
/// Time between looks, at least; where key frames come more often, not each is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(950);
/// Time between looks, at most, where the sentinel has proven itself.
const LOOK_EVERY_PROVEN: Duration = Duration::from_secs(10);
/// The detector sees one look in so much time although nothing has changed: what came too slowly for every comparison.
const PATROL_EVERY: Duration = Duration::from_secs(30);
/// The same where something is restless, which makes the gate less sharp.
const PATROL_EVERY_RESTLESS: Duration = Duration::from_secs(10);

/// Why a camera woke. The words are metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// A session began, or the stream's parameters changed.
    NewSequence,
    /// A look showed something new.
    Look,
    /// A look showed another picture altogether: day and night, a lamp, a turned camera.
    Switch,
    /// Sizes of encoded pictures.
    Sentinel,
    /// The detector found something in a look that had seemed quiet, or misses something parked.
    Detector,
    /// Somebody asked: an alarm, a still.
    Request,
    /// Key frames could not be looked at.
    Blind,
    /// The ring cannot hold what came since the last look.
    Overrun,
    /// Media time leapt.
    Clock,
}

// === impl Wake ===

impl Wake {
    /// Every reason.
    pub const ALL: [Wake; 9] = [
        Wake::NewSequence,
        Wake::Look,
        Wake::Switch,
        Wake::Sentinel,
        Wake::Detector,
        Wake::Request,
        Wake::Blind,
        Wake::Overrun,
        Wake::Clock,
    ];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Wake::NewSequence => "new-sequence",
            Wake::Look => "look",
            Wake::Switch => "switch",
            Wake::Sentinel => "sentinel",
            Wake::Detector => "detector",
            Wake::Request => "request",
            Wake::Blind => "blind",
            Wake::Overrun => "overrun",
            Wake::Clock => "clock",
        }
    }
}

/// What the detector and the tracker made of one picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Media time of the picture.
    pub media_time: Duration,
    /// Tracks seen in it: id and where, in fractions of the picture.
    pub tracks: Vec<(u64, super::thumb::Area)>,
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
    tracked_at: Option<Duration>,
    tracks: Findings,
    last_look: Option<Duration>,
    last_detection: Option<Duration>,
    failed_looks: u32,
}

// === impl Gate ===

impl Gate {
    /// Begins awake: how things are has to be seen first.
    pub fn new(sensitivity: Sensitivity) -> Self {
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
            tracks: Findings::default(),
            last_look: None,
            last_detection: None,
            failed_looks: 0,
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

    /// Why it woke last.
    pub fn reason(&self) -> Wake {
        self.wake
    }

    /// What stands still in the picture and is known, as seen last.
    pub fn parked(&self) -> &[(u64, super::thumb::Area)] {
        &self.tracks.tracks
    }

    /// Whether anything was tracked since it woke.
    pub fn was_fruitful(&self) -> bool {
        self.tracked_at.is_some()
    }

    /// Something was noticed. True if the camera was asleep and wakes.
    pub fn wake(&mut self, at: Duration, reason: Wake) -> bool {
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
        true
    }

    /// Somebody wants to see: awake until `until`, at least. True if it was asleep.
    pub fn hold(&mut self, at: Duration, until: Duration) -> bool {
        self.held_until = self.held_until.max(until);
        self.wake(at, Wake::Request)
    }

    /// Something moves in an awake camera's picture.
    pub fn moves(&mut self, at: Duration) {
        self.last_motion = self.last_motion.max(at);
    }

    /// A picture is on its way to the detector.
    pub fn ask(&mut self, at: Duration) {
        self.asked = Some(at);
        self.last_detection = Some(at);
    }

    /// The detector's answer. True if the camera was asleep and wakes, because there is more or less than was parked.
    pub fn hear(&mut self, findings: Findings) -> bool {
        let at = findings.media_time;
        let ids = |findings: &Findings| findings.tracks.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>();
        let differs = ids(&findings) != ids(&self.tracks);
        self.answered = self.answered.max(Some(at));
        if !findings.tracks.is_empty() && (self.is_awake || differs) {
            self.tracked_at = Some(at);
        }
        self.tracks = findings;
        !self.is_awake && differs && self.wake(at, Wake::Detector)
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
        let linger = if self.tracked_at.is_some() { LINGER_TRACKED } else { LINGER };
        let waits = self.asked.is_some_and(|asked| {
            self.answered.is_none_or(|answered| answered < asked) && at < asked + ANSWER_MAX
        });
        if !self.is_awake || waits || at < self.held_until || at < self.last_motion.max(self.since) + linger {
            return false;
        }
        self.is_awake = false;
        // The falling asleep has seen everything: looks and patrols count from here.
        self.last_look = Some(at);
        true
    }

    /// Whether the key frame at `at` is to be looked at.
    pub fn wants_look(&self, at: Duration, is_sentinel_proven: bool) -> bool {
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

    /// Whether the detector should see a look that was quiet.
    pub fn wants_patrol(&self, at: Duration, is_anything_restless: bool) -> bool {
        let every = if is_anything_restless { PATROL_EVERY_RESTLESS } else { PATROL_EVERY };
        self.last_detection.is_none_or(|last| last + every <= at || at < last)
    }
}

#[cfg(test)]
mod tests;
