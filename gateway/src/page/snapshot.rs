//! What the desk shows the page: one moment of cameras, sensors, incidents and tests, as the desk knows them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::incident::Incident;
use crate::outbox::Sequence;
use crate::quality::day::Rates;
use crate::quality::defect::Defect;
use crate::test_mode::Subject;
use crate::worker::link::{SeenTrack, StreamState};

/// Everything the desk shows, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// When; none before the first.
    pub taken: Option<Timestamp>,
    /// Cameras in the order of the configuration.
    pub cameras: Vec<CameraView>,
    /// Sensors that have spoken, by instance.
    pub sensors: BTreeMap<String, SensorView>,
    /// Newest first.
    pub incidents: Vec<IncidentView>,
    /// Test modes that somebody switched on, and when they end.
    pub tests: Vec<(Subject, Timestamp)>,
}

/// A camera as the desk knows it.
#[derive(Debug, Clone)]
pub struct CameraView {
    /// Camera id.
    pub id: String,
    /// Its stream.
    pub stream: StreamState,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its gate sleeps: nothing moves.
    pub is_asleep: bool,
    /// The last picture that was analysed.
    pub seen_at: Option<Timestamp>,
    /// What was in it.
    pub tracks: Vec<SeenTrack>,
    /// Who was last in each zone, and when; the whole picture has no name.
    pub visits: BTreeMap<String, Visit>,
    /// Its detector cannot be loaded, and why.
    pub detector_fault: Option<String>,
    /// What is wrong with its pictures or its stream.
    pub defects: Vec<Defect>,
    /// How much of today it was on line, and its pictures good.
    pub today: Option<Rates>,
}

/// Somebody or something in a zone.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Label.
    pub label: String,
    /// Score, 0..1.
    pub score: f32,
    /// When.
    pub at: Timestamp,
}

/// A sensor as the desk knows it.
#[derive(Debug, Clone)]
pub struct SensorView {
    /// Place in the configuration.
    pub config_index: usize,
    /// Last value, in the unit of the configuration.
    pub value: Option<f64>,
    /// Battery charge, %.
    pub battery: Option<f64>,
    /// When it last spoke.
    pub heard: Timestamp,
}

/// An incident, and what is known about its way to the centre.
#[derive(Debug, Clone)]
pub struct IncidentView {
    /// The incident.
    pub incident: Incident,
    /// It is over.
    pub is_closed: bool,
    /// Sequence of the last event that told it; none where that was before the last start.
    pub told: Option<Sequence>,
}

// === impl CameraView ===

impl CameraView {
    /// Nothing is known yet.
    pub(super) fn new(id: &str) -> Self {
        CameraView {
            id: id.to_owned(),
            stream: StreamState::Connecting,
            since: None,
            is_asleep: false,
            seen_at: None,
            tracks: Vec::new(),
            visits: BTreeMap::new(),
            detector_fault: None,
            defects: Vec::new(),
            today: None,
        }
    }
}
