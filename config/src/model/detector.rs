//! Detectors.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[detector.NAME]`, or a built-in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// The name that cameras use.
    pub name: String,
    /// Where the model comes from.
    pub model: Model,
    /// Family, where the file alone does not tell it.
    pub family: Option<String>,
    /// Least score of a detection, 0 to 1; the model's own default where absent.
    pub threshold: Option<f32>,
    /// Least score for single labels; overrides `threshold`.
    pub label_thresholds: Vec<(String, f32)>,
    /// Label names, for a file that does not carry them.
    pub labels: Option<Vec<String>>,
    /// New names of single labels, none for those that are dropped; `*` stands for all that are not named.
    pub label_map: Vec<(String, Option<String>)>,
    /// Overlap (intersection over union) from which two candidates are one object; the family's own where absent.
    pub overlap: Option<f32>,
    /// Whether candidates of different labels may be one object; the family's choice where absent.
    pub across_labels: Option<bool>,
    /// Most detections of one picture; the inference's default where absent.
    pub max_detections: Option<usize>,
    /// Tiles and regions that go through the model at once; 1 where absent.
    pub batch: Option<usize>,
    /// Execution provider; `cpu` by default.
    pub provider: String,
}

// === impl Detector ===

impl Detector {
    /// A model with everything left to it and to the processor.
    pub fn new(name: impl Into<String>, model: Model) -> Self {
        Self {
            name: name.into(),
            model,
            family: None,
            threshold: None,
            label_thresholds: Vec::new(),
            labels: None,
            label_map: Vec::new(),
            overlap: None,
            across_labels: None,
            max_detections: None,
            batch: None,
            provider: "cpu".to_owned(),
        }
    }
}

/// Where a detector's model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// Embedded in the binary: `moshao-fire`.
    BuiltIn(String),
    /// An ONNX file.
    File(PathBuf),
}
