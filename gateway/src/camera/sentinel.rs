//! What the sizes of encoded pictures tell between two looks, at no cost.
//!
//! Where a camera controls quality, a picture in which something moves takes more bytes; where it controls the bit rate
//! of a noisy sensor, sizes tell next to nothing. So a sentinel is believed only where it has proven itself on this very
//! camera: each look, and each second awake, says whether something moved in a group of pictures, and the sentinel is
//! held against that. It stays proven only as long as it goes on being right.

use std::collections::VecDeque;

/// Pictures over which sizes are averaged.
const AVERAGED: usize = 3;
/// How fast the ordinary size follows, for each picture of a quiet group.
const RATE: f32 = 0.01;
/// Least spread of the logarithm of sizes (base 2): below it, ratios below 1.1 would count.
const SPREAD_LEAST: f32 = 0.12;
/// Outcomes remembered of either kind.
const QUIET_KEPT: usize = 200;
const MOVED_KEPT: usize = 40;
/// Outcomes needed of either kind before anything is proven.
const QUIET_NEEDED: usize = 40;
const MOVED_NEEDED: usize = 12;
/// The alarm lies above this share of the scores of quiet groups.
const ABOVE_QUIET: f32 = 0.98;
/// Share of groups with motion that must have scored above the alarm: all but one in 20.
const CAUGHT: f32 = 0.95;
/// A score that is always an alarm, even where nothing is known: eight spreads.
const GLARING: f32 = 8.0;
/// Least alarm, spreads.
const ALARM_LEAST: f32 = 3.0;
/// What a false alarm does to the limit, and how a quiet group takes it back.
const CAUTION_STEP: f32 = 1.4;
const CAUTION_MOST: f32 = 4.0;
const CAUTION_EASE: f32 = 0.995;

/// Watches sizes.
#[derive(Debug, Clone)]
pub struct Sentinel {
    latest: VecDeque<f32>,
    /// Logarithms of the sizes in this group, until it is known what to make of them.
    group: Vec<f32>,
    mean: Option<f32>,
    spread: f32,
    score: f32,
    quiet: VecDeque<f32>,
    moved: VecDeque<f32>,
    alarm: f32,
    caution: f32,
    is_proven: bool,
}

// === impl Sentinel ===

impl Default for Sentinel {
    fn default() -> Self {
        Self {
            latest: VecDeque::new(),
            group: Vec::new(),
            mean: None,
            spread: 0.0,
            score: 0.0,
            quiet: VecDeque::new(),
            moved: VecDeque::new(),
            alarm: GLARING,
            caution: 1.0,
            is_proven: false,
        }
    }
}

impl Sentinel {
    /// Takes the size of one picture that is no key frame, bytes. True if it is an alarm.
    pub fn see(&mut self, bytes: usize) -> bool {
        let size = (bytes.max(16) as f32).log2();
        self.group.push(size);
        self.latest.push_back(size);
        if self.latest.len() > AVERAGED {
            self.latest.pop_front();
        }
        let Some(mean) = self.mean.filter(|_| self.latest.len() == AVERAGED) else { return false };
        let average = self.latest.iter().sum::<f32>() / AVERAGED as f32;
        let score = (average - mean) / self.spread.max(SPREAD_LEAST);
        self.score = self.score.max(score);
        self.quiet.len() >= QUIET_NEEDED && score > self.alarm * self.caution
    }

    /// The group of pictures up to now is over: did something move in it? Looks and the awake camera know.
    pub fn learn(&mut self, moved: bool) {
        let group = std::mem::take(&mut self.group);
        self.latest.clear();
        let score = std::mem::take(&mut self.score);
        if group.len() < AVERAGED {
            return;
        }
        if self.mean.is_some() {
            let (scores, kept) =
                if moved { (&mut self.moved, MOVED_KEPT) } else { (&mut self.quiet, QUIET_KEPT) };
            scores.push_back(score);
            if scores.len() > kept {
                scores.pop_front();
            }
        }
        if !moved {
            self.follow(&group);
            self.caution = (self.caution * CAUTION_EASE).max(1.0);
        }
        self.judge();
    }

    /// An alarm of its own led to nothing.
    pub fn cried_wolf(&mut self) {
        self.caution = (self.caution * CAUTION_STEP).min(CAUTION_MOST);
    }

    /// Whether looks may be rarer because this would wake the camera.
    pub fn is_proven(&self) -> bool {
        self.is_proven && self.caution < CAUTION_STEP
    }

    /// Forgets this group: a gap in the stream.
    pub fn skip(&mut self) {
        self.group.clear();
        self.latest.clear();
        self.score = 0.0;
    }

    /// What a quiet picture takes, followed slowly: rate control and night change it.
    fn follow(&mut self, group: &[f32]) {
        let count = group.len() as f32;
        let mean = *self.mean.get_or_insert(group.iter().sum::<f32>() / count);
        let rate = (RATE * count).min(0.5);
        let step = group.iter().map(|size| size - mean).sum::<f32>() / count;
        let deviation = group.iter().map(|size| (size - mean).abs()).sum::<f32>() / count;
        self.mean = Some(mean + rate * step);
        self.spread =
            if self.spread == 0.0 { deviation } else { self.spread + rate * (deviation - self.spread) };
    }

    fn judge(&mut self) {
        if self.quiet.len() < QUIET_NEEDED {
            return;
        }
        let mut scores: Vec<f32> = self.quiet.iter().copied().collect();
        scores.sort_unstable_by(f32::total_cmp);
        let high = scores[((scores.len() - 1) as f32 * ABOVE_QUIET) as usize];
        self.alarm = (high * 1.25).clamp(ALARM_LEAST, GLARING);
        let caught = self.moved.iter().filter(|score| **score > self.alarm).count();
        self.is_proven =
            self.moved.len() >= MOVED_NEEDED && caught as f32 >= CAUGHT * self.moved.len() as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sizes of a group: `bytes` with a swing of a quarter that depends on `seed`.
    fn group(bytes: usize, seed: usize) -> impl Iterator<Item = usize> {
        (0..49).map(move |n| bytes * (88 + (n * 7 + seed * 13) % 25) / 100)
    }

    fn live(sentinel: &mut Sentinel, bytes: usize, moved: bool, groups: usize) -> usize {
        let mut alarms = 0;
        for seed in 0..groups {
            let alarm = group(bytes, seed).fold(false, |alarm, bytes| alarm | sentinel.see(bytes));
            alarms += usize::from(alarm);
            sentinel.learn(moved);
        }
        alarms
    }

    #[test]
    fn it_is_proven_by_quiet_and_by_motion_and_by_neither_alone() {
        let mut sentinel = Sentinel::default();
        assert_eq!(live(&mut sentinel, 3000, false, 100), 0);
        assert!(!sentinel.is_proven(), "it has never seen motion");
        assert_eq!(live(&mut sentinel, 9000, true, MOVED_NEEDED), MOVED_NEEDED);
        assert!(sentinel.is_proven());
    }

    #[test]
    fn where_sizes_tell_nothing_it_is_never_proven() {
        let mut sentinel = Sentinel::default();
        for _ in 0..20 {
            live(&mut sentinel, 8200, false, 10);
            live(&mut sentinel, 8800, true, 10);
            assert!(!sentinel.is_proven());
        }
    }

    #[test]
    fn a_few_misses_end_the_trust() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        live(&mut sentinel, 9000, true, MOVED_KEPT);
        assert!(sentinel.is_proven());
        live(&mut sentinel, 3000, true, 3);
        assert!(!sentinel.is_proven(), "looks saw motion that it had slept through");
    }

    #[test]
    fn false_alarms_make_it_cautious_and_quiet_makes_it_bold_again() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        live(&mut sentinel, 9000, true, MOVED_NEEDED);
        sentinel.cried_wolf();
        assert!(!sentinel.is_proven());
        live(&mut sentinel, 3000, false, 100);
        assert!(sentinel.is_proven());
    }

    #[test]
    fn night_doubles_the_sizes_and_is_followed() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        let late = (0..200).map(|n| live(&mut sentinel, 3000 + n * 15, false, 1)).sum::<usize>();
        assert_eq!(late, 0);
    }

    proptest! {
        #[test]
        fn no_sizes_break_it(sizes in prop::collection::vec((0usize..10_000_000, prop::bool::ANY, prop::bool::ANY), 0..400)) {
            let mut sentinel = Sentinel::default();
            for (bytes, ends, moved) in sizes {
                sentinel.see(bytes);
                if ends {
                    sentinel.learn(moved);
                }
                prop_assert!(sentinel.alarm.is_finite() && sentinel.alarm >= ALARM_LEAST);
                prop_assert!(sentinel.spread.is_finite() && sentinel.mean.is_none_or(f32::is_finite));
            }
        }
    }
}
