//! Every metric of the gateway, in one place.
//!
//! Names: `moshao_<thing>_<unit>[_total]`, base units (seconds, bytes). Labels are bounded: camera ids come from the
//! configuration, `fault`, `reason`, `phase`, `category` from enums. A drop is always counted with its reason.

use std::collections::HashMap;

use prometheus::{CounterVec, GaugeVec, core::Collector};
use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

use crate::heartbeat::Pulse;

/// All metrics of one gateway process. Cheap to share behind an `Arc`; every field may be used from any thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Whether the desk's loop turns; told by `/livez`, and no metric.
    pub pulse: Pulse,

    /// Pictures flow from the camera (1) or not (0). `camera`
    pub camera_up: IntGaugeVec,
    /// Failed sessions. `camera`, `fault` (a word of `StreamFault`)
    pub camera_faults: IntCounterVec,
    /// Pictures flow in the camera's main stream (1) or not (0); no sample for a camera without one. `camera`
    pub camera_main_up: IntGaugeVec,
    /// Bytes of access units received in the main stream. `camera`
    pub camera_main_received_bytes: IntCounterVec,
    /// Bytes of access units received. `camera`
    pub camera_received_bytes: IntCounterVec,
    /// Access units received. `camera`
    pub camera_access_units: IntCounterVec,
    /// Pictures decoded. `camera`
    pub camera_decoded: IntCounterVec,
    /// Pictures looked at by the detector. `camera`
    pub camera_inferred: IntCounterVec,
    /// Pictures not looked at. `camera`, `reason` (`replaced`: a newer one came first; `behind`: the decoder was behind;
    /// `overload`: the worker has stepped down, see `worker::ladder`)
    pub camera_dropped: IntCounterVec,
    /// RTP packets lost on the way. `camera`
    pub camera_lost_packets: IntCounterVec,
    /// Thread time spent decoding. `camera`
    pub camera_decode_seconds: CounterVec,
    /// Thread time spent on inference. `camera`
    pub camera_infer_seconds: CounterVec,
    /// Key frames looked at while asleep. `camera`
    pub camera_looks: IntCounterVec,
    /// Times that a sleeping camera woke. `camera`, `reason` (a word of `camera::gate::Wake`)
    pub camera_wakes: IntCounterVec,
    /// Media time in which every picture was decoded. `camera`
    pub camera_awake_seconds: CounterVec,
    /// Whether it sleeps (1) or every picture is decoded (0). `camera`
    pub camera_asleep: IntGaugeVec,
    /// Decoding that the gate saved, as far as known: pictures not decoded, at the camera's own mean cost, less its looks.
    /// `camera`
    pub camera_decode_saved_seconds: CounterVec,
    /// When the last picture was analysed, Unix time. `camera`
    pub camera_last_picture: GaugeVec,
    /// Something is wrong with the camera's pictures or stream (1) or not (0). `camera`, `defect` (a word of
    /// `quality::defect`)
    pub camera_defect: IntGaugeVec,
    /// Share of the day in which pictures flowed. `camera`, `day` (`today`: since midnight; `yesterday`)
    pub camera_online_ratio: GaugeVec,
    /// Share of that in which nothing was wrong with them. `camera`, `day`
    pub camera_good_picture_ratio: GaugeVec,

    /// Changes of the configuration: `applied`, `kept` after its trial, `refused`, `rolled-back`.
    pub config_changes: IntCounterVec,
    /// The configuration that runs: always 1, told by its labels.
    config_info: IntGaugeVec,
    /// 1 while the configuration is watched.
    config_trial: IntGauge,

    /// Camera workers running.
    pub workers_up: IntGauge,
    /// Camera workers that should run.
    pub workers_wanted: IntGauge,
    /// Camera workers restarted.
    pub worker_restarts: IntCounter,
    /// How far a worker has stepped down because it cannot do all: 0 everything, 1 half the detections, 2 reference
    /// pictures, 3 key frames, 4 fewer cameras (`worker::ladder`). `worker`
    pub worker_rung: IntGaugeVec,
    /// Steps that led to a rung other than the first. `worker`, `rung`
    pub worker_steps: IntCounterVec,
    /// Cameras that a worker has set aside. `worker`
    pub worker_set_aside: IntGaugeVec,

    /// Subscribed to the sensors' broker (1) or not (0).
    pub sensor_broker_up: IntGauge,
    /// Readings of sensors understood; a message may carry several.
    pub sensor_readings: IntCounter,
    /// Sensor messages refused. `reason`
    pub sensor_refused: IntCounterVec,
    /// Readings that waited because the rules were behind; none is dropped.
    pub sensor_waits: IntCounter,
    /// Sensors known, counting each instance of a captured topic.
    pub sensors_known: IntGauge,

    /// Incidents open now.
    pub incidents_open: IntGauge,
    /// Open incidents of level 1 to 3 that the centre has not acknowledged.
    pub incidents_unacknowledged: IntGauge,
    /// Incidents told again because nobody had acknowledged them.
    pub incidents_escalated: IntCounter,
    /// Findings that were not told because their rule or camera was mute.
    pub findings_muted: IntCounter,
    /// Dispositions of the centre. `answer` (`applied`, `repeated`, `late`, `unknown`, `refused`), `result` (the verdict; why it is refused)
    pub dispositions: IntCounterVec,
    /// Verdicts of the centre on incidents of each rule. `rule`, `result`
    pub rule_verdicts: IntCounterVec,
    /// Events accepted. `category`, `phase`
    pub events_accepted: IntCounterVec,
    /// Stills written as evidence.
    pub evidence_stills: IntCounter,
    /// Clips written as evidence.
    pub evidence_clips: IntCounter,
    /// Bytes of evidence sent to the centre by command.
    pub evidence_exported_bytes: IntCounter,
    /// Evidence that could not be had. `reason`
    pub evidence_missed: IntCounterVec,

    /// Events waiting for their PUBACK.
    pub outbox_depth: IntGauge,
    /// Age of the oldest waiting event.
    pub outbox_oldest_age_seconds: Gauge,
    /// Bytes that the outbox takes on disk.
    pub outbox_bytes: IntGauge,
    /// The outbox's storage fails (1) or not (0). `reason` (a storage word of `OutboxError`)
    pub outbox_degraded: IntGaugeVec,
    /// Accepted events given up, each declared to the centre. `reason`. Must stay 0.
    pub events_lost: IntCounterVec,
    /// The last request to the sink was taken (1) or not (0). `sink`
    pub sink_up: IntGaugeVec,
    /// Events waiting for the sink. `sink`
    pub sink_waiting: IntGaugeVec,
    /// Requests that the sink has taken. `sink`
    pub sink_requests: IntCounterVec,
    /// Requests that failed and are made again. `sink`, `reason` (a word of `sink::answer::Failure`)
    pub sink_failures: IntCounterVec,
    /// Events that the sink is done with. `sink`, `outcome` (`delivered`; `folded`: counted, not told again; `silent`: of
    /// no use to people; `refused`: given up because the sink will not have it)
    pub sink_events: IntCounterVec,
    /// Events given up for the sink because too many waited; the centre has them or gets them all the same. `sink`
    pub sink_missed: IntCounterVec,
    /// Connected to the centre's broker (1) or not (0).
    pub uplink_up: IntGauge,
    /// Connections made to the centre's broker.
    pub uplink_connections: IntCounter,
    /// Publishes that the centre's broker refused, and events over which it hung up. `reason` (a word of `uplink::refusal`)
    pub uplink_refused: IntCounterVec,
    /// Event topics that the centre's broker refuses now.
    pub uplink_refused_topics: IntGauge,
    /// Events set aside because the centre's broker refuses them for good. `reason`
    pub events_set_aside: IntCounterVec,
    /// Events that the broker took although nobody was subscribed (MQTT 5 only).
    pub events_unheard: IntCounter,
    /// Events acknowledged by the centre's broker in a batch.
    pub events_batched: IntCounter,
    /// Events that are set aside now.
    pub outbox_aside: IntGauge,
    /// Bytes of event payloads and topics published to the centre, repeats included.
    pub uplink_sent_bytes: IntCounter,
    /// Bytes sent to the centre, with the packets around them. `class` (a word of `budget::Class`)
    pub traffic_bytes: IntCounterVec,
    /// The same since midnight, over restarts. `class`
    pub traffic_day_bytes: IntGaugeVec,
    /// The most that may be sent from midnight to midnight; 0 where there is no limit.
    pub traffic_day_limit_bytes: IntGauge,
    /// The last of its class waits for the budget (1) or went (0). `class`
    pub traffic_waits: IntGaugeVec,
    /// Events acknowledged by the centre's broker.
    pub events_delivered: IntCounter,
    /// From a picture or a reading to the PUBACK of the event that it caused. `source` (`picture`, `reading`)
    pub source_to_puback_seconds: HistogramVec,
    /// From an event's acceptance to its commit on disk.
    pub outbox_commit_seconds: Histogram,

    /// Bytes that may still be written below the data directory. None of the machine's gauges has a sample before the
    /// machine has told its value.
    pub disk_free_bytes: IntGaugeVec,
    /// Size of the file system of the data directory.
    pub disk_size_bytes: IntGaugeVec,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: IntGaugeVec,
    /// Memory of the machine.
    pub memory_size_bytes: IntGaugeVec,
    /// Resident memory of the parent process.
    pub process_resident_bytes: IntGauge,
    /// Temperature. `zone` (names of the kernel's thermal zones)
    pub temperature_celsius: GaugeVec,
    /// Times the processor slowed down because of heat since it was switched on.
    pub thermal_throttles: GaugeVec,
    /// Worn share of flash memory, 1 at the end of its rated life. `device`
    pub flash_wear_ratio: GaugeVec,
    /// The wall clock can be believed (1) or not (0).
    pub clock_trusted: IntGauge,
    /// Times the wall clock was set by more than a second.
    pub clock_steps: IntCounter,
}

// === impl Metrics ===

impl Metrics {
    /// Registers everything. Counters without labels start at 0.
    pub fn new() -> Self {
        let registry = Registry::new();
        let r = &registry;
        Metrics {
            pulse: Pulse::default(),
            camera_up: gauge_vec(
                r,
                "moshao_camera_up",
                "Pictures flow from the camera (1) or not (0).",
                &["camera"],
            ),
            camera_faults: counter_vec(
                r,
                "moshao_camera_faults_total",
                "Camera sessions that failed, by fault.",
                &["camera", "fault"],
            ),
            camera_main_up: gauge_vec(
                r,
                "moshao_camera_main_up",
                "Pictures flow in the camera's main stream (1) or not (0).",
                &["camera"],
            ),
            camera_main_received_bytes: counter_vec(
                r,
                "moshao_camera_main_received_bytes_total",
                "Bytes of encoded pictures received in the main stream.",
                &["camera"],
            ),
            camera_received_bytes: counter_vec(
                r,
                "moshao_camera_received_bytes_total",
                "Bytes of encoded pictures received.",
                &["camera"],
            ),
            camera_access_units: counter_vec(
                r,
                "moshao_camera_access_units_total",
                "Encoded pictures received.",
                &["camera"],
            ),
            camera_decoded: counter_vec(r, "moshao_camera_decoded_total", "Pictures decoded.", &["camera"]),
            camera_inferred: counter_vec(
                r,
                "moshao_camera_inferred_total",
                "Pictures looked at by the detector.",
                &["camera"],
            ),
            camera_dropped: counter_vec(
                r,
                "moshao_camera_dropped_total",
                "Pictures that were due and not looked at, by reason.",
                &["camera", "reason"],
            ),
            camera_lost_packets: counter_vec(
                r,
                "moshao_camera_lost_packets_total",
                "RTP packets lost on the way.",
                &["camera"],
            ),
            camera_decode_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new("moshao_camera_decode_seconds_total", "Thread time spent decoding."),
                    &["camera"],
                ),
            ),
            camera_infer_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new("moshao_camera_infer_seconds_total", "Thread time spent on inference."),
                    &["camera"],
                ),
            ),
            camera_looks: counter_vec(
                r,
                "moshao_camera_looks_total",
                "Key frames looked at while the camera slept.",
                &["camera"],
            ),
            camera_wakes: counter_vec(
                r,
                "moshao_camera_wakes_total",
                "Times that a sleeping camera woke, by reason.",
                &["camera", "reason"],
            ),
            camera_awake_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new(
                        "moshao_camera_awake_seconds_total",
                        "Media time in which every picture was decoded.",
                    ),
                    &["camera"],
                ),
            ),
            camera_asleep: gauge_vec(
                r,
                "moshao_camera_asleep",
                "The camera sleeps (1) or every picture is decoded (0).",
                &["camera"],
            ),
            camera_decode_saved_seconds: registered(
                r,
                CounterVec::new(
                    Opts::new(
                        "moshao_camera_decode_saved_seconds_total",
                        "Thread time of decoding that the gate saved: pictures not decoded at the camera's mean cost, less looks.",
                    ),
                    &["camera"],
                ),
            ),
            camera_last_picture: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_last_picture_timestamp_seconds",
                        "When the last picture was analysed, Unix time.",
                    ),
                    &["camera"],
                ),
            ),
            camera_defect: gauge_vec(
                r,
                "moshao_camera_defect",
                "Something is wrong with the camera's pictures or stream (1) or not (0), by defect.",
                &["camera", "defect"],
            ),
            camera_online_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_online_ratio",
                        "Share of the day in which pictures flowed from the camera while the gateway ran.",
                    ),
                    &["camera", "day"],
                ),
            ),
            camera_good_picture_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_camera_good_picture_ratio",
                        "Share of the time on line in which nothing was wrong with the camera's pictures.",
                    ),
                    &["camera", "day"],
                ),
            ),
            config_changes: counter_vec(
                r,
                "moshao_config_changes_total",
                "Changes of the configuration; kept: as well as before at the end of its trial, rolled-back: not so.",
                &["outcome"],
            ),
            config_info: gauge_vec(
                r,
                "moshao_config_info",
                "Always 1: SHA-256 of the configuration that runs, and number of the last bundle that was taken.",
                &["sha256", "bundle"],
            ),
            config_trial: gauge(
                r,
                "moshao_config_trial",
                "Whether the configuration is watched: 1 until it is kept or given up.",
            ),
            workers_up: gauge(r, "moshao_workers_up", "Camera worker processes running."),
            workers_wanted: gauge(r, "moshao_workers_wanted", "Camera worker processes that should run."),
            worker_restarts: counter(r, "moshao_worker_restarts_total", "Camera worker processes restarted."),
            worker_rung: gauge_vec(
                r,
                "moshao_worker_rung",
                "How far a worker has stepped down: 0 everything is done, 1 half the detections, 2 reference pictures, \
                 3 key frames, 4 fewer cameras.",
                &["worker"],
            ),
            worker_steps: counter_vec(
                r,
                "moshao_worker_steps_total",
                "Steps of a worker to a rung where less is done, by rung.",
                &["worker", "rung"],
            ),
            worker_set_aside: gauge_vec(
                r,
                "moshao_worker_set_aside_cameras",
                "Cameras that a worker has set aside.",
                &["worker"],
            ),
            sensor_broker_up: gauge(
                r,
                "moshao_sensor_broker_up",
                "Subscribed to the sensors' broker (1) or not (0).",
            ),
            sensor_readings: counter(
                r,
                "moshao_sensor_readings_total",
                "Readings of sensors understood; a message may carry several.",
            ),
            sensor_refused: counter_vec(
                r,
                "moshao_sensor_refused_total",
                "Sensor messages refused, by reason.",
                &["reason"],
            ),
            sensor_waits: counter(
                r,
                "moshao_sensor_waits_total",
                "Readings that waited because the rules were behind.",
            ),
            sensors_known: gauge(r, "moshao_sensors_known", "Sensors that have been heard."),
            incidents_open: gauge(r, "moshao_incidents_open", "Incidents open now."),
            incidents_unacknowledged: gauge(
                r,
                "moshao_incidents_unacknowledged",
                "Open incidents of level 1 to 3 that the centre has not acknowledged.",
            ),
            incidents_escalated: counter(
                r,
                "moshao_incidents_escalated_total",
                "Incidents told again because nobody had acknowledged them.",
            ),
            findings_muted: counter(
                r,
                "moshao_findings_muted_total",
                "Findings that were not told because their rule or camera was mute.",
            ),
            dispositions: counter_vec(
                r,
                "moshao_dispositions_total",
                "Dispositions of the centre, by what became of them.",
                &["answer", "result"],
            ),
            rule_verdicts: counter_vec(
                r,
                "moshao_rule_verdicts_total",
                "Verdicts of the centre on incidents, by the rule that opened them.",
                &["rule", "result"],
            ),
            events_accepted: counter_vec(
                r,
                "moshao_events_accepted_total",
                "Events committed to the outbox.",
                &["category", "phase"],
            ),
            evidence_stills: counter(r, "moshao_evidence_stills_total", "Stills written as evidence."),
            evidence_clips: counter(r, "moshao_evidence_clips_total", "Clips written as evidence."),
            evidence_exported_bytes: counter(
                r,
                "moshao_evidence_exported_bytes_total",
                "Bytes of evidence sent to the centre by command.",
            ),
            evidence_missed: counter_vec(
                r,
                "moshao_evidence_missed_total",
                "Evidence that could not be had, by reason.",
                &["reason"],
            ),
            outbox_depth: gauge(r, "moshao_outbox_depth_events", "Events waiting for their PUBACK."),
            outbox_oldest_age_seconds: registered(
                r,
                Gauge::new("moshao_outbox_oldest_age_seconds", "Age of the oldest waiting event."),
            ),
            outbox_bytes: gauge(r, "moshao_outbox_bytes", "Bytes that the outbox takes on disk."),
            outbox_degraded: gauge_vec(
                r,
                "moshao_outbox_degraded",
                "The storage of the outbox fails (1) or not (0), by reason.",
                &["reason"],
            ),
            events_lost: counter_vec(
                r,
                "moshao_events_lost_total",
                "Accepted events given up and declared to the centre, by reason. Must stay 0.",
                &["reason"],
            ),
            sink_up: gauge_vec(
                r,
                "moshao_sink_up",
                "The last request to the sink was taken (1) or not (0).",
                &["sink"],
            ),
            sink_waiting: gauge_vec(
                r,
                "moshao_sink_waiting_events",
                "Events waiting for the sink.",
                &["sink"],
            ),
            sink_requests: counter_vec(
                r,
                "moshao_sink_requests_total",
                "Requests that the sink has taken.",
                &["sink"],
            ),
            sink_failures: counter_vec(
                r,
                "moshao_sink_failures_total",
                "Requests to the sink that failed and are made again, by reason.",
                &["sink", "reason"],
            ),
            sink_events: counter_vec(
                r,
                "moshao_sink_events_total",
                "Events that the sink is done with, by outcome.",
                &["sink", "outcome"],
            ),
            sink_missed: counter_vec(
                r,
                "moshao_sink_missed_total",
                "Events given up for the sink because too many waited; the centre gets them all the same.",
                &["sink"],
            ),
            uplink_up: gauge(r, "moshao_uplink_up", "Connected to the centre's broker (1) or not (0)."),
            uplink_connections: counter(
                r,
                "moshao_uplink_connections_total",
                "Connections made to the centre's broker.",
            ),
            uplink_refused: counter_vec(
                r,
                "moshao_uplink_refused_total",
                "Publishes that the centre's broker refused, and events over which it hung up, by reason.",
                &["reason"],
            ),
            uplink_refused_topics: gauge(
                r,
                "moshao_uplink_refused_topics",
                "Event topics that the centre's broker refuses now; their events wait.",
            ),
            events_set_aside: counter_vec(
                r,
                "moshao_events_set_aside_total",
                "Events set aside because the centre's broker refuses them for good, by reason.",
                &["reason"],
            ),
            events_unheard: counter(
                r,
                "moshao_events_unheard_total",
                "Events that the broker took although nobody was subscribed (MQTT 5 only).",
            ),
            events_batched: counter(
                r,
                "moshao_events_batched_total",
                "Events acknowledged by the centre's broker in a batch.",
            ),
            outbox_aside: gauge(
                r,
                "moshao_outbox_aside_events",
                "Events that are set aside: kept on disk, and tried again after the next start.",
            ),
            uplink_sent_bytes: counter(
                r,
                "moshao_uplink_sent_bytes_total",
                "Bytes of topics and payloads published to the centre, repeats included.",
            ),
            traffic_bytes: counter_vec(
                r,
                "moshao_traffic_bytes_total",
                "Bytes sent to the centre with the packets around them, by class.",
                &["class"],
            ),
            traffic_day_bytes: gauge_vec(
                r,
                "moshao_traffic_day_bytes",
                "Bytes sent to the centre since midnight, over restarts, by class.",
                &["class"],
            ),
            traffic_day_limit_bytes: gauge(
                r,
                "moshao_traffic_day_limit_bytes",
                "Most bytes from midnight to midnight; 0 where there is no limit.",
            ),
            traffic_waits: gauge_vec(
                r,
                "moshao_traffic_waits",
                "The last of its class waits for the budget (1) or went (0).",
                &["class"],
            ),
            events_delivered: counter(
                r,
                "moshao_events_delivered_total",
                "Events acknowledged by the centre's broker.",
            ),
            source_to_puback_seconds: registered(
                r,
                HistogramVec::new(
                    HistogramOpts::new(
                        "moshao_source_to_puback_seconds",
                        "From a picture or a reading to the PUBACK of the event that it caused.",
                    )
                    .buckets(LATENCY_BUCKETS_S.to_vec()),
                    &["source"],
                ),
            ),
            outbox_commit_seconds: registered(
                r,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "moshao_outbox_commit_seconds",
                        "From an event's hand-over to its commit on disk.",
                    )
                    .buckets(LATENCY_BUCKETS_S.to_vec()),
                ),
            ),
            disk_free_bytes: gauge_vec(
                r,
                "moshao_disk_free_bytes",
                "Bytes that may still be written below the data directory.",
                &[],
            ),
            disk_size_bytes: gauge_vec(
                r,
                "moshao_disk_size_bytes",
                "Size of the file system of the data directory.",
                &[],
            ),
            memory_available_bytes: gauge_vec(
                r,
                "moshao_memory_available_bytes",
                "Memory that can be had without swapping.",
                &[],
            ),
            memory_size_bytes: gauge_vec(r, "moshao_memory_size_bytes", "Memory of the machine.", &[]),
            process_resident_bytes: gauge(
                r,
                "moshao_process_resident_bytes",
                "Resident memory of the parent process.",
            ),
            temperature_celsius: registered(
                r,
                GaugeVec::new(
                    Opts::new("moshao_temperature_celsius", "Temperature by the kernel's thermal zone."),
                    &["zone"],
                ),
            ),
            thermal_throttles: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_thermal_throttles",
                        "Times the processor slowed down because of heat since it was switched on.",
                    ),
                    &[],
                ),
            ),
            flash_wear_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_flash_wear_ratio",
                        "Worn share of flash memory, 1 at the end of its rated life.",
                    ),
                    &["device"],
                ),
            ),
            clock_trusted: gauge(
                r,
                "moshao_clock_trusted",
                "The wall clock is synchronised and plausible (1) or not (0).",
            ),
            clock_steps: counter(
                r,
                "moshao_clock_steps_total",
                "Times the wall clock was set by more than a second.",
            ),
            registry,
        }
    }

    /// Another configuration runs.
    pub fn show_config(&self, sha256: &str, bundle: Option<u64>, is_on_trial: bool) {
        self.config_info.reset();
        let bundle = bundle.map(|number| number.to_string()).unwrap_or_default();
        self.config_info.with_label_values(&[sha256, &bundle]).set(1);
        self.config_trial.set(i64::from(is_on_trial));
    }

    /// A worker runs no more: how it stood is over.
    pub fn forget_worker(&self, worker: &str) {
        // Each fails only where there is no sample.
        drop(self.worker_rung.remove_label_values(&[worker]));
        drop(self.worker_set_aside.remove_label_values(&[worker]));
    }

    /// A camera is in the configuration no more: its samples would stand still for ever.
    pub fn forget_camera(&self, camera: &str) {
        for family in self.registry.gather() {
            let is_its =
                |label: &prometheus::proto::LabelPair| label.name() == "camera" && label.value() == camera;
            for metric in family.get_metric().iter().filter(|metric| metric.get_label().iter().any(is_its)) {
                let labels: HashMap<&str, &str> =
                    metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
                self.forget(family.name(), &labels);
            }
        }
    }

    fn forget(&self, name: &str, labels: &HashMap<&str, &str>) {
        let integers = [&self.camera_up, &self.camera_main_up, &self.camera_asleep, &self.camera_defect];
        let counters = [
            &self.camera_faults,
            &self.camera_main_received_bytes,
            &self.camera_received_bytes,
            &self.camera_access_units,
            &self.camera_decoded,
            &self.camera_inferred,
            &self.camera_dropped,
            &self.camera_lost_packets,
            &self.camera_looks,
            &self.camera_wakes,
        ];
        let sums = [
            &self.camera_decode_seconds,
            &self.camera_infer_seconds,
            &self.camera_awake_seconds,
            &self.camera_decode_saved_seconds,
        ];
        let gauges = [&self.camera_last_picture, &self.camera_online_ratio, &self.camera_good_picture_ratio];
        let named = |desc: Vec<&prometheus::core::Desc>| desc.iter().any(|desc| desc.fq_name == name);
        // Each fails only where the sample is gone already.
        integers.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        counters.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        sums.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
        gauges.iter().filter(|metric| named(metric.desc())).for_each(|metric| drop(metric.remove(labels)));
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

/// From a millisecond, an fsync on a good disk, to the hours of a broken link.
const LATENCY_BUCKETS_S: [f64; 16] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0, 3600.0];

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("metric names and labels in this file are valid");
    registry.register(Box::new(metric.clone())).expect("metric names in this file are unique");
    metric
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, IntCounter::new(name, help))
}

fn counter_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    registered(registry, IntGauge::new(name, help))
}

fn gauge_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_camera_that_is_gone() {
        let metrics = Metrics::new();
        for camera in ["yard", "lane"] {
            metrics.camera_up.with_label_values(&[camera]).set(1);
            metrics.camera_faults.with_label_values(&[camera, "silent"]).inc();
            metrics.camera_dropped.with_label_values(&[camera, "behind"]).inc();
            metrics.camera_decode_seconds.with_label_values(&[camera]).inc_by(1.0);
            metrics.camera_online_ratio.with_label_values(&[camera, "today"]).set(1.0);
        }
        metrics.forget_camera("yard");
        let text = metrics.render();
        assert!(!text.contains("yard"), "{text}");
        assert_eq!(text.matches("camera=\"lane\"").count(), 5, "{text}");
    }

    #[test]
    fn every_metric_is_registered_once_and_renders() {
        let metrics = Metrics::new();
        metrics.camera_up.with_label_values(&["gate-east"]).set(1);
        metrics.source_to_puback_seconds.with_label_values(&["reading"]).observe(0.004);
        let text = metrics.render();
        assert!(text.contains("moshao_camera_up{camera=\"gate-east\"} 1"), "{text}");
        assert!(text.contains("moshao_source_to_puback_seconds_count{source=\"reading\"} 1"), "{text}");
        assert!(
            text.contains("moshao_uplink_connections_total 0"),
            "counters without labels start at 0: {text}"
        );
    }
}
