//! The access ledger: who had what evidence out of the box, or removed it, when and why (Decree 799 of 2024, article
//! 16: a register of accesses and exports with their reasons).
//!
//! A file `ledger.jsonl` in the data directory, one JSON object a line, only ever appended to. Each entry carries the
//! hash of the one before, so that a change, a removal or an insertion anywhere shows at the next start and to whoever
//! checks with [`verify`]. Cutting off the end does not show in the file alone: therefore answers to the centre carry
//! number and hash of the entry that they made, and the centre can hold them against the file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the file in the data directory.
pub const FILE: &str = "ledger.jsonl";
/// Longest reason, characters.
pub const REASON_MAX: usize = 200;
/// The hash before the first entry.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Who asked, as the centre says; `page ADDRESS` for a visitor of the local page, `box` for what the gateway does by
    /// itself.
    pub who: String,
    /// `export`, `still`, `clip`, `hold`, `release`, `diagnose`, `delete`, `ledger-broken`.
    pub what: String,
    /// The file or the incident.
    pub item: String,
    /// The reason that was given.
    pub why: String,
    /// What came of it.
    pub result: String,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1 on.
    pub seq: u64,
    /// RFC 3339.
    pub time: String,
    /// What is written down.
    pub access: Access,
    /// Hash of the entry before.
    pub previous: String,
    /// SHA-256 of this entry without its hash, hexadecimal.
    pub hash: String,
}

/// Number and hash of an entry: proves that it was there, and all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Number of the entry.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// Where a ledger is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the ledger is not what was written: {what}")]
pub struct Broken {
    /// From 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// The ledger, open for appending.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    last: Seal,
}

/// The ledger cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the ledger {path}: {source}; check free space and permissions of gateway.data_dir")]
pub struct LedgerError {
    path: PathBuf,
    source: io::Error,
}

/// A reason that says something, without the space around it.
///
/// # Errors
/// How many characters it has, where that is none or more than [`REASON_MAX`].
pub fn reason(text: &str) -> Result<&str, usize> {
    let text = text.trim();
    match text.chars().count() {
        1..=REASON_MAX => Ok(text),
        count => Err(count),
    }
}

// === impl Ledger ===

impl Ledger {
    /// Opens the ledger in `data_dir` and checks it whole. One that is not what was written is set aside under another
    /// name, and a new one begins with an entry that says so; it is returned what was wrong.
    ///
    /// # Errors
    /// The disk.
    pub fn open(data_dir: &Path, time: &str) -> Result<(Self, Option<Broken>), LedgerError> {
        let path = data_dir.join(FILE);
        Self::open_file(data_dir, &path, time).map_err(|source| LedgerError { path, source })
    }

    fn open_file(data_dir: &Path, path: &Path, time: &str) -> io::Result<(Self, Option<Broken>)> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // A power cut in the middle of an entry leaves half a line, which nobody was told of.
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let open = || File::options().create(true).append(true).open(path);
        match verify(&text[..whole]) {
            Ok(last) => {
                let file = open()?;
                file.set_len(whole as u64)?;
                file.sync_all()?;
                File::open(data_dir)?.sync_all()?;
                Ok((Ledger { file, last }, None))
            }
            Err(broken) => {
                let aside = set_aside(data_dir)?;
                fs::rename(path, data_dir.join(&aside))?;
                let last = Seal { seq: 0, hash: NOTHING.to_owned() };
                let mut ledger = Ledger { file: open()?, last };
                File::open(data_dir)?.sync_all()?;
                let access = Access {
                    who: "box".to_owned(),
                    what: "ledger-broken".to_owned(),
                    item: aside,
                    why: broken.to_string(),
                    result: "set aside".to_owned(),
                };
                ledger.append(time, access)?;
                Ok((ledger, Some(broken)))
            }
        }
    }

    /// Writes an entry; it is on disk when this returns.
    ///
    /// # Errors
    /// The disk. What was asked must then not be done.
    pub fn append(&mut self, time: &str, access: Access) -> io::Result<Seal> {
        let mut entry = Entry {
            seq: self.last.seq + 1,
            time: time.to_owned(),
            access,
            previous: self.last.hash.clone(),
            hash: String::new(),
        };
        entry.hash = hash_of(&entry);
        let before = self.file.metadata()?.len();
        let mut line = serde_json::to_string(&entry).expect("an entry has string keys only");
        line.push('\n');
        if let Err(error) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            // Half a line in the middle would look like tampering. Best effort: the next start checks again.
            self.file.set_len(before).unwrap_or_default();
            return Err(error);
        }
        self.last = Seal { seq: entry.seq, hash: entry.hash };
        Ok(self.last.clone())
    }

    /// The latest entry.
    pub fn last(&self) -> &Seal {
        &self.last
    }

    /// From now on it is as if the disk took nothing.
    #[cfg(test)]
    pub(super) fn make_unwritable(&mut self) {
        self.file = File::open("/dev/null").expect("it is there, and open for reading alone");
    }
}

/// Checks every line of a ledger; the seal of the last.
///
/// # Errors
/// The first line that is not what was written.
pub fn verify(text: &str) -> Result<Seal, Broken> {
    let mut last = Seal { seq: 0, hash: NOTHING.to_owned() };
    for (index, line) in text.lines().enumerate() {
        let broken = |what| Broken { line: index + 1, what };
        let entry: Entry = serde_json::from_str(line).map_err(|_| broken("it is no entry"))?;
        if entry.seq != last.seq + 1 {
            return Err(broken("entries before it are missing or too many"));
        }
        if entry.previous != last.hash {
            return Err(broken("the entry before it has been changed"));
        }
        if entry.hash != hash_of(&entry) {
            return Err(broken("it has been changed"));
        }
        last = Seal { seq: entry.seq, hash: entry.hash };
    }
    Ok(last)
}

/// SHA-256 of everything but the hash itself, in the order of the fields.
fn hash_of(entry: &Entry) -> String {
    let bare = Entry { hash: String::new(), ..entry.clone() };
    let bytes = serde_json::to_vec(&bare).expect("an entry has string keys only");
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name that no ledger set aside has yet.
fn set_aside(data_dir: &Path) -> io::Result<String> {
    let names = (1..).map(|number| format!("ledger-broken-{number}.jsonl"));
    for name in names.take(10_000) {
        if !data_dir.join(&name).exists() {
            return Ok(name);
        }
    }
    Err(io::Error::other("10000 broken ledgers lie there already"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-11-26T12:00:00+08:00";

    fn access(item: &str) -> Access {
        Access {
            who: "duty".to_owned(),
            what: "export".to_owned(),
            item: item.to_owned(),
            why: "case 4711".to_owned(),
            result: "sent".to_owned(),
        }
    }

    /// Three entries, and the file's text.
    fn written() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, broken) = Ledger::open(dir.path(), TIME).unwrap();
        assert_eq!(broken, None);
        for item in ["a", "b", "c"] {
            ledger.append(TIME, access(item)).unwrap();
        }
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        (dir, text)
    }

    #[test]
    fn a_reason_says_something_and_no_novel() {
        assert_eq!(reason(" 案件 4711 "), Ok("案件 4711"));
        assert_eq!((reason(" \n"), reason(&"案".repeat(REASON_MAX + 1))), (Err(0), Err(REASON_MAX + 1)));
        assert!(reason(&"案".repeat(REASON_MAX)).is_ok());
    }

    #[test]
    fn it_goes_on_after_a_restart_in_one_chain() {
        let (dir, text) = written();
        let before = verify(&text).unwrap();
        let (mut ledger, broken) = Ledger::open(dir.path(), TIME).unwrap();
        assert_eq!((broken, ledger.last()), (None, &before));
        let seal = ledger.append(TIME, access("d")).unwrap();
        assert_eq!(seal.seq, 4);
        assert_eq!(verify(&fs::read_to_string(dir.path().join(FILE)).unwrap()), Ok(seal));
    }

    #[test]
    fn every_change_of_a_single_character_shows() {
        let (_, text) = written();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&changed).is_err(), "{at}: {changed}");
        }
    }

    #[test]
    fn a_line_that_is_missing_doubled_or_moved_shows() {
        let (_, text) = written();
        let lines: Vec<&str> = text.lines().collect();
        for order in [&[0, 2][..], &[1, 2], &[0, 1, 1, 2], &[0, 2, 1], &[2]] {
            let changed: Vec<&str> = order.iter().map(|index| lines[*index]).collect();
            assert!(verify(&changed.join("\n")).is_err(), "{order:?}");
        }
    }

    #[test]
    fn a_broken_one_is_set_aside_and_the_next_says_so() {
        let (dir, text) = written();
        fs::write(dir.path().join(FILE), text.replace("case 4711", "case 4712")).unwrap();
        let (ledger, broken) = Ledger::open(dir.path(), TIME).unwrap();
        assert_eq!(broken, Some(Broken { line: 1, what: "it has been changed" }));
        assert_eq!(ledger.last().seq, 1);
        assert!(dir.path().join("ledger-broken-1.jsonl").exists());
        assert!(fs::read_to_string(dir.path().join(FILE)).unwrap().contains("ledger-broken"));
    }

    #[test]
    fn half_a_line_of_a_power_cut_is_no_tampering() {
        let (dir, text) = written();
        fs::write(dir.path().join(FILE), format!("{text}{{\"seq\":4,\"ti")).unwrap();
        let (ledger, broken) = Ledger::open(dir.path(), TIME).unwrap();
        assert_eq!((broken, ledger.last().seq), (None, 3));
        assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), text);
    }
}
