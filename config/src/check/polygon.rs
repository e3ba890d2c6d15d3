//! Polygons: a closed outline that encloses something and does not cross itself.

/// A corner, in fractions of the picture.
type Corner = [f64; 2];

/// Smallest area worth masking: about one pixel of a 1080p picture.
const LEAST_AREA: f64 = 1.0 / (1920.0 * 1080.0);

/// Why this is no polygon.
pub(super) fn check(corners: &[Corner]) -> Result<(), String> {
    let count = corners.len();
    let edge = |index: usize| (corners[index], corners[(index + 1) % count]);
    for first in 0..count {
        for second in first + 2..count {
            let neighbours = first == 0 && second == count - 1;
            if !neighbours && cross(edge(first), edge(second)) {
                return Err(format!(
                    "the outline crosses itself: edge {} and edge {}",
                    first + 1,
                    second + 1
                ));
            }
        }
    }
    let area = doubled_area(corners).abs() / 2.0;
    if area < LEAST_AREA { Err("the polygon encloses nothing".to_owned()) } else { Ok(()) }
}

fn cross((a, b): (Corner, Corner), (c, d): (Corner, Corner)) -> bool {
    turn(a, b, c) * turn(a, b, d) < 0.0 && turn(c, d, a) * turn(c, d, b) < 0.0
}

/// Twice the signed area of the triangle: positive where the path turns left.
fn turn(a: Corner, b: Corner, c: Corner) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The shoelace formula.
fn doubled_area(corners: &[Corner]) -> f64 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn an_outline_must_enclose_something_and_not_cross_itself() {
        assert_eq!(check(&[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]), Ok(()));
        assert_eq!(check(&[[0.0, 0.0], [0.5, 0.2], [1.0, 0.0], [0.5, 1.0]]), Ok(()), "concave is fine");
        let bow_tie = check(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(bow_tie.unwrap_err(), "the outline crosses itself: edge 1 and edge 3");
        assert_eq!(check(&[[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]).unwrap_err(), "the polygon encloses nothing");
    }
}
