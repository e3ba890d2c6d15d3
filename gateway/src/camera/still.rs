//! A still of one picture: scaled, made fit to leave the box, encoded as JPEG.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use moshao_config::Polygon;

use super::picture::Picture;
use super::privacy;

/// JPEG quality, 1 to 100: artefacts are hardly seen, a 1280x720 picture takes about 150 KB.
const QUALITY: u8 = 85;
/// Smallest side that is scaled to, pixels.
const SIDE_MIN_PX: u32 = 16;

/// Why a still could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// FFmpeg could not scale the picture.
    #[error("a still could not be scaled: {0}")]
    Scale(#[from] ffmpeg_next::Error),
    /// The JPEG encoder failed.
    #[error("a still could not be encoded: {0}")]
    Encode(#[from] image::ImageError),
}

/// What a still shows and hides; areas in fractions of the picture.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Longest side, pixels; the picture is never enlarged.
    pub max_side_px: u32,
    /// Areas that never leave the box.
    pub masks: &'a [Polygon],
    /// People in the picture; none where the camera's detector does not know people.
    pub people: Option<&'a [[f32; 4]]>,
    /// What the event is about.
    pub subjects: &'a [[f32; 4]],
}

/// Makes a JPEG of a picture.
///
/// # Errors
/// See [`StillError`].
pub fn jpeg(picture: &Picture, wish: Wish<'_>) -> Result<Vec<u8>, StillError> {
    let mut image = scale(picture, wish.max_side_px)?;
    privacy::protect(&mut image, wish.masks, wish.people, wish.subjects);
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    Ok(bytes)
}

fn scale(picture: &Picture, max_side_px: u32) -> Result<RgbImage, StillError> {
    let frame = picture.frame();
    let (width, height) = fit((frame.width(), frame.height()), max_side_px);
    let mut scaler = scaling::Context::get(
        frame.format(),
        frame.width(),
        frame.height(),
        Pixel::RGB24,
        width,
        height,
        scaling::Flags::AREA,
    )?;
    let mut rgb = frame::Video::empty();
    scaler.run(frame, &mut rgb)?;
    let row_bytes = width as usize * 3;
    let samples = rgb.data(0).chunks(rgb.stride(0)).flat_map(|row| &row[..row_bytes]).copied().collect();
    Ok(RgbImage::from_raw(width, height, samples).expect("rows of the size that was asked for"))
}

/// The size with the same sides' ratio whose longest side is at most `max_side_px`.
fn fit((width, height): (u32, u32), max_side_px: u32) -> (u32, u32) {
    let longest = width.max(height);
    let max_side_px = max_side_px.max(SIDE_MIN_PX);
    if longest <= max_side_px {
        return (width, height);
    }
    let scaled = |side: u32| {
        let scaled = (u64::from(side) * u64::from(max_side_px)).div_ceil(u64::from(longest));
        u32::try_from(scaled).expect("no larger than the side it came from")
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_longest_side_and_never_enlarges() {
        assert_eq!(fit((1920, 1080), 1280), (1280, 720));
        assert_eq!(fit((1080, 1920), 1280), (720, 1280));
        assert_eq!(fit((640, 360), 1280), (640, 360));
        assert_eq!(fit((4096, 4), 16), (16, 1));
        assert_eq!(fit((1920, 1080), 0), (16, 9));
    }
}
