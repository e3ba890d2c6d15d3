//! What looking at a picture costs: processor time of the one thread that does it, so that figures hold on a busy box too.
//!
//! `cargo bench -p moshao-inference` prints criterion's figures for the parts, and at the end a table of family, input and
//! milliseconds: the session alone against the whole call, on the same 1080p picture. Models come from the folder of test
//! data (`MOSHAO_TEST_DATA`); without it only the parts are measured.

use std::path::PathBuf;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion};
use moshao_inference::detector::{Detection, Detector, ModelSource, Settings};
use moshao_inference::nms::{self, Candidate, Suppression};
use moshao_inference::picture::{BoxPx, Matrix, PictureView, Plane, Range, Rotation};
use moshao_inference::track::Tracker;
use nix::time::{ClockId, clock_gettime};

/// Runs of each model for the table; the median counts.
const RUNS: usize = 60;

/// Processor time of the calling thread, printed like wall-clock time.
struct CpuTime(WallTime);

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu_time()
    }

    fn end(&self, begin: Duration) -> Duration {
        cpu_time() - begin
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime(WallTime)).configure_from_args();
    parts(&mut criterion);
    criterion.final_summary();
    table();
}

fn parts(criterion: &mut Criterion<CpuTime>) {
    let built_in = ModelSource::BuiltIn("moshao-fire".into());
    let mut detector = Detector::open(&built_in, &Settings::default()).expect("the built-in model loads");
    for (width, height) in [(1920, 1080), (1280, 720), (640, 360)] {
        let planes = planes(width, height);
        criterion.bench_function(&format!("{width}x{height} to 352x352 tensor"), |bench| {
            bench.iter(|| detector.prepare(&view(&planes, width, height)));
        });
    }
    let candidates = candidates(8400);
    let rule = Suppression { iou: 0.45, across_labels: false };
    criterion.bench_function("suppression of 8400 candidates", |bench| {
        bench.iter_batched_ref(|| candidates.clone(), |c| nms::suppress(c, rule, 300), BatchSize::SmallInput);
    });
    let mut tracker = Tracker::new();
    let mut step = 0;
    criterion.bench_function("tracker with 100 objects", |bench| {
        bench.iter(|| {
            step += 1;
            tracker.update(Duration::from_millis(200 * step), &objects(step))
        });
    });
}

/// Session alone and whole call, for each model that is there.
fn table() {
    let data = std::env::var_os("MOSHAO_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(data.join("models")).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    let mut sources = vec![ModelSource::BuiltIn("moshao-fire".into())];
    sources.extend(files.into_iter().map(ModelSource::File));
    let planes = planes(1920, 1080);
    let picture = view(&planes, 1920, 1080);
    println!(
        "\n| family | input | session alone, ms | whole call, ms | beside the session |\n|---|---|---|---|---|"
    );
    for source in sources {
        let Ok(mut detector) = Detector::open(&source, &Settings::default()) else { continue };
        let (mut alone, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let begin = cpu_time();
            detector.run_alone().expect("the model runs");
            let between = cpu_time();
            detector.detect(&picture).expect("the model runs");
            alone.push((between - begin).as_secs_f64() * 1e3);
            whole.push((cpu_time() - between).as_secs_f64() * 1e3);
        }
        let (alone, whole) = (median(alone), median(whole));
        let what = detector.description();
        let share = (whole / alone - 1.0) * 100.0;
        println!(
            "| {} | {}x{} | {alone:.2} | {whole:.2} | {share:+.1} % |",
            what.family, what.width, what.height
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Smooth stripes with a little grain.
fn planes(width: usize, height: usize) -> Vec<u8> {
    (0..width * height * 3 / 2).map(|i| ((i % width) / 8 + (i * 7919) % 13) as u8).collect()
}

fn view(planes: &[u8], width: usize, height: usize) -> PictureView<'_> {
    let (y, rest) = planes.split_at(width * height);
    let (u, v) = rest.split_at(width * height / 4);
    let plane = |data, stride| Plane { data, stride };
    let (y, u, v) = (plane(y, width), plane(u, width / 2), plane(v, width / 2));
    let (range, matrix, rotation) = (Range::Limited, Matrix::Bt709, Rotation::None);
    PictureView { width, height, y, u, v, range, matrix, rotation }
}

/// Clusters around 60 objects, as a head without suppression gives them.
fn candidates(count: usize) -> Vec<Candidate> {
    let noise = |i: usize, salt: usize| ((i * 2_654_435_761 + salt * 40_503) % 1000) as f32 / 1000.0;
    let one = |i: usize| {
        let object = i % 60;
        let (x, y) = (
            (object % 10) as f32 * 60.0 + noise(i, 1) * 8.0,
            (object / 10) as f32 * 100.0 + noise(i, 2) * 8.0,
        );
        let area = BoxPx { x1: x, y1: y, x2: x + 50.0 + noise(i, 3) * 8.0, y2: y + 90.0 };
        Candidate { label: object % 3, score: noise(i, 4), area }
    };
    (0..count).map(one).collect()
}

/// A hundred objects that walk.
fn objects(step: u64) -> Vec<Detection> {
    let one = |i: u64| {
        let (x, y) = ((i % 10 * 180 + step % 50 * 4) as f32, (i / 10 * 100) as f32);
        Detection { label: 0, score: 0.8, area: BoxPx { x1: x, y1: y, x2: x + 40.0, y2: y + 90.0 } }
    };
    (0..100).map(one).collect()
}
