//! What a camera costs on which nothing happens: the gateway against what others run, on the same live streams.
//!
//! The streams are composed ([`moshao_tests::compose`]) and served by simulated cameras over RTSP, in processes that do
//! not count. Of each contestant the whole process tree counts, and the median of the repeats.

mod cameras;
mod others;
mod ours;
mod streams;
mod table;

use std::path::Path;
use std::time::Duration;

use moshao_tests::compose::Composed;
use moshao_tests::footage::data_dir;
use moshao_tests::processes::Pid;

use crate::contestants::{Clock, floor_of};
use crate::report::progress;
use cameras::Cameras;
use others::{OTHERS, Other};
use ours::Ours;
use streams::Stream;

/// Servers of one stream: their key frames come at different times.
const SERVERS: u32 = 8;
/// Cameras that always show something, for the comparison with bare inference.
const BUSY_CAMERAS: usize = 2;

/// How long to measure.
pub(crate) struct Pace {
    /// From starting a contestant to the first reading of the clock.
    start: Duration,
    /// The same for the gateway, from when its cameras sleep on.
    settle: Duration,
    /// Between the readings of the clock.
    window: Duration,
    repeats: usize,
}

/// A stream as it is served.
struct Served {
    name: &'static str,
    size: (u32, u32),
    cameras: Cameras,
}

/// Measures and prints the tables.
pub(crate) fn measure(is_short: bool, compositions: &Path) {
    let data =
        data_dir().expect("the benchmark needs footage and models; set MOSHAO_TEST_DATA to their folder");
    let (videos, model) = (data.join("videos"), data.join("models/yolox_nano.onnx"));
    let pace = if is_short { Pace::short() } else { Pace::full() };
    let streams = streams::idle(&videos, is_short);
    let sub = streams::idle_sub(&videos, is_short);

    let mut columns = vec![];
    for (number, stream) in streams.iter().chain([&sub]).enumerate() {
        let served = serve(stream, compositions);
        let is_sub = served.size.0 < 1280;
        let wanted = |other: &Other| match (is_short, number, is_sub) {
            (false, ..) | (true, 0, _) => true,
            (true, _, true) => *other == Other::Frigate,
            (true, ..) => *other == Other::Frigate,
        };
        let others =
            OTHERS.map(|other| wanted(&other).then(|| run_other(other, &pace, &served, &model)).flatten());
        let counts: &[usize] = match (is_short, number) {
            (false, _) => &[1, 32, 64],
            (true, 0) => &[1, 32],
            (true, _) => &[32],
        };
        let ours = counts.iter().map(|count| run_ours(&pace, &served, *count, &model)).collect();
        columns.push(table::Column { name: served.name, others, ours });
    }
    table::idle(&columns);

    let tenth = serve(&streams::tenth(&videos), compositions);
    progress(&format!("64 cameras, {}: gateway", tenth.name));
    table::tenth(&ours::measure(&pace, &[&tenth.cameras], &tenth.cameras.urls(64), false, &model));
    drop(tenth);

    let busy = serve(&streams::busy(&videos), compositions);
    let urls = busy.cameras.urls(BUSY_CAMERAS);
    progress(&format!("{BUSY_CAMERAS} cameras, {}: gateway, bare inference", busy.name));
    let with_gate = ours::measure(&pace, &[&busy.cameras], &urls, false, &model);
    let floor = floor_of(&urls, &model, pace.start, pace.window * pace.repeats as u32);
    table::busy(&with_gate, &floor);
}

fn serve(stream: &Stream, compositions: &Path) -> Served {
    progress(&format!("{}: composing, unless it is there", stream.name));
    let Composed { file, truth } = stream.recipe.compose(compositions);
    let cameras = Cameras::start(&file, Duration::from_secs_f64(truth.length_s), SERVERS);
    Served { name: stream.name, size: stream.recipe.camera.size, cameras }
}

fn run_other(other: Other, pace: &Pace, served: &Served, model: &Path) -> Option<f64> {
    if let Some(reason) = other.missing() {
        progress(&format!("SKIPPED {}: {reason}", other.name()));
        return None;
    }
    progress(&format!("{}: {}", served.name, other.name()));
    Some(other.measure(pace, &served.cameras.urls(1)[0], served.size, model))
}

fn run_ours(pace: &Pace, served: &Served, count: usize, model: &Path) -> Ours {
    progress(&format!("{}: gateway with {count} camera(s)", served.name));
    ours::measure(pace, &[&served.cameras], &served.cameras.urls(count), true, model)
}

// === impl Pace ===

impl Pace {
    fn full() -> Self {
        let s = Duration::from_secs;
        Self { start: s(5), settle: s(60), window: s(20), repeats: 3 }
    }

    fn short() -> Self {
        let ms = Duration::from_millis;
        Self { start: ms(2500), settle: ms(6000), window: ms(3000), repeats: 3 }
    }

    /// Processor time of process trees for one second, seconds: the median of the repeats.
    fn median(&self, trees: &[Pid]) -> f64 {
        let mut spent: Vec<f64> = (0..self.repeats)
            .map(|_| {
                let clock = Clock::start(trees);
                std::thread::sleep(self.window);
                clock.cpu(trees) / clock.camera_seconds(1)
            })
            .collect();
        spent.sort_by(f64::total_cmp);
        spent[spent.len() / 2]
    }
}
