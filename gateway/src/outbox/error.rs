//! What can go wrong in the outbox, in words for people and in one bounded word each for metrics and events.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why nothing has been accepted, or the outbox cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// One event is too large.
    #[error("an event takes {bytes} bytes as JSON; the limit is {limit} bytes")]
    EventTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// One saved state is too large.
    #[error("the state {key} takes {bytes} bytes; the limit is {limit} bytes")]
    StateTooLarge {
        /// Its name.
        key: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The quota is used up and nothing can be given up any more.
    #[error("the outbox quota of {quota_bytes} bytes is used up by this one write; raise outbox.quota")]
    QuotaFull {
        /// The quota.
        quota_bytes: u64,
    },
    /// The disk is full.
    #[error("the disk of {} is full ({detail}); free some space", .directory.display())]
    DiskFull {
        /// The outbox directory.
        directory: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The file or its directory is read-only.
    #[error("{} is read-only ({detail}); check the mount and its permissions", .directory.display())]
    ReadOnly {
        /// The outbox directory.
        directory: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Reading, writing or syncing failed.
    #[error("storage in {} fails ({detail}); check the disk and the kernel log", .directory.display())]
    Io {
        /// The outbox directory.
        directory: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The file is damaged or no database.
    #[error("the outbox in {} is damaged ({detail})", .directory.display())]
    Corrupt {
        /// The outbox directory.
        directory: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Another process has it.
    #[error("the outbox in {} is in use by another process; one gateway needs a data directory of its own", .directory.display())]
    InUse {
        /// The outbox directory.
        directory: PathBuf,
    },
    /// Written by a newer Moshao.
    #[error("the outbox in {} has format {found}, this version knows formats up to {known}; run the newer version", .directory.display())]
    TooNew {
        /// The outbox directory.
        directory: PathBuf,
        /// Its format.
        found: i64,
        /// The newest known one.
        known: i64,
    },
    /// The linked SQLite has the WAL-reset defect (fixed in 3.51.3).
    #[error("SQLite {found} is linked; 3.51.3 or newer is needed, build with the bundled one")]
    SqliteTooOld {
        /// Its version.
        found: String,
    },
    /// The outbox has been closed.
    #[error("the outbox is closed")]
    Closed,
}

// === impl OutboxError ===

impl OutboxError {
    /// Words of [`OutboxError::reason`] for faults of the storage.
    pub const STORAGE_REASONS: [&str; 5] = ["disk-full", "read-only", "io", "corrupt", "in-use"];

    /// One bounded word for metrics and events.
    pub fn reason(&self) -> &'static str {
        match self {
            OutboxError::EventTooLarge { .. } => "event-too-large",
            OutboxError::StateTooLarge { .. } => "state-too-large",
            OutboxError::QuotaFull { .. } => "quota-full",
            OutboxError::DiskFull { .. } => "disk-full",
            OutboxError::ReadOnly { .. } => "read-only",
            OutboxError::Io { .. } => "io",
            OutboxError::Corrupt { .. } => "corrupt",
            OutboxError::InUse { .. } => "in-use",
            OutboxError::TooNew { .. } => "too-new",
            OutboxError::SqliteTooOld { .. } => "sqlite-too-old",
            OutboxError::Closed => "closed",
        }
    }

    /// The fault lies with the storage and will meet others too; the other errors are about one request.
    pub fn is_storage_fault(&self) -> bool {
        matches!(
            self,
            OutboxError::DiskFull { .. }
                | OutboxError::ReadOnly { .. }
                | OutboxError::Io { .. }
                | OutboxError::Corrupt { .. }
                | OutboxError::InUse { .. }
        )
    }

    /// A storage fault that may pass while the program waits.
    pub(super) fn is_passing(&self) -> bool {
        self.is_storage_fault() && !matches!(self, OutboxError::InUse { .. })
    }

    /// The handle must not be used again: after a failed sync nobody knows what is on disk.
    pub(super) fn spoils_handle(&self) -> bool {
        matches!(self, OutboxError::Io { .. } | OutboxError::Corrupt { .. } | OutboxError::ReadOnly { .. })
    }

    /// What SQLite reports, in our words.
    pub(super) fn from_sqlite(directory: &Path, error: &rusqlite::Error) -> Self {
        let directory = directory.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => OutboxError::DiskFull { directory, detail },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                OutboxError::ReadOnly { directory, detail }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                OutboxError::Corrupt { directory, detail }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OutboxError::InUse { directory },
            None if is_not_as_written(error) => OutboxError::Corrupt { directory, detail },
            _ => OutboxError::Io { directory, detail },
        }
    }

    /// What the file system reports.
    pub(super) fn from_io(directory: &Path, error: &std::io::Error) -> Self {
        let directory = directory.to_owned();
        let detail = error.to_string();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                OutboxError::DiskFull { directory, detail }
            }
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                OutboxError::ReadOnly { directory, detail }
            }
            _ => OutboxError::Io { directory, detail },
        }
    }
}

/// Whether what was read is nothing that was ever written: a value of another type, or no row where there always is one.
fn is_not_as_written(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows
    )
}
