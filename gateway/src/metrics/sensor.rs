//! Sensors and their broker.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::register::{counter, counter_vec, gauge};

/// Sensors and their broker.
#[derive(Debug)]
pub struct SensorMetrics {
    /// Subscribed to the sensors' broker (1) or not (0).
    pub broker_up: IntGauge,
    /// Readings of sensors understood; a message may carry several.
    pub readings: IntCounter,
    /// Sensor messages refused. `reason`
    pub refused: IntCounterVec,
    /// Readings that waited because the rules were behind; none is dropped.
    pub waits: IntCounter,
    /// Sensors known, counting each instance of a captured topic.
    pub known: IntGauge,
}

// === impl SensorMetrics ===

impl SensorMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        SensorMetrics {
            broker_up: gauge(
                r,
                "moshao_sensor_broker_up",
                "Subscribed to the sensors' broker (1) or not (0).",
            ),
            readings: counter(
                r,
                "moshao_sensor_readings_total",
                "Readings of sensors understood; a message may carry several.",
            ),
            refused: counter_vec(
                r,
                "moshao_sensor_refused_total",
                "Sensor messages refused, by reason.",
                &["reason"],
            ),
            waits: counter(
                r,
                "moshao_sensor_waits_total",
                "Readings that waited because the rules were behind.",
            ),
            known: gauge(r, "moshao_sensors_known", "Sensors that have been heard."),
        }
    }
}
