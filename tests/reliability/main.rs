//! Shows that no accepted event is lost: kills, power cuts, bad disks, bad brokers, days offline; and that these tests
//! can see loss, by planting defects. `deploy/test reliability` runs it.
//!
//! ```text
//! reliability [--short] [SUITE…]
//! ```
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
mod offline;
mod report;
mod scripts;
mod verdict;
mod victim;

use std::process::ExitCode;

use report::Line;

/// A suite, and how much of it there is in the short and the long form.
struct Suite {
    name: &'static str,
    short: usize,
    long: usize,
    run: fn(usize) -> Vec<Line>,
}

const SUITES: [Suite; 10] = [
    Suite { name: "kills", short: 40, long: 1000, run: kills::at_random },
    Suite { name: "kill-points", short: 1, long: 10, run: kills::at_points },
    Suite { name: "cuts", short: 20, long: 300, run: cuts::cuts },
    Suite { name: "scripts", short: 600, long: 12_000, run: scripts::misbehaviours },
    Suite { name: "offline", short: 1, long: 24, run: offline::hours },
    Suite { name: "full", short: 4, long: 50, run: disk::full },
    Suite { name: "io", short: 120, long: 20, run: disk::errors },
    Suite { name: "bits", short: 150, long: 1000, run: bits::flips },
    Suite { name: "quota", short: 5_000, long: 50_000, run: bits::quota },
    Suite { name: "defects", short: 1, long: 99, run: defects::planted },
];

const USAGE: &str = "usage: reliability [--short] [SUITE[=AMOUNT]…]";

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
    let (flags, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let short = flags.iter().any(|flag| *flag == "--short");
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--short") {
        println!("{USAGE}\nunknown option {unknown}");
        return ExitCode::from(2);
    }
    let mut chosen = Vec::new();
    for name in &names {
        let (name, amount) =
            name.split_once('=').map_or((name.as_str(), None), |(name, amount)| (name, Some(amount)));
        let Some(suite) = SUITES.iter().find(|suite| suite.name == name) else {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            println!("{USAGE}\nno suite is named {name}; there are: {}", known.join(" "));
            return ExitCode::from(2);
        };
        chosen.push((suite, amount.and_then(|amount| amount.parse().ok())));
    }
    if chosen.is_empty() {
        chosen = SUITES.iter().map(|suite| (suite, None)).collect();
    }
    report::head();
    let mut good = true;
    for (suite, amount) in chosen {
        let amount = amount.unwrap_or(if short { suite.short } else { suite.long });
        good &= report::run(|| (suite.run)(amount));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A directory in memory where there is one: nothing here is about syncing.
fn memory_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}
