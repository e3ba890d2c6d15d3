//! Reading what waits: the next events of each class.

use std::collections::BTreeSet;

use rusqlite::params;

use super::row::{COLUMNS, Row};
use super::stamp::{self, Stamp};
use super::store::Store;
use super::{Class, Cursor, OutboxError, Sequence, Waiting};

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
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE class = ?1 AND sequence > ?2 AND sequence NOT IN (SELECT sequence FROM aside)
             ORDER BY sequence"
        ))?;
        let (mut left, mut read_bytes) = (most, 0);
        let mut found = statement.query(params![class.code(), after.0 as i64])?;
        while let Some(row) = found.next()? {
            if delivered.contains(&Sequence(row.get::<_, i64>(0)? as u64)) {
                continue;
            }
            if left == 0 || read_bytes >= bytes {
                return Ok(false);
            }
            let event = Row::read(row)?.into_waiting(now);
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

pub(super) fn class(row: &rusqlite::Row<'_>) -> rusqlite::Result<Class> {
    Ok(Class::from_code(row.get(0)?))
}

// === impl Waiting ===

impl Waiting {
    /// Puts times right that were written with a wrong clock, or says that they are uncertain.
    pub(super) fn correct(&mut self, correction_ms: Option<i64>) {
        self.body = stamp::retell(&self.body, correction_ms);
        let shift_ms = correction_ms.unwrap_or(0);
        self.accepted_unix_ms += shift_ms;
        if let Some(origin) = &mut self.origin {
            origin.unix_ms += shift_ms;
        }
    }
}
