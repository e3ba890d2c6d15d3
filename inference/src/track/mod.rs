//! Tracks: the same object over time, with a stable id.
//!
//! ByteTrack's two associations (Zhang et al., ECCV 2022, <https://arxiv.org/abs/2110.06864>) over a constant-velocity
//! Kalman filter, tuned for 2 to 10 pictures a second: motion is in units of the object's own size per second, and the
//! margin within which an object is looked for again grows with the time since it was seen. Only detections of the same
//! label are joined. The same input always gives the same ids.

mod assignment;
mod motion;

use std::time::Duration;

use crate::detector::Detection;
use crate::picture::BoxPx;
use motion::Motion;

/// How long an object that is not seen is remembered, where nothing else is said.
pub const MEMORY: Duration = Duration::from_secs(2);

/// Least likeness (buffered intersection over union) between where a track should be and where a detection is.
const LEAST_LIKENESS: f32 = 0.1;
/// The same for faint detections, which must fit well to count.
const LEAST_LIKENESS_FAINT: f32 = 0.4;
/// Margin around a box when likeness is computed, as a share of its sides: at least, and at most.
const MARGIN: (f32, f32) = (0.1, 0.5);
/// How fast the margin grows with the time since an object was seen, per second.
const MARGIN_GROWTH: f32 = 0.5;

/// An object followed over several pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Track {
    /// Unique within its tracker; never used again.
    pub id: u64,
    /// Index into the detector's labels.
    pub label: usize,
    /// Score of the latest detection.
    pub score: f32,
    /// Where it is now, in pixels.
    pub area: BoxPx,
    /// Pictures in which it was detected.
    pub sightings: u32,
}

/// Follows objects from picture to picture.
#[derive(Debug)]
pub struct Tracker {
    next_id: u64,
    memory: Duration,
    now: Duration,
    followed: Vec<Followed>,
}

/// A track and what is needed to find it again.
#[derive(Debug, Clone)]
struct Followed {
    track: Track,
    motion: Motion,
    last_seen: Duration,
    /// Seen in the picture before, faintly or not.
    present: bool,
}

// === impl Tracker ===

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}

impl Tracker {
    /// An empty tracker.
    pub fn new() -> Self {
        Self::with_memory(MEMORY)
    }

    /// An empty tracker that remembers an unseen object for `memory`.
    pub fn with_memory(memory: Duration) -> Self {
        Self { next_id: 0, memory, now: Duration::ZERO, followed: Vec::new() }
    }

    /// Takes the detections of the picture at media time `at` and returns the tracks that were seen in it,
    /// in the order of their ids.
    pub fn update(&mut self, at: Duration, detections: &[Detection]) -> Vec<Track> {
        self.update_with_faint(at, detections, &[])
    }

    /// Like [`Tracker::update`], with detections below the threshold besides ([`crate::detector::Detector::faint`]):
    /// they keep alive the track of an object that is half hidden, but neither begin a track nor count as a sighting.
    ///
    /// Media time that runs backwards means another stream: all tracks end, ids go on.
    pub fn update_with_faint(
        &mut self,
        at: Duration,
        detections: &[Detection],
        faint: &[Detection],
    ) -> Vec<Track> {
        if at < self.now {
            self.followed.clear();
        }
        self.now = at;
        self.followed.retain(|f| at - f.last_seen <= self.memory);
        for followed in &mut self.followed {
            followed.motion.predict(at);
        }

        let known: Vec<usize> = (0..self.followed.len()).collect();
        let matched = self.associate(&known, detections, LEAST_LIKENESS);
        let mut seen = vec![false; self.followed.len()];
        let mut is_new = vec![true; detections.len()];
        for (index, detection) in matched {
            self.followed[index].see(at, &detections[detection]);
            seen[index] = true;
            is_new[detection] = false;
        }

        let unseen: Vec<usize> =
            known.into_iter().filter(|i| !seen[*i] && self.followed[*i].present).collect();
        let mut present = seen.clone();
        for (index, detection) in self.associate(&unseen, faint, LEAST_LIKENESS_FAINT) {
            self.followed[index].glimpse(at, &faint[detection]);
            present[index] = true;
        }
        for (followed, present) in self.followed.iter_mut().zip(present) {
            followed.present = present;
        }

        let mut tracks: Vec<Track> =
            self.followed.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(f, _)| f.track).collect();
        for detection in detections.iter().zip(is_new).filter_map(|(d, is_new)| is_new.then_some(d)) {
            tracks.push(self.begin(at, detection));
        }
        tracks
    }

    /// Pairs of index into `followed` and index into `detections`; no index twice.
    fn associate(&self, candidates: &[usize], detections: &[Detection], least: f32) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for (row, &index) in candidates.iter().enumerate() {
            let followed = &self.followed[index];
            let expected = followed.motion.area();
            let unseen = (self.now - followed.last_seen).as_secs_f32();
            let margin = (MARGIN_GROWTH * unseen).clamp(MARGIN.0, MARGIN.1);
            let near = widened(expected, margin);
            for (column, detection) in detections.iter().enumerate() {
                if detection.label != followed.track.label
                    || near.overlap(&widened(detection.area, margin)) <= 0.0
                {
                    continue;
                }
                let likeness = near.iou(&widened(detection.area, margin));
                if likeness >= least {
                    pairs.push(assignment::Pair { row, column, likeness });
                }
            }
        }
        assignment::best(&pairs).into_iter().map(|(row, column)| (candidates[row], column)).collect()
    }

    fn begin(&mut self, at: Duration, detection: &Detection) -> Track {
        self.next_id += 1;
        let Detection { label, score, area } = *detection;
        let track = Track { id: self.next_id, label, score, area, sightings: 1 };
        self.followed.push(Followed { track, motion: Motion::new(at, area), last_seen: at, present: true });
        track
    }
}

// === impl Followed ===

impl Followed {
    fn see(&mut self, at: Duration, detection: &Detection) {
        self.motion.correct(detection.area);
        self.last_seen = at;
        self.track.score = detection.score;
        self.track.area = detection.area;
        self.track.sightings = self.track.sightings.saturating_add(1);
    }

    fn glimpse(&mut self, at: Duration, detection: &Detection) {
        self.motion.correct(detection.area);
        self.last_seen = at;
    }
}

/// The box with a margin of this share of its sides all around.
fn widened(area: BoxPx, margin: f32) -> BoxPx {
    let (w, h) = ((area.x2 - area.x1) * margin, (area.y2 - area.y1) * margin);
    BoxPx { x1: area.x1 - w, y1: area.y1 - h, x2: area.x2 + w, y2: area.y2 + h }
}

#[cfg(test)]
mod tests;
