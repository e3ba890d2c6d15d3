//! What a picture looks like, in figures by which it can be told whether the camera is well: one pass over some rows.
//!
//! Nothing is judged here. The figures go to the parent (`quality`), which knows how this camera usually looks by day and
//! by night. An [`Examiner`] takes them of a picture that was decoded anyway, once in [`EVERY`], so that being examined
//! neither wakes a camera nor keeps it awake.

use std::time::Duration;

use moshao_inference::picture::{PictureView, Plane, Range};
use serde::{Deserialize, Serialize};

use super::picture::Picture;

/// Cells across, and rows of cells.
pub const COLUMNS: usize = 32;
/// Rows of cells.
pub const ROWS: usize = 18;

/// Least media time between two pictures that are examined: key frames come each 2 s, and not to the millisecond.
pub const EVERY: Duration = Duration::from_millis(1900);
/// Rows of pixels that are read of each cell, and of all.
const ROWS_A_CELL: usize = 4;
const ROWS_READ: usize = ROWS_A_CELL * ROWS;
/// Points that are kept of each row, to be compared with the next picture: three of each cell.
const POINTS: usize = 3 * COLUMNS;
/// Smallest picture that says anything, pixels on a side.
const LEAST_SIDE_PX: usize = 96;
/// A step in brightness that is an edge, levels of 255.
const EDGE_LEVELS: i32 = 24;
/// Edges that a sharpness needs.
const EDGES_LEAST: u32 = 60;
/// Mean of `|a - b|` where a and b are noise of one level.
const FIRST_DIFFERENCE: f32 = 1.128;
/// Bands of rows in which upright stripes are looked for.
const BANDS: usize = 3;
/// Times what the frequencies beside a pattern have is taken from it.
const BESIDE: f32 = 1.25;
/// Periods in a picture up to which patterns are looked for.
const PERIODS_MOST: usize = 36;
/// Periods in a picture from which on a pattern is not the scene itself.
const PERIODS_LEAST: usize = 6;

/// What a picture looks like. Levels are those of full-range luma, 0 to 255.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appearance {
    /// As of the picture.
    pub media_time: Duration,
    /// Mean brightness, levels.
    pub luma: f32,
    /// Standard deviation of brightness, levels.
    pub contrast: f32,
    /// How steep edges are, 0 (a slope over the whole edge) to 1 (a step from one pixel to the next); none where there
    /// are hardly any.
    pub sharpness: Option<f32>,
    /// Standard deviation of the noise in the quietest tenth of the cells, levels.
    pub noise: f32,
    /// Mean of blue- and red-difference chroma, levels from grey.
    pub tint: (f32, f32),
    /// Standard deviation of chroma, levels.
    pub colour: f32,
    /// Amplitude of the strongest regular pattern over the whole width or height, above what the scene has around that
    /// frequency, levels.
    pub stripes: f32,
    /// Mean difference to the picture before in the quieter half of the cells, levels; none for the first.
    pub change: Option<f32>,
    /// Detail of each cell, row by row: square root of the mean step over a hundredth of the width, less that of the
    /// quietest tenth of the cells, times 64.
    #[serde(with = "serde_bytes")]
    pub texture: Vec<u8>,
    /// Mean brightness of each cell, levels.
    #[serde(with = "serde_bytes")]
    pub cells: Vec<u8>,
}

/// Takes the appearance of one camera's pictures.
#[derive(Debug, Default)]
pub struct Examiner {
    last: Option<Duration>,
    /// Points of the picture before.
    points: Vec<u8>,
    latest: Option<Appearance>,
}

// === impl Examiner ===

impl Examiner {
    /// Examines a picture, unless one was not long ago.
    pub fn see(&mut self, picture: &Picture) {
        let at = picture.media_time;
        // Media time that goes back begins anew; a camera that looks back shows what is no news.
        let is_early = self.last.is_some_and(|last| at < last + EVERY && at + 30 * EVERY > last);
        if !is_early && let Some(appearance) = self.examine(at, &picture.view()) {
            self.last = Some(at);
            self.latest = Some(appearance);
        }
    }

    /// What was seen since this was asked last.
    pub fn take(&mut self) -> Option<Appearance> {
        self.latest.take()
    }

    /// The figures of a picture, held against the one before; none of a picture too small to say anything.
    pub fn examine(&mut self, media_time: Duration, view: &PictureView<'_>) -> Option<Appearance> {
        if view.width < LEAST_SIDE_PX || view.height < LEAST_SIDE_PX {
            return None;
        }
        let scale = Scale::of(view.range);
        let pass = Pass::over(view);
        let (luma, contrast) = pass.brightness(view.width);
        let steps = pass.steps(scale);
        let quietest = quietest_tenth(&steps);
        let detail = |step: &f32| ((step - quietest).max(0.0).sqrt() * 64.0) as u8;
        let change = (self.points.len() == pass.points.len())
            .then(|| quiet_half(&pass.points, &self.points) * scale.gain);
        let (tint, colour) = chroma(view);
        let appearance = Appearance {
            media_time,
            luma: scale.level(luma),
            contrast: contrast * scale.gain,
            sharpness: (pass.edges >= EDGES_LEAST).then(|| pass.steepness / pass.edges as f32),
            noise: quietest / FIRST_DIFFERENCE,
            tint: (tint.0 * scale.gain, tint.1 * scale.gain),
            colour: colour * scale.gain,
            stripes: pass.stripes() * scale.gain,
            change,
            texture: steps.iter().map(detail).collect(),
            cells: pass.cells(scale),
        };
        self.points = pass.points;
        Some(appearance)
    }
}

/// From the samples of a range to full-range levels.
#[derive(Debug, Clone, Copy)]
struct Scale {
    black: f32,
    gain: f32,
}

// === impl Scale ===

impl Scale {
    fn of(range: Range) -> Self {
        match range {
            Range::Limited => Self { black: 16.0, gain: 255.0 / 219.0 },
            Range::Full => Self { black: 0.0, gain: 1.0 },
        }
    }

    fn level(self, sample: f32) -> f32 {
        ((sample - self.black) * self.gain).clamp(0.0, 255.0)
    }
}

/// What is gathered on the way over the rows.
struct Pass {
    /// Pixels of a cell in one row.
    cell_px: usize,
    /// Of each cell.
    sums: Vec<u32>,
    /// Sum of all squares.
    squares: u64,
    /// Steps over a hundredth of the width, by cell.
    steps: Vec<u32>,
    /// Pixels of a cell in one row that have one.
    steps_px: usize,
    edges: u32,
    steepness: f32,
    points: Vec<u8>,
    row_means: Vec<f32>,
}

// === impl Pass ===

impl Pass {
    fn over(view: &PictureView<'_>) -> Self {
        let (width, height) = (view.width, view.height);
        let cell_px = width / COLUMNS;
        // Never wider than a cell, nor so narrow that noise is all there is.
        let reach = (width / 100).clamp(2, cell_px - 1);
        let mut pass = Self {
            cell_px,
            sums: Vec::with_capacity(COLUMNS * ROWS),
            squares: 0,
            steps: Vec::with_capacity(COLUMNS * ROWS),
            steps_px: cell_px - reach,
            edges: 0,
            steepness: 0.0,
            points: Vec::with_capacity(POINTS * ROWS_READ),
            row_means: Vec::with_capacity(ROWS_READ),
        };
        let (mut columns, mut steps) = (vec![0_u16; width], vec![0_u16; width]);
        for row in 0..ROWS_READ {
            let y = (2 * row + 1) * height / (2 * ROWS_READ);
            let line = &view.y.data[y * view.y.stride..][..width];
            columns.iter_mut().zip(line).for_each(|(sum, sample)| *sum += u16::from(*sample));
            let pairs = line.iter().zip(&line[reach..]);
            steps.iter_mut().zip(pairs).for_each(|(sum, (a, b))| *sum += u16::from(a.abs_diff(*b)));
            pass.squares +=
                u64::from(line.iter().map(|sample| u32::from(*sample) * u32::from(*sample)).sum::<u32>());
            pass.row_means
                .push(line.iter().map(|sample| u32::from(*sample)).sum::<u32>() as f32 / width as f32);
            pass.take_edges(line, reach);
            pass.points.extend((0..POINTS).map(|point| line[(2 * point + 1) * width / (2 * POINTS)]));
            // Cells are short: summed up over their rows first, each is gone through once.
            if (row + 1) % ROWS_A_CELL == 0 {
                pass.take_cells(&mut columns, &mut steps);
            }
        }
        pass
    }

    /// A row of cells from the sums of its rows, which begin anew.
    fn take_cells(&mut self, columns: &mut [u16], steps: &mut [u16]) {
        let sum = |samples: &[u16]| samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
        let (cell_px, steps_px) = (self.cell_px, self.steps_px);
        self.sums.extend(columns.chunks_exact(cell_px).take(COLUMNS).map(sum));
        self.steps.extend(steps.chunks_exact(cell_px).take(COLUMNS).map(|cell| sum(&cell[..steps_px])));
        columns.fill(0);
        steps.fill(0);
    }

    /// Where brightness differs over twice the reach, how much of that lies between two neighbouring pixels.
    fn take_edges(&mut self, line: &[u8], reach: usize) {
        let mut at = 0;
        while at + 2 * reach < line.len() {
            let step = (i32::from(line[at + 2 * reach]) - i32::from(line[at])).abs();
            if step >= EDGE_LEVELS {
                let edge = &line[at..=at + 2 * reach];
                let steepest = edge.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0);
                self.edges += 1;
                self.steepness += (f32::from(steepest) / step as f32).min(1.0);
                at += reach;
            }
            at += reach;
        }
    }

    fn brightness(&self, width: usize) -> (f32, f32) {
        let mean = f64::from(self.row_means.iter().sum::<f32>()) / ROWS_READ as f64;
        let square = self.squares as f64 / (ROWS_READ * width) as f64;
        (mean as f32, (square - mean * mean).max(0.0).sqrt() as f32)
    }

    /// Mean step of each cell, levels.
    fn steps(&self, scale: Scale) -> Vec<f32> {
        let count = (self.steps_px * ROWS_READ / ROWS) as f32;
        self.steps.iter().map(|steps| *steps as f32 / count * scale.gain).collect()
    }

    fn cells(&self, scale: Scale) -> Vec<u8> {
        let count = (self.cell_px * ROWS_READ / ROWS) as f32;
        self.sums.iter().map(|sum| scale.level(*sum as f32 / count) as u8).collect()
    }

    /// Over rows, and over columns in each of some bands: a pattern that leans is lost in the mean of a whole column.
    fn stripes(&self) -> f32 {
        let bands = self.points.chunks_exact(self.points.len() / BANDS).map(|band| {
            let mut columns = [0.0_f32; POINTS];
            for row in band.chunks_exact(POINTS) {
                columns.iter_mut().zip(row).for_each(|(sum, sample)| *sum += f32::from(*sample));
            }
            columns.iter_mut().for_each(|sum| *sum *= (POINTS * BANDS) as f32 / self.points.len() as f32);
            pattern(&columns)
        });
        // What is in one band alone is a thing in the scene.
        let mut bands: Vec<f32> = bands.collect();
        bands.sort_unstable_by(f32::total_cmp);
        pattern(&self.row_means).max(bands[BANDS / 2])
    }
}

/// The mean step of the cell below which a tenth of them lie.
fn quietest_tenth(steps: &[f32]) -> f32 {
    let mut steps = steps.to_vec();
    let tenth = steps.len() / 10;
    *steps.select_nth_unstable_by(tenth, f32::total_cmp).1
}

/// Amplitude of the strongest regular pattern in a series, less a little more than what the frequencies beside it have: edges have
/// all frequencies, ever less of the higher ones, a pattern has one.
fn pattern(series: &[f32]) -> f32 {
    let count = series.len() as f32;
    let mean = series.iter().sum::<f32>() / count;
    // Hann: keeps a pattern that does not fit a whole number of times out of the frequencies beside it.
    let hann = |at: usize| 1.0 - (std::f32::consts::TAU * (at as f32 + 0.5) / count).cos();
    let series: Vec<f32> = series.iter().enumerate().map(|(at, value)| (value - mean) * hann(at)).collect();
    let amplitudes = amplitudes(&series);
    let mean = |some: &[f32]| some.iter().sum::<f32>() / some.len().max(1) as f32;
    let excess = (PERIODS_LEAST..amplitudes.len()).map(|at| {
        let above = amplitudes.get(at + 3..).map_or(&[][..], |rest| &rest[..rest.len().min(3)]);
        amplitudes[at] - BESIDE * mean(&amplitudes[at - 5..at - 2]).max(mean(above))
    });
    excess.fold(0.0, f32::max)
}

/// Amplitude of each number of periods in a series, times the mean of the window it was seen through.
fn amplitudes(series: &[f32]) -> [f32; PERIODS_MOST] {
    // Goertzel: one frequency of a Fourier transform at two operations a sample; all of them side by side, because each
    // step of one waits for the step before.
    let turn: [f32; PERIODS_MOST] = std::array::from_fn(|periods| {
        2.0 * (std::f32::consts::TAU * periods as f32 / series.len() as f32).cos()
    });
    let (mut before, mut last) = ([0.0; PERIODS_MOST], [0.0; PERIODS_MOST]);
    for value in series {
        for ((before, last), turn) in before.iter_mut().zip(&mut last).zip(&turn) {
            (*before, *last) = (*last, value + turn * *last - *before);
        }
    }
    std::array::from_fn(|at| {
        let power = last[at] * last[at] + before[at] * before[at] - turn[at] * last[at] * before[at];
        2.0 * power.max(0.0).sqrt() / series.len() as f32
    })
}

/// Mean difference of points in the middle (median) cell: whatever moves, the rest shows whether the picture lives.
fn quiet_half(now: &[u8], before: &[u8]) -> f32 {
    let mut cells = vec![0_u32; COLUMNS * ROWS];
    for (at, (now, before)) in now.iter().zip(before).enumerate() {
        let (row, column) = (at / POINTS * ROWS / ROWS_READ, at % POINTS * COLUMNS / POINTS);
        cells[row * COLUMNS + column] += u32::from(now.abs_diff(*before));
    }
    let middle = cells.len() / 2;
    let points = (now.len() / (COLUMNS * ROWS)) as f32;
    // The mean of the quieter half, not its edge: a level is a coarse step.
    cells.select_nth_unstable(middle);
    cells[..middle].iter().sum::<u32>() as f32 / (middle as f32 * points)
}

/// Mean of both chroma planes, and their standard deviation.
fn chroma(view: &PictureView<'_>) -> ((f32, f32), f32) {
    let (width, height) = (view.width / 2, view.height / 2);
    let statistics = |plane: Plane<'_>| {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        let rows = ROWS_READ / 2;
        for row in 0..rows {
            let y = (2 * row + 1) * height / (2 * rows);
            let line = &plane.data[y * plane.stride..][..width];
            sum += u64::from(line.iter().map(|sample| u32::from(*sample)).sum::<u32>());
            squares +=
                u64::from(line.iter().map(|sample| u32::from(*sample) * u32::from(*sample)).sum::<u32>());
        }
        let count = (rows * width) as f64;
        let mean = sum as f64 / count;
        ((mean - 128.0) as f32, (squares as f64 / count - mean * mean).max(0.0) as f32)
    };
    let ((u, u_variance), (v, v_variance)) = (statistics(view.u), statistics(view.v));
    ((u, v), (u_variance + v_variance).sqrt())
}

#[cfg(test)]
mod tests;
