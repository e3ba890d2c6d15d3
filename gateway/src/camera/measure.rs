//! What a camera really sends: figures out of its access units. `advice` says what to change in its settings.
//!
//! Pure: access units in, figures out.

use std::time::Duration;

use serde::Serialize;

use super::reference::is_unreferenced;
use super::{AccessUnit, gate, ring};

/// Key frames further apart than this keep a picture broken for long after a loss, seconds.
pub(super) const KEY_FRAME_INTERVAL_MAX_S: f64 = 4.0;
/// Key frames closer together than this cost bits and nothing is gained, seconds.
pub(super) const KEY_FRAME_INTERVAL_MIN_S: f64 = 0.9;
pub(super) const FPS_MAX: f64 = 25.5;
/// Detectors look at 640 pixels or less; more than 1080p only costs.
pub(super) const PICTURE_MAX_PX: u32 = 1920 * 1088;
pub(super) const KBIT_S_MAX: f64 = 8000.0;
/// Bytes between two key frames that a sleeping camera can look back at.
pub(super) const GROUP_MAX_BYTES: f64 = ring::BYTES_MAX as f64 * 7.0 / 8.0;
pub(super) const CLOCK_OFFSET_MAX_S: f64 = 2.0;
/// A camera that counts from its start is decades off: it has no clock, rather than a wrong one.
const CLOCK_OFFSET_SENSELESS_S: f64 = 5.0 * 365.0 * 86400.0;

/// Takes access units and keeps what figures need.
#[derive(Debug)]
pub struct Measure {
    size_px: (u32, u32),
    sizes_bytes: Vec<usize>,
    keys: Vec<Key>,
    first: Option<Duration>,
    last: Duration,
    unreferenced: usize,
    lost_packets: u64,
    longest_gap: Duration,
    codec: &'static str,
}

#[derive(Debug)]
struct Key {
    number: usize,
    at: Duration,
    bytes: usize,
}

/// What a camera sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// `h264` or `h265`.
    pub codec: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Media time that was watched, seconds.
    pub seconds: f64,
    /// Access units that were received.
    pub pictures: usize,
    /// Pictures a second.
    pub fps: f64,
    /// Median time between key frames, seconds; none where fewer than two came.
    pub key_frame_interval_s: Option<f64>,
    /// Median pictures from one key frame to the next.
    pub key_frame_interval_pictures: Option<usize>,
    /// Kilobits a second.
    pub kbit_s: f64,
    /// Median size of a key frame, bytes.
    pub key_frame_bytes: usize,
    /// Median size of any picture, bytes.
    pub picture_bytes: usize,
    /// Share of pictures that no other refers to, 0 to 1: these can be left out where not all is to be decoded.
    pub unreferenced_share: f64,
    /// RTP packets that did not come.
    pub lost_packets: u64,
    /// Longest media time between two pictures, milliseconds.
    pub longest_gap_ms: u64,
    /// The camera's clock minus this machine's, seconds; none where the camera does not tell (RTCP sender reports).
    pub clock_offset_s: Option<f64>,
}

/// Whether the camera can sleep while nothing moves, and what is done instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sleep {
    /// Its key frames are looked at while it sleeps.
    KeyFrames,
    /// It sends nothing but key frames: one a second is looked at, and awake only those that are due are decoded.
    OnlyKeyFrames,
    /// Its key frames are so far apart that somebody may come and go in between: it sleeps only once the sizes of its
    /// pictures have proven to tell.
    FarKeyFrames,
    /// Between two key frames more comes than can be held to look back at: every picture is decoded.
    Never,
    /// Too few key frames were seen to tell.
    Unknown,
}

// === impl Measure ===

impl Measure {
    /// Of pictures of this size, pixels.
    pub fn new(size_px: (u32, u32)) -> Self {
        Self {
            size_px,
            sizes_bytes: Vec::new(),
            keys: Vec::new(),
            first: None,
            last: Duration::ZERO,
            unreferenced: 0,
            lost_packets: 0,
            longest_gap: Duration::ZERO,
            codec: "",
        }
    }

    /// Takes one access unit.
    pub fn add(&mut self, unit: &AccessUnit) {
        if self.first.is_some() {
            self.longest_gap = self.longest_gap.max(unit.media_time.saturating_sub(self.last));
        }
        self.first.get_or_insert(unit.media_time);
        self.last = unit.media_time;
        self.codec = unit.codec.as_str();
        self.lost_packets += u64::from(unit.lost_packets);
        if unit.is_key {
            let (number, bytes) = (self.sizes_bytes.len(), unit.data.len());
            self.keys.push(Key { number, at: unit.media_time, bytes });
        }
        self.unreferenced += usize::from(is_unreferenced(unit));
        self.sizes_bytes.push(unit.data.len());
    }

    /// The figures so far; none before the second picture.
    pub fn figures(&self, clock_offset_s: Option<f64>) -> Option<Figures> {
        let seconds = (self.last - self.first?).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        // What came between the first picture and the last; the last has just begun to count.
        let intervals = self.sizes_bytes.len() - 1;
        let bytes: usize = self.sizes_bytes[..intervals].iter().sum();
        let between = |of: fn(&Key, &Key) -> usize| self.keys.windows(2).map(move |k| of(&k[0], &k[1]));
        let interval_ms = between(|a, b| (b.at - a.at).as_millis() as usize);
        Some(Figures {
            codec: self.codec,
            width: self.size_px.0,
            height: self.size_px.1,
            seconds,
            pictures: self.sizes_bytes.len(),
            fps: intervals as f64 / seconds,
            key_frame_interval_s: median(interval_ms).map(|ms| ms as f64 / 1000.0),
            key_frame_interval_pictures: median(between(|a, b| b.number - a.number)),
            kbit_s: bytes as f64 * 8.0 / 1000.0 / seconds,
            key_frame_bytes: median(self.keys.iter().map(|key| key.bytes)).unwrap_or_default(),
            picture_bytes: median(self.sizes_bytes.iter().copied()).unwrap_or_default(),
            unreferenced_share: self.unreferenced as f64 / self.sizes_bytes.len() as f64,
            lost_packets: self.lost_packets,
            longest_gap_ms: self.longest_gap.as_millis() as u64,
            clock_offset_s: clock_offset_s.filter(|offset| offset.abs() < CLOCK_OFFSET_SENSELESS_S),
        })
    }
}

// === impl Figures ===

impl Figures {
    /// Whether it can sleep.
    pub fn sleep(&self) -> Sleep {
        let group_bytes = self.key_frame_interval_s.map(|interval| interval * self.kbit_s * 1000.0 / 8.0);
        match (group_bytes, self.key_frame_interval_pictures) {
            (None, _) => Sleep::Unknown,
            (Some(bytes), _) if bytes > GROUP_MAX_BYTES => Sleep::Never,
            (Some(_), Some(1)) => Sleep::OnlyKeyFrames,
            _ if self.key_frame_interval_s > Some(gate::KEY_INTERVAL_MAX.as_secs_f64()) => {
                Sleep::FarKeyFrames
            }
            (Some(_), _) => Sleep::KeyFrames,
        }
    }
}

fn median(values: impl Iterator<Item = usize>) -> Option<usize> {
    let mut values: Vec<usize> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Codec;
    use crate::language::Language;

    /// Key frames of 50 kB, other pictures of 10 kB.
    fn figures(fps: usize, seconds: usize, key_every: usize) -> Figures {
        let mut measure = Measure::new((1920, 1080));
        for n in 0..=fps * seconds {
            let is_key = n % key_every == 0;
            measure.add(&AccessUnit {
                data: vec![0; if is_key { 50_000 } else { 10_000 }].into(),
                codec: Codec::H264,
                is_key,
                lost_packets: 0,
                is_new_sequence: n == 0,
                media_time: Duration::from_secs_f64(n as f64 / fps as f64),
                received_unix_ms: 0,
            });
        }
        measure.figures(None).unwrap()
    }

    #[test]
    fn figures_of_an_ordinary_camera_need_no_advice() {
        let figures = figures(25, 10, 50);
        assert_eq!((figures.pictures, figures.key_frame_interval_pictures), (251, Some(50)));
        assert!((figures.fps - 25.0).abs() < 0.01, "{figures:?}");
        assert_eq!(figures.key_frame_interval_s, Some(2.0));
        // 5 key frames and 245 others in 10 s.
        assert!((figures.kbit_s - (5.0 * 50.0 + 245.0 * 10.0) * 8.0 / 10.0).abs() < 0.1, "{figures:?}");
        assert_eq!((figures.key_frame_bytes, figures.picture_bytes), (50_000, 10_000));
        assert_eq!(figures.longest_gap_ms, 40);
        assert_eq!(figures.advice(Language::English), Vec::<String>::new());
    }

    #[test]
    fn advice_names_what_to_change() {
        let advice = |figures: Figures| figures.advice(Language::English).join("\n");
        assert!(advice(figures(25, 12, 250)).contains("every 10.0 s"));
        assert!(advice(figures(25, 8, 250)).contains("only one key frame in 8 s"));
        assert!(advice(figures(25, 8, 1)).contains("every picture is a key frame"));
        assert!(advice(figures(50, 8, 100)).contains("50.0 pictures a second"));
        assert!(advice(Figures { width: 3840, height: 2160, ..figures(25, 8, 50) }).contains("3840x2160"));
        assert!(advice(Figures { lost_packets: 3, ..figures(25, 8, 50) }).contains("3 packets lost"));
        assert!(
            advice(Figures { clock_offset_s: Some(-90.0), ..figures(25, 8, 50) }).contains("90 s behind")
        );
    }

    #[test]
    fn advice_is_given_in_either_language() {
        let all = Figures {
            width: 3840,
            height: 2160,
            lost_packets: 3,
            clock_offset_s: Some(90.0),
            ..figures(50, 12, 500)
        };
        let greedy = Figures { kbit_s: 16_000.0, ..all };
        let (chinese, english) = (greedy.advice(Language::Chinese), greedy.advice(Language::English));
        assert_eq!((chinese.len(), english.len()), (7, 7), "{english:?}");
        assert!(english.iter().all(|line| line.is_ascii()), "{english:?}");
        assert!(chinese.iter().all(|line| line.contains('：')), "{chinese:?}");
        assert!(
            chinese[0].starts_with("每 10.0 秒一个关键帧") && chinese[6].contains("快 90 秒"),
            "{chinese:?}"
        );
    }

    #[test]
    fn it_says_whether_the_camera_can_sleep() {
        assert_eq!(figures(25, 10, 50).sleep(), Sleep::KeyFrames);
        assert_eq!(figures(25, 10, 1).sleep(), Sleep::OnlyKeyFrames);
        assert_eq!(figures(25, 8, 250).sleep(), Sleep::Unknown);
        assert_eq!(figures(25, 32, 250).sleep(), Sleep::FarKeyFrames);
        let greedy = Figures { kbit_s: 16_000.0, ..figures(25, 12, 125) };
        assert_eq!(greedy.sleep(), Sleep::Never);
        assert!(greedy.advice(Language::English).join("\n").contains("so that the camera can sleep"));
    }

    #[test]
    fn pictures_that_no_other_refers_to_are_counted() {
        let mut measure = Measure::new((640, 360));
        for n in 0..40_u64 {
            let header = if n % 2 == 1 { 0x01 } else { 0x41 };
            measure.add(&AccessUnit {
                data: vec![0, 0, 0, 1, header, 9].into(),
                codec: Codec::H264,
                is_key: n == 0,
                lost_packets: 0,
                is_new_sequence: n == 0,
                media_time: Duration::from_millis(n * 40),
                received_unix_ms: 0,
            });
        }
        assert_eq!(measure.figures(None).unwrap().unreferenced_share, 0.5);
    }

    #[test]
    fn a_camera_that_counts_from_its_start_has_no_clock() {
        let mut measure = Measure::new((640, 360));
        assert_eq!(measure.figures(None), None);
        for n in 0..2 {
            measure.add(&AccessUnit {
                data: vec![0].into(),
                codec: Codec::H265,
                is_key: n == 0,
                lost_packets: 0,
                is_new_sequence: n == 0,
                media_time: Duration::from_secs(n),
                received_unix_ms: 0,
            });
        }
        assert_eq!(measure.figures(Some(-56.0 * 365.0 * 86400.0)).unwrap().clock_offset_s, None);
    }
}
