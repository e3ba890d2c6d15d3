//! Cameras: their streams, their pictures, their sleep, their health.

use std::collections::HashMap;

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register::{counter_vec, gauge_vec, registered};

/// Cameras: their streams, their pictures, their sleep, their health.
#[derive(Debug)]
pub struct CameraMetrics {
    /// Pictures flow from the camera (1) or not (0). `camera`
    pub up: IntGaugeVec,
    /// Failed sessions. `camera`, `fault` (a word of `StreamFault`)
    pub faults: IntCounterVec,
    /// Pictures flow in the camera's main stream (1) or not (0); no sample for a camera without one. `camera`
    pub main_up: IntGaugeVec,
    /// Bytes of access units received in the main stream. `camera`
    pub main_received_bytes: IntCounterVec,
    /// Bytes of access units received. `camera`
    pub received_bytes: IntCounterVec,
    /// Access units received. `camera`
    pub access_units: IntCounterVec,
    /// Pictures decoded. `camera`
    pub decoded: IntCounterVec,
    /// Pictures looked at by the detector. `camera`
    pub inferred: IntCounterVec,
    /// Pictures not looked at. `camera`, `reason` (`replaced`: a newer one came first; `behind`: the decoder was behind;
    /// `overload`: the worker has stepped down, see `worker::ladder`)
    pub dropped: IntCounterVec,
    /// RTP packets lost on the way. `camera`
    pub lost_packets: IntCounterVec,
    /// Thread time spent decoding. `camera`
    pub decode_seconds: CounterVec,
    /// Thread time spent on inference. `camera`
    pub infer_seconds: CounterVec,
    /// Key frames looked at while asleep. `camera`
    pub looks: IntCounterVec,
    /// Times that a sleeping camera woke. `camera`, `reason` (a word of `camera::wake::Wake`)
    pub wakes: IntCounterVec,
    /// Media time in which every picture was decoded. `camera`
    pub awake_seconds: CounterVec,
    /// Whether it sleeps (1) or every picture is decoded (0). `camera`
    pub asleep: IntGaugeVec,
    /// Decoding that the gate saved, as far as known: pictures not decoded, at the camera's own mean cost, less its looks.
    /// `camera`
    pub decode_saved_seconds: CounterVec,
    /// When the last picture was analysed, Unix time. `camera`
    pub last_picture: GaugeVec,
    /// Something is wrong with the camera's pictures or stream (1) or not (0). `camera`, `defect` (a word of
    /// `quality::defect`)
    pub defect: IntGaugeVec,
    /// Share of the day in which pictures flowed. `camera`, `day` (`today`: since midnight; `yesterday`)
    pub online_ratio: GaugeVec,
    /// Share of that in which nothing was wrong with them. `camera`, `day`
    pub good_picture_ratio: GaugeVec,
}

// === impl CameraMetrics ===

impl CameraMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        CameraMetrics {
            up: gauge_vec(
                r,
                "moshao_camera_up",
                "Pictures flow from the camera (1) or not (0).",
                &["camera"],
            ),
            faults: counter_vec(
                r,
                "moshao_camera_faults_total",
                "Camera sessions that failed, by fault.",
                &["camera", "fault"],
            ),
            main_up: gauge_vec(
                r,
                "moshao_camera_main_up",
                "Pictures flow in the camera's main stream (1) or not (0).",
                &["camera"],
            ),
            main_received_bytes: counter_vec(
                r,
                "moshao_camera_main_received_bytes_total",
                "Bytes of encoded pictures received in the main stream.",
                &["camera"],
            ),
            received_bytes: counter_vec(
                r,
                "moshao_camera_received_bytes_total",
                "Bytes of encoded pictures received.",
                &["camera"],
            ),
            access_units: counter_vec(
                r,
                "moshao_camera_access_units_total",
                "Encoded pictures received.",
                &["camera"],
            ),
            decoded: counter_vec(r, "moshao_camera_decoded_total", "Pictures decoded.", &["camera"]),
            inferred: counter_vec(
                r,
                "moshao_camera_inferred_total",
                "Pictures looked at by the detector.",
                &["camera"],
            ),
            dropped: counter_vec(
                r,
                "moshao_camera_dropped_total",
                "Pictures that were due and not looked at, by reason.",
                &["camera", "reason"],
            ),
            lost_packets: counter_vec(
                r,
                "moshao_camera_lost_packets_total",
                "RTP packets lost on the way.",
                &["camera"],
            ),
            decode_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new("moshao_camera_decode_seconds_total", "Thread time spent decoding."),
                    &["camera"],
                ),
            ),
            infer_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new("moshao_camera_infer_seconds_total", "Thread time spent on inference."),
                    &["camera"],
                ),
            ),
            looks: counter_vec(
                r,
                "moshao_camera_looks_total",
                "Key frames looked at while the camera slept.",
                &["camera"],
            ),
            wakes: counter_vec(
                r,
                "moshao_camera_wakes_total",
                "Times that a sleeping camera woke, by reason.",
                &["camera", "reason"],
            ),
            awake_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new(
                        "moshao_camera_awake_seconds_total",
                        "Media time in which every picture was decoded.",
                    ),
                    &["camera"],
                ),
            ),
            asleep: gauge_vec(
                r,
                "moshao_camera_asleep",
                "The camera sleeps (1) or every picture is decoded (0).",
                &["camera"],
            ),
            decode_saved_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new(
                        "moshao_camera_decode_saved_seconds_total",
                        "Thread time of decoding that the gate saved: pictures not decoded at the camera's mean cost, less looks.",
                    ),
                    &["camera"],
                ),
            ),
            last_picture: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_last_picture_timestamp_seconds",
                        "When the last picture was analysed, Unix time.",
                    ),
                    &["camera"],
                ),
            ),
            defect: gauge_vec(
                r,
                "moshao_camera_defect",
                "Something is wrong with the camera's pictures or stream (1) or not (0), by defect.",
                &["camera", "defect"],
            ),
            online_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_online_ratio",
                        "Share of the day in which pictures flowed from the camera while the gateway ran.",
                    ),
                    &["camera", "day"],
                ),
            ),
            good_picture_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_good_picture_ratio",
                        "Share of the time on line in which nothing was wrong with the camera's pictures.",
                    ),
                    &["camera", "day"],
                ),
            ),
        }
    }

    pub(super) fn forget(&self, name: &str, labels: &HashMap<&str, &str>) {
        let integers = [&self.up, &self.main_up, &self.asleep, &self.defect];
        let counters = [
            &self.faults,
            &self.main_received_bytes,
            &self.received_bytes,
            &self.access_units,
            &self.decoded,
            &self.inferred,
            &self.dropped,
            &self.lost_packets,
            &self.looks,
            &self.wakes,
        ];
        let sums =
            [&self.decode_seconds, &self.infer_seconds, &self.awake_seconds, &self.decode_saved_seconds];
        let gauges = [&self.last_picture, &self.online_ratio, &self.good_picture_ratio];
        let named = |desc: Vec<&prometheus::core::Desc>| desc.iter().any(|desc| desc.fq_name == name);
        // Each fails only where the sample is gone already.
        integers.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        counters.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        sums.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        gauges.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
    }
}
