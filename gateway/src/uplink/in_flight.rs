//! Which publish a PUBACK belongs to: the pure bookkeeping of one connection.
//!
//! rumqttc does not say which packet id a publish will get. It takes requests in order, so each goes into a queue here
//! when it is handed over, and out of the queue into a map when rumqttc reports the packet id. Packet ids mean nothing
//! beyond their connection: this is made anew with it.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Publishes handed to the client and not acknowledged yet.
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    queued: VecDeque<Handed<T>>,
    sent: HashMap<u16, Handed<T>>,
}

#[derive(Debug)]
struct Handed<T> {
    what: T,
    since: Instant,
}

/// The client and this bookkeeping disagree: acknowledgements can no longer be trusted on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Confusion {
    #[error("packet {0} went out although nothing was handed over")]
    NothingHanded(u16),
    #[error("packet {0} went out again before its PUBACK")]
    IdInUse(u16),
    #[error("PUBACK for packet {0}, which is not in flight")]
    NotInFlight(u16),
}

// === impl InFlight ===

impl<T> InFlight<T> {
    pub(crate) fn new() -> Self {
        Self { queued: VecDeque::new(), sent: HashMap::new() }
    }

    /// How many are handed over and not acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.queued.len() + self.sent.len()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.queued.iter().chain(self.sent.values()).map(|handed| &handed.what)
    }

    /// The only one, where it has gone out.
    pub(crate) fn alone(&self) -> Option<&T> {
        let mut sent = self.sent.values();
        sent.next().filter(|_| self.count() == 1).map(|handed| &handed.what)
    }

    /// A publish is about to be handed to the client.
    pub(crate) fn hand_over(&mut self, what: T, now: Instant) {
        self.queued.push_back(Handed { what, since: now });
    }

    /// The client has sent the oldest one handed over, as this packet.
    pub(crate) fn sent(&mut self, packet: u16) -> Result<&T, Confusion> {
        let handed = self.queued.pop_front().ok_or(Confusion::NothingHanded(packet))?;
        match self.sent.entry(packet) {
            std::collections::hash_map::Entry::Occupied(_) => Err(Confusion::IdInUse(packet)),
            std::collections::hash_map::Entry::Vacant(entry) => Ok(&entry.insert(handed).what),
        }
    }

    /// The broker has acknowledged this packet.
    pub(crate) fn acknowledged(&mut self, packet: u16) -> Result<T, Confusion> {
        self.sent.remove(&packet).map(|handed| handed.what).ok_or(Confusion::NotInFlight(packet))
    }

    /// Since when the oldest one waits.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.queued.iter().chain(self.sent.values()).map(|handed| handed.since).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn acknowledgements_out_of_order_find_their_publish() {
        let now = Instant::now();
        let mut in_flight = InFlight::new();
        for event in ["a", "b", "c"] {
            in_flight.hand_over(event, now);
        }
        assert_eq!((in_flight.count(), in_flight.alone()), (3, None));
        assert_eq!(in_flight.sent(1), Ok(&"a"));
        assert_eq!(in_flight.sent(2), Ok(&"b"));
        assert_eq!(in_flight.acknowledged(2), Ok("b"));
        assert_eq!(in_flight.sent(3), Ok(&"c"));
        assert_eq!(in_flight.acknowledged(3), Ok("c"));
        assert_eq!(in_flight.alone(), Some(&"a"));
        assert_eq!(in_flight.acknowledged(1), Ok("a"));
        assert_eq!(in_flight.count(), 0);
    }

    #[test]
    fn an_id_is_used_again_only_after_its_puback() {
        let now = Instant::now();
        let mut in_flight = InFlight::new();
        in_flight.hand_over("a", now);
        in_flight.hand_over("b", now);
        assert_eq!(in_flight.sent(1), Ok(&"a"));
        assert_eq!(in_flight.sent(1), Err(Confusion::IdInUse(1)));
    }

    #[test]
    fn a_puback_out_of_nowhere_is_confusion() {
        let mut in_flight: InFlight<&str> = InFlight::new();
        assert_eq!(in_flight.acknowledged(7), Err(Confusion::NotInFlight(7)));
        assert_eq!(in_flight.sent(7), Err(Confusion::NothingHanded(7)));
    }

    #[test]
    fn the_oldest_counts_whether_sent_or_not() {
        let begin = Instant::now();
        let mut in_flight = InFlight::new();
        assert_eq!(in_flight.oldest(), None);
        in_flight.hand_over("a", begin);
        in_flight.hand_over("b", begin + Duration::from_secs(1));
        assert_eq!(in_flight.sent(1), Ok(&"a"));
        assert_eq!(in_flight.oldest(), Some(begin));
        assert_eq!(in_flight.acknowledged(1), Ok("a"));
        assert_eq!(in_flight.oldest(), Some(begin + Duration::from_secs(1)));
    }
}
