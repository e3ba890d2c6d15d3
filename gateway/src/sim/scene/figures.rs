//! People who walk through the picture.

use super::backdrop::{Layout, fiery_colour};
use super::canvas::{Area, Canvas, Colour, blend, capsule, ellipse, inside, srgb};
use super::random::Random;

/// Somebody walking to and fro on a straight line.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Where the feet are at the ends of the way, picture heights.
    way: [(f32, f32); 2],
    /// Picture heights a second.
    pace: f32,
    phase: f32,
    coat: Colour,
    trousers: Colour,
    skin: Colour,
    hair: Colour,
}

// === impl Figure ===

impl Figure {
    pub(super) fn new(layout: &Layout, random: &mut Random) -> Self {
        let row = random.range(layout.ground + 0.04, 0.98);
        let drift = random.range(-0.08, 0.08);
        let end = |x: f32, y: f32| (x, y.clamp(layout.ground + 0.03, 1.0));
        let plain =
            srgb(random.pick(&[0x2b3550, 0x404448, 0x8a8d90, 0x6b4a36, 0x37513c, 0xd8d4cc, 0x1d1e20]));
        Self {
            way: [end(-0.15, row), end(layout.aspect + 0.15, row + drift)],
            pace: layout.person(row) * random.range(0.5, 0.8),
            phase: random.range(0.0, 60.0),
            coat: if random.chance(0.35) { fiery_colour(random) } else { plain },
            trousers: srgb(random.pick(&[0x20242c, 0x2f3d5c, 0x4a443c, 0x15161a])),
            skin: srgb(0xc99a78),
            hair: srgb(0x17130f),
        }
    }

    /// Where the feet are.
    pub(super) fn foot(&self, t_s: f32) -> (f32, f32) {
        let along = self.along(t_s);
        let [from, to] = self.way;
        (from.0 + (to.0 - from.0) * along, from.1 + (to.1 - from.1) * along)
    }

    fn along(&self, t_s: f32) -> f32 {
        let length = self.way[1].0 - self.way[0].0;
        let turn = ((t_s + self.phase) * self.pace / length).rem_euclid(2.0);
        if turn < 1.0 { turn } else { 2.0 - turn }
    }

    pub(super) fn render(&self, canvas: &mut Canvas, layout: &Layout, t_s: f32, light: Colour) {
        let (x0, y0) = self.foot(t_s);
        let size = layout.person(y0);
        if size < 6.0 * canvas.pixel() {
            return;
        }
        let pixel = canvas.pixel();
        let stride = ((t_s + self.phase) * 5.2).sin();
        let at = |u: f32, v: f32| (x0 + u * size, y0 - v * size);
        canvas.paint(Area::around(x0, y0, size * 0.3, size * 0.06), |x, y| {
            let distance = ((x - x0) / (size * 0.26)).hypot((y - y0) / (size * 0.05));
            ([0.0; 3], 0.55 * (1.0 - distance).max(0.0))
        });
        let lit =
            |colour: Colour, share: f32| -> Colour { std::array::from_fn(|i| colour[i] * light[i] * share) };
        canvas.paint(Area::new(x0 - size * 0.3, y0 - size, x0 + size * 0.3, y0), |x, y| {
            let share = 1.15 - (x - x0) / size * 1.2;
            let limb = |a: (f32, f32), b: (f32, f32), r: f32| {
                inside(capsule(x, y, at(a.0, a.1), at(b.0, b.1), r * size), pixel)
            };
            let mut colour = [0.0; 3];
            let mut opacity = 0.0_f32;
            let mut over = |with: Colour, share_of: f32| {
                colour = blend(colour, with, if opacity > 0.0 { share_of } else { 1.0 });
                opacity = opacity.max(share_of);
            };
            over(lit(self.coat, share * 0.7), limb((0.0, 0.78), (-stride * 0.13, 0.5), 0.035));
            over(lit(self.trousers, share * 0.8), limb((0.0, 0.48), (-stride * 0.14, 0.03), 0.055));
            over(lit(self.trousers, share), limb((0.0, 0.48), (stride * 0.14, 0.03), 0.055));
            over(lit(self.coat, share), limb((0.0, 0.76), (0.0, 0.5), 0.095));
            over(lit(self.coat, share * 0.9), limb((0.02, 0.78), (stride * 0.13, 0.5), 0.035));
            over(
                lit(self.skin, share),
                inside(ellipse(x, y, at(0.0, 0.91), (size * 0.055, size * 0.07)), pixel),
            );
            over(
                lit(self.hair, share),
                inside(ellipse(x, y, at(-0.005, 0.95), (size * 0.058, size * 0.045)), pixel),
            );
            (colour, opacity)
        });
    }
}
