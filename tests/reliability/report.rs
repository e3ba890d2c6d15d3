//! The table.

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Line {
    /// What was done.
    pub(crate) what: String,
    /// What came out.
    pub(crate) figure: String,
    /// What had to come out.
    pub(crate) wanted: &'static str,
    pub(crate) outcome: Outcome,
}

/// How a suite ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Something is missing on this machine.
    Skipped(String),
}

// === impl Outcome ===

impl Outcome {
    pub(crate) fn of(passed: bool) -> Self {
        if passed { Outcome::Passed } else { Outcome::Failed }
    }
}

// === impl Line ===

impl Line {
    /// Its row of the table.
    fn text(&self, took: Duration) -> String {
        let outcome = match &self.outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Failed => "**FAILED**".to_owned(),
            Outcome::Skipped(reason) => format!("skipped: {reason}"),
        };
        format!(
            "| {} | {} | {} | {outcome} | {:.0} |\n",
            self.what,
            self.figure,
            self.wanted,
            took.as_secs_f64()
        )
    }

    pub(crate) fn skipped(what: &str, wanted: &'static str, reason: impl Into<String>) -> Self {
        Line {
            what: what.to_owned(),
            figure: String::new(),
            wanted,
            outcome: Outcome::Skipped(reason.into()),
        }
    }
}

/// A line on standard error, for whoever waits.
pub(crate) fn progress(text: &str) {
    // Where standard error is closed nobody waits.
    drop(writeln!(std::io::stderr(), "==> {text}"));
}

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | figure | wanted | | seconds |\n|---|---|---|---|---:|");
}

/// Runs a suite and prints its lines; answers whether none failed. A suite that panics has failed, and the next one goes
/// on. With a file for the result, prints what stands there instead where there is one, and keeps what has not failed.
pub(crate) fn run(name: &str, kept: Option<&Path>, suite: impl FnOnce() -> Vec<Line>) -> bool {
    if let Some(text) = kept.and_then(|path| fs::read_to_string(path).ok()) {
        print!("{text}");
        return true;
    }
    let begin = Instant::now();
    let lines = catch_unwind(AssertUnwindSafe(suite)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        let (what, figure) = (name.to_owned(), said.replace('\n', " "));
        vec![Line { what, figure, wanted: "a verdict", outcome: Outcome::Failed }]
    });
    let each = begin.elapsed() / u32::try_from(lines.len().max(1)).unwrap_or(1);
    let text: String = lines.iter().map(|line| line.text(each)).collect();
    print!("{text}");
    let good = lines.iter().all(|line| line.outcome != Outcome::Failed);
    if let (true, Some(path)) = (good, kept) {
        let folder = path.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
        written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
    }
    good
}
