//! A backlog in batches, where the centre has said that it takes them ([`crate::batch`]).
//!
//! After an outage many events wait, and one is much like the other: together they take a fraction of the bytes. What goes
//! in a batch is what would have gone one by one, in the same order, and no more of it than the window has room for; its
//! events are delivered with the PUBACK of the batch. Alarms are never in a batch, and none is sent while one waits.

use super::connection::{Connection, Publish, now};
use super::refusal::Refusal;
use super::wire::{Ack, Broken, Client, Kind, Message};
use crate::batch::{self, Batches};
use crate::budget;
use crate::outbox::{Sequence, Waiting};

/// Fewer waiting events go one by one.
const BACKLOG: usize = 64;
/// A batch waits until the window has room for a part of it: one in so many.
const LEAST_ROOM: usize = 2;
/// A batch takes no further event when its events have so many bytes of JSON.
const BATCH_BYTES: usize = 128 * 1024;

// === impl Connection ===

impl Connection<'_> {
    /// Whether what goes next goes in a batch, given the last alarm that was accepted.
    pub(super) fn goes_in_batches(&self, last_alarm: Sequence) -> bool {
        *self.settings.batches.borrow() == Batches::Zstd
            && self.ahead.backlog(last_alarm) >= BACKLOG
            && !self.refusals.is_careful()
            && !self.refusals.holds(Sequence::default(), &self.settings.topics.batch(), now())
    }

    /// Sends a batch of at most `room` events; answers whether something has been done.
    pub(super) fn send_batch(&mut self, client: &Client, room: usize) -> Result<bool, Broken> {
        if room * LEAST_ROOM < self.most_under_way() {
            return Ok(false);
        }
        let events = self.gather(room);
        if events.is_empty() {
            return Ok(true);
        }
        let topic = self.settings.topics.batch();
        let body = batch::pack(events.iter().map(|waiting| waiting.body.as_slice()))
            .map_err(|error| Broken::here(format!("a batch cannot be packed: {error}")))?;
        let bytes = topic.len() + body.len();
        if !self.fits(bytes) {
            self.put_back(events);
            self.refusals.refused(Sequence::default(), &topic, Refusal::Batch, now());
            return Ok(true);
        }
        if !self.is_admitted(budget::Class::Event, bytes) {
            self.put_back(events);
            return Ok(false);
        }
        self.in_flight.hand_over(Publish::Batch { events, bytes }, now());
        client.publish(Message { topic, body, kind: Kind::Batch })?;
        Ok(true)
    }

    /// The next events that may go, alarms not among them.
    fn gather(&mut self, most: usize) -> Vec<Waiting> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < most && bytes < BATCH_BYTES {
            let Some(waiting) = self.ahead.next_event() else { break };
            if self.may_go(&waiting) {
                bytes += waiting.body.len();
                events.push(waiting);
            }
        }
        events
    }

    fn put_back(&mut self, events: Vec<Waiting>) {
        events.into_iter().rev().for_each(|waiting| self.ahead.put_back(waiting));
    }

    /// The broker has answered to a batch.
    pub(super) fn batch_answered(&mut self, events: Vec<Waiting>, answer: Ack) {
        match answer {
            Ack::Taken => {
                self.refusals.taken(Sequence::default(), &self.settings.topics.batch());
                self.settings.metrics.events.batched.inc_by(events.len() as u64);
                events.into_iter().for_each(|waiting| self.answered(waiting, Ack::Taken));
            }
            // Who said that it takes batches does not listen for them: its events go to those who do.
            Ack::Unheard => self.batch_refused(Refusal::Batch),
            Ack::Refused(Refusal::Quota) => self.batch_refused(Refusal::Quota),
            Ack::Refused(_) => self.batch_refused(Refusal::Batch),
        }
    }

    /// The events of a batch go again, alone.
    pub(super) fn batch_refused(&mut self, refusal: Refusal) {
        self.refused.push((Sequence::default(), self.settings.topics.batch(), refusal));
        self.read_again();
    }
}
