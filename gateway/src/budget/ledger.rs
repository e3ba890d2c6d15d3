//! How much has been sent today and how fast: the pure part of the budget.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};
use moshao_config::Budget as Limits;
use serde::{Deserialize, Serialize};

use super::{Admission, Class};

/// What the rate may be exceeded by for a moment: so many seconds of it.
const BURST_S: f64 = 2.0;
/// Shares of the day's traffic from which on a class waits, and stills shrink.
const CLIPS_WAIT: f64 = 0.5;
const STILLS_SHRINK: f64 = 0.7;
const STILLS_WAIT: f64 = 0.9;

/// One moment on both clocks.
#[derive(Debug, Clone)]
pub(super) struct Now {
    mono: Instant,
    day: Date,
    until_midnight: Duration,
}

/// The totals of one day, as they are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    day: Date,
    alarm: u64,
    event: u64,
    still: u64,
    clip: u64,
}

/// What has been sent today and how fast. Pure.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    pub(super) totals: Totals,
    /// Bytes that may go now; negative after alarms.
    allowance: f64,
    counted: Instant,
}

// === impl Now ===

impl Now {
    /// The moment on a site's clocks.
    pub(super) fn at(mono: Instant, wall: Timestamp, zone: &TimeZone) -> Self {
        let zoned = wall.to_zoned(zone.clone());
        let midnight = zoned.tomorrow().and_then(|tomorrow| tomorrow.start_of_day());
        let until = midnight.map(|midnight| midnight.timestamp().duration_since(wall)).unwrap_or_default();
        // An hour, where the calendar itself ends.
        let until_midnight = Duration::try_from(until).unwrap_or(Duration::from_secs(3600));
        Now { mono, day: zoned.date(), until_midnight }
    }
}

// === impl Totals ===

impl Totals {
    fn new(day: Date) -> Self {
        Totals { day, alarm: 0, event: 0, still: 0, clip: 0 }
    }

    pub(super) fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Alarm => &mut self.alarm,
            Class::Event => &mut self.event,
            Class::Still => &mut self.still,
            Class::Clip => &mut self.clip,
        }
    }

    fn all(&self) -> u64 {
        self.alarm + self.event + self.still + self.clip
    }
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn new(limits: Limits, now: &Now, saved: Option<Totals>) -> Self {
        let totals = saved.filter(|saved| saved.day == now.day).unwrap_or_else(|| Totals::new(now.day));
        let mut ledger = Ledger { limits, totals, allowance: 0.0, counted: now.mono };
        ledger.allowance = ledger.rate().unwrap_or_default() * BURST_S;
        ledger
    }

    /// Whether `bytes` of this class may go now; counts them where they may.
    pub(super) fn admit(&mut self, class: Class, bytes: u64, now: &Now) -> Admission {
        self.turn(now);
        let admission = self.verdict(class, bytes, now);
        if admission == Admission::Now {
            self.count(class, bytes, now);
        }
        admission
    }

    pub(super) fn count(&mut self, class: Class, bytes: u64, now: &Now) {
        self.turn(now);
        *self.totals.of(class) += bytes;
        self.allowance -= bytes as f64;
    }

    pub(super) fn verdict(&self, class: Class, bytes: u64, now: &Now) -> Admission {
        if class == Class::Alarm {
            return Admission::Now;
        }
        if let Some(limit) = self.limits.day_bytes {
            let share = (self.totals.all() + bytes) as f64 / limit as f64;
            let waits_from = match class {
                Class::Alarm | Class::Event => 1.0,
                Class::Still => STILLS_WAIT,
                Class::Clip => CLIPS_WAIT,
            };
            if share > waits_from {
                return Admission::Wait(now.until_midnight);
            }
        }
        match self.rate() {
            // Something larger than the burst goes when the burst is whole, and is paid off afterwards.
            Some(rate) if self.allowance < (bytes as f64).min(rate * BURST_S) => {
                let lacking = (bytes as f64).min(rate * BURST_S) - self.allowance;
                Admission::Wait(Duration::from_secs_f64(lacking / rate))
            }
            _ => Admission::Now,
        }
    }

    /// Whether a still of so many bytes should be made smaller before it goes.
    pub(super) fn shrinks(&mut self, bytes: u64, now: &Now) -> bool {
        self.turn(now);
        self.limits
            .day_bytes
            .is_some_and(|limit| (self.totals.all() + bytes) as f64 / limit as f64 > STILLS_SHRINK)
    }

    /// Time passes: the allowance grows, and at midnight the totals begin anew.
    pub(super) fn turn(&mut self, now: &Now) {
        if self.totals.day != now.day {
            self.totals = Totals::new(now.day);
        }
        if let Some(rate) = self.rate() {
            let since = now.mono.saturating_duration_since(self.counted).as_secs_f64();
            self.allowance = (self.allowance + since * rate).min(rate * BURST_S);
        }
        self.counted = now.mono;
    }

    /// Bytes a second.
    fn rate(&self) -> Option<f64> {
        self.limits.bits_per_second.map(|bits| bits as f64 / 8.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: TimeZone = TimeZone::UTC;

    fn now(begin: Instant, seconds: u64) -> Now {
        let midnight: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let wall = midnight + jiff::SignedDuration::from_secs(seconds as i64);
        Now::at(begin + Duration::from_secs(seconds), wall, &ZONE)
    }

    fn ledger(day_bytes: Option<u64>, bits_per_second: Option<u64>, begin: Instant) -> Ledger {
        Ledger::new(Limits { day_bytes, bits_per_second }, &now(begin, 0), None)
    }

    #[test]
    fn the_day_runs_out_for_clips_first_and_never_for_alarms() {
        let begin = Instant::now();
        let mut ledger = ledger(Some(1_000_000), None, begin);
        let at = now(begin, 3600);
        let midnight = Admission::Wait(Duration::from_secs(23 * 3600));
        let one_by_one = |ledger: &mut Ledger| Class::ALL.map(|class| ledger.verdict(class, 10_000, &at));
        let go = Admission::Now;
        assert_eq!(one_by_one(&mut ledger), [go, go, go, go]);
        ledger.count(Class::Event, 500_000, &at);
        assert_eq!(one_by_one(&mut ledger), [go, go, go, midnight]);
        assert!(!ledger.shrinks(10_000, &at));
        ledger.count(Class::Still, 200_000, &at);
        assert_eq!(one_by_one(&mut ledger), [go, go, go, midnight]);
        assert!(ledger.shrinks(10_000, &at));
        ledger.count(Class::Alarm, 200_000, &at);
        assert_eq!(one_by_one(&mut ledger), [go, go, midnight, midnight]);
        ledger.count(Class::Event, 100_000, &at);
        assert_eq!(one_by_one(&mut ledger), [go, midnight, midnight, midnight]);
        assert_eq!(ledger.admit(Class::Alarm, 10_000, &at), go);
        assert_eq!(ledger.admit(Class::Clip, 10_000, &now(begin, 24 * 3600)), go, "a new day");
        assert!(!ledger.shrinks(10_000, &now(begin, 24 * 3600)));
    }

    #[test]
    fn the_rate_is_kept_and_alarms_borrow_from_it() {
        let begin = Instant::now();
        let mut ledger = ledger(None, Some(80_000), begin);
        let mut sent = 0;
        let mut at = Duration::ZERO;
        while at < Duration::from_secs(60) {
            let moment = Now { mono: begin + at, ..now(begin, 0) };
            match ledger.admit(Class::Event, 1_000, &moment) {
                Admission::Now => sent += 1_000,
                Admission::Wait(wait) => at += wait.max(Duration::from_micros(1)),
            }
        }
        // 10 kB a second for a minute, and the burst at its beginning.
        assert!((600_000..=622_000).contains(&sent), "{sent} bytes in a minute");
        let later = now(begin, 60);
        assert_eq!(ledger.admit(Class::Alarm, 100_000, &later), Admission::Now);
        let Admission::Wait(wait) = ledger.admit(Class::Event, 1_000, &later) else {
            panic!("nothing is left")
        };
        assert!(wait > Duration::from_secs(8), "{wait:?}: the alarm is paid off first");
    }

    #[test]
    fn what_is_larger_than_the_burst_goes_all_the_same() {
        let begin = Instant::now();
        let mut ledger = ledger(None, Some(80_000), begin);
        assert_eq!(ledger.admit(Class::Still, 200_000, &now(begin, 0)), Admission::Now);
        assert!(matches!(ledger.admit(Class::Event, 10, &now(begin, 0)), Admission::Wait(_)));
    }

    #[test]
    fn totals_of_today_go_on_after_a_restart_and_those_of_yesterday_do_not() {
        let begin = Instant::now();
        let mut first = ledger(Some(1_000_000), None, begin);
        first.count(Class::Event, 999_000, &now(begin, 10));
        let saved: Totals = serde_json::from_slice(&serde_json::to_vec(&first.totals).unwrap()).unwrap();
        let mut today = Ledger::new(first.limits, &now(begin, 20), Some(saved));
        assert!(matches!(today.admit(Class::Event, 10_000, &now(begin, 20)), Admission::Wait(_)));
        let tomorrow = now(begin, 24 * 3600);
        let mut tomorrows = Ledger::new(first.limits, &tomorrow, Some(saved));
        assert_eq!(tomorrows.admit(Class::Event, 10_000, &tomorrow), Admission::Now);
    }
}
