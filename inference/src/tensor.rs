//! From the decoder's planes to the model's input in one pass: scale, convert to RGB, normalise, lay out.
//!
//! Scaling is bilinear with half-pixel centres, which is OpenCV's `INTER_LINEAR` (and what the reference
//! implementations of nearly all families use); only the rows that are needed are read. Chroma is sampled at its own
//! resolution, sited in the middle of its four luma samples (JPEG's siting). Values are clamped to 0..255 before they are
//! normalised, as an RGB picture would be.

use crate::geometry::{Fit, Placement};
use crate::picture::{BoxPx, Matrix, PictureView, Plane, Range};

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

/// A picture in the form that a model takes. Reused from picture to picture: the margins are filled only when they move.
#[derive(Debug)]
pub(crate) struct InputTensor {
    width: usize,
    height: usize,
    layout: Layout,
    preparation: Preparation,
    /// The numbers, in `layout`.
    data: Vec<f32>,
    filled_for: Option<Placement>,
    taps: Taps,
    rows: [Vec<f32>; 3],
}

/// Where each column of the input samples the picture.
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
    pub(crate) fn new(width: usize, height: usize, layout: Layout, preparation: Preparation) -> Self {
        Self {
            width,
            height,
            layout,
            preparation,
            data: vec![0.0; width * height * 3],
            filled_for: None,
            taps: Taps::default(),
            rows: std::array::from_fn(|_| vec![0.0; width]),
        }
    }

    /// The numbers, in the model's layout.
    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    /// Takes in the rectangle `region` of `picture` and says where it lies. The picture must have passed
    /// [`PictureView::check`].
    pub(crate) fn fill(&mut self, picture: &PictureView<'_>, region: BoxPx) -> Placement {
        let placement = Placement::new(region, self.width, self.height, self.preparation.fit);
        if self.filled_for != Some(placement) {
            self.fill_margins();
            self.taps = Taps::new(&placement, picture.width);
            self.filled_for = Some(placement);
        }
        let to_rgb = ToRgb::new(picture.matrix, picture.range);
        let (chroma_w, chroma_h) = (picture.width.div_ceil(2), picture.height.div_ceil(2));
        let scale_y = (placement.source.y2 - placement.source.y1) / placement.height as f32;
        let [ys, us, vs] = &mut self.rows;
        let (ys, us, vs) =
            (&mut ys[..placement.width], &mut us[..placement.width], &mut vs[..placement.width]);
        for row in 0..placement.height {
            let y = placement.source.y1 + (row as f32 + 0.5) * scale_y;
            sample_row(picture.y, picture.width, Tap::at(y - 0.5, picture.height), &self.taps.luma, ys);
            let chroma_row = Tap::at(y / 2.0 - 0.5, chroma_h);
            sample_row(picture.u, chroma_w, chroma_row, &self.taps.chroma, us);
            sample_row(picture.v, chroma_w, chroma_row, &self.taps.chroma, vs);
            to_rgb.convert(ys, us, vs);
            let (r, g, b) = (&*ys, &*us, &*vs);
            let planes = match self.preparation.channels {
                Channels::Rgb => [r, g, b],
                Channels::Bgr => [b, g, r],
            };
            let first = (placement.top + row) * self.width + placement.left;
            for (channel, values) in planes.into_iter().enumerate() {
                let scale = 1.0 / self.preparation.std[channel];
                let offset = -self.preparation.mean[channel] * scale;
                match self.layout {
                    Layout::Nchw => {
                        let start = channel * self.width * self.height + first;
                        let out = &mut self.data[start..start + values.len()];
                        out.iter_mut().zip(values).for_each(|(out, v)| *out = v * scale + offset);
                    }
                    Layout::Nhwc => {
                        let out = &mut self.data[first * 3..(first + values.len()) * 3];
                        let pixels = out.iter_mut().skip(channel).step_by(3);
                        pixels.zip(values).for_each(|(out, v)| *out = v * scale + offset);
                    }
                }
            }
        }
        placement
    }

    fn fill_margins(&mut self) {
        let pad = f32::from(self.preparation.fit.pad());
        let area = self.width * self.height;
        let Preparation { mean, std, .. } = self.preparation;
        let value = |channel: usize| (pad - mean[channel]) / std[channel];
        match self.layout {
            Layout::Nchw => (0..3).for_each(|c| self.data[c * area..(c + 1) * area].fill(value(c))),
            Layout::Nhwc => self.data.iter_mut().enumerate().for_each(|(i, out)| *out = value(i % 3)),
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
    fn new(placement: &Placement, width: usize) -> Self {
        let scale = (placement.source.x2 - placement.source.x1) / placement.width as f32;
        let centres = || (0..placement.width).map(|x| placement.source.x1 + (x as f32 + 0.5) * scale);
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
