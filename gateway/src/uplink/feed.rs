//! Which events go next on a connection: the window, what is held back, and the budget.

use tokio::time::Instant;

use super::ahead::Ahead;
use super::connection::{Connection, Publish, failed, now};
use super::refusal::Refusal;
use super::wire::{Broken, Client, Kind, Message};
use crate::budget::{self, Admission};
use crate::outbox::{Class, Waiting};

/// What a packet has besides topic and body: header, packet id, properties. Bytes at most, and as a rule.
const PACKET_OVERHEAD: usize = 128;
pub(super) const PACKET_BYTES: usize = 8;
/// Acknowledged events that are worth waking the outbox for while the window is nearly full.
const DELETED_TOGETHER: usize = 16;

// === impl Connection ===

impl Connection<'_> {
    /// Hands waiting events to the client, as many as the window allows and none that is held back.
    pub(super) async fn fill(&mut self, client: &Client) -> Result<(), Broken> {
        let last_alarm = self.outbox.stats().borrow().last_alarm;
        // Before anything goes in its place: no more than the window is ever repeated.
        self.outbox.note(&self.acknowledged[self.noted..]);
        self.noted = self.acknowledged.len();
        while !self.refusals.is_paused(now()) {
            let room = self.room();
            if self.goes_in_batches(last_alarm) {
                if !self.send_batch(client, room)? {
                    break;
                }
                continue;
            }
            if room == 0 {
                break;
            }
            let Some(waiting) = self.ahead.next(last_alarm) else { break };
            if !self.may_go(&waiting) {
                continue;
            }
            if !self.is_affordable(&waiting) {
                // Alarms come first: none of them waits behind this one.
                self.ahead.put_back(waiting);
                break;
            }
            self.send(client, waiting)?;
        }
        let few_are_under_way = self.room() * 2 >= self.most_under_way();
        if few_are_under_way || self.acknowledged.len() >= DELETED_TOGETHER || !self.refused.is_empty() {
            self.flush().await?;
        }
        self.ahead.ask(self.outbox).await.map_err(failed)
    }

    /// Events that may go now. Each event of a batch counts: all of them are repeated when the connection breaks.
    fn room(&self) -> usize {
        let under_way: usize = self.in_flight.iter().map(|publish| publish.events().len().max(1)).sum();
        self.most_under_way().saturating_sub(under_way)
    }

    /// Events that may be under way at once.
    pub(super) fn most_under_way(&self) -> usize {
        if self.refusals.is_careful() {
            return 1;
        }
        let allowed = self.limits.receive_maximum.map_or(usize::MAX, usize::from);
        self.settings.window.min(allowed)
    }

    pub(super) fn may_go(&self, waiting: &Waiting) -> bool {
        let (sequence, topic) = (waiting.sequence, waiting.topic.as_str());
        let on_topic = |under_way: &Waiting| under_way.topic == topic;
        if self.refusals.is_on_trial(topic) && self.under_way().any(on_topic) {
            return false;
        }
        !self.refusals.holds(sequence, topic, now())
    }

    /// Events without a PUBACK.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &Waiting> {
        self.in_flight.iter().flat_map(Publish::events)
    }

    /// Begins to read at the beginning: what was passed over may go now.
    pub(super) fn read_again(&mut self) {
        let under_way = self.under_way().map(|waiting| waiting.sequence);
        // The outbox does not know of these yet.
        let acknowledged = self.acknowledged.iter().copied();
        self.ahead = Ahead::without(under_way.chain(acknowledged).collect());
    }

    /// Whether the budget lets this event go now.
    fn is_affordable(&mut self, waiting: &Waiting) -> bool {
        let class = match waiting.class {
            Class::Alarm => budget::Class::Alarm,
            Class::Event => budget::Class::Event,
        };
        self.is_admitted(class, waiting.topic.len() + waiting.body.len())
    }

    /// Whether the budget lets a publish with so many bytes of topic and body go now.
    pub(super) fn is_admitted(&mut self, class: budget::Class, bytes: usize) -> bool {
        match self.settings.budget.admit(class, (bytes + PACKET_BYTES) as u64, now()) {
            Admission::Now => true,
            Admission::Wait(wait) => {
                self.budget_again = Some(Instant::now() + wait.min(budget::ASK_AGAIN));
                false
            }
        }
    }

    /// Whether the broker takes a packet with so many bytes of topic and body.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        self.limits.largest_packet.is_none_or(|limit| bytes + PACKET_OVERHEAD <= limit as usize)
    }

    fn send(&mut self, client: &Client, waiting: Waiting) -> Result<(), Broken> {
        let (topic, body) = (waiting.topic.clone(), waiting.body.clone());
        if !self.fits(topic.len() + body.len()) {
            self.refused.push((waiting.sequence, waiting.topic, Refusal::TooLarge));
            return Ok(());
        }
        self.in_flight.hand_over(Publish::Event { waiting }, now());
        client.publish(Message { topic, body, kind: Kind::Event })
    }
}
