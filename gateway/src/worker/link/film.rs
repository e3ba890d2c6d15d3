//! A camera's encoded pictures of late, read by the parent part by part: clips are made of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Asks for encoded pictures of a camera, one part at a time: whoever reads says when it has room for the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReelRequest {
    /// Echoed in the answer.
    pub request: u64,
    /// Camera id.
    pub camera: String,
    /// Where to begin.
    pub from: ReelFrom,
}

/// A place in a camera's reel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReelFrom {
    /// The latest key frame received at or before this time, milliseconds since the Unix epoch; the oldest there is,
    /// where none is that old.
    Time {
        /// The time.
        received_unix_ms: i64,
    },
    /// Where an earlier part ended.
    Next {
        /// [`ReelPart::Film::take`] of that part.
        take: u64,
        /// [`ReelPart::Film::next`] of that part.
        number: u64,
    },
}

/// A part of a camera's reel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReelPart {
    /// Pictures in a row; none where no further one has come yet.
    Film {
        /// Which unbroken sequence they belong to.
        take: u64,
        /// Number of the picture after them.
        next: u64,
        /// `VisualSampleEntry` box of the sequence (ISO/IEC 14496-12).
        #[serde(with = "serde_bytes")]
        sample_entry: Vec<u8>,
        /// The pictures.
        pictures: Vec<FilmPicture>,
        /// Further ones are there already.
        more: bool,
    },
    /// There is nothing more to read from there.
    Over(ReelEnd),
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReelEnd {
    /// The camera has had no stream that a file can hold.
    NoFilm,
    /// The camera has connected anew, or sends other pictures.
    NewTake,
    /// It is too long ago.
    Forgotten,
    /// A picture does not fit into a message.
    TooLarge,
}

/// An encoded picture as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilmPicture {
    /// NAL units, each after its length in four bytes (ISO/IEC 14496-15), without parameter sets.
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
    /// Can be decoded without any other.
    pub is_key: bool,
    /// As [`Observation::media_time`](super::Observation::media_time).
    pub media_time: Duration,
    /// When its last byte was received, milliseconds since the Unix epoch.
    pub received_unix_ms: i64,
}
