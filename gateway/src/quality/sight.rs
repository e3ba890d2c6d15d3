//! What one picture says about each defect: it is so, it is not, or nothing. Pure.
//!
//! One defect hides others: where all is black, nothing can be said of focus. What is hidden is left out, and what was
//! held of it stays.

use super::defect::Defect;
use super::usual::{Likeness, Usual};
use crate::camera::appearance::Appearance;

/// Brightness and contrast below which a picture is black, levels.
const BLACK: (f32, f32) = (16.0, 6.0);
/// Mean brightness below which a picture is too dark, and above which it is washed out, levels.
const DARK_BELOW: f32 = 30.0;
const BRIGHT_ABOVE: f32 = 220.0;
/// A camera that is usually this dark at the time is not told: part of its usual brightness.
const DARK_PART: f32 = 0.5;
/// Share of the usual detail that is lost where something hangs before the lens, and the likeness of brightness from
/// which on it is the focus instead.
const COVERED_LOST: f32 = 0.6;
const STILL_ALIKE: f32 = 0.7;
/// Share of all the usual detail that is left at most before a lens that is covered.
const DETAIL_LEFT: f32 = 0.7;
/// Contrast of a picture in which there is nothing, levels: it is covered even where the usual picture is not known.
const NOTHING_CONTRAST: f32 = 8.0;
/// Part of the usual contrast that is left of a wall at dusk.
const PLAIN_PART: f32 = 0.35;
/// Part of the usual sharpness.
const BLURRED_BELOW: f32 = 0.7;
/// Likeness below which it is another scene; and what a shift must gain to be one.
const OTHER_SCENE: f32 = 0.35;
const SHIFT_ALIKE: f32 = 0.55;
const SHIFT_GAIN: f32 = 0.25;
/// Variance of colours below which light is infrared, levels.
pub(super) const NO_COLOUR: f32 = 2.0;
/// Tint: least distance to the usual one, least by which it is stronger, and what is too much for any camera, levels.
const CAST: (f32, f32, f32) = (10.0, 8.0, 35.0);
/// Noise: multiple of the usual, least, and what is too much for any camera, levels.
const NOISE: (f32, f32, f32) = (2.5, 4.0, 12.0);
/// Noise of colours: multiple of the usual variance of colours, and what is added, levels.
const COLOUR_NOISE: (f32, f32) = (1.5, 12.0);
/// Stripes: multiple of the usual, and what is added, levels.
const STRIPES: (f32, f32) = (2.0, 3.0);
/// Part of the usual change, and the usual change from which on that says something, levels.
const FROZEN: (f32, f32) = (0.1, 0.03);

/// What a picture says about one defect: the figures that show it, or none where it is not so.
pub(super) type Said = (Defect, Option<String>);

/// What a picture says. `is_day`: the sun is up.
pub(super) fn judge(seen: &Appearance, usual: &Usual, is_day: bool) -> Vec<Said> {
    let known = usual.is_known().then_some(usual);
    let luma = seen.luma;
    if luma < BLACK.0 && seen.contrast < BLACK.1 {
        return vec![(
            Defect::Black,
            Some(format!("mean brightness {luma:.0} of 255, below {:.0}", BLACK.0)),
        )];
    }
    let mut said = vec![(Defect::Black, None)];
    if luma > BRIGHT_ABOVE {
        let figures = format!("mean brightness {luma:.0} of 255, above {BRIGHT_ABOVE:.0}");
        said.push((Defect::Bright, Some(figures)));
        return said;
    }
    said.push((Defect::Bright, None));
    let (stripes, noise) = (stripes(seen, known), noise(seen, known));
    let is_striped = stripes.1.is_some();
    let is_noisy = is_striped || noise.1.is_some();
    said.push(stripes);
    // Stripes leave no quiet place in which noise could be measured.
    if !is_striped {
        said.push(noise);
    }
    let likeness = known.map(|usual| usual.likeness(seen));
    if let Some(figures) = covered(seen, known, likeness) {
        said.push((Defect::Covered, Some(figures)));
        return said;
    }
    said.push((Defect::Covered, None));
    let dark = dark(seen, known, is_day);
    let is_dark = dark.1.is_some();
    said.push(dark);
    if is_dark {
        return said;
    }
    said.extend([frozen(seen, known), cast(seen, known)]);
    // Grain and stripes look like detail.
    if is_noisy {
        return said;
    }
    if let Some((usual, likeness)) = known.zip(likeness) {
        let blurred = blurred(seen, usual, likeness);
        let is_blurred = matches!(blurred, Some(Some(_)));
        let moved = moved(seen, usual, likeness).filter(|_| !is_blurred);
        // Another scene has another sharpness.
        if moved.is_none() {
            said.extend(blurred.map(|figures| (Defect::Blurred, figures)));
        }
        said.push((Defect::Moved, moved));
    }
    said
}

fn frozen(seen: &Appearance, known: Option<&Usual>) -> Said {
    let usual = known.and_then(|usual| usual.change).filter(|change| *change >= FROZEN.1);
    let is_so = usual.zip(seen.change).filter(|(usual, now)| *now < FROZEN.0 * usual);
    (
        Defect::Frozen,
        is_so.map(|(usual, now)| {
            format!("it changes by {now:.3} levels from look to look, usually by {usual:.2}")
        }),
    )
}

fn stripes(seen: &Appearance, known: Option<&Usual>) -> Said {
    let limit = STRIPES.0 * known.map_or(STRIPES.1, |usual| usual.stripes) + STRIPES.1;
    let is_so = seen.stripes > limit;
    (
        Defect::Stripes,
        is_so.then(|| format!("a regular pattern of {:.1} levels, limit {limit:.1}", seen.stripes)),
    )
}

fn noise(seen: &Appearance, known: Option<&Usual>) -> Said {
    let (times, least, most) = NOISE;
    let limit = known.map_or(most, |usual| (times * usual.noise).clamp(least, most));
    if seen.noise > limit {
        return (Defect::Noise, Some(format!("noise of {:.1} levels, limit {limit:.1}", seen.noise)));
    }
    // Encoders smooth what is grey and leave what is coloured.
    let (times, more) = COLOUR_NOISE;
    let colour = known.map(|usual| times * usual.colour + more).filter(|limit| seen.colour > *limit);
    (
        Defect::Noise,
        colour.map(|limit| format!("colours vary by {:.0} levels, limit {limit:.0}", seen.colour)),
    )
}

fn covered(seen: &Appearance, known: Option<&Usual>, likeness: Option<Likeness>) -> Option<String> {
    // A wall in half of the light is still a wall.
    let is_plain = known.is_some_and(|usual| seen.contrast > PLAIN_PART * usual.contrast);
    let is_alike = seen.luma < DARK_BELOW && likeness.is_some_and(|likeness| likeness.cells >= STILL_ALIKE);
    if seen.contrast < NOTHING_CONTRAST && seen.sharpness.is_none() && !is_alike && !is_plain {
        return Some(format!(
            "brightness varies by {:.1} levels, at least {NOTHING_CONTRAST:.0} in any picture",
            seen.contrast
        ));
    }
    // Where the detail is only elsewhere, the camera was moved.
    let is_gone = |likeness: &Likeness| likeness.cells < STILL_ALIKE && likeness.left < DETAIL_LEFT;
    let likeness = likeness.filter(is_gone)?;
    let lost = likeness.lost.filter(|lost| *lost >= COVERED_LOST)?;
    Some(format!("{:.0} % of its usual detail is gone, limit {:.0} %", lost * 100.0, COVERED_LOST * 100.0))
}

fn dark(seen: &Appearance, known: Option<&Usual>, is_day: bool) -> Said {
    let limit = match known {
        Some(usual) => DARK_BELOW.min(DARK_PART * usual.luma),
        None if is_day => DARK_BELOW,
        // Nights are dark.
        None => 0.0,
    };
    let is_so = seen.luma < limit;
    (Defect::Dark, is_so.then(|| format!("mean brightness {:.0} of 255, below {limit:.0}", seen.luma)))
}

fn cast(seen: &Appearance, known: Option<&Usual>) -> Said {
    let strength = |(u, v): (f32, f32)| u.hypot(v);
    let now = strength(seen.tint);
    let (far, stronger, most) = CAST;
    // Against infrared light every colour is far off.
    let is_so = match known.filter(|usual| usual.colour >= NO_COLOUR) {
        Some(usual) => {
            let distance = strength((seen.tint.0 - usual.tint.0, seen.tint.1 - usual.tint.1));
            distance > far && now > strength(usual.tint) + stronger
        }
        None => now > most,
    };
    let usually = known.map(|usual| format!(", usually {:.0}", strength(usual.tint))).unwrap_or_default();
    (Defect::Cast, is_so.then(|| format!("mean colour {now:.0} levels from grey{usually}")))
}

/// Nothing where there are no edges to tell by.
fn blurred(seen: &Appearance, usual: &Usual, likeness: Likeness) -> Option<Option<String>> {
    // So far out of focus that no edge is left, while light and dark are where they were.
    if likeness.lost.is_some_and(|lost| lost >= COVERED_LOST) && likeness.cells >= STILL_ALIKE {
        return Some(Some("hardly an edge is left".to_owned()));
    }
    // In half of the light exposure takes longer and edges are softer.
    let (usual_sharpness, now) = usual.sharpness.zip(seen.sharpness)?;
    let is_so = now < BLURRED_BELOW * usual_sharpness && seen.luma > 0.5 * usual.luma;
    Some(is_so.then(|| {
        let part = now / usual_sharpness * 100.0;
        format!("edges have {part:.0} % of their usual sharpness, limit {:.0} %", BLURRED_BELOW * 100.0)
    }))
}

fn moved(seen: &Appearance, usual: &Usual, Likeness { lost, detail, .. }: Likeness) -> Option<String> {
    // Where there never was much detail, what little there is comes and goes with the light.
    lost?;
    if detail < OTHER_SCENE {
        return Some(format!("its detail lies elsewhere: likeness {detail:.2} of 1, limit {OTHER_SCENE}"));
    }
    // What is alike as it is need not be shifted.
    let shifted = if detail < 1.0 - SHIFT_GAIN { usual.shifted(seen) } else { 0.0 };
    (shifted >= SHIFT_ALIKE && shifted >= detail + SHIFT_GAIN)
        .then(|| format!("it is shifted: likeness {detail:.2} of 1, {shifted:.2} when shifted back"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::appearance::{COLUMNS, ROWS};

    /// A yard with some detail.
    fn yard() -> Appearance {
        let cell = |i: usize| if (i % COLUMNS * 7 + i / COLUMNS * 13) % 11 < 4 { 150 } else { 30 };
        let texture: Vec<u8> = (0..COLUMNS * ROWS).map(cell).collect();
        Appearance {
            media_time: std::time::Duration::ZERO,
            luma: 110.0,
            contrast: 40.0,
            sharpness: Some(0.6),
            noise: 1.5,
            tint: (1.0, -2.0),
            colour: 8.0,
            stripes: 0.5,
            change: Some(0.8),
            cells: texture.clone(),
            texture,
        }
    }

    fn usual() -> Usual {
        let mut usual = Usual::default();
        (0..60).for_each(|_| usual.learn(&yard()));
        usual
    }

    /// The defects that a picture has.
    fn defects(seen: &Appearance) -> Vec<Defect> {
        judge(seen, &usual(), true)
            .into_iter()
            .filter_map(|(defect, figures)| figures.map(|_| defect))
            .collect()
    }

    #[test]
    fn a_usual_picture_has_no_defect_and_says_so_of_all() {
        let said = judge(&yard(), &usual(), true);
        assert!(said.iter().all(|(_, figures)| figures.is_none()), "{said:?}");
        assert_eq!(said.len(), 10, "every defect of pictures: {said:?}");
    }

    #[test]
    fn each_defect_is_found_alone() {
        let flat = vec![0; COLUMNS * ROWS];
        let shifted: Vec<u8> =
            (0..COLUMNS * ROWS).map(|i| yard().texture[i / COLUMNS * COLUMNS + (i + 5) % COLUMNS]).collect();
        for (defect, seen) in [
            (Defect::Black, Appearance { luma: 3.0, contrast: 1.0, sharpness: None, ..yard() }),
            (Defect::Bright, Appearance { luma: 240.0, ..yard() }),
            (Defect::Dark, Appearance { luma: 25.0, ..yard() }),
            (
                Defect::Covered,
                Appearance { texture: flat.clone(), cells: vec![90; COLUMNS * ROWS], ..yard() },
            ),
            (Defect::Blurred, Appearance { texture: flat, ..yard() }),
            (Defect::Blurred, Appearance { sharpness: Some(0.4), ..yard() }),
            (Defect::Moved, Appearance { texture: shifted, ..yard() }),
            (Defect::Frozen, Appearance { change: Some(0.02), ..yard() }),
            (Defect::Cast, Appearance { tint: (-20.0, 15.0), ..yard() }),
            (Defect::Noise, Appearance { noise: 7.0, ..yard() }),
            (Defect::Stripes, Appearance { stripes: 9.0, ..yard() }),
        ] {
            assert_eq!(defects(&seen), [defect], "{seen:?}");
        }
    }

    #[test]
    fn a_camera_that_is_usually_dark_is_not_too_dark() {
        let night = Appearance { luma: 24.0, ..yard() };
        let mut usual = Usual::default();
        assert!(
            judge(&night, &usual, true).iter().any(|(defect, so)| *defect == Defect::Dark && so.is_some())
        );
        (0..60).for_each(|_| usual.learn(&night));
        assert!(judge(&night, &usual, false).iter().all(|(_, so)| so.is_none()));
    }
}
