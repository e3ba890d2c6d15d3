//! Logs: structured, on standard error, for people or as one JSON object a line.
//!
//! INFO: something an operator did or should know once. WARN: something failed and is being repaired, nothing is lost.
//! ERROR: something is lost or needs a person. Never one line a picture. `MOSHAO_LOG` takes a filter such as
//! `info,moshao::camera=debug`; workers inherit it and [`FORMAT_VARIABLE`] from their parent.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Environment variable that tells a worker the format of its parent.
pub const FORMAT_VARIABLE: &str = "MOSHAO_LOG_FORMAT";

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
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        Format::Text => builder.with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(already) = started {
        tracing::debug!(%already, "logging was started before");
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
