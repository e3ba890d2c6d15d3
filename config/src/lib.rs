//! The configuration file of the Moshao gateway.
//!
//! A file goes through two shapes: `raw` is what the file says, with the place of everything in it; [`model`] is what
//! the gateway runs with, checked and complete. Between them every mistake is collected, so that one look at the
//! [`Report`] mends the whole file.
//!
//! ```text
//! text ─▶ syntax ─▶ document (known keys, types, ranges) ─▶ raw ─▶ check (references, secrets, what goes together) ─▶ model
//!            └──────────────┴──────────── problems ───────────────────┴─▶ report
//! ```
//!
//! The `raw` types are also where the JSON Schema ([`schema()`]) and the reference page come from.

mod check;
pub mod codes;
mod document;
pub mod label_map;
pub mod model;
mod plain;
pub mod presets;
mod quantity;
mod raw;
mod reference;
pub mod report;
pub mod sample;
mod schema;
mod secret;
mod syntax;

use std::path::Path;

pub use check::CATALOGUE;
pub use model::*;
pub use plain::plain_secrets;
pub use reference::reference;
pub use report::{Problem, Report, Severity};
pub use schema::schema;
pub use secret::Environment;

/// A file that has been looked at.
#[derive(Debug)]
pub struct Examined {
    /// What the gateway runs with; none where the report has errors.
    pub config: Option<Config>,
    /// Everything found, warnings too.
    pub report: Report,
}

/// Reads and checks a file with the environment of this process. Warnings are dropped; see [`examine`].
///
/// # Errors
/// Every mistake in the file, or that it cannot be read.
pub fn load(path: &Path) -> Result<Config, Report> {
    examine(path).into_result()
}

/// Checks the text of a file. Warnings are dropped; see [`examine_text`].
///
/// # Errors
/// Every mistake in the text.
pub fn parse(text: &str, file_name: &str, environment: &Environment) -> Result<Config, Report> {
    examine_text(text, file_name, environment).into_result()
}

/// Reads and checks a file with the environment of this process. Paths in it are relative to its directory.
pub fn examine(path: &Path) -> Examined {
    let name = path.display().to_string();
    let unreadable = |message: String| Examined { config: None, report: Report::unreadable(&name, message) };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(format!("cannot read the configuration: {error}")),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            return unreadable(format!("not UTF-8 text from byte {at} on; save the file as UTF-8"));
        }
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    examine_text(&text, &name, &Environment::of_process(directory))
}

/// Checks the text of a file and reports everything found, warnings too.
pub fn examine_text(text: &str, file_name: &str, environment: &Environment) -> Examined {
    let mut problems = Vec::new();
    let document = document::read(text, &mut problems);
    let config = document.file.as_ref().and_then(|file| {
        check::Check { document: &document, environment, problems: &mut problems }.file(file)
    });
    let report = Report::new(file_name, text, problems);
    Examined { config: config.filter(|_| !report.has_errors()), report }
}

// === impl Examined ===

impl Examined {
    fn into_result(self) -> Result<Config, Report> {
        self.config.ok_or(self.report)
    }
}
