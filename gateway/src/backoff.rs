//! How long to wait before the next connection: doubling, with jitter, starting over only after a healthy while.
//!
//! A peer that accepts connections and drops them at once must not be hammered, therefore success alone does not start
//! over ([`HEALTHY`]).

use std::time::Duration;

/// A connection that lived this long was a good one.
pub const HEALTHY: Duration = Duration::from_secs(60);

/// Waits between connections.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

// === impl Backoff ===

impl Backoff {
    /// Starts at `first` and doubles up to `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// For a broker: a link to the centre may be down for hours and is shared with many boxes; a broker on this
    /// machine is restarted now and then and costs nothing to ask.
    pub fn for_broker(host: &str) -> Self {
        let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if loopback {
            Self::new(Duration::from_millis(200), Duration::from_secs(5))
        } else {
            Self::new(Duration::from_secs(1), Duration::from_secs(120))
        }
    }

    /// How long to wait after a connection that lived for `healthy`; `dice` in 0..1 spreads it by ±30 %.
    pub fn after(&mut self, healthy: Duration, dice: f64) -> Duration {
        if healthy >= HEALTHY {
            self.next = self.first;
        }
        let wait = self.next.mul_f64(0.7 + 0.6 * dice.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(self.most);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: f64 = 0.5;

    #[test]
    fn doubles_up_to_the_limit() {
        let mut backoff = Backoff::for_broker("centre.example");
        let waits: Vec<u64> = (0..9).map(|_| backoff.after(Duration::ZERO, MIDDLE).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    }

    #[test]
    fn jitter_stays_within_thirty_percent() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(10));
        assert_eq!(backoff.after(Duration::ZERO, 0.0), Duration::from_secs(7));
        assert_eq!(backoff.after(Duration::ZERO, 1.0), Duration::from_secs(13));
    }

    #[test]
    fn only_a_healthy_connection_starts_over() {
        let mut backoff = Backoff::for_broker("127.0.0.1");
        for _ in 0..3 {
            backoff.after(Duration::from_secs(59), MIDDLE);
        }
        assert_eq!(backoff.after(Duration::from_secs(59), MIDDLE), Duration::from_millis(1600));
        assert_eq!(backoff.after(HEALTHY, MIDDLE), Duration::from_millis(200));
    }
}
