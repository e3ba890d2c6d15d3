//! `[camera.ID]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Named, default};
use crate::quantity::Span;

/// A camera.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Camera {
    /// RTSP URL with user and password.
    #[schemars(
        required,
        extend("x-secrets" = true, "examples" = [CAMERA_EXAMPLE])
    )]
    pub url: Option<At<String>>,
    /// RTSP URL of the camera's main stream, where `url` is its sub-stream: it is received and held, and one picture of it
    /// is decoded only when an incident wants a still. While it is down, stills are taken from `url`, and events say so.
    /// Takes up to 6 MiB of the worker's memory.
    #[schemars(extend("x-secrets" = true, "examples" = [MAIN_EXAMPLE]))]
    pub main_url: Option<At<String>>,
    /// Name for people. The id where the key is absent.
    pub name: Option<String>,
    /// Name of a built-in detector (`moshao-fire`), of one of the catalogue (`moshao models list`) or of a `[detector.*]`
    /// section, or an ONNX file.
    #[serde(default = "default::detector")]
    pub detector: At<String>,
    /// Pictures handed to the detector, at most.
    #[serde(default = "default::detections_per_second")]
    #[schemars(range(min = 0.1, max = 30.0), extend("x-unit" = "per second"))]
    pub detections_per_second: f64,
    /// `on`: while nothing moves, only key frames are looked at, which takes a twentieth of the processor time. `off`:
    /// every picture is decoded and looked at.
    #[serde(default)]
    pub gate: Switch,
    /// How much must change before a sleeping camera wakes: `low` for larger and clearer changes, where wind and weather
    /// wake it again and again; `high` for small and faint ones, where people are far away.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// Which cameras are set aside first where the box is too small and doing less of everything does not help: `low`,
    /// then `normal`, then `high`.
    #[serde(default)]
    pub priority: Priority,
    /// Ids of object rules that look at this camera.
    #[serde(default)]
    pub watches: Vec<At<String>>,
    /// Areas that never leave the box in a picture and in which nothing is detected: polygons of `[x, y]`, fractions of
    /// the picture from its top left corner.
    #[serde(default)]
    pub masks: Vec<At<Corners>>,
    /// How far the picture must be turned clockwise to be upright: 0, 90, 180 or 270. Only the detector sees it turned.
    #[serde(default = "default::upright")]
    #[schemars(range(min = 0, max = 270), extend("x-unit" = "degrees"))]
    pub rotate: At<u16>,
    /// Look at overlapping tiles of the picture besides the whole, for small far objects: columns and rows. Each costs an
    /// inference.
    #[schemars(regex(pattern = "^[1-8]x[1-8]$"), extend("x-wants" = TILES_WANT, "examples" = ["2x2"]))]
    pub tiles: Option<At<String>>,
    /// Areas that are looked at, each for itself, and nothing else: polygons like `masks`. The whole picture where there
    /// are none.
    #[serde(default)]
    pub regions: Vec<At<Corners>>,
    /// Places in the picture that rules speak of, by name: polygons of `[x, y]`, fractions of the picture from its top
    /// left corner, not turned. An object is in a zone when the bottom centre of its box, seen upright, is.
    #[serde(default)]
    pub zones: Named<At<Corners>>,
    /// Lines and directions that rules speak of, by name: `[[x, y], [x, y]]`, fractions of the picture from its top left
    /// corner.
    #[serde(default)]
    pub lines: Named<At<Ends>>,
    /// Send the password over Basic authentication too, where the camera offers nothing better. Anyone on the wire can
    /// read it.
    #[serde(default)]
    pub allow_basic: bool,
    /// `on`: pictures that are decoded anyway are looked at for what is wrong with the camera (black, covered, moved,
    /// frozen, blurred, too dark or bright, a tint, noise, stripes), and its stream for torn pictures, its rates and its
    /// clock; what lasts is told to the centre. `off`: only a stream that does not flow is told.
    #[serde(default)]
    pub diagnose: Switch,
    /// Pictures a second that the camera is set to: 30 % more or fewer for five minutes are told. Not watched where the key
    /// is absent.
    #[schemars(range(min = 1.0, max = 120.0), extend("x-unit" = "per second"))]
    pub frame_rate: Option<f64>,
    /// Time between key frames that the camera is set to, told like `frame_rate`.
    #[schemars(extend("x-min" = "100ms", "x-max" = "10s"))]
    pub key_frame_interval: Option<Span>,
    /// Address for people.
    pub address: Option<String>,
    /// Longitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -180.0, max = 180.0), extend("x-unit" = "degrees"))]
    pub lon: Option<At<f64>>,
    /// Latitude, CGCS2000 or WGS 84.
    #[schemars(range(min = -90.0, max = 90.0), extend("x-unit" = "degrees"))]
    pub lat: Option<At<f64>>,
    /// How long each step of a connection may take before it is given up and tried again.
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum Switch {
    #[default]
    On,
    Off,
}

/// How much must change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum Sensitivity {
    Low,
    #[default]
    Normal,
    High,
}

/// What a camera is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// How long each step of a camera connection may take.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Deadlines {
    /// TCP connect and RTSP DESCRIBE.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub describe: Span,
    /// RTSP SETUP.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub setup: Span,
    /// RTSP PLAY.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub play: Span,
    /// From PLAY to the first key frame; longer than the camera's key-frame interval.
    #[serde(default = "default::first_key_frame")]
    #[schemars(extend("x-min" = "1s", "x-max" = "5m"))]
    pub first_key_frame: Span,
    /// Without a complete picture, while playing.
    #[serde(default = "default::silence")]
    #[schemars(extend("x-min" = "1s", "x-max" = "5m"))]
    pub silence: Span,
}

/// The corners of a polygon.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Corners(
    #[schemars(length(min = 3, max = 100), inner(inner(range(min = 0.0, max = 1.0))))] pub Vec<[f64; 2]>,
);

const TILES_WANT: &str = "columns and rows, 1 to 8 of each, such as \"2x2\"";
/// The two ends of a line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Ends(
    #[schemars(length(min = 2, max = 2), inner(inner(range(min = 0.0, max = 1.0))))] pub Vec<[f64; 2]>,
);

const CAMERA_EXAMPLE: &str = "rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/Streaming/Channels/102";
const MAIN_EXAMPLE: &str = "rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/Streaming/Channels/101";

// === impl Deadlines ===

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            describe: default::ten_seconds(),
            setup: default::ten_seconds(),
            play: default::ten_seconds(),
            first_key_frame: default::first_key_frame(),
            silence: default::silence(),
        }
    }
}
