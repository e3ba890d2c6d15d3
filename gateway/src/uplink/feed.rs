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

// === impl Connection ===

impl Connection<'_> {
    /// Hands waiting events to the client, as many as the window allows and none that is held back.
    pub(super) async fn fill(&mut self, client: &Client) -> Result<(), Broken> {
        let window = self.window();
        let last_alarm = self.outbox.stats().borrow().last_alarm;
        while self.in_flight.count() < window && !self.refusals.is_paused(now()) {
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
        self.flush().await?;
        self.ahead.ask(self.outbox).await.map_err(failed)
    }

    /// Publishes that may be under way at once.
    fn window(&self) -> usize {
        if self.refusals.is_careful() {
            return 1;
        }
        let allowed = self.limits.receive_maximum.map_or(usize::MAX, usize::from);
        self.settings.window.min(allowed)
    }

    fn may_go(&self, waiting: &Waiting) -> bool {
        let (sequence, topic) = (waiting.sequence, waiting.topic.as_str());
        let on_topic = |under_way: &Waiting| under_way.topic == topic;
        !self.refusals.holds(sequence, topic, now())
            && !(self.refusals.is_on_trial(topic) && self.under_way().any(on_topic))
    }

    /// Events without a PUBACK.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &Waiting> {
        self.in_flight.iter().filter_map(|publish| match publish {
            Publish::Event { waiting } => Some(waiting),
            Publish::Note { .. } => None,
        })
    }

    /// Begins to read at the beginning: what was passed over may go now.
    pub(super) fn read_again(&mut self) {
        self.ahead = Ahead::without(self.under_way().map(|waiting| waiting.sequence).collect());
    }

    /// Whether the budget lets this event go now.
    fn is_affordable(&mut self, waiting: &Waiting) -> bool {
        let class = match waiting.class {
            Class::Alarm => budget::Class::Alarm,
            Class::Event => budget::Class::Event,
        };
        let bytes = (waiting.topic.len() + waiting.body.len() + PACKET_BYTES) as u64;
        match self.settings.budget.admit(class, bytes, now()) {
            Admission::Now => true,
            Admission::Wait(wait) => {
                self.budget_again = Some(Instant::now() + wait.min(budget::ASK_AGAIN));
                false
            }
        }
    }

    fn send(&mut self, client: &Client, waiting: Waiting) -> Result<(), Broken> {
        let (topic, body) = (waiting.topic.clone(), waiting.body.clone());
        let bytes = topic.len() + body.len() + PACKET_OVERHEAD;
        if self.limits.largest_packet.is_some_and(|limit| bytes > limit as usize) {
            self.refused.push((waiting.sequence, waiting.topic, Refusal::TooLarge));
            return Ok(());
        }
        self.in_flight.hand_over(Publish::Event { waiting }, now());
        client.publish(Message { topic, body, kind: Kind::Event })
    }
}
