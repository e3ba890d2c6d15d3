//! What parent and camera worker say to each other.
//!
//! A stream socket pair; the worker's end is its standard input. Each message is a 4-byte little-endian length and a
//! [postcard](https://postcard.jamesmunns.com/wire-format) body of at most [`MAX_MESSAGE_BYTES`]. Both ends are the
//! same binary, so the encoding needs no version: the worker says its own in [`FromWorker::Hello`] and a mismatch ends it.
//!
//! A worker that loses its parent (end of file) exits; a parent that loses a worker starts another one and sends
//! [`ToWorker::Start`] again.

mod film;

use std::time::Duration;

use moshao_config::{Deadlines, Detector, Polygon, Priority, Secret, Sensitivity, StreamAddress, View};
use serde::{Deserialize, Serialize};

pub use self::film::{FilmPicture, ReelEnd, ReelFrom, ReelPart, ReelRequest};
use super::ladder::Rung;
use crate::camera::appearance::Appearance;
use crate::camera::wake::Wake;
use crate::event::StreamName;

/// Largest message: a still of a 4K picture with room to spare.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// From the parent to a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ToWorker {
    /// First message: the cameras of this worker. Comes once in a worker's life.
    Start(Box<Assignment>),
    /// A still of a picture that an observation was about.
    TakeStill(StillRequest),
    /// Look at a camera closely for a while, even if nothing moves there.
    Look {
        /// Camera id.
        camera: String,
        /// For how long.
        lasting: Duration,
    },
    /// Read a part of a camera's reel. Answered by [`FromWorker::Reel`].
    ReadReel(ReelRequest),
    /// Close the sessions of a camera and watch it no more; the others go on.
    Drop {
        /// Camera id.
        camera: String,
    },
    /// Close all sessions (RTSP TEARDOWN) and exit.
    Stop,
}

/// The cameras of one worker and the detectors that they need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Name of the worker in metrics and events: `worker-0` and so on.
    pub worker: String,
    /// Detectors, each once.
    pub detectors: Vec<Detector>,
    /// Cameras.
    pub cameras: Vec<CameraJob>,
    /// How far back clips reach.
    pub pre_roll: Duration,
}

/// One camera to watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CameraJob {
    /// Camera id.
    pub id: String,
    /// RTSP URL without user and password.
    pub url: String,
    /// RTSP user.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
    /// Its main stream, where `url` is a sub-stream.
    pub main: Option<StreamAddress>,
    /// Answer a Basic challenge too.
    pub allow_basic: bool,
    /// Which detector.
    pub detector: String,
    /// Pictures handed to the detector in a second, at most.
    pub detections_per_second: f64,
    /// Whether it may sleep while nothing moves.
    pub gate: bool,
    /// How much must change before it wakes.
    pub sensitivity: Sensitivity,
    /// Labels that a rule asks for: nothing else wakes it or keeps it awake. None where anything may.
    pub heeded: Vec<String>,
    /// What it is worth when the worker cannot do all.
    pub priority: Priority,
    /// Filled in stills, and detections whose centre lies in one are dropped.
    pub masks: Vec<Polygon>,
    /// How the detector looks at pictures.
    pub view: View,
    /// How long each step may take.
    pub deadlines: Deadlines,
    /// Whether what its pictures look like is reported.
    pub diagnose: bool,
}

impl CameraJob {
    /// Whether something with this label may wake it and keep it awake.
    pub fn heeds(&self, label: &str) -> bool {
        self.heeded.is_empty() || self.heeded.iter().any(|heeded| heeded == label)
    }
}

/// Asks for a still. Answered by [`FromWorker::Still`], with no picture where it is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StillRequest {
    /// Echoed in the answer.
    pub request: u64,
    /// Camera id.
    pub camera: String,
    /// [`Observation::picture`] that is wanted; the latest analysed picture where it is gone or absent.
    pub picture: Option<u64>,
    /// Longest side of the still, pixels.
    pub max_side_px: u32,
    /// What the event is about, in fractions of the picture (left, top, right, bottom): stays clear where the
    /// rest is pixelated.
    pub subjects: Vec<[f32; 4]>,
}

/// From a worker to the parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum FromWorker {
    /// First message.
    Hello {
        /// `CARGO_PKG_VERSION` of the worker.
        version: String,
    },
    /// A detector could not be loaded; its cameras stay unwatched. Not fatal for the others.
    DetectorFailed {
        /// Name of the detector.
        detector: String,
        /// What failed and what to do.
        message: String,
    },
    /// A camera's stream changed state.
    Stream {
        /// Camera id.
        camera: String,
        /// New state.
        state: StreamState,
    },
    /// A camera's main stream changed state.
    MainStream {
        /// Camera id.
        camera: String,
        /// New state.
        state: StreamState,
    },
    /// How far the worker has stepped down because it cannot do all; comes at the beginning and with each step.
    Standing(Standing),
    /// What a picture of a camera looks like, each 2 s as a rule.
    Appearance {
        /// Camera id.
        camera: String,
        /// Its figures.
        appearance: Box<Appearance>,
    },
    /// One analysed picture.
    Observation(Observation),
    /// Answer to [`ToWorker::TakeStill`].
    Still {
        /// [`StillRequest::request`].
        request: u64,
        /// Camera id.
        camera: String,
        /// JPEG with masks filled and heads (or everything but the subjects) pixelated; none where no picture is there.
        #[serde(with = "serde_bytes")]
        jpeg: Option<Vec<u8>>,
        /// How sharp it is where the subjects are; only to be compared with others of the same camera.
        sharpness: f32,
        /// Wall clock time of the picture, milliseconds since the Unix epoch.
        taken_unix_ms: i64,
        /// Which stream it is of; none where the camera has one.
        stream: Option<StreamName>,
    },
    /// Answer to [`ToWorker::ReadReel`].
    Reel {
        /// [`ReelRequest::request`].
        request: u64,
        /// What there is.
        part: ReelPart,
    },
    /// Counters since the last report, each second.
    Counters(Vec<CameraCounters>),
}

/// State of a camera's stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StreamState {
    /// Connecting, or waiting to.
    Connecting,
    /// Pictures flow.
    Live {
        /// `h264` or `h265`.
        codec: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The session failed; another one follows after `retry_in`.
    Failed {
        /// Bounded word for metrics and events.
        fault: StreamFault,
        /// What failed, with value, unit and limit, and what to do. Never a password.
        message: String,
        /// Time until the next try.
        retry_in: Duration,
    },
}

/// Why a stream failed. The words are metric labels and event kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamFault {
    /// No TCP connection, or it broke.
    Unreachable,
    /// 401 after an answer to the camera's challenge.
    WrongPassword,
    /// The camera offers Basic authentication only and `allow_basic` is off.
    InsecureLogin,
    /// 404: no such stream.
    NoSuchStream,
    /// 453, 503 or another refusal.
    Refused,
    /// The peer does not speak RTSP.
    NotRtsp,
    /// No video in the session description.
    NoVideo,
    /// Video in a codec that is not decoded here.
    UnsupportedCodec,
    /// A step took longer than its deadline.
    Timeout,
    /// No pictures while playing.
    Silent,
    /// Bytes that make no sense, again and again.
    Corrupt,
}

/// How far a worker has stepped down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// [`Assignment::worker`].
    pub worker: String,
    /// The step.
    pub rung: Rung,
    /// Cameras that are set aside, least worth first.
    pub set_aside: Vec<String>,
    /// What made it step, in a sentence.
    pub reason: String,
}

/// What a worker saw in one picture of one camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Camera id.
    pub camera: String,
    /// Number of the analysed picture within this worker and camera, rising.
    pub picture: u64,
    /// Wall clock time at which the picture's last byte was received, milliseconds since the Unix epoch.
    pub received_unix_ms: i64,
    /// Media time since the worker began; goes on over the sessions of the camera and never goes back.
    pub media_time: Duration,
    /// Picture size, pixels.
    pub width: u32,
    /// Picture size, pixels.
    pub height: u32,
    /// How far the picture must be turned clockwise to be upright, degrees. Areas are those of the picture as it came.
    pub rotate_degrees: u16,
    /// Tracks seen in this picture.
    pub tracks: Vec<SeenTrack>,
}

/// One track in one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenTrack {
    /// Id of the track within the camera and worker session.
    pub id: u64,
    /// Label name.
    pub label: String,
    /// 0..1.
    pub score: f32,
    /// Left, top, right, bottom in fractions of the picture.
    pub area: [f32; 4],
}

/// What a camera did since the last report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraCounters {
    /// Camera id.
    pub camera: String,
    /// Bytes of access units received.
    pub bytes: u64,
    /// Bytes of access units received in the main stream.
    pub main_bytes: u64,
    /// Access units received.
    pub access_units: u64,
    /// Of those, key frames.
    pub key_frames: u64,
    /// Of those, access units of which packets are missing, or before which some are.
    pub torn: u64,
    /// Pictures decoded.
    pub decoded: u64,
    /// Pictures given to the detector.
    pub inferred: u64,
    /// Pictures replaced by a newer one before the detector took them.
    pub replaced: u64,
    /// Access units thrown away because the decoder was behind, up to the next key frame.
    pub skipped: u64,
    /// Access units passed over because the worker cannot do all (see [`Standing`]).
    pub passed_over: u64,
    /// Access units that did not decode.
    pub broken: u64,
    /// RTP packets lost on the way.
    pub lost_packets: u64,
    /// The camera's clock minus this machine's, seconds; none where the camera has not told of late.
    pub clock_offset_s: Option<f64>,
    /// Key frames looked at while asleep.
    pub looks: u64,
    /// Access units that a sleeping camera did not have to decode.
    pub spared: u64,
    /// Media time awake.
    pub awake: Duration,
    /// How often it woke, by reason.
    pub wakes: Vec<(Wake, u64)>,
    /// Whether it sleeps now.
    pub is_asleep: bool,
    /// Thread time spent on looks.
    pub look_busy: Duration,
    /// Thread time spent decoding.
    pub decode_busy: Duration,
    /// Thread time spent on inference, preprocessing and tracking.
    pub infer_busy: Duration,
}
