//! What is measured, each as processes of its own: the gateway, ffmpeg, bare inference.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::processes::{Pid, cpu_time, memory_bytes};

use crate::latency::Histogram;
use crate::live::Plan;

/// How long pictures of all cameras may take to flow.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What a contestant used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// Processor time for one second of one camera, seconds.
    pub(crate) cpu_per_camera_second: f64,
    /// Pictures that a model looked at, for one second of one camera. `None` where there is no model.
    pub(crate) pictures_per_camera_second: Option<f64>,
    /// Memory of the first process, bytes.
    pub(crate) parent_bytes: u64,
    /// Memory of its children, or of all processes where none is first, bytes.
    pub(crate) children_bytes: u64,
    /// From a picture to the PUBACK of the event that it caused; empty where nothing sends events.
    pub(crate) pictures_to_puback: Histogram,
}

/// Processes that are killed when dropped.
pub(crate) struct Running(pub(crate) Vec<Child>);

pub(crate) fn gateway(plan: &Plan, urls: &[String], broker: &Broker, model: &Path) -> Measured {
    let mut sections = format!(
        "[uplink]\nurl = \"{}\"\n[detector.yolox-nano]\nfile = \"{}\"\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 1, within = \"1s\" }}\nlevel = 3\nclear_after = \"1s\"\n",
        broker.url(),
        model.display()
    );
    for (number, url) in urls.iter().enumerate() {
        sections += &format!(
            "[camera.camera-{number}]\nurl = \"{url}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\n"
        );
    }
    let gateway = Gateway::start(&sections);
    for number in 0..urls.len() {
        gateway.wait_until_camera_is_up(&format!("camera-{number}"), START_LIMIT);
    }
    thread::sleep(plan.warm_up);

    let looked_at = || gateway.metric("moshao_camera_inferred_total", &[]);
    let clock = Clock::start(&[gateway.pid()]);
    let before = looked_at();
    thread::sleep(plan.window);
    let camera_seconds = clock.camera_seconds(urls.len());
    Measured {
        cpu_per_camera_second: clock.cpu(&[gateway.pid()]) / camera_seconds,
        pictures_per_camera_second: Some((looked_at() - before) / camera_seconds),
        parent_bytes: memory_bytes(gateway.pid()).unwrap_or_default(),
        children_bytes: gateway.workers().into_iter().filter_map(memory_bytes).sum(),
        pictures_to_puback: Histogram::scraped(&gateway.metrics(), "picture"),
    }
}

/// One process a stream, as a video recorder that gives pictures to a detector runs them.
pub(crate) fn ffmpeg(plan: &Plan, urls: &[String]) -> Measured {
    let start = |url: &String| {
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url])
            .args(["-r", "5", "-s", "1280x720", "-f", "rawvideo", "-y", "/dev/null"])
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg runs (deploy/setup --tests installs it)")
    };
    let running = Running(urls.iter().map(start).collect());
    thread::sleep(plan.warm_up);
    let clock = Clock::start(&running.pids());
    thread::sleep(plan.window);
    Measured {
        cpu_per_camera_second: clock.cpu(&running.pids()) / clock.camera_seconds(urls.len()),
        pictures_per_camera_second: None,
        pictures_to_puback: Histogram::default(),
        parent_bytes: 0,
        children_bytes: running.memory_bytes(),
    }
}

/// Decode and bare ONNX Runtime, one process for all streams.
pub(crate) fn floor(plan: &Plan, urls: &[String], model: &Path) -> Measured {
    let (running, looked_at) = start_floor(urls, model);
    thread::sleep(plan.warm_up);
    let clock = Clock::start(&running.pids());
    let before = looked_at.count();
    thread::sleep(plan.window);
    let camera_seconds = clock.camera_seconds(urls.len());
    Measured {
        cpu_per_camera_second: clock.cpu(&running.pids()) / camera_seconds,
        pictures_per_camera_second: Some((looked_at.count() - before) as f64 / camera_seconds),
        pictures_to_puback: Histogram::default(),
        parent_bytes: 0,
        children_bytes: running.memory_bytes(),
    }
}

/// Starts decode and bare ONNX Runtime for these streams.
pub(crate) fn start_floor(urls: &[String], model: &Path) -> (Running, LookedAt) {
    let program =
        std::env::current_exe().expect("Linux tells where the executable is").with_file_name("bare-floor");
    let mut child = Command::new(program)
        .arg(model)
        .args(urls)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bare-floor lies beside this benchmark");
    let looked_at = LookedAt::default();
    let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    thread::spawn({
        let LookedAt(count) = looked_at.clone();
        move || lines.map_while(Result::ok).for_each(|_| _ = count.fetch_add(1, Ordering::Relaxed))
    });
    (Running(vec![child]), looked_at)
}

/// Pictures that the bare model has looked at so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct LookedAt(Arc<AtomicU64>);

// === impl LookedAt ===

impl LookedAt {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Processor time and wall clock from a moment on.
pub(crate) struct Clock {
    begin: Instant,
    cpu: Duration,
}

// === impl Clock ===

impl Clock {
    pub(crate) fn start(trees: &[Pid]) -> Self {
        Self { begin: Instant::now(), cpu: total_cpu(trees) }
    }

    pub(crate) fn camera_seconds(&self, cameras: usize) -> f64 {
        self.begin.elapsed().as_secs_f64() * cameras as f64
    }

    pub(crate) fn cpu(&self, trees: &[Pid]) -> f64 {
        total_cpu(trees).saturating_sub(self.cpu).as_secs_f64()
    }
}

fn total_cpu(trees: &[Pid]) -> Duration {
    trees.iter().map(|&root| cpu_time(root)).sum()
}

// === impl Running ===

impl Running {
    pub(crate) fn pids(&self) -> Vec<Pid> {
        self.0.iter().map(Child::id).collect()
    }

    fn memory_bytes(&self) -> u64 {
        self.pids().into_iter().filter_map(memory_bytes).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Fails only where it has ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
