//! Pictures into H.264 as cameras make it: no B-frames, a key frame every two seconds and on request, no delay.

use std::time::Duration;

use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::{Dictionary, Packet, Rational, codec, encoder, frame, picture};
use ffmpeg_next as ffmpeg;
use image::RgbImage;

use super::{AccessUnit, FeedError};

/// Time base of the encoder: microseconds.
const TICKS_PER_S: i32 = 1_000_000;

/// libx264 through FFmpeg.
pub(super) struct Encoder {
    encoder: encoder::video::Encoder,
    to_yuv: scaling::Context,
    rgb: frame::Video,
    yuv: frame::Video,
}

// === impl Encoder ===

impl Encoder {
    /// Width and height are even.
    pub(super) fn open(width_px: u32, height_px: u32, fps: u32) -> Result<Self, FeedError> {
        let failed = |what: &str| {
            let what = format!("cannot {what} for {width_px}x{height_px} px at {fps} fps");
            move |source| FeedError::Ffmpeg { what, source }
        };
        super::quiet_ffmpeg().map_err(failed("start FFmpeg"))?;
        let h264 = encoder::find_by_name("libx264").ok_or(FeedError::NoEncoder("H.264 (libx264)"))?;
        let mut video = codec::Context::new_with_codec(h264)
            .encoder()
            .video()
            .map_err(failed("prepare the H.264 encoder"))?;
        video.set_width(width_px);
        video.set_height(height_px);
        video.set_format(Pixel::YUV420P);
        video.set_time_base(Rational(1, TICKS_PER_S));
        video.set_frame_rate(Some(Rational(fps as i32, 1)));
        video.set_gop(2 * fps);
        video.set_max_b_frames(0);
        let mut options = Dictionary::new();
        for (name, value) in [
            ("preset", "superfast"),
            ("tune", "zerolatency"),
            ("crf", "24"),
            ("forced-idr", "1"),
            ("threads", "1"),
        ] {
            options.set(name, value);
        }
        let encoder = video.open_with(options).map_err(failed("open the H.264 encoder"))?;
        let to_yuv = scaling::Context::get(
            Pixel::RGB24,
            width_px,
            height_px,
            Pixel::YUV420P,
            width_px,
            height_px,
            scaling::Flags::BILINEAR,
        )
        .map_err(failed("convert colours"))?;
        Ok(Self {
            encoder,
            to_yuv,
            rgb: frame::Video::new(Pixel::RGB24, width_px, height_px),
            yuv: frame::Video::new(Pixel::YUV420P, width_px, height_px),
        })
    }

    /// Encodes one picture; `key` asks for a key frame.
    pub(super) fn encode(
        &mut self,
        image: &RgbImage,
        media_time: Duration,
        key: bool,
    ) -> Result<Option<AccessUnit>, FeedError> {
        let failed = |source| FeedError::Ffmpeg { what: "cannot encode a picture".into(), source };
        let (stride, row_bytes) = (self.rgb.stride(0), image.width() as usize * 3);
        for (to, from) in self.rgb.data_mut(0).chunks_mut(stride).zip(image.as_raw().chunks(row_bytes)) {
            to[..row_bytes].copy_from_slice(from);
        }
        self.to_yuv.run(&self.rgb, &mut self.yuv).map_err(failed)?;
        self.yuv.set_pts(Some(media_time.as_micros() as i64));
        self.yuv.set_kind(if key { picture::Type::I } else { picture::Type::None });
        self.encoder.send_frame(&self.yuv).map_err(failed)?;
        let mut packet = Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => {}
            Err(ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => return Ok(None),
            Err(source) => return Err(failed(source)),
        }
        let bytes = packet.data().unwrap_or_default();
        Ok(Some(super::from_annex_b(bytes, media_time, packet.is_key())))
    }
}
