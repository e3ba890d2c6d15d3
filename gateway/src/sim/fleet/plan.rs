//! Which gateway makes an event when: pure functions of the time since the beginning.

use std::str::FromStr;
use std::time::Duration;

use crate::sim::fault;

/// How many gateways there are and what they tell when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Gateways.
    pub gateways: u32,
    /// Events a second of the whole fleet, evenly spread over gateways and time.
    pub rate: f64,
    /// When it ends; never where none is given.
    pub length: Option<Duration>,
    /// Moments at which all gateways tell something at once.
    pub bursts: Vec<Burst>,
}

/// `20@30s`: each gateway makes 20 events, 30 s after the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Events of each gateway.
    pub events: u32,
    /// Since the beginning.
    pub at: Duration,
}

// === impl Plan ===

impl Plan {
    /// Whether nothing comes any more at this time.
    pub fn is_over(&self, at: Duration) -> bool {
        self.length.is_some_and(|length| at >= length)
    }

    /// The gateways that make an event after `from` and up to `until`, one by one.
    pub fn due(&self, from: Duration, until: Duration) -> impl Iterator<Item = u32> {
        let until = self.length.map_or(until, |length| until.min(length));
        let count = |at: Duration| (at.as_secs_f64() * self.rate) as u64;
        let gateways = u64::from(self.gateways.max(1));
        let steady = (count(from)..count(until)).map(move |number| (number % gateways) as u32);
        // A burst at the very beginning counts too.
        let first = from.is_zero();
        let begun = move |at: Duration| (from < at || first && at.is_zero()) && at <= until;
        let due = self.bursts.iter().filter(move |burst| begun(burst.at));
        let everybody = self.gateways;
        steady.chain(due.flat_map(move |burst| (0..burst.events).flat_map(move |_| 0..everybody)))
    }
}

// === impl Burst ===

impl FromStr for Burst {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no burst; write EVENTS@TIME, such as 20@30s");
        let (events, at) = text.split_once('@').ok_or_else(wrong)?;
        let events = events.parse().map_err(|_| wrong())?;
        Ok(Burst { events, at: fault::time(at).map_err(|_| wrong())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let length = Some(Duration::from_secs(10));
        Plan { gateways: 4, rate: 8.0, length, bursts: vec![Burst { events: 3, at: Duration::from_secs(5) }] }
    }

    #[test]
    fn the_rate_is_shared_evenly_whatever_the_ticks() {
        let mut plan = plan();
        plan.bursts.clear();
        for tick_ms in [1, 7, 10, 333, 60_000] {
            let mut made = [0; 4];
            let mut done = Duration::ZERO;
            while !plan.is_over(done) {
                let until = done + Duration::from_millis(tick_ms);
                for gateway in plan.due(done, until) {
                    made[gateway as usize] += 1;
                }
                done = until;
            }
            assert_eq!(made, [20; 4], "ticks of {tick_ms} ms");
        }
    }

    #[test]
    fn in_a_burst_everybody_speaks_once_for_each_event() {
        let plan = Plan { rate: 0.0, ..plan() };
        let at = |s| Duration::from_secs(s);
        assert_eq!(plan.due(at(0), at(4)).count(), 0);
        assert_eq!(plan.due(at(4), at(5)).collect::<Vec<_>>(), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(plan.due(at(5), at(6)).count(), 0);
    }

    #[test]
    fn a_burst_is_written_as_events_at_a_time() {
        assert_eq!("20@30s".parse(), Ok(Burst { events: 20, at: Duration::from_secs(30) }));
        assert!("20".parse::<Burst>().unwrap_err().contains("20@30s"));
        assert!("many@30s".parse::<Burst>().is_err());
    }
}
