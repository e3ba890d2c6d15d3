//! When to try a camera again.
//!
//! Pure: how the session ended in, a delay out. Each failure doubles the delay, from 1 s to 60 s. Logins that fail
//! grow faster, from 30 s to 600 s, so that three tries at most fall into five minutes: cameras lock an account after
//! five to seven, and some answer 401 when all their sessions are taken. Delays are shortened at random by up to a
//! half, so that many cameras behind one switch do not come back in step.
//!
//! A session that broke after it had been live is tried again within a second, and for a minute after a healthy one
//! ended a camera that is not there yet is asked every 5 s at least: it is most likely starting again.

use std::time::Duration;

use crate::worker::link::StreamFault;

/// A session that lived this long clears the record.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(30);
/// For this long after the end of a healthy session the camera is expected back.
const EXPECTED_BACK: Duration = Duration::from_secs(60);
/// Longest delay while the camera is expected back.
const EXPECTED_BACK_MAX: Duration = Duration::from_secs(5);
const FIRST_AFTER_LIVE: Duration = Duration::from_secs(1);

/// How a delay grows.
struct Growth {
    first: Duration,
    factor: u32,
    max: Duration,
}

const ORDINARY: Growth = Growth { first: Duration::from_secs(1), factor: 2, max: Duration::from_secs(60) };
const LOGIN: Growth = Growth { first: Duration::from_secs(30), factor: 4, max: Duration::from_secs(600) };

/// The record of one camera.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    expected_back_until: Option<Duration>,
}

// === impl Backoff ===

impl Backoff {
    /// The delay after a session that ended at `now` (on a clock that does not step) with `fault`, after it had been
    /// live for `live_for` (zero where it never was). `random` is uniform in 0 to 1.
    pub fn delay(&mut self, now: Duration, fault: StreamFault, live_for: Duration, random: f64) -> Duration {
        if live_for >= HEALTHY_AFTER {
            self.failures = 0;
            self.expected_back_until = Some(now + EXPECTED_BACK);
        }
        let expected_back = self.expected_back_until.is_some_and(|until| now < until);
        let growth = match fault {
            StreamFault::WrongPassword | StreamFault::InsecureLogin | StreamFault::Refused => LOGIN,
            _ => ORDINARY,
        };
        let nominal = if self.failures == 0 && !live_for.is_zero() {
            FIRST_AFTER_LIVE
        } else {
            let grown =
                growth.first.saturating_mul(growth.factor.saturating_pow(self.failures)).min(growth.max);
            if fault == StreamFault::Unreachable && expected_back {
                grown.min(EXPECTED_BACK_MAX)
            } else {
                grown
            }
        };
        self.failures = self.failures.saturating_add(1);
        nominal.mul_f64(1.0 - 0.5 * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER_LIVE: Duration = Duration::ZERO;
    const S: fn(u64) -> Duration = Duration::from_secs;

    /// Delays in seconds of failures that follow each other, without jitter.
    fn delays(backoff: &mut Backoff, from: Duration, fault: StreamFault, count: usize) -> Vec<u64> {
        let mut now = from;
        (0..count)
            .map(|_| {
                let delay = backoff.delay(now, fault, NEVER_LIVE, 0.0);
                now += delay;
                delay.as_secs()
            })
            .collect()
    }

    #[test]
    fn doubles_up_to_a_minute() {
        let delays = delays(&mut Backoff::default(), S(0), StreamFault::Timeout, 8);
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn no_more_than_three_logins_fail_in_five_minutes() {
        let mut backoff = Backoff::default();
        let mut tries = vec![0.0];
        for _ in 0..8 {
            // The shortest delays that jitter can make.
            let delay = backoff.delay(S(0), StreamFault::WrongPassword, NEVER_LIVE, 1.0);
            tries.push(tries.last().unwrap() + delay.as_secs_f64());
        }
        for (n, start) in tries.iter().enumerate() {
            let within = tries[n..].iter().filter(|t| **t < start + 300.0).count();
            assert!(within <= 3, "{within} tries in 300 s from {start} s: {tries:?}");
        }
        assert_eq!(delays(&mut Backoff::default(), S(0), StreamFault::Refused, 4), [30, 120, 480, 600]);
    }

    #[test]
    fn a_broken_live_session_is_tried_again_within_a_second() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.delay(S(100), StreamFault::Unreachable, S(3), 0.0), S(1));
        assert_eq!(
            backoff.delay(S(110), StreamFault::Unreachable, S(3), 0.0),
            S(2),
            "but not again and again"
        );
    }

    #[test]
    fn a_camera_that_restarts_is_asked_every_five_seconds_for_a_minute() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.delay(S(1000), StreamFault::Unreachable, S(40), 0.0), S(1));
        let delays = delays(&mut backoff, S(1001), StreamFault::Unreachable, 15);
        assert_eq!(delays, [2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 60, 60]);
    }

    #[test]
    fn only_a_healthy_session_clears_the_record() {
        let mut backoff = Backoff::default();
        delays(&mut backoff, S(0), StreamFault::Corrupt, 5);
        assert_eq!(backoff.delay(S(100), StreamFault::Corrupt, S(29), 0.0), S(32));
        assert_eq!(backoff.delay(S(200), StreamFault::Corrupt, S(30), 0.0), S(1));
        assert_eq!(backoff.delay(S(300), StreamFault::Corrupt, NEVER_LIVE, 0.0), S(2));
    }

    #[test]
    fn jitter_takes_up_to_a_half() {
        let delay = |random| Backoff::default().delay(S(0), StreamFault::Timeout, NEVER_LIVE, random);
        assert_eq!(delay(0.0), Duration::from_millis(1000));
        assert_eq!(delay(0.5), Duration::from_millis(750));
        assert_eq!(delay(1.0), Duration::from_millis(500));
    }
}
