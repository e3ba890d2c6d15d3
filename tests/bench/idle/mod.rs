//! What a camera costs on which nothing happens: the gateway against what others run, on the same live streams.
//!
//! The streams are composed ([`moshao_tests::compose`]) and served by simulated cameras over RTSP, in processes that do
//! not count. Of each contestant the whole process tree counts, and the median of the repeats. One [`row`] is one
//! contestant on one stream; what has been measured is kept in a [`Record`], and a row that is in it is not measured
//! again. At the end come the tables of all that is in it.

mod cameras;
mod figures;
mod others;
mod ours;
mod row;
mod streams;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use moshao_tests::compose::Composed;
use moshao_tests::compose::truth::Truth;
use moshao_tests::footage::data_dir;
use moshao_tests::processes::{Pid, memory_bytes, tree};

use crate::contestants::{Clock, Running};
use crate::record::Record;
use crate::report::progress;
use cameras::Cameras;
use figures::Figures;
use row::{Row, Scene, Who, rows};
use streams::MORNINGS_SPREAD;

/// Servers of one stream: their key frames come at different times.
const SERVERS: u32 = 8;
/// The same where something happens: in a village no eight cameras see somebody come in the same second.
const SERVERS_OF_HAPPENINGS: u32 = 32;

/// An encoder's first groups of pictures are coarser than the others, until its rate control has settled, seconds: in a
/// stream that is played in a loop that would be a change in each round.
const SETTLED_AFTER_S: f64 = 6.0;

/// What is asked for.
pub(crate) struct Wish {
    pub(crate) is_short: bool,
    /// Where compositions are kept.
    pub(crate) compositions: PathBuf,
    /// Where what has been measured is kept.
    pub(crate) results: PathBuf,
    /// Parts of the names of the rows to be measured; all where there are none.
    pub(crate) rows: Vec<String>,
}

/// How long to measure.
pub(crate) struct Pace {
    /// From starting a contestant to the first reading of the clock.
    start: Duration,
    /// The same for the gateway, from when its cameras sleep on: until the detector's rounds are as rare as they become
    /// where nothing happens (30, 60, then every 120 s).
    settle: Duration,
    /// Between the readings of the clock.
    window: Duration,
    repeats: usize,
}

/// The stream of a scene as it is served.
struct Served {
    scene: Scene,
    size: (u32, u32),
    kbit_s: f64,
    /// How often something happens on each camera.
    happenings_per_s: f64,
    /// When the last of the cameras has nothing to show any more; none where something happens for ever, or never.
    calm_from: Option<Instant>,
    cameras: Cameras,
}

/// Measures what is not in the record yet, and prints the tables.
pub(crate) fn measure(wish: &Wish) {
    let data =
        data_dir().expect("the benchmark needs footage and models; set MOSHAO_TEST_DATA to their folder");
    let (videos, model) = (data.join("videos"), data.join("models/yolox_nano.onnx"));
    let pace = if wish.is_short { Pace::short() } else { Pace::full() };
    let mut record: Record<Figures> = Record::open(&wish.results);
    let is_wanted = |row: &Row| crate::is_wanted(&wish.rows, &row.to_string());
    let wanted: Vec<Row> =
        rows(wish.is_short).into_iter().filter(|row| is_wanted(row) && record.get(row).is_none()).collect();

    let mut served: Option<Served> = None;
    for (number, row) in wanted.iter().enumerate() {
        progress(&format!("{row} ({} of {})", number + 1, wanted.len()));
        let stream = match served.take() {
            Some(stream) if stream.scene == row.scene => stream,
            _ => serve(row.scene, &videos, wish),
        };
        if let Some(figures) = run(*row, &pace, &stream, &model) {
            progress(&format!("{row}: {:.4} CPU a camera", figures.cpu));
            record.add(row, figures);
        }
        served = Some(stream);
    }
    table::print(&record, wish.is_short);
}

fn serve(scene: Scene, videos: &Path, wish: &Wish) -> Served {
    progress(&format!("{}: composing, unless it is there", scene.title()));
    let recipe = streams::recipe(scene, videos, wish.is_short);
    let Composed { file, truth } = recipe.compose(&wish.compositions);
    let (file, length_s) = (settled(&file), truth.length_s - SETTLED_AFTER_S);
    let servers = if scene.is_idle() { SERVERS } else { SERVERS_OF_HAPPENINGS };
    let length = Duration::from_secs_f64(length_s);
    let (spread, calm_from) = match scene {
        Scene::Proven => (MORNINGS_SPREAD, Some(Instant::now() + calm_after(&truth))),
        _ => (length, None),
    };
    let cameras = Cameras::start(&file, length, spread, servers);
    let bytes = std::fs::metadata(&file).map_or(0, |about| about.len());
    let kbit_s = bytes as f64 * 8.0 / 1000.0 / length_s;
    let happenings_per_s = truth.happenings.len() as f64 / length_s;
    Served { scene, size: recipe.camera.size, kbit_s, happenings_per_s, calm_from, cameras }
}

/// How long after their start the last camera has shown all that happens.
fn calm_after(truth: &Truth) -> Duration {
    let last_s = truth.happenings.last().map_or(0.0, |happening| happening.to_s);
    MORNINGS_SPREAD + Duration::from_secs_f64(last_s)
}

/// The stream from where its encoder has settled on.
fn settled(file: &Path) -> PathBuf {
    let settled = file.with_extension("settled.mp4");
    if !settled.exists() {
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-ss", &SETTLED_AFTER_S.to_string(), "-i"])
            .arg(file)
            .args(["-c", "copy"])
            .arg(&settled)
            .status()
            .expect("ffmpeg runs (deploy/setup --tests installs it)");
        assert!(status.success(), "ffmpeg could not cut {}", file.display());
    }
    settled
}

/// Measures one row; none where the contestant is not there.
fn run(row: Row, pace: &Pace, served: &Served, model: &Path) -> Option<Figures> {
    let urls = |count| served.cameras.urls(count);
    match row.who {
        Who::Other(other) => {
            if let Some(reason) = other.missing() {
                progress(&format!("SKIPPED {row}: {reason}"));
                return None;
            }
            Some(other.measure(pace, served, model))
        }
        Who::ReceiveOnly(cameras) => Some(others::receive_only(pace, served, &urls(cameras))),
        Who::Bare(cameras) => Some(others::bare(pace, served, &urls(cameras), model)),
        Who::Gateway(cameras) => Some(ours::measure(pace, served, &urls(cameras), model)),
    }
}

// === impl Pace ===

impl Pace {
    fn full() -> Self {
        let s = Duration::from_secs;
        Self { start: s(5), settle: s(240), window: s(10), repeats: 5 }
    }

    fn short() -> Self {
        let ms = Duration::from_millis;
        Self { start: ms(2500), settle: ms(6000), window: ms(3000), repeats: 3 }
    }

    /// What processes use that have been started: those that run, of so many cameras, after `start`.
    fn watch(&self, running: &Running, served: &Served, cameras: usize) -> Figures {
        std::thread::sleep(self.start);
        self.figures(&running.pids(), served, cameras)
    }

    /// What these process trees use for so many cameras.
    fn figures(&self, trees: &[Pid], served: &Served, cameras: usize) -> Figures {
        let servers = served.cameras.pids();
        let serving = Clock::start(&servers);
        let cpu = self.median(trees) / cameras as f64;
        Figures {
            cameras,
            cpu,
            sent_kbit_s: served.kbit_s,
            memory_bytes: trees.iter().flat_map(|root| tree(*root)).filter_map(memory_bytes).sum(),
            serving: serving.cpu(&servers) / serving.camera_seconds(1),
            ..Figures::default()
        }
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
