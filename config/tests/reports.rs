//! What people read when a file is wrong: expected texts in `tests/reports`, one for each wrong file.
//!
//! `MOSHAO_BLESS=1 cargo test -p moshao-config` rewrites the expected texts.

use std::path::Path;

use moshao_config::{Environment, examine, examine_text};

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
fn zones_hours_readings_and_tests_are_checked() {
    report_is_as_expected("rules");
}

#[test]
fn an_empty_file_misses_three_sections() {
    report_is_as_expected("empty");
}

#[test]
fn what_does_not_go_together_is_told() {
    report_is_as_expected("together");
}

#[test]
fn what_devices_announce_is_not_said_again() {
    report_is_as_expected("announced");
}

#[test]
fn expressions_are_pointed_into() {
    report_is_as_expected("expressions");
}

#[test]
fn keys_of_sinks_stay_out_of_the_file() {
    report_is_as_expected("sinks");
}

#[test]
fn programs_are_told_columns_in_characters() {
    let text = "[grid]\r\ncode = \"510104001001003\"\r\nname = \"第三网格\" # \r\n\"名\" = 1\r\n";
    let report = examine_text(text, "moshao.toml", &Environment::fixed(".", [], 1)).report;
    let entry = report.entries().find(|entry| entry.line == Some(4)).unwrap();
    assert_eq!((entry.column, entry.end_column), (Some(1), Some(4)));
    assert_eq!(entry.message, "unknown key `名` in [grid]");
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!((json["severity"].as_str(), json["file"].as_str()), (Some("error"), Some("moshao.toml")));
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem_without_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let report = examine(&directory.path().join("absent.toml")).report;
    assert_eq!((report.errors(), report.entries().next().unwrap().line), (1, None));
    assert!(report.to_string().contains("absent.toml: error: cannot read the configuration: No such file"));

    let latin = directory.path().join("latin.toml");
    std::fs::write(&latin, b"[grid]\nname = \"\xe9\"\n").unwrap();
    let told = examine(&latin).report.to_string();
    assert!(told.contains("not UTF-8 text from byte 15 on; save the file as UTF-8"), "{told}");
}
