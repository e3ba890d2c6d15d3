//! How sharp a part of a picture is: the strength of its edges, to choose among pictures of the same thing.

use moshao_inference::picture::PictureView;

/// Pixels between the samples of an edge. More than one, so that the noise of the sensor counts less than an outline.
const STEP_PX: usize = 2;

/// Mean second difference of the luma within these areas (left, top, right, bottom in fractions of the picture), or of
/// the whole picture where there is none; 0 for a flat one. Only to be compared with figures of the same camera.
pub fn sharpness(picture: &PictureView<'_>, areas: &[[f32; 4]]) -> f32 {
    const WHOLE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];
    let areas = if areas.is_empty() { &[WHOLE][..] } else { areas };
    let (mut sum, mut count) = (0_u64, 0_u64);
    for &[left, top, right, bottom] in areas {
        let columns = range_px(left, right, picture.width);
        for y in range_px(top, bottom, picture.height).step_by(STEP_PX) {
            let row = |y: usize| &picture.y.data[y * picture.y.stride..][..picture.width];
            let (above, here, below) = (row(y - STEP_PX), row(y), row(y + STEP_PX));
            for x in columns.clone() {
                let twice = 2 * i32::from(here[x]);
                let across = twice - i32::from(here[x - STEP_PX]) - i32::from(here[x + STEP_PX]);
                let down = twice - i32::from(above[x]) - i32::from(below[x]);
                sum += u64::from(across.unsigned_abs() + down.unsigned_abs());
                count += 1;
            }
        }
    }
    if count == 0 { 0.0 } else { sum as f32 / count as f32 }
}

/// Pixels between two fractions of a side, each with a neighbour on both sides.
fn range_px(from: f32, to: f32, side: usize) -> std::ops::Range<usize> {
    let end = side.saturating_sub(STEP_PX);
    let px =
        |fraction: f32| ((fraction.clamp(0.0, 1.0) * side as f32) as usize).clamp(STEP_PX, end.max(STEP_PX));
    px(from)..px(to).min(end)
}

#[cfg(test)]
mod tests {
    use moshao_inference::picture::{Matrix, Plane, Range, Rotation};

    use super::*;

    const SIDE: usize = 64;

    /// A picture with these samples of luma.
    fn of(luma: impl Fn(usize, usize) -> u8, areas: &[[f32; 4]]) -> f32 {
        let y: Vec<u8> = (0..SIDE * SIDE).map(|at| luma(at % SIDE, at / SIDE)).collect();
        let chroma = vec![128; SIDE * SIDE / 4];
        let view = PictureView {
            width: SIDE,
            height: SIDE,
            y: Plane { data: &y, stride: SIDE },
            u: Plane { data: &chroma, stride: SIDE / 2 },
            v: Plane { data: &chroma, stride: SIDE / 2 },
            range: Range::Full,
            matrix: Matrix::Bt601,
            rotation: Rotation::None,
        };
        sharpness(&view, areas)
    }

    #[test]
    fn an_outline_is_sharper_than_the_same_one_blurred_and_a_flat_picture_has_none() {
        let sharp = |x: usize, _| if x % 16 < 8 { 50 } else { 200 };
        let blurred =
            |x: usize, _| [50, 88, 125, 163, 200, 200, 163, 125, 88, 50, 50, 50, 50, 50, 50, 50][x % 16];
        assert!(of(sharp, &[]) > 1.5 * of(blurred, &[]), "{} {}", of(sharp, &[]), of(blurred, &[]));
        assert_eq!(of(|_, _| 99, &[]), 0.0);
    }

    #[test]
    fn only_the_areas_count_and_any_area_may_be_asked_for() {
        let right_half = |x: usize, y: usize| if x >= 32 && (x + y) % 8 < 4 { 255 } else { 0 };
        assert_eq!(of(right_half, &[[0.0, 0.0, 0.4, 1.0]]), 0.0);
        assert!(of(right_half, &[[0.6, 0.0, 1.0, 1.0]]) > 100.0);
        for area in [[0.5, 0.5, 0.5, 0.5], [-1.0, -1.0, 2.0, 2.0], [0.9, 0.9, 0.1, 0.1], [1.0, 1.0, 1.0, 1.0]]
        {
            of(right_half, &[area]);
        }
    }
}
