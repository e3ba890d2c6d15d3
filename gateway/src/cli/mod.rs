//! The command line: one file a command, one list of them here.
//!
//! Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 bad configuration (`EX_CONFIG` of sysexits.h).

mod broker_url;
mod bundle;
mod camera_worker;
mod check;
mod demo;
mod detect;
mod discover;
mod draw;
mod events;
mod init;
mod models;
mod probe;
mod pull;
mod replay;
mod run;
mod schema;
mod sheet;
mod simulate;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use moshao_config::Config;

#[derive(Parser)]
#[command(name = "moshao", version, about, max_term_width = 110, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    /// Every mistake in a configuration file at once.
    Check(check::Arguments),
    Demo(demo::Arguments),
    /// Find objects in pictures and videos.
    Detect(detect::Arguments),
    Init(init::Arguments),
    Discover(discover::Arguments),
    Probe(probe::Arguments),
    Sheet(sheet::Arguments),
    Replay(replay::Arguments),
    /// Know detectors: list, inspect, fetch and verify them.
    Models(models::Arguments),
    /// Sign and verify configurations that the centre pushes to gateways.
    Bundle(bundle::Arguments),
    /// Subscribe as the centre would and print the events.
    Events(events::Arguments),
    /// The JSON Schema of the configuration or of the event, or the AsyncAPI document of the topics.
    Schema(schema::Arguments),
    /// Cameras, sensors and whole fleets that are not there, for trying things out and for tests.
    Simulate(simulate::Arguments),
    #[command(hide = true)]
    CameraWorker(camera_worker::Arguments),
}

/// Why a command failed: the text for people and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// What failed, value with unit, limit, what to do.
    pub message: String,
    /// 1, 2 or 78.
    pub code: u8,
}

/// What a command comes to.
pub type Outcome = Result<(), Failure>;

/// Parses the command line, runs the command, and turns the outcome into an exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome: Outcome = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Detect(arguments) => detect::run(arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Discover(arguments) => discover::run(&arguments),
        Command::Probe(arguments) => probe::run(arguments),
        Command::Sheet(arguments) => sheet::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Bundle(arguments) => bundle::run(arguments),
        Command::Events(arguments) => events::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::CameraWorker(arguments) => camera_worker::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[expect(
                clippy::print_stderr,
                reason = "the one place where a failed command speaks to its user"
            )]
            {
                eprintln!("moshao: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Prints a result on standard output. A reader that has gone away (`| head`) is no failure.
fn print(text: &str) -> Outcome {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Reads the configuration; a bad one ends the command with every mistake and exit code 78.
fn load_config(path: &Path) -> Result<Config, Failure> {
    moshao_config::load(path)
        .map_err(|report| Failure::config(format!("the configuration cannot be used\n{report}")))
}

// === impl Failure ===

impl Failure {
    /// Failed while running: exit code 1.
    pub fn failed(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 1 }
    }

    /// Wrong use of the command line: exit code 2.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 2 }
    }

    /// Bad configuration: exit code 78.
    pub fn config(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 78 }
    }
}
