//! What leaves the box in a still, and what does not.
//!
//! Pure functions on RGB pictures; areas are left, top, right, bottom in fractions of the picture. Where a detector
//! finds people their heads are pixelated; where none runs, everything but what the event is about is. Masked areas are
//! filled last, over everything.

use image::{Rgb, RgbImage};
use moshao_config::Polygon;

use super::mask;

/// A masked pixel.
pub const MASK: Rgb<u8> = Rgb([0, 0, 0]);

/// Room left around what the event is about, as a share of its size on each side.
const SUBJECT_MARGIN: f32 = 0.1;
/// The part of a standing person that is the head, from above, with room for a box that sits badly.
const HEAD_STANDING: f32 = 0.3;
/// The same of a person who is cut off below the shoulders, or sits: the box is nearly as wide as high.
const HEAD_CLOSE: f32 = 0.6;
const CLOSE_FROM_ASPECT: f32 = 0.75;
/// Room around a head, as a share of the person's box.
const HEAD_MARGIN: f32 = 0.1;
/// Blocks across a pixelated head: far too few to know a face.
const BLOCKS_ACROSS_HEAD: u32 = 5;
/// Blocks across a picture of which only the subjects stay clear.
const BLOCKS_ACROSS_PICTURE: u32 = 40;
/// Smallest block, pixels.
const BLOCK_MIN_PX: u32 = 4;

/// A rectangle in whole pixels: left and top belong to it, right and bottom do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rect {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

/// Makes a picture fit to leave the box. `people` is none where the camera's detector does not know people.
pub fn protect(image: &mut RgbImage, masks: &[Polygon], people: Option<&[[f32; 4]]>, subjects: &[[f32; 4]]) {
    match people {
        Some(people) => people.iter().for_each(|person| pixelate_head(image, *person)),
        None => pixelate_all_but(image, subjects),
    }
    masks.iter().for_each(|area| fill(image, area));
}

/// Fills an area.
fn fill(image: &mut RgbImage, area: &Polygon) {
    let (width, height) = (image.width() as f32, image.height() as f32);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if mask::contains(area, ((x as f32 + 0.5) / width, (y as f32 + 0.5) / height)) {
            *pixel = MASK;
        }
    }
}

fn pixelate_head(image: &mut RgbImage, [left, top, right, bottom]: [f32; 4]) {
    let (width, height) = (right - left, bottom - top);
    let aspect = width * image.width() as f32 / (height * image.height() as f32).max(1.0);
    let share = if aspect >= CLOSE_FROM_ASPECT { HEAD_CLOSE } else { HEAD_STANDING };
    let head = [
        left - HEAD_MARGIN * width,
        top - HEAD_MARGIN * height,
        right + HEAD_MARGIN * width,
        top + share * height,
    ];
    let head = Rect::of(image, head);
    let block_px = (head.right - head.left).div_ceil(BLOCKS_ACROSS_HEAD).max(BLOCK_MIN_PX);
    pixelate(image, head, block_px, |_, _| true);
}

fn pixelate_all_but(image: &mut RgbImage, subjects: &[[f32; 4]]) {
    let clear: Vec<Rect> = subjects
        .iter()
        .map(|[left, top, right, bottom]| {
            let (x, y) = (SUBJECT_MARGIN * (right - left), SUBJECT_MARGIN * (bottom - top));
            Rect::of(image, [left - x, top - y, right + x, bottom + y])
        })
        .collect();
    let whole = Rect { left: 0, top: 0, right: image.width(), bottom: image.height() };
    let block_px = image.width().max(image.height()).div_ceil(BLOCKS_ACROSS_PICTURE).max(BLOCK_MIN_PX);
    pixelate(image, whole, block_px, |x, y| !clear.iter().any(|rect| rect.contains(x, y)));
}

/// Replaces the pixels of each block that are `hidden` by the block's mean.
fn pixelate(image: &mut RgbImage, area: Rect, block_px: u32, hidden: impl Fn(u32, u32) -> bool) {
    for top in (area.top..area.bottom).step_by(block_px as usize) {
        for left in (area.left..area.right).step_by(block_px as usize) {
            let block = Rect {
                left,
                top,
                right: (left + block_px).min(area.right),
                bottom: (top + block_px).min(area.bottom),
            };
            let mean = mean(image, block);
            for y in block.top..block.bottom {
                for x in block.left..block.right {
                    if hidden(x, y) {
                        image.put_pixel(x, y, mean);
                    }
                }
            }
        }
    }
}

fn mean(image: &RgbImage, block: Rect) -> Rgb<u8> {
    let mut sums = [0_u64; 3];
    for y in block.top..block.bottom {
        for x in block.left..block.right {
            for (sum, sample) in sums.iter_mut().zip(image.get_pixel(x, y).0) {
                *sum += u64::from(sample);
            }
        }
    }
    let pixels = u64::from(block.right - block.left) * u64::from(block.bottom - block.top);
    Rgb(sums.map(|sum| u8::try_from(sum / pixels.max(1)).expect("a mean of bytes is a byte")))
}

// === impl Rect ===

impl Rect {
    /// The pixels that an area touches, within the picture.
    fn of(image: &RgbImage, [left, top, right, bottom]: [f32; 4]) -> Self {
        let (width, height) = (image.width(), image.height());
        // `as` saturates: what lies outside ends at the edge.
        let pixel = |fraction: f32, size: u32| ((fraction * size as f32) as u32).min(size);
        let pixel_up = |fraction: f32, size: u32| ((fraction * size as f32).ceil() as u32).min(size);
        let (left, top) = (pixel(left, width), pixel(top, height));
        Self { left, top, right: pixel_up(right, width).max(left), bottom: pixel_up(bottom, height).max(top) }
    }

    fn contains(self, x: u32, y: u32) -> bool {
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200x200, every pixel different from its neighbours.
    fn test_card() -> RgbImage {
        RgbImage::from_fn(200, 200, |x, y| Rgb([(x % 2 * 255) as u8, (y % 2 * 255) as u8, (x + y) as u8 / 2]))
    }

    fn is_untouched(image: &RgbImage, x: u32, y: u32) -> bool {
        image.get_pixel(x, y) == test_card().get_pixel(x, y)
    }

    #[test]
    fn a_head_is_pixelated_and_the_body_is_not() {
        let mut image = test_card();
        protect(&mut image, &[], Some(&[[0.4, 0.2, 0.6, 0.8]]), &[]);
        // Head: x 76..124, y 28..76; blocks of 10 pixels.
        assert_eq!(image.get_pixel(76, 28), image.get_pixel(85, 37), "one block");
        assert_ne!(image.get_pixel(76, 28), image.get_pixel(86, 28), "and another");
        assert!(!is_untouched(&image, 100, 50));
        assert!(is_untouched(&image, 100, 77) && is_untouched(&image, 100, 150), "the body");
        assert!(is_untouched(&image, 75, 50) && is_untouched(&image, 124, 50), "beside the head");
    }

    #[test]
    fn of_a_close_person_more_is_head() {
        let mut image = test_card();
        protect(&mut image, &[], Some(&[[0.2, 0.5, 0.8, 1.0]]), &[]);
        assert!(!is_untouched(&image, 100, 150));
        assert!(is_untouched(&image, 100, 170));
    }

    #[test]
    fn people_seen_and_none_there_leaves_the_picture_as_it_is() {
        let mut image = test_card();
        protect(&mut image, &[], Some(&[]), &[]);
        assert_eq!(image, test_card());
    }

    #[test]
    fn without_a_person_detector_only_the_subject_stays_clear() {
        let mut image = test_card();
        protect(&mut image, &[], None, &[[0.4, 0.4, 0.6, 0.6]]);
        // With its margin: 76..124 both ways.
        assert!(
            is_untouched(&image, 76, 76) && is_untouched(&image, 100, 100) && is_untouched(&image, 123, 123)
        );
        for (x, y) in [(75, 100), (124, 100), (100, 75), (100, 124), (0, 0), (199, 199)] {
            assert!(!is_untouched(&image, x, y), "{x},{y}");
        }
    }

    #[test]
    fn without_person_detector_and_subject_nothing_stays_clear() {
        let mut image = test_card();
        protect(&mut image, &[], None, &[]);
        assert_eq!(image.get_pixel(0, 0), image.get_pixel(4, 4));
        assert!(image.pixels().zip(test_card().pixels()).all(|(pixel, original)| pixel != original));
    }

    #[test]
    fn a_mask_covers_subjects_and_people_too() {
        let lower_half = Polygon(vec![(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]);
        for people in [None, Some([[0.0, 0.4, 1.0, 1.0]].as_slice())] {
            let mut image = test_card();
            protect(&mut image, std::slice::from_ref(&lower_half), people, &[[0.0, 0.0, 1.0, 1.0]]);
            assert!((100..200).all(|y| (0..200).all(|x| *image.get_pixel(x, y) == MASK)));
            assert_ne!(*image.get_pixel(100, 99), MASK);
        }
    }

    #[test]
    fn areas_beyond_the_edges_and_of_no_size_do_no_harm() {
        for area in
            [[-1.0, -1.0, 2.0, 2.0], [0.5, 0.5, 0.5, 0.5], [0.9, 0.9, 0.1, 0.1], [f32::NAN; 4], [2.0; 4]]
        {
            protect(&mut test_card(), &[], Some(&[area]), &[area]);
            protect(&mut test_card(), &[], None, &[area]);
        }
    }
}
