//! How long Prometheus waits for `/metrics` of a large box.
//!
//! `cargo bench -p moshao --bench metrics` prints a line: 64 cameras with every series that a camera can have, 10,000 sensors
//! (which are counted together, so that they add none), over HTTP on loopback. Wanted: 20 ms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moshao::camera::wake::Wake;
use moshao::http::{Expected, Http};
use moshao::metrics::Metrics;
use moshao::quality::defect::Defect;
use tokio_util::sync::CancellationToken;

const CAMERAS: usize = 64;
const REQUESTS: usize = 500;

fn main() {
    let metrics = Arc::new(Metrics::new());
    (0..CAMERAS).for_each(|number| fill(&metrics, &format!("camera-{number:02}")));
    metrics.sensor.known.set(10_000);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let expected = Expected { sensor_broker: false };
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let http = runtime.block_on(Http::bind(loopback, metrics, expected)).expect("a free port");
    let url = format!("http://{}/metrics", http.address().expect("an address"));
    runtime.spawn(http.serve(CancellationToken::new()));

    let agent = ureq::Agent::new_with_defaults();
    let mut bytes = 0;
    let mut took: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let began = Instant::now();
            let mut answer = agent.get(&url).call().expect("an answer");
            bytes = answer.body_mut().read_to_string().expect("text").len();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let ms = |rank: usize| took[rank].as_secs_f64() * 1000.0;
    println!(
        "{CAMERAS} cameras: {bytes} bytes; p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms of {REQUESTS} requests",
        ms(REQUESTS / 2),
        ms(REQUESTS * 99 / 100),
        ms(REQUESTS - 1)
    );
}

/// Every series that a camera can have.
fn fill(metrics: &Metrics, id: &str) {
    let camera = &[id];
    metrics.camera.up.with_label_values(camera).set(1);
    metrics.camera.main_up.with_label_values(camera).set(1);
    metrics.camera.asleep.with_label_values(camera).set(1);
    for counter in [
        &metrics.camera.main_received_bytes,
        &metrics.camera.received_bytes,
        &metrics.camera.access_units,
        &metrics.camera.decoded,
        &metrics.camera.inferred,
        &metrics.camera.lost_packets,
        &metrics.camera.looks,
    ] {
        counter.with_label_values(camera).inc_by(1_234_567);
    }
    for counter in [
        &metrics.camera.decode_seconds,
        &metrics.camera.infer_seconds,
        &metrics.camera.awake_seconds,
        &metrics.camera.decode_saved_seconds,
    ] {
        counter.with_label_values(camera).inc_by(1234.567);
    }
    metrics.camera.last_picture.with_label_values(camera).set(1_795_000_000.25);
    for reason in ["replaced", "behind", "overload"] {
        metrics.camera.dropped.with_label_values(&[id, reason]).inc();
    }
    for fault in ["unreachable", "wrong-password", "timeout", "silent"] {
        metrics.camera.faults.with_label_values(&[id, fault]).inc();
    }
    for reason in Wake::ALL {
        metrics.camera.wakes.with_label_values(&[id, reason.as_str()]).inc();
    }
    for defect in Defect::ALL {
        metrics.camera.defect.with_label_values(&[id, defect.as_str()]).set(0);
    }
    for day in ["today", "yesterday"] {
        metrics.camera.online_ratio.with_label_values(&[id, day]).set(0.99);
        metrics.camera.good_picture_ratio.with_label_values(&[id, day]).set(0.98);
    }
}
