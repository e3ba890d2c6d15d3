//! What the box says about itself on its retained topics: `state` when it connects, `health` each minute.

use jiff::Timestamp;
use moshao_config::Config;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::metrics::Metrics;
use crate::outbox::OutboxError;

/// The inventory that goes with `"status":"online"`.
pub fn birth(config: &Config) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "grid": config.grid,
        "cameras": config.cameras.iter().map(|camera| json!({
            "id": camera.id,
            "name": camera.name,
            "detector": camera.detector,
            "rules": camera.watches,
            "place": camera.place,
        })).collect::<Vec<_>>(),
        "sensors": config.sensors.iter().map(|sensor| json!({
            "id": sensor.id,
            "name": sensor.name,
            "kind": sensor.kind,
            "cameras": sensor.cameras,
            "place": sensor.place,
        })).collect::<Vec<_>>(),
    })
}

/// What is up, what waits, and what was lost.
pub fn health(config: &Config, metrics: &Metrics) -> Value {
    let down: Vec<&str> = config
        .cameras
        .iter()
        .filter(|camera| metrics.camera_up.with_label_values(&[&camera.id]).get() == 0)
        .map(|camera| camera.id.as_str())
        .collect();
    json!({
        "time": rfc3339(Timestamp::now(), &config.gateway.time_zone),
        "cameras": config.cameras.len(),
        "cameras_down": down,
        "sensors_heard": metrics.sensors_known.get(),
        "sensor_broker_up": config.sensor_broker.as_ref().map(|_| metrics.sensor_broker_up.get() == 1),
        "workers_up": metrics.workers_up.get(),
        "incidents_open": metrics.incidents_open.get(),
        "outbox": {
            "depth_events": metrics.outbox_depth.get(),
            "oldest_age_seconds": metrics.outbox_oldest_age_seconds.get(),
            "bytes": metrics.outbox_bytes.get(),
            "degraded": OutboxError::STORAGE_REASONS
                .iter()
                .find(|reason| metrics.outbox_degraded.with_label_values(&[reason]).get() == 1),
        },
        "load_1m": load_1m(),
    })
}

/// Average number of runnable threads over the last minute (`/proc/loadavg`); none where the system does not tell.
fn load_1m() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
