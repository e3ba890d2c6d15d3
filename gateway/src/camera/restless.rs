//! Where the picture changes all the time and it means nothing: a clock in the caption, leaves, a flickering lamp, rain.
//!
//! Learned by itself. A cell that changes again and again while no tracked object is near becomes *restless*, and the
//! range of its brightness is remembered. A change of a restless cell within that range does not matter; one beyond it
//! does, because then something is in front. What is tracked is never learned, and a place where something was tracked
//! is forgiven. A burned-in text line is known by its shape, because its other digits will change too.

use std::time::Duration;

use super::change::{Change, Region};
use super::thumb::{Area, Thumb};

/// A cell is restless from this rate of changes on, 0 to 1.
const RESTLESS: f32 = 0.25;
/// A cell that never changes again is forgotten with this time constant.
const FORGOTTEN_AFTER_S: f32 = 180.0;
/// The remembered range shrinks towards what is seen with this time constant.
const NARROWED_AFTER_S: f32 = 600.0;
/// Levels beyond the remembered range that are still nothing, plus a share of the range.
const MARGIN_LEVELS: f32 = 4.0;
const MARGIN_SHARE: f32 = 0.15;
/// What one sighting of an object leaves of the restlessness of the place.
const FORGIVEN: f32 = 0.5;
/// A text line is at most this high (cells), lies within this share of the upper or lower edge, and reaches this far to
/// both sides of the digits that have been seen to change (cells).
const LINE_HEIGHT_MAX: usize = 8;
const LINE_FROM_EDGE: f32 = 0.2;
const LINE_REACH: usize = 28;
/// More restless places at the edge than this are no text but leaves or rain.
const LINES_MAX: usize = 4;
/// Lines are looked for each so many pictures.
const LINES_EVERY: u32 = 8;

/// How much one picture teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// One of several a second.
    Picture,
    /// One of a few a minute, in which nothing mattered.
    Look,
    /// One in which something seemed to matter, and the detector knew nothing of it: it might be wrong.
    Dismissed,
}

/// What is known of each cell.
#[derive(Debug, Clone, Default)]
pub struct Restless {
    columns: usize,
    cells: Vec<Habit>,
    learned_at: Option<Duration>,
    lessons: u32,
}

#[derive(Debug, Clone, Copy)]
struct Habit {
    /// How often it changes, 0 to 1.
    rate: f32,
    low: f32,
    high: f32,
    is_text: bool,
}

// === impl Restless ===

impl Restless {
    /// Learns from what changed in a picture outside of `tracked` areas.
    pub fn learn(&mut self, at: Duration, now: &Thumb, change: &Change, lesson: Lesson, tracked: &[Area]) {
        if self.cells.len() != now.cells.len() || self.columns != now.columns {
            let fresh = |level: &f32| Habit { rate: 0.0, low: *level, high: *level, is_text: false };
            self.cells = now.cells.iter().map(fresh).collect();
            self.columns = now.columns;
        }
        let passed = at.saturating_sub(self.learned_at.replace(at).unwrap_or(at)).as_secs_f32();
        let forgets = (-passed / FORGOTTEN_AFTER_S).exp();
        let narrows = 1.0 - (-passed / NARROWED_AFTER_S).exp();
        let step = match lesson {
            Lesson::Picture => 0.03,
            Lesson::Look => 0.1,
            Lesson::Dismissed => 0.05,
        };
        let mut is_tracked = vec![false; now.cells.len()];
        for cell in tracked.iter().flat_map(|area| now.cells_in(*area)) {
            is_tracked[cell] = true;
        }
        for (index, habit) in self.cells.iter_mut().enumerate() {
            let level = now.cells[index];
            habit.rate *= forgets;
            if is_tracked[index] {
                habit.rate *= FORGIVEN;
                continue;
            }
            habit.low += narrows * (level - habit.low).max(0.0);
            habit.high -= narrows * (habit.high - level).max(0.0);
            if change.cells[index] {
                habit.rate += step * (1.0 - habit.rate);
                habit.low = habit.low.min(level);
                habit.high = habit.high.max(level);
            } else if habit.rate < step {
                (habit.low, habit.high) = (level, level);
            }
        }
        self.lessons = self.lessons.wrapping_add(1);
        if self.lessons.is_multiple_of(LINES_EVERY) {
            self.find_lines();
        }
    }

    /// What is left of a change after all that means nothing.
    pub fn matters(&self, now: &Thumb, mut change: Change) -> Change {
        if self.cells.len() == change.cells.len() {
            let cells = change.cells.iter_mut().zip(&self.cells).zip(&now.cells);
            cells.for_each(|((changed, habit), level)| *changed &= !habit.explains(*level));
        }
        change
    }

    /// Whether anything is restless.
    fn is_any(&self) -> bool {
        self.cells.iter().any(|habit| habit.rate > RESTLESS)
    }

    /// Share of the picture that is restless, lines of text apart: 0 to 1.
    pub fn share(&self) -> f32 {
        let restless = self.cells.iter().filter(|habit| habit.rate > RESTLESS && !habit.is_text).count();
        restless as f32 / self.cells.len().max(1) as f32
    }

    /// Marks lines of text: a low, wide place at the upper or lower edge with something in it that ticks.
    fn find_lines(&mut self) {
        self.cells.iter_mut().for_each(|habit| habit.is_text = false);
        if !self.is_any() {
            return;
        }
        let rows = self.cells.len() / self.columns;
        let restless =
            Change::of(self.columns, self.cells.iter().map(|habit| habit.rate > RESTLESS).collect());
        let at_edge =
            |region: &Region| region.area[3] < LINE_FROM_EDGE || region.area[1] > 1.0 - LINE_FROM_EDGE;
        let places: Vec<Region> = restless.regions(2).into_iter().filter(at_edge).collect();
        if places.len() > LINES_MAX {
            return;
        }
        for Region { area: [left, top, right, bottom], .. } in places {
            let cell = |at: f32, count: usize| (at * count as f32).round() as usize;
            let (x1, x2) = (cell(left, self.columns), cell(right, self.columns));
            let (y1, y2) = (cell(top, rows), cell(bottom, rows));
            if y2 - y1 > LINE_HEIGHT_MAX {
                continue;
            }
            for y in y1.saturating_sub(1)..(y2 + 1).min(rows) {
                for x in x1.saturating_sub(LINE_REACH)..(x2 + LINE_REACH).min(self.columns) {
                    self.cells[y * self.columns + x].is_text = true;
                }
            }
        }
    }
}

// === impl Habit ===

impl Habit {
    fn explains(&self, level: f32) -> bool {
        let margin = MARGIN_LEVELS + MARGIN_SHARE * (self.high - self.low);
        let is_within = (self.low - margin..=self.high + margin).contains(&level);
        self.is_text || (self.rate > RESTLESS && is_within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: f32 = 90.0;

    fn wall_with(spots: &[(Area, f32)]) -> Thumb {
        let mut thumb = Thumb { columns: 160, rows: 90, cells: vec![WALL; 160 * 90] };
        for (area, level) in spots {
            for cell in thumb.cells_in(*area).collect::<Vec<_>>() {
                thumb.cells[cell] = *level;
            }
        }
        thumb
    }

    fn changed(now: &Thumb, before: &Thumb) -> Change {
        let cells = now.cells.iter().zip(&before.cells).map(|(a, b)| (a - b).abs() > 4.0).collect();
        Change::of(now.columns, cells)
    }

    /// Pictures `each_s` apart in which a spot takes these levels in turn, for so many seconds.
    fn after(
        spot: Area,
        levels: &[f32],
        each_s: f32,
        seconds: f32,
        tracked: &[Area],
    ) -> (Restless, Duration) {
        let mut restless = Restless::default();
        let mut before = wall_with(&[]);
        let mut at = Duration::ZERO;
        for n in 0..(seconds / each_s) as usize {
            at = Duration::from_secs_f32(n as f32 * each_s);
            let now = wall_with(&[(spot, levels[n % levels.len()])]);
            restless.learn(at, &now, &changed(&now, &before), Lesson::Picture, tracked);
            before = now;
        }
        (restless, at)
    }

    fn matters(restless: &Restless, now: &Thumb) -> bool {
        !restless.matters(now, changed(now, &wall_with(&[]))).regions(3).is_empty()
    }

    const LEAVES: Area = [0.4, 0.4, 0.6, 0.7];

    #[test]
    fn leaves_are_learned_within_seconds_and_what_is_in_front_of_them_still_matters() {
        let (restless, _) = after(LEAVES, &[70.0, 110.0], 0.2, 6.0, &[]);
        assert!((0.05..0.08).contains(&restless.share()), "{}", restless.share());
        assert!(!matters(&restless, &wall_with(&[(LEAVES, 72.0)])));
        assert!(
            matters(&restless, &wall_with(&[(LEAVES, 108.0), ([0.45, 0.45, 0.5, 0.6], 190.0)])),
            "brighter"
        );
        assert!(
            matters(&restless, &wall_with(&[(LEAVES, 72.0), ([0.58, 0.5, 0.7, 0.6], 72.0)])),
            "beside them"
        );
    }

    #[test]
    fn something_that_passes_once_is_not_learned() {
        let (restless, _) = after(LEAVES, &[150.0, 90.0], 0.2, 1.2, &[]);
        assert!(matters(&restless, &wall_with(&[(LEAVES, 150.0)])));
    }

    #[test]
    fn what_is_tracked_is_never_learned() {
        let (restless, _) = after(LEAVES, &[70.0, 110.0], 0.2, 20.0, &[LEAVES]);
        assert!(!restless.is_any());
        assert!(matters(&restless, &wall_with(&[(LEAVES, 70.0)])));
    }

    #[test]
    fn leaves_that_are_still_are_forgotten() {
        let (mut restless, at) = after(LEAVES, &[70.0, 110.0], 0.2, 6.0, &[]);
        let calm = wall_with(&[]);
        for n in 1..300 {
            let at = at + Duration::from_secs(2 * n);
            restless.learn(at, &calm, &changed(&calm, &calm), Lesson::Look, &[]);
        }
        assert!(!restless.is_any());
        assert!(matters(&restless, &wall_with(&[(LEAVES, 72.0)])));
    }

    #[test]
    fn the_seconds_of_a_clock_teach_the_minutes_and_a_person_under_them_still_matters() {
        let seconds: Area = [0.30, 0.03, 0.33, 0.07];
        let minutes: Area = [0.22, 0.03, 0.25, 0.07];
        let (restless, _) = after(seconds, &[200.0, 240.0], 1.0, 30.0, &[]);
        assert_eq!(restless.share(), 0.0, "text is no reason to look more often");
        assert!(!matters(&restless, &wall_with(&[(minutes, 230.0), (seconds, 255.0)])));
        assert!(matters(&restless, &wall_with(&[(minutes, 230.0), ([0.24, 0.05, 0.27, 0.4], 40.0)])));
        assert!(matters(&restless, &wall_with(&[([0.22, 0.5, 0.25, 0.6], 230.0)])), "not elsewhere");
    }
}
