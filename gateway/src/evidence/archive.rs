//! The archive: what leaves the evidence on disk, stays or goes, with every access written down.
//!
//! Shared by all who ask for it. An access that cannot be written down does not happen.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moshao_config::EvidencePolicy;
use tracing::{error, info, warn};

use super::hold::{Hold, Holds};
use super::ledger::{Access, Ledger, LedgerError, Seal};
use super::store::{Class, Store, StoreError, digest};
use crate::clock::rfc3339;

/// Folders below the data directory whose files may be exported.
const FOLDERS: [&str; 2] = ["evidence", "diagnoses"];

/// The archive. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Archive {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    data_dir: PathBuf,
    store: Store,
    policy: EvidencePolicy,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    holds: Holds,
}

/// A file that may be exported.
#[derive(Debug)]
pub struct Item {
    file: File,
    /// Length.
    pub bytes: u64,
    /// Of the whole file, hexadecimal.
    pub sha256: String,
}

/// The archive cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Its directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The holds.
    #[error(
        "cannot read holds.json in gateway.data_dir: {0}; repair or remove it: it says what must not be deleted"
    )]
    Holds(io::Error),
}

/// Why an item cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// Not a reference.
    #[error("`{0}` is no reference; expected one as events name it, such as \"evidence/01JD…/1.mp4\"")]
    NoReference(String),
    /// It is not there (any more).
    #[error("there is no `{0}` on this box; evidence is deleted after its time unless it is held")]
    NotThere(String),
    /// The disk.
    #[error("cannot read `{reference}`: {source}")]
    Io {
        /// The item.
        reference: String,
        /// Why.
        source: io::Error,
    },
}

// === impl Archive ===

impl Archive {
    /// Opens the archive below `data_dir`.
    ///
    /// # Errors
    /// See [`ArchiveError`]. A ledger that was tampered with is none: it is set aside, and said so.
    pub fn open(data_dir: &Path, zone: &TimeZone, policy: EvidencePolicy) -> Result<Self, ArchiveError> {
        let store = Store::open(data_dir, zone.clone())?;
        let (ledger, broken) = Ledger::open(data_dir, &rfc3339(Timestamp::now(), zone))?;
        if let Some(broken) = broken {
            error!(%broken, "the access ledger has been changed; it is set aside, and a new one begins");
        }
        let holds = Holds::open(data_dir).map_err(ArchiveError::Holds)?;
        let books = Mutex::new(Books { ledger, holds });
        Ok(Archive { shared: Arc::new(Shared { data_dir: data_dir.to_owned(), store, policy, books }) })
    }

    /// The files.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What is recorded and kept.
    pub fn policy(&self) -> &EvidencePolicy {
        &self.shared.policy
    }

    /// Writes an access down.
    ///
    /// # Errors
    /// The disk; the access must not happen then.
    pub fn record(&self, access: Access) -> io::Result<Seal> {
        let time = self.time();
        self.books().ledger.append(&time, access)
    }

    /// Whether an incident's evidence is held.
    pub fn is_held(&self, incident: &str) -> bool {
        self.books().holds.has(incident)
    }

    /// Holds an incident's evidence.
    ///
    /// # Errors
    /// The disk.
    pub fn hold(&self, incident: &str, by: &str, why: &str) -> io::Result<Seal> {
        let since = self.time();
        let mut books = self.books();
        let access = about(by, "hold", incident, why, "held");
        let seal = books.ledger.append(&since, access)?;
        books.holds.hold(incident, Hold { by: by.to_owned(), since, why: why.to_owned() })?;
        Ok(seal)
    }

    /// Releases an incident's evidence; whether it was held.
    ///
    /// # Errors
    /// The disk.
    pub fn release(&self, incident: &str, by: &str, why: &str) -> io::Result<(bool, Seal)> {
        let time = self.time();
        let mut books = self.books();
        let was_held = books.holds.has(incident);
        let result = if was_held { "released" } else { "was not held" };
        let seal = books.ledger.append(&time, about(by, "release", incident, why, result))?;
        books.holds.release(incident)?;
        Ok((was_held, seal))
    }

    /// Opens an item by the reference that events give it.
    ///
    /// # Errors
    /// See [`ItemError`].
    pub fn item(&self, reference: &str) -> Result<Item, ItemError> {
        let path = self.path(reference).ok_or_else(|| ItemError::NoReference(reference.to_owned()))?;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ItemError::NotThere(reference.to_owned()),
            _ => ItemError::Io { reference: reference.to_owned(), source },
        };
        let file = File::open(path).map_err(failed)?;
        let (sha256, bytes) = digest(&file).map_err(failed)?;
        Ok(Item { file, bytes, sha256 })
    }

    /// Where a clip lies, for whoever sends the file by other means.
    ///
    /// # Errors
    /// See [`ItemError`]; a reference of anything but a clip is none.
    pub fn clip(&self, reference: &str) -> Result<PathBuf, ItemError> {
        let is_clip = |path: &PathBuf| {
            reference.starts_with("evidence/")
                && path.extension().is_some_and(|extension| extension == Class::Clip.extension())
        };
        let path = self.path(reference).filter(is_clip);
        let path = path.ok_or_else(|| ItemError::NoReference(reference.to_owned()))?;
        match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => Err(ItemError::NotThere(reference.to_owned())),
            Err(source) => Err(ItemError::Io { reference: reference.to_owned(), source }),
        }
    }

    /// From now on it is as if the disk took no entry into the ledger.
    #[cfg(test)]
    pub(crate) fn make_ledger_unwritable(&self) {
        self.books().ledger.make_unwritable();
    }

    /// The path of a reference: a folder that may be seen from outside and names without tricks.
    fn path(&self, reference: &str) -> Option<PathBuf> {
        let mut parts = reference.split('/');
        let folder = parts.next().filter(|folder| FOLDERS.contains(folder))?;
        let mut path = self.shared.data_dir.join(folder);
        let allowed = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        for name in parts {
            path.push(Some(name).filter(|name| allowed(name))?);
        }
        (path.extension()? != "tmp").then_some(path)
    }

    /// Removes what is past its time or beyond its quota and not held, and writes that down.
    pub fn tidy(&self, now: SystemTime) {
        let policy = &self.shared.policy;
        for (class, keep) in [(Class::Still, policy.stills), (Class::Clip, policy.clips)] {
            let held = |incident: &str| self.books().holds.has(incident);
            let removed = match self.shared.store.tidy(now, class, keep, held) {
                Ok(removed) => removed,
                Err(error) => {
                    warn!(%error, "old evidence could not be looked at");
                    continue;
                }
            };
            for (incident, why) in removed {
                info!(incident, why, ?class, "evidence removed");
                let item = format!("evidence/{incident}/*.{}", class.extension());
                if let Err(error) = self.record(about("box", "delete", &item, why, "deleted")) {
                    error!(%error, incident, "a deletion cannot be written into the ledger");
                }
            }
        }
    }

    fn time(&self) -> String {
        rfc3339(Timestamp::now(), self.shared.store.zone())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.shared.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An access in the words of the ledger.
pub fn about(who: &str, what: &str, item: &str, why: &str, result: &str) -> Access {
    let [who, what, item, why, result] = [who, what, item, why, result].map(str::to_owned);
    Access { who, what, item, why, result }
}

// === impl Item ===

impl Item {
    /// At most `bytes_max` bytes from `offset` on; none at its end.
    ///
    /// # Errors
    /// The disk.
    pub fn read(&mut self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(bytes_max);
        (&self.file).take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
impl Archive {
    /// In a folder of its own, with 1 GiB each for stills and clips, which are kept for so long.
    pub(crate) fn for_tests(lasting: std::time::Duration) -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let keep = moshao_config::Keep { quota_bytes: 1 << 30, lasting };
        let policy = EvidencePolicy {
            clip_levels: Vec::new(),
            clip_linked: false,
            pre_roll: std::time::Duration::ZERO,
            post_roll: std::time::Duration::ZERO,
            stills: keep,
            clips: keep,
        };
        let archive = Self::open(folder.path(), &TimeZone::UTC, policy).unwrap();
        (folder, archive)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::evidence::ledger::verify;

    const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

    #[test]
    fn what_is_held_outlives_its_time_and_goes_after_its_release() {
        let (dir, archive) = Archive::for_tests(MONTH);
        archive.store().keep_still("01INC", b"jpeg").unwrap();
        archive.hold("01INC", "duty", "case 4711").unwrap();
        let later = SystemTime::now() + MONTH + Duration::from_secs(60);
        archive.tidy(later);
        assert!(dir.path().join("evidence/01INC/1.jpg").exists());
        assert!(archive.release("01INC", "duty", "case closed").unwrap().0);
        archive.tidy(later);
        assert!(!dir.path().join("evidence/01INC").exists());

        let ledger = std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap();
        assert_eq!(verify(&ledger).unwrap().seq, 3);
        let words: Vec<bool> =
            ["\"hold\"", "\"release\"", "\"delete\""].iter().map(|what| ledger.contains(what)).collect();
        assert_eq!(words, [true; 3], "{ledger}");
    }

    #[test]
    fn an_item_is_read_in_parts_and_knows_its_hash() {
        let (_dir, archive) = Archive::for_tests(MONTH);
        archive.store().keep_still("01INC", b"0123456789").unwrap();
        let mut item = archive.item("evidence/01INC/1.jpg").unwrap();
        assert_eq!((item.bytes, item.sha256.len()), (10, 64));
        assert_eq!(item.read(0, 4).unwrap(), b"0123");
        assert_eq!(item.read(8, 4).unwrap(), b"89");
        assert_eq!(item.read(10, 4).unwrap(), b"");
    }

    #[test]
    fn a_clip_is_found_and_nothing_else_is_a_clip() {
        let (dir, archive) = Archive::for_tests(MONTH);
        archive.store().keep_still("01INC", b"jpeg").unwrap();
        std::fs::write(dir.path().join("evidence/01INC/2.mp4"), b"film").unwrap();
        std::fs::create_dir(dir.path().join("diagnoses")).unwrap();
        std::fs::write(dir.path().join("diagnoses/1.mp4"), b"none").unwrap();
        assert_eq!(archive.clip("evidence/01INC/2.mp4").unwrap(), dir.path().join("evidence/01INC/2.mp4"));
        assert!(matches!(archive.clip("evidence/01INC/3.mp4"), Err(ItemError::NotThere(_))));
        for reference in
            ["evidence/01INC/1.jpg", "diagnoses/1.mp4", "evidence/../evidence/01INC/2.mp4", ".mp4", ""]
        {
            assert!(matches!(archive.clip(reference), Err(ItemError::NoReference(_))), "{reference}");
        }
    }

    #[test]
    fn nothing_but_evidence_can_be_had() {
        let (dir, archive) = Archive::for_tests(MONTH);
        std::fs::write(dir.path().join("outbox.db"), b"secret").unwrap();
        archive.store().keep_still("01INC", b"jpeg").unwrap();
        for reference in [
            "outbox.db",
            "evidence/../outbox.db",
            "/etc/passwd",
            "evidence/01INC/../../outbox.db",
            "evidence//1.jpg",
            "evidence/01INC/.1.jpg",
            "",
            "evidence",
        ] {
            assert!(matches!(archive.item(reference), Err(ItemError::NoReference(_))), "{reference}");
        }
        assert!(matches!(archive.item("evidence/01INC/9.jpg"), Err(ItemError::NotThere(_))));
    }
}
