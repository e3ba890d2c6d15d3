//! What the box says about itself on its retained topics: `state` when it connects, `health` each minute.

use std::collections::BTreeMap;

use jiff::Timestamp;
use moshao_config::Config;
use serde_json::{Value, json};

use crate::budget::Class;
use crate::clock::rfc3339;
use crate::live::Standing;
use crate::metrics::Metrics;
use crate::outbox::OutboxError;
use crate::quality::defect::Defect;

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
pub fn health(config: &Config, metrics: &Metrics, standing: &Standing) -> Value {
    let down: Vec<&str> = config
        .cameras
        .iter()
        .filter(|camera| metrics.camera.up.with_label_values(&[&camera.id]).get() == 0)
        .map(|camera| camera.id.as_str())
        .collect();
    let unwell: Vec<&str> = config
        .cameras
        .iter()
        .filter(|camera| {
            let told =
                |defect: Defect| metrics.camera.defect.with_label_values(&[&camera.id, defect.as_str()]);
            camera.diagnosis.is_on && Defect::ALL.into_iter().any(|defect| told(defect).get() == 1)
        })
        .map(|camera| camera.id.as_str())
        .collect();
    json!({
        "time": rfc3339(Timestamp::now(), &config.gateway.time_zone),
        "config": standing.shown(),
        "cameras": config.cameras.len(),
        "cameras_down": down,
        "cameras_unwell": unwell,
        "sensors_heard": metrics.sensor.known.get(),
        "sensor_broker_up": config.sensor_broker.as_ref().map(|_| metrics.sensor.broker_up.get() == 1),
        "workers_up": metrics.worker.up.get(),
        "incidents_open": metrics.incident.open.get(),
        "outbox": {
            "depth_events": metrics.outbox.depth.get(),
            "oldest_age_seconds": metrics.outbox.oldest_age_seconds.get(),
            "bytes": metrics.outbox.bytes.get(),
            "aside_events": metrics.outbox.aside.get(),
            "refused_topics": metrics.uplink.refused_topics.get(),
            "degraded": OutboxError::STORAGE_REASONS
                .iter()
                .find(|reason| metrics.outbox.degraded.with_label_values(&[reason]).get() == 1),
        },
        "traffic": {
            "day_bytes": Class::ALL.map(|class| {
                (class.as_str(), metrics.uplink.traffic_day_bytes.with_label_values(&[class.as_str()]).get())
            }).into_iter().collect::<BTreeMap<_, _>>(),
            "day_limit_bytes": config.budget.day_bytes,
        },
        "sinks": config.sinks.iter().map(|sink| json!({
            "id": sink.id,
            "up": metrics.sink.up.with_label_values(&[&sink.id]).get() == 1,
            "waiting_events": metrics.sink.waiting.with_label_values(&[&sink.id]).get(),
            "missed_events": metrics.sink.missed.with_label_values(&[&sink.id]).get(),
        })).collect::<Vec<_>>(),
        "load_1m": load_1m(),
    })
}

/// Average number of runnable threads over the last minute (`/proc/loadavg`); none where the system does not tell.
fn load_1m() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
