//! Taking over what is intact in a damaged file.
//!
//! The damaged file is read row by row in the order of the sequences. Where a page cannot be read the reader steps over
//! it, further each time it fails again; every row must have its checksum. What the index by class knew of and the
//! table no longer yields is lost, and is counted exactly; where the index is damaged too, the number is not known.
//! A file whose first page is damaged is read with the first page of a new one: the schema is always the same.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use super::gap::{Cause, Gap};
use super::row::{COLUMNS, COLUMNS_OF_FORMAT_1, Row};
use super::store::PAGE_BYTES;
use super::{Cursor, Sequence, log};

/// Sequences tried one by one behind an unreadable place, before the steps grow.
const SMALL_STEPS: u32 = 1024;

/// How far a sink has come, as the table `sink` has it: name, last alarm, last other event, missed and not told.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) cursor: Cursor,
    pub(super) missed: u64,
}

/// What could be taken over.
#[derive(Debug, Default)]
pub(super) struct Salvaged {
    /// Waiting events by sequence.
    pub(super) rows: BTreeMap<i64, Row>,
    /// Saved states.
    pub(super) states: Vec<(String, Vec<u8>)>,
    /// Gap events that wait, and what they stand for: sequence, first, last, count.
    pub(super) gaps: Vec<[i64; 4]>,
    /// Events that the centre has and a sink has not, by sequence.
    pub(super) kept: BTreeMap<i64, Row>,
    /// How far each sink had come.
    pub(super) places: Vec<Place>,
    /// Last sequence that had been given out, where that is known.
    last: Option<i64>,
    /// Sequences that were waiting and are not among the rows; none where nobody knows.
    lost: Option<Vec<i64>>,
}

/// Reads what can be read of the file at `path` and its log.
pub(super) fn salvage(path: &Path) -> Salvaged {
    let mut salvaged = read(path).unwrap_or_default();
    if salvaged.rows.is_empty() && salvaged.lost.is_none() {
        // Nothing at all: perhaps only the first page is gone.
        salvaged = with_new_first_page(path).unwrap_or(salvaged);
    }
    if !matches!(log::look(&log_of(path)), Ok(log::Ending::Sound)) {
        // What the file knows of is older than what lay in the damaged part of its log.
        (salvaged.last, salvaged.lost) = (None, None);
    }
    salvaged
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

// === impl Place ===

impl Place {
    /// From a row of the table `sink`.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let sequence = |column| row.get::<_, i64>(column).map(|number| Sequence(number as u64));
        let cursor = Cursor { alarm: sequence(1)?, event: sequence(2)? };
        Ok(Place { name: row.get(0)?, cursor, missed: row.get::<_, i64>(3)? as u64 })
    }
}

// === impl Salvaged ===

impl Salvaged {
    /// What to declare, given the sequences that belong to the file's epoch.
    pub(super) fn cause(&self, epoch: (Sequence, Sequence)) -> Cause {
        let gap = |sequence: &i64| Gap::one(Sequence(*sequence as u64));
        let lost = self.lost.as_ref().map(|lost| {
            let none = Gap { first: epoch.0, last: epoch.0, count: 0 };
            lost.iter().map(gap).reduce(Gap::with).unwrap_or(none)
        });
        let last = self.last.map_or(epoch.1, |last| Sequence(last as u64).max(epoch.0).min(epoch.1));
        Cause::Damaged { lost, held: (epoch.0, last), salvaged: self.rows.len() as u64 }
    }

    /// Events lost, where it is known.
    pub(super) fn lost(&self) -> Option<u64> {
        self.lost.as_ref().map(|lost| lost.len() as u64)
    }
}

fn read(path: &Path) -> rusqlite::Result<Salvaged> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF")?;
    // People may want to look at the file as it was found.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let mut salvaged = Salvaged {
        last: connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", [], |row| row.get(0))
            .optional()
            .unwrap_or(None),
        ..Salvaged::default()
    };
    let known = indexed(&connection).ok();
    let checked = connection.prepare("SELECT checksum FROM outbox LIMIT 0").is_ok();
    let end = known.iter().flatten().copied().max().into_iter().chain(salvaged.last).max();
    let whole = rows(&connection, checked, end.unwrap_or(i64::MAX - 1), &mut salvaged.rows);
    salvaged.lost = match known {
        Some(known) => Some(known.into_iter().filter(|one| !salvaged.rows.contains_key(one)).collect()),
        // The table itself is whole: nothing but the index is damaged.
        None => whole.then(Vec::new),
    };
    if let Ok(mut statement) = connection.prepare("SELECT key, value FROM state") {
        let states = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        salvaged.states = states.filter_map(Result::ok).collect();
    }
    if let Ok(mut statement) = connection.prepare("SELECT sequence, first, last, count FROM gap") {
        let gaps = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
        salvaged.gaps = gaps.filter_map(Result::ok).collect();
    }
    if let Ok(mut statement) = connection.prepare("SELECT name, alarm, event, missed FROM sink") {
        salvaged.places = statement.query_map([], Place::read)?.filter_map(Result::ok).collect();
    }
    salvaged.kept = kept(&connection).unwrap_or_default();
    Ok(salvaged)
}

/// What the sinks still want, up to the first place that cannot be read.
fn kept(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, Row>> {
    let mut kept = BTreeMap::new();
    let mut statement =
        connection.prepare(&format!("SELECT {COLUMNS} FROM kept NOT INDEXED ORDER BY sequence"))?;
    let mut rows = statement.query([])?;
    while let Ok(Some(row)) = rows.next() {
        if let Ok(intact) = Row::read(row) {
            kept.insert(intact.sequence, intact);
        }
    }
    Ok(kept)
}

/// The sequences that the index by class knows.
fn indexed(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        connection.prepare("SELECT sequence FROM outbox INDEXED BY outbox_by_class WHERE class IN (0, 1)")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Reads the table up to `end`; answers whether nothing had to be stepped over and every row was intact.
fn rows(connection: &Connection, checked: bool, end: i64, rows: &mut BTreeMap<i64, Row>) -> bool {
    let mut whole = true;
    let mut after = 0_i64;
    let mut failures = 0;
    while after < end {
        let before = after;
        match run_of_rows(connection, checked, &mut after, &mut whole, rows) {
            Ok(()) => return whole,
            Err(_) => {
                whole = false;
                failures = if after > before { 1 } else { failures + 1 };
                after = after.saturating_add(step_over(failures));
            }
        }
    }
    whole
}

/// How far to step after this many failures in a row: one by one at first, then ever further, so that no damage, however
/// large, takes more than some two thousand steps.
fn step_over(failures: u32) -> i64 {
    1 << (failures.saturating_sub(SMALL_STEPS) / 16).min(62)
}

/// Reads from behind `after` to the end, or to the first place that cannot be read; moves `after` along.
fn run_of_rows(
    connection: &Connection,
    checked: bool,
    after: &mut i64,
    whole: &mut bool,
    rows: &mut BTreeMap<i64, Row>,
) -> rusqlite::Result<()> {
    let columns = if checked { COLUMNS } else { COLUMNS_OF_FORMAT_1 };
    // The index may be what is damaged.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {columns} FROM outbox NOT INDEXED WHERE sequence > ?1 ORDER BY sequence"
    ))?;
    let mut found = statement.query(params![*after])?;
    while let Some(row) = found.next()? {
        let sequence: i64 = row.get(0)?;
        if sequence <= *after {
            // Out of order: the tree cannot be trusted from here on.
            return Err(rusqlite::Error::InvalidQuery);
        }
        *after = sequence;
        match Row::read(row) {
            Ok(intact) => drop(rows.insert(sequence, intact)),
            Err(_) => *whole = false,
        }
    }
    Ok(())
}

/// Reads a copy of the file whose first page comes from a new one.
fn with_new_first_page(path: &Path) -> std::io::Result<Salvaged> {
    let failed = |error: rusqlite::Error| std::io::Error::other(error);
    let directory = tempfile::tempdir_in(path.parent().unwrap_or(Path::new(".")))?;
    let (copy, new) = (directory.path().join("copy.db"), directory.path().join("new.db"));
    fs::copy(path, &copy)?;
    let log = log_of(path);
    if log.exists() {
        fs::copy(log, directory.path().join("copy.db-wal"))?;
    }
    let connection = Connection::open(&new).map_err(failed)?;
    super::open::lay_out(&connection, 1 << 20)
        .and_then(|()| super::open::create(&connection, 0))
        .map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    let mut page = vec![0; PAGE_BYTES as usize];
    File::open(&new)?.read_exact(&mut page)?;
    // The size of the file and its free pages are the new file's: 0 asks SQLite to look for itself.
    page[28..40].fill(0);
    let mut copy_file = File::options().write(true).open(&copy)?;
    copy_file.rewind()?;
    copy_file.write_all(&page)?;
    drop(copy_file);
    read(&copy).map_err(failed)
}
