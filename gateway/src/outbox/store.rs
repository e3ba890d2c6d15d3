//! The SQLite file: committing and counting. Synchronous; only the owner thread calls it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};

use super::salvage::Salvaged;
use super::sinks::{SinkDone, Sinks};
use super::stamp::Stamp;
use super::writer::Writer;
use super::{
    Class, MAX_EVENT_BYTES, MAX_STATE_BYTES, NewEvent, OutboxError, SavedState, Sequence, Site, Stats, gap,
};

/// Page of the database file, bytes.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Free pages inside the file that are worth giving back, and the most given back at once (1 MiB).
const SHRINK_ABOVE_PAGES: u64 = 256;

/// What one caller wants committed.
#[derive(Debug)]
pub(super) struct Entry {
    events: Vec<NewEvent>,
    states: Vec<SavedState>,
    /// What it takes as JSON, about.
    bytes: usize,
}

/// What a commit has done.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Sequences of each entry, in the order of the entries.
    pub(super) sequences: Vec<Vec<Sequence>>,
    /// Events given up for room, each declared in the same transaction.
    pub(super) evicted: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) directory: PathBuf,
    pub(super) site: Site,
    /// By which notes know their file.
    pub(super) mark: i64,
    pub(super) quota_bytes: u64,
    pub(super) counts: Counts,
    /// Who reads besides the centre.
    pub(super) sinks: Sinks,
    /// The latest wall clock time that is known to be past, milliseconds since the Unix epoch.
    pub(super) known_past_unix_ms: i64,
}

/// What is known without asking SQLite; replaced as a whole when a transaction has committed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Last sequence given out.
    pub(super) last: u64,
    /// Last sequence given to an alarm that was stored here.
    pub(super) last_alarm: u64,
    /// Alarms waiting.
    pub(super) alarms: u64,
    /// Other events waiting.
    pub(super) events: u64,
    /// Events given up since the start.
    pub(super) evicted: u64,
}

// === impl Entry ===

impl Entry {
    /// Checks that each part is small enough.
    pub(super) fn new(events: Vec<NewEvent>, states: Vec<SavedState>) -> Result<Self, OutboxError> {
        let mut bytes = 0;
        for new in &events {
            let body = serde_json::to_vec(&new.event).expect("an event has only string keys and numbers");
            if body.len() > MAX_EVENT_BYTES {
                return Err(OutboxError::EventTooLarge { bytes: body.len(), limit: MAX_EVENT_BYTES });
            }
            bytes += body.len() + new.topic.len();
        }
        for SavedState { key, value } in &states {
            let value_bytes = value.as_ref().map_or(0, Vec::len);
            if value_bytes > MAX_STATE_BYTES {
                let key = key.clone();
                return Err(OutboxError::StateTooLarge { key, bytes: value_bytes, limit: MAX_STATE_BYTES });
            }
            bytes += value_bytes;
        }
        Ok(Self { events, states, bytes })
    }

    /// The most urgent class in it.
    pub(super) fn class(&self) -> Class {
        if self.events.iter().any(|new| new.class == Class::Alarm) { Class::Alarm } else { Class::Event }
    }

    /// Rows that it brings; states count as one.
    pub(super) fn rows(&self) -> usize {
        self.events.len() + usize::from(!self.states.is_empty())
    }

    /// The events in it.
    pub(super) fn events(&self) -> &[NewEvent] {
        &self.events
    }
}

// === impl Store ===

impl Store {
    /// Deletes what has been delivered, moves sinks on and writes the entries, in one transaction; gives up old events where the quota
    /// leaves no room. On an error nothing has changed.
    pub(super) fn commit(
        &mut self,
        entries: &[Entry],
        delivered: &BTreeSet<Sequence>,
        done: &[(String, SinkDone)],
    ) -> Result<Committed, OutboxError> {
        let now = Stamp::now(self.known_past_unix_ms);
        let directory = &self.directory;
        let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(directory, &error);
        let transaction = self.connection.transaction().map_err(sqlite)?;
        let mut writer = Writer {
            transaction: &transaction,
            site: &self.site,
            quota_bytes: self.quota_bytes,
            counts: self.counts,
            sinks: self.sinks.clone(),
            now,
        };
        let mut committed = Committed::default();
        for sequence in delivered {
            writer.remove(*sequence).map_err(sqlite)?;
        }
        for (sink, done) in done {
            writer.sinks.done(&transaction, sink, done).map_err(sqlite)?;
        }
        committed.evicted = writer.make_room(bytes_of(entries)).map_err(sqlite)?;
        for entry in entries {
            let mut sequences = Vec::with_capacity(entry.events.len());
            for event in &entry.events {
                sequences.push(writer.insert(event).map_err(sqlite)?);
            }
            for state in &entry.states {
                writer.save(state).map_err(sqlite)?;
            }
            committed.sequences.push(sequences);
        }
        writer.sinks.bound(&transaction).map_err(sqlite)?;
        let Writer { counts, sinks, .. } = writer;
        transaction.commit().map_err(sqlite)?;
        (self.counts, self.sinks) = (counts, sinks);
        if now.trusted {
            self.known_past_unix_ms = now.wall_unix_ms;
        }
        Ok(committed)
    }

    /// Fills a new file with what was saved from a damaged one, and declares what was not.
    pub(super) fn take_over(
        &mut self,
        salvaged: &Salvaged,
        epoch: (Sequence, Sequence),
    ) -> Result<(), OutboxError> {
        let directory = &self.directory;
        let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(directory, &error);
        let now = Stamp::now(self.known_past_unix_ms);
        let transaction = self.connection.transaction().map_err(sqlite)?;
        let mut writer = Writer {
            transaction: &transaction,
            site: &self.site,
            quota_bytes: self.quota_bytes,
            counts: self.counts,
            sinks: self.sinks.clone(),
            now,
        };
        writer.copy(salvaged).map_err(sqlite)?;
        writer.sinks.take_over(&transaction, salvaged).map_err(sqlite)?;
        let declared = gap::declare(&self.site, salvaged.cause(epoch), now.wall());
        writer.insert(&declared).map_err(sqlite)?;
        let Writer { counts, sinks, .. } = writer;
        transaction.commit().map_err(sqlite)?;
        (self.counts, self.sinks) = (counts, sinks);
        Ok(())
    }

    /// Writes a few bytes for good: whether the storage takes anything.
    pub(super) fn probe(&mut self) -> Result<(), OutboxError> {
        self.connection
            .execute("INSERT OR REPLACE INTO meta(key, value) VALUES('probe', ABS(RANDOM() % 1000))", [])
            .map(drop)
            .map_err(|error| self.failed(&error))
    }

    /// Keeps an event that the centre refuses out of the way until the next start, and tells so. Answers whether the
    /// event was waiting.
    pub(super) fn set_aside(&mut self, sequence: Sequence, reason: &str) -> Result<bool, OutboxError> {
        let directory = &self.directory;
        let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(directory, &error);
        let now = Stamp::now(self.known_past_unix_ms);
        let transaction = self.connection.transaction().map_err(sqlite)?;
        let mut writer = Writer {
            transaction: &transaction,
            site: &self.site,
            quota_bytes: self.quota_bytes,
            counts: self.counts,
            sinks: self.sinks.clone(),
            now,
        };
        let moved = writer.set_aside(sequence, reason).map_err(sqlite)?;
        let Writer { counts, sinks, .. } = writer;
        transaction.commit().map_err(sqlite)?;
        (self.counts, self.sinks) = (counts, sinks);
        Ok(moved)
    }

    /// A value of [`Entry::states`].
    pub(super) fn load_state(&self, key: &str) -> Result<Option<Vec<u8>>, OutboxError> {
        self.connection
            .query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| self.failed(&error))
    }

    /// The values whose keys begin with `prefix`.
    pub(super) fn load_states(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, OutboxError> {
        let read = || -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
            let mut statement = self
                .connection
                .prepare("SELECT key, value FROM state WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key")?;
            statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Depth, age and size as of the last commit.
    pub(super) fn stats(&self) -> Stats {
        let oldest_unix_ms = self
            .connection
            .prepare_cached("SELECT accepted_unix_ms FROM outbox ORDER BY sequence LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional());
        Stats {
            depth: self.counts.depth(),
            alarms: self.counts.alarms,
            aside: self.aside(),
            oldest_unix_ms: oldest_unix_ms.ok().flatten(),
            used_bytes: used_pages(&self.connection).unwrap_or(0) * PAGE_BYTES,
            evicted: self.counts.evicted,
            last: Sequence(self.counts.last),
            last_alarm: Sequence(self.counts.last_alarm),
            fault: None,
        }
    }

    fn aside(&self) -> u64 {
        let count = self.connection.prepare_cached("SELECT COUNT(*) FROM aside");
        let count = count.and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
        count.unwrap_or(0) as u64
    }

    /// Gives pages that a drained backlog has left behind back to the file system.
    pub(super) fn shrink(&self) -> Result<(), OutboxError> {
        let free = pragma(&self.connection, "freelist_count").map_err(|error| self.failed(&error))?;
        if free > SHRINK_ABOVE_PAGES {
            let statement = format!("PRAGMA incremental_vacuum({SHRINK_ABOVE_PAGES})");
            self.connection.execute_batch(&statement).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    pub(super) fn failed(&self, error: &rusqlite::Error) -> OutboxError {
        OutboxError::from_sqlite(&self.directory, error)
    }
}

// === impl Counts ===

impl Counts {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| n as u64);
        Ok(Counts {
            last: number("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")?,
            last_alarm: number("SELECT IFNULL(MAX(sequence), 0) FROM outbox WHERE class = 0")?,
            alarms: number("SELECT COUNT(*) FROM outbox WHERE class = 0")?,
            events: number("SELECT COUNT(*) FROM outbox WHERE class = 1")?,
            evicted: 0,
        })
    }

    pub(super) fn depth(&self) -> u64 {
        self.alarms + self.events
    }

    pub(super) fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Alarm => &mut self.alarms,
            Class::Event => &mut self.events,
        }
    }
}

/// Pages in use, the free ones inside the file not counted.
pub(super) fn used_pages(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(pragma(connection, "page_count")?.saturating_sub(pragma(connection, "freelist_count")?))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(&format!("PRAGMA {name}"))?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(|value| value as u64)
}

/// What entries will take, roughly.
fn bytes_of(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.bytes as u64).sum()
}
