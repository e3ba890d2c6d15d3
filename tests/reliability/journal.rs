//! What the victim tells, line by line, in a file outside of the disk that it loses: the truth that the centre is held
//! against. A line is one write, so it is there once the system call has returned, whatever happens to its writer.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One thing that the victim tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The outbox has accepted this event.
    Accepted(String),
    /// The outbox will be told that this event has been delivered.
    Delivered(String),
    /// The first PUBACK has come.
    Puback,
    /// The outbox has refused an event, for this reason.
    Refused(String),
    /// The outbox says that its storage fails, for this reason.
    Degraded(String),
    /// The outbox says that its storage works again.
    Recovered,
    /// Nothing waits any more.
    Drained,
}

/// The writing end.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<File>);

// === impl Journal ===

impl Journal {
    /// Appends to the file at this path.
    pub(crate) fn open(path: &Path) -> Self {
        let file =
            File::options().create(true).append(true).open(path).expect("a journal outside of the disk");
        Self(Mutex::new(file))
    }

    pub(crate) fn tell(&self, line: &Line) {
        let text = match line {
            Line::Accepted(id) => format!("A {id}\n"),
            Line::Delivered(id) => format!("D {id}\n"),
            Line::Puback => "P\n".to_owned(),
            Line::Refused(reason) => format!("X {reason}\n"),
            Line::Degraded(reason) => format!("F {reason}\n"),
            Line::Recovered => "R\n".to_owned(),
            Line::Drained => "E\n".to_owned(),
        };
        let mut file = self.0.lock().expect("no holder panics");
        file.write_all(text.as_bytes()).expect("the journal takes a line");
    }
}

/// The reading end: remembers how far it has come.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    read_bytes: u64,
}

// === impl Reader ===

impl Reader {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, read_bytes: 0 }
    }

    /// Whole lines that have been written since the last call.
    pub(crate) fn news(&mut self) -> Vec<Line> {
        let mut bytes = Vec::new();
        // Before the victim has made the file there is no news.
        if let Ok(mut file) = File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read_bytes)).expect("a file can be read from any place");
            file.read_to_end(&mut bytes).expect("the journal can be read");
        }
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
        self.read_bytes += bytes.len() as u64;
        String::from_utf8_lossy(&bytes).lines().filter_map(parse).collect()
    }
}

fn parse(line: &str) -> Option<Line> {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match kind {
        "A" => Line::Accepted(rest.to_owned()),
        "D" => Line::Delivered(rest.to_owned()),
        "P" => Line::Puback,
        "X" => Line::Refused(rest.to_owned()),
        "F" => Line::Degraded(rest.to_owned()),
        "R" => Line::Recovered,
        "E" => Line::Drained,
        _ => return None,
    })
}
