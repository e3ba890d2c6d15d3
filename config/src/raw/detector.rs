//! `[detector.NAME]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Named, default};

/// A detector of your own.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Detector {
    /// ONNX file, relative to the configuration file, or the name of a detector that is built in or in the catalogue
    /// (`moshao models list`).
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
    /// TOML file, relative to the configuration file, that renames labels (`car = "vehicle"`; two with one name become one)
    /// and drops them (`cat = false`; `"*" = false` drops all that are not named). `thresholds` and rules take the new names.
    pub label_map: Option<At<String>>,
    /// Overlap (intersection over union) from which two candidates are one object. The family's own where the key is absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub overlap: Option<f64>,
    /// Whether overlapping candidates of different labels are one object. The family's choice where the key is absent.
    pub across_labels: Option<bool>,
    /// Most detections of one picture. 300 where the key is absent.
    #[schemars(range(min = 1, max = 10000))]
    pub max_detections: Option<usize>,
    /// Tiles and regions that go through the model at once, where its batch dimension is free. Helps accelerators; a
    /// processor gains nothing.
    #[schemars(range(min = 1, max = 16), extend("x-unit" = "pictures"))]
    pub batch: Option<usize>,
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
