//! `deploy/bench`: the gateway against others and against itself, side by side in one run.
//!
//! ```text
//! bench [live|gate|idle|outbox] [--short|--every] [--compositions FOLDER] [--footage FOLDER] [--results FILE]
//!       [--rows PART,…]
//! ```
//!
//! [`live`] is the table where none is named: cameras that always show something. [`gate`] measures what is missed
//! while cameras sleep, [`idle`] what sleeping saves, [`outbox`] what it costs to lose nothing. Each prints Markdown.
//! `--short` measures less of everything, `--rows` only the rows whose names hold one of the parts. `--every` lets `gate`
//! show each piece of footage to every kind of camera, `--footage` other footage. `idle` and `gate` keep each row in a file
//! of results as soon as it is measured, and measure only those that are missing there.

mod contestants;
mod gate;
mod idle;
mod latency;
mod live;
mod outbox;
mod record;
mod report;

use std::path::PathBuf;

use moshao_tests::footage::cache_dir;

use gate::Extent;

const USAGE: &str = "bench [live|gate|idle|outbox] [--short|--every] [--compositions FOLDER] [--footage FOLDER] \
                     [--results FILE] [--rows PART,…]";

/// What was asked for on the command line.
struct Arguments {
    table: Table,
    is_short: bool,
    is_every: bool,
    /// Videos for [`gate`], in place of those of the test data.
    footage: Option<PathBuf>,
    /// Where compositions are kept from run to run; some hundred megabytes.
    compositions: PathBuf,
    /// Where the rows of [`idle`] and [`gate`] are kept; beside the compositions where it is not named.
    results: Option<PathBuf>,
    /// Parts of the names of the rows to be measured.
    rows: Vec<String>,
}

/// Which tables are made.
#[derive(Clone, Copy)]
enum Table {
    Live,
    Gate,
    Idle,
    Outbox,
}

fn main() {
    let arguments = Arguments::parse(std::env::args().skip(1));
    // The other two make documents, and say it there.
    if matches!(arguments.table, Table::Live | Table::Outbox) {
        report::machine();
    }
    match arguments.table {
        Table::Live => live::measure(arguments.is_short),
        Table::Gate => gate::measure(&arguments.gate()),
        Table::Idle => idle::measure(&arguments.idle()),
        Table::Outbox => outbox::measure(arguments.is_short, &arguments.rows),
    }
}

/// Whether `--rows` asks for the row of this name: it holds one of the parts, or there are none.
fn is_wanted(parts: &[String], name: &str) -> bool {
    parts.is_empty() || parts.iter().any(|part| name.contains(part))
}

// === impl Arguments ===

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Self {
        let compositions = cache_dir().join("compositions");
        let mut arguments = Self {
            table: Table::Live,
            is_short: false,
            is_every: false,
            footage: None,
            compositions,
            results: None,
            rows: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "live" => arguments.table = Table::Live,
                "gate" => arguments.table = Table::Gate,
                "idle" => arguments.table = Table::Idle,
                "outbox" => arguments.table = Table::Outbox,
                "--short" => arguments.is_short = true,
                "--every" => arguments.is_every = true,
                "--footage" => {
                    arguments.footage = Some(words.next().expect("--footage wants a folder").into());
                }
                "--rows" => {
                    let parts = words.next().expect("--rows wants parts of names, such as people,night");
                    arguments.rows = parts.split(',').map(str::to_owned).collect();
                }
                "--compositions" => {
                    arguments.compositions = words.next().expect("--compositions wants a folder").into();
                }
                "--results" => {
                    arguments.results = Some(words.next().expect("--results wants a file").into());
                }
                other => panic!("unknown argument {other:?}; usage: {USAGE}"),
            }
        }
        arguments
    }

    fn gate(self) -> gate::Wish {
        let extent = match (self.is_short, self.is_every) {
            (true, _) => Extent::Short,
            (false, true) => Extent::Every,
            (false, false) => Extent::Ordinary,
        };
        let Self { footage, compositions, results, rows, .. } = self;
        let results = results.unwrap_or_else(|| cache_dir().join("gate.jsonl"));
        gate::Wish { extent, footage, compositions, results, rows }
    }

    fn idle(self) -> idle::Wish {
        let Self { is_short, compositions, results, rows, .. } = self;
        let file = if is_short { "idle-short.jsonl" } else { "idle.jsonl" };
        let results = results.unwrap_or_else(|| cache_dir().join(file));
        idle::Wish { is_short, compositions, results, rows }
    }
}
