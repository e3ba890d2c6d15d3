//! Every metric of the gateway, a file for each thing that is counted.
//!
//! Names: `moshao_<thing>_<unit>[_total]`, base units (seconds, bytes). Labels are bounded: camera ids come from the
//! configuration, `fault`, `reason`, `phase`, `category` from enums. A drop is always counted with its reason.

mod camera;
mod config;
mod events;
mod evidence;
mod incident;
mod machine;
mod outbox;
mod register;
mod sensor;
mod sink;
mod uplink;
mod worker;

use std::collections::HashMap;

use prometheus::{Encoder, Registry, TextEncoder};

pub use self::camera::CameraMetrics;
pub use self::config::ConfigMetrics;
pub use self::events::EventMetrics;
pub use self::evidence::EvidenceMetrics;
pub use self::incident::IncidentMetrics;
pub use self::machine::MachineMetrics;
pub use self::outbox::OutboxMetrics;
pub use self::sensor::SensorMetrics;
pub use self::sink::SinkMetrics;
pub use self::uplink::UplinkMetrics;
pub use self::worker::WorkerMetrics;
use crate::heartbeat::Pulse;

/// All metrics of one gateway process. Cheap to share behind an `Arc`; every field may be used from any thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Whether the desk's loop turns; told by `/livez`, and no metric.
    pub pulse: Pulse,
    /// Cameras: their streams, their pictures, their sleep, their health.
    pub camera: CameraMetrics,
    /// The configuration that runs, and its changes.
    pub config: ConfigMetrics,
    /// Camera worker processes.
    pub worker: WorkerMetrics,
    /// Sensors and their broker.
    pub sensor: SensorMetrics,
    /// Incidents, and what the centre says of them.
    pub incident: IncidentMetrics,
    /// Stills and clips.
    pub evidence: EvidenceMetrics,
    /// Events, from their acceptance to the centre.
    pub events: EventMetrics,
    /// The durable queue of events.
    pub outbox: OutboxMetrics,
    /// Where events go besides the centre.
    pub sink: SinkMetrics,
    /// The link to the centre, and what it carries.
    pub uplink: UplinkMetrics,
    /// The machine: disk, memory, heat, flash, clock.
    pub machine: MachineMetrics,
}

// === impl Metrics ===

impl Metrics {
    /// Registers everything. Counters without labels start at 0.
    pub fn new() -> Self {
        let registry = Registry::new();
        Metrics {
            pulse: Pulse::default(),
            camera: CameraMetrics::new(&registry),
            config: ConfigMetrics::new(&registry),
            worker: WorkerMetrics::new(&registry),
            sensor: SensorMetrics::new(&registry),
            incident: IncidentMetrics::new(&registry),
            evidence: EvidenceMetrics::new(&registry),
            events: EventMetrics::new(&registry),
            outbox: OutboxMetrics::new(&registry),
            sink: SinkMetrics::new(&registry),
            uplink: UplinkMetrics::new(&registry),
            machine: MachineMetrics::new(&registry),
            registry,
        }
    }

    /// A camera is in the configuration no more: its samples would stand still for ever.
    pub fn forget_camera(&self, camera: &str) {
        for family in self.registry.gather() {
            let is_its =
                |label: &prometheus::proto::LabelPair| label.name() == "camera" && label.value() == camera;
            for metric in family.get_metric().iter().filter(|metric| metric.get_label().iter().any(is_its)) {
                let labels: HashMap<&str, &str> =
                    metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
                self.camera.forget(family.name(), &labels);
            }
        }
    }

    /// The text that Prometheus scrapes (exposition format 0.0.4).
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("encoding to memory fails only for metrics without samples, which gather() leaves out");
        String::from_utf8(text).expect("names, labels and help texts are UTF-8")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_camera_that_is_gone() {
        let metrics = Metrics::new();
        for camera in ["yard", "lane"] {
            metrics.camera.up.with_label_values(&[camera]).set(1);
            metrics.camera.faults.with_label_values(&[camera, "silent"]).inc();
            metrics.camera.dropped.with_label_values(&[camera, "behind"]).inc();
            metrics.camera.decode_seconds.with_label_values(&[camera]).inc_by(1.0);
            metrics.camera.online_ratio.with_label_values(&[camera, "today"]).set(1.0);
        }
        metrics.forget_camera("yard");
        let text = metrics.render();
        assert!(!text.contains("yard"), "{text}");
        assert_eq!(text.matches("camera=\"lane\"").count(), 5, "{text}");
    }

    #[test]
    fn every_metric_is_registered_once_and_renders() {
        let metrics = Metrics::new();
        metrics.camera.up.with_label_values(&["gate-east"]).set(1);
        metrics.events.source_to_puback_seconds.with_label_values(&["reading"]).observe(0.004);
        let text = metrics.render();
        assert!(text.contains("moshao_camera_up{camera=\"gate-east\"} 1"), "{text}");
        assert!(text.contains("moshao_source_to_puback_seconds_count{source=\"reading\"} 1"), "{text}");
        assert!(
            text.contains("moshao_uplink_connections_total 0"),
            "counters without labels start at 0: {text}"
        );
    }
}
