//! Cameras that show something: the gateway against ffmpeg and against bare inference, on the same live streams.
//!
//! All read the same real RTSP server, which plays real footage at 1080p25. Each is given time to start, then its
//! processor time is read twice, from `/proc`. A short run takes a few seconds, to see that everything works; its
//! figures mean little.

use std::path::Path;
use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{PERSON_1080P_H264, data_dir};

use crate::contestants::{Measured, ffmpeg, floor, gateway};
use crate::{latency, report};

/// How long to measure, and what.
pub(crate) struct Plan {
    /// Numbers of cameras, one measurement each.
    pub(crate) cameras: Vec<usize>,
    /// From the first picture to the first reading of the clock.
    pub(crate) warm_up: Duration,
    /// Between the readings of the clock.
    pub(crate) window: Duration,
    /// Alarms of a sensor, for the latency of readings.
    pub(crate) readings: usize,
}

/// What one number of cameras cost.
pub(crate) struct Row {
    pub(crate) cameras: usize,
    pub(crate) gateway: Measured,
    pub(crate) ffmpeg: Measured,
    pub(crate) floor: Measured,
}

/// Measures and prints the tables.
pub(crate) fn measure(is_short: bool) {
    let plan = if is_short { Plan::short() } else { Plan::full() };
    let model = data_dir().map(|data| data.join("models/yolox_nano.onnx"));
    let (Some(model), Some(footage)) = (model, PERSON_1080P_H264.file()) else {
        panic!("the benchmark needs footage and models; set MOSHAO_TEST_DATA to their folder");
    };
    let server = CameraServer::start(CameraOptions::playing(footage));
    let broker = Broker::start();

    let rows: Vec<Row> = plan.cameras.iter().map(|&n| row(&plan, n, &server, &broker, &model)).collect();
    report::processor_time(&rows);
    report::memory(&rows);
    report::latencies(&rows, &latency::of_readings(&broker, plan.readings));
}

fn row(plan: &Plan, cameras: usize, server: &CameraServer, broker: &Broker, model: &Path) -> Row {
    let urls = vec![server.url(); cameras];
    report::progress(&format!("{cameras} camera(s): gateway, ffmpeg, bare inference"));
    Row {
        cameras,
        gateway: gateway(plan, &urls, broker, model),
        ffmpeg: ffmpeg(plan, &urls),
        floor: floor(plan, &urls, model),
    }
}

// === impl Plan ===

impl Plan {
    fn full() -> Self {
        let (warm_up, window) = (Duration::from_secs(8), Duration::from_secs(40));
        Self { cameras: vec![1, 4, 8], warm_up, window, readings: 1000 }
    }

    fn short() -> Self {
        let (warm_up, window) = (Duration::from_secs(3), Duration::from_secs(5));
        Self { cameras: vec![1, 2], warm_up, window, readings: 50 }
    }
}
