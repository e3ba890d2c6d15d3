//! The inference thread: pictures of all cameras in, observations out. One session for each detector, one thread.

use std::collections::HashMap;
use std::sync::Arc;

use moshao_config::Model;
use moshao_inference::detector::{Detection, Detector, ModelSource, Settings};
use moshao_inference::picture::BoxPx;
use moshao_inference::runtime;
use moshao_inference::track::{Track, Tracker};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::Camera;
use super::counters::Busy;
use super::link::{DetectorJob, FromWorker, Observation, SeenTrack};
use super::slots::Slots;
use super::stills::{Analysed, Look};
use crate::camera::mask;
use crate::camera::picture::Picture;

/// Detectors by name, and those that cannot be used with the reason.
pub(super) struct Loaded {
    pub(super) detectors: HashMap<String, Detector>,
    pub(super) failed: Vec<(String, String)>,
}

/// What one camera needs between picture and observation.
#[derive(Default)]
struct Mind {
    tracker: Tracker,
    pictures: u64,
}

/// Loads ONNX Runtime and each detector; takes seconds.
pub(super) fn load(jobs: Vec<DetectorJob>) -> Loaded {
    let runtime = runtime::load(None).map_err(|error| error.to_string());
    let mut loaded = Loaded { detectors: HashMap::new(), failed: Vec::new() };
    for job in jobs {
        let name = job.name.clone();
        let opened = runtime.clone().and_then(|_| open(job).map_err(|error| error.to_string()));
        match opened {
            Ok(detector) => drop(loaded.detectors.insert(name, detector)),
            Err(reason) => loaded.failed.push((name, reason)),
        }
    }
    loaded
}

fn open(job: DetectorJob) -> Result<Detector, moshao_inference::detector::ModelError> {
    let source = match job.model {
        Model::BuiltIn(name) => ModelSource::BuiltIn(name),
        Model::File(path) => ModelSource::File(path),
    };
    let settings = Settings {
        family: job.family,
        labels: job.labels,
        threshold: job.threshold,
        label_thresholds: job.label_thresholds,
        provider: Some(job.provider),
        ..Settings::default()
    };
    let detector = Detector::open(&source, &settings)?;
    info!(detector = job.name, labels = detector.labels().len(), "detector loaded");
    Ok(detector)
}

/// Looks at pictures until `pictures` is closed or nobody takes reports any more.
pub(super) fn run(
    cameras: &[Camera],
    mut detectors: HashMap<String, Detector>,
    pictures: &Slots<Picture>,
    analysed: &Analysed,
    reports: &mpsc::Sender<FromWorker>,
) {
    let mut minds: Vec<Mind> = cameras.iter().map(|_| Mind::default()).collect();
    while let Some((index, picture)) = pictures.take() {
        let (camera, mind) = (&cameras[index], &mut minds[index]);
        let detector = detectors
            .get_mut(&camera.job.detector)
            .expect("cameras without a working detector are not watched");
        let busy = Busy::start();
        let detections = match detector.detect(&picture.view()) {
            Ok(detections) => detections,
            Err(error) => {
                warn!(camera = camera.job.id, %error, "picture could not be looked at");
                continue;
            }
        };
        let unmasked = |detections: &[Detection]| -> Vec<Detection> {
            detections.iter().filter(|detection| !is_masked(camera, &picture, detection)).copied().collect()
        };
        let faint = detector.faint();
        let tracks =
            mind.tracker.update_with_faint(picture.media_time, &unmasked(&detections), &unmasked(faint));
        mind.pictures += 1;
        busy.add_to(&camera.counters.infer_busy_ns);
        camera.counters.inferred.add(1);

        let observation = observation(camera, mind.pictures, &picture, &tracks, detector.labels());
        let people = people(detector.labels(), &picture, detections.iter().chain(detector.faint()));
        analysed.keep(index, Arc::new(Look { number: mind.pictures, picture, people }));
        if reports.blocking_send(FromWorker::Observation(observation)).is_err() {
            return;
        }
    }
}

fn is_masked(camera: &Camera, picture: &Picture, detection: &Detection) -> bool {
    let [left, top, right, bottom] = in_fractions(picture, detection.area);
    let center = (left.midpoint(right), top.midpoint(bottom));
    camera.job.masks.iter().any(|area| mask::contains(area, center))
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

fn observation(
    camera: &Camera,
    number: u64,
    picture: &Picture,
    tracks: &[Track],
    labels: &[String],
) -> Observation {
    let tracks = tracks
        .iter()
        .map(|track| SeenTrack {
            id: track.id,
            label: labels.get(track.label).cloned().unwrap_or_else(|| track.label.to_string()),
            score: track.score,
            area: in_fractions(picture, track.area),
        })
        .collect();
    Observation {
        camera: camera.job.id.clone(),
        picture: number,
        received_unix_ms: picture.received_unix_ms,
        media_time: picture.media_time,
        width: picture.width(),
        height: picture.height(),
        tracks,
    }
}

/// Left, top, right, bottom in fractions of the picture.
fn in_fractions(picture: &Picture, area: BoxPx) -> [f32; 4] {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    [area.x1 / width, area.y1 / height, area.x2 / width, area.y2 / height].map(|side| side.clamp(0.0, 1.0))
}
