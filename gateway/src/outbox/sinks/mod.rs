//! Readers besides the centre: each has its own place in the outbox, and none can hold the others up.
//!
//! An event leaves the table `outbox` when the centre has it. Where a sink still wants it then, it moves to the table
//! `kept`, from which it goes when no sink wants it any more. A sink's place is the last alarm and the last other event
//! that it is done with; the table `sink` holds it over restarts, and it may lag behind by a second: at-least-once, as
//! with the centre.
//!
//! What waits for a sink is bounded twice: by its own `backlog`, and by the quota, which takes what is `kept` before
//! anything that the centre has not got. Either way the sink *misses* events; their number is stored, counted in a
//! metric, and told to whoever reads the sink as soon as it can be reached again.
//!
//! A sink that is new in the configuration begins with the events accepted from then on.

mod read;
mod sink;

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use self::sink::Sink;
pub use self::sink::Subscription;
use super::read::class;
use super::row::COLUMNS;
use super::salvage::{Place, Salvaged};
use super::{Class, Sequence, Waiting};

/// Share of its backlog that a sink gives up at once when it is full: one in this many.
const GIVEN_UP: u64 = 20;

/// What waits for a sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SinkBatch {
    /// The next events, alarms first, each class in order.
    pub events: Vec<Waiting>,
    /// Events that this sink will never see and nobody has been told of yet.
    pub missed: u64,
}

/// What a sink has done with the first events of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SinkDone {
    /// They need not come again; in the order in which they were read.
    pub events: Vec<(Class, Sequence)>,
    /// So many missed events have been told of.
    pub told_missed: u64,
}

/// All sinks of the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Sinks(Vec<Sink>);

// === impl Sinks ===

impl Sinks {
    /// The sinks of the configuration at their places; forgets those that are no longer in it.
    pub(super) fn open(
        connection: &Connection,
        subscriptions: &[Subscription],
        last: Sequence,
    ) -> rusqlite::Result<Self> {
        let mut sinks = Vec::new();
        for subscription in subscriptions {
            let known = connection
                .query_row(
                    "SELECT name, alarm, event, missed FROM sink WHERE name = ?1",
                    [&subscription.sink],
                    Place::read,
                )
                .optional()?;
            let place = known.unwrap_or_else(|| Place::at(&subscription.sink, last));
            let sink = Sink::new(subscription.clone(), place);
            sink.save(connection)?;
            sinks.push(sink);
        }
        let names: BTreeSet<&str> = subscriptions.iter().map(|one| one.sink.as_str()).collect();
        let mut saved = connection.prepare("SELECT name FROM sink")?;
        let saved: Vec<String> = saved.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for gone in saved.iter().filter(|name| !names.contains(name.as_str())) {
            connection.execute("DELETE FROM sink WHERE name = ?1", [gone])?;
        }
        let mut sinks = Sinks(sinks);
        sinks.recount(connection)?;
        Ok(sinks)
    }

    /// Counts what waits, and removes what was kept for nobody.
    fn recount(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let kept_for_nobody = {
            let mut kept_for_nobody = Vec::new();
            for table in ["outbox", "kept"] {
                let from = self.0.iter().map(|sink| sink.cursor.alarm.min(sink.cursor.event)).min();
                let from =
                    if table == "kept" { Sequence(0) } else { from.unwrap_or(Sequence(u64::MAX >> 1)) };
                let sql = format!("SELECT class, sequence, topic FROM {table} WHERE sequence > ?1");
                let mut statement = connection.prepare(&sql)?;
                let mut rows = statement.query([from.0 as i64])?;
                while let Some(row) = rows.next()? {
                    let (class, sequence, topic) = head(row)?;
                    let wanted = self.count(class, sequence, &topic);
                    if table == "kept" && !wanted {
                        kept_for_nobody.push(sequence);
                    }
                }
            }
            kept_for_nobody
        };
        for sequence in kept_for_nobody {
            forget(connection, sequence)?;
        }
        Ok(())
    }

    /// One more event; answers whether any sink wants it.
    fn count(&mut self, class: Class, sequence: Sequence, topic: &str) -> bool {
        let mut wanted = false;
        for sink in &mut self.0 {
            if sink.needs(class, sequence, topic) {
                sink.waiting += 1;
                wanted = true;
            }
        }
        wanted
    }

    fn is_needed(&self, class: Class, sequence: Sequence, topic: &str) -> bool {
        self.0.iter().any(|sink| sink.needs(class, sequence, topic))
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An event has just been stored.
    pub(super) fn stored(&mut self, class: Class, sequence: Sequence, topic: &str) {
        self.count(class, sequence, topic);
    }

    /// The centre has this event, which is about to be deleted: keeps it where a sink still wants it.
    pub(super) fn keep(&self, transaction: &Transaction<'_>, sequence: Sequence) -> rusqlite::Result<()> {
        let found = transaction
            .prepare_cached("SELECT class, sequence, topic FROM outbox WHERE sequence = ?1")?
            .query_row([sequence.0 as i64], head)
            .optional()?;
        if let Some((class, sequence, topic)) = found
            && self.is_needed(class, sequence, &topic)
        {
            let sql = format!(
                "INSERT OR REPLACE INTO kept({COLUMNS}) SELECT {COLUMNS} FROM outbox WHERE sequence = ?1"
            );
            transaction.prepare_cached(&sql)?.execute([sequence.0 as i64])?;
        }
        Ok(())
    }

    /// This waiting event is given up for everybody.
    pub(super) fn give_up(
        &mut self,
        transaction: &Transaction<'_>,
        sequence: Sequence,
    ) -> rusqlite::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let found = transaction
            .prepare_cached("SELECT class, sequence, topic FROM outbox WHERE sequence = ?1")?
            .query_row([sequence.0 as i64], head)
            .optional()?;
        if let Some((class, sequence, topic)) = found {
            self.missed(class, sequence, &topic);
        }
        Ok(())
    }

    fn missed(&mut self, class: Class, sequence: Sequence, topic: &str) {
        for sink in &mut self.0 {
            if sink.needs(class, sequence, topic) {
                sink.miss();
            }
        }
    }

    /// Gives up the oldest of what the centre has and sinks do not, less severe ones first; answers how many there were.
    pub(super) fn make_room(
        &mut self,
        transaction: &Transaction<'_>,
        step: usize,
    ) -> rusqlite::Result<usize> {
        let mut statement = transaction.prepare_cached(
            "SELECT class, sequence, topic FROM kept ORDER BY class DESC, sequence LIMIT ?1",
        )?;
        let rows = statement.query_map([step as i64], head)?;
        let victims: Vec<_> = rows.collect::<Result<_, _>>()?;
        for (class, sequence, topic) in &victims {
            self.missed(*class, *sequence, topic);
            forget(transaction, *sequence)?;
        }
        self.save(transaction)?;
        Ok(victims.len())
    }

    /// Holds every sink to its backlog.
    pub(super) fn bound(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        for number in 0..self.0.len() {
            let sink = &self.0[number];
            if sink.waiting > sink.subscription.backlog {
                let least = sink.waiting - sink.subscription.backlog;
                self.give_up_oldest(transaction, number, least.max(sink.subscription.backlog / GIVEN_UP))?;
            }
        }
        Ok(())
    }

    fn give_up_oldest(
        &mut self,
        transaction: &Transaction<'_>,
        number: usize,
        count: u64,
    ) -> rusqlite::Result<()> {
        let mut left = count;
        for class in [Class::Event, Class::Alarm] {
            let sink = &mut self.0[number];
            let mut passed = Vec::new();
            let mut statement = transaction.prepare_cached(
                "SELECT class, sequence, topic FROM (
                     SELECT class, sequence, topic FROM kept WHERE class = ?1 AND sequence > ?2
                     UNION ALL SELECT class, sequence, topic FROM outbox WHERE class = ?1 AND sequence > ?2
                 ) ORDER BY sequence",
            )?;
            let mut rows = statement.query(params![class.code(), sink.cursor.of(class).0 as i64])?;
            while left > 0
                && let Some(row) = rows.next()?
            {
                let (class, sequence, topic) = head(row)?;
                if sink.needs(class, sequence, &topic) {
                    sink.miss();
                    left -= 1;
                    passed.push((sequence, topic));
                }
                sink.cursor.advance(class, sequence);
            }
            for (sequence, topic) in passed {
                if !self.is_needed(class, sequence, &topic) {
                    forget(transaction, sequence)?;
                }
            }
        }
        self.0[number].save(transaction)
    }

    /// A sink is done with these events.
    pub(super) fn done(
        &mut self,
        transaction: &Transaction<'_>,
        name: &str,
        done: &SinkDone,
    ) -> rusqlite::Result<()> {
        let Some(number) = self.0.iter().position(|sink| sink.subscription.sink == name) else {
            return Ok(());
        };
        for (class, sequence) in &done.events {
            let sink = &mut self.0[number];
            let topic = transaction
                .prepare_cached(
                    "SELECT topic FROM kept WHERE sequence = ?1
                     UNION ALL SELECT topic FROM outbox WHERE sequence = ?1 LIMIT 1",
                )?
                .query_row([sequence.0 as i64], |row| row.get::<_, String>(0))
                .optional()?;
            // One that was given up while it was on its way counts as missed, and waits no longer.
            if *sequence > sink.cursor.of(*class) {
                sink.cursor.advance(*class, *sequence);
                sink.waiting = sink.waiting.saturating_sub(u64::from(topic.is_some()));
            }
            if topic.is_some_and(|topic| !self.is_needed(*class, *sequence, &topic)) {
                forget(transaction, *sequence)?;
            }
        }
        let sink = &mut self.0[number];
        sink.missed = sink.missed.saturating_sub(done.told_missed);
        sink.save(transaction)
    }

    /// Takes over the places and the events kept of a damaged file; a sink whose place is lost begins with the oldest
    /// event that is left.
    pub(super) fn take_over(
        &mut self,
        transaction: &Transaction<'_>,
        salvaged: &Salvaged,
    ) -> rusqlite::Result<()> {
        for sink in &mut self.0 {
            let saved = salvaged.places.iter().find(|place| place.name == sink.subscription.sink);
            let place = saved.cloned().unwrap_or_else(|| Place::at(&sink.subscription.sink, Sequence(0)));
            *sink = Sink::new(sink.subscription.clone(), place);
            sink.save(transaction)?;
        }
        self.recount(transaction)
    }

    fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.0.iter().try_for_each(|sink| sink.save(connection))
    }

    /// Name, events waiting, and events missed that have not been counted yet, of each sink; they are from now on.
    pub(super) fn figures(&mut self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.0.iter_mut().map(|sink| {
            let uncounted = std::mem::take(&mut sink.uncounted);
            (sink.subscription.sink.as_str(), sink.waiting, uncounted)
        })
    }
}

/// Class, sequence and topic, in this order.
fn head(row: &Row<'_>) -> rusqlite::Result<(Class, Sequence, String)> {
    Ok((class(row)?, Sequence(row.get::<_, i64>(1)? as u64), row.get(2)?))
}

/// Removes an event that no sink wants any more.
fn forget(connection: &Connection, sequence: Sequence) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM kept WHERE sequence = ?1")?.execute([sequence.0 as i64]).map(drop)
}

#[cfg(test)]
mod tests;
