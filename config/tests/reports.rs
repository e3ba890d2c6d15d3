//! What people read when a file is wrong: expected texts in `tests/reports`, one for each wrong file.
//!
//! `MOSHAO_BLESS=1 cargo test -p moshao-config` rewrites the expected texts.

use std::path::Path;

use moshao_config::{Environment, examine_text};

fn report_is_as_expected(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let file = format!("{name}.toml");
    let text = std::fs::read_to_string(directory.join(&file)).unwrap();
    let environment = Environment::fixed("/etc/moshao", [("CAM_PASSWORD", "from-the-environment")], 4);
    let report = examine_text(&text, &file, &environment).report;
    let told = report.to_string();
    assert!(!told.contains("hunter2"), "a password is shown:\n{told}");
    assert!(!told.contains("from-the-environment"), "a password is shown:\n{told}");

    let expected = directory.join(format!("{name}.txt"));
    if std::env::var_os("MOSHAO_BLESS").is_some() {
        std::fs::write(&expected, &told).unwrap();
    }
    let expected = std::fs::read_to_string(expected).unwrap_or_default();
    assert!(told == expected, "the report of {file} has changed; it is now:\n{told}");
}

#[test]
fn dozens_of_mistakes_are_told_at_once() {
    report_is_as_expected("mistakes");
}

#[test]
fn broken_syntax_does_not_hide_the_rest() {
    report_is_as_expected("broken");
}

#[test]
fn an_empty_file_misses_three_sections() {
    report_is_as_expected("empty");
}

#[test]
fn what_does_not_go_together_is_told() {
    report_is_as_expected("together");
}
