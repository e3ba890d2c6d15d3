//! Cameras.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Place, Secret};

/// `[camera.ID]`.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Id, 1 to 32 of `[a-z0-9-]`.
    pub id: String,
    /// Name for people; the id where the file gives none.
    pub name: String,
    /// RTSP URL without user and password.
    pub url: url::Url,
    /// RTSP user.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
    /// Its main stream, held for stills, where `url` is a sub-stream.
    pub main: Option<StreamAddress>,
    /// Send the password over Basic authentication too, where the camera offers nothing better.
    pub allow_basic: bool,
    /// Name of the detector.
    pub detector: String,
    /// Pictures handed to the detector in a second, at most.
    pub detections_per_second: f64,
    /// Whether it may sleep while nothing moves.
    pub gate: bool,
    /// How much must change before it wakes.
    pub sensitivity: Sensitivity,
    /// What it is worth when the box is too small for all.
    pub priority: Priority,
    /// Ids of object rules that look at this camera.
    pub watches: Vec<String>,
    /// Areas that never leave the box in a picture and are never detected in.
    pub masks: Vec<Polygon>,
    /// How the detector looks at its pictures.
    pub view: View,
    /// Places in the picture that rules speak of, by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines and directions that rules speak of, by name.
    pub lines: Vec<(String, Line)>,
    /// How long each step of a connection may take.
    pub deadlines: Deadlines,
    /// Whether it is looked at for what is wrong with it.
    pub diagnosis: Diagnosis,
    /// Where it stands.
    pub place: Place,
}

/// What a camera is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diagnosis {
    /// Its pictures and its stream are judged.
    pub is_on: bool,
    /// Pictures a second that it is set to.
    pub frame_rate: Option<f64>,
    /// Time between key frames that it is set to.
    pub key_frame_interval: Option<Duration>,
}

/// Where a stream is, and how to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamAddress {
    /// RTSP URL without user and password.
    pub url: String,
    /// RTSP user.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
}

/// What a camera is worth when the box is too small for all, the least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// Watched less before the others are.
    Low,
    /// What suits most cameras.
    #[default]
    Normal,
    /// Watched less when all others are.
    High,
}

/// How much must change in a camera's picture before it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sensitivity {
    /// Larger and clearer changes: where wind and weather wake a camera again and again.
    Low,
    /// What suits most cameras.
    #[default]
    Normal,
    /// Small and faint changes: where people are far away.
    High,
}

/// A polygon in fractions of the picture, x to the right and y down, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polygon(pub Vec<(f32, f32)>);

/// How a detector looks at the pictures of a camera.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// How far a picture must be turned clockwise to be upright: 0, 90, 180 or 270 degrees.
    pub rotate_degrees: u16,
    /// Columns and rows of overlapping tiles, besides the whole.
    pub tiles: Option<(usize, usize)>,
    /// What is looked at; the whole picture where empty.
    pub regions: Vec<Polygon>,
}
/// A line in fractions of the picture, from its first point to its second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line(pub (f32, f32), pub (f32, f32));

/// How long each step of a camera connection may take before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// TCP connect and RTSP DESCRIBE.
    pub describe: Duration,
    /// RTSP SETUP.
    pub setup: Duration,
    /// RTSP PLAY.
    pub play: Duration,
    /// From PLAY to the first key frame.
    pub first_key_frame: Duration,
    /// Without a complete picture, while playing.
    pub silence: Duration,
}
