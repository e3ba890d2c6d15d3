//! Where things stand, and how far apart they are.
//!
//! Zones and lines are in fractions of the picture. Lengths and speeds are in *picture heights*, in which a step to the
//! side is as long as a step down whatever the shape of the picture, and are judged in heights of the object itself: a
//! person far away is as fast as one nearby.

use crate::camera::mask;
use crate::event::Object;
use crate::worker::link::Observation;
use moshao_config::{Line, Polygon, Subject};

/// A point, or the way from one to another.
pub(super) type Point = (f32, f32);

/// An object that a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thing {
    /// Unique over restarts of the worker, unlike the track's id.
    pub(super) key: u64,
    /// As it is told.
    pub(super) object: Object,
    /// Where it stands, in fractions of the picture as it came: the middle of that side of its box which is the bottom once
    /// the picture is upright.
    pub(super) foot: Point,
    /// The same in picture heights.
    pub(super) spot: Point,
    /// How tall it is, in picture heights.
    pub(super) height: f32,
}

/// Least height that lengths are measured in; a box without any has no scale.
const LEAST_HEIGHT: f32 = 0.005;

/// The things in a picture that count for a rule.
pub(super) fn things(
    seen: &Observation,
    session: u64,
    subject: &Subject,
    zone: Option<&Polygon>,
) -> Vec<Thing> {
    let aspect = seen.width as f32 / seen.height.max(1) as f32;
    let counts = |label: &String, score: f32| {
        subject.labels.contains(label) && subject.min_score.is_none_or(|least| score >= least)
    };
    let tracks = seen.tracks.iter().filter(|track| counts(&track.label, track.score));
    let things = tracks.map(|track| {
        let (foot, height) = stance(track.area, seen.rotate_degrees, aspect);
        Thing {
            key: session << 48 | track.id & ((1 << 48) - 1),
            object: Object {
                label: track.label.clone(),
                score: track.score,
                track: track.id,
                area: track.area,
            },
            foot,
            spot: (foot.0 * aspect, foot.1),
            height: height.max(LEAST_HEIGHT),
        }
    });
    // The edges of the picture belong to it, and to a zone that reaches up to them.
    let inside = |thing: &Thing| {
        let (x, y) = thing.foot;
        zone.is_none_or(|zone| mask::contains(zone, (x.min(0.999), y.min(0.999))))
    };
    things.filter(inside).collect()
}

/// Where something stands, in fractions of the picture, and how tall it is, in picture heights: in a picture that is upright
/// once it has been turned clockwise by `rotate_degrees`.
fn stance([left, top, right, bottom]: [f32; 4], rotate_degrees: u16, aspect: f32) -> (Point, f32) {
    let (middle, centre) = (left.midpoint(right), top.midpoint(bottom));
    match rotate_degrees {
        90 => ((right, centre), (right - left) * aspect),
        180 => ((middle, top), bottom - top),
        270 => ((left, centre), (right - left) * aspect),
        _ => ((middle, bottom), bottom - top),
    }
}

/// Which side of the line a point lies on, and how far: positive to the right of somebody who walks from the first point
/// to the second, in the unit of the points.
pub(super) fn beside(Line(from, to): Line, point: Point) -> f32 {
    let along = minus(to, from);
    let length = along.0.hypot(along.1).max(f32::MIN_POSITIVE);
    cross(along, minus(point, from)) / length
}

/// Whether the way from `a` to `b` meets the line between its ends.
pub(super) fn meets(Line(from, to): Line, a: Point, b: Point) -> bool {
    let sides = |p: Point, q: Point, r: Point, s: Point| {
        let (one, other) = (cross(minus(q, p), minus(r, p)), cross(minus(q, p), minus(s, p)));
        one * other <= 0.0
    };
    sides(from, to, a, b) && sides(a, b, from, to)
}

/// From the first to the second point, one long.
pub(super) fn direction(Line(from, to): Line) -> Point {
    let way = minus(to, from);
    let length = way.0.hypot(way.1).max(f32::MIN_POSITIVE);
    (way.0 / length, way.1 / length)
}

/// The line in picture heights.
pub(super) fn in_heights(Line(from, to): Line, aspect: f32) -> Line {
    Line((from.0 * aspect, from.1), (to.0 * aspect, to.1))
}

pub(super) fn minus(a: Point, b: Point) -> Point {
    (a.0 - b.0, a.1 - b.1)
}

pub(super) fn dot(a: Point, b: Point) -> f32 {
    a.0 * b.0 + a.1 * b.1
}

pub(super) fn distance(a: Point, b: Point) -> f32 {
    let way = minus(a, b);
    way.0.hypot(way.1)
}

fn cross(a: Point, b: Point) -> f32 {
    a.0 * b.1 - a.1 * b.0
}

/// Intersection over union of two boxes.
pub(super) fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let size = |area: [f32; 4]| (area[2] - area[0]).max(0.0) * (area[3] - area[1]).max(0.0);
    let shared = size([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let either = size(a) + size(b) - shared;
    if either > 0.0 { shared / either } else { 0.0 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A thing of `height` picture heights that stands at `spot`, in a square picture.
    pub(crate) fn thing(key: u64, spot: Point, height: f32) -> Thing {
        let (x, y) = spot;
        let area = [x - height / 4.0, y - height, x + height / 4.0, y];
        let object = Object { label: "person".to_owned(), score: 0.8, track: key, area };
        Thing { key, object, foot: spot, spot, height }
    }

    #[test]
    fn right_is_where_the_right_hand_of_a_walker_is() {
        let upwards = Line((0.5, 0.9), (0.5, 0.1));
        assert!(beside(upwards, (0.7, 0.5)) > 0.0, "walking up the picture, the right half is to the right");
        assert!((beside(upwards, (0.2, 0.5)) + 0.3).abs() < 1e-6);
    }

    #[test]
    fn a_way_meets_a_line_only_between_its_ends() {
        let fence = Line((0.2, 0.5), (0.8, 0.5));
        assert!(meets(fence, (0.5, 0.4), (0.5, 0.6)));
        assert!(meets(fence, (0.5, 0.4), (0.5, 0.5)), "touching it is meeting it");
        assert!(!meets(fence, (0.9, 0.4), (0.9, 0.6)), "past the end");
        assert!(!meets(fence, (0.5, 0.3), (0.5, 0.4)), "not there yet");
    }

    #[test]
    fn things_stand_on_what_is_the_bottom_of_the_upright_picture() {
        use moshao_inference::picture::{BoxPx, Rotation};
        // Wherever the turn takes the box, its lower edge there is where it stands.
        let (area, [width, height]) = ([0.1, 0.2, 0.3, 0.6], [1600.0, 900.0]);
        let [x1, y1, x2, y2] = area;
        let pixels = BoxPx { x1: x1 * width, y1: y1 * height, x2: x2 * width, y2: y2 * height };
        for degrees in [0, 90, 180, 270] {
            let rotation = Rotation::from_degrees(degrees).unwrap();
            let upright = rotation.turned(pixels, width, height);
            let ((x, y), tall) = stance(area, degrees, width / height);
            let point = BoxPx { x1: x * width, y1: y * height, x2: x * width, y2: y * height };
            let foot = rotation.turned(point, width, height);
            let wanted = (upright.x1.midpoint(upright.x2), upright.y2);
            assert!(distance((foot.x1, foot.y1), wanted) < 0.01, "{degrees}: {foot:?}, not {wanted:?}");
            assert!((tall * height - (upright.y2 - upright.y1)).abs() < 0.01, "{degrees}: {tall}");
        }
    }

    #[test]
    fn boxes_overlap_by_what_they_share() {
        assert_eq!(overlap([0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.5]), 1.0);
        assert!((overlap([0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5]) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(overlap([0.0, 0.0, 0.1, 0.1], [0.5, 0.5, 0.6, 0.6]), 0.0);
        assert_eq!(overlap([0.0; 4], [0.0; 4]), 0.0, "nothing shares nothing");
    }
}
