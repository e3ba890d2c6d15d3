//! What moves every second and means nothing: leaves in the wind, rain, insects on the lens, a lamp that flickers, a
//! clock burned in by the camera.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::caption;
use super::frame::Frame;

/// Something that is drawn over the place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nuisance {
    /// The date and time, ticking each second.
    Clock,
    /// A branch in the upper right corner sways in gusts.
    Wind,
    /// Streaks all over, others in each picture.
    Rain,
    /// One crawls over the lens and rests now and then; others fly by.
    Insects,
    /// An illuminated sign that goes on and off.
    Flicker,
}

/// Draws one of them.
pub(super) struct Painter {
    what: Nuisance,
    random: StdRng,
    leaves: Vec<Leaf>,
}

/// One leaf of the branch, in pixels.
struct Leaf {
    x: f64,
    y: f64,
    radius: f64,
    phase: f64,
    swing: f64,
    colour: [u8; 3],
}

// === impl Painter ===

impl Painter {
    pub(super) fn new(what: Nuisance, (width, height): (u32, u32), seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x1ea5);
        let leaves = match what {
            Nuisance::Wind => branch(f64::from(width), f64::from(height), &mut random),
            _ => vec![],
        };
        Self { what, random, leaves }
    }

    /// Part of the place, so that light falls on it.
    pub(super) fn in_the_scene(&mut self, frame: &mut Frame, at_s: f64) {
        match self.what {
            Nuisance::Wind => self.wind(frame, at_s),
            Nuisance::Flicker => flicker(frame, at_s),
            Nuisance::Rain | Nuisance::Insects | Nuisance::Clock => {}
        }
    }

    /// Between the place and the sensor.
    pub(super) fn before_the_lens(&mut self, frame: &mut Frame, at_s: f64) {
        match self.what {
            Nuisance::Rain => self.rain(frame),
            Nuisance::Insects => self.insects(frame, at_s),
            Nuisance::Wind | Nuisance::Flicker | Nuisance::Clock => {}
        }
    }

    /// By the camera's own software, after the sensor.
    pub(super) fn burned_in(&self, frame: &mut Frame, at_s: f64) {
        if self.what == Nuisance::Clock {
            caption::clock(frame, at_s);
        }
    }

    /// Gusts come and go within seconds; within one each leaf swings in its own time.
    fn wind(&self, frame: &mut Frame, at_s: f64) {
        let gust = 0.35 + 0.65 * ((at_s * 0.21).sin() * (at_s * 0.077 + 1.0).sin()).abs();
        for leaf in &self.leaves {
            let turn = (at_s * 3.1 + leaf.phase).sin() + 0.5 * (at_s * 7.3 + leaf.phase * 2.0).sin();
            let x = leaf.x + turn * leaf.swing * gust;
            let y = leaf.y + turn * leaf.swing * gust * 0.4;
            disc(frame, x, y, leaf.radius, 1.8, leaf.colour, 235);
        }
    }

    fn rain(&mut self, frame: &mut Frame) {
        let (width, height) = (frame.width as i32, frame.height as i32);
        for _ in 0..frame.width / 6 {
            let (x, y) = (self.random.random_range(-20..width), self.random.random_range(-40..height));
            let length = self.random.random_range(height / 40..height / 14);
            let strength = self.random.random_range(20..80);
            for step in 0..length {
                frame.blend(x + step / 6, y + step, 200, strength);
            }
        }
    }

    fn insects(&mut self, frame: &mut Frame, at_s: f64) {
        let (width, height) = (frame.width as f64, frame.height as f64);
        // It crawls for six seconds of ten and rests for four.
        let crawled = (at_s / 10.0).floor() * 6.0 + (at_s % 10.0).min(6.0);
        let x = width * (0.5 + 0.32 * (crawled * 0.13).sin());
        let y = height * (0.55 + 0.3 * (crawled * 0.19 + 0.7).sin());
        // So near that it is out of focus.
        disc(frame, x, y, height * 0.045, 1.0, [190, 128, 128], 110);
        if self.random.random_bool(0.06) {
            let (x, y) = (self.random.random_range(0.0..width), self.random.random_range(0.0..height));
            let (dx, dy) = (self.random.random_range(-9.0..9.0), self.random.random_range(-6.0..6.0));
            for step in 0..10 {
                let step = f64::from(step);
                disc(frame, x + dx * step, y + dy * step, height * 0.006, 1.0, [225, 128, 128], 120);
            }
        }
    }
}

/// On for 1.3 s, off for 0.7 s.
fn flicker(frame: &mut Frame, at_s: f64) {
    let (width, height) = (frame.width as i32, frame.height as i32);
    let colour = if at_s % 2.0 < 1.3 { [205, 100, 190] } else { [60, 120, 140] };
    for y in height / 12..height / 7 {
        for x in width / 3..width / 3 + width / 8 {
            frame.blend_colour(x, y, colour, 200);
        }
    }
}

fn branch(width: f64, height: f64, random: &mut StdRng) -> Vec<Leaf> {
    let mut leaf = |_| {
        // Dense in the corner, thin at the edges of the branch.
        let (a, b): (f64, f64) = (random.random(), random.random());
        Leaf {
            x: width * (1.0 - 0.30 * a * a.sqrt()),
            y: height * 0.42 * b * b.sqrt(),
            radius: height * random.random_range(0.008..0.022),
            phase: random.random_range(0.0..std::f64::consts::TAU),
            swing: height * random.random_range(0.004..0.016),
            colour: [
                random.random_range(40..120),
                random.random_range(100..118),
                random.random_range(108..124),
            ],
        }
    };
    (0..180).map(&mut leaf).collect()
}

/// A soft ellipse, `stretch` times as wide as high.
fn disc(frame: &mut Frame, x: f64, y: f64, radius: f64, stretch: f64, colour: [u8; 3], strength: u8) {
    let reach_x = (radius * stretch).ceil() as i32;
    let reach_y = radius.ceil() as i32;
    for dy in -reach_y..=reach_y {
        for dx in -reach_x..=reach_x {
            let (fx, fy) = (f64::from(dx) / (radius * stretch), f64::from(dy) / radius);
            let edge = ((1.0 - (fx * fx + fy * fy)) * 2.5).clamp(0.0, 1.0);
            if edge > 0.0 {
                let strength = (f64::from(strength) * edge) as u8;
                frame.blend_colour(x as i32 + dx, y as i32 + dy, colour, strength);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (320, 180);

    fn drawn(what: Nuisance, seed: u64, times_s: &[f64]) -> Vec<Frame> {
        let mut painter = Painter::new(what, SIZE, seed);
        let draw = |at_s: &f64| {
            let mut frame = Frame::black(SIZE);
            painter.in_the_scene(&mut frame, *at_s);
            painter.before_the_lens(&mut frame, *at_s);
            painter.burned_in(&mut frame, *at_s);
            frame
        };
        times_s.iter().map(draw).collect()
    }

    #[test]
    fn each_of_them_moves_within_seconds_and_the_same_seed_draws_the_same() {
        for what in [Nuisance::Clock, Nuisance::Wind, Nuisance::Rain, Nuisance::Insects, Nuisance::Flicker] {
            let frames = drawn(what, 3, &[0.0, 1.5]);
            assert_ne!(frames[0], frames[1], "{what:?} moves");
            assert_eq!(frames, drawn(what, 3, &[0.0, 1.5]), "{what:?} is the same again");
        }
    }

    #[test]
    fn the_clock_stands_still_within_a_second() {
        let frames = drawn(Nuisance::Clock, 1, &[5.1, 5.9, 6.0]);
        assert_eq!(frames[0], frames[1]);
        assert_ne!(frames[1], frames[2]);
    }
}
