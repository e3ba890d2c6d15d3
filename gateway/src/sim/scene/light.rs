//! The light of a scene: the hour and the weather, and how both change while one looks.

use super::canvas::{Colour, scaled};
use super::noise::noise2;
use super::random::Random;

/// The hour and the weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hour {
    /// Sun and sharp shadows.
    Sunny,
    /// Grey sky.
    Overcast,
    /// Low orange sun.
    Sunset,
    /// Blue hour: lamps are on.
    Dusk,
    /// Lamps only.
    Night,
}

/// What falls on the surfaces.
#[derive(Debug, Clone)]
pub(super) struct Light {
    pub(super) hour: Hour,
    /// From everywhere.
    pub(super) sky: Colour,
    /// From the sun, or from what street lighting there is.
    pub(super) direct: Colour,
    /// The sky where it is seen: at the top, at the horizon.
    pub(super) heaven: (Colour, Colour),
    seed: u32,
}

// === impl Light ===

impl Light {
    pub(super) fn new(hour: Hour, random: &mut Random) -> Self {
        let strength = random.range(0.8, 1.15);
        let (sky, direct, heaven): (Colour, Colour, (Colour, Colour)) = match hour {
            Hour::Sunny => ([0.32, 0.38, 0.48], [1.0, 0.93, 0.8], ([0.2, 0.4, 0.85], [0.65, 0.78, 0.95])),
            Hour::Overcast => {
                ([0.62, 0.65, 0.68], [0.12, 0.12, 0.12], ([0.6, 0.63, 0.67], [0.8, 0.81, 0.83]))
            }
            Hour::Sunset => ([0.3, 0.24, 0.26], [0.75, 0.36, 0.12], ([0.25, 0.28, 0.45], [1.3, 0.62, 0.22])),
            Hour::Dusk => ([0.1, 0.13, 0.2], [0.03, 0.03, 0.04], ([0.06, 0.1, 0.22], [0.35, 0.28, 0.32])),
            Hour::Night => {
                ([0.022, 0.024, 0.032], [0.02, 0.018, 0.014], ([0.004, 0.005, 0.01], [0.03, 0.025, 0.02]))
            }
        };
        let by = |colour| scaled(colour, strength);
        Self {
            hour,
            sky: by(sky),
            direct: by(direct),
            heaven: (by(heaven.0), by(heaven.1)),
            seed: random.seed32(),
        }
    }

    pub(super) fn lamps_are_on(&self) -> bool {
        matches!(self.hour, Hour::Dusk | Hour::Night)
    }

    /// How much lamps add to what the eye of the camera, adapted to the hour, sees.
    pub(super) fn lamp_share(&self) -> f32 {
        match self.hour {
            Hour::Night => 1.0,
            Hour::Dusk => 0.8,
            Hour::Overcast | Hour::Sunset => 0.1,
            Hour::Sunny => 0.03,
        }
    }

    pub(super) fn emission_share(&self) -> f32 {
        if self.lamps_are_on() { 1.0 } else { 0.75 }
    }

    /// Average light on an upright thing, for what moves and for smoke.
    pub(super) fn average(&self) -> Colour {
        let lamps = if self.lamps_are_on() { 0.06 } else { 0.0 };
        std::array::from_fn(|i| self.sky[i] * 0.8 + self.direct[i] * 0.55 + lamps)
    }

    /// Clouds pass: factor on daylight at a time.
    pub(super) fn drift(&self, t_s: f32) -> f32 {
        match self.hour {
            Hour::Night => 1.0,
            Hour::Sunny => 0.86 + 0.28 * noise2(t_s * 0.13, 0.5, self.seed),
            _ => 0.94 + 0.12 * noise2(t_s * 0.08, 0.5, self.seed),
        }
    }
}
