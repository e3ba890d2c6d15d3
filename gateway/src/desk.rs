//! The desk: the one task where everything that cameras and sensors say arrives, and where it is decided what leaves.
//!
//! A thin driver around [`Judge`]: it owns the clock, asks for stills, and hands events to the outbox together with the
//! state that goes with them. What comes in from workers is in `report`, what leaves in `outgoing`.

mod change;
mod evidence;
mod orders;
mod outgoing;
mod overflow;
mod quality;
mod report;
mod visitors;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use moshao_config::Config;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::orders::StillAsked;
pub use self::orders::{Answer, Errand};
use self::overflow::Overflow;
use crate::clock::Clock;
use crate::disposition::{self, Answer as Heard};
use crate::downlink;
use crate::event::Verdict;
use crate::evidence::best::BestStills;
use crate::evidence::{Archive, ClipKept, Recorder, Wanted};
use crate::heartbeat::Heartbeat;
use crate::incident::fusion::Places;
use crate::incident::tell::new_id;
use crate::judge::Judge;
use crate::judge::saved::STATE_KEY;
use crate::metrics::Metrics;
use crate::outbox::{NewEvent, OutboxHandle};
use crate::page::visitor;
use crate::page::window::Window;
use crate::sensor::reading::Reading;
use crate::supervise::Workers;
use crate::test_mode::TestMode;
use crate::worker::link::{FromWorker, StreamFault};

/// Conditions that end by time alone are looked at this often.
const TICK: Duration = Duration::from_millis(250);
/// Old evidence is removed this often.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

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
    /// Epoch of the outbox that took the last events: in a new one some of the judge's state may be missing.
    epoch: Option<u64>,
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
        match outbox.load_states(STATE_KEY).await {
            Ok(saved) => {
                for error in judge.restore(clock.now(), &saved) {
                    error!(%error, "a part of what the last run left open cannot be read and is forgotten");
                }
                info!(open = judge.open().len(), "open incidents of the last run go on");
            }
            Err(error) => {
                error!(%error, "the open incidents of the last run cannot be read and are forgotten");
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
            epoch: None,
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
}
