//! A borrowed view of one decoded picture: planar YUV, 8 bits, 4:2:0, as the decoder left it in memory.

/// One decoded picture. Chroma planes have half the width and height, rounded up.
#[derive(Debug, Clone, Copy)]
pub struct PictureView<'a> {
    /// Width of the luma plane, pixels.
    pub width: usize,
    /// Height of the luma plane, pixels.
    pub height: usize,
    /// Luma.
    pub y: Plane<'a>,
    /// Blue-difference chroma (Cb).
    pub u: Plane<'a>,
    /// Red-difference chroma (Cr).
    pub v: Plane<'a>,
    /// How sample values map to 0..1.
    pub range: Range,
    /// How YUV maps to RGB.
    pub matrix: Matrix,
    /// How the camera hangs: turned by this, the picture is upright. Boxes and regions stay in its pixels as they are.
    pub rotation: Rotation,
}

/// One plane of samples.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// Samples, row by row.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Range of the samples (ITU-T H.273, VideoFullRangeFlag).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// 16..235 luma, 16..240 chroma: what nearly all cameras send.
    #[default]
    Limited,
    /// 0..255.
    Full,
}

/// Matrix coefficients (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    #[default]
    Bt709,
}

/// A turn by quarters, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees: what was at the left comes to the top.
    Quarter,
    /// By 180 degrees: upside down.
    Half,
    /// By 270 degrees: what was at the right comes to the top.
    ThreeQuarters,
}

/// A rectangle in pixels of the picture: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct BoxPx {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

/// Least width and height that is looked at, pixels.
pub const MIN_SIDE_PX: usize = 16;
/// Largest width and height that is looked at, pixels: the limit of H.265 level 6.2.
pub const MAX_SIDE_PX: usize = 16_888;

// === impl PictureView ===

impl PictureView<'_> {
    /// The whole picture as a rectangle.
    pub fn area(&self) -> BoxPx {
        BoxPx { x1: 0.0, y1: 0.0, x2: self.width as f32, y2: self.height as f32 }
    }

    /// Whether sizes are usable and every plane is long enough for them.
    pub fn check(&self) -> Result<(), String> {
        let (w, h) = (self.width, self.height);
        let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
        if !sides.contains(&w) || !sides.contains(&h) {
            return Err(format!("{w}x{h} pixels; each side must have {MIN_SIDE_PX} to {MAX_SIDE_PX}"));
        }
        let planes = [
            ("Y", self.y, w, h),
            ("U", self.u, w.div_ceil(2), h.div_ceil(2)),
            ("V", self.v, w.div_ceil(2), h.div_ceil(2)),
        ];
        for (name, plane, w, h) in planes {
            let needed = plane.stride.saturating_mul(h - 1).saturating_add(w);
            if plane.stride < w || plane.data.len() < needed {
                let (stride, have) = (plane.stride, plane.data.len());
                return Err(format!(
                    "plane {name} has {have} bytes in rows of {stride}, {w}x{h} samples need {needed} in rows of {w} or more"
                ));
            }
        }
        Ok(())
    }
}

// === impl Rotation ===

impl Rotation {
    /// The turn by so many degrees clockwise: 0, 90, 180 or 270; none for others.
    pub fn from_degrees(degrees: u16) -> Option<Self> {
        match degrees {
            0 => Some(Self::None),
            90 => Some(Self::Quarter),
            180 => Some(Self::Half),
            270 => Some(Self::ThreeQuarters),
            _ => None,
        }
    }

    /// Whether width and height change places.
    pub(crate) fn swaps_sides(self) -> bool {
        matches!(self, Self::Quarter | Self::ThreeQuarters)
    }

    /// The turn that undoes this one.
    pub(crate) fn back(self) -> Self {
        match self {
            Self::Quarter => Self::ThreeQuarters,
            Self::ThreeQuarters => Self::Quarter,
            same => same,
        }
    }

    /// Where a rectangle lies once a picture of `width` x `height` pixels is turned.
    pub fn turned(self, area: BoxPx, width: f32, height: f32) -> BoxPx {
        let BoxPx { x1, y1, x2, y2 } = area;
        match self {
            Self::None => area,
            Self::Quarter => BoxPx { x1: height - y2, y1: x1, x2: height - y1, y2: x2 },
            Self::Half => BoxPx { x1: width - x2, y1: height - y2, x2: width - x1, y2: height - y1 },
            Self::ThreeQuarters => BoxPx { x1: y1, y1: width - x2, x2: y2, y2: width - x1 },
        }
    }
}

// === impl Plane ===

impl<'a> Plane<'a> {
    /// Row `y`, `width` samples. The view must have passed [`PictureView::check`].
    #[inline]
    pub(crate) fn row(&self, y: usize, width: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..width]
    }
}

// === impl BoxPx ===

impl BoxPx {
    /// Area in square pixels; 0 for an empty or inverted box.
    pub fn size(&self) -> f32 {
        (self.x2 - self.x1).max(0.0) * (self.y2 - self.y1).max(0.0)
    }

    /// Area that both cover, square pixels.
    pub fn overlap(&self, other: &BoxPx) -> f32 {
        let w = self.x2.min(other.x2) - self.x1.max(other.x1);
        let h = self.y2.min(other.y2) - self.y1.max(other.y1);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0..1.
    pub fn iou(&self, other: &BoxPx) -> f32 {
        let both = self.overlap(other);
        if both <= 0.0 { 0.0 } else { both / (self.size() + other.size() - both) }
    }

    /// The part of this box that lies within `limits`.
    pub fn clipped(&self, limits: &BoxPx) -> BoxPx {
        BoxPx {
            x1: self.x1.clamp(limits.x1, limits.x2),
            y1: self.y1.clamp(limits.y1, limits.y2),
            x2: self.x2.clamp(limits.x1, limits.x2),
            y2: self.y2.clamp(limits.y1, limits.y2),
        }
    }
}

impl BoxPx {
    /// The box of this size around a centre.
    pub(crate) fn around(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x1: x - width / 2.0, y1: y - height / 2.0, x2: x + width / 2.0, y2: y + height / 2.0 }
    }
}
