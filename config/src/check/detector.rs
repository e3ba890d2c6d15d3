//! `[detector.NAME]`, and the detectors that are built in.

use super::Check;
use crate::model::{Detector, Model};
use crate::raw::{At, Detector as Raw, Named};
use crate::report::Problem;

/// Detectors inside the binary and the labels that they know.
pub(super) const BUILT_IN: [(&str, &[&str]); 1] = [("moshao-fire", &["fire", "smoke"])];

impl Check<'_> {
    /// The detectors of the file, each with where its name stands.
    pub(super) fn detectors(&mut self, sections: &Named<Raw>) -> Vec<(At<String>, Option<Detector>)> {
        sections.0.iter().map(|(name, section)| (name.clone(), self.detector(name, section))).collect()
    }

    fn detector(&mut self, name: &At<String>, section: &Raw) -> Option<Detector> {
        if BUILT_IN.iter().any(|(built_in, _)| *built_in == name.as_str()) {
            self.error(name.place(), format!("`{}` is built in", **name), "choose another name");
        }
        let labels = self.labels(section);
        for (label, _) in &section.thresholds.0 {
            if let Some(labels) = labels.as_ref().filter(|labels| !labels.contains(label)) {
                let problem =
                    Problem::error(label.place(), format!("`thresholds`: there is no label `{}`", **label));
                self.problems.push(problem.did_you_mean(label, labels.iter().map(String::as_str)));
            }
        }
        let file = section.file.as_ref()?;
        Some(Detector {
            name: name.to_string(),
            model: Model::File(self.model_file("file", file)?),
            family: section.family.clone(),
            threshold: section.threshold.map(|score| score as f32),
            label_thresholds: section
                .thresholds
                .0
                .iter()
                .map(|(label, score)| (label.to_string(), score.0 as f32))
                .collect(),
            labels,
            provider: section.provider.clone(),
        })
    }

    /// Path of an ONNX file; a doubt where it is not on this machine.
    pub(super) fn model_file(&mut self, key: &str, file: &At<String>) -> Option<std::path::PathBuf> {
        if !file.ends_with(".onnx") {
            self.error(file.place(), format!("`{key}` must be an ONNX file"), "its name must end in .onnx");
            return None;
        }
        let path = self.environment.path(file);
        if !path.is_file() {
            let message = format!("`{key}`: there is no file {} on this machine", path.display());
            self.problems.push(Problem::warning(file.place(), message));
        }
        Some(path)
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

/// Labels that a detector knows, where the file or the binary tells them.
pub(super) fn known_labels(detector: &Detector) -> Option<Vec<&str>> {
    match &detector.model {
        Model::BuiltIn(name) => {
            BUILT_IN.iter().find(|(built_in, _)| built_in == name).map(|(_, labels)| labels.to_vec())
        }
        Model::File(_) => detector.labels.as_ref().map(|labels| labels.iter().map(String::as_str).collect()),
    }
}
