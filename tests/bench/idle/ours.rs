//! The gateway with cameras that may sleep.

use std::path::Path;
use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::processes::memory_bytes;
use moshao_tests::wait::eventually;

use super::Pace;
use super::cameras::Cameras;
use crate::contestants::Clock;

/// How long pictures of all cameras may take to flow.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long the cameras may take to fall asleep.
const SLEEP_LIMIT: Duration = Duration::from_secs(120);

/// What the gateway used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ours {
    pub(crate) cameras: usize,
    /// Processor time for one second of one camera, seconds; the median of the repeats.
    pub(crate) cpu: f64,
    /// Memory of all its processes, bytes.
    pub(crate) memory_bytes: u64,
    /// Share of the time in which cameras were awake.
    pub(crate) awake: f64,
    /// Access units that the decoders were too late for, and pictures that the detector was.
    pub(crate) behind: f64,
    /// Pictures that the detector had for one second of one camera.
    pub(crate) inferred: f64,
    /// What the simulated cameras took in all, of one core.
    pub(crate) serving: f64,
}

/// Runs the gateway on these URLs; `all_sleep` where nothing happens on any of them.
pub(crate) fn measure(
    pace: &Pace,
    servers: &[&Cameras],
    urls: &[String],
    all_sleep: bool,
    model: &Path,
) -> Ours {
    let broker = Broker::start();
    let gateway = Gateway::start(&sections(&broker, urls, model));
    eventually("pictures flow from all cameras", START_LIMIT, || {
        (gateway.metric("moshao_camera_up", &[]) as usize == urls.len()).then_some(())
    });
    if all_sleep {
        eventually("all cameras sleep", SLEEP_LIMIT, || {
            (gateway.metric("moshao_camera_asleep", &[]) as usize == urls.len()).then_some(())
        });
    }
    std::thread::sleep(pace.settle);

    let of = |name: &str| gateway.metric(name, &[]);
    let behind = || {
        of("moshao_camera_skipped_total")
            + of("moshao_camera_replaced_total")
            + of("moshao_camera_broken_total")
    };
    let (awake, late, looked_at) =
        (of("moshao_camera_awake_seconds_total"), behind(), of("moshao_camera_inferred_total"));
    let served: Vec<_> = servers.iter().flat_map(|cameras| cameras.pids()).collect();
    let (serving, whole) = (Clock::start(&served), Clock::start(&[gateway.pid()]));
    let cpu = pace.median(&[gateway.pid()]) / urls.len() as f64;
    let (seconds, camera_seconds) = (whole.camera_seconds(1), whole.camera_seconds(urls.len()));
    Ours {
        cameras: urls.len(),
        cpu,
        memory_bytes: moshao_tests::processes::tree(gateway.pid()).into_iter().filter_map(memory_bytes).sum(),
        awake: (of("moshao_camera_awake_seconds_total") - awake) / camera_seconds,
        behind: behind() - late,
        inferred: (of("moshao_camera_inferred_total") - looked_at) / camera_seconds,
        serving: serving.cpu(&served) / seconds,
    }
}

fn sections(broker: &Broker, urls: &[String], model: &Path) -> String {
    let mut sections = format!(
        "[uplink]\nurl = \"{}\"\n[detector.yolox-nano]\nfile = \"{}\"\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\nlevel = 3\nclear_after = \"2s\"\n",
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
