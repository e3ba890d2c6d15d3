//! What the broker will not have, and when it gets it again: a pure decision over all connections.
//!
//! | what happened | what is done |
//! |---|---|
//! | the broker's quota is used up (0x97) | nothing is sent for a while, nothing is held against the event |
//! | the topic is forbidden (0x87) or no topic (0x90) | the topic rests; its events wait, all others go on |
//! | a batch is refused, or the broker ended the connection over it | batches rest; their events go alone |
//! | the payload is refused (0x99) | a strike against the event |
//! | an error without more words (0x80, 0x83, 0x91) | a strike against the event |
//! | the broker ended the connection while this event alone was under way | a strike against the event |
//!
//! An event with [`STRIKES`] strikes is set aside: at once where the broker has said that it is the payload, otherwise
//! only when other events have got through meanwhile, for then it is not the broker or the link that fails. Between
//! its strikes an event waits, and the others go on; where nothing else gets through either, everything pauses. A topic is
//! never set aside: whoever mends an access list should find all events delivered a few minutes later.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::outbox::Sequence;

/// Strikes after which an event is set aside.
const STRIKES: u32 = 3;
/// After so many strikes running without an event taken, it is the broker that fails: everything pauses.
const ALL_REFUSED: u32 = 32;
/// First and longest wait after a refusal.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Why the broker will not have a message (MQTT 5 §3.4.2.1), or what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Unspecified,
    Implementation,
    NotAuthorized,
    TopicName,
    PacketId,
    Quota,
    Payload,
    /// Larger than the broker's largest packet.
    TooLarge,
    /// The broker ended the connection.
    HungUp,
    /// Whatever it was about, it was a batch: its events go alone.
    Batch,
}

/// What to do about a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The event stays where it is and goes again when [`Refusals::holds`] no longer says otherwise.
    Wait,
    /// The same, and people should hear that its topic is refused again and again.
    Tell,
    /// Out of the way.
    SetAside,
}

/// What has been refused and not got through since.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Nothing at all is sent before this time.
    paused: Option<Rest>,
    topics: BTreeMap<String, Rest>,
    events: BTreeMap<Sequence, Struck>,
    careful: bool,
    /// Strikes since the broker last took an event.
    running: u32,
}

/// Something that rests before it is tried again.
#[derive(Debug, Clone, Copy)]
struct Rest {
    refusals: u32,
    until: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Struck {
    strikes: u32,
    until: Instant,
    /// Others have got through since the first strike.
    others_got_through: bool,
}

// === impl Refusal ===

impl Refusal {
    /// The word in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Refusal::Unspecified => "unspecified",
            Refusal::Implementation => "implementation",
            Refusal::NotAuthorized => "not-authorized",
            Refusal::TopicName => "topic-name",
            Refusal::PacketId => "packet-id",
            Refusal::Quota => "quota",
            Refusal::Payload => "payload",
            Refusal::TooLarge => "too-large",
            Refusal::HungUp => "hung-up",
            Refusal::Batch => "batch",
        }
    }

    /// The broker has made clear that the event itself is what it will not have.
    fn is_about_the_event(self) -> bool {
        matches!(self, Refusal::Payload | Refusal::TooLarge)
    }
}

// === impl Refusals ===

impl Refusals {
    /// The broker refuses this event.
    pub(super) fn refused(
        &mut self,
        sequence: Sequence,
        topic: &str,
        refusal: Refusal,
        now: Instant,
    ) -> Step {
        match refusal {
            Refusal::Quota => {
                self.paused = Some(Rest::next(self.paused, now));
                Step::Wait
            }
            Refusal::NotAuthorized | Refusal::TopicName | Refusal::Batch => {
                let before = self.topics.get(topic).copied();
                let rest = Rest::next(before, now);
                self.topics.insert(topic.to_owned(), rest);
                let tell = rest.refusals == STRIKES && before.is_some_and(|before| before.refusals < STRIKES);
                if tell { Step::Tell } else { Step::Wait }
            }
            // It will not shrink.
            Refusal::TooLarge => Step::SetAside,
            Refusal::Payload
            | Refusal::Unspecified
            | Refusal::Implementation
            | Refusal::PacketId
            | Refusal::HungUp => self.strike(sequence, refusal, now),
        }
    }

    fn strike(&mut self, sequence: Sequence, refusal: Refusal, now: Instant) -> Step {
        let struck = self.events.entry(sequence).or_insert(Struck {
            strikes: 0,
            until: now,
            others_got_through: false,
        });
        struck.strikes += 1;
        self.running += 1;
        if self.running >= ALL_REFUSED {
            self.paused = Some(Rest::next(self.paused, now));
        }
        struck.until = now + wait(struck.strikes);
        if struck.strikes >= STRIKES && (refusal.is_about_the_event() || struck.others_got_through) {
            self.events.remove(&sequence);
            return Step::SetAside;
        }
        Step::Wait
    }

    /// The broker has taken this event.
    pub(super) fn taken(&mut self, sequence: Sequence, topic: &str) {
        self.running = 0;
        if let Some(rest) = &mut self.paused {
            // It ends when it was to end, and the next one is a short one.
            rest.refusals = 0;
        }
        self.careful = false;
        self.topics.remove(topic);
        self.events.remove(&sequence);
        for struck in self.events.values_mut() {
            struck.others_got_through = true;
        }
    }

    /// A connection has ended: by the broker, with events under way, or otherwise.
    pub(super) fn ended(&mut self, by_broker_with_events: bool) {
        self.careful = by_broker_with_events;
    }

    /// Events go one by one until the broker has taken one: if it ends the connection again, it is clear over which.
    pub(super) fn is_careful(&self) -> bool {
        self.careful
    }

    /// Whether this event must not go now.
    pub(super) fn holds(&self, sequence: Sequence, topic: &str, now: Instant) -> bool {
        self.topics.get(topic).is_some_and(|rest| rest.until > now)
            || self.events.get(&sequence).is_some_and(|struck| struck.until > now)
    }

    /// Whether nothing must go now.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused.is_some_and(|rest| rest.until > now)
    }

    /// Whether this topic has been refused and nothing on it taken since: its next event goes alone.
    pub(super) fn is_on_trial(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// When something that is held may go.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let rests = self.topics.values().chain(&self.paused).map(|rest| rest.until);
        let struck = self.events.values().map(|struck| struck.until);
        rests.chain(struck).filter(|until| *until > now).min()
    }

    /// Topics that the broker has refused several times running.
    pub(super) fn refused_topics(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().filter(|(_, rest)| rest.refusals >= STRIKES).map(|(topic, _)| topic.as_str())
    }
}

// === impl Rest ===

impl Rest {
    /// One more refusal, and a longer rest. What was still under way when the rest began is no further refusal.
    fn next(before: Option<Rest>, now: Instant) -> Rest {
        if let Some(rest) = before.filter(|rest| rest.until > now) {
            return rest;
        }
        let refusals = before.map_or(0, |rest| rest.refusals) + 1;
        Rest { refusals, until: now + wait(refusals) }
    }
}

/// 1 s, 2 s, 4 s, … up to 5 min.
fn wait(refusals: u32) -> Duration {
    (WAITS.0 * 2_u32.saturating_pow(refusals.saturating_sub(1).min(16))).min(WAITS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRE: &str = "moshao/v1/5101/gw/event/fire/1";
    const CITY: &str = "moshao/v1/5101/gw/event/city/3";
    const ONE: Sequence = Sequence(1);
    const TWO: Sequence = Sequence(2);

    #[test]
    fn a_payload_that_is_refused_three_times_is_set_aside() {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        for _ in 0..2 {
            assert_eq!(refusals.refused(ONE, FIRE, Refusal::Payload, now), Step::Wait);
            assert!(refusals.holds(ONE, FIRE, now), "it waits");
            assert!(!refusals.holds(TWO, FIRE, now), "and the others do not");
            now = refusals.next(now).expect("it goes again");
            assert!(!refusals.holds(ONE, FIRE, now));
        }
        assert_eq!(refusals.refused(ONE, FIRE, Refusal::Payload, now), Step::SetAside);
        assert_eq!(refusals.next(now), None, "nothing is remembered of it");
    }

    #[test]
    fn a_link_that_breaks_for_all_sets_nothing_aside() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(refusals.refused(ONE, FIRE, Refusal::HungUp, now), Step::Wait);
        }
        refusals.taken(TWO, FIRE);
        assert_eq!(refusals.refused(ONE, FIRE, Refusal::HungUp, now), Step::SetAside, "others got through");
    }

    #[test]
    fn an_event_that_gets_through_has_no_strikes_any_more() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        refusals.refused(ONE, FIRE, Refusal::Payload, now);
        refusals.refused(ONE, FIRE, Refusal::Payload, now);
        refusals.taken(ONE, FIRE);
        assert_eq!(refusals.refused(ONE, FIRE, Refusal::Payload, now), Step::Wait);
    }

    #[test]
    fn a_forbidden_topic_rests_and_loses_nothing() {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        for round in 1..20 {
            let step = refusals.refused(ONE, FIRE, Refusal::NotAuthorized, now);
            assert_eq!(step, if round == 3 { Step::Tell } else { Step::Wait }, "people hear of it once");
            assert_eq!(
                refusals.refused(TWO, FIRE, Refusal::NotAuthorized, now),
                Step::Wait,
                "still under way"
            );
            assert!(refusals.holds(TWO, FIRE, now) && !refusals.holds(TWO, CITY, now));
            now = refusals.next(now).expect("it is tried again");
        }
        assert_eq!(refusals.refused_topics().collect::<Vec<_>>(), [FIRE]);
        assert!(refusals.is_on_trial(FIRE));
        refusals.taken(ONE, FIRE);
        assert_eq!((refusals.refused_topics().count(), refusals.is_on_trial(FIRE)), (0, false));
    }

    #[test]
    fn a_quota_pauses_everything_ever_longer_up_to_five_minutes() {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..11 {
            assert_eq!(refusals.refused(ONE, FIRE, Refusal::Quota, now), Step::Wait);
            assert!(refusals.is_paused(now));
            let until = refusals.next(now).expect("it ends");
            waits.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_broker_that_refuses_everything_is_left_alone() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for number in 0..u64::from(ALL_REFUSED) {
            assert!(!refusals.is_paused(now));
            refusals.refused(Sequence(number), FIRE, Refusal::Unspecified, now);
        }
        assert!(refusals.is_paused(now));
        assert!(!refusals.is_paused(now + WAITS.0), "for a second at first");
    }

    #[test]
    fn batches_rest_when_one_is_refused() {
        const BATCH: &str = "moshao/v1/5101/gw/batch";
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.refused(Sequence::default(), BATCH, Refusal::Batch, now), Step::Wait);
        assert!(refusals.holds(Sequence::default(), BATCH, now), "no batch");
        assert!(!refusals.holds(ONE, FIRE, now), "and its events go alone");
        for step in [Step::Wait, Step::Tell] {
            now = refusals.next(now).expect("a batch is tried again");
            assert_eq!(refusals.refused(Sequence::default(), BATCH, Refusal::Batch, now), step);
        }
        refusals.taken(Sequence::default(), BATCH);
        assert_eq!(refusals.next(now), None);
    }

    #[test]
    fn what_is_too_large_goes_at_once() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.refused(ONE, FIRE, Refusal::TooLarge, Instant::now()), Step::SetAside);
    }
}
