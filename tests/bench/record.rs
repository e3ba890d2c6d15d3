//! What has been measured, kept in a file from call to call: a JSON object a line, the last of a row counts. A run that is
//! stopped loses no row that was finished.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The file, read.
#[derive(Debug)]
pub(crate) struct Record<F> {
    file: PathBuf,
    rows: BTreeMap<String, Measured<F>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry<F> {
    row: String,
    #[serde(flatten)]
    measured: Measured<F>,
}

/// What was found, and when.
#[derive(Debug, Serialize, Deserialize)]
struct Measured<F> {
    /// A date.
    #[serde(rename = "measured")]
    day: String,
    figures: F,
}

// === impl Record ===

impl<F: Serialize + DeserializeOwned> Record<F> {
    /// What the file holds; nothing where there is none yet.
    ///
    /// # Panics
    /// Where a line is no row.
    pub(crate) fn open(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let entry = |line: &str| -> Entry<F> {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()))
        };
        let rows = text.lines().map(entry).map(|entry| (entry.row, entry.measured)).collect();
        Self { file: file.to_owned(), rows }
    }

    /// The figures of a row.
    pub(crate) fn get(&self, row: impl fmt::Display) -> Option<&F> {
        self.rows.get(&row.to_string()).map(|measured| &measured.figures)
    }

    /// Adds a row, on disk at once.
    pub(crate) fn add(&mut self, row: impl fmt::Display, figures: F) {
        let day = jiff::Zoned::now().date().to_string();
        let entry = Entry { row: row.to_string(), measured: Measured { day, figures } };
        let line = serde_json::to_string(&entry).expect("figures are plain numbers");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.file)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file.display()));
        writeln!(file, "{line}").expect("the disk takes a line");
        self.rows.insert(entry.row, entry.measured);
    }

    /// The first and the last day of measuring.
    pub(crate) fn days(&self) -> Option<(&str, &str)> {
        let days = || self.rows.values().map(|measured| measured.day.as_str());
        Some((days().min()?, days().max()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_there_again_and_the_last_of_a_row_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.jsonl");
        let mut record = Record::open(&file);
        record.add("one", 1);
        record.add("two", 2);
        record.add("one", 3);
        let again: Record<i32> = Record::open(&file);
        assert_eq!([again.get("one"), again.get("two"), again.get("three")], [Some(&3), Some(&2), None]);
        assert!(again.days().is_some_and(|(first, last)| first <= last));
    }
}
