//! Media time of one session out of RTP timestamps: never goes back, and never leaps.
//!
//! Cameras jump: after a time correction, a reboot of their encoder, a wrap that they get wrong. A step backwards or of
//! more than [`MAX_STEP`] is therefore replaced by the time that passed between the two receipts.

use std::time::Duration;

/// Longest step between two pictures that is believed.
pub const MAX_STEP: Duration = Duration::from_secs(10);

/// Media time of one session.
#[derive(Debug, Default)]
pub struct MediaClock {
    last: Option<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    rtp_s: f64,
    received: Duration,
    media_time: Duration,
}

// === impl MediaClock ===

impl MediaClock {
    /// Media time of a picture with the RTP time `rtp_s` (seconds from any origin), received at `received` (a clock
    /// that does not step, from any origin). The first picture is at zero.
    pub fn media_time(&mut self, rtp_s: f64, received: Duration) -> Duration {
        let media_time = match self.last {
            None => Duration::ZERO,
            Some(last) => {
                let step =
                    Duration::try_from_secs_f64(rtp_s - last.rtp_s).ok().filter(|step| *step <= MAX_STEP);
                last.media_time + step.unwrap_or_else(|| received.saturating_sub(last.received))
            }
        };
        self.last = Some(Reading { rtp_s, received, media_time });
        media_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn follows_the_camera_and_not_the_network() {
        let mut clock = MediaClock::default();
        assert_eq!(clock.media_time(100.0, MS(0)), MS(0));
        assert_eq!(clock.media_time(100.5, MS(700)), MS(500));
        assert_eq!(clock.media_time(101.0, MS(701)), MS(1000));
    }

    #[test]
    fn a_step_back_or_a_leap_counts_as_the_time_between_the_receipts() {
        let mut clock = MediaClock::default();
        clock.media_time(100.0, MS(0));
        assert_eq!(clock.media_time(20.0, MS(40)), MS(40), "back");
        assert_eq!(clock.media_time(20.5, MS(80)), MS(540), "and on from there");
        assert_eq!(clock.media_time(9_000.0, MS(120)), MS(580), "ahead");
        assert_eq!(clock.media_time(f64::NAN, MS(160)), MS(620), "nonsense");
    }
}
