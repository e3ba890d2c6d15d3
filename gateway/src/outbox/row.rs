//! One event as the tables `outbox` and `kept` hold it. Whoever reads one gets it whole or learns that it is damaged.

use super::stamp::Stamp;
use super::{Class, Origin, OriginSource, Sequence, Waiting, checksum};

/// The columns of both tables, in the order in which [`Row::read`] wants them.
pub(super) const COLUMNS: &str = "sequence, class, topic, body, accepted_unix_ms, origin_source, origin_unix_ms, boot, mono_ms, clock_ok, checksum";
/// The same of a file of the first format, which knew one clock and no checksums.
pub(super) const COLUMNS_OF_FORMAT_1: &str =
    "sequence, class, topic, body, accepted_unix_ms, origin_source, origin_unix_ms,
     NULL, NULL, NULL, NULL";

/// What the columns of one event hold.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) sequence: i64,
    pub(super) class: i64,
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
    pub(super) accepted_unix_ms: i64,
    /// Where it comes from, and when that was, milliseconds since the Unix epoch.
    pub(super) origin: (Option<i64>, Option<i64>),
    /// Boot, milliseconds since it, and whether the wall clock was credible.
    pub(super) stamp: (Option<i64>, Option<i64>, Option<i64>),
}

// === impl Row ===

impl Row {
    /// The event of a row with [`COLUMNS`].
    ///
    /// # Errors
    /// As of a corrupt file: a value is of another type, or the checksum is not the event's. Rows of the first format
    /// have none.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Self::values(row)
            .ok()
            .filter(|(read, sum)| sum.is_none_or(|sum| checksum::is_of(sum, read)))
            .map(|(read, _)| read)
            .ok_or_else(damaged)
    }

    fn values(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Self, Option<i64>)> {
        let read = Row {
            sequence: row.get(0)?,
            class: row.get(1)?,
            topic: row.get(2)?,
            body: row.get(3)?,
            accepted_unix_ms: row.get(4)?,
            origin: (row.get(5)?, row.get(6)?),
            stamp: (row.get(7)?, row.get(8)?, row.get(9)?),
        };
        Ok((read, row.get(10)?))
    }

    /// The event as it is to be told now.
    pub(super) fn into_waiting(self, now: Stamp) -> Waiting {
        let (source, origin_unix_ms) = self.origin;
        let source = source.map(OriginSource::from_code);
        let mut waiting = Waiting {
            sequence: Sequence(self.sequence as u64),
            class: Class::from_code(self.class),
            topic: self.topic,
            body: self.body,
            accepted_unix_ms: self.accepted_unix_ms,
            origin: source.zip(origin_unix_ms).map(|(source, unix_ms)| Origin { source, unix_ms }),
        };
        if let (Some(boot), Some(mono_ms), Some(0)) = self.stamp {
            let then = Stamp { boot, mono_ms, wall_unix_ms: self.accepted_unix_ms, trusted: false };
            waiting.correct(then.correction_ms(now));
        }
        waiting
    }
}

/// What SQLite would say if it had checksums.
fn damaged() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("an event does not have its checksum".to_owned()))
}

// === impl Class ===

impl Class {
    pub(super) fn code(self) -> i64 {
        match self {
            Class::Alarm => 0,
            Class::Event => 1,
        }
    }

    pub(super) fn from_code(code: i64) -> Self {
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
