//! What differs between two small pictures of the same scene, beyond what light and noise do.
//!
//! Light: one gain and one offset for the whole picture are fitted and taken away, so that a cloud, the camera's
//! exposure control or the evening change nothing. Noise: each cell has its own, learned while nothing happens, which
//! takes in the pulse of the encoder, compression, drizzle. What is left counts where enough neighbouring cells agree.

use super::thumb::{Area, Thumb};

/// Share of changed cells from which it is another picture and not something in it: the infrared filter switched, the
/// light went on, the camera was turned.
const SWITCHED_SHARE: f32 = 0.5;
/// How fast noise is learned, for each comparison.
const NOISE_RATE: f32 = 0.06;
/// Noise of a cell that is not known yet, and the limits of what is believed: mean absolute difference, levels.
const NOISE_AT_FIRST: f32 = 0.8;
const NOISE_LEAST: f32 = 0.15;
const NOISE_MOST: f32 = 6.0;

/// How much must change to count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Least difference of a cell, levels of 255.
    pub levels: f32,
    /// The same as a multiple of the cell's noise.
    pub noises: f32,
    /// Least number of neighbouring cells.
    pub cells: usize,
}

/// Noise of each cell, learned.
#[derive(Debug, Clone, Default)]
pub struct Noise {
    mean_abs: Vec<f32>,
    /// Pictures compared.
    comparisons: u32,
}

/// The cells that differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    columns: usize,
    /// For each cell whether it differs.
    pub cells: Vec<bool>,
}

/// Neighbouring cells that differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// The rectangle around them, in fractions of the picture.
    pub area: Area,
    /// How many they are.
    pub cells: usize,
}

// === impl Threshold ===

impl Threshold {
    fn limit(self, noise: f32) -> f32 {
        self.levels.max(self.noises * noise)
    }
}

// === impl Change ===

impl Change {
    /// Compares `now` with an earlier picture of the same size, and learns the noise of what did not change.
    pub fn between(now: &Thumb, before: &Thumb, noise: &mut Noise, threshold: Threshold) -> Self {
        debug_assert!(now.fits(before));
        let light = Light::between(now, before);
        noise.mean_abs.resize(now.cells.len(), NOISE_AT_FIRST);
        // The first few say more than what was guessed before them.
        let rate = NOISE_RATE.max(1.0 / (noise.comparisons as f32 + 2.0));
        noise.comparisons = noise.comparisons.saturating_add(1);
        let cells = now.cells.iter().zip(&before.cells).zip(&mut noise.mean_abs);
        let cells = cells.map(|((now, before), noise)| {
            let difference = (now - light.on(*before)).abs();
            let limit = threshold.limit(*noise);
            // A change counts as noise only so far that something that stays is not learned away at once.
            *noise += rate * (difference.min(limit) - *noise);
            *noise = noise.clamp(NOISE_LEAST, NOISE_MOST);
            difference > limit
        });
        Self { columns: now.columns, cells: cells.collect() }
    }

    /// The same with the noise as it is known; nothing is learned.
    pub fn against(now: &Thumb, before: &Thumb, noise: &Noise, threshold: Threshold) -> Self {
        debug_assert!(now.fits(before));
        let light = Light::between(now, before);
        let noise = noise.mean_abs.iter().copied().chain(std::iter::repeat(NOISE_AT_FIRST));
        let cells = now.cells.iter().zip(&before.cells).zip(noise);
        let cells =
            cells.map(|((now, before), noise)| (now - light.on(*before)).abs() > threshold.limit(noise));
        Self { columns: now.columns, cells: cells.collect() }
    }

    /// From a choice of cells.
    pub fn of(columns: usize, cells: Vec<bool>) -> Self {
        Self { columns, cells }
    }

    /// With the cells of another change of the same size.
    pub fn or(mut self, other: &Change) -> Self {
        self.cells.iter_mut().zip(&other.cells).for_each(|(changed, other)| *changed |= other);
        self
    }

    /// Whether it is another picture altogether.
    pub fn is_switch(&self) -> bool {
        let changed = self.cells.iter().filter(|changed| **changed).count();
        changed as f32 > SWITCHED_SHARE * self.cells.len() as f32
    }

    /// Groups of at least `least` neighbouring cells (diagonals too).
    pub fn regions(&self, least: usize) -> Vec<Region> {
        let mut left = self.cells.clone();
        let mut regions = Vec::new();
        let mut edge = Vec::new();
        for start in 0..left.len() {
            if !std::mem::take(&mut left[start]) {
                continue;
            }
            edge.push(start);
            let (mut x1, mut y1, mut x2, mut y2) = (usize::MAX, usize::MAX, 0, 0);
            let mut cells = 0;
            while let Some(cell) = edge.pop() {
                cells += 1;
                let (x, y) = (cell % self.columns, cell / self.columns);
                (x1, y1, x2, y2) = (x1.min(x), y1.min(y), x2.max(x), y2.max(y));
                for ny in y.saturating_sub(1)..=y + 1 {
                    for nx in x.saturating_sub(1)..=(x + 1).min(self.columns - 1) {
                        let neighbour = ny * self.columns + nx;
                        if left.get(neighbour) == Some(&true) {
                            left[neighbour] = false;
                            edge.push(neighbour);
                        }
                    }
                }
            }
            if cells >= least {
                let (columns, rows) = (self.columns as f32, (self.cells.len() / self.columns) as f32);
                let area = [
                    x1 as f32 / columns,
                    y1 as f32 / rows,
                    (x2 + 1) as f32 / columns,
                    (y2 + 1) as f32 / rows,
                ];
                regions.push(Region { area, cells });
            }
        }
        regions
    }
}

/// Brightness of the whole picture against another one of the same scene: `gain * level + offset`.
#[derive(Debug, Clone, Copy)]
struct Light {
    gain: f32,
    offset: f32,
}

// === impl Light ===

impl Light {
    /// A line through the middle (median) of the darker and of the brighter half: nothing that covers less than a
    /// quarter of the picture bends it.
    fn between(now: &Thumb, before: &Thumb) -> Self {
        /// Every so many cells are enough for a median.
        const EVERY: usize = 3;
        let step = |(before, now): &(f32, f32)| now - before;
        let mut pairs: Vec<(f32, f32)> =
            before.cells.iter().copied().zip(now.cells.iter().copied()).step_by(EVERY).collect();
        if pairs.len() < 4 {
            return Self { gain: 1.0, offset: 0.0 };
        }
        // Medians want no sorting: this is a tenth of what a look costs beside its decoding.
        let middle = |half: &mut [(f32, f32)]| {
            let middle = half.len() / 2;
            let level = half.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0)).1.0;
            let (before, now) = *half.select_nth_unstable_by(middle, |a, b| step(a).total_cmp(&step(b))).1;
            (level, now - before)
        };
        let half = pairs.len() / 2;
        pairs.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0));
        let (dark, dark_step) = middle(&mut pairs[..half]);
        let (bright, bright_step) = middle(&mut pairs[half..]);
        // A flat picture has no gain.
        let slope = if bright - dark < 8.0 { 0.0 } else { (bright_step - dark_step) / (bright - dark) };
        let gain = (1.0 + slope).clamp(0.5, 2.0);
        Self { gain, offset: dark + dark_step - gain * dark }
    }

    fn on(self, level: f32) -> f32 {
        self.gain * level + self.offset
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NORMAL: Threshold = Threshold { levels: 4.0, noises: 4.0, cells: 3 };

    /// A scene with dark and bright parts.
    fn scene() -> Thumb {
        let cells = (0..160 * 90).map(|i| 40.0 + (i % 160) as f32 + ((i / 160) % 7) as f32).collect();
        Thumb { columns: 160, rows: 90, cells }
    }

    fn with(mut scene: Thumb, area: Area, by: f32) -> Thumb {
        for cell in scene.cells_in(area).collect::<Vec<_>>() {
            scene.cells[cell] += by;
        }
        scene
    }

    #[test]
    fn an_object_is_found_where_it_is() {
        let now = with(scene(), [0.5, 0.4, 0.52, 0.5], 20.0);
        let regions = Change::between(&now, &scene(), &mut Noise::default(), NORMAL).regions(3);
        assert_eq!(regions.len(), 1);
        let [left, top, right, bottom] = regions[0].area;
        assert!(left <= 0.5 && (0.52..0.54).contains(&right) && top <= 0.4 && bottom >= 0.5, "{regions:?}");
    }

    proptest! {
        #[test]
        fn light_alone_changes_nothing_and_hides_nothing(gain in 0.7f32..1.4, offset in -20.0f32..20.0) {
            let lit = |mut thumb: Thumb| {
                thumb.cells.iter_mut().for_each(|cell| *cell = *cell * gain + offset);
                thumb
            };
            let quiet = Change::between(&lit(scene()), &scene(), &mut Noise::default(), NORMAL);
            prop_assert_eq!(quiet.regions(1), vec![]);
            let person = with(scene(), [0.2, 0.5, 0.25, 0.7], 25.0);
            let seen = Change::between(&lit(person), &scene(), &mut Noise::default(), NORMAL);
            prop_assert_eq!(seen.regions(3).len(), 1);
        }
    }

    #[test]
    fn cells_that_are_always_noisy_have_to_change_more() {
        let mut noise = Noise::default();
        let spot = [0.5, 0.5, 0.55, 0.55];
        let rustle = |n: usize, by: f32| with(scene(), spot, if n.is_multiple_of(2) { by } else { -by });
        for n in 0..100 {
            Change::between(&rustle(n, 1.5), &rustle(n + 1, 1.5), &mut noise, NORMAL);
        }
        let change =
            |by: f32, noise: &mut Noise| Change::between(&with(scene(), spot, by), &scene(), noise, NORMAL);
        assert!(
            change(6.0, &mut noise.clone()).regions(3).is_empty(),
            "twice its ordinary swing is still its noise"
        );
        assert!(!change(6.0, &mut Noise::default()).regions(3).is_empty());
        assert!(!change(30.0, &mut noise).regions(3).is_empty());
    }

    #[test]
    fn another_picture_altogether_is_a_switch() {
        let mut other = scene();
        other.cells.iter_mut().enumerate().for_each(|(i, cell)| *cell = ((i * 7919) % 200) as f32);
        assert!(Change::between(&other, &scene(), &mut Noise::default(), NORMAL).is_switch());
        let person = with(scene(), [0.2, 0.1, 0.5, 0.9], 60.0);
        assert!(!Change::between(&person, &scene(), &mut Noise::default(), NORMAL).is_switch());
    }

    #[test]
    fn regions_do_not_reach_around_the_edge() {
        let mut cells = vec![false; 20];
        (cells[4], cells[5]) = (true, true);
        let change = Change { columns: 5, cells };
        assert_eq!(
            change.regions(1).len(),
            2,
            "the end of a row is no neighbour of the next one's beginning"
        );
    }
}
