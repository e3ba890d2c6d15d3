//! `[detector.NAME]`, and the detectors that are built in or in the catalogue.

use std::path::PathBuf;

use super::Check;
use crate::label_map;
use crate::model::{Detector, Model};
use crate::raw::{self, At, Detector as Raw};
use crate::report::Problem;

/// Detectors inside the binary and the labels that they know.
const BUILT_IN: [(&str, &[&str]); 1] = [("moshao-fire", &["fire", "smoke"])];

/// Detectors that `moshao models pull` fetches.
pub const CATALOGUE: [&str; 3] = ["yolox-nano", "fastestdet", "ultraface-rfb-320"];

/// Where pulled detectors lie, beside the configuration file or in the data directory.
const MODELS_FOLDER: &str = "models";

impl Check<'_> {
    /// The detectors of the file, each with where its name stands.
    pub(super) fn detectors(&mut self, file: &raw::File) -> Vec<(At<String>, Option<Detector>)> {
        let data_dir = file.data_dir();
        let sections = file.detector.0.iter();
        sections.map(|(name, section)| (name.clone(), self.detector(name, section, &data_dir))).collect()
    }

    fn detector(&mut self, name: &At<String>, section: &Raw, data_dir: &str) -> Option<Detector> {
        if built_in(name).is_some() {
            let hint =
                format!("choose another name, and write `file = \"{}\"` to set something of it", **name);
            self.error(name.place(), format!("`{}` is built in", **name), hint);
        }
        let built_in = section.file.as_ref().and_then(|file| built_in(file));
        let labels = self.labels(section).or_else(|| built_in.as_ref()?.labels.clone());
        let label_map = self.label_map(section, labels.as_deref());
        let told = labels.as_ref().map(|labels| label_map::told(labels, &label_map));
        for (label, _) in &section.thresholds.0 {
            if let Some(labels) = told.as_ref().filter(|labels| !labels.contains(&label.as_str())) {
                let problem =
                    Problem::error(label.place(), format!("`thresholds`: there is no label `{}`", **label));
                self.problems.push(problem.did_you_mean(label, labels.iter().copied()));
            }
        }
        let model = match built_in {
            Some(built_in) => built_in.model,
            None => Model::File(self.model_file("file", section.file.as_ref()?, data_dir)?),
        };
        let thresholds = section.thresholds.0.iter();
        Some(Detector {
            family: section.family.clone(),
            threshold: section.threshold.map(|score| score as f32),
            label_thresholds: thresholds.map(|(label, score)| (label.to_string(), score.0 as f32)).collect(),
            labels,
            label_map,
            overlap: section.overlap.map(|overlap| overlap as f32),
            across_labels: section.across_labels,
            max_detections: section.max_detections,
            batch: section.batch,
            provider: section.provider.clone(),
            ..Detector::new(name.to_string(), model)
        })
    }

    /// Path of an ONNX file or of a pulled detector; a doubt where it is not on this machine.
    pub(super) fn model_file(&mut self, key: &str, file: &At<String>, data_dir: &str) -> Option<PathBuf> {
        if CATALOGUE.contains(&file.as_str()) {
            return Some(self.pulled(key, file, data_dir));
        }
        if !file.ends_with(".onnx") {
            let hint = "its name must end in .onnx, or be one that `moshao models list` shows";
            self.error(file.place(), format!("`{key}` must be an ONNX file"), hint);
            return None;
        }
        let path = self.environment.path(file);
        if !path.is_file() {
            let message = format!("`{key}`: there is no file {} on this machine", path.display());
            self.problems.push(Problem::warning(file.place(), message));
        }
        Some(path)
    }

    /// Where a detector of the catalogue lies, or is to lie.
    fn pulled(&mut self, key: &str, name: &At<String>, data_dir: &str) -> PathBuf {
        let file = format!("{}.onnx", **name);
        let folders =
            [self.environment.path(data_dir).join(MODELS_FOLDER), self.environment.path(MODELS_FOLDER)];
        if let Some(path) = folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file()) {
            return path;
        }
        let [folder, _] = folders;
        let message = format!("`{key}`: detector `{}` is not on this machine yet", **name);
        let hint = format!("fetch it: moshao models pull {} --dir {}", **name, folder.display());
        self.problems.push(Problem::warning(name.place(), message).hint(hint));
        folder.join(file)
    }

    /// The label map of a detector; a problem where it cannot be read, or names labels that the detector has not.
    fn label_map(&mut self, section: &Raw, labels: Option<&[String]>) -> Vec<(String, Option<String>)> {
        let Some(file) = &section.label_map else { return Vec::new() };
        let path = self.environment.path(file);
        let read = std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"));
        let map = match read.and_then(|text| label_map::parse(&text)) {
            Ok(map) => map,
            Err(reason) => {
                let message = format!("`label_map`: {} {reason}", path.display());
                self.problems.push(Problem::error(file.place(), message));
                return Vec::new();
            }
        };
        for name in labels.map(|labels| label_map::strangers(labels, &map)).unwrap_or_default() {
            let message = format!("`label_map`: {} names `{name}`, which is no label", path.display());
            let known = labels.unwrap_or_default().iter().map(String::as_str);
            self.problems.push(Problem::error(file.place(), message).did_you_mean(name, known));
        }
        map
    }

    fn labels(&mut self, section: &Raw) -> Option<Vec<String>> {
        match (&section.labels, &section.labels_file) {
            (Some(labels), Some(file)) => {
                self.error(
                    file.place(),
                    "`labels` and `labels_file` stand beside each other",
                    "keep one of the two",
                );
                Some(labels.to_vec())
            }
            (Some(labels), None) => Some(labels.to_vec()),
            (None, Some(file)) => {
                let path = self.environment.path(file);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Some(
                        text.lines()
                            .map(str::trim)
                            .filter(|line| !line.is_empty())
                            .map(str::to_owned)
                            .collect(),
                    ),
                    Err(error) => {
                        let message = format!("`labels_file`: {} cannot be read: {error}", path.display());
                        self.problems.push(Problem::error(file.place(), message));
                        None
                    }
                }
            }
            (None, None) => None,
        }
    }
}

/// The detector inside the binary that has this name.
pub(super) fn built_in(name: &str) -> Option<Detector> {
    let (name, labels) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
    let labels = Some(labels.iter().map(|label| (*label).to_owned()).collect());
    Some(Detector { labels, ..Detector::new(*name, Model::BuiltIn((*name).to_owned())) })
}

/// Names of the detectors that need no section.
pub(super) fn ready_made<'a>() -> impl Iterator<Item = &'a str> {
    BUILT_IN.iter().map(|(name, _)| *name).chain(CATALOGUE)
}

/// Labels that one or the other of these detectors tells; none where there is no detector, or one whose labels stand only in
/// its model.
pub(super) fn labels_of_any<'a>(detectors: &[&'a Detector]) -> Option<Vec<&'a str>> {
    let told =
        |detector: &&'a Detector| Some(label_map::told(detector.labels.as_ref()?, &detector.label_map));
    let known: Option<Vec<Vec<&str>>> = detectors.iter().map(told).collect();
    known.map(|known| known.concat()).filter(|known| !known.is_empty())
}
