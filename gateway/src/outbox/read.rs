//! Reading what waits: the next events of each class, and how a row becomes an event again.

use std::collections::BTreeSet;

use rusqlite::{Row, params};

use super::stamp::{self, Stamp};
use super::store::Store;
use super::{Class, Cursor, Origin, OriginSource, OutboxError, Sequence, Waiting, checksum};

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

// === impl Store ===

impl Store {
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
