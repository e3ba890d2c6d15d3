//! `deploy/bench`: the gateway against others and against itself, side by side in one run.
//!
//! ```text
//! bench [live|gate|idle|outbox] [--short] [--compositions FOLDER]
//! ```
//!
//! [`live`] is the table where none is named: cameras that always show something. [`gate`] measures what is missed
//! while cameras sleep, [`idle`] what sleeping saves, [`outbox`] what it costs to lose nothing. Each prints Markdown.
//! `--short` measures less of everything.

mod contestants;
mod gate;
mod idle;
mod latency;
mod live;
mod outbox;
mod report;

use std::path::PathBuf;

use moshao_tests::footage::cache_dir;

/// What was asked for on the command line.
struct Arguments {
    table: Table,
    is_short: bool,
    /// Where compositions are kept from run to run; some hundred megabytes.
    compositions: PathBuf,
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
    report::machine();
    match arguments.table {
        Table::Live => live::measure(arguments.is_short),
        Table::Gate => gate::measure(arguments.is_short, &arguments.compositions),
        Table::Idle => idle::measure(arguments.is_short, &arguments.compositions),
        Table::Outbox => outbox::measure(arguments.is_short),
    }
}

// === impl Arguments ===

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Self {
        let compositions = cache_dir().join("compositions");
        let mut arguments = Self { table: Table::Live, is_short: false, compositions };
        while let Some(word) = words.next() {
            match word.as_str() {
                "live" => arguments.table = Table::Live,
                "gate" => arguments.table = Table::Gate,
                "idle" => arguments.table = Table::Idle,
                "outbox" => arguments.table = Table::Outbox,
                "--short" => arguments.is_short = true,
                "--compositions" => {
                    arguments.compositions = words.next().expect("--compositions wants a folder").into();
                }
                other => {
                    panic!(
                        "unknown argument {other:?}; usage: bench [live|gate|idle|outbox] [--short] [--compositions FOLDER]"
                    )
                }
            }
        }
        arguments
    }
}
