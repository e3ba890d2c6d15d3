//! The SQLite file: committing, reading, giving up. Synchronous; only the owner thread calls it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::salvage::Salvaged;
use super::sinks::{SinkDone, Sinks};
use super::stamp::{self, Stamp};
use super::writer::Writer;
use super::{
    Class, Cursor, MAX_EVENT_BYTES, MAX_STATE_BYTES, NewEvent, Origin, OriginSource, OutboxError, SavedState,
    Sequence, Site, Stats, Waiting, checksum, gap,
};

/// Page of the database file, bytes.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Free pages inside the file that are worth giving back, and the most given back at once (1 MiB).
const SHRINK_ABOVE_PAGES: u64 = 256;

/// What one caller wants committed.
#[derive(Debug)]
pub(super) struct Entry {
    events: Vec<NewEvent>,
    state: Option<SavedState>,
    /// What it takes as JSON, about.
    bytes: usize,
}

/// What a reader wants next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Where it stands.
    pub(crate) after: Cursor,
    /// Alarms, at most.
    pub(crate) alarms: usize,
    /// Other events, at most.
    pub(crate) events: usize,
    /// No further event is read when the bodies have reached this.
    pub(crate) bytes: usize,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Alarms first, each class in order.
    pub(crate) rows: Vec<Waiting>,
    /// No alarm lies behind them.
    pub(crate) all_alarms: bool,
    /// Nothing at all lies behind them.
    pub(crate) all: bool,
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
    pub(super) fn new(events: Vec<NewEvent>, state: Option<SavedState>) -> Result<Self, OutboxError> {
        let mut bytes = 0;
        for new in &events {
            let body = serde_json::to_vec(&new.event).expect("an event has only string keys and numbers");
            if body.len() > MAX_EVENT_BYTES {
                return Err(OutboxError::EventTooLarge { bytes: body.len(), limit: MAX_EVENT_BYTES });
            }
            bytes += body.len() + new.topic.len();
        }
        if let Some(state) = &state {
            if state.value.len() > MAX_STATE_BYTES {
                let key = state.key.clone();
                return Err(OutboxError::StateTooLarge {
                    key,
                    bytes: state.value.len(),
                    limit: MAX_STATE_BYTES,
                });
            }
            bytes += state.value.len();
        }
        Ok(Self { events, state, bytes })
    }

    /// The most urgent class in it.
    pub(super) fn class(&self) -> Class {
        if self.events.iter().any(|new| new.class == Class::Alarm) { Class::Alarm } else { Class::Event }
    }

    /// Rows that it brings.
    pub(super) fn rows(&self) -> usize {
        self.events.len() + usize::from(self.state.is_some())
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
            if let Some(state) = &entry.state {
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

    /// What a reader wants, without what has been `delivered` and waits to be deleted.
    pub(super) fn next(&self, wanted: Wanted, delivered: &BTreeSet<Sequence>) -> Result<Page, OutboxError> {
        let Wanted { after, alarms, events, bytes } = wanted;
        let mut page = Page::default();
        let mut read = |class, after, most| {
            self.read(class, after, (most, bytes), delivered, &mut page.rows)
                .map_err(|error| self.failed(&error))
        };
        page.all_alarms = read(Class::Alarm, after.alarm, alarms)?;
        // Other events do not go before all alarms have gone.
        page.all = page.all_alarms && read(Class::Event, after.event, events)?;
        Ok(page)
    }

    /// Adds events of this class, up to so many and so many bytes; answers whether nothing of the class lies behind.
    fn read(
        &self,
        class: Class,
        after: Sequence,
        (most, bytes): (usize, usize),
        delivered: &BTreeSet<Sequence>,
        rows: &mut Vec<Waiting>,
    ) -> rusqlite::Result<bool> {
        let now = Stamp::now(self.known_past_unix_ms);
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, class, topic, body, accepted_unix_ms, checksum, origin_source, origin_unix_ms,
                    boot, mono_ms, clock_ok FROM outbox
             WHERE class = ?1 AND sequence > ?2 AND sequence NOT IN (SELECT sequence FROM aside)
             ORDER BY sequence",
        )?;
        let (mut left, mut read_bytes) = (most, 0);
        let mut found = statement.query(params![class.code(), after.0 as i64])?;
        while let Some(row) = found.next()? {
            if delivered.contains(&Sequence(row.get::<_, i64>(0)? as u64)) {
                continue;
            }
            if left == 0 || read_bytes >= bytes {
                return Ok(false);
            }
            if !is_intact(row)? {
                return Err(damaged());
            }
            let event = waiting(row, now)?;
            left -= 1;
            read_bytes += event.body.len();
            rows.push(event);
        }
        Ok(true)
    }

    /// Those of the sequences whose event is still here.
    pub(super) fn which_wait(&self, sequences: &[Sequence]) -> Result<Vec<Sequence>, OutboxError> {
        let read = || {
            let mut statement =
                self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE sequence = ?1)")?;
            let mut waiting = Vec::new();
            for sequence in sequences {
                if statement.query_row([sequence.0 as i64], |row| row.get(0))? {
                    waiting.push(*sequence);
                }
            }
            Ok(waiting)
        };
        read().map_err(|error: rusqlite::Error| self.failed(&error))
    }

    /// A value saved with [`Entry::state`].
    pub(super) fn load_state(&self, key: &str) -> Result<Option<Vec<u8>>, OutboxError> {
        self.connection
            .query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| self.failed(&error))
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

/// Whether a row that begins with sequence, class, topic, body, time and checksum has the right checksum. Rows of the
/// first format have none.
pub(super) fn is_intact(row: &Row<'_>) -> rusqlite::Result<bool> {
    let expected: Option<i64> = row.get(5)?;
    let (topic, body) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_blob()?);
    let sum = checksum::of(row.get(0)?, row.get(1)?, topic, body, row.get(4)?);
    Ok(expected.is_none_or(|expected| expected == sum))
}

/// What SQLite would say if it had checksums.
pub(super) fn damaged() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("an event does not have its checksum".to_owned()))
}

/// The event of a row that begins with sequence, class, topic, body, time and checksum, as it is to be told now.
pub(super) fn waiting(row: &Row<'_>, now: Stamp) -> rusqlite::Result<Waiting> {
    let source = row.get::<_, Option<i64>>(6)?.map(OriginSource::from_code);
    let unix_ms: Option<i64> = row.get(7)?;
    let mut waiting = Waiting {
        sequence: Sequence(row.get::<_, i64>(0)? as u64),
        class: Class::from_code(row.get(1)?),
        topic: row.get(2)?,
        body: row.get(3)?,
        accepted_unix_ms: row.get(4)?,
        origin: source.zip(unix_ms).map(|(source, unix_ms)| Origin { source, unix_ms }),
    };
    if let Some(trusted) = row.get::<_, Option<bool>>(10)?
        && !trusted
    {
        let wall_unix_ms = waiting.accepted_unix_ms;
        let then = Stamp { boot: row.get(8)?, mono_ms: row.get(9)?, wall_unix_ms, trusted };
        waiting.correct(then.correction_ms(now));
    }
    Ok(waiting)
}

pub(super) fn class(row: &Row<'_>) -> rusqlite::Result<Class> {
    Ok(Class::from_code(row.get(0)?))
}

// === impl Waiting ===

impl Waiting {
    /// Puts times right that were written with a wrong clock, or says that they are uncertain.
    fn correct(&mut self, correction_ms: Option<i64>) {
        self.body = stamp::retell(&self.body, correction_ms);
        let shift_ms = correction_ms.unwrap_or(0);
        self.accepted_unix_ms += shift_ms;
        if let Some(origin) = &mut self.origin {
            origin.unix_ms += shift_ms;
        }
    }
}

// === impl Class ===

impl Class {
    pub(super) fn code(self) -> i64 {
        match self {
            Class::Alarm => 0,
            Class::Event => 1,
        }
    }

    fn from_code(code: i64) -> Self {
        if code == 0 { Class::Alarm } else { Class::Event }
    }
}

// === impl OriginSource ===

impl OriginSource {
    pub(super) fn code(self) -> i64 {
        match self {
            OriginSource::Picture => 0,
            OriginSource::Reading => 1,
        }
    }

    fn from_code(code: i64) -> Self {
        if code == 0 { OriginSource::Picture } else { OriginSource::Reading }
    }
}
