//! `[evidence]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::quantity::{Size, Span};

/// Stills and clips: what is recorded, and how long and how much of it the box keeps.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Evidence {
    /// Levels of a camera's own incidents of which a clip is recorded; an empty list for none.
    #[serde(default = "default::clip_levels")]
    #[schemars(inner(range(min = 1, max = 4)))]
    pub clip_levels: Vec<u8>,
    /// Record clips of the cameras that see the place of an alarming sensor, too.
    #[serde(default = "default::yes")]
    pub clip_linked: bool,
    /// How much of a clip lies before the alarm, as far as the camera's memory reaches.
    #[serde(default = "default::pre_roll")]
    #[schemars(extend("x-min" = "0s", "x-max" = "60s"))]
    pub pre_roll: Span,
    /// How much of a clip lies after the alarm.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub post_roll: Span,
    /// Most bytes that all stills may take; beyond it the oldest incidents' go first.
    #[serde(default = "default::still_quota")]
    #[schemars(extend("x-min" = "1MiB", "x-max" = "1024GiB"))]
    pub still_quota: Size,
    /// Most bytes that all clips may take; beyond it the oldest incidents' go first.
    #[serde(default = "default::clip_quota")]
    #[schemars(extend("x-min" = "1MiB", "x-max" = "1024GiB"))]
    pub clip_quota: Size,
    /// How long stills are kept unless they are held; `incidents.keep_evidence` where the key is absent.
    #[schemars(extend("x-min" = "1d", "x-max" = "3650d"))]
    pub keep_stills: Option<At<Span>>,
    /// How long clips are kept unless they are held; `incidents.keep_evidence` where the key is absent.
    #[schemars(extend("x-min" = "1d", "x-max" = "3650d"))]
    pub keep_clips: Option<At<Span>>,
}

// === impl Evidence ===

impl Default for Evidence {
    fn default() -> Self {
        Self {
            clip_levels: default::clip_levels(),
            clip_linked: default::yes(),
            pre_roll: default::pre_roll(),
            post_roll: default::ten_seconds(),
            still_quota: default::still_quota(),
            clip_quota: default::clip_quota(),
            keep_stills: None,
            keep_clips: None,
        }
    }
}
