//! How much of a day a camera was on line, and how much of that its pictures were good. Pure.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One day of one camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    date: Date,
    watched: Duration,
    online: Duration,
    good: Duration,
}

/// Today, and the last whole day that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    today: Option<Day>,
    before: Option<Day>,
}

/// The shares of a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Of the time that the gateway ran, how much pictures flowed (在线率), 0 to 1.
    pub online: f64,
    /// Of that, how much nothing was wrong with them (图像完好率), 0 to 1; none where it never was on line.
    pub good: Option<f64>,
}

// === impl Days ===

impl Days {
    /// Time has passed; `date` is the site's.
    pub(super) fn pass(&mut self, date: Date, lasting: Duration, is_online: bool, is_good: bool) {
        if self.today.is_none_or(|today| today.date != date) {
            self.before = self.today.take();
        }
        let none = Duration::ZERO;
        let today = self.today.get_or_insert(Day { date, watched: none, online: none, good: none });
        today.watched += lasting;
        today.online += if is_online { lasting } else { none };
        today.good += if is_online && is_good { lasting } else { none };
    }

    /// Since midnight.
    pub fn today(&self) -> Option<Rates> {
        self.today.as_ref().and_then(Day::rates)
    }

    /// The day before.
    pub fn before(&self) -> Option<Rates> {
        self.before.as_ref().and_then(Day::rates)
    }
}

// === impl Day ===

impl Day {
    fn rates(&self) -> Option<Rates> {
        let share =
            |part: Duration, of: Duration| (!of.is_zero()).then(|| part.as_secs_f64() / of.as_secs_f64());
        Some(Rates { online: share(self.online, self.watched)?, good: share(self.good, self.online) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_and_is_remembered_for_another() {
        let mut days = Days::default();
        let (monday, tuesday) = (Date::constant(2026, 11, 23), Date::constant(2026, 11, 24));
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(days.today(), None);
        days.pass(monday, hours(12), true, true);
        days.pass(monday, hours(6), true, false);
        days.pass(monday, hours(6), false, true);
        assert_eq!(days.today(), Some(Rates { online: 0.75, good: Some(12.0 / 18.0) }));
        days.pass(tuesday, hours(1), false, false);
        assert_eq!(days.before(), Some(Rates { online: 0.75, good: Some(12.0 / 18.0) }));
        assert_eq!(days.today(), Some(Rates { online: 0.0, good: None }));
    }
}
