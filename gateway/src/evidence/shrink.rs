//! A smaller copy of a still, for a link whose day's traffic runs out.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{ImageFormat, ImageReader, Limits};

/// Longest side of the copy, pixels: what happens is still seen, in a fifth of the bytes.
const SIDE_PX: u32 = 640;
/// JPEG quality, 1 to 100.
const QUALITY: u8 = 60;
/// Largest side that is decoded, pixels. The file came from this box, but through a worker.
const SIDE_MAX_PX: u32 = 8192;
/// Most memory that decoding may take, bytes.
const MEMORY_MAX: u64 = 256 << 20;

/// The still with its longest side at most 640 pixels; `None` where it is no JPEG or does not get smaller.
pub fn shrink(still: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::with_format(Cursor::new(still), ImageFormat::Jpeg);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX_PX), Some(SIDE_MAX_PX));
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let picture = match picture.width().max(picture.height()) > SIDE_PX {
        true => picture.resize(SIDE_PX, SIDE_PX, FilterType::Triangle),
        false => picture,
    };
    let mut small = Vec::new();
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut small, QUALITY)).ok()?;
    (small.len() < still.len()).then_some(small)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    /// A picture with something to see in it.
    fn still(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x % 251) as u8, (y % 241) as u8, ((x * y) % 239) as u8])
        });
        let mut bytes = Vec::new();
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 85)).unwrap();
        bytes
    }

    #[test]
    fn a_still_gets_smaller_and_keeps_its_shape() {
        let large = still(1280, 720);
        let small = shrink(&large).unwrap();
        assert!(small.len() * 3 < large.len(), "{} of {} bytes", small.len(), large.len());
        let picture = image::load_from_memory(&small).unwrap();
        assert_eq!((picture.width(), picture.height()), (640, 360));
        assert!(shrink(&large) == Some(small), "the same each time: a transfer can be gone on with");
    }

    #[test]
    fn what_does_not_get_smaller_or_is_no_picture_stays_as_it_is() {
        let mut plain = Vec::new();
        let grey = RgbImage::from_pixel(64, 64, image::Rgb([90, 90, 90]));
        grey.write_with_encoder(JpegEncoder::new_with_quality(&mut plain, QUALITY)).unwrap();
        assert!(shrink(&plain).is_none());
        assert!(shrink(b"no picture").is_none());
    }
}
