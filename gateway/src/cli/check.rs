//! `moshao check`: every mistake in a configuration file at once, and its `[[test]]` tables played.

use std::path::{Path, PathBuf};

use clap::Args;
use moshao_config::{Config, Report};

use super::{Failure, Outcome, print};
use crate::rehearsal;

/// Every mistake in a configuration file at once.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  moshao check --config /etc/moshao/moshao.toml
  moshao check --config moshao.toml --json

Every [[test]] in the file is played through its rules, on virtual time; one that comes out otherwise is a mistake:

  [[test]]
  name = "a car in the fire lane is told after five minutes"
  steps = [{ at = "10s", lasts = "6m", camera = "gate", label = "car", box = [0.4, 0.4, 0.6, 0.7] }]
  expect = [{ code = "FIRE_LANE", device = "gate", opened = "310s" }]

Exit codes: 0 the file is good, 78 it has mistakes. Warnings alone leave it good."#)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// One JSON object a line for each problem: severity, file, line, column, end_column, message, hint.
    #[arg(long)]
    json: bool,
}

/// Prints the problems; fails with exit code 78 where one of them is an error.
pub(super) fn run(arguments: Arguments) -> Outcome {
    let mut examined = moshao_config::examine(&arguments.config);
    if let Some(config) = &examined.config {
        rehearsal::play_all(config, &mut examined.report);
    }
    let report = &examined.report;
    match arguments.json {
        true => {
            for entry in report.entries() {
                print(&serde_json::to_string(&entry).map_err(Failure::failed)?)?;
            }
        }
        false if !report.problems().is_empty() => print(&report.to_string())?,
        false => {}
    }
    match examined.config.filter(|_| !report.has_errors()) {
        Some(config) if arguments.json => drop(config),
        Some(config) => print(&summary(&config))?,
        None => return Err(Failure::config(verdict(&arguments.config, report))),
    }
    Ok(())
}

/// `ok: 3 cameras, 2 sensors, 4 rules`.
fn summary(config: &Config) -> String {
    let mut summary = format!(
        "ok: {}, {}, {}",
        count(config.cameras.len(), "camera"),
        count(config.sensors.len(), "sensor"),
        count(config.rules.len(), "rule")
    );
    if !config.tests.is_empty() {
        summary += &format!(", {} passed", count(config.tests.len(), "test"));
    }
    summary
}

fn verdict(file: &Path, report: &Report) -> String {
    let warnings = match report.warnings() {
        0 => String::new(),
        number => format!(" and {}", count(number, "warning")),
    };
    format!("{} cannot be used: {}{warnings}", file.display(), count(report.errors(), "mistake"))
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use moshao_config::sample::HEAD;

    use super::*;

    fn check(text: &str) -> Outcome {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("moshao.toml");
        std::fs::write(&config, text).unwrap();
        run(Arguments { config, json: true })
    }

    #[test]
    fn a_bad_file_is_exit_code_78_and_counted() {
        let failure = check("[gateway]\nid = 7\n[grid]\ncode = \"1\"\n").unwrap_err();
        assert_eq!(failure.code, 78);
        let told = "moshao.toml cannot be used: 3 mistakes and 2 warnings";
        assert!(failure.message.ends_with(told), "{}", failure.message);
    }

    #[test]
    fn a_good_file_is_summed_up() {
        let text = include_str!("../../../config/examples/minimal.toml").replace("${env:CAM_PASSWORD}", "x");
        assert!(check(&text).is_ok());
        let environment = moshao_config::Environment::of_process(".");
        let config = moshao_config::parse(&text, "minimal.toml", &environment).unwrap();
        assert_eq!(summary(&config), "ok: 1 camera, 1 sensor, 2 rules");
    }

    /// The report of a file with these `[[test]]` tables on top of a site with a fire lane and a smoke alarm.
    fn told(tests: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("own.onnx"), "").unwrap();
        let text = format!("{HEAD}{SITE}{tests}");
        let environment = moshao_config::Environment::of_process(directory.path());
        let mut examined = moshao_config::examine_text(&text, "site.toml", &environment);
        let config = examined.config.unwrap_or_else(|| panic!("{}", examined.report));
        rehearsal::play_all(&config, &mut examined.report);
        examined.report.to_string()
    }

    const SITE: &str = r#"
[detector.own]
file = "own.onnx"
labels = ["person", "car"]
[camera.gate]
url = "rtsp://10.0.0.12/102"
detector = "own"
watches = ["fire-lane"]
zones.lane = [[0.3, 0.3], [0.7, 0.3], [0.7, 1.0], [0.3, 1.0]]
[sensor.kitchen]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/kitchen"
[rule.fire-lane]
blocked = { labels = ["car"], zone = "lane", longer_than = "5m" }
"#;

    /// Every `[[test]]` of an example comes out as expected.
    fn tests_pass(name: &str, text: &str, model: &str, count: usize) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("models")).unwrap();
        std::fs::write(directory.path().join("models").join(model), "").unwrap();
        let variables = ["CAM_PASSWORD", "WECOM_KEY", "DUTY_PHONES", "WEBHOOK_SECRET", "UPLINK_PASSWORD"];
        let variables = variables.map(|name| (name, "x"));
        let environment = moshao_config::Environment::fixed(directory.path(), variables, 1);
        let mut examined = moshao_config::examine_text(text, name, &environment);
        let config = examined.config.unwrap_or_else(|| panic!("{}", examined.report));
        assert_eq!(rehearsal::play_all(&config, &mut examined.report), count);
        assert_eq!(examined.report.to_string(), "");
    }

    #[test]
    fn the_tests_of_the_examples_pass() {
        tests_pass("community", include_str!("../../../config/examples/community.toml"), "street.onnx", 5);
        tests_pass(
            "smart-fire",
            include_str!("../../../config/examples/smart-fire.toml"),
            "car-park.onnx",
            3,
        );
    }

    #[test]
    fn tests_that_come_out_as_expected_say_nothing() {
        let tests = r#"
[[test]]
name = "a car in the fire lane is told after five minutes and over when it has gone"
steps = [{ at = "10s", lasts = "6m", camera = "gate", label = "car", box = [0.4, 0.4, 0.6, 0.7] }]
expect = [{ code = "FIRE_LANE", device = "gate", opened = "310s", closed = "380s", level = 2 }]
[[test]]
name = "a car that passes is not"
steps = [{ at = "0s", lasts = "10m", camera = "gate", label = "car", box = [0.0, 0.4, 0.2, 0.7], to = [0.8, 0.4, 1.0, 0.7] }]
[[test]]
name = "smoke and a weak battery are two things"
start = "2026-07-01T03:00"
steps = [
  { at = "1s", sensor = "kitchen", value = true },
  { at = "2s", sensor = "kitchen", of = "battery", value = 9 },
]
expect = [{ code = "FIRE_SMOKE", opened = "1s" }, { code = "BATT_LOW", opened = "2s", level = 3 }]
"#;
        assert_eq!(told(tests), "");
    }

    #[test]
    fn a_test_that_fails_says_where_and_what_came_instead() {
        let tests = r#"
[[test]]
name = "too impatient"
steps = [{ at = "0s", lasts = "4m", camera = "gate", label = "car" }]
expect = [{ code = "FIRE_LANE", opened = "2m" }]
[[test]]
name = "forgotten"
steps = [{ at = "0s", sensor = "kitchen", value = true }]
"#;
        let told = told(tests);
        assert!(
            told.contains("site.toml:29:11: error: test `too impatient`: FIRE_LANE at 120 s did not come"),
            "{told}"
        );
        assert!(told.contains("hint: what came: nothing"), "{told}");
        assert!(
            told.contains("error: test `forgotten`: not expected: FIRE_SMOKE of kitchen at 0 s, level 1"),
            "{told}"
        );
    }
}
