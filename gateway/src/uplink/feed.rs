//! Which events go next on a connection: the window, what is held back, and the budget.

use tokio::time::Instant;

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
        while self.in_flight.count() < window && !self.refusals.is_paused(now()) {
            let room = window - self.in_flight.count();
            let rows = self.outbox.next(self.cursor, room).await.map_err(failed)?;
            let no_more = rows.len() < room;
            for waiting in rows {
                let may_go = self.may_go(&waiting);
                if may_go && !self.is_affordable(&waiting) {
                    // Alarms come first in the rows: none of them waits behind this one.
                    return self.flush().await;
                }
                self.cursor.advance(waiting.class, waiting.sequence);
                if may_go {
                    self.send(client, waiting)?;
                }
            }
            self.flush().await?;
            if no_more {
                break;
            }
        }
        Ok(())
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
        let is_under_way = |publish: &Publish| match publish {
            Publish::Event { waiting } if self.refusals.is_on_trial(topic) => waiting.topic == topic,
            Publish::Event { waiting } => waiting.sequence == sequence,
            Publish::Note { .. } => false,
        };
        !self.refusals.holds(sequence, topic, now()) && !self.in_flight.iter().any(is_under_way)
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
