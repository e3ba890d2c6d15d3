//! `[detector.NAME]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Named, default};

/// A detector of your own.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Detector {
    /// ONNX file, relative to the configuration file.
    #[schemars(required)]
    pub file: Option<At<String>>,
    /// Family of the model (`moshao models inspect FILE`), where the file alone does not tell it.
    pub family: Option<String>,
    /// Least score of a detection. The model's own default where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
    /// Least score for single labels; overrides `threshold`.
    #[serde(default)]
    pub thresholds: Named<Score>,
    /// Label names in the order of the model's classes, for a file that does not carry them.
    #[schemars(length(min = 1))]
    pub labels: Option<At<Vec<String>>>,
    /// Text file with one label a line, relative to the configuration file; instead of `labels`.
    pub labels_file: Option<At<String>>,
    /// Execution provider of ONNX Runtime. Anything but `cpu` needs a runtime that was built with it.
    #[serde(default = "default::provider")]
    #[schemars(extend("enum" = PROVIDERS))]
    pub provider: String,
}

/// A score, 0 to 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Score(#[schemars(range(min = 0.0, max = 1.0))] pub f64);

/// Execution providers that `moshao-inference` knows.
const PROVIDERS: [&str; 7] = ["cpu", "xnnpack", "openvino", "cuda", "tensorrt", "acl", "rknpu"];
