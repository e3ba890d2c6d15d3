//! The camera worker: the child process that turns access units into observations. Read [`run`] first.
//!
//! ```text
//!  main thread (current-thread runtime)            decode thread               inference thread
//!  link ◀──────────── reports ◀──────────────────────────────────────────────── observations
//!  sources: one RTSP session a camera ──▶ Units ──▶ gate, decoder a camera ──▶ Slots ──▶ detector, tracker
//!  stills thread ◀── requests                ▲                                          │
//!        │                                   └──────────── what was found ◀─────────────┤
//!        └───────────────── last analysed pictures ◀────────────────────────────────────┘
//! ```
//!
//! An `eye::Eye` lets its camera sleep while nothing moves: access units go into a ring, and key frames are looked at
//! by a `looker::Looker` that all sleeping cameras share (`lid::Lid`). A camera that wakes gets a decoder of its own (`sight::Sight`)
//! and looks back to the last quiet key frame, as fast as the detector takes the pictures, before it goes on live. Where the
//! detector is too slow for that, newer pictures take the place of older ones, as they do live; where the decoder is, what
//! lies before the newest key frame is left out and counted as skipped.
//!
//! Beside all that, `reel::Reels` hold what came of late from each camera, asleep or awake: the parent reads clips from
//! them.
//!
//! `units::Units` is a bounded queue for each camera: when the decoder is behind, access units are thrown away up to
//! the next key frame and counted as skipped. `slots::Slots` hold one picture for each camera: a newer one replaces
//! one that nobody took, counted as replaced. Both are served camera by camera in turn, so that a busy camera never
//! starves the others; cameras that an alarm is linked to come first (`order::Order`). A worker that cannot do all gives
//! up one thing after the other, in the order of the table in [`ladder`].
//!
//! A camera may have a main stream beside the one that is looked at: it goes into a ring (`held::Held`), of which one
//! picture is decoded when a still is wanted.
//!
//! The process touches no disk (but for the model and ONNX Runtime) and no broker. It ends when its parent says so or
//! is gone, and when one of its threads is: a worker that cannot see must not look alive.

pub mod codec;
pub mod ladder;
pub mod link;
mod looks;

mod analysed;
mod balancing;
mod counters;
mod decoding;
pub(crate) mod detecting;
pub(crate) mod eye;
mod held;
mod lid;
pub(crate) mod looker;
pub(crate) mod mind;
mod order;
pub(crate) mod reel;
mod sight;
mod slots;
mod source;
mod stills;
mod thread;
mod units;
mod waiting;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use moshao_config::{Secret, StreamAddress};
use retina::client::SessionGroup;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span, warn};

use self::analysed::Analysed;
use self::balancing::Balance;
use self::codec::{LinkError, read_message, write_message};
use self::counters::Counters;
use self::eye::Due;
use self::held::Held;
use self::link::{Assignment, CameraJob, FromWorker, ReelEnd, ReelPart, ReelRequest, ToWorker};
use self::order::Order;
use self::reel::Reels;
use self::slots::Slots;
use self::source::{Outlet, Source};
use self::thread::Thread;
use self::units::Units;
use crate::camera::decode::{self, DecodeError};
use crate::camera::rtsp::Endpoint;

/// Reports waiting for the link. The inference thread waits when it is full, and the pictures that it does not take
/// meanwhile are replaced and counted.
const REPORTS_MAX: usize = 64;
/// How often counters are reported.
const COUNTERS_EVERY: Duration = Duration::from_secs(1);
/// How long the sessions may take to be closed at the end.
const TEARDOWN_MAX: Duration = Duration::from_secs(3);

/// Why a worker ended otherwise than as asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The link broke or made no sense.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The first message was not [`ToWorker::Start`], or another one followed.
    #[error("the parent broke the order of messages: {0}")]
    Order(&'static str),
    /// FFmpeg cannot be used.
    #[error(transparent)]
    Decoder(#[from] DecodeError),
    /// A thread could not be started, or the runtime.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// A camera's URL does not parse.
    #[error("camera {camera}: url does not parse: {error}")]
    Url {
        /// Camera id.
        camera: String,
        /// What is wrong with it.
        error: url::ParseError,
    },
    /// A thread is gone.
    #[error("the {0} thread ended unexpectedly")]
    ThreadGone(&'static str),
}

/// One camera as all threads of the worker see it.
#[derive(Debug)]
struct Camera {
    job: CameraJob,
    endpoint: Endpoint,
    /// The main stream, where it has one.
    main: Option<Endpoint>,
    counters: Counters,
    /// When the key frame was received up to which it is sure that there was nothing, milliseconds since the Unix epoch.
    quiet_unix_ms: AtomicI64,
    /// Ends its sessions: it is not watched any more.
    dropped: CancellationToken,
}

/// Lives a worker's life at its end of the link: from [`FromWorker::Hello`] until the parent says stop or is gone.
///
/// # Errors
/// Why it ended otherwise.
pub async fn run(link: UnixStream) -> Result<(), WorkerError> {
    decode::init()?;
    let (mut from_parent, to_parent) = link.into_split();
    let (reports, queue) = mpsc::channel(REPORTS_MAX);
    let writer = tokio::spawn(write_reports(queue, to_parent));
    let hello = FromWorker::Hello { version: env!("CARGO_PKG_VERSION").to_owned() };
    drop(reports.send(hello).await);

    let assignment = match read_message(&mut from_parent).await? {
        Some(ToWorker::Start(assignment)) => *assignment,
        Some(_) => return Err(WorkerError::Order("Start comes first")),
        None => return Ok(()),
    };
    let watch = Watch::start(assignment, &reports).await?;
    let ended = loop {
        tokio::select! {
            biased;
            name = watch.thread_gone() => break Err(WorkerError::ThreadGone(name)),
            message = read_message(&mut from_parent) => match message {
                Ok(Some(ToWorker::TakeStill(request))) => watch.stills.request(request).await,
                Ok(Some(ToWorker::ReadReel(request))) => drop(reports.send(watch.read_reel(request)).await),
                Ok(Some(ToWorker::Look { camera, lasting })) => watch.look(&camera, lasting),
                Ok(Some(ToWorker::Drop { camera })) => watch.drop_camera(&camera),
                Ok(Some(ToWorker::Stop)) => { info!("asked to stop"); break Ok(()) }
                Ok(Some(ToWorker::Start(_))) => break Err(WorkerError::Order("Start comes once")),
                Ok(None) => { warn!("the parent is gone, stopping"); break Ok(()) }
                // It left something unread: gone all the same.
                Err(error) if error.is_end() => { warn!("the parent is gone, stopping"); break Ok(()) }
                Err(error) => break Err(error.into()),
            }
        }
    };
    watch.stop().await;
    drop(reports);
    // What has been seen is said before the end, as far as the parent still listens.
    drop(timeout(Duration::from_millis(200), writer).await);
    ended
}

/// Everything that runs while cameras are watched.
struct Watch {
    cameras: Arc<[Camera]>,
    sources: JoinSet<()>,
    stop: CancellationToken,
    groups: Vec<Arc<SessionGroup>>,
    order: Arc<Order>,
    units: Arc<Units>,
    reels: Arc<Reels>,
    pictures: Arc<Slots<Due>>,
    stills: stills::Desk,
    threads: Vec<Thread>,
}

// === impl Watch ===

impl Watch {
    /// Loads the detectors and starts everything, in the order of the data from its end to its beginning.
    async fn start(assignment: Assignment, reports: &mpsc::Sender<FromWorker>) -> Result<Self, WorkerError> {
        let Assignment { worker, detectors: wanted, cameras: mut jobs, pre_roll } = assignment;
        let loaded = tokio::task::spawn_blocking(move || detecting::load(&wanted))
            .await
            .map_err(|_| WorkerError::ThreadGone("loading"))?;
        for (detector, message) in loaded.failed {
            warn!(detector, message, "detector cannot be used, its cameras stay unwatched");
            drop(reports.send(FromWorker::DetectorFailed { detector, message }).await);
        }
        // Watching a camera that nothing looks at would only cost.
        let usable: HashSet<&str> = loaded.detectors.keys().map(String::as_str).collect();
        jobs.retain(|job| usable.contains(job.detector.as_str()));
        let cameras: Arc<[Camera]> = jobs.into_iter().map(Camera::new).collect::<Result<_, _>>()?;

        let order = Arc::new(Order::new(cameras.iter().map(|camera| camera.job.priority)));
        let units = Arc::new(Units::new(cameras.len(), order.clone()));
        let reels = Arc::new(Reels::new(cameras.len(), pre_roll));
        let pictures = Arc::new(Slots::new(cameras.len(), order.clone()));
        let analysed = Arc::new(Analysed::new(cameras.len()));
        let held = Arc::new(Held::new(cameras.len()));
        let shelf = stills::Shelf {
            cameras: cameras.clone(),
            order: order.clone(),
            analysed: analysed.clone(),
            reels: reels.clone(),
            held: held.clone(),
        };
        let (stills, stills_thread) = stills::Desk::open(shelf, reports.clone())?;
        let inference_thread = {
            let (cameras, pictures, reports) = (cameras.clone(), pictures.clone(), reports.clone());
            let units = units.clone();
            Thread::spawn("inference", move || {
                detecting::run(&cameras, loaded.detectors, &pictures, &units, &analysed, &reports);
            })?
        };
        let decode_thread = {
            let (cameras, units, pictures) = (cameras.clone(), units.clone(), pictures.clone());
            let (order, reports) = (order.clone(), reports.clone());
            Thread::spawn("decode", move || decoding::run(&cameras, &units, &pictures, &order, &reports))?
        };

        let stop = CancellationToken::new();
        let mut groups: HashMap<String, Arc<SessionGroup>> = HashMap::new();
        let mut sources = JoinSet::new();
        for (index, camera) in cameras.iter().enumerate() {
            let watched =
                Some((&camera.endpoint, Outlet::Watched { units: units.clone(), reels: reels.clone() }));
            let main = camera.main.as_ref().map(|main| (main, Outlet::Main(held.clone())));
            for (endpoint, outlet) in [watched, main].into_iter().flatten() {
                // One group a host: sessions that a recorder still holds open count against all of its channels.
                let host = endpoint.url.host_str().unwrap_or_default().to_owned();
                let group = groups.entry(host).or_default().clone();
                let span = info_span!("camera", id = camera.job.id);
                let source =
                    Source::new(cameras.clone(), index, group, outlet, reports.clone(), stop.clone());
                sources.spawn(source.run().instrument(span));
            }
        }
        sources.spawn(report_counters(cameras.clone(), order.clone(), reports.clone(), stop.clone()));
        let balance = Balance {
            worker,
            cameras: cameras.clone(),
            order: order.clone(),
            units: units.clone(),
            pictures: pictures.clone(),
            reports: reports.clone(),
        };
        sources.spawn(balance.run(stop.clone()));
        Ok(Self {
            cameras,
            sources,
            stop,
            groups: groups.into_values().collect(),
            order,
            units,
            reels,
            pictures,
            stills,
            threads: vec![stills_thread, inference_thread, decode_thread],
        })
    }

    /// Has a camera looked at closely for a while.
    fn look(&self, id: &str, lasting: Duration) {
        if let Some(camera) = self.cameras.iter().position(|camera| camera.job.id == id) {
            self.order.link(camera, lasting);
            self.units.hold(camera, lasting);
        }
    }

    /// Watches a camera no more. Its place stays empty: the others keep theirs.
    fn drop_camera(&self, id: &str) {
        if let Some(camera) = self.cameras.iter().find(|camera| camera.job.id == id) {
            info!(camera = id, "not watched here any more");
            camera.dropped.cancel();
        }
    }

    /// A part of a camera's reel.
    fn read_reel(&self, request: ReelRequest) -> FromWorker {
        match self.cameras.iter().position(|camera| camera.job.id == request.camera) {
            Some(camera) => self.reels.read(camera, request),
            // Its detector could not be loaded, so that it is not watched.
            None => FromWorker::Reel { request: request.request, part: ReelPart::Over(ReelEnd::NoFilm) },
        }
    }

    /// Resolves with the name of a thread that ended while all should run.
    async fn thread_gone(&self) -> &'static str {
        let gone = self.threads.iter().map(|thread| {
            Box::pin(async {
                thread.gone.cancelled().await;
                thread.name
            })
        });
        futures::future::select_all(gone).await.0
    }

    /// Stops in the order of the data: sources with their sessions, then what they feed.
    async fn stop(mut self) {
        self.stop.cancel();
        let closing = async {
            while self.sources.join_next().await.is_some() {}
            for group in &self.groups {
                if let Err(error) = group.await_teardown().await {
                    warn!(%error, "a session could not be closed; the camera will drop it by itself");
                }
            }
        };
        if timeout(TEARDOWN_MAX, closing).await.is_err() {
            warn!(limit_s = TEARDOWN_MAX.as_secs(), "sessions could not be closed in time");
        }
        self.units.close();
        self.pictures.close();
    }
}

// === impl Camera ===

impl Camera {
    fn new(job: CameraJob) -> Result<Self, WorkerError> {
        let endpoint = |url: &str, username: &Option<String>, password: &Option<Secret>| {
            let url = url.parse().map_err(|error| WorkerError::Url { camera: job.id.clone(), error })?;
            Ok::<_, WorkerError>(Endpoint {
                url,
                username: username.clone(),
                password: password.clone(),
                allow_basic: job.allow_basic,
                deadlines: job.deadlines,
            })
        };
        let main = |main: &StreamAddress| endpoint(&main.url, &main.username, &main.password);
        let main = job.main.as_ref().map(main).transpose()?;
        let endpoint = endpoint(&job.url, &job.username, &job.password)?;
        Ok(Self {
            job,
            endpoint,
            main,
            counters: Counters::default(),
            quiet_unix_ms: AtomicI64::default(),
            dropped: CancellationToken::new(),
        })
    }
}

/// Writes reports until all senders are gone or the link breaks; flushes whenever nothing more is waiting.
async fn write_reports(
    mut reports: mpsc::Receiver<FromWorker>,
    link: OwnedWriteHalf,
) -> Result<(), LinkError> {
    let mut link = BufWriter::new(link);
    while let Some(report) = reports.recv().await {
        write_message(&mut link, &report).await?;
        if reports.is_empty() {
            link.flush().await?;
        }
    }
    Ok(())
}

/// Reports the counters of all cameras each second.
async fn report_counters(
    cameras: Arc<[Camera]>,
    order: Arc<Order>,
    reports: mpsc::Sender<FromWorker>,
    stop: CancellationToken,
) {
    let mut tick = tokio::time::interval(COUNTERS_EVERY);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let watched = cameras.iter().enumerate().filter(|(_, camera)| !camera.dropped.is_cancelled());
        let counters = watched
            .map(|(index, camera)| camera.counters.take(&camera.job.id, order.is_asleep(index)))
            .collect();
        if reports.send(FromWorker::Counters(counters)).await.is_err() {
            return;
        }
    }
}
