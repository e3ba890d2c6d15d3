//! One sink: what it wants, and how far it has come.

use moshao_config::Category;
use rusqlite::{Connection, params};

use super::super::salvage::Place;
use super::super::{Class, Cursor, Sequence};

/// Which events a sink wants, and how many may wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id of the sink.
    pub sink: String,
    /// Departments; empty for all.
    pub categories: Vec<Category>,
    /// This level and more severe ones.
    pub level: u8,
    /// Events that may wait, at most.
    pub backlog: u64,
}

/// One sink and its place.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    pub(super) subscription: Subscription,
    pub(super) cursor: Cursor,
    pub(super) waiting: u64,
    pub(super) missed: u64,
    /// Those of them that no metric has counted yet.
    pub(super) uncounted: u64,
}

// === impl Subscription ===

impl Subscription {
    /// Whether events on this topic (`…/event/<category>/<level>`) are wanted.
    pub(super) fn wants(&self, topic: &str) -> bool {
        let mut from_behind = topic.rsplit('/');
        let level = from_behind.next().and_then(|level| level.parse::<u8>().ok());
        let category = from_behind.next().unwrap_or_default();
        level.is_some_and(|level| level <= self.level)
            && (self.categories.is_empty() || self.categories.iter().any(|one| one.as_str() == category))
    }
}

// === impl Sink ===

impl Sink {
    pub(super) fn new(subscription: Subscription, place: Place) -> Self {
        Sink { subscription, cursor: place.cursor, waiting: 0, missed: place.missed, uncounted: 0 }
    }

    /// Whether this event still waits for the sink.
    pub(super) fn needs(&self, class: Class, sequence: Sequence, topic: &str) -> bool {
        sequence > self.cursor.of(class) && self.subscription.wants(topic)
    }

    /// An event that waited for it will not come.
    pub(super) fn miss(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.missed += 1;
        self.uncounted += 1;
    }

    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT OR REPLACE INTO sink(name, alarm, event, missed) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![
                self.subscription.sink,
                self.cursor.alarm.0 as i64,
                self.cursor.event.0 as i64,
                self.missed as i64
            ])
            .map(drop)
    }
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn of(&self, class: Class) -> Sequence {
        match class {
            Class::Alarm => self.alarm,
            Class::Event => self.event,
        }
    }

    /// Moves to this event; never back.
    pub(crate) fn advance(&mut self, class: Class, sequence: Sequence) {
        let place = match class {
            Class::Alarm => &mut self.alarm,
            Class::Event => &mut self.event,
        };
        *place = (*place).max(sequence);
    }
}

// === impl Place ===

impl Place {
    pub(super) fn at(name: &str, last: Sequence) -> Self {
        Place { name: name.to_owned(), cursor: Cursor { alarm: last, event: last }, missed: 0 }
    }
}
