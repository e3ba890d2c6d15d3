//! Scenarios on virtual time: what happens at a site, and every event that leaves the box, to the letter.
//!
//! `MOSHAO_BLESS=1 cargo test -p moshao-tests --test scenarios` writes the events anew; read them before you commit.

mod properties;
mod script;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use script::Scenario;
use stage::{Restarts, play};

/// The issue asks for this many.
const SCENARIOS_MIN: usize = 60;

fn files() -> Vec<(PathBuf, Vec<Scenario>)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(here)
        .expect("the scenarios are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a scenario file is text");
            (path, script::parse(&text))
        })
        .collect()
}

#[test]
fn every_scenario_tells_the_events_that_it_is_written_with() {
    let mut wrong = String::new();
    let mut played = 0;
    for (path, scenarios) in files() {
        let mut events = Vec::new();
        for scenario in &scenarios {
            played += 1;
            let told = play(scenario, Restarts::AsWritten);
            for (step, lines) in scenario.steps.iter().zip(&told) {
                if step.expected != *lines {
                    let name = path.file_name().expect("a name").to_string_lossy();
                    writeln!(wrong, "{name}:{} {}\n  {}", scenario.line, scenario.title, step.text).unwrap();
                    writeln!(wrong, "  expected {:#?}\n  told {lines:#?}", step.expected).unwrap();
                }
            }
            events.push(told);
        }
        if std::env::var_os("MOSHAO_BLESS").is_some() {
            bless(&path, &scenarios, &events);
        }
    }
    assert!(played >= SCENARIOS_MIN, "{played} scenarios");
    assert!(wrong.is_empty() || std::env::var_os("MOSHAO_BLESS").is_some(), "{wrong}");
}

#[test]
fn a_restart_before_and_after_everything_changes_no_event() {
    for (path, scenarios) in files() {
        for scenario in &scenarios {
            let (straight, restarted) =
                (play(scenario, Restarts::AsWritten), play(scenario, Restarts::Everywhere));
            assert_eq!(straight, restarted, "{}:{} {}", path.display(), scenario.line, scenario.title);
        }
    }
}

/// Writes the events that were told into the file; everything else stays.
fn bless(path: &Path, scenarios: &[Scenario], events: &[Vec<Vec<String>>]) {
    let text = fs::read_to_string(path).expect("the file was read before");
    let mut steps = scenarios.iter().zip(events).flat_map(|(scenario, told)| scenario.steps.iter().zip(told));
    let mut written = String::new();
    for line in text.lines().filter(|line| !line.starts_with("> ")) {
        writeln!(written, "{line}").unwrap();
        let is_step = line.starts_with(|c: char| c.is_ascii_digit());
        if is_step {
            let (step, lines) = steps.next().expect("as many steps as lines");
            assert_eq!(step.text, line.trim_end());
            lines.iter().for_each(|event| writeln!(written, "> {event}").unwrap());
        }
    }
    fs::write(path, written).expect("the file can be written");
}
