//! The table.

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
    pub(crate) fn skipped(what: &str, wanted: &'static str, reason: impl Into<String>) -> Self {
        Line {
            what: what.to_owned(),
            figure: String::new(),
            wanted,
            outcome: Outcome::Skipped(reason.into()),
        }
    }
}

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | figure | wanted | | seconds |\n|---|---|---|---|---:|");
}

/// Runs suites and prints their lines; answers whether none failed.
pub(crate) fn run(suite: impl FnOnce() -> Vec<Line>) -> bool {
    let begin = Instant::now();
    let lines = suite();
    let each = begin.elapsed() / u32::try_from(lines.len().max(1)).unwrap_or(1);
    for line in &lines {
        print(line, each);
    }
    lines.iter().all(|line| line.outcome != Outcome::Failed)
}

fn print(line: &Line, took: Duration) {
    let outcome = match &line.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed => "**FAILED**".to_owned(),
        Outcome::Skipped(reason) => format!("skipped: {reason}"),
    };
    println!("| {} | {} | {} | {outcome} | {:.0} |", line.what, line.figure, line.wanted, took.as_secs_f64());
}
