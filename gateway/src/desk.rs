//! The desk: the one task where everything that cameras and sensors say arrives, and where it is decided what leaves.
//!
//! A thin driver around [`Judge`]: it owns the clock, asks for stills, and hands events to the outbox together with the
//! state that goes with them. Events that the outbox cannot take now (a full or broken disk) wait here, at most
//! `UNACCEPTED_MAX`, and are offered again with every turn; the oldest that is no alarm goes first when they are too
//! many, counted as lost and declared when the outbox takes something again (`overflow`).

mod change;
mod evidence;
mod orders;
mod overflow;
mod quality;
mod visitors;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use moshao_config::Config;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::orders::StillAsked;
pub use self::orders::{Answer, Errand};
use self::overflow::Overflow;
use crate::clock::{Clock, Moment};
use crate::disposition::{self, Answer as Heard};
use crate::downlink;
use crate::event::{Phase, Stage, Verdict};
use crate::evidence::best::{BestStills, Still};
use crate::evidence::{Archive, ClipKept, Recorder, Wanted};
use crate::heartbeat::Heartbeat;
use crate::incident::Change;
use crate::incident::fusion::Places;
use crate::incident::tell::{new_id, tell};
use crate::judge::Judge;
use crate::metrics::Metrics;
use crate::outbox::{Class, NewEvent, Origin, OriginSource, OutboxHandle, SavedState, Site};
use crate::page::visitor;
use crate::page::window::Window;
use crate::rules::Source;
use crate::sensor::reading::Reading;
use crate::supervise::Workers;
use crate::test_mode::TestMode;
use crate::worker::ladder::Rung;
use crate::worker::link::{CameraCounters, FromWorker, Standing, StreamFault, StreamState};

/// Conditions that end by time alone are looked at this often.
const TICK: Duration = Duration::from_millis(250);
/// Old evidence is removed this often.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// Events that wait here while the outbox takes none.
const UNACCEPTED_MAX: usize = 1000;
/// Name of the judge's state in the outbox.
const STATE_KEY: &str = "incidents";

/// What the desk works with and is built anew with another configuration.
#[derive(Debug)]
pub struct Around {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// Where events go.
    pub outbox: OutboxHandle,
    /// Stills and clips.
    pub evidence: Archive,
    /// Makes clips.
    pub recorder: Recorder,
}

/// What the desk listens to.
#[derive(Debug)]
pub struct Ears {
    /// Camera workers.
    pub reports: mpsc::Receiver<FromWorker>,
    /// Sensors.
    pub readings: mpsc::Receiver<Reading>,
    /// The recorder.
    pub clips: mpsc::Receiver<ClipKept>,
    /// The local page.
    pub asks: mpsc::Receiver<visitor::Ask>,
}

/// The driver of the judge. See the module's text.
#[derive(Debug)]
pub struct Desk {
    config: Arc<Config>,
    clock: Clock,
    metrics: Arc<Metrics>,
    outbox: OutboxHandle,
    evidence: Archive,
    recorder: Recorder,
    workers: Workers,
    places: Places,
    judge: Judge,
    /// What the page sees.
    window: Window,
    tests: TestMode,
    wanted: Wanted,
    best: BestStills,
    /// Stills that commands wait for.
    stills_asked: Vec<StillAsked>,
    unaccepted: VecDeque<NewEvent>,
    overflow: Overflow,
    /// Dispositions that are done as soon as what they led to is on disk.
    answers: Vec<oneshot::Sender<()>>,
    /// The outbox refused the last time.
    refused: bool,
    /// What was last logged of each camera that fails: a fault is worth one line, not one a retry.
    failing: BTreeMap<String, StreamFault>,
    /// Turns since the state of cameras was shown.
    quality_shown: u32,
}

// === impl Desk ===

impl Desk {
    /// A desk that goes on with the incidents that the last run left open.
    pub async fn new(
        around: Around,
        (clock, metrics): (Clock, Arc<Metrics>),
        workers: Workers,
        window: Window,
    ) -> Self {
        let Around { config, outbox, evidence, recorder } = around;
        let mut judge = Judge::new(&config, Box::new(new_id));
        match outbox.load_state(STATE_KEY).await {
            Ok(Some(saved)) => match judge.restore(clock.now(), &saved) {
                Ok(()) => info!(open = judge.open().len(), "open incidents of the last run go on"),
                Err(error) => {
                    error!(%error, "the open incidents of the last run cannot be read and are forgotten")
                }
            },
            Ok(None) => {}
            Err(error) => {
                error!(%error, "the open incidents of the last run cannot be read and are forgotten")
            }
        }
        for camera in &config.cameras {
            metrics.camera.up.with_label_values(&[&camera.id]).set(0);
        }
        let places = Places::new(&config);
        let mut desk = Desk {
            config,
            clock,
            metrics,
            outbox,
            evidence,
            recorder,
            workers,
            places,
            judge,
            window,
            tests: TestMode::default(),
            wanted: Wanted::default(),
            best: BestStills::default(),
            stills_asked: Vec::new(),
            unaccepted: VecDeque::new(),
            overflow: Overflow::default(),
            answers: Vec::new(),
            refused: false,
            failing: BTreeMap::new(),
            quality_shown: 0,
        };
        desk.load_quality().await;
        desk.note_open();
        desk
    }

    /// Works until it is to `leave`, or until both sources have ended and all that they had said is in the outbox.
    pub async fn run(
        &mut self,
        ears: &mut Ears,
        mut dispositions: mpsc::Receiver<downlink::Disposition>,
        mut errands: mpsc::Receiver<Errand>,
        leave: CancellationToken,
    ) {
        let Ears { reports, readings, clips, asks } = ears;
        let mut heartbeat = Heartbeat::from_environment();
        let mut tick = interval_at(Instant::now() + TICK, TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut tidy = interval_at(Instant::now() + TIDY_EVERY, TIDY_EVERY);
        let (mut cameras_speak, mut sensors_speak, mut centre_speaks, mut page_asks) =
            (true, true, true, true);
        while cameras_speak || sensors_speak {
            // Sensors first: their alarms are few and final, pictures come again.
            tokio::select! {
                biased;
                () = leave.cancelled() => return self.leave().await,
                reading = readings.recv(), if sensors_speak => match reading {
                    Some(reading) => self.reading(&reading).await,
                    None => sensors_speak = false,
                },
                disposition = dispositions.recv(), if centre_speaks => match disposition {
                    Some(told) => self.dispose(told).await,
                    None => centre_speaks = false,
                },
                Some(errand) = errands.recv() => self.carry_out(errand).await,
                Some(kept) = clips.recv() => self.clip(kept).await,
                report = reports.recv(), if cameras_speak => match report {
                    Some(report) => self.report(report).await,
                    None => cameras_speak = false,
                },
                ask = asks.recv(), if page_asks => match ask {
                    Some(ask) => self.asked(ask),
                    None => page_asks = false,
                },
                _ = tick.tick() => {
                    self.tick().await;
                    let now = std::time::Instant::now();
                    heartbeat.beat(now);
                    self.metrics.pulse.turned(now);
                }
                _ = tidy.tick() => {
                    self.tidy();
                    self.keep_quality().await;
                }
            }
        }
        self.recorder.stop().await;
        while let Some(kept) = clips.recv().await {
            self.clip(kept).await;
        }
        self.offer().await;
        self.keep_quality().await;
    }

    async fn reading(&mut self, reading: &Reading) {
        let now = self.clock.now();
        self.window.read(reading);
        let changes = self.judge.reading(now, reading);
        self.tell(now, changes, None).await;
    }

    async fn dispose(&mut self, told: downlink::Disposition) {
        let now = self.clock.now();
        let downlink::Disposition { payload, done } = told;
        self.answers.push(done);
        let disposition = match disposition::parse(&payload) {
            Ok(disposition) => disposition,
            Err(error) => {
                self.metrics.incident.dispositions.with_label_values(&["refused", error.as_str()]).inc();
                warn!(%error, "a disposition of the centre is refused");
                self.offer().await;
                return;
            }
        };
        self.hold(&disposition);
        let (answer, changes) = self.judge.dispose(now, &disposition);
        let verdict = disposition.result.map_or("none", Verdict::as_str);
        self.metrics.incident.dispositions.with_label_values(&[answer.as_str(), verdict]).inc();
        if answer == Heard::Unknown {
            warn!(event = disposition.event_id, "the centre speaks of an incident that is not remembered");
        }
        if answer == Heard::Applied
            && let (Some(result), Some(change)) = (disposition.result, changes.first())
        {
            let rule = change.incident.rule.id.as_str();
            self.metrics.incident.rule_verdicts.with_label_values(&[rule, result.as_str()]).inc();
        }
        self.tell(now, changes, None).await;
        self.offer().await;
    }

    async fn report(&mut self, report: FromWorker) {
        let now = self.clock.now();
        match report {
            // Said before the camera left the configuration, heard after.
            late if self.is_of_nobody(&late) => {
                debug!("a late word of a camera that is not watched any more")
            }
            FromWorker::Hello { version } => {
                if version != env!("CARGO_PKG_VERSION") {
                    error!(
                        version,
                        "a camera worker of another version: the binary has been replaced, restart moshao"
                    );
                }
            }
            FromWorker::DetectorFailed { detector, message } => {
                self.window.detector_failed(&self.config, &detector, &message);
                error!(detector, "detector cannot be used, its cameras are not watched: {message}");
            }
            FromWorker::Observation(seen) => {
                let taken_s = seen.received_unix_ms as f64 / 1000.0;
                self.metrics.camera.last_picture.with_label_values(&[&seen.camera]).set(taken_s);
                self.window.observed(now, &seen);
                self.still_of(&seen);
                let changes = self.judge.observe(now, &seen);
                self.tell(now, changes, Some(seen.picture)).await;
                self.look_for_better(now, &seen);
            }
            FromWorker::Appearance { camera, appearance } => {
                let changes = self.judge.appearance(now, &camera, &appearance);
                self.tell(now, changes, None).await;
            }
            FromWorker::Stream { camera, state } => {
                self.note_stream(&camera, &state);
                self.window.stream(now, &camera, &state);
                let changes = self.judge.stream(now, &camera, &state);
                self.tell(now, changes, None).await;
            }
            FromWorker::MainStream { camera, state } => {
                self.note_main_stream(&camera, &state);
                let changes = self.judge.main_stream(now, &camera, &state);
                self.tell(now, changes, None).await;
            }
            FromWorker::Standing(standing) => {
                self.note_standing(&standing);
                let changes = self.judge.standing(now, &standing);
                self.tell(now, changes, None).await;
            }
            FromWorker::Still { request, jpeg, sharpness, taken_unix_ms, stream, .. } => {
                if self.window.still(request, jpeg.as_ref(), taken_unix_ms) {
                    return;
                }
                let still = jpeg.map(|jpeg| Still { jpeg, taken_unix_ms, stream });
                self.still(now, request, still, sharpness).await;
            }
            FromWorker::Reel { request, part } => self.recorder.part(request, part),
            FromWorker::Counters(counters) => {
                let is_clock_trusted = self.metrics.machine.clock_trusted.get() == 1;
                let mut changes = Vec::new();
                for counter in &counters {
                    if !self.knows(&counter.camera) {
                        continue;
                    }
                    count(&self.metrics, counter);
                    self.window.counted(counter);
                    changes.extend(self.judge.counted(now, counter, is_clock_trusted));
                }
                self.tell(now, changes, None).await;
            }
        }
    }

    async fn tick(&mut self) {
        let now = self.clock.now();
        self.end_tests(now);
        self.still_overdue(now);
        self.tell_better(now).await;
        let changes = self.judge.tick(now);
        self.metrics.incident.findings_muted.inc_by(self.judge.take_muted());
        self.tell(now, changes, None).await;
        self.offer().await;
        self.show_quality();
        self.show(now);
    }

    /// Asks for the stills that the changes want, and hands their events to the outbox.
    async fn tell(&mut self, now: Moment, changes: Vec<Change>, picture: Option<u64>) {
        if changes.is_empty() {
            return;
        }
        for change in &changes {
            info!(
                incident = change.incident.id,
                phase = ?change.phase,
                code = change.incident.rule.code,
                level = change.incident.level,
                source = ?change.source,
                note = change.note,
                "{}",
                change.incident.rule.title
            );
            for camera in &change.look_at {
                self.look(camera);
            }
            if change.phase == Phase::Escalated {
                self.metrics.incident.escalated.inc();
            }
            self.ask_for_evidence(change, picture);
        }
        let events = changes.iter().map(|change| self.new_event(now, change));
        let events: Vec<NewEvent> = events.collect();
        self.unaccepted.extend(events);
        self.note_open();
        self.offer().await;
    }

    fn new_event(&self, now: Moment, change: &Change) -> NewEvent {
        let telling = tell(&self.config, now, change);
        let source = match change.source {
            Source::Camera(_) => OriginSource::Picture,
            // Nobody waits for a reading here; of the gateway's own health there is no beginning to be timed.
            Source::Sensor(_) | Source::Gateway(_) => OriginSource::Reading,
        };
        // Only a beginning has a picture or reading that somebody waits for.
        let origin = matches!(change.phase, Phase::Opened | Phase::Confirmed | Phase::Reopened)
            .then_some(Origin { source, unix_ms: change.origin_unix_ms });
        let class = if change.incident.level <= 2 { Class::Alarm } else { Class::Event };
        NewEvent { class, topic: telling.topic, event: telling.event, origin }
    }

    /// A sensor in the sight of this camera alarms: it is woken and looked at closely.
    fn look(&self, camera: &str) {
        self.look_for(camera, self.config.incidents.look_for);
    }

    fn look_for(&self, camera: &str, lasting: Duration) {
        if !self.workers.look(camera, lasting) {
            self.metrics.evidence.missed.with_label_values(&["worker-busy"]).inc();
            warn!(camera, "the camera's worker cannot be asked to look now");
        }
    }

    fn note_open(&self) {
        let open = self.judge.open();
        self.metrics.incident.open.set(open.len() as i64);
        let waiting = open.iter().filter(|incident| incident.stage == Stage::Open && incident.level <= 3);
        self.metrics.incident.unacknowledged.set(waiting.count() as i64);
    }

    /// Offers what waits to the outbox, together with the state that it led to.
    async fn offer(&mut self) {
        if self.unaccepted.is_empty() {
            self.answer();
            return;
        }
        let state = SavedState { key: STATE_KEY.to_owned(), value: self.judge.save() };
        let declaration = self.overflow.declaration(&Site::of(&self.config), self.clock.now().wall);
        let events: Vec<NewEvent> = declaration.into_iter().chain(self.unaccepted.iter().cloned()).collect();
        match self.outbox.accept(events, Some(state)).await {
            Ok(sequences) => {
                let declared = sequences.len() - self.unaccepted.len();
                self.window.accepted(self.unaccepted.make_contiguous(), &sequences[declared..]);
                self.unaccepted.clear();
                self.overflow.declared();
                self.answer();
                if std::mem::take(&mut self.refused) {
                    info!("the outbox takes events again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.refused, true) {
                    error!(%error, waiting = self.unaccepted.len(), "the outbox takes no events, they wait in memory");
                }
                while self.unaccepted.len() > UNACCEPTED_MAX {
                    let least = self.unaccepted.iter().position(|new| new.class == Class::Event).unwrap_or(0);
                    if let Some(lost) = self.unaccepted.remove(least) {
                        self.overflow.lose(lost.class, self.clock.now().wall);
                    }
                    self.metrics.events.lost.with_label_values(&["storage"]).inc();
                }
            }
        }
    }

    /// What the centre waits for is on disk.
    fn answer(&mut self) {
        for done in self.answers.drain(..) {
            if done.send(()).is_err() {
                debug!("the connection that brought a disposition has gone; it will come again");
            }
        }
    }

    fn note_stream(&mut self, camera: &str, state: &StreamState) {
        let up = matches!(state, StreamState::Live { .. });
        self.metrics.camera.up.with_label_values(&[camera]).set(i64::from(up));
        match state {
            StreamState::Connecting => {}
            StreamState::Live { codec, width, height } => {
                self.failing.remove(camera);
                info!(camera, codec, width, height, "pictures flow");
            }
            StreamState::Failed { fault, message, retry_in } => {
                self.metrics.camera.faults.with_label_values(&[camera, fault.as_str()]).inc();
                let retry_s = retry_in.as_secs_f64();
                if self.failing.insert(camera.to_owned(), *fault) == Some(*fault) {
                    debug!(camera, fault = fault.as_str(), retry_s, "{message}");
                } else {
                    warn!(camera, fault = fault.as_str(), retry_s, "{message}");
                }
            }
        }
    }

    fn note_main_stream(&self, camera: &str, state: &StreamState) {
        let up = matches!(state, StreamState::Live { .. });
        self.metrics.camera.main_up.with_label_values(&[camera]).set(i64::from(up));
        match state {
            StreamState::Connecting => {}
            StreamState::Live { codec, width, height } => {
                info!(camera, codec, width, height, "main stream flows")
            }
            StreamState::Failed { fault, message, retry_in } => {
                let retry_s = retry_in.as_secs_f64();
                debug!(camera, fault = fault.as_str(), retry_s, "main stream: {message}");
            }
        }
    }

    fn note_standing(&self, standing: &Standing) {
        let Standing { worker, rung, set_aside, .. } = standing;
        let worker = worker.as_str();
        self.metrics.worker.rung.with_label_values(&[worker]).set(*rung as i64);
        self.metrics.worker.set_aside.with_label_values(&[worker]).set(set_aside.len() as i64);
        if *rung != Rung::Full {
            self.metrics.worker.steps.with_label_values(&[worker, rung.as_str()]).inc();
        }
    }
}

fn count(metrics: &Metrics, counted: &CameraCounters) {
    let camera = &[counted.camera.as_str()];
    metrics.camera.received_bytes.with_label_values(camera).inc_by(counted.bytes);
    metrics.camera.main_received_bytes.with_label_values(camera).inc_by(counted.main_bytes);
    metrics.camera.access_units.with_label_values(camera).inc_by(counted.access_units);
    metrics.camera.decoded.with_label_values(camera).inc_by(counted.decoded);
    metrics.camera.inferred.with_label_values(camera).inc_by(counted.inferred);
    metrics.camera.lost_packets.with_label_values(camera).inc_by(counted.lost_packets);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "replaced"]).inc_by(counted.replaced);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "behind"]).inc_by(counted.skipped);
    metrics.camera.dropped.with_label_values(&[&counted.camera, "overload"]).inc_by(counted.passed_over);
    metrics.camera.decode_seconds.with_label_values(camera).inc_by(counted.decode_busy.as_secs_f64());
    metrics.camera.infer_seconds.with_label_values(camera).inc_by(counted.infer_busy.as_secs_f64());
    count_gate(metrics, counted);
}

fn count_gate(metrics: &Metrics, counted: &CameraCounters) {
    let camera = &[counted.camera.as_str()];
    metrics.camera.looks.with_label_values(camera).inc_by(counted.looks);
    metrics.camera.awake_seconds.with_label_values(camera).inc_by(counted.awake.as_secs_f64());
    metrics.camera.asleep.with_label_values(camera).set(i64::from(counted.is_asleep));
    for (reason, times) in &counted.wakes {
        metrics.camera.wakes.with_label_values(&[camera[0], reason.as_str()]).inc_by(*times);
    }
    let decoded = metrics.camera.decoded.with_label_values(camera).get();
    let busy_s = metrics.camera.decode_seconds.with_label_values(camera).get();
    let mean_s = busy_s / decoded.max(1) as f64;
    let saved_s = counted.spared as f64 * mean_s - counted.look_busy.as_secs_f64();
    metrics.camera.decode_saved_seconds.with_label_values(camera).inc_by(saved_s.max(0.0));
}
