//! Recorded files as a feed: the access units as they are, in a loop, at their own pace.
//!
//! Several files follow each other, so a change of the picture's size can be shown to a client.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{AccessUnit, Codec, Feed, FeedError, Outlet, from_annex_b};
use crate::camera::recording::Recording;

/// Larger files are refused, for all is kept in memory.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Access units of recorded files.
#[derive(Debug)]
pub struct Playlist {
    codec: Codec,
    units: Vec<AccessUnit>,
    /// Of one round through all files.
    length: Duration,
}

// === impl Playlist ===

impl Playlist {
    /// Reads all files; they must share one codec.
    ///
    /// # Errors
    /// No file, one that cannot be read or played, or two codecs.
    pub fn load(paths: &[PathBuf]) -> Result<Self, FeedError> {
        let (first, others) =
            paths.split_first().ok_or_else(|| FeedError::Unusable("no file to play".into()))?;
        let mut list = Self::load_one(first)?;
        for path in others {
            let part = Self::load_one(path)?;
            if part.codec != list.codec {
                return Err(FeedError::Unusable(format!(
                    "{} is {:?} and the files before it are {:?}; a stream has one codec",
                    path.display(),
                    part.codec,
                    list.codec
                )));
            }
            list = list.followed_by(part);
        }
        Ok(list)
    }

    /// Begins with the first key frame at or behind `at`; what lies before it is played last. Cameras that play the same
    /// files need not show the same at the same time.
    pub fn beginning_at(mut self, at: Duration) -> Self {
        let Some(first) = self.units.iter().position(|unit| unit.key && unit.media_time >= at) else {
            return self;
        };
        let begin = self.units[first].media_time;
        self.units.rotate_left(first);
        for unit in &mut self.units {
            let round = if unit.media_time < begin { self.length } else { Duration::ZERO };
            unit.media_time = unit.media_time + round - begin;
        }
        self
    }

    /// Plays in a loop from now on.
    ///
    /// # Errors
    /// No key frame, or no thread to play.
    pub fn start(self) -> Result<Feed, FeedError> {
        let first = self
            .units
            .iter()
            .find(|unit| unit.key)
            .ok_or_else(|| FeedError::Unusable("the recording has no key frame".into()))?;
        let (codec, sets) = (self.codec, first.parameter_sets(self.codec));
        Feed::spawn(codec, move || Ok((self, sets)), |list, outlet| list.play(&outlet))
    }

    fn load_one(path: &Path) -> Result<Self, FeedError> {
        let bytes = std::fs::metadata(path)
            .map_err(|source| FeedError::Io { what: format!("cannot read {}", path.display()), source })?
            .len();
        if bytes > MAX_FILE_BYTES {
            return Err(FeedError::Unusable(format!(
                "{} has {bytes} bytes; at most {MAX_FILE_BYTES} are played; cut it with ffmpeg -t",
                path.display()
            )));
        }
        let recording = Recording::open(path)?;
        let (codec, length) = (recording.codec, recording.length());
        let units = recording.map(|unit| from_annex_b(&unit.data, unit.media_time, unit.is_key)).collect();
        Ok(Self { codec, units, length })
    }

    fn followed_by(mut self, other: Playlist) -> Self {
        let begin = self.length;
        self.length += other.length;
        let later = |unit: AccessUnit| AccessUnit { media_time: unit.media_time + begin, ..unit };
        self.units.extend(other.units.into_iter().map(later));
        self
    }

    fn play(&self, outlet: &Outlet) {
        let start = Instant::now();
        // Pictures leave in the order of decoding; with B-frames that is not the order of their times.
        let pace = self.length / self.units.len() as u32;
        for round in 0_u32.. {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_begin_in_the_middle_and_plays_its_beginning_last() {
        let second = Duration::from_secs(1);
        let unit = |n: u32| AccessUnit { nals: vec![], media_time: second * n, key: n.is_multiple_of(2) };
        let list = Playlist { codec: Codec::H264, units: (0..6).map(unit).collect(), length: second * 6 };
        let later = list.beginning_at(second * 3);
        let times: Vec<(Duration, bool)> =
            later.units.iter().map(|unit| (unit.media_time, unit.key)).collect();
        assert_eq!(times, (0..6).map(|n| (second * n, n.is_multiple_of(2))).collect::<Vec<_>>());
        assert!(later.units[0].key);
    }
}
