//! Hours in which a rule looks.

use jiff::civil;
use serde::{Deserialize, Serialize};

/// When a rule looks, in the site's time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Any one of them; always where there is none.
    pub hours: Vec<Hours>,
}

/// Hours of some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Begin.
    pub from: civil::Time,
    /// End, not included; none for the end of the day. Not later than `from`: it lies on the next day.
    pub to: Option<civil::Time>,
    /// Days on which it begins; every day where there is none.
    pub days: Vec<Weekday>,
}

/// A day of the week, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
    /// Monday to Friday. Public holidays are not known here.
    Workday,
    /// Saturday and Sunday.
    Weekend,
}

// === impl Schedule ===

impl Schedule {
    /// Whether the rule looks at this time of the site. On a day when clocks change, the clock on the wall counts.
    pub fn covers(&self, local: civil::DateTime) -> bool {
        self.hours.is_empty() || self.hours.iter().any(|hours| hours.covers(local))
    }
}

// === impl Hours ===

impl Hours {
    fn covers(&self, local: civil::DateTime) -> bool {
        let (time, today) = (local.time(), local.date().weekday());
        let begins_on = |day| self.days.is_empty() || self.days.iter().any(|days| days.includes(day));
        match self.to {
            None => time >= self.from && begins_on(today),
            Some(to) if self.from < to => time >= self.from && time < to && begins_on(today),
            Some(to) => time >= self.from && begins_on(today) || time < to && begins_on(today.previous()),
        }
    }
}

// === impl Weekday ===

impl Weekday {
    fn includes(self, day: civil::Weekday) -> bool {
        match self {
            Weekday::Mon => day == civil::Weekday::Monday,
            Weekday::Tue => day == civil::Weekday::Tuesday,
            Weekday::Wed => day == civil::Weekday::Wednesday,
            Weekday::Thu => day == civil::Weekday::Thursday,
            Weekday::Fri => day == civil::Weekday::Friday,
            Weekday::Sat => day == civil::Weekday::Saturday,
            Weekday::Sun => day == civil::Weekday::Sunday,
            Weekday::Workday => !Weekday::Weekend.includes(day),
            Weekday::Weekend => matches!(day, civil::Weekday::Saturday | civil::Weekday::Sunday),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn hours(from: i8, to: Option<i8>, days: &[Weekday]) -> Schedule {
        let to = to.map(|hour| time(hour, 0, 0, 0));
        Schedule { hours: vec![Hours { from: time(from, 0, 0, 0), to, days: days.to_vec() }] }
    }

    /// In the week of Monday, 23 November 2026.
    fn on(day: i8, hour: i8, minute: i8) -> civil::DateTime {
        date(2026, 11, 22 + day).at(hour, minute, 0, 0)
    }

    #[test]
    fn without_hours_it_always_looks() {
        assert!(Schedule::default().covers(on(7, 3, 0)));
    }

    #[test]
    fn office_hours_end_before_their_end_and_leave_out_the_weekend() {
        let office = hours(8, Some(18), &[Weekday::Workday]);
        assert!(office.covers(on(1, 8, 0)) && office.covers(on(5, 17, 59)));
        assert!(!office.covers(on(1, 7, 59)) && !office.covers(on(1, 18, 0)));
        assert!(!office.covers(on(6, 12, 0)) && !office.covers(on(7, 12, 0)));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let friday_night = hours(22, Some(6), &[Weekday::Fri]);
        assert!(friday_night.covers(on(5, 22, 0)) && friday_night.covers(on(6, 5, 59)));
        assert!(!friday_night.covers(on(5, 5, 0)), "that is the night from Thursday");
        assert!(!friday_night.covers(on(6, 22, 0)) && !friday_night.covers(on(6, 6, 0)));
    }

    #[test]
    fn until_the_end_of_the_day() {
        let evening = hours(20, None, &[]);
        assert!(evening.covers(on(2, 23, 59)) && !evening.covers(on(3, 0, 0)));
        let all_day = hours(0, None, &[Weekday::Weekend]);
        assert!(all_day.covers(on(6, 0, 0)) && all_day.covers(on(7, 23, 59)) && !all_day.covers(on(1, 0, 0)));
    }
}
