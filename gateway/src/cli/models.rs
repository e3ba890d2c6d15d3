//! `moshao models`: the catalogue of detectors, and what a model file is.

use std::io::Write;
use std::path::{Path, PathBuf};

use moshao_inference::catalogue::{self, Entry};
use moshao_inference::detector::{Description, Detector, ModelSource, Settings};
use moshao_inference::runtime;
use serde::Serialize;

use super::pull::pull;
use super::{Failure, Outcome, detect};

/// Where pulled models lie, relative to the working directory, unless `--dir` says otherwise.
pub(super) const MODELS_FOLDER: &str = "models";

/// Know detectors: list, inspect, fetch and verify them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao models list
  moshao models inspect my-detector.onnx
  moshao models pull yolox-nano --dir /var/lib/moshao/models
  moshao models verify --dir /var/lib/moshao/models")]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All detectors of the catalogue, with licence and use
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// What a model file is: family, input, labels; or why it is no detector
    Inspect {
        /// An ONNX file, a built-in detector, or one of the catalogue that was pulled
        #[arg(value_name = "FILE|NAME")]
        model: String,
        /// Detector family, where the file alone does not tell it
        #[arg(long)]
        family: Option<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Fetch a detector of the catalogue; resumes, and keeps it only if its SHA-256 agrees
    Pull {
        /// Its name in the catalogue
        name: String,
        /// Folder to put it in
        #[arg(long, value_name = "DIR", default_value = MODELS_FOLDER)]
        dir: PathBuf,
    },
    /// Compare pulled detectors with the catalogue's SHA-256
    Verify {
        /// Folder in which they lie
        #[arg(long, value_name = "DIR", default_value = MODELS_FOLDER)]
        dir: PathBuf,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

/// State of one pulled model, as `verify --json` prints it.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Verified {
    name: String,
    file: PathBuf,
    state: State,
}

#[derive(Debug, Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum State {
    Good,
    Changed,
    NotPulled,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be used or fetched, or one that is not what the catalogue says.
pub(super) fn run(arguments: Arguments) -> Outcome {
    let mut out = std::io::stdout().lock();
    match arguments.action {
        Action::List { json } => list(json, &mut out),
        Action::Inspect { model, family, json } => inspect(&model, family, json, &mut out),
        Action::Pull { name, dir } => fetch(&name, &dir, &mut out),
        Action::Verify { dir, json } => verify(&dir, json, &mut out),
    }
}

fn list(json: bool, out: &mut impl Write) -> Outcome {
    for entry in catalogue::entries() {
        let printed = if json {
            serde_json::to_string(&entry)
                .map_err(std::io::Error::from)
                .and_then(|line| writeln!(out, "{line}"))
        } else {
            let Entry { name, family, input, labels, licence, intended_use, download } = &entry;
            let place =
                download.as_ref().map_or("built in".to_owned(), |d| format!("{} bytes to pull", d.bytes));
            writeln!(out, "{name}\n  {family}, {input}, {labels}; {licence}; {place}\n  {intended_use}")
        };
        printed.map_err(cannot_print)?;
    }
    Ok(())
}

fn inspect(model: &str, family: Option<String>, json: bool, out: &mut impl Write) -> Outcome {
    runtime::load(None).map_err(Failure::failed)?;
    let source = detect::source(model);
    let detector =
        Detector::open(&source, &Settings { family, ..Settings::default() }).map_err(Failure::failed)?;
    let description = detector.description();
    if json {
        let line = serde_json::to_string(description).map_err(Failure::failed)?;
        return writeln!(out, "{line}").map_err(cannot_print);
    }
    let Description { model, family, width, height, batch, threshold, labels, metadata } = description;
    let at_once = if *batch == 1 { String::new() } else { format!(", {batch} pictures at once") };
    let mut text = format!(
        "{model}\n  family     {family}\n  input      {width}x{height}{at_once}\n  threshold  {threshold}\n  labels     {}\n",
        labels.join(", ")
    );
    if let ModelSource::File(path) = &source {
        let bytes = std::fs::read(path).map_err(|e| Failure::failed(format!("{}: {e}", path.display())))?;
        let known = catalogue::sha256(&bytes);
        text += &format!("  sha256     {known}\n");
    }
    // Names are shown above already, and often fill a page.
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "names") {
        text += &format!("  {key:<10} {value}\n");
    }
    write!(out, "{text}").map_err(cannot_print)
}

fn fetch(name: &str, dir: &Path, out: &mut impl Write) -> Outcome {
    let entry = catalogue::entry(name).ok_or_else(|| {
        let names: Vec<String> = catalogue::entries().into_iter().map(|e| e.name).collect();
        Failure::usage(format!("no model {name:?} in the catalogue; there are: {}", names.join(", ")))
    })?;
    let Some(download) = entry.download else {
        return writeln!(out, "{name} is built in; there is nothing to fetch").map_err(cannot_print);
    };
    std::fs::create_dir_all(dir)
        .map_err(|e| Failure::failed(format!("cannot make the folder {}: {e}", dir.display())))?;
    let path = dir.join(format!("{name}.onnx"));
    if state(&path, &download.sha256) != State::Good {
        pull(&download, &path, std::thread::sleep).map_err(Failure::failed)?;
    }
    let licence = entry.licence;
    writeln!(out, "{} is complete ({} bytes, {licence})", path.display(), download.bytes)
        .map_err(cannot_print)
}

fn verify(dir: &Path, json: bool, out: &mut impl Write) -> Outcome {
    let mut changed = Vec::new();
    for entry in catalogue::entries() {
        let Some(download) = entry.download else { continue };
        let file = dir.join(format!("{}.onnx", entry.name));
        let verified = Verified { state: state(&file, &download.sha256), name: entry.name, file };
        let line = if json {
            serde_json::to_string(&verified).map_err(Failure::failed)?
        } else {
            let word = match verified.state {
                State::Good => "good",
                State::Changed => "CHANGED",
                State::NotPulled => "not pulled",
            };
            format!("{:<20} {word}", verified.name)
        };
        writeln!(out, "{line}").map_err(cannot_print)?;
        if verified.state == State::Changed {
            changed.push(verified.file.display().to_string());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "not what the catalogue says: {}; remove and pull again",
        changed.join(", ")
    )))
}

fn state(file: &Path, sha256: &str) -> State {
    match std::fs::read(file) {
        Ok(bytes) if catalogue::sha256(&bytes) == sha256 => State::Good,
        Ok(_) => State::Changed,
        Err(_) => State::NotPulled,
    }
}

fn cannot_print(error: std::io::Error) -> Failure {
    Failure::failed(format!("cannot print: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_listed_for_people_and_machines() {
        let mut text = Vec::new();
        list(false, &mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("moshao-fire\n  yolox, 416x256"));
        let mut lines = Vec::new();
        list(true, &mut lines).unwrap();
        for line in String::from_utf8(lines).unwrap().lines() {
            let entry: Entry = serde_json::from_str(line).unwrap();
            assert!(catalogue::entry(&entry.name).is_some());
        }
    }

    #[test]
    fn a_configuration_knows_the_names_that_can_be_pulled() {
        let pullable = catalogue::entries().into_iter().filter(|entry| entry.download.is_some());
        assert!(
            pullable.map(|entry| entry.name).eq(moshao_config::CATALOGUE),
            "config/src/check/detector.rs"
        );
    }

    #[test]
    fn a_changed_model_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        verify(folder.path(), false, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("not pulled"));
        std::fs::write(folder.path().join("yolox-nano.onnx"), "something else").unwrap();
        let failure = verify(folder.path(), true, &mut Vec::new()).unwrap_err();
        assert!(failure.message.contains("yolox-nano.onnx") && failure.code == 1);
    }

    #[test]
    fn an_unknown_name_is_wrong_usage() {
        let failure = fetch("yolo99", Path::new("."), &mut Vec::new()).unwrap_err();
        assert!(
            failure.code == 2 && failure.message.contains("there are: moshao-fire"),
            "{}",
            failure.message
        );
    }
}
