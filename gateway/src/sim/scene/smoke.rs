//! Smoke and steam: a plume that rises, widens, bends with the wind and billows.
//!
//! The plume is a cone around a bent axis. Noise travels up along it with the speed of the gas; its scale grows with
//! the cone, so billows swell as they rise. The plume is lit from above: where it thins towards the light it is
//! brighter.

use super::canvas::{Area, Canvas, Colour, blend, scaled};
use super::coarse::Coarse;
use super::flame::Extent;
use super::noise::{mix, noise2, smoothstep, turbulence3};
use super::random::Random;

/// One plume.
#[derive(Debug, Clone)]
pub(super) struct Smoke {
    /// Where it comes from, picture heights.
    pub(super) source: (f32, f32),
    /// Half the width at the source, picture heights.
    pub(super) half_width: f32,
    /// Widening per height.
    pub(super) spread: f32,
    /// Picture heights that it drifts sideways for each that it rises.
    pub(super) wind: f32,
    /// Picture heights a second.
    pub(super) rise: f32,
    /// Height at which it has thinned out, picture heights.
    pub(super) length: f32,
    /// 0 to 1.
    pub(super) density: f32,
    /// Colour in white light.
    pub(super) colour: Colour,
    seed: u32,
}

/// Rows of samples over the height of the picture.
const STEPS: usize = 180;
/// Smoke that changes a pixel by less than this, in square roots of light, is not seen against what is behind it.
const VISIBLE_CHANGE: f32 = 0.07;

/// Smoke thinner than this is not seen against anything.
const VISIBLE_OPACITY: f32 = 0.14;

// === impl Smoke ===

impl Smoke {
    pub(super) fn new(source: (f32, f32), half_width: f32, length: f32, random: &mut Random) -> Self {
        let grey = random.pick(&[0.02, 0.05, 0.12, 0.25, 0.4, 0.6, 0.75]);
        let brown = random.range(0.0, 0.18);
        Self {
            source,
            half_width,
            spread: random.range(0.16, 0.5),
            wind: random.range(-1.0, 1.0) * random.unit(),
            rise: random.range(0.12, 0.35),
            length,
            density: random.range(0.55, 1.0),
            colour: [grey * (1.0 + brown), grey, grey * (1.0 - brown)],
            seed: random.seed32(),
        }
    }

    /// Lays the plume over the picture; `age_s` since it began, `strength` 0 to 1, `light` of the surroundings.
    /// Returns what can be seen of it.
    pub(super) fn render(
        &self,
        canvas: &mut Canvas,
        t_s: f32,
        age_s: f32,
        strength: f32,
        light: Colour,
    ) -> Option<Area> {
        if strength < 0.03 || age_s <= 0.0 {
            return None;
        }
        let tallest = (self.length * 1.9).min(self.rise * age_s * 1.3 + self.half_width);
        let reach = self.half_width * 2.0 + tallest * (self.spread * 1.7 + self.wind.abs() * 1.2);
        let area = Area::new(
            self.source.0 - reach,
            self.source.1 - tallest,
            self.source.0 + reach,
            self.source.1 + self.half_width * 0.6,
        );
        let step_px = (canvas.height_px / STEPS).max(1);
        let plume = Coarse::sample(canvas, area, step_px, |x, y| self.at(x, y, t_s, age_s, strength));
        let mut seen = Extent::new(canvas);
        let mut pixels = std::mem::take(&mut canvas.pixels);
        canvas.places(area, |x, y, index| {
            let [opacity, shade] = plume.at(x, y);
            if opacity < 0.01 {
                return;
            }
            // Shade is weighted with opacity, so that clear air around the plume does not darken its edge.
            let colour: Colour = std::array::from_fn(|i| self.colour[i] * light[i] * shade / opacity);
            let behind = pixels[index];
            pixels[index] = blend(behind, colour, opacity);
            let change = brightness(pixels[index]) - brightness(behind);
            if opacity > VISIBLE_OPACITY && change.abs() > VISIBLE_CHANGE {
                seen.add(index);
            }
        });
        canvas.pixels = pixels;
        seen.area()
    }

    /// Opacity, and brightness times opacity, at a place.
    fn at(&self, x: f32, y: f32, t_s: f32, age_s: f32, strength: f32) -> [f32; 2] {
        let up = self.source.1 - y + self.half_width * 0.5;
        if up <= 0.0 {
            return [0.0; 2];
        }
        let sway = (noise2(up * 2.0 - t_s * 0.25, t_s * 0.07, self.seed) - 0.5) * 0.35;
        let axis = self.source.0 + (self.wind * up.powf(1.15) + sway * up);
        let radius = self.half_width * (0.6 + 0.4 * strength) + self.spread * up;
        let across = (x - axis) / radius;
        if across.abs() > 1.7 {
            return [0.0; 2];
        }
        // Self-similar along the axis: equal steps of the logarithm are equal numbers of billows.
        let along = (up + self.half_width / self.spread).ln() / self.spread * 0.9;
        let flow = t_s * self.rise * 2.2 / (self.half_width + 0.15 * self.length).max(0.03) * 0.35;
        let field = |dx: f32, dy: f32| {
            let (u, v) = (across + dx, along - flow + dy);
            let warp = turbulence3(u * 0.9, v * 0.9, t_s * 0.12, 3, self.seed ^ 0x1f) - 0.5;
            let value =
                turbulence3(u * 1.5 + warp * 1.5, v * 1.5 - warp * 1.2, t_s * 0.2, 5, self.seed ^ 0x9d);
            let billow = 1.0
                - 2.0
                    * (turbulence3(u * 2.2 - warp * 1.2, v * 2.2 + warp, t_s * 0.2, 4, self.seed ^ 0x4e)
                        - 0.5)
                        .abs();
            value * 0.7 + billow * 0.3
        };
        let here = field(0.0, 0.0);
        let front = 1.0 - smoothstep(0.75, 1.15, up / (self.rise * age_s + self.half_width));
        let thinning =
            (-up / self.length).exp() * (1.0 - smoothstep(self.length * 1.2, self.length * 1.9, up));
        let foot = smoothstep(0.0, 1.3, up / self.half_width + (here - 0.5) * 1.6 - across * across * 0.9);
        let body = 1.0 - across * across;
        let opacity = smoothstep(0.0, 0.6, body * 0.85 + (here - 0.56) * 2.4 + thinning * 0.35)
            * mix(0.55, 1.0, smoothstep(0.3, 0.6, here))
            * mix(0.45, 1.0, thinning)
            * thinning.sqrt()
            * front
            * foot
            * self.density
            * strength.sqrt();
        if opacity < 0.01 {
            return [0.0; 2];
        }
        let opacity = opacity.min(0.97);
        let towards_light = field(0.06, 0.16);
        [opacity, opacity * (0.75 + (here - towards_light) * 2.4).clamp(0.3, 1.5)]
    }

    /// The same plume in another colour.
    pub(super) fn tinted(mut self, colour: Colour) -> Self {
        self.colour = scaled(colour, 1.0);
        self
    }
}

/// Square root of the light, near to what the eye tells apart.
fn brightness(colour: Colour) -> f32 {
    (0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2]).max(0.0).sqrt()
}
