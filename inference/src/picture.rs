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
