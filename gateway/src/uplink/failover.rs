//! Whose turn it is when a centre has several brokers: a pure decision.
//!
//! The next broker in the order of the configuration after two connections that came to nothing; the first again when a
//! connection to another one has done its work for a good while and ends.

use std::time::Duration;

use moshao_config::Broker;

/// Connections that come to nothing before it is the next broker's turn.
const PATIENCE: u32 = 2;
/// A connection that lived this long has done its work.
const GOOD_WHILE: Duration = Duration::from_secs(600);
/// A connection that lived this long has come to something.
const SOMETHING: Duration = Duration::from_secs(60);

/// The brokers, and whose turn it is.
#[derive(Debug)]
pub(super) struct Turn {
    addresses: Vec<(String, u16)>,
    current: usize,
    failures: u32,
}

// === impl Turn ===

impl Turn {
    /// The broker itself first.
    pub(super) fn new(broker: &Broker) -> Self {
        let first = (broker.host.clone(), broker.port);
        let addresses = std::iter::once(first).chain(broker.fallbacks.iter().cloned()).collect();
        Turn { addresses, current: 0, failures: 0 }
    }

    /// Host and port of the next connection.
    pub(super) fn address(&self) -> (String, u16) {
        self.addresses[self.current].clone()
    }

    /// A connection has ended after it had lived for so long.
    pub(super) fn ended(&mut self, lived: Duration) {
        self.failures = if lived < SOMETHING { self.failures + 1 } else { 0 };
        if lived >= GOOD_WHILE {
            self.current = 0;
        } else if self.failures >= PATIENCE {
            self.current = (self.current + 1) % self.addresses.len();
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> Turn {
        let addresses = [("a", 1), ("b", 2), ("c", 3)].map(|(host, port)| (host.to_owned(), port));
        Turn { addresses: addresses.into(), current: 0, failures: 0 }
    }

    #[test]
    fn two_failures_are_the_next_ones_turn_and_round_it_goes() {
        let mut turn = turn();
        let mut order = String::new();
        for _ in 0..8 {
            order.push_str(&turn.address().0);
            turn.ended(Duration::ZERO);
        }
        assert_eq!(order, "aabbccaa");
    }

    #[test]
    fn a_broker_that_worked_for_a_minute_is_tried_again_twice() {
        let mut turn = turn();
        turn.ended(Duration::ZERO);
        turn.ended(Duration::from_secs(61));
        turn.ended(Duration::ZERO);
        assert_eq!(turn.address().0, "a");
    }

    #[test]
    fn after_a_good_while_elsewhere_the_first_one_has_its_turn_again() {
        let mut turn = turn();
        turn.ended(Duration::ZERO);
        turn.ended(Duration::ZERO);
        assert_eq!(turn.address().0, "b");
        turn.ended(GOOD_WHILE);
        assert_eq!(turn.address().0, "a");
    }
}
