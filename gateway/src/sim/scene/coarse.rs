//! Soft things, sampled on a coarse grid and interpolated: noise of many octaves costs too much for every pixel of a
//! live picture, and smoke has no edges that would show the difference.

use super::canvas::{Area, Canvas};

/// Samples of `N` values each, on a grid over an area.
pub(super) struct Coarse<const N: usize> {
    left: f32,
    top: f32,
    /// Between two samples, picture heights.
    step: f32,
    columns: usize,
    samples: Vec<[f32; N]>,
}

// === impl Coarse ===

impl<const N: usize> Coarse<N> {
    /// Samples `f` over the part of `area` that is in the picture, every `step_px` pixels.
    pub(super) fn sample(
        canvas: &Canvas,
        area: Area,
        step_px: usize,
        f: impl Fn(f32, f32) -> [f32; N],
    ) -> Self {
        let step = canvas.pixel() * step_px as f32;
        let seen = canvas.everywhere();
        let (left, top) = (area.left.max(seen.left), area.top.max(seen.top));
        let (right, bottom) = (area.right.min(seen.right), area.bottom.min(seen.bottom));
        let count = |length: f32| (length.max(0.0) / step).ceil() as usize + 2;
        let (columns, rows) = (count(right - left), count(bottom - top));
        let samples = (0..columns * rows)
            .map(|i| f(left + (i % columns) as f32 * step, top + (i / columns) as f32 * step))
            .collect();
        Self { left, top, step, columns, samples }
    }

    /// The values at a place in the area.
    pub(super) fn at(&self, x: f32, y: f32) -> [f32; N] {
        let rows = self.samples.len() / self.columns;
        let u = ((x - self.left) / self.step).clamp(0.0, self.columns as f32 - 1.001);
        let v = ((y - self.top) / self.step).clamp(0.0, rows as f32 - 1.001);
        let (column, row) = (u as usize, v as usize);
        let (u, v) = (u - column as f32, v - row as f32);
        let above = row * self.columns + column;
        let below = above + self.columns;
        std::array::from_fn(|i| {
            let upper = self.samples[above][i] * (1.0 - u) + self.samples[above + 1][i] * u;
            let lower = self.samples[below][i] * (1.0 - u) + self.samples[below + 1][i] * u;
            upper * (1.0 - v) + lower * v
        })
    }
}
