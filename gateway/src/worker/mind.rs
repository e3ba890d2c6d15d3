//! What one camera does with a picture: detect, leave out what is masked, track; or, for a look of a sleeping camera,
//! say what is to be made of it.
//!
//! The same steps run in the inference thread of a worker and in a replay of recorded footage.

use moshao_inference::detector::{DetectError, Detection, Detector};
use moshao_inference::picture::BoxPx;
use moshao_inference::track::{Track, Tracker};

use super::eye::{Due, Task};
use super::link::{CameraJob, Observation, SeenTrack};
use super::looks::Looks;
use crate::camera::gate::Findings;
use crate::camera::mask;
use crate::camera::opinion::{Opinion, Recognised};
use crate::camera::picture::Picture;
use crate::camera::thumb::Area;

/// What one camera needs between picture and observation.
#[derive(Default)]
pub(crate) struct Mind {
    tracker: Tracker,
    pictures: u64,
    latest: Scene,
}

/// What is in a picture.
#[derive(Default)]
struct Scene {
    tracks: Vec<Track>,
    /// People, in fractions; none where the detector does not know people.
    people: Option<Vec<[f32; 4]>>,
}

/// What was made of one picture.
pub(crate) struct Thought {
    /// What the gate wants to know of it.
    pub(crate) findings: Findings,
    /// What is told of it; nothing where a sleeping camera may wake for it and look back.
    pub(crate) observation: Option<Observation>,
    /// People in it, in fractions; none where the detector does not know people.
    pub(crate) people: Option<Vec<[f32; 4]>>,
}

// === impl Mind ===

impl Mind {
    /// One picture.
    pub(crate) fn think(
        &mut self,
        job: &CameraJob,
        detector: &mut Detector,
        due: &Due,
    ) -> Result<Thought, DetectError> {
        let (opinion, recognised) = match &due.task {
            Task::Detect { .. } => {
                self.latest = self.look(job, detector, due)?;
                (None, Recognised::default())
            }
            Task::Remember => (None, Recognised::default()),
            Task::Judge(suspicion) => {
                let recognised = recognise(job, detector, due)?;
                (Some(suspicion.opinion(&recognised)), recognised)
            }
        };
        let is_told = match (&due.task, opinion) {
            (Task::Judge(suspicion), Some(opinion)) => suspicion.is_told && opinion == Opinion::Nothing,
            _ => true,
        };
        let Scene { tracks, people } = &self.latest;
        let tracks = seen_tracks(&due.picture, tracks, detector.labels());
        let findings = Findings {
            media_time: due.picture.media_time,
            tracks: tracks
                .iter()
                .filter(|track| job.heeds(&track.label))
                .map(|track| (track.id, track.area))
                .collect(),
            opinion,
            recognised,
        };
        let observation = is_told.then(|| {
            self.pictures += 1;
            observation(job, self.pictures, &due.picture, tracks)
        });
        Ok(Thought { findings, observation, people: people.clone() })
    }

    /// Where a picture takes several looks (tiles), those in which something moves or was tracked; all where nothing is
    /// known of motion.
    fn worth_a_look(&self, due: &Due, mut looks: Vec<BoxPx>) -> Vec<BoxPx> {
        let Task::Detect { moving } = &due.task else { return looks };
        if looks.len() > 1 && !moving.is_empty() {
            let moving = moving.iter().map(|area| in_pixels(&due.picture, *area));
            let lively: Vec<BoxPx> =
                moving.chain(self.latest.tracks.iter().map(|track| track.area)).collect();
            looks.retain(|look| lively.iter().any(|area| look.overlap(area) > 0.0));
        }
        looks
    }

    /// Detects and tracks.
    fn look(&mut self, job: &CameraJob, detector: &mut Detector, due: &Due) -> Result<Scene, DetectError> {
        let picture = &due.picture;
        let view = job.view.seen(picture.view());
        let looks = self.worth_a_look(due, job.view.looks(view.area()));
        let detections = detector.detect_in(&view, &looks)?;
        let faint = detector.faint();
        let wanted = |detections: &[Detection]| -> Vec<Detection> {
            detections.iter().filter(|detection| is_wanted(job, picture, detection)).copied().collect()
        };
        // Time asleep does not count: what was parked then is the same object now.
        let at = picture.media_time.saturating_sub(due.slept);
        let tracks = self.tracker.update_with_faint(at, &wanted(&detections), &wanted(faint));
        // Where only a part is looked at, nobody knows who stands in the rest.
        let people = if job.view.sees_all() {
            people(detector.labels(), picture, detections.iter().chain(faint))
        } else {
            None
        };
        Ok(Scene { tracks, people })
    }
}

/// What a look shows. The tracker learns nothing of it: the camera may look back to before it.
fn recognise(job: &CameraJob, detector: &mut Detector, due: &Due) -> Result<Recognised, DetectError> {
    let picture = &due.picture;
    let view = job.view.seen(picture.view());
    let detections = detector.detect_in(&view, &job.view.looks(view.area()))?;
    let labels = detector.labels();
    let is_heeded = |detection: &Detection| labels.get(detection.label).is_some_and(|label| job.heeds(label));
    let areas = |detections: &[Detection], are_heeded: bool| -> Vec<Area> {
        let wanted = detections.iter().filter(|detection| is_wanted(job, picture, detection));
        let wanted = wanted.filter(|detection| is_heeded(detection) == are_heeded);
        wanted.map(|detection| in_fractions(picture, detection.area)).collect()
    };
    Ok(Recognised {
        clear: areas(&detections, true),
        faint: areas(detector.faint(), true),
        others: areas(&detections, false),
    })
}

/// An area in fractions of the picture, in its pixels.
fn in_pixels(picture: &Picture, [left, top, right, bottom]: [f32; 4]) -> BoxPx {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    BoxPx { x1: left * width, y1: top * height, x2: right * width, y2: bottom * height }
}

/// Whether the middle of a detection lies in a region and in no mask.
fn is_wanted(job: &CameraJob, picture: &Picture, detection: &Detection) -> bool {
    let [left, top, right, bottom] = in_fractions(picture, detection.area);
    let center = (left.midpoint(right), top.midpoint(bottom));
    job.view.contains(center) && !job.masks.iter().any(|area| mask::contains(area, center))
}

/// The people in a picture, faint ones too; none where the detector does not know people.
fn people<'a>(
    labels: &[String],
    picture: &Picture,
    detections: impl Iterator<Item = &'a Detection>,
) -> Option<Vec<[f32; 4]>> {
    let person = labels.iter().position(|label| label == "person")?;
    let people = detections.filter(|detection| detection.label == person);
    Some(people.map(|detection| in_fractions(picture, detection.area)).collect())
}

fn seen_tracks(picture: &Picture, tracks: &[Track], labels: &[String]) -> Vec<SeenTrack> {
    let seen = |track: &Track| SeenTrack {
        id: track.id,
        label: labels.get(track.label).cloned().unwrap_or_else(|| track.label.to_string()),
        score: track.score,
        area: in_fractions(picture, track.area),
    };
    tracks.iter().map(seen).collect()
}

fn observation(job: &CameraJob, number: u64, picture: &Picture, tracks: Vec<SeenTrack>) -> Observation {
    Observation {
        camera: job.id.clone(),
        picture: number,
        received_unix_ms: picture.received_unix_ms,
        media_time: picture.media_time,
        width: picture.width(),
        height: picture.height(),
        rotate_degrees: job.view.rotate_degrees,
        tracks,
    }
}

/// Left, top, right, bottom in fractions of the picture.
fn in_fractions(picture: &Picture, area: BoxPx) -> [f32; 4] {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    [area.x1 / width, area.y1 / height, area.x2 / width, area.y2 / height].map(|side| side.clamp(0.0, 1.0))
}
