//! The inference thread: pictures of all cameras in, observations out. One session for each detector, one thread.

use std::collections::HashMap;
use std::sync::Arc;

use moshao_config::Model;
use moshao_inference::detector::{Detector, ModelError, ModelSource, Settings};
use moshao_inference::runtime;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::Camera;
use super::analysed::{Analysed, Look};
use super::counters::Busy;
use super::eye::{Due, Task};
use super::link::FromWorker;
use super::mind::{Mind, Thought};
use super::slots::Slots;
use super::units::Units;

/// Detectors by name, and those that cannot be used with the reason.
pub(super) struct Loaded {
    pub(super) detectors: HashMap<String, Detector>,
    pub(super) failed: Vec<(String, String)>,
}

/// Loads ONNX Runtime and each detector; takes seconds.
pub(super) fn load(wanted: &[moshao_config::Detector]) -> Loaded {
    let runtime = runtime::load(None).map_err(|error| error.to_string());
    let mut loaded = Loaded { detectors: HashMap::new(), failed: Vec::new() };
    for detector in wanted {
        let opened = runtime.clone().and_then(|_| open(detector).map_err(|error| error.to_string()));
        match opened {
            Ok(ready) => drop(loaded.detectors.insert(detector.name.clone(), ready)),
            Err(reason) => loaded.failed.push((detector.name.clone(), reason)),
        }
    }
    loaded
}

/// Loads the detector that the configuration describes.
pub(crate) fn open(wanted: &moshao_config::Detector) -> Result<Detector, ModelError> {
    let source = match &wanted.model {
        Model::BuiltIn(name) => ModelSource::BuiltIn(name.clone()),
        Model::File(path) => ModelSource::File(path.clone()),
    };
    let settings = Settings {
        family: wanted.family.clone(),
        labels: wanted.labels.clone(),
        threshold: wanted.threshold,
        label_map: wanted.label_map.clone(),
        label_thresholds: wanted.label_thresholds.clone(),
        provider: Some(wanted.provider.clone()),
        overlap: wanted.overlap,
        across_labels: wanted.across_labels,
        max_detections: wanted.max_detections,
        batch: wanted.batch,
        longest_run: None,
    };
    let detector = Detector::open(&source, &settings)?;
    info!(detector = wanted.name, labels = detector.labels().len(), "detector loaded");
    Ok(detector)
}

/// How much less than the others this thread gets where there is not enough for all (`nice`). A picture that it comes too
/// late for is replaced by a newer one; access units that the decoder comes too late for are lost up to the next key frame.
const NICER: i32 = 5;

/// Looks at pictures until `pictures` is closed or nobody takes reports any more.
pub(super) fn run(
    cameras: &[Camera],
    mut detectors: HashMap<String, Detector>,
    pictures: &Slots<Due>,
    units: &Units,
    analysed: &Analysed,
    reports: &mpsc::Sender<FromWorker>,
) {
    if let Err(error) = rustix::process::nice(NICER) {
        debug!(%error, "the inference thread keeps its priority");
    }
    let mut minds: Vec<Mind> = cameras.iter().map(|_| Mind::default()).collect();
    while let Some((index, due)) = pictures.take() {
        // A camera that looks back waits for the place.
        units.poke();
        let (camera, mind) = (&cameras[index], &mut minds[index]);
        let detector = detectors
            .get_mut(&camera.job.detector)
            .expect("cameras without a working detector are not watched");
        let busy = Busy::start();
        let thought = match mind.think(&camera.job, detector, &due) {
            Ok(thought) => thought,
            Err(error) => {
                warn!(camera = camera.job.id, %error, "picture could not be looked at");
                continue;
            }
        };
        busy.add_to(&camera.counters.infer_busy_ns);
        camera.counters.inferred.add(u64::from(due.task != Task::Remember));
        let Thought { findings, observation, people } = thought;
        units.tell(index, findings);

        let Some(observation) = observation else { continue };
        let number = observation.picture;
        match due.task {
            Task::Remember => analysed.note(index, number, people),
            _ => analysed.keep(index, Arc::new(Look { number, picture: due.picture, people })),
        }
        if reports.blocking_send(FromWorker::Observation(observation)).is_err() {
            return;
        }
    }
}
