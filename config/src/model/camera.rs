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
    /// Send the password over Basic authentication too, where the camera offers nothing better.
    pub allow_basic: bool,
    /// Name of the detector.
    pub detector: String,
    /// Pictures handed to the detector in a second, at most.
    pub detections_per_second: f64,
    /// Ids of object rules that look at this camera.
    pub watches: Vec<String>,
    /// Areas that never leave the box in a picture and are never detected in.
    pub masks: Vec<Polygon>,
    /// Places in the picture that rules speak of, by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines and directions that rules speak of, by name.
    pub lines: Vec<(String, Line)>,
    /// How long each step of a connection may take.
    pub deadlines: Deadlines,
    /// Where it stands.
    pub place: Place,
}

/// A polygon in fractions of the picture, x to the right and y down, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polygon(pub Vec<(f32, f32)>);

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
