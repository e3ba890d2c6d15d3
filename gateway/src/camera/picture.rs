//! One decoded picture, and how its samples are to be read.

use std::time::Duration;

use ffmpeg_next::color;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use moshao_inference::picture::{Matrix, PictureView, Plane, Range, Rotation};

/// One decoded picture: planar 4:2:0, 8 bits, in memory that the decoder lends and takes back when this is dropped.
pub struct Picture {
    frame: frame::Video,
    /// Media time of its access unit.
    pub media_time: Duration,
    /// When its last byte was received, milliseconds since the Unix epoch.
    pub received_unix_ms: i64,
}

// === impl Picture ===

impl Picture {
    /// Wraps a frame that [`is_planar_420`].
    pub(super) fn new(frame: frame::Video, media_time: Duration, received_unix_ms: i64) -> Self {
        debug_assert!(is_planar_420(frame.format()));
        Self { frame, media_time, received_unix_ms }
    }

    /// A picture that shows nothing in particular.
    #[cfg(test)]
    pub(crate) fn any() -> Self {
        Self::new(frame::Video::new(Pixel::YUV420P, 16, 16), Duration::ZERO, 0)
    }

    /// The same picture in memory of its own: a decoder never gives back the memory of as many pictures as were once lent
    /// out together.
    pub fn detached(self) -> Self {
        Self { frame: self.frame.clone(), ..self }
    }

    /// Width, pixels.
    pub fn width(&self) -> u32 {
        self.frame.width()
    }

    /// Height, pixels.
    pub fn height(&self) -> u32 {
        self.frame.height()
    }

    /// The samples, for the detector.
    pub fn view(&self) -> PictureView<'_> {
        let plane = |index| Plane { data: self.frame.data(index), stride: self.frame.stride(index) };
        PictureView {
            width: self.width() as usize,
            height: self.height() as usize,
            y: plane(0),
            u: plane(1),
            v: plane(2),
            range: range(&self.frame),
            matrix: matrix(&self.frame),
            rotation: Rotation::None,
        }
    }

    /// The frame, for scaling.
    pub(crate) fn frame(&self) -> &frame::Video {
        &self.frame
    }
}

/// Formats that [`Picture`] takes as they are; all others are converted first.
pub(super) fn is_planar_420(format: Pixel) -> bool {
    matches!(format, Pixel::YUV420P | Pixel::YUVJ420P)
}

fn range(frame: &frame::Video) -> Range {
    match (frame.format(), frame.color_range()) {
        (Pixel::YUVJ420P, _) | (_, color::Range::JPEG) => Range::Full,
        _ => Range::Limited,
    }
}

/// What the stream says; by the habit of the field where it says nothing: BT.601 up to 576 lines, BT.709 above.
fn matrix(frame: &frame::Video) -> Matrix {
    match frame.color_space() {
        color::Space::BT709 => Matrix::Bt709,
        color::Space::BT470BG | color::Space::SMPTE170M | color::Space::FCC => Matrix::Bt601,
        _ if frame.height() <= 576 => Matrix::Bt601,
        _ => Matrix::Bt709,
    }
}
