//! What a gateway starts with: its file, or what ran last where the file cannot be used.

use std::path::PathBuf;

use moshao_config::Report;

use super::fall::Fall;
use super::files::{Files, State, Version};

/// A text that has not run through its trial yet is started so often; a gateway that dies each time goes back.
pub(super) const STARTS_MAX: u32 = 3;

/// What to start with.
#[derive(Debug)]
pub struct Start {
    pub(super) files: Files,
    pub(super) state: State,
    pub(super) version: Version,
    /// What has run through its trial.
    pub(super) good: Option<Version>,
    /// Why it is not what stands in the file.
    pub(super) instead: Option<Instead>,
    /// What is doubtful about the file.
    pub doubts: Option<Report>,
}

/// Why something else runs than the file says.
#[derive(Debug)]
pub(super) enum Instead {
    /// The file cannot be used.
    Refused(String),
    /// It was used, and failed.
    RolledBack(Fall),
}

// === impl Start ===

impl Start {
    /// Reads the file and what lies beside it.
    ///
    /// # Errors
    /// Everything that is wrong with the file, where there is nothing to go back to.
    pub fn choose(file: PathBuf) -> Result<Self, Report> {
        let files = Files::new(file);
        let (mut state, good) = (files.state(), files.last_good());
        let (version, doubts) = match (files.read(), &good) {
            (Ok(read), _) => read,
            (Err(report), Some(good)) => {
                let (version, instead) = (good.clone(), Some(Instead::Refused(report.to_string())));
                let good = Some(good.clone());
                return Ok(Start { files, state, version, good, instead, doubts: None });
            }
            (Err(report), None) => return Err(report),
        };
        let mut start =
            Start { files, state: State::default(), version, good, instead: None, doubts: Some(doubts) };
        if !start.is_proven() {
            let sha256 = start.version.sha256();
            if state.on_trial != sha256 {
                (state.on_trial, state.starts) = (sha256, 0);
            }
            state.starts += 1;
            if state.starts > STARTS_MAX {
                start.go_back();
            }
            // Where it cannot be kept, starts are not counted, and nothing else is amiss.
            start.files.keep_state(&state).unwrap_or_default();
        }
        start.state = state;
        Ok(start)
    }

    /// Whether it has run through its trial before.
    pub(super) fn is_proven(&self) -> bool {
        self.good.as_ref().is_some_and(|good| good.text == self.version.text)
    }

    fn go_back(&mut self) {
        let Some(good) = &self.good else { return };
        self.version = good.clone();
        self.instead = Some(Instead::RolledBack(Fall::Gateway));
        // Where the file cannot be written, the next start goes back again.
        self.files.go_back(&good.text).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const GOOD: &str = "[gateway]\nid = \"gw\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
                        [uplink]\nurl = \"mqtt://127.0.0.1\"\n";

    fn site(text: &str, last_good: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("moshao.toml");
        fs::write(&file, text).unwrap();
        if let Some(good) = last_good {
            fs::write(directory.path().join("moshao.toml.last-good"), good).unwrap();
        }
        (directory, file)
    }

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join(name)).unwrap()
    }

    #[test]
    fn a_file_that_cannot_be_used_is_left_for_whoever_mends_it_and_the_last_good_one_runs() {
        let (directory, file) = site("[gateway]\nid = 7\n", Some(GOOD));
        let start = Start::choose(file).unwrap();
        assert_eq!(start.version.text, GOOD);
        assert!(matches!(&start.instead, Some(Instead::Refused(report)) if report.contains("moshao.toml:2")));
        assert_eq!(read(directory.path(), "moshao.toml"), "[gateway]\nid = 7\n");
    }

    #[test]
    fn without_a_last_good_one_there_is_nothing_to_start_with() {
        let (_directory, file) = site("[gateway]\nid = 7\n", None);
        assert!(Start::choose(file).unwrap_err().has_errors());
    }

    #[test]
    fn a_text_that_ends_the_gateway_each_time_is_given_up() {
        let new = format!("{GOOD}# new\n");
        let (directory, file) = site(&new, Some(GOOD));
        for _ in 0..STARTS_MAX {
            let start = Start::choose(file.clone()).unwrap();
            assert_eq!((start.version.text == new, start.instead.is_none()), (true, true));
        }
        let start = Start::choose(file.clone()).unwrap();
        assert_eq!(start.version.text, GOOD);
        assert!(matches!(start.instead, Some(Instead::RolledBack(_))));
        assert_eq!(read(directory.path(), "moshao.toml"), GOOD, "what runs stands in the file");
        assert_eq!(read(directory.path(), "moshao.toml.failed"), new);
        assert!(Start::choose(file).unwrap().instead.is_none(), "and runs from then on");
    }
}
