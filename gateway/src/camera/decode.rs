//! Access units in, pictures out: FFmpeg's software decoders, one thread, no delay.
//!
//! A camera's bytes may be broken in any way, so errors are ordinary here. What is done about them grows with their
//! number ([`Ladder`]). Whatever could refer to a missing picture is *dirty* until the next whole key frame: decoded, but
//! not looked at.

use std::collections::VecDeque;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::discard::Discard;
use ffmpeg_next::codec::{self, decoder};
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Dictionary, Packet, frame};

use super::picture::{Picture, is_planar_420};
use super::remedy::{Ladder, Remedy};
use super::{AccessUnit, Codec, MAX_PICTURE_PX};

/// Pictures that a decoder may hold back; none in a stream without B-pictures.
const PENDING_MAX: usize = 32;

/// Why a picture could not be had. One access unit is lost; the next may be good.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// FFmpeg has no such decoder.
    #[error("FFmpeg was built without a decoder for {}; install Debian's libavcodec", .0.as_str())]
    NoDecoder(Codec),
    /// Nothing whole came out of a key frame.
    #[error("a key frame held no whole picture")]
    NoPicture,
    /// FFmpeg refused.
    #[error("FFmpeg could not {action}: {error}")]
    Ffmpeg {
        /// What it was to do.
        action: &'static str,
        /// What it said.
        error: ffmpeg::Error,
    },
}

/// A frame as the decoder left it. [`Decoder::finish`] makes a picture of it, if it is wanted.
pub struct Decoded {
    frame: frame::Video,
    /// Media time of its access unit.
    pub media_time: Duration,
    received_unix_ms: i64,
    /// Whole: refers to nothing that is missing.
    pub is_clean: bool,
}

/// The decoder of one camera. Follows changes of codec and size by itself.
pub struct Decoder {
    open: Option<Open>,
    ladder: Ladder,
    waits_for_key: bool,
    is_dirty: bool,
    converter: Option<Converter>,
    filter: Filter,
}

/// Whether blocks are smoothed. Without, a key frame takes a quarter less, and is good enough for a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// As the standard says.
    Whole,
    /// Not at all. For key frames alone: pictures that refer to others would drift.
    Skipped,
}

struct Open {
    codec: Codec,
    video: decoder::Video,
    /// What is known about access units whose pictures have not come out yet.
    pending: VecDeque<Pending>,
    next_pts: i64,
}

struct Pending {
    pts: i64,
    media_time: Duration,
    received_unix_ms: i64,
    is_clean: bool,
}

struct Converter {
    from: (Pixel, u32, u32),
    context: scaling::Context,
}

/// Prepares FFmpeg; once a process, before any decoder.
///
/// # Errors
/// Where FFmpeg cannot be set up.
pub fn init() -> Result<(), DecodeError> {
    ffmpeg::init().map_err(|error| DecodeError::Ffmpeg { action: "be set up", error })?;
    // Broken streams are ordinary and counted here; FFmpeg's own words about them would flood the log.
    ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
    Ok(())
}

// === impl Decoder ===

impl Default for Decoder {
    fn default() -> Self {
        Self {
            open: None,
            ladder: Ladder::default(),
            waits_for_key: true,
            is_dirty: true,
            converter: None,
            filter: Filter::Whole,
        }
    }
}

impl Decoder {
    /// Decodes one access unit and gives each picture that comes out of it to `each`.
    ///
    /// # Errors
    /// Where the access unit is lost; the decoder goes on with the next.
    pub fn decode(&mut self, unit: &AccessUnit, mut each: impl FnMut(Decoded)) -> Result<(), DecodeError> {
        let opens_anew =
            unit.is_new_sequence || self.open.as_ref().is_some_and(|open| open.codec != unit.codec);
        if opens_anew {
            self.open = None;
            self.waits_for_key = true;
        }
        if self.waits_for_key && !unit.is_key {
            return Ok(());
        }
        self.waits_for_key = false;
        if unit.lost_packets > 0 {
            self.is_dirty = true;
        } else if unit.is_key {
            self.is_dirty = false;
        }
        let outcome = self.push(unit, &mut each);
        match &outcome {
            Ok(pictures) => self.ladder.good(*pictures),
            Err(_) => self.mend(),
        }
        outcome.map(drop)
    }

    /// Something is left out: nothing is decoded before the next key frame.
    pub fn wait_for_key(&mut self) {
        self.waits_for_key = true;
    }

    /// Decodes a key frame alone and forgets it: the next may be another camera's, with parameters of its own.
    ///
    /// # Errors
    /// Where no whole picture comes out of it.
    pub fn look(&mut self, unit: &AccessUnit, filter: Filter) -> Result<Picture, DecodeError> {
        self.filter = filter;
        let mut seen = None;
        self.decode(unit, |decoded| seen = Some(decoded))?;
        // Emptied each time, although H.264 makes its tables anew then: what is missing in a torn key frame would be filled
        // from the picture before, which may be another camera's.
        if let Some(open) = &mut self.open {
            open.end(&mut |decoded| seen = Some(decoded))?;
        }
        self.waits_for_key = true;
        let seen = seen.filter(|decoded| decoded.is_clean).ok_or(DecodeError::NoPicture)?;
        self.finish(seen)
    }

    /// Makes a picture of a decoded frame, converting it to planar 4:2:0 where it is not that already.
    ///
    /// # Errors
    /// Where FFmpeg cannot convert its format.
    pub fn finish(&mut self, decoded: Decoded) -> Result<Picture, DecodeError> {
        let Decoded { frame, media_time, received_unix_ms, .. } = decoded;
        let frame = if is_planar_420(frame.format()) { frame } else { self.convert(&frame)? };
        Ok(Picture::new(frame, media_time, received_unix_ms))
    }

    fn push(&mut self, unit: &AccessUnit, each: &mut impl FnMut(Decoded)) -> Result<u32, DecodeError> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::new(unit.codec)?),
        };
        open.video.skip_loop_filter(match self.filter {
            Filter::Whole => Discard::Default,
            Filter::Skipped => Discard::All,
        });
        let packet = open.packet(unit, !self.is_dirty);
        let mut pictures = 0;
        let mut sent = open.video.send_packet(&packet);
        if matches!(sent, Err(ffmpeg::Error::Other { errno: EAGAIN })) {
            // It wants to give before it takes.
            pictures += open.drain(each)?;
            sent = open.video.send_packet(&packet);
        }
        sent.map_err(|error| DecodeError::Ffmpeg { action: "decode an access unit", error })?;
        Ok(pictures + open.drain(each)?)
    }

    /// Something was lost: what follows may refer to it.
    fn mend(&mut self) {
        self.is_dirty = true;
        match self.ladder.failed() {
            Remedy::Drop => {}
            Remedy::Flush => {
                self.waits_for_key = true;
                if let Some(open) = &mut self.open {
                    open.video.flush();
                    open.pending.clear();
                }
            }
            Remedy::Reopen => {
                self.waits_for_key = true;
                self.open = None;
            }
        }
    }

    fn convert(&mut self, frame: &frame::Video) -> Result<frame::Video, DecodeError> {
        let failed = |error| DecodeError::Ffmpeg { action: "convert a picture to 4:2:0", error };
        let from = (frame.format(), frame.width(), frame.height());
        let converter = match &mut self.converter {
            Some(converter) if converter.from == from => converter,
            slot => {
                let (format, width, height) = from;
                let context = scaling::Context::get(
                    format,
                    width,
                    height,
                    Pixel::YUV420P,
                    width,
                    height,
                    scaling::Flags::FAST_BILINEAR,
                )
                .map_err(failed)?;
                slot.insert(Converter { from, context })
            }
        };
        let mut converted = frame::Video::empty();
        converter.context.run(frame, &mut converted).map_err(failed)?;
        converted.set_color_space(frame.color_space());
        Ok(converted)
    }
}

// === impl Open ===

impl Open {
    fn new(codec: Codec) -> Result<Self, DecodeError> {
        let id = match codec {
            Codec::H264 => codec::Id::H264,
            Codec::H265 => codec::Id::HEVC,
        };
        let found = decoder::find(id).ok_or(DecodeError::NoDecoder(codec))?;
        let mut options = Dictionary::new();
        // One thread: predictable memory and processor time; cameras are many, cores are few.
        options.set("threads", "1");
        options.set("flags", "+low_delay");
        options.set("max_pixels", &MAX_PICTURE_PX.to_string());
        let video = codec::Context::new_with_codec(found)
            .decoder()
            .open_as_with(found, options)
            .and_then(decoder::Opened::video)
            .map_err(|error| DecodeError::Ffmpeg { action: "open a decoder", error })?;
        Ok(Self { codec, video, pending: VecDeque::new(), next_pts: 0 })
    }

    /// A packet whose number tells later which access unit a picture came from.
    fn packet(&mut self, unit: &AccessUnit, is_clean: bool) -> Packet {
        let mut packet = Packet::copy(&unit.data);
        packet.set_pts(Some(self.next_pts));
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending {
            pts: self.next_pts,
            media_time: unit.media_time,
            received_unix_ms: unit.received_unix_ms,
            is_clean,
        });
        self.next_pts += 1;
        packet
    }

    /// Takes what the decoder holds back, and readies it for a new beginning.
    fn end(&mut self, each: &mut impl FnMut(Decoded)) -> Result<(), DecodeError> {
        let failed = |error| DecodeError::Ffmpeg { action: "end a look", error };
        let ended = self.video.send_eof().map_err(failed);
        let drained = ended.and_then(|()| self.drain(each));
        self.video.flush();
        self.pending.clear();
        drained.map(drop)
    }

    fn drain(&mut self, each: &mut impl FnMut(Decoded)) -> Result<u32, DecodeError> {
        let mut pictures = 0;
        loop {
            let mut frame = frame::Video::empty();
            match self.video.receive_frame(&mut frame) {
                Ok(()) => {}
                Err(ffmpeg::Error::Other { errno: EAGAIN } | ffmpeg::Error::Eof) => return Ok(pictures),
                Err(error) => return Err(DecodeError::Ffmpeg { action: "decode an access unit", error }),
            }
            pictures += 1;
            let place = self.pending.iter().position(|pending| Some(pending.pts) == frame.pts());
            // A picture of an access unit that is not known any more has no time; it cannot be told about.
            if let Some(Pending { media_time, received_unix_ms, is_clean, .. }) =
                place.and_then(|place| self.pending.remove(place))
            {
                let is_clean = is_clean && !frame.is_corrupt();
                each(Decoded { frame, media_time, received_unix_ms, is_clean });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_make_no_sense_are_errors_and_nothing_worse() {
        init().unwrap();
        let mut decoder = Decoder::default();
        for seed in 0..200_u32 {
            let mut data = vec![0, 0, 0, 1, 0x65];
            data.extend((0..500_u32).map(|n| (n.wrapping_mul(seed).wrapping_mul(2_654_435_761) >> 24) as u8));
            let unit = AccessUnit {
                data: data.into(),
                codec: Codec::H264,
                is_key: true,
                lost_packets: 0,
                is_new_sequence: seed == 0,
                media_time: Duration::ZERO,
                received_unix_ms: 0,
            };
            let outcome = decoder.decode(&unit, |_| panic!("no picture can come of this"));
            assert!(matches!(outcome, Ok(()) | Err(DecodeError::Ffmpeg { .. })), "{outcome:?}");
        }
    }
}
