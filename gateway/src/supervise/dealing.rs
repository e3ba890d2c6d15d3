//! Which worker gets which camera, at the start and when the configuration changes: pure.
//!
//! At the start cameras are dealt out in turn. When the configuration changes, a camera that stays as it is stays where it
//! is, and its worker with it. What is new or changed goes to a further worker, because a running one takes no new
//! cameras; there may be twice as many as configured. After that, the smallest is started anew with what is new besides
//! what it has.

use std::time::Duration;

use moshao_config::{Camera, Config, Detector};

use super::heeded::heeded;
use crate::worker::link::{Assignment, CameraJob};

/// What all workers have in common; where it changes, all are started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// None where each worker may take what its cameras need.
    pub(super) memory_bytes: Option<u64>,
    pub(super) pre_roll: Duration,
}

/// What is to be done with the running workers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// Workers that are stopped, by name.
    pub(super) stop: Vec<String>,
    /// Cameras that workers go on without, with the worker's name.
    pub(super) drop: Vec<(String, String)>,
    /// Workers that are started, after those above have stopped.
    pub(super) start: Vec<Assignment>,
}

// === impl Terms ===

impl Terms {
    pub(super) fn of(config: &Config) -> Self {
        Self { memory_bytes: config.gateway.worker_memory_bytes, pre_roll: config.evidence.pre_roll }
    }
}

// === impl Plan ===

impl Plan {
    /// From what runs to what `config` asks for. `same_terms`: nothing has changed for all workers.
    pub(super) fn new(running: &[Assignment], config: &Config, same_terms: bool) -> Self {
        let mut plan = Plan::default();
        let mut left: Vec<Assignment> = Vec::new();
        for assignment in running {
            let stays = |job: &CameraJob| same_terms && is_wanted(job, assignment, config);
            let (stay, go): (Vec<_>, Vec<_>) = assignment.cameras.iter().cloned().partition(stays);
            if stay.is_empty() {
                plan.stop.push(assignment.worker.clone());
                continue;
            }
            plan.drop.extend(go.into_iter().map(|job| (assignment.worker.clone(), job.id)));
            left.push(Assignment { cameras: stay, ..assignment.clone() });
        }
        let stays = |camera: &&Camera| {
            left.iter().flat_map(|assignment| &assignment.cameras).any(|job| job.id == camera.id)
        };
        let mut new: Vec<CameraJob> = config
            .cameras
            .iter()
            .filter(|camera| !stays(camera))
            .map(|camera| camera_job(camera, config))
            .collect();
        if new.is_empty() {
            return plan;
        }
        let wanted = count(config);
        let mut places = wanted.saturating_sub(left.len()).min(new.len());
        if places == 0 && left.len() < 2 * wanted {
            places = 1;
        }
        if places == 0
            && let Some(smallest) = (0..left.len()).min_by_key(|at| left[*at].cameras.len())
        {
            let smallest = left.remove(smallest);
            plan.drop.retain(|(worker, _)| *worker != smallest.worker);
            plan.stop.push(smallest.worker);
            new.extend(smallest.cameras);
            places = 1;
        }
        let is_free = |name: &String| left.iter().all(|assignment| assignment.worker != *name);
        let names = (0..).map(|number| format!("worker-{number}")).filter(is_free);
        let mut dealt: Vec<Vec<CameraJob>> = vec![Vec::new(); places];
        new.into_iter().enumerate().for_each(|(number, job)| dealt[number % places].push(job));
        plan.start = names.zip(dealt).map(|(name, cameras)| assignment(name, cameras, config)).collect();
        plan
    }
}

/// Whether a camera and its detector are still wanted as they are.
fn is_wanted(job: &CameraJob, assignment: &Assignment, config: &Config) -> bool {
    let named =
        |detectors: &[Detector]| detectors.iter().find(|detector| detector.name == job.detector).cloned();
    config.cameras.iter().any(|camera| camera_job(camera, config) == *job)
        && named(&assignment.detectors) == named(&config.detectors)
}

/// Cameras with the detectors that they need, each once.
fn assignment(worker: String, cameras: Vec<CameraJob>, config: &Config) -> Assignment {
    let is_needed = |detector: &&Detector| cameras.iter().any(|job| job.detector == detector.name);
    let detectors = config.detectors.iter().filter(is_needed).cloned().collect();
    Assignment { worker, detectors, cameras, pre_roll: config.evidence.pre_roll }
}

/// Workers that a configuration asks for.
fn count(config: &Config) -> usize {
    if config.cameras.is_empty() { 0 } else { config.gateway.workers.clamp(1, config.cameras.len()) }
}

/// Names of the workers that there may be.
pub fn worker_names(config: &Config) -> impl Iterator<Item = String> {
    (0..2 * count(config)).map(|number| format!("worker-{number}"))
}

/// What a worker needs to know of a camera of this configuration.
pub fn camera_job(camera: &Camera, config: &Config) -> CameraJob {
    CameraJob {
        id: camera.id.clone(),
        url: camera.url.to_string(),
        username: camera.username.clone(),
        password: camera.password.clone(),
        main: camera.main.clone(),
        allow_basic: camera.allow_basic,
        detector: camera.detector.clone(),
        detections_per_second: camera.detections_per_second,
        gate: camera.gate,
        sensitivity: camera.sensitivity,
        heeded: heeded(camera, config),
        priority: camera.priority,
        masks: camera.masks.clone(),
        view: camera.view.clone(),
        deadlines: camera.deadlines,
        diagnose: camera.diagnosis.is_on,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use moshao_config::Environment;

    use super::*;

    fn config(workers: usize, cameras: &[(&str, &str)]) -> Config {
        let mut text = format!(
            "[gateway]\nid = \"gw-0007\"\ndivision = \"510104001001\"\nworkers = {workers}\n[grid]\n\
             code = \"510104001001003\"\n[uplink]\nurl = \"mqtt://127.0.0.1\"\n"
        );
        for (id, more) in cameras {
            text += &format!("[camera.{id}]\nurl = \"rtsp://10.0.0.1/{id}\"\n{more}\n");
        }
        moshao_config::parse(&text, "site.toml", &Environment::of_process(Path::new("."))).unwrap()
    }

    /// What runs after a plan.
    fn after(running: &[Assignment], plan: &Plan) -> Vec<Assignment> {
        let mut running = running.to_vec();
        running.retain(|assignment| !plan.stop.contains(&assignment.worker));
        for assignment in &mut running {
            let name = assignment.worker.clone();
            assignment.cameras.retain(|job| !plan.drop.contains(&(name.clone(), job.id.clone())));
        }
        running.into_iter().chain(plan.start.iter().cloned()).collect()
    }

    fn dealt(running: &[Assignment]) -> Vec<(&str, Vec<&str>)> {
        running
            .iter()
            .map(|assignment| {
                let cameras = assignment.cameras.iter().map(|job| job.id.as_str()).collect();
                (assignment.worker.as_str(), cameras)
            })
            .collect()
    }

    const FOUR: [(&str, &str); 4] = [("a", ""), ("b", ""), ("c", ""), ("d", "")];

    #[test]
    fn at_the_start_cameras_are_dealt_out_in_turn() {
        let plan = Plan::new(&[], &config(2, &FOUR), true);
        assert_eq!(dealt(&plan.start), [("worker-0", vec!["a", "c"]), ("worker-1", vec!["b", "d"])]);
        assert_eq!(Plan::new(&plan.start, &config(2, &FOUR), true), Plan::default(), "nothing has changed");
    }

    #[test]
    fn a_changed_camera_moves_and_the_others_stay_where_they_are() {
        let running = Plan::new(&[], &config(2, &FOUR), true).start;
        let changed = [("a", "gate = \"off\""), ("b", ""), ("c", ""), ("d", "")];
        let plan = Plan::new(&running, &config(2, &changed), true);
        assert_eq!((plan.stop.len(), &plan.drop), (0, &vec![("worker-0".to_owned(), "a".to_owned())]));
        assert_eq!(dealt(&plan.start), [("worker-2", vec!["a"])]);
    }

    #[test]
    fn what_only_the_rules_speak_of_restarts_nothing() {
        let running = Plan::new(&[], &config(2, &FOUR), true).start;
        let zone = "name = \"back\"\nzones = { door = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.9]] }";
        let changed = [("a", zone), ("b", ""), ("c", ""), ("d", "")];
        assert_eq!(Plan::new(&running, &config(2, &changed), true), Plan::default());
    }

    #[test]
    fn a_camera_that_is_gone_leaves_the_others_alone_and_an_empty_worker_stops() {
        let running = Plan::new(&[], &config(2, &FOUR), true).start;
        let plan = Plan::new(&running, &config(2, &[FOUR[0], FOUR[2], FOUR[3]]), true);
        assert_eq!(plan.drop, [("worker-1".to_owned(), "b".to_owned())]);
        let plan = Plan::new(&running, &config(2, &[FOUR[0], FOUR[2]]), true);
        assert_eq!((plan.stop, plan.start.len()), (vec!["worker-1".to_owned()], 0));
    }

    #[test]
    fn there_are_never_more_than_twice_as_many_workers_as_configured() {
        let mut running = Plan::new(&[], &config(1, &FOUR), true).start;
        for round in 1..=20 {
            let more = format!("detections_per_second = {round}");
            let cameras = [("a", more.as_str()), FOUR[1], FOUR[2], FOUR[3]];
            let plan = Plan::new(&running, &config(1, &cameras), true);
            running = after(&running, &plan);
            assert!(running.len() <= 2, "{:?}", dealt(&running));
            let mut all: Vec<&str> = dealt(&running).into_iter().flat_map(|(_, cameras)| cameras).collect();
            all.sort_unstable();
            assert_eq!(all, ["a", "b", "c", "d"], "each camera has one worker");
        }
    }

    #[test]
    fn other_terms_start_all_workers_anew() {
        let running = Plan::new(&[], &config(2, &FOUR), true).start;
        let plan = Plan::new(&running, &config(2, &FOUR), false);
        assert_eq!((plan.stop.len(), plan.start.len()), (2, 2));
    }
}
