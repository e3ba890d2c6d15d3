//! The gateway with cameras that may sleep.

use std::path::Path;
use std::time::{Duration, Instant};

use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::wait::eventually;

use super::figures::{Figures, GateFigures};
use super::{Pace, Served};
use crate::contestants::Clock;

/// How long pictures of all cameras may take to flow.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long the cameras may take to fall asleep: all of many are awake at first, more than the machine can decode.
const SLEEP_LIMIT: Duration = Duration::from_secs(600);

/// How long after the last happening what it left behind is forgotten.
const FORGETTING: Duration = Duration::from_secs(20);

/// Runs the gateway on these URLs. Where nothing happens on them, it is measured once all cameras have slept.
pub(super) fn measure(pace: &Pace, served: &Served, urls: &[String], model: &Path) -> Figures {
    let broker = Broker::start();
    let gateway = Gateway::start(&sections(&broker, urls, model));
    let of = |name: &str| gateway.metric(name, &[]);
    eventually("pictures flow from all cameras", START_LIMIT, || {
        (of("moshao_camera_up") as usize == urls.len()).then_some(())
    });
    if served.scene.is_idle() {
        // One or two of many may be awake at any moment.
        let asleep = urls.len() - urls.len() / 20;
        eventually("the cameras sleep", SLEEP_LIMIT, || {
            (of("moshao_camera_asleep") as usize >= asleep).then_some(())
        });
    }
    match served.calm_from {
        Some(calm_from) => {
            std::thread::sleep(calm_from.saturating_duration_since(Instant::now()) + FORGETTING)
        }
        None => std::thread::sleep(pace.settle),
    }

    let opened = [("category", "security"), ("phase", "opened")];
    let counted = || {
        [
            of("moshao_camera_awake_seconds_total"),
            of("moshao_camera_looks_total"),
            of("moshao_camera_dropped_total"),
            of("moshao_camera_inferred_total"),
            gateway.metric("moshao_events_accepted_total", &opened),
        ]
    };
    let (before, clock) = (counted(), Clock::start(&[gateway.pid()]));
    let figures = pace.figures(&[gateway.pid()], served, urls.len());
    let (after, camera_seconds) = (counted(), clock.camera_seconds(urls.len()));
    let [awake, looks, behind, inferred, incidents] = std::array::from_fn(|at| after[at] - before[at]);
    let gate = GateFigures {
        awake: awake / camera_seconds,
        looks: looks / camera_seconds,
        behind,
        incidents,
        happenings: camera_seconds * served.happenings_per_s,
    };
    Figures { inferred: Some(inferred / camera_seconds), gate: Some(gate), ..figures }
}

fn sections(broker: &Broker, urls: &[String], model: &Path) -> String {
    let mut sections = format!(
        "[uplink]\nurl = \"{}\"\n[detector.yolox-nano]\nfile = \"{}\"\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\nlevel = 3\n\
         category = \"security\"\nkind = \"person\"\nclear_after = \"2s\"\n",
        broker.url(),
        model.display()
    );
    for (number, url) in urls.iter().enumerate() {
        sections += &format!(
            "[camera.camera-{number}]\nurl = \"{url}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\ngate = \"on\"\n"
        );
    }
    sections
}
