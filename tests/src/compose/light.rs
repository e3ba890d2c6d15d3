//! What light and sensor do to every pixel: drift of the light, the switch between day and night, noise.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::frame::{Frame, GREY};

/// Noise is cut from a table of this many values, at another place for each line: fast, and never twice the same.
const TABLE: usize = 1 << 18;
/// The table holds noise of this standard deviation, so that it fits into bytes.
const TABLE_SIGMA: f32 = 24.0;
/// The switch between day and night: the exposure settles within this time, seconds.
const SETTLE_S: f64 = 0.9;
/// At night the sensor's gain is up, and its noise with it.
const NIGHT_NOISE: f32 = 2.2;

/// How the light changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Light {
    /// Not at all.
    Steady,
    /// Slowly up and down, with a cloud now and then.
    Drifting,
    /// The camera switches to infra-red at this moment, seconds, and back at the second one.
    Night(f64, f64),
}

/// Sensor and light of one camera.
pub(super) struct Sensor {
    light: Light,
    sigma: f32,
    table: Vec<i8>,
    /// Where the infra-red lamp shines, 0 to 255 for each pixel.
    lamp: Vec<u8>,
    random: StdRng,
    phase: f64,
}

// === impl Sensor ===

impl Sensor {
    pub(super) fn new(light: Light, sigma: f32, (width, height): (u32, u32), seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x5e45);
        let white: Vec<f32> = (0..=TABLE).map(|_| gaussian(&mut random)).collect();
        // Neighbours share some of it, as behind the colour filter of a sensor; 0.8² + 0.6² = 1.
        let table =
            white.windows(2).map(|pair| (TABLE_SIGMA * (0.8 * pair[0] + 0.6 * pair[1])) as i8).collect();
        let phase = random.random_range(0.0..std::f64::consts::TAU);
        Self { light, sigma, table, lamp: lamp(width, height), random, phase }
    }

    /// Before what sits on the lens: what the light does.
    pub(super) fn expose(&self, frame: &mut Frame, at_s: f64) {
        let gain = match self.light {
            Light::Steady => return,
            Light::Drifting => self.drift(at_s),
            Light::Night(..) => self.settling(at_s),
        };
        let is_night = self.is_night(at_s);
        let curve: Vec<u8> = (0..256).map(|value| curve(value as f64, gain, is_night)).collect();
        let (luma, chroma) = frame.planes();
        for pixel in luma.iter_mut() {
            *pixel = curve[usize::from(*pixel)];
        }
        if is_night {
            chroma.fill(GREY);
            for (pixel, lit) in luma.iter_mut().zip(&self.lamp) {
                *pixel = 16 + ((u16::from(pixel.saturating_sub(16)) * u16::from(*lit)) >> 8) as u8;
            }
        }
    }

    /// After it: noise.
    pub(super) fn noise(&mut self, frame: &mut Frame, at_s: f64) {
        let night = if self.is_night(at_s) { NIGHT_NOISE } else { 1.0 };
        let width = frame.width;
        let (luma, chroma) = frame.planes();
        let colour = if night > 1.0 { 0.0 } else { 0.5 };
        for (plane, width, share) in [(luma, width, 1.0), (chroma, width / 2, colour)] {
            let scale = (self.sigma * night * share / TABLE_SIGMA * 256.0) as i16;
            if scale == 0 {
                continue;
            }
            for line in plane.chunks_exact_mut(width) {
                let begin = self.random.random_range(0..TABLE - width);
                for (pixel, noise) in line.iter_mut().zip(&self.table[begin..]) {
                    let shifted = i16::from(*pixel) + ((i16::from(*noise) * scale + 128) >> 8);
                    *pixel = shifted.clamp(0, 255) as u8;
                }
            }
        }
    }

    pub(super) fn is_night(&self, at_s: f64) -> bool {
        matches!(self.light, Light::Night(from, to) if (from..to).contains(&at_s))
    }

    /// The sun over minutes, and a cloud that takes a few seconds to come and to go.
    fn drift(&self, at_s: f64) -> f64 {
        let wave = |period_s: f64| (at_s * std::f64::consts::TAU / period_s + self.phase).sin();
        let cloud = ((wave(47.0) - 0.6) / 0.25).clamp(0.0, 1.0);
        1.0 + 0.08 * wave(170.0) + 0.03 * wave(29.0) - 0.14 * cloud * cloud * (3.0 - 2.0 * cloud)
    }

    /// Right after a switch the exposure is far off and finds back.
    fn settling(&self, at_s: f64) -> f64 {
        let Light::Night(from, to) = self.light else { return 1.0 };
        let since = |switch: f64| (at_s >= switch).then_some(at_s - switch);
        match (since(to), since(from)) {
            (Some(s), _) => 1.0 + 0.8 * (-s / SETTLE_S * 3.0).exp(),
            (None, Some(s)) => 1.0 - 0.7 * (-s / SETTLE_S * 3.0).exp(),
            (None, None) => 1.0,
        }
    }
}

fn curve(value: f64, gain: f64, is_night: bool) -> u8 {
    let lit = (value - 16.0) * gain;
    let lit = if is_night { 12.0 + lit * 0.8 } else { lit };
    (16.0 + lit).clamp(16.0, 235.0).round() as u8
}

fn lamp(width: u32, height: u32) -> Vec<u8> {
    let (w, h) = (f64::from(width), f64::from(height));
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let (dx, dy) = ((f64::from(x) - w / 2.0) / w, (f64::from(y) - h / 2.0) / w);
            (255.0 * (1.1 - 1.9 * (dx * dx + dy * dy)).clamp(0.45, 1.0)) as u8
        })
        .collect()
}

/// Standard normal, by Box and Muller.
fn gaussian(random: &mut StdRng) -> f32 {
    let (a, b): (f32, f32) = (random.random_range(f32::EPSILON..1.0), random.random());
    (-2.0 * a.ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (320, 180);

    #[test]
    fn noise_has_the_deviation_that_was_asked_for_and_differs_from_picture_to_picture() {
        let mut sensor = Sensor::new(Light::Steady, 3.0, SIZE, 1);
        let grey = Frame { data: vec![128; Frame::bytes(SIZE)], ..Frame::black(SIZE) };
        let (mut first, mut second) = (grey.clone(), grey);
        sensor.noise(&mut first, 0.0);
        sensor.noise(&mut second, 0.0);
        assert_ne!(first, second);
        let luma = first.luma();
        let square: f64 = luma.iter().map(|pixel| (f64::from(*pixel) - 128.0).powi(2)).sum();
        let deviation = (square / luma.len() as f64).sqrt();
        assert!((2.5..3.5).contains(&deviation), "{deviation}");
    }

    #[test]
    fn at_night_there_is_no_colour_and_by_day_there_is() {
        let sensor = Sensor::new(Light::Night(10.0, 20.0), 2.0, SIZE, 1);
        let green = Frame { data: vec![90; Frame::bytes(SIZE)], ..Frame::black(SIZE) };
        for (at_s, is_grey) in [(5.0, false), (15.0, true), (25.0, false)] {
            let mut frame = green.clone();
            sensor.expose(&mut frame, at_s);
            assert_eq!(frame.planes().1.iter().all(|pixel| *pixel == GREY), is_grey, "at {at_s} s");
        }
    }
}
