//! The configuration file and what lies beside it.
//!
//! | file | what |
//! |---|---|
//! | `NAME` | what runs, but for a file that was edited and not read yet, or refused |
//! | `NAME.last-good` | the text that last ran through its trial: what the gateway goes back to |
//! | `NAME.failed` | the text that the gateway went back from, for whoever mends it |
//! | `NAME.previous` | what stood there before the last change by the page or the centre |
//! | `NAME.state` | what must be known after a restart ([`State`]) |
//!
//! All are written whole or not at all, with the mode and the owner of the configuration file: passwords may stand in
//! them. Beside the file, because a spoilt file does not tell where the data directory is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use moshao_config::{Config, Environment, Report};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;

/// A configuration, and the text that it came from.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// Checked.
    pub(super) config: Config,
    /// As it stands in the file.
    pub(super) text: String,
}

/// Where the configuration lies.
#[derive(Debug, Clone)]
pub(super) struct Files {
    file: PathBuf,
}

/// What must be known after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Number of the last bundle of the centre that was taken: an older one is not taken any more.
    pub(super) bundle: Option<u64>,
    /// SHA-256 of that bundle's text, hexadecimal.
    pub(super) bundle_sha256: String,
    /// SHA-256 of a text that has not run through its trial yet.
    pub(super) on_trial: String,
    /// How often the gateway was started with it.
    pub(super) starts: u32,
    /// Code and correlation id of a refusal that the centre was told of and that stands.
    pub(super) trouble: Option<(String, String)>,
}

// === impl Version ===

impl Version {
    /// SHA-256 of the text, hexadecimal.
    pub(super) fn sha256(&self) -> String {
        sha256(&self.text)
    }
}

// === impl Files ===

impl Files {
    /// The configuration in `file`.
    pub(super) fn new(file: PathBuf) -> Self {
        Files { file }
    }

    /// The file itself.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(&self) -> Result<(Version, Report), Report> {
        // Reported as `moshao check` reports it.
        let text = fs::read_to_string(&self.file);
        let examined = match &text {
            Ok(text) => self.examine(text),
            Err(_) => moshao_config::examine(&self.file),
        };
        match (examined.config, text) {
            (Some(config), Ok(text)) => Ok((Version { config, text }, examined.report)),
            _ => Err(examined.report),
        }
    }

    /// Checks a text as if it stood in the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn check(&self, text: &str) -> Result<(Version, Report), Report> {
        let examined = self.examine(text);
        match examined.config {
            Some(config) => Ok((Version { config, text: text.to_owned() }, examined.report)),
            None => Err(examined.report),
        }
    }

    /// SHA-256 of what stands in the file now, hexadecimal; none where it cannot be read.
    pub(super) fn sha256(&self) -> Option<String> {
        fs::read_to_string(&self.file).ok().map(|text| sha256(&text))
    }

    fn examine(&self, text: &str) -> moshao_config::Examined {
        let directory = self.file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let environment = Environment::of_process(directory.unwrap_or(Path::new(".")));
        moshao_config::examine_text(text, &self.file.display().to_string(), &environment)
    }

    /// What to go back to; none where nothing has run through its trial, or where it cannot be used any more.
    pub(super) fn last_good(&self) -> Option<Version> {
        let text = fs::read_to_string(self.beside("last-good")).ok()?;
        self.check(&text).ok().map(|(version, _)| version)
    }

    /// `text` has run through its trial. A failure is told and changes nothing else.
    pub(super) fn keep_good(&self, text: &str) {
        let file = self.beside("last-good");
        if fs::read_to_string(&file).is_ok_and(|kept| kept == text) {
            return;
        }
        if let Err(error) = self.write_beside(&file, text) {
            warn!(%error, file = %file.display(), "the configuration that runs cannot be kept to go back to");
        }
    }

    /// Goes back to `good`: the file becomes what runs again, and what stood in it is put aside.
    ///
    /// # Errors
    /// The directory cannot be written: the next start will find what has failed.
    pub(super) fn go_back(&self, good: &str) -> io::Result<()> {
        if let Ok(failed) = fs::read_to_string(&self.file)
            && failed != good
        {
            self.write_beside(&self.beside("failed"), &failed)?;
            replace(&self.file, good)?;
        }
        Ok(())
    }

    pub(super) fn state(&self) -> State {
        let Ok(text) = fs::read_to_string(self.beside("state")) else { return State::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            warn!(%error, file = %self.beside("state").display(), "the state of the configuration cannot be read");
            State::default()
        })
    }

    /// # Errors
    /// The directory cannot be written.
    pub(super) fn keep_state(&self, state: &State) -> io::Result<()> {
        let text = serde_json::to_string_pretty(state).map_err(io::Error::other)?;
        self.write_beside(&self.beside("state"), &text)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        beside(&self.file, ending)
    }

    /// Another file with the mode and owner of the configuration.
    fn write_beside(&self, file: &Path, text: &str) -> io::Result<()> {
        write_like(&self.file, file, text)
    }
}

/// Puts `text` in the place of `file` in one step; the old one stays beside it as `NAME.previous`.
///
/// # Errors
/// The directory cannot be written; the file is as it was.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link to the file is followed, so that the link stays one.
    let file = &fs::canonicalize(file)?;
    let previous = beside(file, "previous");
    match fs::remove_file(&previous) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(file, &previous)?;
    write_like(file, file, text)
}

/// Writes `text` whole or not at all, with the mode and owner of `model`.
fn write_like(model: &Path, file: &Path, text: &str) -> io::Result<()> {
    let about = fs::metadata(model).ok();
    let unfinished = beside(file, "new");
    let written = (|| {
        let mode = about.as_ref().map_or(0o600, |about| about.mode() & 0o777);
        let mut out =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
        if let Some(about) = &about {
            // Only root may give a file away; whoever else may write in the directory has the file from then on.
            match chown(&unfinished, Some(about.uid()), Some(about.gid())) {
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
                _ => {}
            }
            out.set_permissions(about.permissions())?;
        }
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&unfinished, file)?;
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    })();
    if written.is_err() {
        // Best effort: the error that matters is the one returned.
        fs::remove_file(&unfinished).unwrap_or_default();
    }
    written
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// SHA-256 of a text, hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn files(text: &str) -> (tempfile::TempDir, Files) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("moshao.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        (directory, Files::new(file))
    }

    #[test]
    fn what_has_failed_is_put_aside_and_the_file_is_what_runs_again() {
        let (directory, files) = files("bad");
        files.go_back("good").unwrap();
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((read("moshao.toml").as_str(), read("moshao.toml.failed").as_str()), ("good", "bad"));
        for name in ["moshao.toml", "moshao.toml.failed"] {
            let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o640, "{name}");
        }
        let mut names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(
            names,
            ["moshao.toml", "moshao.toml.failed", "moshao.toml.previous"],
            "nothing unfinished"
        );
    }

    #[test]
    fn the_new_file_replaces_the_old_one_which_stays_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("moshao.toml");
        fs::write(&file, "first").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        for (text, before) in [("second", "first"), ("third", "second")] {
            replace(&file, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            assert_eq!(fs::read_to_string(dir.path().join("moshao.toml.previous")).unwrap(), before);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing unfinished stays");
    }

    #[test]
    fn the_state_survives_and_a_spoilt_one_is_none() {
        let (directory, files) = files("");
        assert_eq!(files.state(), State::default());
        let state = State { bundle: Some(7), starts: 2, ..State::default() };
        files.keep_state(&state).unwrap();
        assert_eq!(files.state(), state);
        fs::write(directory.path().join("moshao.toml.state"), "{").unwrap();
        assert_eq!(files.state(), State::default());
    }
}
