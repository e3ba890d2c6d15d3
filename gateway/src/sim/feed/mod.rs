//! Encoded pictures in real time: what a camera sends, before RTP.
//!
//! One producer thread a feed, however many clients watch: they share a bounded broadcast channel. A client that
//! falls behind by more than `BACKLOG` access units is told so and has to leave; the others do not notice.

mod encoder;
mod recording;
mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::camera::recording::RecordingError;

pub use crate::camera::Codec;
pub use recording::Playlist;
pub use scene::SceneFeed;

/// Access units that a client may be behind.
const BACKLOG: usize = 64;

/// One encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// NAL units without start codes or lengths.
    pub nals: Vec<Bytes>,
    /// Presentation time since the feed began.
    pub media_time: Duration,
    /// A decoder can begin here; parameter sets are inside.
    pub key: bool,
}

/// What a decoder must know first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// H.265 only.
    pub vps: Bytes,
    /// Sequence parameter set.
    pub sps: Bytes,
    /// Picture parameter set.
    pub pps: Bytes,
}

/// Why there is no feed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// FFmpeg was built without it.
    #[error("FFmpeg has no {0} encoder; install a build with it (Debian's libavcodec has)")]
    NoEncoder(&'static str),
    /// FFmpeg refused.
    #[error("{what}: {source}")]
    Ffmpeg {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: ffmpeg_next::Error,
    },
    /// A file or thread could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file cannot be played.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A feed that cannot be.
    #[error("{0}")]
    Unusable(String),
}

/// A running feed. Ends when dropped.
#[derive(Debug)]
pub struct Feed {
    /// How it is compressed.
    pub codec: Codec,
    /// Parameter sets of the first key frame.
    pub sets: ParameterSets,
    units: broadcast::Sender<Arc<AccessUnit>>,
    stop: Arc<AtomicBool>,
    producer: Option<JoinHandle<()>>,
}

/// The producer's side of a feed.
struct Outlet {
    units: broadcast::Sender<Arc<AccessUnit>>,
    stop: Arc<AtomicBool>,
}

/// FFmpeg, with its log lines kept to errors.
fn quiet_ffmpeg() -> Result<(), ffmpeg_next::Error> {
    ffmpeg_next::init()?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Error);
    Ok(())
}

/// Length of the header of a NAL unit, bytes.
pub(super) fn nal_header_bytes(codec: Codec) -> usize {
    match codec {
        Codec::H264 => 1,
        Codec::H265 => 2,
    }
}

/// Which parameter set a NAL unit is (ITU-T H.264 table 7-1, H.265 table 7-1).
fn parameter_set<'a>(codec: Codec, nal: &[u8], sets: &'a mut ParameterSets) -> Option<&'a mut Bytes> {
    let first = *nal.first()?;
    let kind = match codec {
        Codec::H264 => first & 0x1f,
        Codec::H265 => first >> 1 & 0x3f,
    };
    match (codec, kind) {
        (Codec::H264, 7) | (Codec::H265, 33) => Some(&mut sets.sps),
        (Codec::H264, 8) | (Codec::H265, 34) => Some(&mut sets.pps),
        (Codec::H265, 32) => Some(&mut sets.vps),
        _ => None,
    }
}

/// An access unit from a byte stream with start codes (ITU-T H.264 annex B).
fn from_annex_b(bytes: &[u8], media_time: Duration, key: bool) -> AccessUnit {
    AccessUnit { nals: split_annex_b(bytes), media_time, key }
}

// === impl AccessUnit ===

impl AccessUnit {
    fn parameter_sets(&self, codec: Codec) -> ParameterSets {
        let mut sets = ParameterSets::default();
        for nal in &self.nals {
            if let Some(set) = parameter_set(codec, nal, &mut sets) {
                *set = nal.clone();
            }
        }
        sets
    }
}

/// NAL units between start codes `00 00 01`; zeros before a start code belong to it.
fn split_annex_b(bytes: &[u8]) -> Vec<Bytes> {
    let starts: Vec<usize> = bytes
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .map(|(at, _)| at + 3)
        .collect();
    let ends = starts.iter().skip(1).map(|start| start - 3).chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let nal = &bytes[*start..end];
            let trailing = nal.iter().rev().take_while(|byte| **byte == 0).count();
            Bytes::copy_from_slice(&nal[..nal.len() - trailing])
        })
        .filter(|nal| !nal.is_empty())
        .collect()
}

// === impl Feed ===

impl Feed {
    /// Starts a producer thread, in which `prepare` makes what `produce` works with and tells the parameter sets of
    /// the first key frame.
    fn spawn<Work>(
        codec: Codec,
        prepare: impl FnOnce() -> Result<(Work, ParameterSets), FeedError> + Send + 'static,
        produce: impl FnOnce(Work, Outlet) + Send + 'static,
    ) -> Result<Self, FeedError> {
        let units = broadcast::Sender::new(BACKLOG);
        let stop = Arc::new(AtomicBool::new(false));
        let outlet = Outlet { units: units.clone(), stop: stop.clone() };
        let (ready, prepared) = std::sync::mpsc::sync_channel(1);
        let body = move || match prepare() {
            Ok((work, sets)) => {
                if ready.send(Ok(sets)).is_ok() {
                    produce(work, outlet);
                }
            }
            // Whoever started the feed waits for the answer.
            Err(error) => drop(ready.send(Err(error))),
        };
        let producer = std::thread::Builder::new()
            .name("camera-feed".into())
            .spawn(body)
            .map_err(|source| FeedError::Io { what: "cannot start the feed's thread".into(), source })?;
        let sets =
            prepared.recv().map_err(|_| FeedError::Unusable("the feed's thread panicked".into()))??;
        Ok(Self { codec, sets, units, stop, producer: Some(producer) })
    }

    /// The access units from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<AccessUnit>> {
        self.units.subscribe()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(producer) = self.producer.take()
            && producer.join().is_err()
        {
            tracing::error!("the feed's thread panicked");
        }
    }
}

// === impl Outlet ===

impl Outlet {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn watchers(&self) -> usize {
        self.units.receiver_count()
    }

    /// To all clients; to nobody where none watches, as with a real camera.
    fn send(&self, unit: AccessUnit) {
        drop(self.units.send(Arc::new(unit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annex_b_is_cut_at_both_kinds_of_start_code() {
        let bytes = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0, 0, 3, 9];
        let nals = split_annex_b(&bytes);
        assert_eq!(nals, [&[0x67u8, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 9]]);
        assert!(split_annex_b(&[1, 2, 3]).is_empty());
    }

    #[test]
    fn parameter_sets_are_found_by_their_type() {
        let unit =
            from_annex_b(&[0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3], Duration::ZERO, true);
        let sets = unit.parameter_sets(Codec::H264);
        assert_eq!((&sets.sps[..], &sets.pps[..], sets.vps.len()), (&[0x67, 1][..], &[0x68, 2][..], 0));
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn a_recording_plays_its_pictures_with_their_times() {
        let data = std::env::var("MOSHAO_TEST_DATA").unwrap_or_else(|_| "../../shared/data".into());
        let path = std::path::Path::new(&data).join("videos/car-detection.mp4");
        if !path.exists() {
            eprintln!("skipped: {} is missing", path.display());
            return;
        }
        let recording = Playlist::load(&[path.clone(), path]).unwrap();
        let feed = recording.start().unwrap();
        assert_eq!(feed.codec, Codec::H264);
        assert!(feed.sets.sps.len() > 4 && feed.sets.pps.len() > 2, "{:?}", feed.sets);
        let mut units = feed.subscribe();
        let (first, second) = (units.blocking_recv().unwrap(), units.blocking_recv().unwrap());
        assert_eq!(second.media_time.abs_diff(first.media_time), Duration::from_millis(80));
    }
}
