//! Recorded footage as a camera would have sent it: access units with start codes, parameter sets before each key frame.
//!
//! FFmpeg's raw muxers turn whatever the container holds into such a byte stream, in a temporary file that goes when
//! the recording is dropped; cut into access units again, it is read one by one, so that a long recording needs no
//! memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ffmpeg::{codec, encoder, format, media};
use ffmpeg_next as ffmpeg;

use super::{AccessUnit, Codec};

/// Footage on disk, read access unit by access unit in the order of decoding.
pub struct Recording {
    /// How its pictures are encoded.
    pub codec: Codec,
    input: format::context::Input,
    /// Presentation time of each access unit, in the order of decoding, from 0.
    times: Vec<Duration>,
    next: usize,
    /// Holds the byte stream until the recording is dropped.
    _raw: tempfile::NamedTempFile,
}

/// Why footage cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// FFmpeg refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Ffmpeg {
        /// What it was to do.
        action: &'static str,
        /// The footage.
        path: PathBuf,
        /// What it said.
        source: ffmpeg::Error,
    },
    /// No room for the byte stream.
    #[error("cannot make a temporary file: {0}; free space in TMPDIR is needed as large as the footage")]
    Temporary(#[from] std::io::Error),
    /// No camera of today sends this.
    #[error("{} {reason}", path.display())]
    Unusable {
        /// The footage.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

// === impl Recording ===

impl Recording {
    /// Opens a file of any container that FFmpeg reads, with H.264 or H.265 in it.
    ///
    /// # Errors
    /// No such file, no video, another codec, interlaced pictures, or no space for the byte stream.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let failed = |action| move |source| RecordingError::Ffmpeg { action, path: path.to_owned(), source };
        let unusable = |reason: String| RecordingError::Unusable { path: path.to_owned(), reason };
        ffmpeg::init().map_err(failed("start FFmpeg for"))?;
        let mut input = format::input(path).map_err(failed("open"))?;
        let stream =
            input.streams().best(media::Type::Video).ok_or_else(|| unusable("holds no video".to_owned()))?;
        let (codec, muxer) = match stream.parameters().id() {
            codec::Id::H264 => (Codec::H264, "h264"),
            codec::Id::HEVC => (Codec::H265, "hevc"),
            other => {
                return Err(unusable(format!(
                    "is {other:?}; cameras send H.264 or H.265; convert it with ffmpeg -c:v libx264 -bf 0"
                )));
            }
        };
        let (index, time_base, parameters) = (stream.index(), stream.time_base(), stream.parameters());

        // The suffix tells FFmpeg how to read it back.
        let raw = tempfile::Builder::new().prefix("moshao-").suffix(&format!(".{muxer}")).tempfile()?;
        let mut output = format::output_as(raw.path(), muxer).map_err(failed("convert"))?;
        output
            .add_stream(encoder::find(codec::Id::None))
            .map_err(failed("convert"))?
            .set_parameters(parameters);
        output.write_header().map_err(failed("convert"))?;
        let mut seconds = Vec::new();
        for (stream, mut packet) in input.packets() {
            if stream.index() == index {
                let ticks = packet.pts().or(packet.dts()).unwrap_or_default();
                seconds.push(ticks as f64 * f64::from(time_base));
                packet.set_stream(0);
                packet.write(&mut output).map_err(failed("convert"))?;
            }
        }
        output.write_trailer().map_err(failed("convert"))?;
        drop(output);

        let begin = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let times: Vec<Duration> =
            seconds.iter().map(|at| Duration::from_secs_f64((at - begin).max(0.0))).collect();
        if times.is_empty() {
            return Err(unusable("holds no pictures".to_owned()));
        }
        let input = format::input(raw.path()).map_err(failed("convert"))?;
        Ok(Recording { codec, input, times, next: 0, _raw: raw })
    }

    /// Access units in the whole recording.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// No access units: [`Recording::open`] refuses such a file.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// How long it plays: to the end of the last picture.
    pub fn length(&self) -> Duration {
        let last = self.times.iter().max().copied().unwrap_or_default();
        let intervals = u32::try_from(self.times.len() - 1).unwrap_or(u32::MAX).max(1);
        last + last / intervals
    }
}

impl Iterator for Recording {
    type Item = AccessUnit;

    /// The next access unit. Its time of receipt is its media time since the Unix epoch: nobody received it.
    fn next(&mut self) -> Option<AccessUnit> {
        let media_time = *self.times.get(self.next)?;
        let (_, packet) = self.input.packets().next()?;
        let unit = AccessUnit {
            data: Bytes::copy_from_slice(packet.data().unwrap_or_default()),
            codec: self.codec,
            is_key: packet.is_key(),
            lost_packets: 0,
            is_new_sequence: self.next == 0,
            media_time,
            received_unix_ms: media_time.as_millis() as i64,
        };
        self.next += 1;
        Some(unit)
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("codec", &self.codec)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
