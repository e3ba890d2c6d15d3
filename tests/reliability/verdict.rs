//! The centre's own judgement. It knows what a subscriber knows, JSON on topics, and what the victims say was accepted;
//! it shares no code with the gateway.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use moshao_tests::batches;
use serde_json::Value;

/// Sequences of a new file after damage begin at its epoch times this.
const EPOCH_STRIDE: u64 = 1_000_000_000_000;

/// What has arrived, in the order of arrival.
#[derive(Debug, Default, Clone)]
pub(crate) struct Arrivals {
    /// Ids, and after how many deaths of the gateway they came last.
    seen: HashMap<String, usize>,
    /// Every sequence. An event whose commit failed and was on disk all the same comes under two.
    sequences: BTreeSet<u64>,
    /// Last sequence of alarms and of other events, among first arrivals.
    newest: [u64; 2],
    out_of_order: usize,
    /// Declared ranges, and how many are missing in each, where that is said.
    declared: Vec<(u64, u64, Option<u64>)>,
    /// Events that came again, by how many deaths there had been when they came before: the next one is why.
    again: BTreeMap<usize, usize>,
    deaths: usize,
    /// Events that came in batches, and how many of them were alarms.
    batched: usize,
    batched_alarms: usize,
    /// How often each code came.
    codes: HashMap<String, usize>,
}

/// How it went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Accepted events.
    pub(crate) accepted: usize,
    /// Accepted, not arrived, and in no declared gap.
    pub(crate) lost: Vec<String>,
    /// Accepted and not arrived, all of them.
    pub(crate) missing: usize,
    /// Missing according to gap events that count.
    pub(crate) declared: u64,
    /// Events that came again.
    pub(crate) duplicates: usize,
    /// First arrivals behind a later one of the same urgency.
    pub(crate) out_of_order: usize,
    /// Sequences that nobody declared and that never came.
    pub(crate) holes: usize,
    /// Alarms that came in batches.
    pub(crate) batched_alarms: usize,
}

// === impl Arrivals ===

impl Arrivals {
    /// One message, on an event topic or of batches.
    pub(crate) fn take_message(&mut self, topic: &str, payload: &[u8]) {
        if !topic.ends_with("/batch") {
            return self.take(payload);
        }
        for event in batches::unpack(payload) {
            self.batched += 1;
            let seen: Value = serde_json::from_slice(&event).expect("events are JSON");
            self.batched_alarms +=
                usize::from(seen["data"]["level"].as_u64().is_some_and(|level| level <= 2));
            self.take(&event);
        }
    }

    /// One message on an event topic.
    pub(crate) fn take(&mut self, payload: &[u8]) {
        let event: Value = serde_json::from_slice(payload).expect("events are JSON");
        let text =
            |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name} in {event}")).to_owned();
        let sequence: u64 = text("sequence").parse().expect("a sequence is a number");
        self.sequences.insert(sequence);
        if let Some(deaths_before) = self.seen.insert(text("id"), self.deaths) {
            *self.again.entry(deaths_before).or_default() += 1;
            return;
        }
        let code = event["data"]["code"].as_str().unwrap_or_default().to_owned();
        *self.codes.entry(code).or_default() += 1;
        let lane = usize::from(event["data"]["level"].as_u64().expect("a level") > 2);
        if sequence < self.newest[lane] {
            self.out_of_order += 1;
        }
        self.newest[lane] = self.newest[lane].max(sequence);
        if event["data"]["code"] == "OUTBOX_GAP" {
            let range = event["subject"].as_str().and_then(|subject| subject.strip_prefix("outbox/"));
            let (first, last) = range.and_then(|range| range.split_once('-')).expect("a gap has a range");
            let count = event["data"]["measure"]["value"].as_f64().map(|count| count as u64);
            self.declared.push((first.parse().expect("a number"), last.parse().expect("a number"), count));
        }
    }

    /// How many are missing according to the gap events; none where one of them does not know.
    pub(crate) fn declared(&self) -> Option<u64> {
        self.declared.iter().map(|(_, _, count)| *count).sum()
    }

    /// Sequences up to the highest that have not come, in the first epoch.
    pub(crate) fn absent(&self) -> u64 {
        let own = self.sequences.range(..EPOCH_STRIDE);
        own.clone().next_back().map_or(0, |last| last - own.count() as u64)
    }

    /// How many messages have come so far.
    pub(crate) fn messages(&self) -> usize {
        self.seen.len() + self.duplicates()
    }

    /// How many came in batches so far.
    pub(crate) fn batched(&self) -> usize {
        self.batched
    }

    /// How many came again so far.
    fn duplicates(&self) -> usize {
        self.again.values().sum()
    }

    /// How many came again because of one death, at most. Of two lanes that were under way when it died, the gateway may
    /// repeat one only lives later.
    pub(crate) fn most_duplicates_a_death(&self) -> usize {
        self.again.values().copied().max().unwrap_or(0)
    }

    /// The gateway has died, and all that it had sent has come.
    pub(crate) fn died(&mut self) {
        self.deaths += 1;
    }

    /// It has come.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.seen.contains_key(id)
    }

    /// How many events with this code have come.
    pub(crate) fn told(&self, code: &str) -> usize {
        self.codes.get(code).copied().unwrap_or(0)
    }

    /// Judges, given what was accepted: id and, where it is known, sequence.
    pub(crate) fn judge(&self, accepted: &BTreeMap<String, Option<u64>>) -> Verdict {
        let missing: Vec<_> = accepted.iter().filter(|(id, _)| !self.has(id)).collect();
        let inside =
            |sequence: u64| self.declared.iter().any(|(first, last, _)| (*first..=*last).contains(&sequence));
        let lost = missing.iter().filter(|(_, sequence)| !sequence.is_some_and(inside));
        let holes = self
            .sequences
            .iter()
            .zip(self.sequences.iter().skip(1))
            // The first of a new epoch does not follow the last of the old one.
            .filter(|(one, next)| *one / EPOCH_STRIDE == *next / EPOCH_STRIDE)
            .flat_map(|(one, next)| one + 1..*next)
            .filter(|sequence| !inside(*sequence))
            .count();
        Verdict {
            accepted: accepted.len(),
            lost: lost.map(|(id, _)| (*id).clone()).collect(),
            missing: missing.len(),
            declared: self.declared.iter().filter_map(|(_, _, count)| *count).sum(),
            duplicates: self.duplicates(),
            out_of_order: self.out_of_order,
            holes,
            batched_alarms: self.batched_alarms,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Nothing lost, nothing out of order, no hole that nobody declared, no alarm in a batch.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.out_of_order == 0 && self.holes == 0 && self.batched_alarms == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted, {} lost, {} out of order, {} undeclared holes, {} duplicates",
            self.accepted,
            self.lost.len(),
            self.out_of_order,
            self.holes,
            self.duplicates
        )
    }
}
