//! Areas of a camera's picture that the site wants out of sight.

use moshao_config::Polygon;

/// Whether the point (fractions of the picture) lies within the polygon, by the even-odd rule.
pub fn contains(Polygon(corners): &Polygon, (x, y): (f32, f32)) -> bool {
    let previous = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    corners.iter().zip(previous).fold(false, |inside, (&(x1, y1), &(x2, y2))| {
        // Does the edge cross the ray from the point to the right?
        let crosses = (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1;
        inside != crosses
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_inside_or_outside() {
        // An L: the upper right quarter is missing.
        let corner = Polygon(vec![(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]);
        assert!(contains(&corner, (0.25, 0.25)));
        assert!(contains(&corner, (0.75, 0.75)));
        assert!(!contains(&corner, (0.75, 0.25)));
        assert!(!contains(&corner, (1.5, 0.75)));
        assert!(!contains(&Polygon(vec![]), (0.5, 0.5)));
    }
}
