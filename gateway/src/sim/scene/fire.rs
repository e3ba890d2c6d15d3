//! One fire from the first flame to the last wisp of smoke.

use super::canvas::{Area, Colour};
use super::flame::Flame;
use super::noise::smoothstep;
use super::random::Random;
use super::smoke::Smoke;

/// A fire: when it burns, its flames, its smoke.
#[derive(Debug, Clone)]
pub(super) struct Fire {
    /// First flame, seconds.
    pub(super) start_s: f32,
    /// From the first flame to the full size, seconds.
    pub(super) growth_s: f32,
    /// Put out at this time, seconds.
    pub(super) out_s: Option<f32>,
    pub(super) flame: Option<Flame>,
    pub(super) smoke: Option<Smoke>,
}

/// Seconds that flames take to die when the fire is put out.
const DYING_S: f32 = 1.5;
/// Seconds that smoke takes to clear when the fire is put out.
const CLEARING_S: f32 = 4.0;

// === impl Fire ===

impl Fire {
    /// A fire of its own kind at a place; `largest` is the greatest flame height, picture heights.
    pub(super) fn new(foot: (f32, f32), largest: f32, start_s: f32, random: &mut Random) -> Self {
        let half_width = largest * random.log_range(0.18, 1.3);
        let flame = Flame::new(foot, half_width, largest, random);
        let source = (foot.0, foot.1 - largest * random.range(0.15, 0.8));
        let length = (largest * random.range(1.5, 5.0)).clamp(0.25, 1.5);
        let smoke = Smoke::new(source, half_width.max(0.03) * random.range(0.5, 1.2), length, random);
        let (flame, smoke) = match random.unit() {
            kind if kind < 0.3 => (Some(flame), None),
            kind if kind < 0.55 => (None, Some(smoke)),
            _ => (Some(flame), Some(smoke)),
        };
        Self { start_s, growth_s: random.range(6.0, 25.0), out_s: None, flame, smoke }
    }

    /// 0 not burning, 1 largest.
    pub(super) fn size(&self, t_s: f32) -> f32 {
        let grown = smoothstep(-0.25, 1.0, (t_s - self.start_s) / self.growth_s);
        let begun = smoothstep(0.0, 0.6, t_s - self.start_s);
        let dying = self.out_s.map_or(1.0, |out_s| 1.0 - smoothstep(0.0, DYING_S, t_s - out_s));
        grown * begun * dying
    }

    /// How much smoke there is, 0 to 1.
    pub(super) fn smoking(&self, t_s: f32) -> f32 {
        let grown = smoothstep(0.0, 0.5, (t_s - self.start_s) / self.growth_s);
        let clearing = self.out_s.map_or(1.0, |out_s| 1.0 - smoothstep(0.5, CLEARING_S, t_s - out_s));
        grown * clearing
    }

    /// The burning thing: a dark heap under the flames.
    pub(super) fn heap(&self) -> Option<Area> {
        let flame = self.flame.as_ref()?;
        let half_width = flame.half_width * 1.15;
        Some(Area::around(flame.foot.0, flame.foot.1, half_width, half_width.min(flame.height * 0.35) * 0.5))
    }
}

/// White vapour from a pipe or a pot: hot, but no fire.
pub(super) fn steam(source: (f32, f32), size: f32, random: &mut Random) -> Smoke {
    let white: Colour = [0.9, 0.92, 0.95];
    let mut steam = Smoke::new(source, size * 0.12, size, random).tinted(white);
    steam.density = random.range(0.2, 0.45);
    steam
}
