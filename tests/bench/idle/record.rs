//! What has been measured, kept in a file from call to call: a JSON object a line, the last of a row counts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::row::Row;

/// What one contestant used on one scene.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) cameras: usize,
    /// Processor time for one second of one camera, seconds; the median of the repeats.
    pub(crate) cpu: f64,
    /// Memory of all its processes, bytes.
    pub(crate) memory_bytes: u64,
    /// What each camera really sent, kbit/s.
    pub(crate) sent_kbit_s: f64,
    /// What the simulated cameras took in all, of one core.
    pub(crate) serving: f64,
    /// Pictures that a model looked at, for one second of one camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inferred: Option<f64>,
    /// What only the gateway tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gate: Option<GateFigures>,
}

/// What the gateway counted meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateFigures {
    /// Share of the time in which cameras were awake.
    pub(crate) awake: f64,
    /// Key frames looked at, for one second of one camera.
    pub(crate) looks: f64,
    /// Access units and pictures dropped: the decoders or the detector came too late for them.
    pub(crate) behind: f64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    row: String,
    /// When, a date.
    measured: String,
    figures: Figures,
}

/// The file, read.
#[derive(Debug)]
pub(crate) struct Record {
    file: PathBuf,
    rows: BTreeMap<String, (String, Figures)>,
}

// === impl Record ===

impl Record {
    /// What the file holds; nothing where there is none yet.
    pub(crate) fn open(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let entry = |line: &str| -> Entry {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()))
        };
        let rows =
            text.lines().map(entry).map(|entry| (entry.row, (entry.measured, entry.figures))).collect();
        Self { file: file.to_owned(), rows }
    }

    pub(crate) fn get(&self, row: Row) -> Option<&Figures> {
        self.rows.get(&row.to_string()).map(|(_, figures)| figures)
    }

    /// Adds a row, on disk at once.
    pub(crate) fn add(&mut self, row: Row, figures: Figures) {
        let entry = Entry { row: row.to_string(), measured: jiff::Zoned::now().date().to_string(), figures };
        let line = serde_json::to_string(&entry).expect("figures are plain numbers");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.file)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file.display()));
        writeln!(file, "{line}").expect("the disk takes a line");
        self.rows.insert(entry.row, (entry.measured, entry.figures));
    }

    /// The first and the last day of measuring.
    pub(crate) fn days(&self) -> Option<(&str, &str)> {
        let days = || self.rows.values().map(|(day, _)| day.as_str());
        Some((days().min()?, days().max()?))
    }
}
