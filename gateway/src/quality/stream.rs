//! What a camera's stream says about it: torn pictures, pictures a second, key frames, the clock. Pure.

use std::time::Duration;

use super::defect::Defect;
use super::sight::Said;
use crate::worker::link::CameraCounters;

/// Time over which rates are taken.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Torn pictures, as a share of all.
const TORN_SHARE: f64 = 0.01;
/// How far a rate may be from what is configured, as a share of it.
const APART: f64 = 0.3;
/// Pictures a second below which nobody can follow what happens, whatever is configured.
const FEWEST: f64 = 1.0;
/// The camera's clock may be this far off, seconds; one that is years off counts from its start and is none.
const CLOCK_MAX_S: f64 = 5.0;
const NO_CLOCK_S: f64 = 5.0 * 365.0 * 86400.0;

/// What the configuration expects of the stream.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Expected {
    /// Pictures a second.
    pub(super) frame_rate: Option<f64>,
    /// Between two key frames.
    pub(super) key_frame_interval: Option<Duration>,
}

/// Gathers counters over a window.
#[derive(Debug, Default)]
pub(super) struct Stream {
    expected: Expected,
    lasted: Duration,
    pictures: u64,
    key_frames: u64,
    torn: u64,
}

// === impl Stream ===

impl Stream {
    pub(super) fn new(expected: Expected) -> Self {
        Self { expected, ..Self::default() }
    }

    /// The stream has begun anew, or ended: what was gathered says nothing of it.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.expected);
    }

    /// Counters of the last `lasting` of a stream that flows; what a whole window says.
    pub(super) fn count(&mut self, counted: &CameraCounters, lasting: Duration) -> Option<Vec<Said>> {
        self.lasted += lasting;
        self.pictures += counted.access_units;
        self.key_frames += counted.key_frames;
        self.torn += counted.torn;
        if self.lasted < WINDOW {
            return None;
        }
        let said = self.judge();
        self.restart();
        Some(said)
    }

    fn judge(&self) -> Vec<Said> {
        let torn = self.torn as f64 / self.pictures.max(1) as f64;
        let is_torn = torn >= TORN_SHARE;
        let figures = || {
            format!(
                "packets were missing in {:.1} % of the pictures, limit {:.0} %",
                torn * 100.0,
                TORN_SHARE * 100.0
            )
        };
        let mut said = vec![(Defect::Torn, is_torn.then(figures))];
        // What is lost on the way is missing in the rates too.
        if !is_torn {
            said.push((Defect::FrameRate, self.frame_rate()));
            said.push((Defect::KeyFrames, self.key_frames()));
        }
        said
    }

    fn frame_rate(&self) -> Option<String> {
        let rate = self.pictures as f64 / self.lasted.as_secs_f64();
        match self.expected.frame_rate {
            Some(expected) if is_apart(rate, expected) => {
                Some(format!("{rate:.1} pictures a second, {expected} are configured"))
            }
            None if rate < FEWEST => Some(format!("{rate:.2} pictures a second, at least {FEWEST:.0}")),
            _ => None,
        }
    }

    fn key_frames(&self) -> Option<String> {
        let expected = self.expected.key_frame_interval?.as_secs_f64();
        let lasted = self.lasted.as_secs_f64();
        let interval = lasted / self.key_frames.max(1) as f64;
        // Within a window an interval is known to one key frame more or less.
        let nearest = [-0.5, 0.5].map(|more| lasted / (self.key_frames as f64 + more).max(0.5));
        nearest
            .iter()
            .all(|interval| is_apart(*interval, expected))
            .then(|| format!("a key frame each {interval:.1} s, each {expected} s is configured"))
    }
}

fn is_apart(value: f64, expected: f64) -> bool {
    (value - expected).abs() > APART * expected
}

/// What a camera's clock says, its difference to the box's in seconds. Nothing where the box does not know the time.
pub(super) fn clock(offset_s: Option<f64>, is_trusted: bool) -> Option<Said> {
    let offset_s = offset_s.filter(|offset| is_trusted && offset.abs() < NO_CLOCK_S)?;
    let is_wrong = offset_s.abs() > CLOCK_MAX_S;
    let direction = if offset_s > 0.0 { "ahead" } else { "behind" };
    let figures =
        || format!("it is {:.0} s {direction}, at most {CLOCK_MAX_S:.0} s are right", offset_s.abs());
    Some((Defect::Clock, is_wrong.then(figures)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minute at so many pictures, key frames and torn pictures a second (or each so many seconds).
    fn minute(expected: Expected, pictures: u64, key_each_s: u64, torn: u64) -> Vec<Defect> {
        let mut stream = Stream::new(expected);
        let said = (0..60).filter_map(|second| {
            let key_frames = u64::from(second % key_each_s == 0);
            let counted = CameraCounters { access_units: pictures, key_frames, torn, ..Default::default() };
            stream.count(&counted, Duration::from_secs(1))
        });
        said.flatten().filter_map(|(defect, figures)| figures.map(|_| defect)).collect()
    }

    const AS_USUAL: Expected =
        Expected { frame_rate: Some(25.0), key_frame_interval: Some(Duration::from_secs(2)) };

    #[test]
    fn a_stream_as_configured_is_well() {
        assert_eq!(minute(AS_USUAL, 25, 2, 0), []);
        assert_eq!(minute(AS_USUAL, 20, 2, 0), [], "within 30 %");
        assert_eq!(minute(Expected::default(), 8, 10, 0), [], "nothing is configured");
    }

    #[test]
    fn rates_that_are_not_as_configured_are_told_unless_pictures_are_torn() {
        assert_eq!(minute(AS_USUAL, 12, 2, 0), [Defect::FrameRate]);
        assert_eq!(minute(AS_USUAL, 25, 10, 0), [Defect::KeyFrames]);
        assert_eq!(minute(AS_USUAL, 25, 1, 0), [Defect::KeyFrames]);
        assert_eq!(minute(AS_USUAL, 12, 10, 1), [Defect::Torn]);
        assert_eq!(minute(Expected::default(), 0, 60, 0), [Defect::FrameRate]);
    }

    #[test]
    fn a_clock_is_wrong_only_where_the_box_knows_the_time() {
        let is_wrong = |offset, trusted| clock(Some(offset), trusted).map(|(_, figures)| figures.is_some());
        assert_eq!(is_wrong(2.0, true), Some(false));
        assert_eq!(is_wrong(-28_800.0, true), Some(true), "a time zone off");
        assert_eq!(is_wrong(-28_800.0, false), None);
        assert_eq!(is_wrong(-1.7e9, true), None, "it has no clock");
        assert_eq!(clock(None, true), None);
    }
}
