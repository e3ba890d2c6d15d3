//! What of a picture the detector looks at: all of it, tiles of it, or regions of interest; upright.

use moshao_config::{Polygon, View};
use moshao_inference::picture::{BoxPx, PictureView, Rotation};
use moshao_inference::tiles;

use crate::camera::mask;

/// Shortest side of what is looked at around a region, pixels: less would be blown up without gain.
const LEAST_SIDE_PX: f32 = 64.0;

/// A camera's [`View`] applied to its pictures.
pub(crate) trait Looks {
    /// The picture, and how it must be turned to be upright.
    fn seen<'a>(&self, picture: PictureView<'a>) -> PictureView<'a>;
    /// The rectangles that the detector looks at in a picture that covers `area`, pixels.
    fn looks(&self, area: BoxPx) -> Vec<BoxPx>;
    /// Whether every part of the picture is looked at.
    fn sees_all(&self) -> bool;
    /// Whether a point (fractions of the picture) lies in what is looked at.
    fn contains(&self, point: (f32, f32)) -> bool;
}

impl Looks for View {
    fn seen<'a>(&self, picture: PictureView<'a>) -> PictureView<'a> {
        let rotation = Rotation::from_degrees(self.rotate_degrees).unwrap_or_default();
        PictureView { rotation, ..picture }
    }

    fn looks(&self, area: BoxPx) -> Vec<BoxPx> {
        let parts = if self.sees_all() {
            vec![area]
        } else {
            self.regions.iter().map(|region| around(region, area)).collect()
        };
        match self.tiles {
            Some((columns, rows)) => {
                parts.into_iter().flat_map(|part| tiles::with_whole(part, columns, rows)).collect()
            }
            None => parts,
        }
    }

    fn sees_all(&self) -> bool {
        self.regions.is_empty()
    }

    fn contains(&self, point: (f32, f32)) -> bool {
        self.sees_all() || self.regions.iter().any(|region| mask::contains(region, point))
    }
}

/// The smallest rectangle around a region, at least [`LEAST_SIDE_PX`] wide and high, within the picture.
fn around(Polygon(corners): &Polygon, area: BoxPx) -> BoxPx {
    let ends = |values: &mut dyn Iterator<Item = f32>, side: f32| {
        let (from, to) = values.fold((side, 0.0_f32), |(from, to), v| (from.min(v * side), to.max(v * side)));
        let missing = (LEAST_SIDE_PX.min(side) - (to - from)).max(0.0);
        // Moved inwards where the middle is too near to the edge.
        let from = (from - missing / 2.0).clamp(0.0, side - (to - from) - missing);
        (from, to.max(from + LEAST_SIDE_PX.min(side)))
    };
    let (x1, x2) = ends(&mut corners.iter().map(|(x, _)| *x), area.x2);
    let (y1, y2) = ends(&mut corners.iter().map(|(_, y)| *y), area.y2);
    BoxPx { x1, y1, x2, y2 }.clipped(&area)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: BoxPx = BoxPx { x1: 0.0, y1: 0.0, x2: 1920.0, y2: 1080.0 };

    fn region(corners: &[(f32, f32)]) -> Polygon {
        Polygon(corners.to_vec())
    }

    #[test]
    fn without_a_word_the_whole_picture_is_looked_at_once() {
        let view = View::default();
        assert_eq!(view.looks(PICTURE), [PICTURE]);
        assert!(view.sees_all() && view.contains((0.99, 0.01)));
    }

    #[test]
    fn a_region_is_looked_at_alone_and_its_corners_decide_what_counts() {
        let triangle = region(&[(0.5, 0.5), (1.0, 0.5), (1.0, 1.0)]);
        let view = View { regions: vec![triangle], ..View::default() };
        assert_eq!(view.looks(PICTURE), [BoxPx { x1: 960.0, y1: 540.0, x2: 1920.0, y2: 1080.0 }]);
        assert!(view.contains((0.9, 0.6)) && !view.contains((0.6, 0.9)) && !view.sees_all());
    }

    #[test]
    fn a_tiny_region_in_a_corner_is_given_room_within_the_picture() {
        let view = View { regions: vec![region(&[(0.99, 0.0), (1.0, 0.0), (1.0, 0.01)])], ..View::default() };
        assert_eq!(view.looks(PICTURE), [BoxPx { x1: 1856.0, y1: 0.0, x2: 1920.0, y2: 64.0 }]);
    }

    #[test]
    fn tiles_are_laid_over_each_region_besides_it() {
        let halves = [0.0, 0.5].map(|x| region(&[(x, 0.0), (x + 0.5, 0.0), (x + 0.5, 1.0), (x, 1.0)]));
        let view = View { regions: halves.to_vec(), tiles: Some((2, 1)), ..View::default() };
        let looks = view.looks(PICTURE);
        assert_eq!(looks.len(), 2 * (2 + 1));
        assert!(looks.contains(&BoxPx { x1: 960.0, y1: 0.0, x2: 1920.0, y2: 1080.0 }), "{looks:?}");
    }
}
