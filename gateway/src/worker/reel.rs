//! The reel of each camera: the encoded pictures that came of late, from which the parent makes clips.
//!
//! A reel goes on whether its camera sleeps or not. The parent reads it part by part ([`Reels::read`]) and says where to
//! go on, so that nothing here waits for a slow disk: a reader that falls too far behind finds its place gone. What
//! leaves is no byte stream any more but pictures of a file: NAL units with their lengths, parameter sets apart
//! (ISO/IEC 14496-15), so that the parent copies and need not look into them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::link::{FilmPicture, FromWorker, ReelEnd, ReelFrom, ReelPart, ReelRequest};
use crate::camera::ring::{BYTES_MAX, Ring};
use crate::camera::{AccessUnit, Codec};

/// Bytes of one part, unless a single picture has more.
const PART_BYTES: usize = 1024 * 1024;
/// A picture that would fill a whole message of the link ends the clip.
const PICTURE_BYTES_MAX: usize = 6 * 1024 * 1024;
/// A reader may be this late before what it wants is gone.
pub(crate) const LATE: Duration = Duration::from_secs(5);
/// Bytes that a second of a long pre-roll may take: 8 Mbit/s.
const BYTES_A_SECOND: usize = 1024 * 1024;

/// The reels of all cameras, in their order.
#[derive(Debug)]
pub(super) struct Reels {
    reels: Mutex<Vec<Reel>>,
    lasting: Duration,
}

#[derive(Debug)]
struct Reel {
    ring: Ring,
    /// Which unbroken sequence of pictures this is; random, so that one of a worker before is never taken for it.
    take: u64,
    /// `VisualSampleEntry` box of the take (ISO/IEC 14496-12).
    sample_entry: Vec<u8>,
}

// === impl Reels ===

impl Reels {
    /// Empty reels for so many cameras, each long enough for clips that begin `pre_roll` ago.
    pub(super) fn new(cameras: usize, pre_roll: Duration) -> Self {
        let bytes_max = BYTES_MAX.max(pre_roll.as_secs() as usize * BYTES_A_SECOND);
        let reel = || Reel { ring: Ring::with_capacity(bytes_max), take: 0, sample_entry: Vec::new() };
        let lasting = pre_roll + LATE;
        Self { reels: Mutex::new((0..cameras).map(|_| reel()).collect()), lasting }
    }

    /// A new sequence of pictures begins with this one: another session, or other parameters.
    pub(super) fn begin(&self, camera: usize, sample_entry: Vec<u8>) {
        let reel = &mut self.lock()[camera];
        reel.ring.clear();
        reel.take = rand::random();
        reel.sample_entry = sample_entry;
    }

    /// Takes a picture. The bytes are shared with whoever else has it.
    pub(super) fn push(&self, camera: usize, unit: &AccessUnit) {
        let reel = &mut self.lock()[camera];
        reel.ring.push(unit.clone());
        if unit.is_key {
            reel.ring.forget_older(unit.media_time.saturating_sub(self.lasting));
        }
    }

    /// A camera's latest key frame that was received by this time, where it is whole; the oldest held where none was.
    pub(super) fn key_by(&self, camera: usize, received_unix_ms: i64) -> Option<AccessUnit> {
        let reels = self.lock();
        let reel = &reels[camera];
        reel.ring.get(reel.key_before(received_unix_ms)).filter(|unit| unit.lost_packets == 0).cloned()
    }

    /// One part of a camera's reel.
    pub(super) fn read(&self, camera: usize, request: ReelRequest) -> FromWorker {
        let part = self.lock()[camera].read(request.from);
        FromWorker::Reel { request: request.request, part }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reel>> {
        self.reels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Reel ===

impl Reel {
    fn read(&self, from: ReelFrom) -> ReelPart {
        if self.sample_entry.is_empty() {
            return ReelPart::Over(ReelEnd::NoFilm);
        }
        let begin = match from {
            ReelFrom::Time { received_unix_ms } => self.key_before(received_unix_ms),
            ReelFrom::Next { take, .. } if take != self.take => return ReelPart::Over(ReelEnd::NewTake),
            ReelFrom::Next { number, .. } if number < self.ring.first() => {
                return ReelPart::Over(ReelEnd::Forgotten);
            }
            ReelFrom::Next { number, .. } => number,
        };
        let (mut pictures, mut bytes, mut next) = (Vec::new(), 0, begin);
        while let Some(unit) = self.ring.get(next).filter(|_| bytes < PART_BYTES) {
            if unit.data.len() > PICTURE_BYTES_MAX {
                return ReelPart::Over(ReelEnd::TooLarge);
            }
            bytes += unit.data.len();
            next += 1;
            pictures.push(film_picture(unit));
        }
        ReelPart::Film {
            take: self.take,
            next,
            sample_entry: self.sample_entry.clone(),
            pictures,
            more: next < self.ring.end(),
        }
    }

    /// The latest key frame received at or before this time; the oldest held where there is none.
    fn key_before(&self, received_unix_ms: i64) -> u64 {
        let before = self
            .ring
            .units()
            .enumerate()
            .filter(|(_, unit)| unit.is_key && unit.received_unix_ms <= received_unix_ms)
            .last();
        self.ring.first() + before.map_or(0, |(index, _)| index as u64)
    }
}

fn film_picture(unit: &AccessUnit) -> FilmPicture {
    FilmPicture {
        data: with_lengths(unit.codec, &unit.data),
        is_key: unit.is_key,
        media_time: unit.media_time,
        received_unix_ms: unit.received_unix_ms,
    }
}

/// From start codes (ITU-T H.264 and H.265, annex B) to lengths of four bytes, without parameter sets and delimiters:
/// those stand in the sample entry.
fn with_lengths(codec: Codec, annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 16);
    for nal in nal_units(annex_b).filter(|nal| is_picture_part(codec, nal)) {
        let length = u32::try_from(nal.len()).expect("a picture has at most some megabytes");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

/// NAL units between start codes `00 00 01`; zeros before a start code belong to it.
fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        let nal = rest?;
        let end = find_start_code(nal);
        rest = end.and_then(|end| after_start_code(&nal[end..]));
        let nal = &nal[..end.unwrap_or(nal.len())];
        let zeros = nal.iter().rev().take_while(|byte| **byte == 0).count();
        Some(&nal[..nal.len() - zeros])
    })
    .filter(|nal| !nal.is_empty())
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

/// Anything but parameter sets and access unit delimiters (H.264 table 7-1, H.265 table 7-1).
fn is_picture_part(codec: Codec, nal: &[u8]) -> bool {
    match codec {
        Codec::H264 => !matches!(nal[0] & 0x1f, 7..=9),
        Codec::H265 => !matches!(nal[0] >> 1 & 0x3f, 32..=35),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRE_ROLL: Duration = Duration::from_secs(5);

    /// Picture `number` of a camera with five pictures a second and a key frame each two seconds.
    fn unit(number: u64) -> AccessUnit {
        let is_key = number.is_multiple_of(10);
        let mut data = if is_key { vec![0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 9] } else { Vec::new() };
        data.extend_from_slice(&[0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }, number as u8, 1]);
        AccessUnit {
            data: data.into(),
            codec: Codec::H264,
            is_key,
            lost_packets: 0,
            is_new_sequence: number == 0,
            media_time: Duration::from_millis(number * 200),
            received_unix_ms: 1_000_000 + number as i64 * 200,
        }
    }

    fn reels(pictures: u64) -> Reels {
        let reels = Reels::new(1, PRE_ROLL);
        reels.begin(0, vec![1]);
        (0..pictures).for_each(|number| reels.push(0, &unit(number)));
        reels
    }

    fn read(reels: &Reels, from: ReelFrom) -> ReelPart {
        match reels.read(0, ReelRequest { request: 1, camera: "gate".to_owned(), from }) {
            FromWorker::Reel { request: 1, part } => part,
            other => panic!("{other:?}"),
        }
    }

    /// First picture, how many there are, and where to go on.
    fn film(part: ReelPart) -> (FilmPicture, usize, ReelFrom) {
        match part {
            ReelPart::Film { take, next, pictures, .. } => {
                (pictures[0].clone(), pictures.len(), ReelFrom::Next { take, number: next })
            }
            ReelPart::Over(end) => panic!("{end:?}"),
        }
    }

    #[test]
    fn a_part_begins_with_the_key_frame_before_the_time_that_is_asked_for() {
        let reels = reels(45);
        let from = ReelFrom::Time { received_unix_ms: 1_000_000 + 5_900 };
        let (first, pictures, next) = film(read(&reels, from));
        assert!(first.is_key);
        assert_eq!((first.media_time, pictures), (Duration::from_secs(4), 25));
        reels.push(0, &unit(45));
        let (first, pictures, _) = film(read(&reels, next));
        assert_eq!((first.media_time, pictures), (Duration::from_secs(9), 1), "and goes on where it ended");
    }

    #[test]
    fn the_key_frame_of_a_moment_is_the_last_one_received_by_then() {
        let reels = reels(45);
        let key_by = |ms: i64| reels.key_by(0, 1_000_000 + ms).map(|unit| unit.received_unix_ms - 1_000_000);
        assert_eq!(key_by(8_000), Some(8_000));
        assert_eq!(key_by(7_999), Some(6_000));
        assert_eq!(key_by(-1), Some(0), "nothing older is held");
        reels.push(0, &AccessUnit { is_key: true, lost_packets: 1, ..unit(50) });
        assert_eq!(key_by(10_000), None, "torn");
        assert!(Reels::new(1, PRE_ROLL).key_by(0, 0).is_none());
    }

    #[test]
    fn it_holds_the_pre_roll_and_what_a_late_reader_needs_and_no_more() {
        let reels = reels(101);
        let (first, _, _) = film(read(&reels, ReelFrom::Time { received_unix_ms: 0 }));
        assert_eq!(first.media_time, Duration::from_secs(10), "20 s came, 5 and 5 are held");
    }

    #[test]
    fn a_reader_learns_that_the_sequence_is_another_or_that_it_came_too_late() {
        let reels = reels(10);
        let (_, _, next) = film(read(&reels, ReelFrom::Time { received_unix_ms: 0 }));
        (10..120).for_each(|number| reels.push(0, &unit(number)));
        assert!(matches!(read(&reels, next), ReelPart::Over(ReelEnd::Forgotten)));
        let ReelFrom::Next { take, .. } = next else { panic!("{next:?}") };
        reels.begin(0, vec![2]);
        let next = ReelFrom::Next { take, number: 120 };
        assert!(matches!(read(&reels, next), ReelPart::Over(ReelEnd::NewTake)));
    }

    #[test]
    fn a_camera_that_never_had_a_stream_has_no_film() {
        let from = ReelFrom::Time { received_unix_ms: 0 };
        assert!(matches!(read(&Reels::new(1, PRE_ROLL), from), ReelPart::Over(ReelEnd::NoFilm)));
    }

    #[test]
    fn start_codes_become_lengths_and_parameter_sets_stay_out() {
        let unit = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 0, 4, 0, 0, 1, 0x65, 5, 0];
        let picture = with_lengths(Codec::H264, &unit);
        assert_eq!(picture, [0, 0, 0, 4, 0x65, 3, 0, 4, 0, 0, 0, 2, 0x65, 5]);
        let unit = [0, 0, 0, 1, 0x40, 1, 9, 0, 0, 0, 1, 0x42, 1, 9, 0, 0, 1, 0x26, 1, 7];
        assert_eq!(with_lengths(Codec::H265, &unit), [0, 0, 0, 3, 0x26, 1, 7]);
        assert!(with_lengths(Codec::H264, &[1, 2, 3]).is_empty(), "no start code, no picture");
    }
}
