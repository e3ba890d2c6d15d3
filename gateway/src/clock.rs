//! Time, handed in. Logic measures with `mono`, which never steps; messages carry `wall`, which may.
//!
//! Live, [`Clock`] reads both from the system; a replay makes its own [`Moment`]s out of media time.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the clock was made; never goes back.
    pub mono: Duration,
    /// Coordinated universal time as far as the box knows it.
    pub wall: Timestamp,
}

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

// === impl Clock ===

impl Clock {
    /// A clock whose `mono` begins now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment { mono: self.origin.elapsed(), wall: Timestamp::now() }
    }
}

// === impl Moment ===

impl Moment {
    /// The same moment on both clocks, `by` later.
    pub fn later(self, by: Duration) -> Self {
        Moment { mono: self.mono + by, wall: self.wall + by }
    }
}

/// RFC 3339 with the offset of `zone` and milliseconds: `2026-11-21T12:34:56.120+08:00`.
pub fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_milliseconds_and_the_offset_of_the_site() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let time = Timestamp::from_millisecond(1_795_235_696_120).unwrap();
        assert_eq!(rfc3339(time, &zone), "2026-11-21T12:34:56.120+08:00");
    }
}
