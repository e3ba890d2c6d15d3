//! How a region of the picture lies in the model's input, and the way back.
//!
//! All coordinates are continuous: a pixel `i` covers `i..i + 1`, so a box is in the same place whichever way it is
//! scaled.

use crate::picture::{BoxPx, Rotation};

/// How a picture is brought to the input's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fit {
    /// Keep the aspect ratio and fill the rest with `pad` (0..255), picture at the top left (YOLOX).
    LetterboxTopLeft { pad: u8 },
    /// Keep the aspect ratio and fill the rest with `pad` (0..255), picture in the middle (Ultralytics).
    LetterboxCentre { pad: u8 },
    /// Fill the input, whatever that does to the aspect ratio.
    Stretch,
    /// Keep the aspect ratio and cut what protrudes on both sides (classification).
    Crop,
}

/// Where a rectangle of the picture, turned upright, lands in the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    /// The rectangle, in pixels of the upright picture.
    pub(crate) source: BoxPx,
    /// Left edge of its image in the input, pixels.
    pub(crate) left: usize,
    /// Top edge of its image in the input, pixels.
    pub(crate) top: usize,
    /// Width of its image in the input, pixels; at least 1.
    pub(crate) width: usize,
    /// Height of its image in the input, pixels; at least 1.
    pub(crate) height: usize,
}

/// A [`Placement`] and the turn before it: from the picture as it is to the input and back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Way {
    pub(crate) placement: Placement,
    pub(crate) rotation: Rotation,
    /// Width and height of the picture as it is, pixels.
    pub(crate) picture: [usize; 2],
}

impl Way {
    /// The rectangle `source` of a `picture` (width and height) that is upright once it is turned by `rotation`, to an
    /// input of `width` x `height` pixels.
    pub(crate) fn new(
        source: BoxPx,
        picture: [usize; 2],
        rotation: Rotation,
        [width, height]: [usize; 2],
        fit: Fit,
    ) -> Self {
        let [w, h] = picture.map(|side| side as f32);
        let placement = Placement::new(rotation.turned(source, w, h), width, height, fit);
        Self { placement, rotation, picture }
    }

    /// What is looked at, in pixels of the picture as it is.
    pub(crate) fn source(&self) -> BoxPx {
        self.turned_back(self.placement.source)
    }

    /// From pixels of the input to pixels of the picture as it is.
    pub(crate) fn to_picture(self, area: BoxPx) -> BoxPx {
        self.turned_back(self.placement.to_picture(area))
    }

    fn turned_back(&self, upright: BoxPx) -> BoxPx {
        let [w, h] = self.picture.map(|side| side as f32);
        let [w, h] = if self.rotation.swaps_sides() { [h, w] } else { [w, h] };
        self.rotation.back().turned(upright, w, h)
    }
}

impl Placement {
    /// Places the rectangle `source` of a picture in an input of `width` x `height` pixels.
    pub(crate) fn new(source: BoxPx, width: usize, height: usize, fit: Fit) -> Self {
        let (from_w, from_h) = (source.x2 - source.x1, source.y2 - source.y1);
        let (ratio_x, ratio_y) = (width as f32 / from_w, height as f32 / from_h);
        match fit {
            Fit::Stretch => Self { source, left: 0, top: 0, width, height },
            Fit::Crop => {
                let ratio = ratio_x.max(ratio_y);
                let (kept_w, kept_h) = (width as f32 / ratio, height as f32 / ratio);
                let x1 = source.x1 + (from_w - kept_w) / 2.0;
                let y1 = source.y1 + (from_h - kept_h) / 2.0;
                let source = BoxPx { x1, y1, x2: x1 + kept_w, y2: y1 + kept_h };
                Self { source, left: 0, top: 0, width, height }
            }
            Fit::LetterboxTopLeft { .. } => {
                // In double precision and rounded down, as YOLOX does: 416 / 768 x 432 is 233 there and not 234.
                let ratio = (width as f64 / f64::from(from_w)).min(height as f64 / f64::from(from_h));
                let w = ((f64::from(from_w) * ratio) as usize).clamp(1, width);
                let h = ((f64::from(from_h) * ratio) as usize).clamp(1, height);
                Self { source, left: 0, top: 0, width: w, height: h }
            }
            Fit::LetterboxCentre { .. } => {
                // Rounded to the nearest; an odd margin has its extra pixel at the right and bottom, as Ultralytics does.
                let ratio = ratio_x.min(ratio_y);
                let w = ((from_w * ratio).round() as usize).clamp(1, width);
                let h = ((from_h * ratio).round() as usize).clamp(1, height);
                Self { source, left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
            }
        }
    }

    /// From pixels of the input to pixels of the upright picture.
    pub(crate) fn to_picture(self, area: BoxPx) -> BoxPx {
        let scale_x = (self.source.x2 - self.source.x1) / self.width as f32;
        let scale_y = (self.source.y2 - self.source.y1) / self.height as f32;
        let x = |x: f32| self.source.x1 + (x - self.left as f32) * scale_x;
        let y = |y: f32| self.source.y1 + (y - self.top as f32) * scale_y;
        BoxPx { x1: x(area.x1), y1: y(area.y1), x2: x(area.x2), y2: y(area.y2) }
    }

    /// From pixels of the upright picture to pixels of the input.
    #[cfg(test)]
    pub(crate) fn to_input(self, area: BoxPx) -> BoxPx {
        let scale_x = self.width as f32 / (self.source.x2 - self.source.x1);
        let scale_y = self.height as f32 / (self.source.y2 - self.source.y1);
        let x = |x: f32| self.left as f32 + (x - self.source.x1) * scale_x;
        let y = |y: f32| self.top as f32 + (y - self.source.y1) * scale_y;
        BoxPx { x1: x(area.x1), y1: y(area.y1), x2: x(area.x2), y2: y(area.y2) }
    }
}

impl Fit {
    /// What fills the input around the picture, 0..255.
    pub(crate) fn pad(self) -> u8 {
        match self {
            Fit::LetterboxTopLeft { pad } | Fit::LetterboxCentre { pad } => pad,
            Fit::Stretch | Fit::Crop => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits() -> impl Strategy<Value = Fit> {
        prop_oneof![
            Just(Fit::LetterboxTopLeft { pad: 114 }),
            Just(Fit::LetterboxCentre { pad: 114 }),
            Just(Fit::Stretch),
            Just(Fit::Crop)
        ]
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(
            fit in fits(), w in 16.0f32..4096.0, h in 16.0f32..4096.0, to_w in 32usize..1280, to_h in 32usize..1280,
            x1 in 0.0f32..1.0, y1 in 0.0f32..1.0, x2 in 0.0f32..1.0, y2 in 0.0f32..1.0,
        ) {
            let placement = Placement::new(BoxPx { x1: 0.0, y1: 0.0, x2: w, y2: h }, to_w, to_h, fit);
            let area = BoxPx { x1: x1 * w, y1: y1 * h, x2: x2 * w, y2: y2 * h };
            let back = placement.to_picture(placement.to_input(area));
            for (a, b) in [(area.x1, back.x1), (area.y1, back.y1), (area.x2, back.x2), (area.y2, back.y2)] {
                prop_assert!((a - b).abs() < 0.02, "{area:?} came back as {back:?}");
            }
        }

        #[test]
        fn a_turned_picture_comes_back_as_it_was(
            fit in fits(), w in 16usize..4096, h in 16usize..4096, turn in 0u16..4,
            x1 in 0.0f32..1.0, y1 in 0.0f32..1.0, x2 in 0.0f32..1.0, y2 in 0.0f32..1.0,
        ) {
            let rotation = Rotation::from_degrees(turn * 90).unwrap();
            let whole = BoxPx { x1: 0.0, y1: 0.0, x2: w as f32, y2: h as f32 };
            let way = Way::new(whole, [w, h], rotation, [416, 320], fit);
            let area = BoxPx { x1: x1 * w as f32, y1: y1 * h as f32, x2: x2 * w as f32, y2: y2 * h as f32 };
            let upright = rotation.turned(area, w as f32, h as f32);
            let back = way.to_picture(way.placement.to_input(upright));
            for (a, b) in [(area.x1, back.x1), (area.y1, back.y1), (area.x2, back.x2), (area.y2, back.y2)] {
                prop_assert!((a - b).abs() < 0.02, "{area:?} came back as {back:?}");
            }
        }

        #[test]
        fn the_image_lies_within_the_input(
            fit in fits(), w in 16.0f32..4096.0, h in 16.0f32..4096.0, to_w in 32usize..1280, to_h in 32usize..1280,
        ) {
            let p = Placement::new(BoxPx { x1: 0.0, y1: 0.0, x2: w, y2: h }, to_w, to_h, fit);
            prop_assert!(p.left + p.width <= to_w && p.top + p.height <= to_h && p.width > 0 && p.height > 0);
        }
    }
}
