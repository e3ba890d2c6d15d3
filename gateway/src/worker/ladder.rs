//! What is given up, and in which order, when a worker cannot do all. Pure: time and load in, steps out.
//!
//! | step | what is still done | in metrics and events |
//! |---|---|---|
//! | 0 | everything | `full` |
//! | 1 | the detector gets half as many pictures of each camera | `slower-detection` |
//! | 2 | and pictures that no other refers to are not decoded | `reference-pictures` |
//! | 3 to 5 | and of each group of pictures of an awake camera the first three quarters are decoded, half, a quarter | `group-starts` |
//! | 6 | and of awake cameras key frames alone are decoded | `key-frames` |
//! | 7 and on | and one camera more with each step is set aside, least worth first | `fewer-cameras` |
//!
//! Each step but the last kind leaves all cameras seeing: half of each group of two seconds shows one second in full, in
//! which who walks by is found and tracked, where key frames show a picture each two seconds.
//!
//! A detector that comes too late leads to the first step alone: beyond it each camera's newest picture takes the place of
//! older ones anyway, and to decode less would not make it faster. A decoder that does leads on.
//!
//! Cameras that an alarm is linked to are left out of all of it ([`Order`](super::order::Order)). Down comes quickly,
//! after [`STEP_AFTER`] of strain; back slowly, after [`CALM_FOR`] of calm, and each time that strain follows soon upon a
//! step back, calm has to last twice as long. Between strain and calm nothing changes. Calm is a matter of the mean: where
//! something happens every few seconds, each happening is a busy second and the time between them is room to spare.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::order::Service;

/// All cameras are awake in the beginning, until their scenes are known.
const GRACE: Duration = Duration::from_secs(15);
/// Strain for so long without a break leads to the next step.
const STEP_AFTER: Duration = Duration::from_secs(3);
/// Calm for so long leads one step back.
const CALM_FOR: Duration = Duration::from_secs(10);
const CALM_FOR_MOST: Duration = Duration::from_secs(300);
/// Strain that comes within this time of a step back says that the step was too early.
const RELAPSE_WITHIN: Duration = Duration::from_secs(60);

/// An access unit that has waited for so long for the decoder is late.
const LATE: Duration = Duration::from_secs(1);
/// Share of the pictures due for the detector that are replaced by newer ones before it takes them.
const REPLACED_MOST: f64 = 0.25;
/// Fewer pictures than this tell nothing about a share.
const OFFERED_LEAST: u64 = 4;
/// A worker whose busier thread is busy for less than this share of the time has room to spare.
const BUSY_CALM: f64 = 0.75;
/// Weight of the latest second in the mean of what is busy: a mean of some ten seconds.
const LATEST: f64 = 0.1;

/// What each step leaves of a camera. Each further one sets one camera more aside.
const STEPS: [(Rung, Service); 7] = [
    (Rung::Full, Service::Full),
    (Rung::SlowerDetection, Service::Slower),
    (Rung::ReferencePictures, Service::ReferencePictures),
    (Rung::GroupStarts, Service::ThreeQuarters),
    (Rung::GroupStarts, Service::Half),
    (Rung::GroupStarts, Service::Quarter),
    (Rung::KeyFrames, Service::KeyFrames),
];
const LAST_FOR_ALL: usize = STEPS.len() - 1;

/// How far a worker has stepped down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Everything is done.
    Full,
    /// The detector gets half as many pictures.
    SlowerDetection,
    /// Pictures that no other refers to are not decoded.
    ReferencePictures,
    /// Of awake cameras the beginning of each group of pictures is decoded.
    GroupStarts,
    /// Of awake cameras key frames alone are decoded.
    KeyFrames,
    /// The cameras that are worth least are set aside.
    FewerCameras,
}

/// What a worker had to do in the last second or so.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Load {
    /// Longest time that an access unit of an awake camera has been waiting for the decoder.
    pub(super) oldest: Duration,
    /// Access units thrown away because the decoder was behind.
    pub(super) skipped: u64,
    /// Pictures given to the detector, and those of them that were replaced before it took them.
    pub(super) offered: u64,
    pub(super) replaced: u64,
    /// Share of the time in which the decode thread and the inference thread had work.
    pub(super) decode_busy: f64,
    pub(super) infer_busy: f64,
}

/// Says when to step.
#[derive(Debug)]
pub(super) struct Ladder {
    step: usize,
    step_most: usize,
    stepped: Duration,
    stepped_back: Option<Duration>,
    /// Since when without a break.
    strained: Option<Duration>,
    calm: Option<Duration>,
    /// Mean of what is busy.
    busy: f64,
    calm_for: Duration,
}

/// A step, up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Where it leads; see the table of this module.
    pub(super) step: usize,
    /// What made it, in a sentence.
    pub(super) reason: String,
}

// === impl Rung ===

impl Rung {
    /// Every rung, from the first.
    pub const ALL: [Rung; 6] = [
        Rung::Full,
        Rung::SlowerDetection,
        Rung::ReferencePictures,
        Rung::GroupStarts,
        Rung::KeyFrames,
        Rung::FewerCameras,
    ];

    /// The rung of a step.
    pub(super) fn of(step: usize) -> Self {
        STEPS.get(step).map_or(Rung::FewerCameras, |(rung, _)| *rung)
    }

    /// The word in metrics and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Rung::Full => "full",
            Rung::SlowerDetection => "slower-detection",
            Rung::ReferencePictures => "reference-pictures",
            Rung::GroupStarts => "group-starts",
            Rung::KeyFrames => "key-frames",
            Rung::FewerCameras => "fewer-cameras",
        }
    }
}

/// What a step leaves of a camera that it does not set aside.
pub(super) fn service(step: usize) -> Service {
    STEPS[step.min(LAST_FOR_ALL)].1
}

/// Cameras that a step sets aside.
pub(super) fn set_aside(step: usize) -> usize {
    step.saturating_sub(LAST_FOR_ALL)
}

// === impl Load ===

impl Load {
    /// Why it is too much for a worker on this step; none where it is not.
    fn strain(&self, step: usize) -> Option<String> {
        if self.oldest >= LATE || self.skipped > 0 {
            return Some(format!(
                "the decoder is {:.1} s behind and {} access units were skipped in a second",
                self.oldest.as_secs_f64(),
                self.skipped
            ));
        }
        (step == 0 && self.is_detector_late()).then(|| {
            format!(
                "the detector came too late for {} of {} pictures in a second",
                self.replaced, self.offered
            )
        })
    }

    fn is_detector_late(&self) -> bool {
        self.offered >= OFFERED_LEAST && self.replaced as f64 > REPLACED_MOST * self.offered as f64
    }

    /// Share of the time in which the busier thread had work.
    fn busy(&self) -> f64 {
        self.decode_busy.max(self.infer_busy)
    }
}

// === impl Ladder ===

impl Ladder {
    /// For so many cameras, one of which is never set aside.
    pub(super) fn new(cameras: usize) -> Self {
        Self {
            step: 0,
            step_most: LAST_FOR_ALL + cameras.saturating_sub(1),
            stepped: Duration::ZERO,
            stepped_back: None,
            strained: None,
            calm: None,
            busy: 1.0,
            calm_for: CALM_FOR,
        }
    }

    /// What the load of the last second leads to; `now` since the worker began.
    pub(super) fn hear(&mut self, now: Duration, load: &Load) -> Option<Step> {
        self.busy += LATEST * (load.busy() - self.busy);
        if now < GRACE {
            return None;
        }
        self.calm = (self.busy < BUSY_CALM).then(|| self.calm.unwrap_or(now));
        let Some(reason) = load.strain(self.step) else {
            self.strained = None;
            return self.relax(now);
        };
        let since = *self.strained.get_or_insert(now);
        if self.step == self.step_most || now < since.max(self.stepped) + STEP_AFTER {
            return None;
        }
        if self.stepped_back.take().is_some_and(|back| now < back + RELAPSE_WITHIN) {
            self.calm_for = (self.calm_for * 2).min(CALM_FOR_MOST);
        }
        Some(self.go(now, self.step + 1, reason))
    }

    /// No strain: a step back, once it has been calm for long enough.
    fn relax(&mut self, now: Duration) -> Option<Step> {
        let since = self.calm?;
        if self.step == 0 {
            if now >= since.max(self.stepped) + RELAPSE_WITHIN {
                self.calm_for = CALM_FOR;
            }
            return None;
        }
        if now < since.max(self.stepped) + self.calm_for {
            return None;
        }
        self.stepped_back = Some(now);
        Some(self.go(now, self.step - 1, "there is room to spare".to_owned()))
    }

    fn go(&mut self, now: Duration, step: usize, reason: String) -> Step {
        self.step = step;
        self.stepped = now;
        Step { step, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRAINED: Load = Load {
        oldest: Duration::from_millis(1800),
        skipped: 40,
        offered: 20,
        replaced: 0,
        decode_busy: 1.0,
        infer_busy: 0.4,
    };
    const CALM: Load =
        Load { oldest: Duration::from_millis(80), skipped: 0, decode_busy: 0.2, infer_busy: 0.1, ..STRAINED };
    /// Neither: all is done in time, with nothing to spare.
    const FULL: Load = Load { decode_busy: 0.9, ..CALM };

    /// Seconds and steps that came of one load a second from `from_s` on.
    fn play(ladder: &mut Ladder, from_s: u64, seconds: u64, load: &Load) -> Vec<(u64, usize)> {
        (from_s..from_s + seconds)
            .filter_map(|s| Some((s, ladder.hear(Duration::from_secs(s), load)?.step)))
            .collect()
    }

    /// When the next step comes of one load a second from `from_s` on.
    fn next_step(ladder: &mut Ladder, from_s: u64, load: &Load) -> u64 {
        (from_s..).find(|s| ladder.hear(Duration::from_secs(*s), load).is_some()).unwrap()
    }

    #[test]
    fn strain_leads_down_step_by_step_and_calm_leads_back_more_slowly() {
        let mut ladder = Ladder::new(3);
        assert_eq!(play(&mut ladder, 0, 15, &STRAINED), [], "cameras that begin are awake");
        assert_eq!(
            play(&mut ladder, 15, 75, &STRAINED),
            [(18, 1), (21, 2), (24, 3), (27, 4), (30, 5), (33, 6), (36, 7), (39, 8)],
            "to the last camera but one"
        );
        assert_eq!(play(&mut ladder, 90, 60, &FULL), [], "no better and no worse: it stays");
        let back = play(&mut ladder, 150, 90, &CALM);
        assert_eq!(back.iter().map(|(_, step)| *step).collect::<Vec<_>>(), [7, 6, 5, 4, 3, 2, 1, 0]);
        assert!((162..=166).contains(&back[0].0), "the mean follows in some seconds: {back:?}");
        assert!(back.windows(2).all(|two| two[1].0 - two[0].0 == 10), "{back:?}");
    }

    #[test]
    fn happenings_with_room_to_spare_between_them_do_not_hold_it_down() {
        let mut ladder = Ladder::new(3);
        assert_eq!(play(&mut ladder, 30, 10, &STRAINED).last(), Some(&(39, 3)));
        let back: Vec<usize> = (0..10)
            .flat_map(|n| {
                let from_s = 40 + 9 * n;
                let mut steps = play(&mut ladder, from_s, 3, &FULL);
                steps.extend(play(&mut ladder, from_s + 3, 6, &CALM));
                steps
            })
            .map(|(_, step)| step)
            .collect();
        assert_eq!(back, [2, 1, 0]);
    }

    #[test]
    fn a_short_strain_changes_nothing() {
        let mut ladder = Ladder::new(3);
        for from_s in [40, 50, 60] {
            assert_eq!(play(&mut ladder, from_s, 3, &STRAINED), []);
            assert_eq!(play(&mut ladder, from_s + 3, 7, &FULL), []);
        }
    }

    #[test]
    fn a_step_back_that_was_too_early_makes_the_next_one_wait() {
        let mut ladder = Ladder::new(3);
        assert_eq!(play(&mut ladder, 30, 4, &STRAINED), [(33, 1)]);
        let mut back_after = Vec::new();
        let mut now = 34;
        for _ in 0..8 {
            let back = next_step(&mut ladder, now, &CALM);
            let stepped_down = now - 1;
            back_after.push(back - stepped_down);
            now = next_step(&mut ladder, back + 1, &STRAINED) + 1;
        }
        assert_eq!(
            back_after,
            [14, 20, 40, 80, 160, 300, 300, 300],
            "in the beginning the mean has to fall as well"
        );
        play(&mut ladder, now, 900, &CALM);
        play(&mut ladder, 5000, 4, &STRAINED);
        assert_eq!(
            play(&mut ladder, 5004, 60, &CALM),
            [(5013, 0)],
            "all of it is forgotten after a good time"
        );
    }

    #[test]
    fn a_detector_that_is_too_slow_is_strain_too() {
        let slow = Load { offered: 20, replaced: 9, infer_busy: 1.0, ..CALM };
        let mut ladder = Ladder::new(2);
        assert_eq!(play(&mut ladder, 30, 60, &slow), [(33, 1)], "but leads no further");
        let few = Load { offered: 2, replaced: 1, ..slow };
        assert_eq!(play(&mut Ladder::new(2), 30, 20, &few), []);
    }

    #[test]
    fn every_step_has_its_rung() {
        let rungs: Vec<&str> = (0..9).map(|step| Rung::of(step).as_str()).collect();
        assert_eq!(rungs[..3], ["full", "slower-detection", "reference-pictures"]);
        assert_eq!(rungs[3..7], ["group-starts", "group-starts", "group-starts", "key-frames"]);
        assert_eq!(rungs[7..], ["fewer-cameras"; 2]);
        assert_eq!([0, 6, 7, 9].map(set_aside), [0, 0, 1, 3]);
    }
}
