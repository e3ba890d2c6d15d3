//! Pictures out of files: stills and footage of any kind that FFmpeg reads, decoded one by one.
//!
//! For what a camera would have sent, undecoded, see [`recording`](super::recording).

use std::path::{Path, PathBuf};
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, decoder};
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::{self, Pixel};
use ffmpeg_next::software::scaling;
use ffmpeg_next::{color, frame, media};

use super::picture::{Picture, is_planar_420};

/// Pictures of a file in the order in which they are shown.
pub struct PictureFile {
    path: PathBuf,
    input: format::context::Input,
    stream: usize,
    /// Seconds to one tick of the stream's clock.
    tick_seconds: f64,
    decoder: decoder::Video,
    first_tick: Option<i64>,
    is_drained: bool,
    is_still: bool,
}

/// Why a file gives no pictures.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// FFmpeg cannot open it.
    #[error("cannot open {}: {source}; is it a picture or a video?", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        source: ffmpeg::Error,
    },
    /// There is no video in it.
    #[error("{} holds neither a picture nor video", path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
    },
    /// A picture of it cannot be decoded or converted.
    #[error("cannot decode {}: {source}; it may be damaged", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        source: ffmpeg::Error,
    },
}

// === impl PictureFile ===

impl PictureFile {
    /// Opens a picture (JPEG, PNG, …) or a video of any container.
    ///
    /// # Errors
    /// No such file, no video in it, or no decoder for it.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Open { path: path.to_owned(), source };
        ffmpeg::init().map_err(failed)?;
        ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
        let input = format::input(path).map_err(failed)?;
        let no_video = || FileError::NoVideo { path: path.to_owned() };
        let stream = input.streams().best(media::Type::Video).ok_or_else(no_video)?;
        let (index, tick_seconds) = (stream.index(), f64::from(stream.time_base()));
        let context = codec::Context::from_parameters(stream.parameters()).map_err(failed)?;
        let decoder = context.decoder().video().map_err(failed)?;
        let kind = input.format().name().to_owned();
        let is_still = kind.ends_with("_pipe") || kind == "image2";
        let path = path.to_owned();
        Ok(Self {
            path,
            input,
            stream: index,
            tick_seconds,
            decoder,
            first_tick: None,
            is_drained: false,
            is_still,
        })
    }

    /// One picture and no video.
    pub fn is_still(&self) -> bool {
        self.is_still
    }

    /// The next decoded frame; none at the end.
    fn next_frame(&mut self) -> Result<Option<frame::Video>, FileError> {
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => return Ok(Some(frame)),
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(ffmpeg::Error::Other { errno: EAGAIN }) if !self.is_drained => self.feed()?,
                Err(source) => return Err(self.failed(source)),
            }
        }
    }

    /// Gives the decoder the next packet, or tells it that there are no more. A packet that it refuses is passed over, as
    /// players do; the pictures around it are still good.
    fn feed(&mut self) -> Result<(), FileError> {
        let stream = self.stream;
        match self.input.packets().find(|(s, _)| s.index() == stream) {
            Some((_, packet)) => match self.decoder.send_packet(&packet) {
                Ok(()) | Err(ffmpeg::Error::InvalidData) => Ok(()),
                Err(source) => Err(self.failed(source)),
            },
            None => {
                self.is_drained = true;
                self.decoder.send_eof().map_err(|source| self.failed(source))
            }
        }
    }

    fn picture(&mut self, frame: frame::Video) -> Result<Picture, FileError> {
        let tick = frame.timestamp().or(frame.pts()).unwrap_or_default();
        let first = *self.first_tick.get_or_insert(tick);
        let seconds = (tick.saturating_sub(first)).max(0) as f64 * self.tick_seconds;
        let frame = if is_planar_420(frame.format()) { frame } else { self.convert(&frame)? };
        Ok(Picture::new(frame, Duration::from_secs_f64(seconds), 0))
    }

    /// To planar 4:2:0. RGB and whatever is full range stays full range, so that nothing is lost but chroma resolution.
    fn convert(&self, frame: &frame::Video) -> Result<frame::Video, FileError> {
        let is_yuv =
            frame.color_space() != color::Space::RGB && format!("{:?}", frame.format()).starts_with("YUV");
        let is_limited =
            is_yuv && frame.color_range() != color::Range::JPEG && !is_full_range(frame.format());
        let to = if is_limited { Pixel::YUV420P } else { Pixel::YUVJ420P };
        let (width, height) = (frame.width(), frame.height());
        let flags = scaling::Flags::BILINEAR | scaling::Flags::ACCURATE_RND;
        let mut converted = frame::Video::empty();
        scaling::Context::get(frame.format(), width, height, to, width, height, flags)
            .and_then(|mut context| context.run(frame, &mut converted))
            .map_err(|source| self.failed(source))?;
        // FFmpeg converts RGB by BT.601.
        converted.set_color_space(if is_yuv { frame.color_space() } else { color::Space::SMPTE170M });
        Ok(converted)
    }

    fn failed(&self, source: ffmpeg::Error) -> FileError {
        FileError::Decode { path: self.path.clone(), source }
    }
}

impl Iterator for PictureFile {
    type Item = Result<Picture, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.next_frame().transpose()?;
        Some(frame.and_then(|frame| self.picture(frame)))
    }
}

fn is_full_range(format: Pixel) -> bool {
    matches!(format, Pixel::YUVJ411P | Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ440P | Pixel::YUVJ444P)
}

#[cfg(test)]
mod tests {
    use moshao_inference::picture::{Matrix, Range};

    use super::*;

    #[test]
    fn a_png_becomes_full_range_planes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.png");
        image::RgbImage::from_pixel(33, 17, image::Rgb([200, 100, 50])).save(&path).unwrap();
        let mut file = PictureFile::open(&path).unwrap();
        assert!(file.is_still());
        let picture = file.next().unwrap().unwrap();
        let view = picture.view();
        assert_eq!((view.width, view.height, view.range, view.matrix), (33, 17, Range::Full, Matrix::Bt601));
        assert_eq!(view.check(), Ok(()));
        for (plane, expected) in [(view.y, 124), (view.u, 86), (view.v, 182)] {
            assert!(plane.data[0].abs_diff(expected) <= 1, "{} instead of {expected}", plane.data[0]);
        }
        assert!(file.next().is_none());
    }

    #[test]
    fn what_is_no_picture_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.jpg");
        std::fs::write(&path, "not a picture").unwrap();
        let error = PictureFile::open(&path).and_then(|mut file| {
            file.next().unwrap_or_else(|| Err(FileError::NoVideo { path: path.clone() }))
        });
        assert!(error.err().unwrap().to_string().contains("text.jpg"));
        assert!(
            PictureFile::open(Path::new("/nonexistent.mp4"))
                .err()
                .unwrap()
                .to_string()
                .contains("nonexistent")
        );
    }
}
