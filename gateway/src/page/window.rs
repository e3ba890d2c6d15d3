//! Between desk and page: the desk alone owns the state, and this is its end.
//!
//! A [`Window`] keeps what the page wants to see of it and shows a [`Snapshot`] while somebody looks; the page's end is a
//! [`Visitor`]. While nobody looks, nothing is copied. It is kept without a page too: another configuration may have one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Config, Polygon, Quantity};
use tokio::sync::{mpsc, oneshot, watch};

use super::snapshot::{CameraView, IncidentView, SensorView, Snapshot, Visit};
use super::visitor::{Ask, Picture, Visitor};
use crate::camera::mask;
use crate::clock::Moment;
use crate::event::Event;
use crate::incident::Incident;
use crate::judge::Judge;
use crate::outbox::{NewEvent, Sequence};
use crate::quality::Quality;
use crate::sensor::reading::Reading;
use crate::test_mode::TestMode;
use crate::worker::link::{CameraCounters, Observation, StillRequest, StreamState};

/// Requests of the page that wait for the desk; a further one is refused.
const ASKS_MAX: usize = 32;
/// After the last request somebody is taken to be looking for this long.
const LOOKING: Duration = Duration::from_secs(10);
/// Sensors kept, instances of captured topics among them; beyond them the page names no more.
const SENSORS_MAX: usize = 2000;
/// Incidents shown, newest first.
const INCIDENTS_MAX: usize = 60;
/// Incidents of which it is known which events told them.
const TOLD_MAX: usize = 200;
/// Stills that are waited for.
const STILLS_MAX: usize = 16;
/// Longest side of a still on the page, pixels.
const STILL_SIDE_PX: u32 = 1280;
/// Requests from here on are the page's; those of incidents count from 1.
const FIRST_REQUEST: u64 = 1 << 63;

/// The desk's end.
#[derive(Debug)]
pub struct Window {
    show: watch::Sender<Arc<Snapshot>>,
    looked: Option<Duration>,
    cameras: Vec<CameraView>,
    zones: BTreeMap<String, Vec<(String, Polygon)>>,
    sensors: BTreeMap<String, SensorView>,
    told: VecDeque<(String, Sequence)>,
    stills: VecDeque<(u64, oneshot::Sender<Picture>)>,
    last_request: u64,
}

/// A window for a page, and the page's end of it.
pub fn open(config: &Config) -> (Window, Visitor, mpsc::Receiver<Ask>) {
    let (show, view) = watch::channel(Arc::new(Snapshot::default()));
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let window = Window {
        show,
        looked: None,
        cameras: config.cameras.iter().map(|camera| CameraView::new(&camera.id)).collect(),
        zones: zones(config),
        sensors: BTreeMap::new(),
        told: VecDeque::new(),
        stills: VecDeque::new(),
        last_request: FIRST_REQUEST,
    };
    (window, Visitor { asks, view }, asked)
}

fn zones(config: &Config) -> BTreeMap<String, Vec<(String, Polygon)>> {
    config.cameras.iter().map(|camera| (camera.id.clone(), camera.zones.clone())).collect()
}

// === impl Window ===

impl Window {
    /// Shows another configuration. What is known of its cameras stays; sensors show themselves with their next word.
    pub fn go_on_with(&mut self, config: &Config) {
        let mut known = std::mem::take(&mut self.cameras);
        for camera in &config.cameras {
            let at = known.iter().position(|view| view.id == camera.id);
            self.cameras.push(at.map_or_else(|| CameraView::new(&camera.id), |at| known.swap_remove(at)));
        }
        self.zones = zones(config);
        for (view, camera) in self.cameras.iter_mut().zip(&config.cameras) {
            view.visits
                .retain(|zone, _| zone.is_empty() || camera.zones.iter().any(|(name, _)| name == zone));
        }
        let place = |name: &str| {
            let id = name.split_once('/').map_or(name, |(id, _)| id);
            config.sensors.iter().position(|sensor| sensor.id == id)
        };
        self.sensors.retain(|name, view| {
            let at = place(name);
            view.config_index = at.unwrap_or_default();
            at.is_some()
        });
    }

    /// The page ends; whoever waits there for a still waits no longer.
    pub fn leave(&mut self) {
        self.stills.clear();
    }

    /// Somebody looks.
    pub fn look(&mut self, now: Moment) {
        self.looked = Some(now.mono);
    }

    /// Somebody has looked a moment ago.
    pub fn is_looked_through(&self, now: Moment) -> bool {
        self.looked.is_some_and(|looked| now.mono.saturating_sub(looked) < LOOKING)
    }

    /// Shows what is known.
    pub fn show(&self, now: Moment, judge: &Judge, tests: &TestMode) {
        let view = |incident: &Incident, is_closed| IncidentView {
            incident: incident.clone(),
            is_closed,
            told: self.told.iter().rev().find(|(id, _)| *id == incident.id).map(|(_, sequence)| *sequence),
        };
        let running = judge.open().iter().rev().map(|incident| (incident, false));
        let over = judge.closed().iter().rev().map(|incident| (incident, true));
        let mut newest: Vec<(&Incident, bool)> = running.chain(over).collect();
        newest.sort_by_key(|(incident, _)| std::cmp::Reverse(incident.opened));
        newest.truncate(INCIDENTS_MAX);
        self.show.send_replace(Arc::new(Snapshot {
            taken: Some(now.wall),
            cameras: self.cameras.clone(),
            sensors: self.sensors.clone(),
            incidents: newest.into_iter().map(|(incident, over)| view(incident, over)).collect(),
            tests: tests.running().collect(),
        }));
    }

    /// A camera's stream has changed.
    pub fn stream(&mut self, now: Moment, camera: &str, state: &StreamState) {
        let Some(view) = self.camera(camera) else { return };
        // A camera whose detector cannot be loaded has no stream.
        view.detector_fault = None;
        // A retry does not hide why the last one failed.
        if !matches!((state, &view.stream), (StreamState::Connecting, StreamState::Failed { .. })) {
            let same = std::mem::discriminant(&view.stream) == std::mem::discriminant(state);
            view.since = view.since.filter(|_| same).or(Some(now.wall));
            view.stream = state.clone();
        }
    }

    /// One analysed picture.
    pub fn observed(&mut self, now: Moment, seen: &Observation) {
        let Some(view) = self.cameras.iter_mut().find(|view| view.id == seen.camera) else { return };
        view.seen_at = Timestamp::from_millisecond(seen.received_unix_ms).ok().or(Some(now.wall));
        view.tracks.clone_from(&seen.tracks);
        let zones = self.zones.get(&seen.camera).map(Vec::as_slice).unwrap_or_default();
        for track in &seen.tracks {
            let [left, _, right, bottom] = track.area;
            // As rules do it: where it stands, and the lower edge belongs to the picture.
            let foot = (left.midpoint(right), bottom.min(0.999));
            let inside = zones.iter().filter(|(_, zone)| mask::contains(zone, foot)).map(|(name, _)| name);
            let visit = Visit { label: track.label.clone(), score: track.score, at: now.wall };
            for zone in inside {
                view.visits.insert(zone.clone(), visit.clone());
            }
            view.visits.insert(String::new(), visit);
        }
    }

    /// A camera's counters: whether it sleeps.
    pub fn counted(&mut self, counters: &CameraCounters) {
        if let Some(view) = self.camera(&counters.camera) {
            view.is_asleep = counters.is_asleep;
        }
    }

    /// How well cameras are.
    pub fn quality(&mut self, quality: &Quality) {
        for view in &mut self.cameras {
            view.defects = quality.told(&view.id);
            view.today = quality.rates(&view.id).0;
        }
    }

    /// A detector cannot be loaded.
    pub fn detector_failed(&mut self, config: &Config, detector: &str, message: &str) {
        for camera in config.cameras.iter().filter(|camera| camera.detector == detector) {
            if let Some(view) = self.camera(&camera.id) {
                view.detector_fault = Some(message.to_owned());
            }
        }
    }

    /// One reading.
    pub fn read(&mut self, reading: &Reading) {
        if !self.sensors.contains_key(&reading.sensor) && self.sensors.len() >= SENSORS_MAX {
            return;
        }
        let view = self.sensors.entry(reading.sensor.clone()).or_insert(SensorView {
            config_index: reading.config_index,
            value: None,
            battery: None,
            heard: reading.received,
        });
        view.heard = reading.received;
        match reading.quantity {
            Quantity::Value => view.value = Some(reading.value),
            Quantity::Battery => view.battery = Some(reading.value),
            _ => {}
        }
    }

    /// The outbox has taken these events.
    pub fn accepted(&mut self, events: &[NewEvent], sequences: &[Sequence]) {
        for (NewEvent { event: Event { correlationid, .. }, .. }, sequence) in events.iter().zip(sequences) {
            self.told.retain(|(id, _)| id != correlationid);
            self.told.push_back((correlationid.clone(), *sequence));
            if self.told.len() > TOLD_MAX {
                self.told.pop_front();
            }
        }
    }

    /// Notes a still that the page waits for, and returns the request for the camera's worker.
    ///
    /// Somebody who is logged in sees the whole picture, to aim the camera and to draw on it: nothing but heads, where a
    /// detector finds people, and masks is hidden.
    pub fn ask_for_still(&mut self, camera: &str, answer: oneshot::Sender<Picture>) -> Option<StillRequest> {
        self.last_request += 1;
        if self.stills.len() >= STILLS_MAX {
            self.stills.pop_front();
        }
        self.stills.push_back((self.last_request, answer));
        Some(StillRequest {
            request: self.last_request,
            camera: camera.to_owned(),
            picture: None,
            max_side_px: STILL_SIDE_PX,
            subjects: vec![[0.0, 0.0, 1.0, 1.0]],
        })
    }

    /// Hands a still to the visitor who asked for it; false where no visitor did.
    pub fn still(&mut self, request: u64, jpeg: Option<&Vec<u8>>, taken_unix_ms: i64) -> bool {
        if request < FIRST_REQUEST {
            return false;
        }
        let asked = self.stills.iter().position(|(waiting, _)| *waiting == request);
        let answer = asked.and_then(|index| self.stills.remove(index));
        if let (Some((_, answer)), Some(jpeg)) = (answer, jpeg) {
            let taken = Timestamp::from_millisecond(taken_unix_ms).unwrap_or_default();
            // Fails only where the visitor has gone.
            drop(answer.send(Picture { jpeg: jpeg.clone(), taken }));
        }
        true
    }

    fn camera(&mut self, id: &str) -> Option<&mut CameraView> {
        self.cameras.iter_mut().find(|view| view.id == id)
    }
}
