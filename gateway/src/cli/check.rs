//! `moshao check`: every mistake in a configuration file at once.

use std::path::{Path, PathBuf};

use clap::Args;
use moshao_config::{Config, Report};

use super::{Failure, Outcome, print};

/// Every mistake in a configuration file at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moshao check --config /etc/moshao/moshao.toml
  moshao check --config moshao.toml --json

Exit codes: 0 the file is good, 78 it has mistakes. Warnings alone leave it good.")]
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
    let examined = moshao_config::examine(&arguments.config);
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
    match examined.config {
        Some(config) if arguments.json => drop(config),
        Some(config) => print(&summary(&config))?,
        None => return Err(Failure::config(verdict(&arguments.config, report))),
    }
    Ok(())
}

/// `ok: 3 cameras, 2 sensors, 4 rules`.
fn summary(config: &Config) -> String {
    format!(
        "ok: {}, {}, {}",
        count(config.cameras.len(), "camera"),
        count(config.sensors.len(), "sensor"),
        count(config.rules.len(), "rule")
    )
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
}
