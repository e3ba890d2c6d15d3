//! Who has guessed wrong too often waits. Pure: `now` is handed in.
//!
//! Counted for each address, and once for all together at ten times the tries, so that many addresses help nobody.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Wrong guesses before the first wait.
const FREE_TRIES: u32 = 5;
/// The first wait; each further wrong guess doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Without a wrong guess for this long, the old ones are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);
/// All addresses together have this many times the free tries.
const ALL_TOGETHER: u32 = 10;
/// Addresses remembered; beyond them the one that guessed longest ago is forgotten.
const ADDRESSES_MAX: usize = 1024;

/// Wrong guesses so far.
#[derive(Debug, Default)]
pub(super) struct Lockout {
    by_address: BTreeMap<IpAddr, Guesses>,
    together: Guesses,
}

#[derive(Debug, Clone, Copy, Default)]
struct Guesses {
    wrong: u32,
    last: Duration,
}

// === impl Lockout ===

impl Lockout {
    /// How much longer this address has to wait; none where it may try.
    pub(super) fn wait(&self, now: Duration, address: IpAddr) -> Option<Duration> {
        let own = self.by_address.get(&network(address)).and_then(|guesses| guesses.wait(now, FREE_TRIES));
        own.max(self.together.wait(now, FREE_TRIES * ALL_TOGETHER))
    }

    /// A wrong guess.
    pub(super) fn wrong(&mut self, now: Duration, address: IpAddr) {
        self.by_address.retain(|_, guesses| !guesses.is_forgotten(now));
        let network = network(address);
        if self.by_address.len() >= ADDRESSES_MAX
            && !self.by_address.contains_key(&network)
            && let Some(oldest) = self.by_address.iter().min_by_key(|(_, guesses)| guesses.last)
        {
            let oldest = *oldest.0;
            self.by_address.remove(&oldest);
        }
        self.by_address.entry(network).or_default().count(now);
        self.together.count(now);
    }

    /// A right one.
    pub(super) fn right(&mut self, address: IpAddr) {
        self.by_address.remove(&network(address));
    }
}

// === impl Guesses ===

impl Guesses {
    fn is_forgotten(self, now: Duration) -> bool {
        now.saturating_sub(self.last) >= FORGET_AFTER
    }

    fn count(&mut self, now: Duration) {
        self.wrong = if self.is_forgotten(now) { 1 } else { self.wrong.saturating_add(1) };
        self.last = now;
    }

    fn wait(self, now: Duration, free: u32) -> Option<Duration> {
        let beyond = self.wrong.checked_sub(free).filter(|_| !self.is_forgotten(now))?;
        let wait = FIRST_WAIT.saturating_mul(1 << beyond.min(16)).min(LONGEST_WAIT);
        Some((self.last + wait).saturating_sub(now)).filter(|left| !left.is_zero())
    }
}

/// Somebody who has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Duration {
        Duration::from_secs(10_000 + s)
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn five_wrong_guesses_are_free_and_then_waits_double() {
        let mut lockout = Lockout::default();
        for _ in 0..4 {
            lockout.wrong(at(0), address(1));
        }
        assert_eq!(lockout.wait(at(0), address(1)), None);
        lockout.wrong(at(0), address(1));
        assert_eq!(lockout.wait(at(10), address(1)), Some(Duration::from_secs(20)));
        assert_eq!(lockout.wait(at(10), address(2)), None, "others may");
        assert_eq!(lockout.wait(at(30), address(1)), None);
        lockout.wrong(at(30), address(1));
        assert_eq!(lockout.wait(at(30), address(1)), Some(Duration::from_secs(60)));
        for _ in 0..40 {
            lockout.wrong(at(30), address(1));
        }
        assert_eq!(lockout.wait(at(30), address(1)), Some(LONGEST_WAIT), "and end somewhere");
    }

    #[test]
    fn a_right_guess_and_an_hour_are_forgiving() {
        let mut lockout = Lockout::default();
        for _ in 0..5 {
            lockout.wrong(at(0), address(1));
            lockout.wrong(at(0), address(2));
        }
        lockout.right(address(1));
        assert_eq!(lockout.wait(at(1), address(1)), None);
        lockout.wrong(at(3601), address(2));
        assert_eq!(lockout.wait(at(3601), address(2)), None, "the first again");
    }

    #[test]
    fn many_addresses_help_nobody() {
        let mut lockout = Lockout::default();
        for last in 0..50 {
            lockout.wrong(at(0), address(last));
        }
        assert!(lockout.wait(at(0), address(200)).is_some());
        let v6 = |text: &str| network(text.parse().unwrap());
        assert_eq!(v6("2001:db8:1:2:3::4"), v6("2001:db8:1:2:ffff::1"));
        assert_eq!(v6("::ffff:10.0.0.1"), address(1));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut lockout = Lockout::default();
        for number in 0..5000_u32 {
            lockout.wrong(at(u64::from(number) / 10), IpAddr::V4(number.into()));
        }
        assert_eq!(lockout.by_address.len(), ADDRESSES_MAX);
    }
}
