//! What the sizes of encoded pictures tell between two looks, at no cost.
//!
//! Where a camera controls quality, a picture in which something moves takes more bytes; where it controls the bit rate
//! of a noisy sensor, sizes tell next to nothing. So a sentinel is believed only where it has proven itself on this very
//! camera: each look, and each second awake, says whether something moved in a group of pictures, and the sentinel is
//! held against that. What moves in several groups in a row is one *episode*: whoever notices its beginning has woken the
//! camera for all of it. It stays proven only as long as it goes on being right.

use std::collections::VecDeque;

/// Pictures over which sizes are averaged.
const AVERAGED: usize = 3;
/// How fast the ordinary size follows, for each picture of a quiet group.
const RATE: f32 = 0.01;
/// Least spread of the logarithm of sizes (base 2): below it, ratios below 1.1 would count.
const SPREAD_LEAST: f32 = 0.12;
/// Quiet groups and episodes that are remembered.
const QUIET_KEPT: usize = 200;
const EPISODES_KEPT: usize = 40;
/// How many of either are needed before anything is proven.
const QUIET_NEEDED: usize = 40;
const EPISODES_NEEDED: usize = 12;
/// An episode is a new one after this many quiet groups.
const APART: usize = 2;
/// Groups at the beginning of an episode in which it must be noticed: looks are no faster.
const BEGINNING: usize = 2;
/// The alarm lies above this share of the scores of quiet groups.
const ABOVE_QUIET: f32 = 0.98;
/// Share of episodes that must have scored above the alarm: all but one in 20.
const CAUGHT: f32 = 0.95;
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
    /// Scores of quiet groups, and of the beginnings of episodes.
    quiet: VecDeque<f32>,
    episodes: VecDeque<f32>,
    /// Groups of the latest episode, and those in a row in which nothing moved that anybody need notice.
    moving_groups: usize,
    still_groups: usize,
    /// The latest episode began since the camera woke last.
    is_fresh: bool,
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
            episodes: VecDeque::new(),
            moving_groups: 0,
            still_groups: APART,
            is_fresh: false,
            alarm: ALARM_LEAST,
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
            if moved { self.remember_moving(score) } else { self.remember_still(score) }
        }
        if !moved {
            self.follow(&group);
            self.caution = (self.caution * CAUTION_EASE).max(1.0);
        }
        self.judge();
    }

    /// Something has changed in this group, but nothing that anybody need notice: no lesson.
    pub fn dismiss(&mut self) {
        self.skip();
        self.still_groups += 1;
    }

    /// The camera falls asleep. Where nothing `mattered` of what moved since it woke, it need not have been noticed.
    pub fn close(&mut self, mattered: bool) {
        if std::mem::take(&mut self.is_fresh) && !mattered {
            self.episodes.pop_back();
            self.judge();
        }
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

    fn remember_moving(&mut self, score: f32) {
        if self.still_groups >= APART {
            remember(&mut self.episodes, score, EPISODES_KEPT);
            self.moving_groups = 0;
            self.is_fresh = true;
        }
        self.still_groups = 0;
        self.moving_groups += 1;
        if self.moving_groups <= BEGINNING
            && let Some(episode) = self.episodes.back_mut()
        {
            *episode = episode.max(score);
        }
    }

    fn remember_still(&mut self, score: f32) {
        self.still_groups += 1;
        remember(&mut self.quiet, score, QUIET_KEPT);
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
        self.alarm = (high * 1.25).max(ALARM_LEAST);
        let caught = self.episodes.iter().filter(|score| **score > self.alarm).count();
        self.is_proven =
            self.episodes.len() >= EPISODES_NEEDED && caught as f32 >= CAUGHT * self.episodes.len() as f32;
    }
}

fn remember(scores: &mut VecDeque<f32>, score: f32, kept: usize) {
    scores.push_back(score);
    if scores.len() > kept {
        scores.pop_front();
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

    /// Things that come and go, with quiet in between. How many of them gave an alarm.
    fn come_and_go(sentinel: &mut Sentinel, bytes: usize, episodes: usize) -> usize {
        let mut noticed = 0;
        for _ in 0..episodes {
            noticed += live(sentinel, bytes, true, 1);
            live(sentinel, 3000, false, APART);
        }
        noticed
    }

    #[test]
    fn it_is_proven_by_quiet_and_by_motion_and_by_neither_alone() {
        let mut sentinel = Sentinel::default();
        assert_eq!(live(&mut sentinel, 3000, false, 100), 0);
        assert!(!sentinel.is_proven(), "it has never seen motion");
        assert_eq!(come_and_go(&mut sentinel, 9000, EPISODES_NEEDED - 1), EPISODES_NEEDED - 1);
        assert!(!sentinel.is_proven(), "one too few");
        come_and_go(&mut sentinel, 9000, 1);
        assert!(sentinel.is_proven());
    }

    #[test]
    fn who_stays_for_long_is_one_episode_and_need_be_noticed_once() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        live(&mut sentinel, 9000, true, 10 * EPISODES_NEEDED);
        assert!(!sentinel.is_proven());
        live(&mut sentinel, 3000, false, APART);
        for _ in 1..EPISODES_NEEDED {
            live(&mut sentinel, 3000, true, BEGINNING - 1);
            live(&mut sentinel, 9000, true, 1);
            live(&mut sentinel, 3000, true, 5);
            live(&mut sentinel, 3000, false, APART);
        }
        assert!(sentinel.is_proven(), "each began with what it noticed, and went on without");
    }

    #[test]
    fn who_is_noticed_late_is_missed() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        for _ in 0..EPISODES_NEEDED {
            live(&mut sentinel, 3000, true, BEGINNING);
            live(&mut sentinel, 9000, true, 1);
            live(&mut sentinel, 3000, false, APART);
        }
        assert!(!sentinel.is_proven());
    }

    #[test]
    fn what_nobody_need_notice_is_no_lesson_and_an_episode_ends_with_it() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        for _ in 0..EPISODES_NEEDED {
            live(&mut sentinel, 9000, true, 1);
            (0..APART).for_each(|_| sentinel.dismiss());
            sentinel.close(true);
        }
        assert!(sentinel.is_proven());
        live(&mut sentinel, 3000, true, 1);
        assert!(!sentinel.is_proven(), "missed, as far as is known");
        sentinel.close(false);
        assert!(sentinel.is_proven(), "it came to nothing");
        live(&mut sentinel, 3000, false, APART);
        live(&mut sentinel, 3000, true, 1);
        sentinel.close(true);
        assert!(!sentinel.is_proven());
    }

    #[test]
    fn where_sizes_tell_nothing_it_is_never_proven() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        for _ in 0..20 {
            come_and_go(&mut sentinel, 3200, 10);
            assert!(!sentinel.is_proven());
        }
    }

    #[test]
    fn what_leaps_in_quiet_groups_as_a_matter_of_course_is_no_alarm() {
        let mut sentinel = Sentinel::default();
        // Three pictures of a group are larger, as where a clock turns to the next minute.
        let leaps = |sentinel: &mut Sentinel, bytes, moved| {
            live(sentinel, 3000, false, 19);
            let sizes = [bytes; AVERAGED].into_iter().chain(group(3000, 7));
            let alarm = sizes.fold(false, |alarm, bytes| alarm | sentinel.see(bytes));
            sentinel.learn(moved);
            alarm
        };
        for _ in 0..2 * QUIET_KEPT / 20 {
            leaps(&mut sentinel, 20_000, false);
        }
        assert!(!leaps(&mut sentinel, 20_000, false));
        assert!(leaps(&mut sentinel, 60_000, true), "and something larger still is");
    }

    #[test]
    fn a_few_misses_end_the_trust() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        come_and_go(&mut sentinel, 9000, EPISODES_KEPT);
        assert!(sentinel.is_proven());
        come_and_go(&mut sentinel, 3000, 3);
        assert!(!sentinel.is_proven(), "looks saw motion that it had slept through");
    }

    #[test]
    fn false_alarms_make_it_cautious_and_quiet_makes_it_bold_again() {
        let mut sentinel = Sentinel::default();
        live(&mut sentinel, 3000, false, 100);
        come_and_go(&mut sentinel, 9000, EPISODES_NEEDED);
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
