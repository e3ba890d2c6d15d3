//! The figures of pictures that are drawn here.

use moshao_inference::picture::{Matrix, Rotation};
use proptest::prelude::*;

use super::*;

const SIZE: (usize, usize) = (640, 360);

/// Full-range luma by place, and one colour.
fn look(examiner: &mut Examiner, luma: impl Fn(usize, usize) -> u8, (u, v): (u8, u8)) -> Appearance {
    let (width, height) = SIZE;
    let y: Vec<u8> = (0..width * height).map(|i| luma(i % width, i / width)).collect();
    let (u, v) = (vec![u; width * height / 4], vec![v; width * height / 4]);
    let view = PictureView {
        width,
        height,
        y: Plane { data: &y, stride: width },
        u: Plane { data: &u, stride: width / 2 },
        v: Plane { data: &v, stride: width / 2 },
        range: Range::Full,
        matrix: Matrix::Bt709,
        rotation: Rotation::None,
    };
    examiner.examine(Duration::ZERO, &view).expect("a picture of that size says something")
}

fn first(luma: impl Fn(usize, usize) -> u8) -> Appearance {
    look(&mut Examiner::default(), luma, (128, 128))
}

/// Evenly spread over ±`levels`, the same for the same place.
fn hash(x: usize, y: usize, levels: i32) -> i32 {
    let mixed = (x as u32).wrapping_mul(2_654_435_761) ^ (y as u32).wrapping_mul(2_246_822_519);
    ((mixed ^ (mixed >> 15)).wrapping_mul(2_654_435_761) >> 16) as i32 % (2 * levels + 1) - levels
}

#[test]
fn brightness_contrast_and_tint_are_those_of_the_picture() {
    let seen = look(&mut Examiner::default(), |x, _| if x < 320 { 50 } else { 150 }, (140, 118));
    assert!((seen.luma - 100.0).abs() < 0.5 && (seen.contrast - 50.0).abs() < 0.5, "{seen:?}");
    assert_eq!(seen.tint, (12.0, -10.0));
    assert_eq!((seen.cells[0], seen.cells[COLUMNS - 1]), (50, 150));
    assert!(seen.colour < 0.1 && seen.stripes < 1.0, "{seen:?}");
}

#[test]
fn a_slope_is_less_sharp_than_a_step_whatever_the_contrast() {
    let edges = |slope: usize, low: u8, high: u8| {
        let seen = first(|x, _| {
            let ramp = |from: usize| (x % 80).saturating_sub(from).min(slope) as f32 / slope as f32;
            let rise = ramp(20) - ramp(60);
            (f32::from(low) + rise * f32::from(high - low)) as u8
        });
        seen.sharpness.expect("there are edges")
    };
    let (step, faint_step, slope) = (edges(1, 50, 200), edges(1, 90, 150), edges(8, 50, 200));
    assert!((step - faint_step).abs() < 0.05, "{step} {faint_step}");
    assert!(slope < 0.5 * step, "{slope} {step}");
    assert_eq!(first(|_, _| 90).sharpness, None, "a wall has no edges");
}

#[test]
fn noise_is_measured_where_the_picture_is_quiet() {
    let busy = |x: usize, y: usize| x > 200 && (x / 4 + y / 4).is_multiple_of(2);
    let noisy = |levels: i32| {
        first(move |x, y| (100 + hash(x, y, levels) + if busy(x, y) { 60 } else { 0 }) as u8).noise
    };
    assert!(noisy(1) < 1.2, "{}", noisy(1));
    // Evenly spread over ±17: a standard deviation of 10.
    assert!((8.0..12.0).contains(&noisy(17)), "{}", noisy(17));
}

#[test]
fn a_regular_pattern_is_found_in_both_directions() {
    let wave = |at: usize, period: f32| 15.0 * (std::f32::consts::TAU * at as f32 / period).sin();
    let rows = first(|_, y| (120.0 + wave(y, 17.0)) as u8);
    let columns = first(|x, _| (120.0 + wave(x, 31.0)) as u8);
    assert!((7.0..16.0).contains(&rows.stripes), "{}", rows.stripes);
    assert!((7.0..16.0).contains(&columns.stripes), "{}", columns.stripes);
    assert!(first(|x, y| (120 + hash(x, y, 17)) as u8).stripes < 2.0, "noise is none");
}

#[test]
fn a_picture_that_lives_changes_and_something_that_moves_does_not_matter() {
    let mut examiner = Examiner::default();
    let live = |seed: usize| move |x: usize, y: usize| (100 + hash(x + seed, y, 2)) as u8;
    assert_eq!(look(&mut examiner, live(0), (128, 128)).change, None);
    let lives = look(&mut examiner, live(7), (128, 128)).change.expect("there was one before");
    assert!(lives > 0.3, "{lives}");
    let clock = |x: usize, y: usize| if x < 200 && y < 30 { 240 } else { live(7)(x, y) };
    assert_eq!(look(&mut examiner, clock, (128, 128)).change, Some(0.0), "frozen but for its clock");
}

#[test]
fn detail_is_where_it_is() {
    let seen = first(|x, y| if y < 180 && (x / 8) % 2 == 0 { 200 } else { 40 });
    assert!(seen.texture[..9 * COLUMNS].iter().all(|texture| *texture > 100), "{:?}", seen.texture);
    assert!(seen.texture[9 * COLUMNS..].iter().all(|texture| *texture == 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn no_picture_breaks_it(seed in 0_usize..1000, levels in 0_i32..127, (u, v) in any::<(u8, u8)>()) {
        let seen = look(&mut Examiner::default(), |x, y| (127 + hash(x + seed, y, levels)) as u8, (u, v));
        for figure in [seen.luma, seen.contrast, seen.noise, seen.stripes, seen.colour] {
            prop_assert!(figure.is_finite() && figure >= 0.0, "{seen:?}");
        }
        prop_assert!(seen.sharpness.is_none_or(|sharpness| (0.0..=1.0).contains(&sharpness)));
    }
}
