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
    /// Execution provider; `cpu` by default.
    pub provider: String,
}

/// Where a detector's model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// Embedded in the binary: `moshao-fire`.
    BuiltIn(String),
    /// An ONNX file.
    File(PathBuf),
}
