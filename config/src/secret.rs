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

/// A reference that cannot be replaced, and where it stands in its text, bytes.
#[derive(Debug)]
pub(crate) struct BadReference {
    pub at: Range<usize>,
    pub error: SecretError,
}

/// Why what a reference stands for cannot be had. Never the value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("`${{` without `}}`")]
    Open,
    #[error(
        "`${{…}}` that is neither `${{env:NAME}}` nor `${{file:path}}`; a literal `${{` is written `$${{`"
    )]
    Unknown,
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
    pub(crate) fn expand(&self, text: &str, template: Template) -> Result<String, BadReference> {
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
            let start = text.len() - reference.len();
            let end = reference
                .find('}')
                .ok_or(BadReference { at: start..text.len(), error: SecretError::Open })?;
            let value = self
                .value(&reference[2..end])
                .map_err(|error| BadReference { at: start..start + end + 1, error })?;
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
            _ => return Err(SecretError::Unknown),
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

/// The bytes of one line of a file that must not be shown: passwords and secrets after their key, and passwords and
/// robots' keys inside URLs.
///
/// The line may be broken, for that is why it is shown; in doubt more is hidden than need be.
pub(crate) fn ranges_in_line(line: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = ["pass", "secret"]
        .iter()
        .flat_map(|word| line.match_indices(word))
        .filter_map(|(index, _)| after_key(line, index))
        .collect();
    ranges.extend(inside_url(line));
    ranges.extend(KEYS_IN_URLS.iter().filter_map(|begin| key_in_url(line, begin)));
    // A reference is no secret, and showing it helps.
    ranges.retain(|range| !range.is_empty() && !is_reference(&line[range.clone()]));
    ranges
}

/// The value of the key that begins with the word at `index`: `password = "…"`.
fn after_key(line: &str, index: usize) -> Option<Range<usize>> {
    let key = line[index..]
        .trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''));
    let value = key.trim_start().strip_prefix('=')?.trim_start();
    let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        let end = value.find([',', '}', '#']).unwrap_or(value.len());
        return Some(line.len() - value.len()..line.len() - value.len() + end);
    };
    let inner = value.trim_start_matches(quote);
    // Other values may follow only in an inline table; elsewhere a quote inside is a part of the password.
    let end = if line[..index].contains('{') { inner.find(quote) } else { inner.rfind(quote) };
    let start = line.len() - inner.len();
    Some(start..start + end.unwrap_or(inner.len()))
}

/// Between the user's colon and the last `@`.
fn inside_url(line: &str) -> Option<Range<usize>> {
    let at = line.rfind('@')?;
    let value = line[..at].find('=').map_or(0, |equals| equals + 1);
    let head = &line[value..at];
    let start = match head.find("://") {
        Some(scheme) => {
            let authority = scheme + "://".len();
            authority + head[authority..].find(':')? + 1
        }
        // No URL, or a broken one: behind the second colon, or the only one.
        None => {
            let first = head.find(':')? + 1;
            head[first..].find(':').map_or(first, |second| first + second + 1)
        }
    };
    Some(value + start..at)
}

/// What stands before the key of a group robot or of the like.
pub(crate) const KEYS_IN_URLS: [&str; 3] = ["key=", "token=", "/hook/"];

/// From behind `begin` to the end of that part of the URL.
fn key_in_url(line: &str, begin: &str) -> Option<Range<usize>> {
    let start = line.find(begin)? + begin.len();
    let end = line[start..].find(['&', '"', '\'', '#', ' ', ',']).unwrap_or(line.len() - start);
    Some(start..start + end)
}

fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| {
        (inner.starts_with("env:") || inner.starts_with("file:")) && !inner.contains(['$', '}'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        let mut masked = line.to_owned();
        let mut ranges = ranges_in_line(line);
        ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in ranges {
            masked.replace_range(range, "***");
        }
        masked
    }

    #[test]
    fn passwords_in_a_line_are_found_however_broken_it_is() {
        for (line, expected) in [
            (r#"password = "hunter2""#, r#"password = "***""#),
            (r#"password = "hun"ter2""#, r#"password = "***""#),
            (r#"password = 'hunter2' # mine"#, r#"password = '***' # mine"#),
            (r#"password = "hunter2"#, r#"password = "***"#),
            (r#"passwd = hunter2"#, r#"passwd = ***"#),
            (r#""password" = 123456 # six"#, r#""password" = ***# six"#),
            (r#"u = { password = "hunter2", url = "x" }"#, r#"u = { password = "***", url = "x" }"#),
            (r#"url = "rtsp://admin:hunter2@10.0.0.1/""#, r#"url = "rtsp://admin:***@10.0.0.1/""#),
            (r#"url = "rtsp://admin:it's@home@10.0.0.1/""#, r#"url = "rtsp://admin:***@10.0.0.1/""#),
            (r#"url = "rtsp:/admin:hunter2@10.0.0.1/""#, r#"url = "rtsp:/admin:***@10.0.0.1/""#),
            (r#"url = "admin:hunter2@10.0.0.1""#, r#"url = "admin:***@10.0.0.1""#),
            (r#"url = "rtsp://viewer@10.0.0.1:554/""#, r#"url = "rtsp://viewer@10.0.0.1:554/""#),
            (r#"url = "rtsp://a:${env:CAM}@10.0.0.1/""#, r#"url = "rtsp://a:${env:CAM}@10.0.0.1/""#),
            (r#"secret = "hunter2""#, r#"secret = "***""#),
            (r#"url = "https://a.example/send?key=hunter2""#, r#"url = "https://a.example/send?key=***""#),
            (
                r#"url = "https://a.example/send?access_token=hunter2&x=1""#,
                r#"url = "https://a.example/send?access_token=***&x=1""#,
            ),
            (
                r#"url = "https://a.example/bot/v2/hook/hunter2" # f"#,
                r#"url = "https://a.example/bot/v2/hook/***" # f"#,
            ),
            (
                r#"url = "https://a.example/send?key=${env:KEY}""#,
                r#"url = "https://a.example/send?key=${env:KEY}""#,
            ),
            (r#"url = "rtsp://a:${CAM}@10.0.0.1/""#, r#"url = "rtsp://a:***@10.0.0.1/""#),
        ] {
            assert_eq!(masked(line), expected);
        }
    }

    #[test]
    fn references_are_replaced_and_encoded_inside_urls() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cam.pass"), "p@ss/1\r\n").unwrap();
        let variables = [("HOST", "10.0.0.1"), ("URL", "rtsp://a:b@c/d")];
        let environment = Environment::fixed(directory.path(), variables, 1);
        let expand = |text, template| environment.expand(text, template).map_err(|bad| bad.error.to_string());

        assert_eq!(expand("x${file:cam.pass}y", Template::Plain).unwrap(), "xp@ss/1y");
        assert_eq!(
            expand("rtsp://u:${file:cam.pass}@${env:HOST}/", Template::Url).unwrap(),
            "rtsp://u:p%40ss%2F1@10.0.0.1/"
        );
        assert_eq!(
            expand("${env:URL}", Template::Url).unwrap(),
            "rtsp://a:b@c/d",
            "all of the URL stays as it is"
        );
        assert_eq!(expand("a$${env:HOST}", Template::Plain).unwrap(), "a${env:HOST}");
        assert_eq!(expand("${env:NO}", Template::Plain).unwrap_err(), "environment variable `NO` is not set");
        assert!(expand("${file:no.pass}", Template::Plain).unwrap_err().contains("no.pass cannot be read"));
        assert!(expand("${hunter2}", Template::Plain).is_err_and(|error| !error.contains("hunter2")));
    }
}
