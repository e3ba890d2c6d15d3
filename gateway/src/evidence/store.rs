//! The files of the evidence, and how long they stay.
//!
//! A file is on disk for good (synced, renamed into place, its directory synced) before any event speaks of it. A clip
//! that was being written when the box lost its power is completed at the next start, as far as it came.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moshao_config::Keep;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clock::rfc3339;
use crate::event::Evidence;

/// The evidence on disk.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    zone: TimeZone,
}

/// Kinds of evidence, each with a quota and a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A JPEG, masked.
    Still,
    /// An MP4, not masked.
    Clip,
}

/// Evidence could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep evidence at {path}: {source}; check free space and permissions of gateway.data_dir")]
pub struct StoreError {
    path: PathBuf,
    source: io::Error,
}

/// A file that has been begun and that nobody speaks of yet.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    incident: String,
    number: u64,
}

/// A file that is on disk for good.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    class: Class,
    sha256: String,
    bytes: u64,
    reference: String,
}

/// A file as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// As events name it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Length.
    pub bytes: u64,
}

/// A clip that the last run left unfinished, completed.
#[derive(Debug, PartialEq)]
pub struct Salvaged {
    /// Incident that it belongs to.
    pub incident: String,
    /// The camera that it was recorded from.
    pub camera: String,
    /// The file.
    pub stored: Stored,
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

    /// The site's time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Keeps one JPEG for `incident`.
    ///
    /// # Errors
    /// Disk full, read-only or broken; nothing is left behind.
    pub fn keep_still(&self, incident: &str, jpeg: &[u8]) -> Result<Stored, StoreError> {
        let (unfinished, mut file) = self.begin(incident, "still")?;
        let path = unfinished.path.clone();
        let kept = match file.write_all(jpeg) {
            Ok(()) => self.place(Class::Still, unfinished, &file),
            Err(source) => Err(StoreError { path: path.clone(), source }),
        };
        if kept.is_err() {
            // Best effort: the error that matters is the one returned.
            fs::remove_file(&path).unwrap_or_default();
        }
        kept
    }

    /// Begins a clip of `camera` for `incident`.
    pub(super) fn begin(&self, incident: &str, camera: &str) -> Result<(Unfinished, File), StoreError> {
        let dir = self.dir.join(incident);
        let failed = |source| StoreError { path: dir.clone(), source };
        if !dir.exists() {
            fs::create_dir(&dir).and_then(|()| File::open(&self.dir)?.sync_all()).map_err(failed)?;
        }
        let mut number = 1 + numbers(&dir).max().unwrap_or(0);
        loop {
            let path = dir.join(format!("{number}.{camera}.tmp"));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let incident = incident.to_owned();
                    return Ok((Unfinished { path, incident, number }, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(StoreError { path, source }),
            }
        }
    }

    /// Puts a clip into its place, for good.
    pub(super) fn finish(&self, unfinished: Unfinished, file: &File) -> Result<Stored, StoreError> {
        self.place(Class::Clip, unfinished, file)
    }

    fn place(&self, class: Class, unfinished: Unfinished, file: &File) -> Result<Stored, StoreError> {
        let Unfinished { path, incident, number } = unfinished;
        let name = format!("{number}.{}", class.extension());
        let placed = file.sync_all().and_then(|()| {
            let (sha256, bytes) = digest(file)?;
            let dir = self.dir.join(&incident);
            fs::rename(&path, dir.join(&name))?;
            File::open(dir)?.sync_all()?;
            Ok((sha256, bytes))
        });
        let (sha256, bytes) = placed.map_err(|source| StoreError { path, source })?;
        Ok(Stored { class, sha256, bytes, reference: format!("evidence/{incident}/{name}") })
    }

    /// References and lengths of what is kept of an incident, in the order in which it came; nothing where there is
    /// none.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self, incident: &str) -> io::Result<Vec<Listed>> {
        if incident.is_empty() || !incident.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Ok(Vec::new());
        }
        let entries = match fs::read_dir(self.dir.join(incident)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(number) = name.split('.').next().and_then(|number| number.parse::<u64>().ok()) else {
                continue;
            };
            if !name.ends_with(".tmp") {
                let reference = format!("evidence/{incident}/{name}");
                files.push((number, Listed { reference, bytes: entry.metadata()?.len() }));
            }
        }
        files.sort_by_key(|(number, _)| *number);
        Ok(files.into_iter().map(|(_, listed)| listed).collect())
    }

    /// Completes what the last run left unfinished: clips as far as they came; half a still goes.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn salvage(&self) -> Result<Vec<Salvaged>, StoreError> {
        let mut salvaged = Vec::new();
        let failed = |source| StoreError { path: self.dir.clone(), source };
        for incident in fs::read_dir(&self.dir).map_err(failed)? {
            let incident = incident.map_err(failed)?;
            if !incident.path().is_dir() {
                continue;
            }
            for file in fs::read_dir(incident.path()).map_err(failed)? {
                let path = file.map_err(failed)?.path();
                let incident = incident.file_name().to_string_lossy().into_owned();
                salvaged.extend(self.salvage_one(incident, path)?);
            }
        }
        Ok(salvaged)
    }

    fn salvage_one(&self, incident: String, path: PathBuf) -> Result<Option<Salvaged>, StoreError> {
        let Some((number, camera)) = unfinished_name(&path) else { return Ok(None) };
        let failed = |source| StoreError { path: path.clone(), source };
        let file = File::options().read(true).write(true).open(&path).map_err(failed)?;
        let whole = whole_boxes(&file).map_err(failed)?;
        if camera == "still" || whole == 0 {
            fs::remove_file(&path).map_err(failed)?;
            return Ok(None);
        }
        file.set_len(whole).map_err(failed)?;
        let unfinished = Unfinished { path: path.clone(), incident: incident.clone(), number };
        let stored = self.place(Class::Clip, unfinished, &file)?;
        Ok(Some(Salvaged { incident, camera, stored }))
    }

    /// Removes what is older than its class is kept for, and beyond a quota the oldest of its class, incident by
    /// incident. What is held stays and does not count. Returns the incidents whose files went, and why.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn tidy(
        &self,
        now: SystemTime,
        class: Class,
        keep: Keep,
        held: impl Fn(&str) -> bool,
    ) -> io::Result<Vec<(String, &'static str)>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let incident = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !held(&incident) {
                folders.extend(Folder::of(incident, entry.path(), class)?);
            }
        }
        folders.sort_by_key(|folder| folder.newest);
        let mut total: u64 = folders.iter().map(|folder| folder.bytes).sum();
        let mut removed = Vec::new();
        for folder in folders {
            let old = now.duration_since(folder.newest).is_ok_and(|age| age > keep.lasting);
            let why = match old {
                true => "past its time",
                false if total > keep.quota_bytes => "beyond the quota",
                false => break,
            };
            for file in folder.files {
                fs::remove_file(file)?;
            }
            total -= folder.bytes;
            // Fails where evidence of another class is still there.
            fs::remove_dir(folder.path).unwrap_or_default();
            removed.push((folder.incident, why));
        }
        Ok(removed)
    }
}

/// The files of one class in an incident's folder.
struct Folder {
    incident: String,
    path: PathBuf,
    newest: SystemTime,
    bytes: u64,
    files: Vec<PathBuf>,
}

// === impl Folder ===

impl Folder {
    /// None where it has no file of this class.
    fn of(incident: String, path: PathBuf, class: Class) -> io::Result<Option<Self>> {
        let (mut bytes, mut newest, mut files) = (0, SystemTime::UNIX_EPOCH, Vec::new());
        for file in fs::read_dir(&path)? {
            let file = file?;
            if file.path().extension().is_some_and(|extension| extension == class.extension()) {
                let about = file.metadata()?;
                bytes += about.len();
                newest = newest.max(about.modified()?);
                files.push(file.path());
            }
        }
        Ok((!files.is_empty()).then_some(Folder { incident, path, newest, bytes, files }))
    }
}

// === impl Class ===

impl Class {
    /// How its files' names end.
    pub fn extension(self) -> &'static str {
        match self {
            Class::Still => "jpg",
            Class::Clip => "mp4",
        }
    }
}

// === impl Stored ===

impl Stored {
    /// What events say of it.
    pub fn evidence(self, masked: bool, taken: Timestamp, zone: &TimeZone) -> Evidence {
        let (kind, mime) = match self.class {
            Class::Still => ("image", "image/jpeg"),
            Class::Clip => ("video", "video/mp4"),
        };
        Evidence {
            kind: kind.to_owned(),
            mime: mime.to_owned(),
            sha256: self.sha256,
            bytes: self.bytes,
            reference: self.reference,
            masked,
            taken: rfc3339(taken, zone),
            stream: None,
            camera: None,
            best: false,
            seconds: None,
            cut: None,
        }
    }
}

/// Numbers of the files in a directory.
fn numbers(dir: &Path) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.split('.').next()?.parse().ok())
}

/// Number and camera of a file that was not finished.
fn unfinished_name(path: &Path) -> Option<(u64, String)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".tmp")?;
    let (number, camera) = name.split_once('.')?;
    Some((number.parse().ok()?, camera.to_owned()))
}

/// Length of the whole boxes that an MP4 file begins with (ISO/IEC 14496-12), bytes; a fragment counts only with its
/// pictures.
fn whole_boxes(mut file: &File) -> io::Result<u64> {
    let end = file.metadata()?.len();
    let (mut at, mut whole) = (0, 0);
    while at + 8 <= end {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        at += size;
        if size < 8 || at > end {
            break;
        }
        if &kind == b"mdat" {
            whole = at;
        }
    }
    Ok(whole)
}

/// SHA-256 of a whole file, hexadecimal, and its length in bytes.
pub(super) fn digest(mut file: &File) -> io::Result<(String, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut file, &mut hash)?;
    Ok((hex(&hash.finalize()), bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
