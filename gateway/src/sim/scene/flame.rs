//! Flames: a row of tongues whose edges are eaten by noise that rises through them.
//!
//! Each tongue is a teardrop. Its outline is pushed outwards by turbulence, the more the higher up, so that the foot is
//! calm and the tip breaks into licks that come loose. The strength of the field is the heat, and heat becomes light
//! as in a camera: red saturates first, then green, then blue, so the rim is red, the body orange and the core
//! yellow to white.

use super::canvas::{Area, Canvas, Colour, blend};
use super::coarse::Coarse;
use super::noise::{noise2, smoothstep, turbulence3};
use super::random::Random;

/// One fire's flames.
#[derive(Debug, Clone)]
pub(super) struct Flame {
    /// Middle of the foot, picture heights.
    pub(super) foot: (f32, f32),
    /// Half the width of the burning thing when the fire is largest, picture heights.
    pub(super) half_width: f32,
    /// Height of the flames when the fire is largest, picture heights.
    pub(super) height: f32,
    /// How far the tips lean with the wind, in flame heights.
    pub(super) lean: f32,
    /// Light against the white of a well-exposed picture.
    pub(super) brightness: f32,
    /// How much of the light is green and blue: 0 deep red, 1 yellow-white.
    pub(super) whiteness: f32,
    tongues: Vec<Tongue>,
    seed: u32,
}

#[derive(Debug, Clone, Copy)]
struct Tongue {
    /// -1 to 1 along the foot.
    place: f32,
    /// Of the flames' height.
    height: f32,
    /// Half the width at the foot, of the tongue's own height.
    slimness: f32,
    phase: f32,
}

/// Rows of samples over the height of the picture.
const STEPS: usize = 270;
/// Heat below this is not seen as flame.
const VISIBLE_HEAT: f32 = 0.22;

// === impl Flame ===

impl Flame {
    pub(super) fn new(foot: (f32, f32), half_width: f32, height: f32, random: &mut Random) -> Self {
        let crowd = (half_width / height * 5.0).ceil() as usize;
        let tongues = (0..random.count(2, 3) + crowd.min(9))
            .map(|_| {
                let place = random.range(-1.0, 1.0);
                let height = random.range(0.45, 1.0) * (1.0 - 0.45 * place * place);
                Tongue { place, height, slimness: random.range(0.2, 0.42), phase: random.range(0.0, 100.0) }
            })
            .collect();
        Self {
            foot,
            half_width,
            height,
            lean: random.range(-0.35, 0.35),
            brightness: random.log_range(1.6, 5.0),
            whiteness: random.range(0.25, 1.0),
            tongues,
            seed: random.seed32(),
        }
    }

    /// Adds the flames at time `t_s` with the fire at `size` (0 out, 1 largest). Returns what can be seen of them.
    pub(super) fn render(&self, canvas: &mut Canvas, t_s: f32, size: f32) -> Option<Area> {
        let height = self.height * size.powf(0.8);
        let half_width = self.half_width * size.sqrt();
        if height < 2.5 * canvas.pixel() {
            return None;
        }
        let reach = half_width + height * (0.45 + self.lean.abs());
        let area = Area::new(
            self.foot.0 - reach,
            self.foot.1 - height * 1.5,
            self.foot.0 + reach,
            self.foot.1 + height * 0.12,
        );
        let step_px = (canvas.height_px / STEPS).max(1);
        let field = Coarse::sample(canvas, area, step_px, |x, y| [self.heat(x, y, t_s, height, half_width)]);
        let mut seen = Extent::new(canvas);
        let mut pixels = std::mem::take(&mut canvas.pixels);
        canvas.places(area, |x, y, index| {
            let [heat] = field.at(x, y);
            if heat <= 0.0 {
                return;
            }
            let light = self.light(heat);
            let opacity = smoothstep(0.05, 0.75, heat) * 0.85;
            pixels[index] = std::array::from_fn(|i| pixels[index][i] * (1.0 - opacity) + light[i]);
            if heat > VISIBLE_HEAT {
                seen.add(index);
            }
        });
        canvas.pixels = pixels;
        seen.area()
    }

    /// Heat at a place, 0 to about 1.2.
    fn heat(&self, x: f32, y: f32, t_s: f32, height: f32, half_width: f32) -> f32 {
        let up = (self.foot.1 - y) / height;
        let lifted = up.max(0.0);
        // Small flames flicker faster than large ones: about as the root of one over their height.
        let pace = (0.25 / height).sqrt().clamp(0.6, 2.2);
        let sway = (noise2(up * 1.3 - t_s * 1.5 * pace, t_s * 0.6, self.seed) - 0.5) * 0.5 + self.lean;
        let across = (x - self.foot.0) / height - sway * lifted * lifted.sqrt();
        let rise = t_s * 1.9 * pace;
        let warp = turbulence3(across * 3.0, up * 2.0 - rise, t_s * 0.9, 2, self.seed ^ 0x51) - 0.5;
        let eaten =
            turbulence3(across * 5.5 + warp * 2.2, up * 3.2 - rise * 1.5, t_s * 1.3, 4, self.seed ^ 0xa7);
        let mut strongest = 0.0_f32;
        for tongue in &self.tongues {
            let flicker = 0.72 + 0.5 * noise2(t_s * 2.6 * pace + tongue.phase, 0.5, self.seed ^ 0x33);
            let tall = tongue.height * flicker;
            let v = up / tall;
            if v > 1.9 {
                continue;
            }
            let u = (across - tongue.place * half_width / height * (1.0 - 0.35 * lifted.min(1.0))) / tall;
            let w = v.max(0.0);
            let foot = if v < 0.0 { -v * 5.0 } else { 0.0 };
            // A teardrop: slim towards the tip; noise widens and lengthens it with height.
            let outline = (u + warp * 0.3 * w).hypot(0.0) / (tongue.slimness * (1.05 - 0.42 * w)).max(0.05);
            let distance = outline.hypot(v * 0.92) - (eaten - 0.42) * (0.55 + 1.9 * w) + foot;
            strongest = strongest.max((1.15 - distance * 1.08) * (1.0 - 0.3 * w));
        }
        let ragged = strongest * (0.55 + 0.9 * eaten);
        ragged.clamp(0.0, 1.3)
    }

    /// Light of a heat.
    fn light(&self, heat: f32) -> Colour {
        let strength = self.brightness * heat * heat;
        let green = 0.2 + 0.2 * self.whiteness;
        let blue = 0.015 + 0.07 * self.whiteness;
        [strength, strength * (green * (0.45 + 0.75 * heat)), strength * blue * heat * (0.4 + heat)]
    }

    /// Light that falls on the surroundings at a place, to be multiplied with their colour.
    pub(super) fn glow(&self, t_s: f32, size: f32) -> Option<Glow> {
        let height = self.height * size.powf(0.8);
        if height < 0.004 {
            return None;
        }
        let flicker = 0.8 + 0.4 * noise2(t_s * 5.0, 9.5, self.seed ^ 0x77);
        let reach = (height + self.half_width * size.sqrt()) * 1.1;
        Some(Glow {
            centre: (self.foot.0, self.foot.1 - height * 0.4),
            reach,
            colour: blend([1.0, 0.32, 0.06], [1.0, 0.5, 0.2], self.whiteness)
                .map(|c| c * 0.45 * self.brightness.min(3.0) * flicker),
        })
    }
}

/// Light of a fire on its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glow {
    centre: (f32, f32),
    /// Where the light is half as strong, picture heights.
    reach: f32,
    colour: Colour,
}

// === impl Glow ===

impl Glow {
    /// Light at a place.
    pub(super) fn at(&self, x: f32, y: f32) -> Colour {
        let (dx, dy) = ((x - self.centre.0) / self.reach, (y - self.centre.1) / self.reach * 1.15);
        let distance = dx * dx + dy * dy;
        if distance > 40.0 {
            [0.0; 3]
        } else {
            self.colour.map(|c| c / (1.0 + distance * (1.0 + 0.25 * distance)))
        }
    }
}

/// The tight box around the pixels of something ragged: the outermost rows and columns that hold only single pixels
/// do not count.
pub(super) struct Extent {
    width_px: usize,
    columns: Vec<u32>,
    rows: Vec<u32>,
}

// === impl Extent ===

impl Extent {
    pub(super) fn new(canvas: &Canvas) -> Self {
        Self { width_px: canvas.width_px, columns: vec![0; canvas.width_px], rows: vec![0; canvas.height_px] }
    }

    pub(super) fn add(&mut self, index: usize) {
        self.columns[index % self.width_px] += 1;
        self.rows[index / self.width_px] += 1;
    }

    /// The box in picture heights; none where there is next to nothing.
    pub(super) fn area(&self) -> Option<Area> {
        let total: u32 = self.rows.iter().sum();
        if total < 4 {
            return None;
        }
        let scale = self.rows.len() as f32;
        let span = |counts: &[u32]| {
            let (mut first, mut last) = (0, counts.len());
            let mut left_out = 0;
            while left_out + counts[first] <= total / 250 {
                left_out += counts[first];
                first += 1;
            }
            left_out = 0;
            while left_out + counts[last - 1] <= total / 250 {
                left_out += counts[last - 1];
                last -= 1;
            }
            (first as f32 / scale, last as f32 / scale)
        };
        let ((left, right), (top, bottom)) = (span(&self.columns), span(&self.rows));
        Some(Area::new(left, top, right, bottom))
    }
}
