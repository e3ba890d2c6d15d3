//! One ONNX detector: preprocessing, the session, and its family's decoding, behind one call.

use std::path::PathBuf;

use crate::picture::{BoxPx, PictureView};

/// Where the bytes of a model come from.
#[derive(Debug, Clone)]
pub enum ModelSource {
    /// Embedded in this crate, by name (`moshao-fire`).
    BuiltIn(String),
    /// An ONNX file.
    File(PathBuf),
}

/// How a detector is to be run. `Default` leaves everything to the model file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Family, where the file alone does not tell it.
    pub family: Option<String>,
    /// Labels, for a file that does not carry them.
    pub labels: Option<Vec<String>>,
    /// Least score; the model's own default where absent.
    pub threshold: Option<f32>,
    /// Least score for single labels.
    pub label_thresholds: Vec<(String, f32)>,
    /// Execution provider; CPU where absent.
    pub provider: Option<String>,
}

/// One object found in one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Index into [`Detector::labels`].
    pub label: usize,
    /// 0..1.
    pub score: f32,
    /// In pixels of the picture that was given.
    pub area: BoxPx,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// To be refined.
    #[error("{0}")]
    Unusable(String),
}

/// Why one picture could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("inference failed: {0}")]
pub struct DetectError(pub String);

/// A loaded detector. One per model and worker; calls take `&mut self`.
pub struct Detector {
    labels: Vec<String>,
}

impl Detector {
    /// Loads a model, recognises its family and proves that it runs (self-test on a grey picture).
    pub fn open(source: &ModelSource, settings: &Settings) -> Result<Self, ModelError> {
        let _ = (source, settings);
        Err(ModelError::Unusable("no family yet".into()))
    }

    /// Names of the labels, by index.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Finds objects; highest score first.
    pub fn detect(&mut self, picture: &PictureView<'_>) -> Result<Vec<Detection>, DetectError> {
        let _ = picture;
        Ok(Vec::new())
    }
}
