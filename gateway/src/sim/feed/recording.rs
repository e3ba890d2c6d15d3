//! Recorded files as a feed: the access units as they are, in a loop, at their own pace.
//!
//! FFmpeg's raw muxers turn whatever the container holds into a byte stream with start codes and parameter sets before
//! each key frame; that stream, cut into access units, is what is played. Several files follow each other, so a
//! change of the picture's size can be shown to a client.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ffmpeg::{codec, encoder, format, media};
use ffmpeg_next as ffmpeg;

use super::{AccessUnit, Codec, Feed, FeedError, Outlet};

/// Files larger than this are refused, for all is kept in memory.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Access units of recorded files.
#[derive(Debug)]
pub struct Recording {
    codec: Codec,
    units: Vec<AccessUnit>,
    /// Of one round through all files.
    length: Duration,
}

// === impl Recording ===

impl Recording {
    /// Reads all files; they must share one codec.
    pub fn load(paths: &[PathBuf]) -> Result<Self, FeedError> {
        let mut whole: Option<Recording> = None;
        for path in paths {
            let part = Self::load_one(path)?;
            whole = Some(match whole {
                None => part,
                Some(whole) if whole.codec != part.codec => {
                    return Err(FeedError::Unusable(format!(
                        "{} is {:?} and the files before it are {:?}; a stream has one codec",
                        path.display(),
                        part.codec,
                        whole.codec
                    )));
                }
                Some(whole) => whole.followed_by(part),
            });
        }
        whole.ok_or_else(|| FeedError::Unusable("no file to play".into()))
    }

    /// Plays in a loop from now on.
    pub fn start(self) -> Result<Feed, FeedError> {
        let first = self
            .units
            .iter()
            .find(|unit| unit.key)
            .ok_or_else(|| FeedError::Unusable("the recording has no key frame".into()))?;
        let (codec, sets) = (self.codec, first.parameter_sets(self.codec));
        Feed::spawn(codec, move || Ok((self, sets)), |recording, outlet| recording.play(&outlet))
    }

    fn followed_by(mut self, other: Recording) -> Self {
        let begin = self.length;
        self.length += other.length;
        self.units.extend(
            other.units.into_iter().map(|unit| AccessUnit { media_time: unit.media_time + begin, ..unit }),
        );
        self
    }

    fn play(&self, outlet: &Outlet) {
        let start = Instant::now();
        for round in 0_u32.. {
            // Pictures leave in the order of decoding; with B-frames that is not the order of their times.
            let pace = self.length / self.units.len() as u32;
            for (number, unit) in self.units.iter().enumerate() {
                let due = self.length * round + pace * number as u32;
                std::thread::sleep(due.saturating_sub(start.elapsed()));
                if outlet.stopped() {
                    return;
                }
                outlet.send(AccessUnit { media_time: unit.media_time + self.length * round, ..unit.clone() });
            }
        }
    }

    fn load_one(path: &Path) -> Result<Self, FeedError> {
        let failed = |what: &'static str| {
            let what = format!("cannot {what} {}", path.display());
            move |source| FeedError::Ffmpeg { what, source }
        };
        let bytes = std::fs::metadata(path)
            .map_err(|source| FeedError::Io { what: format!("cannot read {}", path.display()), source })?
            .len();
        if bytes > MAX_FILE_BYTES {
            return Err(FeedError::Unusable(format!(
                "{} has {bytes} bytes; at most {MAX_FILE_BYTES} are played; cut it with ffmpeg -t",
                path.display()
            )));
        }
        super::quiet_ffmpeg().map_err(failed("start FFmpeg for"))?;
        let mut input = format::input(path).map_err(failed("open"))?;
        let stream = input
            .streams()
            .best(media::Type::Video)
            .ok_or_else(|| FeedError::Unusable(format!("{} holds no video", path.display())))?;
        let (codec, muxer) = match stream.parameters().id() {
            codec::Id::H264 => (Codec::H264, "h264"),
            codec::Id::HEVC => (Codec::H265, "hevc"),
            other => {
                return Err(FeedError::Unusable(format!(
                    "{} is {other:?}; cameras send H.264 or H.265; convert it with ffmpeg -c:v libx264 -bf 0",
                    path.display()
                )));
            }
        };
        let (index, time_base, parameters) = (stream.index(), stream.time_base(), stream.parameters());
        // The suffix tells FFmpeg how to read it back.
        let raw = tempfile::Builder::new()
            .suffix(&format!(".{muxer}"))
            .tempfile()
            .map_err(|source| FeedError::Io { what: "cannot make a temporary file".into(), source })?;
        let mut output = format::output_as(raw.path(), muxer).map_err(failed("convert"))?;
        output
            .add_stream(encoder::find(codec::Id::None))
            .map_err(failed("convert"))?
            .set_parameters(parameters);
        output.write_header().map_err(failed("convert"))?;
        let mut times = vec![];
        for (stream, mut packet) in input.packets() {
            if stream.index() != index {
                continue;
            }
            let ticks = packet.pts().or(packet.dts()).unwrap_or_default();
            times.push(ticks as f64 * f64::from(time_base));
            packet.set_stream(0);
            packet.write(&mut output).map_err(failed("convert"))?;
        }
        output.write_trailer().map_err(failed("convert"))?;
        drop(output);
        let begin = times.iter().copied().fold(f64::INFINITY, f64::min);
        let mut converted = format::input(raw.path()).map_err(failed("convert"))?;
        let units: Vec<AccessUnit> = converted
            .packets()
            .zip(&times)
            .map(|((_, packet), time)| {
                let media_time = Duration::from_secs_f64((time - begin).max(0.0));
                AccessUnit::from_annex_b(packet.data().unwrap_or_default(), media_time, packet.is_key())
            })
            .collect();
        if units.len() != times.len() || units.is_empty() {
            return Err(FeedError::Unusable(format!(
                "{} has {} packets but {} pictures; only progressive video is played",
                path.display(),
                times.len(),
                units.len()
            )));
        }
        let longest = units.iter().map(|unit| unit.media_time).max().unwrap_or_default();
        let length = longest + longest / (units.len() as u32 - 1).max(1);
        Ok(Self { codec, units, length })
    }
}
