//! One camera, from its RTSP session to a decoded picture and a still.
//!
//! In the order of the data: [`login`] asks which login the camera wants, [`rtsp`] opens the session and yields
//! [`AccessUnit`]s, [`decode`] turns them into [`Picture`](picture::Picture)s, [`pace`] says which of them are due for
//! the detector, [`still`] makes evidence of one and [`sharpness`] tells which of several is best. [`fault`] names what
//! can go wrong and [`backoff`] says when to try again. [`measure`] makes figures of a stream for people who set up a
//! camera, and `advice` says what they should change. [`appearance`] says what a picture looks like, so that it can be told whether the camera is well.
//!
//! Most cameras see nothing most of the time, and a [`gate`] lets them sleep: [`ring`] holds what came of late, [`look`]
//! compares key frames made small by [`thumb`], [`sentinel`] watches sizes in between, [`motion`] says what moves while
//! awake, [`restless`] learns what moves and means nothing, [`watched`] knows masks and regions; [`place`] is these
//! together. [`change`] is what all of them call a difference. What seems to have changed is shown to the detector,
//! whose [`opinion`] decides; what it knows nothing of wakes within a [`budget`], and what it sees where nothing ever
//! moves is [`familiar`]; on [`patrol`] it looks although nothing has changed. [`mod@reference`] says what may be left out of decoding.
//!
//! Nothing here knows the worker's threads or the parent.

mod advice;
pub mod appearance;
pub mod backoff;
pub mod budget;
pub mod change;
pub mod decode;
pub mod familiar;
pub mod fault;
pub mod file;
pub mod gate;
pub mod login;
pub mod look;
pub mod mask;
pub mod measure;
pub mod media_clock;
pub mod motion;
pub mod opinion;
pub mod pace;
pub mod patrol;
pub mod picture;
pub mod place;
pub mod privacy;
pub mod recording;
pub mod reference;
mod remedy;
pub mod restless;
pub mod ring;
pub mod rtsp;
pub mod sentinel;
pub mod sharpness;
pub mod still;
pub mod thumb;
pub mod wake;
pub mod watched;

use std::time::Duration;

use bytes::Bytes;

/// Largest picture that is decoded, pixels: 4096x2304, which takes 14 MB as 4:2:0. A camera that sends more is refused.
pub const MAX_PICTURE_PX: u32 = 4096 * 2304;

/// How the gateway introduces itself.
pub const USER_AGENT: &str = concat!("moshao/", env!("CARGO_PKG_VERSION"));

/// One encoded picture as it came from the camera: Annex B, parameter sets before each key frame.
#[derive(Debug, Clone)]
pub struct AccessUnit {
    /// Encoded bytes; a clone shares them.
    pub data: Bytes,
    /// How they are encoded.
    pub codec: Codec,
    /// Can be decoded without any other.
    pub is_key: bool,
    /// RTP packets that are missing right before it or within it.
    pub lost_packets: u16,
    /// Begins a session or brings new parameters (another picture size): decoding starts afresh.
    pub is_new_sequence: bool,
    /// Media time: since the session began as the session gives it out, since the worker began within the worker.
    pub media_time: Duration,
    /// When its last byte was received, milliseconds since the Unix epoch.
    pub received_unix_ms: i64,
}

/// Video codecs that are decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264 (AVC).
    H264,
    /// ITU-T H.265 (HEVC).
    H265,
}

// === impl Codec ===

impl Codec {
    /// The codec of an RTP encoding name (RFC 6184, RFC 7798), in lower case as retina gives it.
    pub fn from_encoding_name(name: &str) -> Option<Self> {
        match name {
            "h264" => Some(Codec::H264),
            "h265" => Some(Codec::H265),
            _ => None,
        }
    }

    /// `h264` or `h265`.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::H265 => "h265",
        }
    }
}
