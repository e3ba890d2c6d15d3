//! Opening the file: settings, format, the check after an unclean stop, and putting a damaged file aside.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::gap::{self, Cause};
use super::store::{Counts, Entry, PAGE_BYTES, Store};
use super::{OutboxError, Recovered, Sequence, Settings};

/// Format of the file (`user_version`).
const FORMAT: i64 = 1;
/// Least quota: some dozens of events and the gap event that declares the others.
const MIN_QUOTA_BYTES: u64 = 512 * 1024;
/// SQLite without the WAL-reset defect (<https://sqlite.org/wal.html#walresetbug>).
const MIN_SQLITE: i32 = 3_051_003;
/// After an unclean stop, a file up to this size is checked completely before it is trusted.
const CHECKED_UP_TO_BYTES: u64 = 64 * 1024 * 1024;
/// Damaged files kept for people to look at.
const KEPT_CORRUPT_FILES: usize = 3;
/// Sequences of an epoch begin at `epoch * EPOCH_STRIDE + 1`.
const EPOCH_STRIDE: u64 = 1_000_000_000_000;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS outbox(
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        class INTEGER NOT NULL,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        accepted_unix_ms INTEGER NOT NULL,
        origin_source INTEGER,
        origin_unix_ms INTEGER
    );
    CREATE INDEX IF NOT EXISTS outbox_by_class ON outbox(class, sequence);
    CREATE TABLE IF NOT EXISTS gap(
        sequence INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
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
        let unclean_stop = fs::metadata(log_path(&directory)).is_ok_and(|log| log.len() > 0);
        match Self::open_file(settings, unclean_stop, 0) {
            Ok(store) => {
                let recovered = Recovered {
                    waiting: store.counts.depth(),
                    unclean_stop,
                    quarantined: None,
                    epoch: store.epoch()?,
                };
                Ok((store, recovered))
            }
            Err(OutboxError::Corrupt { detail, .. }) => {
                let (quarantined, epoch) = quarantine(&directory)?;
                settings.metrics.events_lost.with_label_values(&[gap::LOST_TO_DAMAGE]).inc();
                tracing::error!(file = %quarantined.display(), detail, "the outbox was damaged and is put aside");
                let mut store = Self::open_file(settings, false, epoch)?;
                let begin = Sequence(epoch * EPOCH_STRIDE + 1);
                let now = Timestamp::now();
                let declared = gap::declare(&store.site, Cause::Damaged { begin }, now);
                store.commit(&[Entry::new(vec![declared], None)?], &[], now)?;
                let recovered = Recovered { waiting: 1, unclean_stop, quarantined: Some(quarantined), epoch };
                Ok((store, recovered))
            }
            Err(error) => Err(error),
        }
    }

    fn open_file(settings: &Settings, check: bool, epoch: u64) -> Result<Self, OutboxError> {
        let directory = settings.directory.clone();
        let quota_bytes = settings.quota_bytes.max(MIN_QUOTA_BYTES);
        let path = database_path(&directory);
        let sqlite = |error: rusqlite::Error| OutboxError::from_sqlite(&directory, &error);

        let connection = Connection::open(&path).map_err(sqlite)?;
        configure(&connection, quota_bytes).map_err(sqlite)?;
        let format: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sqlite)?;
        if format > FORMAT {
            return Err(OutboxError::TooNew { directory, found: format, known: FORMAT });
        }
        if check && fs::metadata(&path).is_ok_and(|file| file.len() <= CHECKED_UP_TO_BYTES) {
            let verdict: String =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
            if verdict != "ok" {
                return Err(OutboxError::Corrupt { directory, detail: verdict });
            }
        }
        if format == 0 {
            create(&connection, epoch).map_err(sqlite)?;
        }
        let counts = Counts::read(&connection).map_err(sqlite)?;
        // The names of the file and its log must outlive a power cut as their contents do.
        File::open(&directory)
            .and_then(|handle| handle.sync_all())
            .map_err(|error| OutboxError::from_io(&directory, &error))?;
        Ok(Self { connection, directory, site: settings.site.clone(), quota_bytes, counts })
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
fn configure(connection: &Connection, quota_bytes: u64) -> rusqlite::Result<()> {
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

fn create(connection: &Connection, epoch: u64) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO meta(key, value) VALUES('epoch', ?1)", [epoch as i64])?;
    transaction.execute(
        "INSERT INTO sqlite_sequence(name, seq) VALUES('outbox', ?1)",
        [(epoch * EPOCH_STRIDE) as i64],
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
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
