//! What stands still: surfaces with their colour and shade, and lights.

use super::canvas::{Area, Canvas, Colour, blend, scaled};
use super::light::Light;

/// A surface seen at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surface {
    /// Share of the light that it gives back.
    pub(super) albedo: Colour,
    /// Share of the direct light that reaches it: 0 in full shade, 1 in the sun.
    pub(super) lit: f32,
    /// 0 to 1.
    pub(super) opacity: f32,
}

/// The still part of a scene while it is painted, from the back to the front.
pub(super) struct Stage {
    pub(super) albedo: Canvas,
    /// Share of the direct light, 0 to 1, in every channel.
    shade: Vec<f32>,
    /// Lamps and lit windows.
    pub(super) emission: Canvas,
    lamps: Vec<Lamp>,
}

/// A light that shines on its surroundings.
#[derive(Debug, Clone, Copy)]
struct Lamp {
    centre: (f32, f32),
    reach: f32,
    colour: Colour,
}

// === impl Surface ===

impl Surface {
    pub(super) fn new(albedo: Colour, lit: f32, opacity: f32) -> Self {
        Self { albedo, lit, opacity }
    }
}

// === impl Stage ===

impl Stage {
    pub(super) fn new(width_px: usize, height_px: usize) -> Self {
        Self {
            albedo: Canvas::new(width_px, height_px, [0.2; 3]),
            shade: vec![1.0; width_px * height_px],
            emission: Canvas::new(width_px, height_px, [0.0; 3]),
            lamps: vec![],
        }
    }

    pub(super) fn pixel(&self) -> f32 {
        self.albedo.pixel()
    }

    pub(super) fn aspect(&self) -> f32 {
        self.albedo.aspect()
    }

    /// Puts surfaces in front of what is there; they hide lights behind them.
    pub(super) fn paint(&mut self, area: Area, surface: impl Fn(f32, f32) -> Surface) {
        let Self { albedo, shade, emission, .. } = self;
        let mut pixels = std::mem::take(&mut albedo.pixels);
        albedo.places(area, |x, y, index| {
            let Surface { albedo, lit, opacity } = surface(x, y);
            if opacity > 0.0 {
                let opacity = opacity.min(1.0);
                pixels[index] = blend(pixels[index], albedo, opacity);
                shade[index] += (lit.clamp(0.0, 1.0) - shade[index]) * opacity;
                emission.pixels[index] = scaled(emission.pixels[index], 1.0 - opacity);
            }
        });
        albedo.pixels = pixels;
    }

    /// Takes direct light away from what is there.
    pub(super) fn shadow(&mut self, area: Area, share_left: impl Fn(f32, f32) -> f32) {
        let shade = &mut self.shade;
        self.albedo.places(area, |x, y, index| shade[index] *= share_left(x, y).clamp(0.0, 1.0));
    }

    /// A soft dark patch where something touches the ground.
    pub(super) fn contact(&mut self, x: f32, y: f32, half_width: f32, half_height: f32) {
        self.shadow(Area::around(x, y, half_width * 1.6, half_height * 1.6), |px, py| {
            let distance = ((px - x) / half_width).hypot((py - y) / half_height);
            0.25 + 0.75 * (distance / 1.5).min(1.0).powi(2)
        });
    }

    /// A light of its own: what `f` gives is added, and the surroundings are lit within `reach`.
    pub(super) fn lamp(&mut self, area: Area, reach: f32, colour: Colour, f: impl Fn(f32, f32) -> Colour) {
        self.emission.add(area, f);
        let centre = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
        self.lamps.push(Lamp { centre, reach, colour });
    }

    /// Colour of the surfaces, and the light that comes from them.
    pub(super) fn finish(self, light: &Light) -> (Canvas, Canvas) {
        let Self { albedo, shade, mut emission, lamps } = self;
        let lamp_share = light.lamp_share();
        albedo.places(albedo.everywhere(), |x, y, index| {
            let shade = shade[index];
            let mut fall: Colour =
                std::array::from_fn(|i| light.sky[i] * (0.45 + 0.55 * shade) + light.direct[i] * shade);
            for lamp in &lamps {
                let (dx, dy) = ((x - lamp.centre.0) / lamp.reach, (y - lamp.centre.1) / lamp.reach);
                let share = lamp_share * (0.4 + 0.6 * shade) / (1.0 + (dx * dx + dy * dy) * 3.0).powi(2);
                for (value, colour) in fall.iter_mut().zip(lamp.colour) {
                    *value += colour * share;
                }
            }
            let share = light.emission_share();
            emission.pixels[index] = std::array::from_fn(|i| {
                emission.pixels[index][i] * share + albedo.pixels[index][i] * fall[i]
            });
        });
        (albedo, emission)
    }
}
