//! Legal holds: incidents whose evidence stays beyond its time and its quota until somebody releases it.
//!
//! A file `holds.json` in the data directory, replaced as a whole with each change.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Name of the file in the data directory.
const FILE: &str = "holds.json";

/// Who holds an incident's evidence, since when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who asked, as the centre says.
    pub by: String,
    /// RFC 3339.
    pub since: String,
    /// The reason that was given.
    pub why: String,
}

/// All holds, by incident.
#[derive(Debug)]
pub struct Holds {
    path: PathBuf,
    of: BTreeMap<String, Hold>,
}

// === impl Holds ===

impl Holds {
    /// The holds of `data_dir`.
    ///
    /// # Errors
    /// The file is there and cannot be read: nothing may be deleted then.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let of = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Holds { path, of })
    }

    /// Whether an incident's evidence must stay.
    pub fn has(&self, incident: &str) -> bool {
        self.of.contains_key(incident)
    }

    /// Holds an incident's evidence; the first hold counts where there is one already.
    ///
    /// # Errors
    /// The disk; nothing has changed then.
    pub fn hold(&mut self, incident: &str, hold: Hold) -> io::Result<()> {
        let mut of = self.of.clone();
        of.entry(incident.to_owned()).or_insert(hold);
        self.replace(of)
    }

    /// Releases an incident's evidence; false where it was not held.
    ///
    /// # Errors
    /// The disk; nothing has changed then.
    pub fn release(&mut self, incident: &str) -> io::Result<bool> {
        let mut of = self.of.clone();
        let was_held = of.remove(incident).is_some();
        self.replace(of)?;
        Ok(was_held)
    }

    fn replace(&mut self, of: BTreeMap<String, Hold>) -> io::Result<()> {
        let unfinished = self.path.with_extension("tmp");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(&of)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        self.of = of;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(why: &str) -> Hold {
        Hold { by: "duty".to_owned(), since: "2026-11-26T12:00:00+08:00".to_owned(), why: why.to_owned() }
    }

    #[test]
    fn a_hold_lasts_over_restarts_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let mut holds = Holds::open(dir.path()).unwrap();
        holds.hold("01INC", hold("case 4711")).unwrap();
        holds.hold("01INC", hold("again")).unwrap();
        let mut holds = Holds::open(dir.path()).unwrap();
        assert_eq!(holds.of["01INC"].why, "case 4711");
        assert!(holds.has("01INC") && !holds.has("02INC"));
        assert!(holds.release("01INC").unwrap() && !holds.release("01INC").unwrap());
        assert!(!Holds::open(dir.path()).unwrap().has("01INC"));
    }

    #[test]
    fn a_file_that_makes_no_sense_is_an_error_and_not_an_empty_list() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(Holds::open(dir.path()).is_err());
    }
}
