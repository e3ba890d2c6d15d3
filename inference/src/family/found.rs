//! What a head finds: candidates that score enough, with boxes in the forms that models give them.

use super::best;
use crate::nms::Candidate;
use crate::picture::BoxPx;

/// What a head has found so far, and how much a candidate must score to be of interest.
#[derive(Debug)]
pub(crate) struct Found {
    /// Least score.
    pub(crate) floor: f32,
    /// In pixels of the input.
    pub(crate) candidates: Vec<Candidate>,
}

// === impl Found ===

impl Found {
    /// One candidate, where it scores enough.
    #[inline]
    pub(super) fn add(&mut self, label: usize, score: f32, area: impl FnOnce() -> BoxPx) {
        if score >= self.floor {
            self.candidates.push(Candidate { label, score, area: area() });
        }
    }

    /// The best label of a row of scores, where it scores enough.
    #[inline]
    pub(super) fn add_best(&mut self, scores: &[f32], area: impl FnOnce() -> BoxPx) {
        let (label, score) = best(scores.iter().copied());
        self.add(label, score, area);
    }

    /// The best label of a row of box, objectness and label scores, where objectness times label score is enough.
    #[inline]
    pub(super) fn add_object(&mut self, row: &[f32], area: impl FnOnce() -> BoxPx) {
        // Most rows hold nothing, and their labels need not be read.
        if row[4] >= self.floor {
            let (label, score) = best(row[5..].iter().copied());
            self.add(label, row[4] * score, area);
        }
    }

    /// Every label of a row of scores that scores enough.
    #[inline]
    pub(super) fn add_each(&mut self, scores: &[f32], area: impl Fn() -> BoxPx) {
        for (label, score) in scores.iter().enumerate() {
            self.add(label, *score, &area);
        }
    }
}

/// The first four numbers of a row.
#[inline]
pub(super) fn four(row: &[f32]) -> [f32; 4] {
    [row[0], row[1], row[2], row[3]]
}

/// From left, top, right and bottom.
#[inline]
pub(super) fn corners([x1, y1, x2, y2]: [f32; 4]) -> BoxPx {
    BoxPx { x1, y1, x2, y2 }
}

/// From centre x, centre y, width and height.
#[inline]
pub(super) fn centred([x, y, width, height]: [f32; 4]) -> BoxPx {
    BoxPx::around(x, y, width, height)
}

/// Four numbers in fractions of the input, in pixels of it.
#[inline]
pub(super) fn scaled(row: [f32; 4], [width, height]: [f32; 2]) -> [f32; 4] {
    [row[0] * width, row[1] * height, row[2] * width, row[3] * height]
}

/// The largest coordinate of a box that is given in fractions of the input, with room for rounding and for what protrudes.
/// Nothing that is found is so small in pixels.
const MOST_FRACTION: f32 = 1.5;

/// Four numbers in pixels of the input. Exports that went through TensorFlow give fractions of it.
#[inline]
pub(super) fn in_pixels(row: [f32; 4], size: [f32; 2]) -> [f32; 4] {
    if row.iter().any(|v| v.abs() > MOST_FRACTION) { row } else { scaled(row, size) }
}
