//! Problems found in a configuration file, and how people and programs are told of them.
//!
//! A problem points at bytes of the file. It is printed as `file:line:column`, the line with carets under the
//! offending text, the reason, and a hint. Lines and columns count from 1, columns in characters. Passwords that
//! stand in a printed line are replaced by `***`, and messages never quote them.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::secret;

/// Everything found wrong, or worth a look, in one file, in the order of the file.
#[derive(Clone)]
pub struct Report {
    file: String,
    text: String,
    problems: Vec<Problem>,
}

/// One mistake or doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the gateway can run with it.
    pub severity: Severity,
    /// The offending bytes of the file; none where the file itself could not be read.
    pub place: Option<Range<usize>>,
    /// What is wrong: value, unit, limit.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but it probably does not mean what it says.
    Warning,
}

/// A problem for programs: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// `error` or `warning`.
    pub severity: Severity,
    /// Name of the file as it was given.
    pub file: &'a str,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// Column behind the offending text; on the first line of it.
    pub end_column: Option<usize>,
    /// What is wrong.
    pub message: &'a str,
    /// What to do.
    pub hint: Option<&'a str>,
}

/// Where a problem lies, for people.
struct Spot<'a> {
    line: usize,
    line_text: &'a str,
    /// Bytes of `line_text`.
    within: Range<usize>,
}

// === impl Problem ===

impl Problem {
    /// A mistake at these bytes of the file.
    pub(crate) fn error(place: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: Some(place), message: message.into(), hint: None }
    }

    /// A doubt about these bytes of the file.
    pub(crate) fn warning(place: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The nearest of the known words, if one is near; otherwise all of them.
    pub(crate) fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(word, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.hint(format!("known are {}", list(known))),
        }
    }
}

/// The known word closest to `word`, where few enough letters differ to be a slip.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= (letters / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

// === impl Report ===

impl Report {
    /// Sorts the problems into the order of the file.
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>, mut problems: Vec<Problem>) -> Self {
        problems
            .sort_by_key(|problem| problem.place.as_ref().map_or((0, 0), |place| (place.start, place.end)));
        problems.dedup();
        Self { file: file.into(), text: text.into(), problems }
    }

    /// The file could not be read at all.
    pub(crate) fn unreadable(file: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = Problem { severity: Severity::Error, place: None, message: message.into(), hint: None };
        Self::new(file, "", vec![problem])
    }

    /// Adds a mistake that has shown itself after the checks, such as a test that fails.
    pub fn add(&mut self, place: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::error(place, message).hint(hint));
        self.problems
            .sort_by_key(|problem| problem.place.as_ref().map_or((0, 0), |place| (place.start, place.end)));
    }

    /// All problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Number of mistakes.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Number of doubts.
    pub fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }

    /// The problems for programs.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.problems.iter().map(|problem| {
            let spot = problem.place.as_ref().map(|place| self.spot(place));
            let column = |of: fn(&Range<usize>) -> usize| {
                spot.as_ref().map(|spot| spot.line_text[..of(&spot.within)].chars().count() + 1)
            };
            Entry {
                severity: problem.severity,
                file: &self.file,
                line: spot.as_ref().map(|spot| spot.line),
                column: column(|within| within.start),
                end_column: column(|within| within.end),
                message: &problem.message,
                hint: problem.hint.as_deref(),
            }
        })
    }

    /// The first line of a place, and the part of the place that lies on it.
    fn spot(&self, place: &Range<usize>) -> Spot<'_> {
        let start = floor_char_boundary(&self.text, place.start);
        let end = floor_char_boundary(&self.text, place.end.max(start));
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = self.text[line_start..].split('\n').next().unwrap_or_default();
        let line_text = line_text.strip_suffix('\r').unwrap_or(line_text);
        let line = self.text[..line_start].matches('\n').count() + 1;
        let within = (start - line_start).min(line_text.len())..(end - line_start).min(line_text.len());
        Spot { line, line_text, within }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let severity = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let Some(place) = &problem.place else {
                writeln!(f, "{}: {severity}: {}", self.file, problem.message)?;
                continue;
            };
            let spot = self.spot(place);
            let column = spot.line_text[..spot.within.start].chars().count() + 1;
            writeln!(f, "{}:{}:{column}: {severity}: {}", self.file, spot.line, problem.message)?;
            spot.write_line(f)?;
            if let Some(hint) = &problem.hint {
                writeln!(f, "{:>5} = hint: {hint}", "")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}

impl Spot<'_> {
    /// The line with carets under the offending part, secrets replaced by `***`.
    fn write_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = secret::ranges_in_line(self.line_text);
        let shown = |upto: usize| shown(&self.line_text[..upto], &secrets);
        let before = shown(self.within.start).width();
        let carets = shown(self.within.end).width().saturating_sub(before).max(1);
        writeln!(f, "{:>5} |", "")?;
        writeln!(f, "{:>5} | {}", self.line, shown(self.line_text.len()))?;
        writeln!(f, "{:>5} | {:before$}{:^<carets$}", "", "", "")
    }
}

/// A line, or the beginning of one, as it may be shown: secrets and control characters replaced.
fn shown(text: &str, secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        match secrets.iter().find(|range| range.contains(&index)) {
            Some(range) if range.start == index => shown.push_str("***"),
            Some(_) => {}
            None if character.width().is_none() => shown.push(' '),
            None => shown.push(character),
        }
    }
    shown
}

/// The last character boundary at or before `index`.
fn floor_char_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
