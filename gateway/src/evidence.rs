//! Evidence: stills kept on the box for the incidents that they belong to.
//!
//! A still is a file `evidence/<incident>/<n>.jpg` below the data directory, on disk for good (file synced, renamed
//! into place, directory synced) before any event speaks of it. Files older than [`KEEP`] are removed, and the oldest
//! incidents before that when all stills together pass [`QUOTA_BYTES`].

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::clock::rfc3339;
use crate::event::Evidence;
use crate::rules::Source;
use crate::worker::link::StillRequest;

/// How long evidence is kept (Decree 799 of 2024, article 17: at least 30 days).
pub const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most bytes that all stills may take.
pub const QUOTA_BYTES: u64 = 1 << 30;
/// Longest side of a still, pixels.
const STILL_SIDE_PX: u32 = 1280;
/// A still that has not come after this many others were asked for will not come.
const WANTED_MAX: usize = 256;

/// The stills on disk.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    zone: TimeZone,
}

/// A still could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep a still at {path}: {source}; check free space and permissions of gateway.data_dir")]
pub struct StoreError {
    path: PathBuf,
    source: std::io::Error,
}

/// Stills that were asked for and have not come yet.
#[derive(Debug, Default)]
pub struct Wanted {
    last: u64,
    of: HashMap<u64, Want>,
}

/// What a still is wanted for.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// Incident id.
    pub incident: String,
    /// The camera that takes it.
    pub source: Source,
}

// === impl Store ===

impl Store {
    /// Evidence below `data_dir`; `zone` for times.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(data_dir: &Path, zone: TimeZone) -> Result<Self, StoreError> {
        let dir = data_dir.join("evidence");
        fs::create_dir_all(&dir).map_err(|source| StoreError { path: dir.clone(), source })?;
        Ok(Store { dir, zone })
    }

    /// Keeps one JPEG for `incident` and returns what events say about it.
    ///
    /// # Errors
    /// Disk full, read-only or broken; nothing is left behind.
    pub fn keep(&self, incident: &str, jpeg: &[u8], taken: Timestamp) -> Result<Evidence, StoreError> {
        let dir = self.dir.join(incident);
        let number = fs::read_dir(&dir).map(Iterator::count).unwrap_or(0) + 1;
        let path = dir.join(format!("{number}.jpg"));
        self.write(&dir, &path, jpeg).map_err(|source| StoreError { path: path.clone(), source })?;
        Ok(Evidence {
            kind: "image".to_owned(),
            mime: "image/jpeg".to_owned(),
            sha256: hex(&Sha256::digest(jpeg)),
            bytes: jpeg.len() as u64,
            reference: format!("evidence/{incident}/{number}.jpg"),
            masked: true,
            taken: rfc3339(taken, &self.zone),
            stream: None,
        })
    }

    fn write(&self, dir: &Path, path: &Path, jpeg: &[u8]) -> std::io::Result<()> {
        if !dir.exists() {
            fs::create_dir(dir)?;
            File::open(&self.dir)?.sync_all()?;
        }
        let unfinished = path.with_extension("tmp");
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(jpeg)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            File::open(dir)?.sync_all()
        });
        if written.is_err() {
            // Best effort: the error that matters is the one returned.
            fs::remove_file(&unfinished).unwrap_or_default();
        }
        written
    }

    /// Removes what is older than [`KEEP`], and the oldest incidents beyond `quota_bytes`. Returns the number of
    /// incidents whose evidence went.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn tidy(&self, now: SystemTime, quota_bytes: u64) -> std::io::Result<usize> {
        let mut incidents = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let (mut bytes, mut newest) = (0, SystemTime::UNIX_EPOCH);
            for file in fs::read_dir(&path)? {
                let about = file?.metadata()?;
                bytes += about.len();
                newest = newest.max(about.modified()?);
            }
            incidents.push((newest, bytes, path));
        }
        incidents.sort();
        let mut total: u64 = incidents.iter().map(|(_, bytes, _)| bytes).sum();
        let mut removed = 0;
        for (newest, bytes, path) in incidents {
            let old = now.duration_since(newest).is_ok_and(|age| age > KEEP);
            if !old && total <= quota_bytes {
                break;
            }
            fs::remove_dir_all(&path)?;
            total -= bytes;
            removed += 1;
        }
        Ok(removed)
    }
}

// === impl Wanted ===

impl Wanted {
    /// Notes a want and returns the request for the camera's worker.
    pub fn ask(
        &mut self,
        want: Want,
        camera: &str,
        picture: Option<u64>,
        subjects: Vec<[f32; 4]>,
    ) -> StillRequest {
        self.last += 1;
        self.of.insert(self.last, want);
        // A worker that died with a request never answers; its entry must not stay for ever.
        self.of.retain(|&request, _| request + WANTED_MAX as u64 > self.last);
        StillRequest {
            request: self.last,
            camera: camera.to_owned(),
            picture,
            max_side_px: STILL_SIDE_PX,
            subjects,
        }
    }

    /// The want that an answer is for.
    pub fn take(&mut self, request: u64) -> Option<Want> {
        self.of.remove(&request)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), TimeZone::UTC).unwrap();
        (dir, store)
    }

    #[test]
    fn a_still_is_on_disk_where_the_event_says_and_has_its_hash() {
        let (dir, store) = store();
        let kept = store.keep("01INC", b"jpeg", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(kept.reference, "evidence/01INC/1.jpg");
        assert_eq!(fs::read(dir.path().join(&kept.reference)).unwrap(), b"jpeg");
        assert_eq!(kept.sha256, "41e5787e9f28562d07b891b1816b492309d646c0f2829743fa4963a9f9cc1d61");
        assert_eq!(
            store.keep("01INC", b"more", Timestamp::UNIX_EPOCH).unwrap().reference,
            "evidence/01INC/2.jpg"
        );
    }

    #[test]
    fn beyond_the_quota_the_oldest_incident_goes_first() {
        let (dir, store) = store();
        for incident in ["old", "new"] {
            store.keep(incident, &[0; 1000], Timestamp::UNIX_EPOCH).unwrap();
        }
        let yesterday = SystemTime::now() - Duration::from_secs(86_400);
        File::open(dir.path().join("evidence/old/1.jpg")).unwrap().set_modified(yesterday).unwrap();
        assert_eq!(store.tidy(SystemTime::now(), 1500).unwrap(), 1);
        assert!(!dir.path().join("evidence/old").exists());
        assert!(dir.path().join("evidence/new").exists());
    }

    #[test]
    fn after_thirty_days_evidence_goes() {
        let (dir, store) = store();
        store.keep("old", &[0; 10], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            store.tidy(SystemTime::now() + KEEP - Duration::from_secs(60), u64::MAX).unwrap(),
            0,
            "not yet"
        );
        assert_eq!(store.tidy(SystemTime::now() + KEEP + Duration::from_secs(60), u64::MAX).unwrap(), 1);
        assert!(!dir.path().join("evidence/old").exists());
    }

    #[test]
    fn a_disk_that_refuses_gives_an_error_that_says_where() {
        let (dir, store) = store();
        fs::remove_dir(dir.path().join("evidence")).unwrap();
        let error = store.keep("01INC", b"jpeg", Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("evidence/01INC/1.jpg"), "{error}");
    }

    #[test]
    fn answers_find_the_incident_they_were_asked_for() {
        let mut wanted = Wanted::default();
        let want = Want { incident: "01INC".to_owned(), source: Source::Camera("gate".to_owned()) };
        let request = wanted.ask(want.clone(), "gate", Some(3), Vec::new());
        assert_eq!(wanted.take(request.request), Some(want));
        assert_eq!(wanted.take(request.request), None, "answered once");
    }
}
