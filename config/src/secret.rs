//! Secrets: `${env:NAME}` and `${file:path}` inside URLs, user names and passwords.
//!
//! A reference is replaced by the value of an environment variable, or by the contents of a file (relative to the
//! configuration file) without the line break at its end. `$${` stands for a literal `${`. Values never appear in a
//! problem; [`ranges_in_line`] finds those written into the file itself, so that no printed line shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest secret file, bytes: a key or a password, not a disk.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What a substituted value must not bring into a URL: everything but unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a file may refer to: the machine that it is checked on.
pub struct Environment {
    directory: PathBuf,
    variables: Variables,
    /// CPU cores, the default number of camera workers.
    pub(crate) cores: usize,
}

enum Variables {
    OfProcess,
    Only(BTreeMap<String, String>),
}

/// What a reference stands for cannot be had. Says why, never the value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("`${{` without `}}`")]
    Open,
    #[error("`${{{0}}}` is neither `${{env:NAME}}` nor `${{file:path}}`")]
    Unknown(String),
    #[error("environment variable `{0}` is not set")]
    NoVariable(String),
    #[error("secret file {path} cannot be read: {reason}")]
    NoFile { path: String, reason: String },
    #[error("{0} is empty")]
    Empty(String),
}

/// What kind of text the references stand in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Template {
    /// Values are taken as they are.
    Plain,
    /// Values that are a part of the URL are percent-encoded; one that is all of it is taken as it is.
    Url,
}

// === impl Environment ===

impl Environment {
    /// The variables of this process, and files relative to `directory`.
    pub fn of_process(directory: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Self { directory: directory.into(), variables: Variables::OfProcess, cores }
    }

    /// These variables only, files relative to `directory`, and this many cores.
    pub fn fixed<const N: usize>(
        directory: impl Into<PathBuf>,
        variables: [(&str, &str); N],
        cores: usize,
    ) -> Self {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { directory: directory.into(), variables: Variables::Only(variables.into()), cores }
    }

    /// A path of the file, which is relative to the file.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// Replaces every reference in `text`.
    pub(crate) fn expand(&self, text: &str, template: Template) -> Result<String, SecretError> {
        let only_a_reference = is_reference(text);
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find("${") {
            let (before, reference) = rest.split_at(dollar);
            if let Some(before) = before.strip_suffix('$') {
                expanded.push_str(before);
                expanded.push_str("${");
                rest = &reference[2..];
                continue;
            }
            expanded.push_str(before);
            let end = reference.find('}').ok_or(SecretError::Open)?;
            let value = self.value(&reference[2..end])?;
            match template {
                Template::Url if !only_a_reference => expanded.extend(utf8_percent_encode(&value, RESERVED)),
                _ => expanded.push_str(&value),
            }
            rest = &reference[end + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The value behind `env:NAME` or `file:path`.
    fn value(&self, reference: &str) -> Result<String, SecretError> {
        let value = match reference.split_once(':') {
            Some(("env", name)) => {
                self.variable(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))?
            }
            Some(("file", path)) => read_secret(&self.path(path))?,
            _ => return Err(SecretError::Unknown(reference.to_owned())),
        };
        if value.is_empty() { Err(SecretError::Empty(reference.to_owned())) } else { Ok(value) }
    }

    fn variable(&self, name: &str) -> Option<String> {
        match &self.variables {
            // A NUL or `=` in the name makes `var_os` of some platforms panic.
            Variables::OfProcess if name.is_empty() || name.contains(['=', '\0']) => None,
            Variables::OfProcess => std::env::var(name).ok(),
            Variables::Only(variables) => variables.get(name).cloned(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("directory", &self.directory).finish_non_exhaustive()
    }
}

fn read_secret(path: &Path) -> Result<String, SecretError> {
    let failed = |reason: String| SecretError::NoFile { path: path.display().to_string(), reason };
    let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !metadata.is_file() {
        return Err(failed("not a regular file".to_owned()));
    }
    if metadata.len() > MAX_SECRET_BYTES {
        return Err(failed(format!("{} bytes, allowed are {MAX_SECRET_BYTES}", metadata.len())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The bytes of one line of a file that must not be shown: passwords after `password =` and inside URLs.
pub(crate) fn ranges_in_line(line: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (index, word) in line.match_indices("password") {
        let after = &line[index + word.len()..];
        let unquoted = after.trim_start_matches(['"', '\'']);
        let Some(value) = unquoted.trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        let start = line.len() - value.len();
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = value.trim_start_matches(quote);
                let start = line.len() - inner.len();
                ranges.push(start..start + inner.find(quote).unwrap_or(inner.len()));
                continue;
            }
            Some(_) => value.find([',', '}', '#']).unwrap_or(value.len()),
            None => continue,
        };
        ranges.push(start..start + end);
    }
    for (index, separator) in line.match_indices("://") {
        let start = index + separator.len();
        let end = line[start..].find(['"', '\'', ' ', '\t']).map_or(line.len(), |length| start + length);
        let Some(at) = line[start..end].rfind('@') else { continue };
        let Some(colon) = line[start..start + at].find(':') else { continue };
        ranges.push(start + colon + 1..start + at);
    }
    // A reference is no secret, and showing it helps.
    ranges.retain(|range| !range.is_empty() && !is_reference(&line[range.clone()]));
    ranges
}

fn is_reference(text: &str) -> bool {
    text.strip_prefix("${")
        .and_then(|text| text.strip_suffix('}'))
        .is_some_and(|inner| !inner.contains(['$', '}']))
}
