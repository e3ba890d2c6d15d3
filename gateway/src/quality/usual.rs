//! How a camera usually looks: learned from its own pictures while they are sound. Pure.
//!
//! Every picture counts a little, the first ones more. An hour of pictures is what it amounts to: dusk and the seasons
//! are followed, a lens that is smeared in a moment is not.

use serde::{Deserialize, Serialize};

use crate::camera::appearance::{Appearance, COLUMNS, ROWS};

/// Share of one picture once many are known: an hour at one each 2 s.
const RATE: f32 = 1.0 / 1800.0;
/// Pictures from which on it is known how the camera looks: a minute.
const KNOWN_FROM: u32 = 30;

/// How a camera usually looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    pictures: u32,
    /// As [`Appearance::luma`], and so on.
    pub luma: f32,
    /// Levels.
    pub contrast: f32,
    /// Of pictures that have edges.
    pub sharpness: Option<f32>,
    /// Levels.
    pub noise: f32,
    /// Levels from grey.
    pub tint: (f32, f32),
    /// Levels.
    pub colour: f32,
    /// Levels.
    pub stripes: f32,
    /// Of pictures that had one before.
    pub change: Option<f32>,
    texture: Vec<f32>,
    cells: Vec<f32>,
}

/// A picture against the usual one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Share of the cells with detail that have lost most of it, 0 to 1; none where there never was detail.
    pub lost: Option<f32>,
    /// Detail of all cells, as a share of the usual.
    pub left: f32,
    /// How alike the places of detail are, -1 to 1.
    pub detail: f32,
    /// How alike the brightness of cells is, -1 to 1.
    pub cells: f32,
}

/// Detail of a cell, as [`Appearance::texture`], that can be lost; and the least of such cells: a fifteenth.
const DETAIL: f32 = 90.0;
const DETAILED_LEAST: usize = COLUMNS * ROWS / 15;
/// A cell that has less than this part of its usual detail has lost it. Texture is a square root: this is 0.3 of it.
const LOST_BELOW: f32 = 0.55;
/// Cells by which a picture is shifted to find a better likeness.
const SHIFTS: std::ops::RangeInclusive<isize> = -10..=10;
const SHIFTS_DOWN: std::ops::RangeInclusive<isize> = -6..=6;

// === impl Usual ===

impl Usual {
    /// Whether enough was seen to judge by it.
    pub fn is_known(&self) -> bool {
        self.pictures >= KNOWN_FROM
    }

    /// Takes a sound picture.
    pub fn learn(&mut self, seen: &Appearance) {
        self.pictures = self.pictures.saturating_add(1);
        let rate = RATE.max(1.0 / self.pictures as f32);
        let follow = |usual: &mut f32, now: f32| *usual += rate * (now - *usual);
        let follow_any = |usual: &mut Option<f32>, now: Option<f32>| {
            if let Some(now) = now {
                let usual = usual.get_or_insert(now);
                *usual += rate * (now - *usual);
            }
        };
        follow(&mut self.luma, seen.luma);
        follow(&mut self.contrast, seen.contrast);
        follow(&mut self.noise, seen.noise);
        follow(&mut self.tint.0, seen.tint.0);
        follow(&mut self.tint.1, seen.tint.1);
        follow(&mut self.colour, seen.colour);
        follow(&mut self.stripes, seen.stripes);
        follow_any(&mut self.sharpness, seen.sharpness);
        follow_any(&mut self.change, seen.change);
        for (usual, now) in [(&mut self.texture, &seen.texture), (&mut self.cells, &seen.cells)] {
            usual.resize(now.len(), 0.0);
            usual.iter_mut().zip(now).for_each(|(usual, now)| follow(usual, f32::from(*now)));
        }
    }

    /// How alike a picture is.
    pub fn likeness(&self, seen: &Appearance) -> Likeness {
        let texture: Vec<f32> = seen.texture.iter().map(|cell| f32::from(*cell)).collect();
        let cells: Vec<f32> = seen.cells.iter().map(|cell| f32::from(*cell)).collect();
        let detailed = || self.texture.iter().zip(&texture).filter(|(usual, _)| **usual >= DETAIL);
        let lost = detailed().filter(|(usual, now)| **now < LOST_BELOW * **usual).count();
        let count = detailed().count();
        Likeness {
            lost: (count >= DETAILED_LEAST).then(|| lost as f32 / count as f32),
            left: texture.iter().sum::<f32>() / self.texture.iter().sum::<f32>().max(1.0),
            detail: correlation(&self.texture, &texture, (0, 0)),
            cells: correlation(&self.cells, &cells, (0, 0)),
        }
    }

    /// How alike the places of detail are, were the picture shifted as suits best, by two cells or more.
    pub fn shifted(&self, seen: &Appearance) -> f32 {
        let texture: Vec<f32> = seen.texture.iter().map(|cell| f32::from(*cell)).collect();
        let far = |dx: isize, dy: isize| dx.abs().max(dy.abs()) >= 2;
        let shifts = SHIFTS_DOWN.flat_map(|dy| SHIFTS.map(move |dx| (dx, dy)));
        let alike =
            shifts.filter(|(dx, dy)| far(*dx, *dy)).map(|by| correlation(&self.texture, &texture, by));
        alike.fold(-1.0, f32::max)
    }
}

/// Pearson's correlation of two grids of cells where they overlap, the second one shifted; 0 where one of them is flat.
fn correlation(usual: &[f32], now: &[f32], (dx, dy): (isize, isize)) -> f32 {
    let (columns, rows) = (COLUMNS as isize, ROWS as isize);
    let (mut count, mut sums, mut squares, mut product) = (0.0, (0.0, 0.0), (0.0, 0.0), 0.0);
    for y in dy.max(0)..(rows + dy).min(rows) {
        for x in dx.max(0)..(columns + dx).min(columns) {
            let at = |x: isize, y: isize| (y * columns + x) as usize;
            let (Some(a), Some(b)) = (usual.get(at(x, y)), now.get(at(x - dx, y - dy))) else { return 0.0 };
            count += 1.0;
            sums = (sums.0 + a, sums.1 + b);
            squares = (squares.0 + a * a, squares.1 + b * b);
            product += a * b;
        }
    }
    let spread = |sum: f32, square: f32| (square - sum * sum / count).max(0.0);
    let spread = (spread(sums.0, squares.0) * spread(sums.1, squares.1)).sqrt();
    if spread < 1.0 { 0.0 } else { (product - sums.0 * sums.1 / count) / spread }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of cells with detail in some, shifted to the right by `dx`.
    fn grid(dx: usize, of: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..COLUMNS * ROWS).map(|i| of((i % COLUMNS + COLUMNS - dx) % COLUMNS, i / COLUMNS)).collect()
    }

    fn scene(x: usize, y: usize) -> u8 {
        if (x * 7 + y * 13) % 11 < 4 { 150 } else { 20 }
    }

    fn appearance(texture: Vec<u8>) -> Appearance {
        Appearance {
            media_time: std::time::Duration::ZERO,
            luma: 110.0,
            contrast: 40.0,
            sharpness: Some(0.6),
            noise: 1.5,
            tint: (1.0, -2.0),
            colour: 8.0,
            stripes: 0.5,
            change: Some(0.8),
            cells: texture.clone(),
            texture,
        }
    }

    fn known() -> Usual {
        let mut usual = Usual::default();
        (0..KNOWN_FROM).for_each(|_| usual.learn(&appearance(grid(0, scene))));
        usual
    }

    #[test]
    fn a_minute_is_enough_to_know_a_camera() {
        let mut usual = Usual::default();
        assert!(!usual.is_known());
        (0..KNOWN_FROM).for_each(|_| usual.learn(&appearance(grid(0, scene))));
        assert!(usual.is_known());
        let same = usual.likeness(&appearance(grid(0, scene)));
        assert!(same.detail > 0.99 && same.cells > 0.99 && same.lost == Some(0.0), "{same:?}");
    }

    #[test]
    fn a_shifted_picture_is_alike_when_it_is_shifted_back() {
        let moved = appearance(grid(4, scene));
        let (as_it_is, shifted) = (known().likeness(&moved).detail, known().shifted(&moved));
        assert!(as_it_is < 0.5 && shifted > 0.95, "{as_it_is} {shifted}");
    }

    #[test]
    fn lost_detail_is_counted_where_there_was_some() {
        let half = |x: usize, y: usize| if x < COLUMNS / 2 { 10 } else { scene(x, y) };
        let lost = known().likeness(&appearance(grid(0, half))).lost.expect("the scene has detail");
        assert!((0.4..0.6).contains(&lost), "{lost}");
    }
}
