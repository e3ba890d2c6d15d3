//! `[change]`: how the configuration changes while the gateway runs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::quantity::Span;

/// How the configuration changes while the gateway runs: by a save of the file, on SIGHUP, by the page, by the centre.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Change {
    /// Whether the file is read as soon as it has been saved and then left alone for 3 s. Without it only SIGHUP, the page and
    /// the centre have it read. Files behind `${file:…}` are not looked at.
    #[serde(default = "default::yes")]
    pub on_save: bool,
    /// How long a changed configuration is watched. Where a camera that it touches, a broker or the workers are not as well
    /// as before meanwhile, the gateway goes back to the last good one. The configuration that ran before says how long.
    #[serde(default = "default::trial")]
    #[schemars(extend("x-min" = "0s", "x-max" = "1h"))]
    pub trial: Span,
    /// Ed25519 keys of the centre: a configuration that one of them has signed is taken by the command `configure`. Each is
    /// the line that `moshao bundle key` prints, or `${file:centre.pub}` for a PEM file. Without a key nobody may push.
    #[serde(default)]
    #[schemars(extend("examples" = KEYS_EXAMPLES, "items" = serde_json::json!({ "type": "string", "x-secrets": true })))]
    pub keys: Vec<At<String>>,
}

const KEYS_EXAMPLES: [[&str; 1]; 2] =
    [["MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="], ["${file:centre.pub}"]];

// === impl Change ===

impl Default for Change {
    fn default() -> Self {
        Self { on_save: default::yes(), trial: default::trial(), keys: Vec::new() }
    }
}
