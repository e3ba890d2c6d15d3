//! Logs: structured, on standard error, for people or as one JSON object a line.
//!
//! INFO: something an operator did or should know once. WARN: something failed and is being repaired, nothing is lost.
//! ERROR: something is lost or needs a person. Never one line a picture. `MOSHAO_LOG` takes a filter such as
//! `info,moshao::camera=debug`; workers inherit it and [`FORMAT_VARIABLE`] from their parent.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::EnvFilter;

/// Environment variable that tells a worker the format of its parent.
pub const FORMAT_VARIABLE: &str = "MOSHAO_LOG_FORMAT";

/// Lines that are remembered for whoever asks for a diagnosis.
const RECENT_LINES: usize = 400;
/// Longest line that is remembered whole, bytes.
const LINE_BYTES: usize = 1000;

static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Standard error, and the memory of the latest lines.
struct Tee;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging, `quiet` with warnings and errors only. A second call changes nothing.
pub fn init(format: Format, quiet: bool) {
    // The broker inside the demo reports every closed connection as an error; retina notes what is not wrong.
    let default = if quiet { "warn,rumqttd=off" } else { "info,rumqttd=off,retina=warn" };
    let filter = EnvFilter::try_from_env("MOSHAO_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Tee)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        Format::Text => builder.with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(already) = started {
        tracing::debug!(%already, "logging was started before");
    }
}

/// The latest lines of this process, oldest first.
pub fn recent() -> Vec<String> {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

// === impl Tee ===

impl Write for Tee {
    /// A whole line, as the formatter hands it over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let short = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES)]);
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(short.trim_end().to_owned());
        if recent.len() > RECENT_LINES {
            recent.pop_front();
        }
        drop(recent);
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The format that the parent has told this worker.
pub fn inherited_format() -> Format {
    match std::env::var(FORMAT_VARIABLE).as_deref() {
        Ok("json") => Format::Json,
        _ => Format::Text,
    }
}

// === impl Format ===

impl Format {
    /// The word for [`FORMAT_VARIABLE`].
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
        }
    }
}
