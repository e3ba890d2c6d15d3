//! Where an object should be by now: a Kalman filter with constant velocity for the centre and constant size.
//!
//! Noise is proportional to the object's own size, so that near and far objects behave alike. The axes are independent
//! of each other, so each has a filter of its own: two numbers and their covariance.

use std::time::Duration;

use crate::picture::BoxPx;

/// Standard deviation of a detector's box edges, in object sizes.
const MEASUREMENT: f32 = 0.05;
/// Standard deviation of the velocity of a new object, in object sizes per second.
const FIRST_VELOCITY: f32 = 2.0;
/// Standard deviation of its acceleration, in object sizes per second squared.
const ACCELERATION: f32 = 2.0;
/// Standard deviation of the change of its sides, in object sizes per square root of a second.
const GROWTH: f32 = 0.3;

/// The motion of one object.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    at: Duration,
    x: Axis,
    y: Axis,
    width: Side,
    height: Side,
}

/// Position and velocity along one axis, with their covariance.
#[derive(Debug, Clone)]
struct Axis {
    position: f32,
    velocity: f32,
    /// Variance of the position, covariance, variance of the velocity.
    p: [f32; 3],
}

/// Length of one side, with its variance.
#[derive(Debug, Clone)]
struct Side {
    length: f32,
    variance: f32,
}

// === impl Motion ===

impl Motion {
    pub(super) fn new(at: Duration, area: BoxPx) -> Self {
        let (width, height) = (area.x2 - area.x1, area.y2 - area.y1);
        let size = size(width, height);
        let axis = |position| Axis {
            position,
            velocity: 0.0,
            p: [(MEASUREMENT * size).powi(2), 0.0, (FIRST_VELOCITY * size).powi(2)],
        };
        let side = |length| Side { length, variance: (MEASUREMENT * size).powi(2) };
        Self {
            at,
            x: axis((area.x1 + area.x2) / 2.0),
            y: axis((area.y1 + area.y2) / 2.0),
            width: side(width),
            height: side(height),
        }
    }

    /// Moves on to `at`.
    pub(super) fn predict(&mut self, at: Duration) {
        let seconds = at.saturating_sub(self.at).as_secs_f32();
        self.at = at;
        let size = self.size();
        self.x.predict(seconds, ACCELERATION * size);
        self.y.predict(seconds, ACCELERATION * size);
        self.width.variance += (GROWTH * size).powi(2) * seconds;
        self.height.variance += (GROWTH * size).powi(2) * seconds;
    }

    /// Takes in where it was found.
    pub(super) fn correct(&mut self, area: BoxPx) {
        let noise = (MEASUREMENT * self.size()).powi(2);
        self.x.correct((area.x1 + area.x2) / 2.0, noise);
        self.y.correct((area.y1 + area.y2) / 2.0, noise);
        self.width.correct(area.x2 - area.x1, noise);
        self.height.correct(area.y2 - area.y1, noise);
    }

    /// Where it should be.
    pub(super) fn area(&self) -> BoxPx {
        BoxPx::around(self.x.position, self.y.position, self.width.length, self.height.length)
    }

    fn size(&self) -> f32 {
        size(self.width.length, self.height.length)
    }
}

/// The mean side, at least a pixel.
fn size(width: f32, height: f32) -> f32 {
    ((width + height) / 2.0).max(1.0)
}

// === impl Axis ===

impl Axis {
    fn predict(&mut self, seconds: f32, acceleration: f32) {
        let [pp, pv, vv] = self.p;
        let t = seconds;
        let q = acceleration * acceleration;
        self.position += self.velocity * t;
        self.p = [
            pp + 2.0 * t * pv + t * t * vv + q * t.powi(4) / 4.0,
            pv + t * vv + q * t.powi(3) / 2.0,
            vv + q * t * t,
        ];
    }

    fn correct(&mut self, measured: f32, noise: f32) {
        let [pp, pv, vv] = self.p;
        let total = pp + noise;
        let (gain, gain_velocity) = (pp / total, pv / total);
        let surprise = measured - self.position;
        self.position += gain * surprise;
        self.velocity += gain_velocity * surprise;
        self.p = [(1.0 - gain) * pp, (1.0 - gain) * pv, vv - gain_velocity * pv];
    }
}

// === impl Side ===

impl Side {
    fn correct(&mut self, measured: f32, noise: f32) {
        let gain = self.variance / (self.variance + noise);
        self.length += gain * (measured - self.length);
        self.variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_walk_is_foreseen() {
        let place = |t: f32| BoxPx::around(100.0 + 40.0 * t, 200.0 - 10.0 * t, 50.0, 120.0);
        let mut motion = Motion::new(Duration::ZERO, place(0.0));
        for step in 1..=15 {
            motion.predict(Duration::from_millis(200 * step));
            motion.correct(place(0.2 * step as f32));
        }
        motion.predict(Duration::from_secs(5));
        let expected = place(5.0);
        assert!(motion.area().iou(&expected) > 0.9, "{:?} against {expected:?}", motion.area());
    }

    #[test]
    fn uncertainty_grows_while_unseen_and_shrinks_when_seen() {
        let mut motion = Motion::new(Duration::ZERO, BoxPx::around(100.0, 100.0, 50.0, 50.0));
        let before = motion.x.p[0];
        motion.predict(Duration::from_secs(1));
        let unseen = motion.x.p[0];
        motion.correct(BoxPx::around(101.0, 100.0, 50.0, 50.0));
        assert!(unseen > before && motion.x.p[0] < unseen);
    }
}
