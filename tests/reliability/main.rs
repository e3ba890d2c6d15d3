//! Shows that no accepted event is lost: kills, power cuts, bad disks, bad brokers, days offline; and that these tests
//! can see loss, by planting defects. `deploy/test reliability` runs it.
//!
//! ```text
//! reliability [--short] [--results FOLDER] [SUITE[=AMOUNT]…]
//! ```
//! With a folder for results, a suite whose result lies there is not run again: the long form can be broken off.
//!
//! The judge (`verdict`) stands at the centre and knows only what a subscriber knows, and what the victims' journals
//! (`journal`) say was accepted.

mod bits;
mod centre;
mod cuts;
mod defects;
mod disk;
mod hurry;
mod image;
mod journal;
mod kills;
mod nodes;
mod offline;
mod report;
mod scripts;
mod verdict;
mod victim;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Line;

/// A suite, and how much of it there is in the short and the long form.
struct Suite {
    name: &'static str,
    short: usize,
    long: usize,
    run: fn(usize) -> Vec<Line>,
}

static SUITES: [Suite; 12] = [
    Suite { name: "kills", short: 40, long: 1000, run: kills::at_random },
    Suite { name: "kills-draining", short: 10, long: 200, run: kills::while_draining },
    Suite { name: "kill-points", short: 1, long: 10, run: kills::at_points },
    Suite { name: "cuts", short: 20, long: 300, run: cuts::cuts },
    Suite { name: "scripts", short: 300, long: 12_000, run: scripts::misbehaviours },
    Suite { name: "offline", short: 1, long: 24, run: offline::hours },
    Suite { name: "full", short: 4, long: 50, run: disk::full },
    Suite { name: "io", short: 120, long: 20, run: disk::errors },
    Suite { name: "bits", short: 150, long: 1000, run: bits::flips },
    Suite { name: "quota", short: 5_000, long: 50_000, run: bits::quota },
    Suite { name: "nodes", short: 1, long: 10, run: nodes::killed },
    Suite { name: "defects", short: 0, long: 99, run: defects::planted },
];

const USAGE: &str = "usage: reliability [--short] [--results FOLDER] [SUITE[=AMOUNT]…]";

/// What was asked for on the command line.
#[derive(Default)]
struct Arguments {
    is_short: bool,
    results: Option<PathBuf>,
    /// Suites and how much of each, where that is said; all suites where none is named.
    suites: Vec<(&'static Suite, Option<usize>)>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "victim") {
        let Some(orders) = victim::Orders::parse(&words[1..]) else {
            println!("victims are started by this program itself");
            return ExitCode::from(2);
        };
        victim::run(orders);
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::parse(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            println!("{USAGE}\n{error}");
            return ExitCode::from(2);
        }
    };
    image::keep_mounts_to_ourselves();
    report::head();
    let mut good = true;
    for (suite, amount) in arguments.chosen() {
        let amount = amount.unwrap_or(if arguments.is_short { suite.short } else { suite.long });
        let kept =
            arguments.results.as_ref().map(|folder| folder.join(format!("{}-{amount}.md", suite.name)));
        good &= report::run(suite.name, kept.as_deref(), || (suite.run)(amount));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

// === impl Arguments ===

impl Arguments {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--short" => arguments.is_short = true,
                "--results" => {
                    arguments.results = Some(words.next().ok_or("--results wants a folder")?.into());
                }
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                suite => arguments.suites.push(named(suite)?),
            }
        }
        Ok(arguments)
    }

    fn chosen(&self) -> Vec<(&'static Suite, Option<usize>)> {
        if self.suites.is_empty() {
            SUITES.iter().map(|suite| (suite, None)).collect()
        } else {
            self.suites.clone()
        }
    }
}

/// `kills`, or `kills=40`.
fn named(word: &str) -> Result<(&'static Suite, Option<usize>), String> {
    let (name, amount) = word.split_once('=').map_or((word, None), |(name, amount)| (name, Some(amount)));
    let Some(suite) = SUITES.iter().find(|suite| suite.name == name) else {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(format!("no suite is named {name}; there are: {}", known.join(" ")));
    };
    let amount = amount.map(|text| text.parse().map_err(|_| format!("{text} is no number: {word}")));
    Ok((suite, amount.transpose()?))
}

/// A directory in memory where there is one: nothing here is about syncing.
fn memory_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}
