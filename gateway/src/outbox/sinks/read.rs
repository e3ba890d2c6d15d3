//! Reading what a sink wants, in the order of its class, from what waits for the centre and what is kept.

use rusqlite::{Connection, params};

use super::super::row::{COLUMNS, Row};
use super::super::stamp::Stamp;
use super::super::store::Store;
use super::super::{Class, OutboxError, Sequence, Waiting};
use super::{Sink, SinkBatch};

/// Rows looked at in one step while events are sought that a sink wants.
const STEP: usize = 128;

// === impl Store ===

impl Store {
    /// Up to `limit` events that wait for this sink.
    pub(in crate::outbox) fn sink_next(
        &mut self,
        name: &str,
        limit: usize,
    ) -> Result<SinkBatch, OutboxError> {
        let Some(number) = self.sinks.0.iter().position(|sink| sink.subscription.sink == name) else {
            return Ok(SinkBatch::default());
        };
        let now = Stamp::now(self.known_past_unix_ms);
        let mut events = Vec::new();
        for class in [Class::Alarm, Class::Event] {
            let sink = &mut self.sinks.0[number];
            read_wanted(&self.connection, sink, class, limit, &mut events, now)
                .map_err(|error| OutboxError::from_sqlite(&self.directory, &error))?;
        }
        Ok(SinkBatch { events, missed: self.sinks.0[number].missed })
    }
}

/// Adds what the sink wants of one class. What lies before the first wanted event need not be looked at again: the
/// sink's place moves on, in memory only.
fn read_wanted(
    connection: &Connection,
    sink: &mut Sink,
    class: Class,
    limit: usize,
    events: &mut Vec<Waiting>,
    now: Stamp,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM (
             SELECT {COLUMNS} FROM kept WHERE class = ?1 AND sequence > ?2
             UNION ALL SELECT {COLUMNS} FROM outbox WHERE class = ?1 AND sequence > ?2
         ) ORDER BY sequence LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut after = sink.cursor.of(class);
    let mut found = false;
    loop {
        let mut looked_at = 0;
        let mut rows = statement.query(params![class.code(), after.0 as i64, STEP as i64])?;
        while let Some(row) = rows.next()? {
            if events.len() >= limit {
                return Ok(());
            }
            let row = Row::read(row)?;
            looked_at += 1;
            after = Sequence(row.sequence as u64);
            if sink.subscription.wants(&row.topic) {
                found = true;
                events.push(row.into_waiting(now));
            } else if !found {
                sink.cursor.advance(class, after);
            }
        }
        if looked_at < STEP {
            return Ok(());
        }
    }
}
