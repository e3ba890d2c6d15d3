//! From the decoder's planes to the model's input in one pass: scale, convert to RGB, normalise, lay out.
//!
//! Scaling is bilinear with half-pixel centres, which is OpenCV's `INTER_LINEAR` (and what the reference
//! implementations of nearly all families use); only the rows that are needed are read. Chroma is sampled at its own
//! resolution, sited in the middle of its four luma samples (JPEG's siting). Values are clamped to 0..255 before they are
//! normalised, as an RGB picture would be.
//!
//! A camera that hangs on its side or upside down costs nothing more: its rows are read as they lie in memory and written
//! to the columns, or backwards to the rows, of the upright input.

use crate::geometry::{Fit, Way};
use crate::picture::{BoxPx, Matrix, PictureView, Plane, Range, Rotation};

/// Order of the channels in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Rgb,
    Bgr,
}

/// Order of the input's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// What a family wants of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Preparation {
    pub(crate) fit: Fit,
    pub(crate) channels: Channels,
    /// Subtracted from 0..255, in the order of `channels`.
    pub(crate) mean: [f32; 3],
    /// Divides what is left, in the order of `channels`.
    pub(crate) std: [f32; 3],
}

/// Pictures in the form that a model takes, as many as its batch holds. Reused from picture to picture: the margins are
/// filled only when they move.
#[derive(Debug)]
pub(crate) struct InputTensor {
    width: usize,
    height: usize,
    layout: Layout,
    preparation: Preparation,
    /// The numbers, picture after picture, each in `layout`.
    data: Vec<f32>,
    /// What lies in each place of the batch.
    filled_for: Vec<Option<Way>>,
    taps: Taps,
    taps_for: Option<Way>,
    rows: [Vec<f32>; 3],
}

/// Where the values of one row of the picture go within one channel: place of the first, and pixels from one to the next.
#[derive(Debug, Clone, Copy)]
struct Line {
    first: usize,
    step: isize,
}

/// Where the rows of the picture are sampled.
#[derive(Debug, Default)]
struct Taps {
    luma: Vec<Tap>,
    chroma: Vec<Tap>,
}

/// Two neighbouring samples and how far between them, 0..[`ONE`].
#[derive(Debug, Clone, Copy)]
struct Tap {
    first: u32,
    part: i32,
}

/// Fixed-point 1.0 of the weights along a row: whole numbers save three of four conversions to floating point, and 16 bits
/// are exact to 0.002 of 255.
const ONE: i32 = 1 << 16;

/// Coefficients from Y, U - 128 and V - 128 to R, G and B in 0..255.
struct ToRgb {
    y_offset: f32,
    y: f32,
    r_v: f32,
    g_u: f32,
    g_v: f32,
    b_u: f32,
}

// === impl Preparation ===

impl Preparation {
    /// Values 0..255 as they are.
    pub(crate) fn plain(fit: Fit, channels: Channels) -> Self {
        Self { fit, channels, mean: [0.0; 3], std: [1.0; 3] }
    }

    /// Values 0..1.
    pub(crate) fn unit(fit: Fit, channels: Channels) -> Self {
        Self { fit, channels, mean: [0.0; 3], std: [255.0; 3] }
    }
}

// === impl InputTensor ===

impl InputTensor {
    /// For `batch` pictures of `width` x `height` pixels.
    pub(crate) fn new(
        batch: usize,
        width: usize,
        height: usize,
        layout: Layout,
        preparation: Preparation,
    ) -> Self {
        Self {
            width,
            height,
            layout,
            preparation,
            data: vec![0.0; batch * width * height * 3],
            filled_for: vec![None; batch],
            taps: Taps::default(),
            taps_for: None,
            rows: std::array::from_fn(|_| vec![0.0; width.max(height)]),
        }
    }

    /// The numbers of the whole batch, in the model's layout.
    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    /// Takes in the rectangle `region` of `picture` at `place` of the batch and says how it got there. The picture must
    /// have passed [`PictureView::check`].
    pub(crate) fn fill(&mut self, place: usize, picture: &PictureView<'_>, region: BoxPx) -> Way {
        let size = [picture.width, picture.height];
        let way = Way::new(region, size, picture.rotation, [self.width, self.height], self.preparation.fit);
        if self.filled_for[place] != Some(way) {
            self.fill_margins(place);
            self.filled_for[place] = Some(way);
        }
        // How many samples of a row of the picture are wanted, and of how many rows.
        let upright = [way.placement.width, way.placement.height];
        let [across, down] = if way.rotation.swaps_sides() { [upright[1], upright[0]] } else { upright };
        let source = way.source();
        if self.taps_for != Some(way) {
            self.taps = Taps::new(source, across, picture.width);
            self.taps_for = Some(way);
        }
        let to_rgb = ToRgb::new(picture.matrix, picture.range);
        let (chroma_w, chroma_h) = (picture.width.div_ceil(2), picture.height.div_ceil(2));
        let scale_y = (source.y2 - source.y1) / down as f32;
        for row in 0..down {
            let y = source.y1 + (row as f32 + 0.5) * scale_y;
            let chroma_row = Tap::at(y / 2.0 - 0.5, chroma_h);
            let [ys, us, vs] = &mut self.rows;
            let (ys, us, vs) = (&mut ys[..across], &mut us[..across], &mut vs[..across]);
            sample_row(picture.y, picture.width, Tap::at(y - 0.5, picture.height), &self.taps.luma, ys);
            sample_row(picture.u, chroma_w, chroma_row, &self.taps.chroma, us);
            sample_row(picture.v, chroma_w, chroma_row, &self.taps.chroma, vs);
            to_rgb.convert(ys, us, vs);
            self.write(place, Line::of(&way, row, self.width), across);
        }
        way
    }

    /// Normalises what lies in `rows` and writes it to a line of each channel.
    fn write(&mut self, place: usize, line: Line, length: usize) {
        let [r, g, b] = &self.rows;
        let planes = match self.preparation.channels {
            Channels::Rgb => [r, g, b],
            Channels::Bgr => [b, g, r],
        };
        let area = self.width * self.height;
        let data = &mut self.data[place * area * 3..(place + 1) * area * 3];
        for (channel, values) in planes.into_iter().enumerate() {
            let scale = 1.0 / self.preparation.std[channel];
            let offset = -self.preparation.mean[channel] * scale;
            let values = values[..length].iter().map(|v| v * scale + offset);
            let (first, pixel) = match self.layout {
                Layout::Nchw => (channel * area + line.first, 1),
                Layout::Nhwc => (line.first * 3 + channel, 3),
            };
            let step = line.step.unsigned_abs() * pixel;
            if step == 1 && line.step > 0 {
                // The usual case, which the compiler turns into vector instructions.
                data[first..first + length].iter_mut().zip(values).for_each(|(out, v)| *out = v);
            } else if line.step > 0 {
                data[first..].iter_mut().step_by(step).zip(values).for_each(|(out, v)| *out = v);
            } else {
                data[..=first].iter_mut().rev().step_by(step).zip(values).for_each(|(out, v)| *out = v);
            }
        }
    }

    fn fill_margins(&mut self, place: usize) {
        let pad = f32::from(self.preparation.fit.pad());
        let area = self.width * self.height;
        let data = &mut self.data[place * area * 3..(place + 1) * area * 3];
        let Preparation { mean, std, .. } = self.preparation;
        let value = |channel: usize| (pad - mean[channel]) / std[channel];
        match self.layout {
            Layout::Nchw => (0..3).for_each(|c| data[c * area..(c + 1) * area].fill(value(c))),
            Layout::Nhwc => data.iter_mut().enumerate().for_each(|(i, out)| *out = value(i % 3)),
        }
    }
}

// === impl Line ===

impl Line {
    /// Where row `row` of the picture goes in an input that is `stride` pixels wide.
    fn of(way: &Way, row: usize, stride: usize) -> Self {
        let image = &way.placement;
        let at = |x: usize, y: usize| (image.top + y) * stride + image.left + x;
        let (right, bottom) = (image.width - 1, image.height - 1);
        let stride = stride as isize;
        match way.rotation {
            Rotation::None => Self { first: at(0, row), step: 1 },
            Rotation::Quarter => Self { first: at(right - row, 0), step: stride },
            Rotation::Half => Self { first: at(right, bottom - row), step: -1 },
            Rotation::ThreeQuarters => Self { first: at(row, bottom), step: -stride },
        }
    }
}

/// One row of one plane, interpolated at every tap.
#[inline]
fn sample_row(plane: Plane<'_>, width: usize, row: Tap, taps: &[Tap], out: &mut [f32]) {
    const UNIT: f32 = 1.0 / ONE as f32;
    let down = row.part as f32 * UNIT;
    let (upper, lower) = (plane.row(row.first as usize, width), plane.row(row.first as usize + 1, width));
    for (out, tap) in out.iter_mut().zip(taps) {
        let pair = tap.first as usize..tap.first as usize + 2;
        let across = |samples: &[u8]| {
            let (a, b) = (i32::from(samples[0]), i32::from(samples[1]));
            a * ONE + (b - a) * tap.part
        };
        let (up, low) = (across(&upper[pair.clone()]), across(&lower[pair]));
        *out = (up as f32 + (low - up) as f32 * down) * UNIT;
    }
}

// === impl Taps ===

impl Taps {
    /// For `count` places along the rows of the rectangle `source` of a picture that is `width` pixels wide.
    fn new(source: BoxPx, count: usize, width: usize) -> Self {
        let scale = (source.x2 - source.x1) / count as f32;
        let centres = || (0..count).map(|x| source.x1 + (x as f32 + 0.5) * scale);
        Self {
            luma: centres().map(|x| Tap::at(x - 0.5, width)).collect(),
            chroma: centres().map(|x| Tap::at(x / 2.0 - 0.5, width.div_ceil(2))).collect(),
        }
    }
}

// === impl Tap ===

impl Tap {
    /// At `position` between sample centres of a line of `length` samples (2 or more); the line's ends are continued.
    fn at(position: f32, length: usize) -> Self {
        let last = (length - 2) as f32;
        let first = position.floor().clamp(0.0, last);
        let part = (position - first).clamp(0.0, 1.0);
        Self { first: first as u32, part: (part * ONE as f32) as i32 }
    }
}

// === impl ToRgb ===

impl ToRgb {
    /// ITU-R BT.601 and BT.709, derived from the luma weights of red and blue.
    fn new(matrix: Matrix, range: Range) -> Self {
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (y_offset, y, chroma) = match range {
            Range::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0.0, 1.0, 1.0),
        };
        Self {
            y_offset,
            y,
            r_v: 2.0 * (1.0 - kr) * chroma,
            g_u: -2.0 * (1.0 - kb) * kb / kg * chroma,
            g_v: -2.0 * (1.0 - kr) * kr / kg * chroma,
            b_u: 2.0 * (1.0 - kb) * chroma,
        }
    }

    /// Turns rows of Y, U and V into rows of R, G and B, in place.
    fn convert(&self, ys: &mut [f32], us: &mut [f32], vs: &mut [f32]) {
        for ((y, u), v) in ys.iter_mut().zip(us).zip(vs) {
            let luma = (*y - self.y_offset) * self.y;
            let (cb, cr) = (*u - 128.0, *v - 128.0);
            *y = (luma + self.r_v * cr).clamp(0.0, 255.0);
            *u = (luma + self.g_u * cb + self.g_v * cr).clamp(0.0, 255.0);
            *v = (luma + self.b_u * cb).clamp(0.0, 255.0);
        }
    }
}

#[cfg(test)]
mod tests;
