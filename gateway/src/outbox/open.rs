//! Opening the file: settings, format, the check before it is trusted, and putting a damaged file aside.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::row::{COLUMNS, Row};
use super::sequence::EPOCH_STRIDE;
use super::sinks::Sinks;
use super::store::{Counts, PAGE_BYTES, Store};
use super::{OutboxError, Recovered, Sequence, Settings, gap, log, notes, reserve, salvage};

/// Format of the file (`user_version`).
const FORMAT: i64 = 4;
/// Least quota: some dozens of events and the gap event that declares the others.
const MIN_QUOTA_BYTES: u64 = 512 * 1024;
/// SQLite without the WAL-reset defect (<https://sqlite.org/wal.html#walresetbug>).
const MIN_SQLITE: i32 = 3_051_003;
/// A file up to this size is checked completely before it is trusted.
const CHECKED_UP_TO_BYTES: u64 = 64 * 1024 * 1024;
/// Damaged files kept for people to look at.
const KEPT_CORRUPT_FILES: usize = 3;
/// The columns of an event besides its sequence, waiting or kept.
macro_rules! event_columns {
    () => {
        "
        class INTEGER NOT NULL,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        accepted_unix_ms INTEGER NOT NULL,
        origin_source INTEGER,
        origin_unix_ms INTEGER,
        boot INTEGER,
        mono_ms INTEGER,
        clock_ok INTEGER,
        checksum INTEGER
    "
    };
}
/// Strict, so that the check of a file finds values of another type. Files of earlier formats are not.
const SCHEMA: &str = concat!(
    "
    CREATE TABLE IF NOT EXISTS outbox(
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        ",
    event_columns!(),
    "
    ) STRICT;
    CREATE INDEX IF NOT EXISTS outbox_by_class ON outbox(class, sequence);
    CREATE TABLE IF NOT EXISTS gap(
        sequence INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS aside(
        sequence INTEGER PRIMARY KEY,
        reason TEXT NOT NULL
    ) STRICT;
"
);
/// From format 2, which knew no sinks; a new file gets these tables too.
const FROM_2: &str = concat!(
    "
    CREATE TABLE kept(
        sequence INTEGER PRIMARY KEY,
        ",
    event_columns!(),
    "
    ) STRICT;
    CREATE INDEX kept_by_class ON kept(class, sequence);
    CREATE TABLE sink(
        name TEXT PRIMARY KEY,
        alarm INTEGER NOT NULL,
        event INTEGER NOT NULL,
        missed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
"
);
/// From format 1, whose events had no checksum and one clock.
const FROM_1: &str = "
    ALTER TABLE outbox ADD COLUMN boot INTEGER;
    ALTER TABLE outbox ADD COLUMN mono_ms INTEGER;
    ALTER TABLE outbox ADD COLUMN clock_ok INTEGER;
    ALTER TABLE outbox ADD COLUMN checksum INTEGER;
    CREATE TABLE aside(
        sequence INTEGER PRIMARY KEY,
        reason TEXT NOT NULL
    );
";

// === impl Store ===

impl Store {
    /// Opens or makes the file; puts a damaged one aside and declares it.
    pub(super) fn open(settings: &Settings) -> Result<(Self, Recovered), OutboxError> {
        if rusqlite::version_number() < MIN_SQLITE {
            return Err(OutboxError::SqliteTooOld { found: rusqlite::version().to_owned() });
        }
        let directory = settings.directory.clone();
        fs::create_dir_all(&directory).map_err(|error| OutboxError::from_io(&directory, &error))?;
        let log = log_path(&directory);
        let unclean_stop = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        let ending = log::look(&log).map_err(|error| OutboxError::from_io(&directory, &error))?;
        let opened = match ending {
            log::Ending::Sound => Self::open_sound(settings, unclean_stop),
            log::Ending::Damaged => {
                let detail = "transactions lie behind a damaged place in its log".to_owned();
                Err(OutboxError::Corrupt { directory, detail })
            }
        };
        match opened {
            Err(OutboxError::Corrupt { detail, .. }) => Self::replace(settings, &detail, unclean_stop),
            other => other,
        }
    }

    fn open_sound(settings: &Settings, unclean_stop: bool) -> Result<(Self, Recovered), OutboxError> {
        let mut store = Self::open_file(settings, 0)?;
        store.delete_noted()?;
        let recovered = Recovered {
            waiting: store.counts.depth(),
            unclean_stop,
            quarantined: None,
            salvaged: None,
            epoch: store.epoch()?,
        };
        Ok((store, recovered))
    }

    /// There has been an outbox in this directory before.
    pub(super) fn is_known(directory: &Path) -> bool {
        database_path(directory).exists()
    }

    /// Puts the damaged file aside, begins a new epoch with all that is intact in the old one, and declares the rest.
    pub(super) fn replace(
        settings: &Settings,
        detail: &str,
        unclean_stop: bool,
    ) -> Result<(Self, Recovered), OutboxError> {
        let directory = &settings.directory;
        // Room for a second file, where the disk has none left.
        drop(reserve::spend(directory));
        let (quarantined, epoch) = quarantine(directory)?;
        let salvaged = salvage::salvage(&quarantined);
        let lost = salvaged.lost();
        settings.metrics.events.lost.with_label_values(&[gap::LOST_TO_DAMAGE]).inc_by(lost.unwrap_or(1));
        tracing::error!(
            file = %quarantined.display(), detail, salvaged = salvaged.rows.len(), lost,
            "the outbox was damaged and is put aside"
        );
        let mut store = Self::open_file(settings, epoch)?;
        let before = (Sequence((epoch - 1) * EPOCH_STRIDE + 1), Sequence(epoch * EPOCH_STRIDE));
        store.take_over(&salvaged, before)?;
        let waiting = store.counts.depth();
        let salvaged = Some(salvaged.rows.len() as u64);
        Ok((store, Recovered { waiting, unclean_stop, quarantined: Some(quarantined), salvaged, epoch }))
    }

    fn open_file(settings: &Settings, epoch: u64) -> Result<Self, OutboxError> {
        let directory = settings.directory.clone();
        let quota_bytes = settings.quota_bytes.max(MIN_QUOTA_BYTES);
        let path = database_path(&directory);
        let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(&directory, &error);

        let connection = Connection::open(&path).map_err(sqlite)?;
        lay_out(&connection, quota_bytes).map_err(sqlite)?;
        let format: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sqlite)?;
        if format > FORMAT {
            return Err(OutboxError::TooNew { directory, found: format, known: FORMAT });
        }
        match format {
            0 => create(&connection, epoch).map_err(sqlite)?,
            1 => migrate(&connection, &[FROM_1, FROM_2]).map_err(sqlite)?,
            2 => migrate(&connection, &[FROM_2]).map_err(sqlite)?,
            // The checksums of format 4 cover more; those that are there stay good.
            3 => migrate(&connection, &[]).map_err(sqlite)?,
            _ => {}
        }
        if fs::metadata(&path).is_ok_and(|file| file.len() <= CHECKED_UP_TO_BYTES) {
            check(&connection, &directory)?;
        }
        // What the centre refused in the last run may find a centre that has been mended.
        connection.execute("DELETE FROM aside", []).map_err(sqlite)?;
        let counts = Counts::read(&connection).map_err(sqlite)?;
        let sinks = Sinks::open(&connection, &settings.sinks, Sequence(counts.last)).map_err(sqlite)?;
        let known_past_unix_ms = latest_trusted(&connection).map_err(sqlite)?;
        // The names of the file and its log must outlive a power cut as their contents do.
        File::open(&directory)
            .and_then(|handle| handle.sync_all())
            .map_err(|error| OutboxError::from_io(&directory, &error))?;
        let site = settings.site.clone();
        let mark = mark(&connection).map_err(sqlite)?;
        Ok(Self { connection, directory, site, mark, quota_bytes, counts, sinks, known_past_unix_ms })
    }

    /// Deletes what a process that was killed had noted as acknowledged.
    fn delete_noted(&mut self) -> Result<(), OutboxError> {
        let noted: Vec<Sequence> = notes::read(&self.directory, self.mark).into_iter().collect();
        let waiting: BTreeSet<Sequence> = self.which_wait(&noted)?.into_iter().collect();
        if !waiting.is_empty() {
            self.commit(&[], &waiting, &[])?;
        }
        Ok(())
    }

    fn epoch(&self) -> Result<u64, OutboxError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get::<_, i64>(0))
            .map(|epoch| epoch as u64)
            .map_err(|error| self.failed(&error))
    }
}

/// The settings of a connection, in the order in which they take effect: the exclusive lock before WAL (no
/// shared-memory file, no second connection), the layout before the first table.
pub(super) fn lay_out(connection: &Connection, quota_bytes: u64) -> rusqlite::Result<()> {
    // A predecessor that is just ending may still hold the file.
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.set_prepared_statement_cache_capacity(32);
    let quota_pages = quota_bytes / PAGE_BYTES;
    for (name, value) in [
        ("locking_mode", "EXCLUSIVE"),
        ("page_size", "4096"),
        ("auto_vacuum", "INCREMENTAL"),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("wal_autocheckpoint", "1000"),
        ("journal_size_limit", "4194304"),
        ("max_page_count", &quota_pages.to_string()),
        ("cache_size", "-2048"),
        ("mmap_size", "0"),
        ("temp_store", "MEMORY"),
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
    ] {
        // Some of these answer with the new value, others with nothing.
        connection.prepare(&format!("PRAGMA {name} = {value}"))?.query([])?.next()?;
    }
    Ok(())
}

/// The tables of a new file.
pub(super) fn create(connection: &Connection, epoch: u64) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(FROM_2)?;
    transaction.execute("INSERT INTO meta(key, value) VALUES('epoch', ?1)", [epoch as i64])?;
    transaction.execute(
        "INSERT INTO sqlite_sequence(name, seq) VALUES('outbox', ?1)",
        [(epoch * EPOCH_STRIDE) as i64],
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn migrate(connection: &Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Structure, types, index and every event's checksum.
fn check(connection: &Connection, directory: &Path) -> Result<(), OutboxError> {
    let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(directory, &error);
    let corrupt = |detail| OutboxError::Corrupt { directory: directory.to_owned(), detail };
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if verdict != "ok" {
        return Err(corrupt(verdict));
    }
    let mut statement =
        connection.prepare(&format!("SELECT {COLUMNS} FROM outbox NOT INDEXED")).map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        if let Err(error) = Row::read(row) {
            let sequence: Result<i64, _> = row.get(0);
            return Err(corrupt(format!("event {sequence:?}: {error}")));
        }
    }
    Ok(())
}

/// The mark of this file, made when it was first opened.
fn mark(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT OR IGNORE INTO meta(key, value) VALUES('mark', RANDOM() & 9223372036854775807)",
        [],
    )?;
    connection.query_row("SELECT value FROM meta WHERE key = 'mark'", [], |row| row.get(0))
}

/// The latest time at which an event was accepted with a clock that was right.
fn latest_trusted(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT IFNULL(MAX(accepted_unix_ms), 0) FROM (
             SELECT accepted_unix_ms, clock_ok FROM outbox ORDER BY sequence DESC LIMIT 100
         ) WHERE clock_ok = 1",
        [],
        |row| row.get(0),
    )
}

/// Renames the damaged file and its log; answers the new name and the epoch of the file that follows it.
fn quarantine(directory: &Path) -> Result<(PathBuf, u64), OutboxError> {
    let io = |error: std::io::Error| OutboxError::from_io(directory, &error);
    let mut kept: Vec<u64> = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        kept.extend(
            name.to_str().and_then(|name| name.strip_prefix("outbox.db.corrupt-")?.parse::<u64>().ok()),
        );
    }
    kept.sort_unstable();
    let epoch = kept.last().map_or(1, |last| last + 1);
    let target = corrupt_path(directory, epoch);
    fs::rename(database_path(directory), &target).map_err(io)?;
    // The log belongs to the damaged file: a new file must not find it.
    match fs::rename(log_path(directory), target.with_extension(format!("corrupt-{epoch}-wal"))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    for old in kept.iter().rev().skip(KEPT_CORRUPT_FILES - 1) {
        let path = corrupt_path(directory, *old);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), %error, "an old damaged outbox file cannot be removed");
        }
        drop(fs::remove_file(path.with_extension(format!("corrupt-{old}-wal"))));
    }
    Ok((target, epoch))
}

fn database_path(directory: &Path) -> PathBuf {
    directory.join("outbox.db")
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("outbox.db-wal")
}

fn corrupt_path(directory: &Path, epoch: u64) -> PathBuf {
    directory.join(format!("outbox.db.corrupt-{epoch}"))
}
