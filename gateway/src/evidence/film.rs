//! A clip's file: fragmented MP4 (ISO/IEC 14496-12), written while the pictures come.
//!
//! Each group of pictures is a fragment of its own that begins with a key frame, so that a file that breaks off plays
//! up to there. The pictures are copied as the camera encoded them. Their times are the camera's, without reordering:
//! cameras for surveillance send no B-pictures, and those of one that does are shown in the order of decoding.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::time::Duration;

use h264_reader::nal::sps::{ChromaFormat, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};
use shiguredo_mp4::boxes::{AvccBox, SampleEntry};
use shiguredo_mp4::mux::{Fmp4SegmentMuxer, Sample};
use shiguredo_mp4::{Decode, TrackKind, Uint};

use crate::worker::link::FilmPicture;

/// Units of time in a second, as RTP counts video.
const TIMESCALE: NonZeroU32 = NonZeroU32::new(90_000).expect("not zero");
/// A fragment is written when it has this many bytes, even within a group of pictures.
const FRAGMENT_BYTES: usize = 1024 * 1024;
/// How long the last picture is shown where there is no other to tell.
const LAST_PICTURE: Duration = Duration::from_millis(40);

/// A film that is being written to `W`.
pub(super) struct Film<W> {
    out: W,
    muxer: Fmp4SegmentMuxer,
    sample_entry: SampleEntry,
    is_begun: bool,
    /// Pictures of the fragment that has not been written yet.
    pending: Vec<FilmPicture>,
    pending_bytes: usize,
    first: Option<Duration>,
    /// End of the last fragment, in units since the first picture.
    written: u64,
    lasts: Duration,
}

/// A film cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilmError {
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What the worker says about the stream is no sample entry.
    #[error("the stream cannot be put into a file: {0}")]
    Format(String),
}

// === impl Film ===

impl<W: Write> Film<W> {
    /// A film of the stream that `sample_entry` (a `VisualSampleEntry` box) describes.
    pub(super) fn new(out: W, sample_entry: &[u8]) -> Result<Self, FilmError> {
        let format = |error: &dyn std::fmt::Display| FilmError::Format(error.to_string());
        let (mut sample_entry, _) = SampleEntry::decode(sample_entry).map_err(|error| format(&error))?;
        if let SampleEntry::Avc1(avc1) = &mut sample_entry {
            complete(&mut avc1.avcc_box)?;
        }
        let muxer = Fmp4SegmentMuxer::new().map_err(|error| format(&error))?;
        Ok(Film {
            out,
            muxer,
            sample_entry,
            is_begun: false,
            pending: Vec::new(),
            pending_bytes: 0,
            first: None,
            written: 0,
            lasts: LAST_PICTURE,
        })
    }

    /// Adds a picture; the first must be a key frame.
    pub(super) fn push(&mut self, picture: FilmPicture) -> Result<(), FilmError> {
        self.first.get_or_insert(picture.media_time);
        if let Some(last) = self.pending.last() {
            self.lasts = picture.media_time.saturating_sub(last.media_time);
            if picture.is_key || self.pending_bytes > FRAGMENT_BYTES {
                self.write_fragment(picture.media_time)?;
            }
        }
        self.pending_bytes += picture.data.len();
        self.pending.push(picture);
        Ok(())
    }

    /// Writes what is left and an index of the fragments; the film's length.
    pub(super) fn finish(mut self) -> Result<(W, Duration), FilmError> {
        if let Some(last) = self.pending.last() {
            self.write_fragment(last.media_time + self.lasts)?;
        }
        if self.is_begun {
            let index = self.muxer.mfra_bytes().map_err(|error| FilmError::Format(error.to_string()))?;
            self.out.write_all(&index)?;
        }
        let length = Duration::from_secs_f64(self.written as f64 / f64::from(TIMESCALE.get()));
        Ok((self.out, length))
    }

    /// Writes the pending pictures, the last of which is shown until `end`.
    fn write_fragment(&mut self, end: Duration) -> Result<(), FilmError> {
        let pictures = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let first = self.first.unwrap_or_default();
        // From absolute times, so that rounding does not add up.
        let units = |at: Duration| {
            (at.saturating_sub(first).as_nanos() * u128::from(TIMESCALE.get()) / 1_000_000_000) as u64
        };
        let ends = pictures.iter().skip(1).map(|picture| picture.media_time).chain([end]);
        let (mut samples, mut offset) = (Vec::with_capacity(pictures.len()), 0);
        for (picture, end) in pictures.iter().zip(ends) {
            let end = units(end).max(self.written);
            samples.push(Sample {
                track_kind: TrackKind::Video,
                sample_entry: Some(self.sample_entry.clone()),
                keyframe: picture.is_key,
                timescale: TIMESCALE,
                duration: u32::try_from(end - self.written).unwrap_or(u32::MAX),
                composition_time_offset: None,
                data_offset: offset,
                data_size: picture.data.len(),
            });
            offset += picture.data.len() as u64;
            self.written = end;
        }
        let in_words = |error: shiguredo_mp4::mux::MuxError| FilmError::Format(error.to_string());
        let head = self.muxer.create_media_segment_metadata(&samples).map_err(in_words)?;
        if !std::mem::replace(&mut self.is_begun, true) {
            self.out.write_all(&self.muxer.init_segment_bytes().map_err(in_words)?)?;
        }
        self.out.write_all(&head)?;
        for picture in &pictures {
            self.out.write_all(&picture.data)?;
        }
        Ok(())
    }
}

/// What the configuration of a stream in one of the High profiles must say besides: how its colours are kept (ISO/IEC
/// 14496-15 §5.3.3.1.2). The RTSP client leaves it out; it stands in the stream's parameter set (ITU-T H.264 §7.3.2.1.1).
fn complete(configuration: &mut AvccBox) -> Result<(), FilmError> {
    const BASELINE_MAIN_EXTENDED: [u8; 3] = [66, 77, 88];
    if configuration.chroma_format.is_some()
        || BASELINE_MAIN_EXTENDED.contains(&configuration.avc_profile_indication)
    {
        return Ok(());
    }
    let wrong = |what: String| FilmError::Format(format!("its sequence parameter set: {what}"));
    let set = configuration.sps_list.first().ok_or_else(|| wrong("there is none".to_owned()))?;
    let bits = decode_nal(set).map_err(|error| wrong(error.to_string()))?;
    let set = SeqParameterSet::from_bits(BitReader::new(&bits[..]));
    let colour = set.map_err(|error| wrong(format!("{error:?}")))?.chroma_info;
    let format = match colour.chroma_format {
        ChromaFormat::Monochrome => 0,
        ChromaFormat::YUV420 => 1,
        ChromaFormat::YUV422 => 2,
        ChromaFormat::YUV444 => 3,
        ChromaFormat::Invalid(number) => return Err(wrong(format!("there is no chroma format {number}"))),
    };
    configuration.chroma_format = Some(Uint::new(format));
    configuration.bit_depth_luma_minus8 = Some(Uint::from_bits(colour.bit_depth_luma_minus8));
    configuration.bit_depth_chroma_minus8 = Some(Uint::from_bits(colour.bit_depth_chroma_minus8));
    Ok(())
}
