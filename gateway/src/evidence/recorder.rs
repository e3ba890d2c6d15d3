//! The recorder: makes clips out of what the workers' reels hold, without holding up anybody.
//!
//! A task of its own. It asks a worker for a part only when the part before is on disk, so that a slow disk costs
//! memory nowhere; it writes in the runtime's threads for blocking work. What is kept goes to the desk, which tells it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::archive::Archive;
use super::clip::{Clip, End};
use super::film::{Film, FilmError};
use super::store::{Salvaged, Store, StoreError, Unfinished};
use crate::clock::Clock;
use crate::event::Evidence;
use crate::metrics::Metrics;
use crate::rules::Source;
use crate::supervise::Requests;
use crate::worker::link::{ReelPart, ReelRequest, ToWorker};
use crate::worker::reel;

/// Clips recorded at the same time. Beyond it none is begun.
const CLIPS_MAX: usize = 16;
/// Orders and parts that wait for the recorder; beyond it an order is refused, and a part is asked for again.
const MESSAGES: usize = 64;
/// How often it looks what is due.
const TICK: Duration = Duration::from_millis(100);

/// A clip that is wanted.
#[derive(Debug)]
pub struct Order {
    /// Incident that it belongs to.
    pub incident: String,
    /// The device that caused it.
    pub source: Source,
    /// The camera to record.
    pub camera: String,
    /// Where it begins, by the time of receipt, milliseconds since the Unix epoch; at the key frame before.
    pub from_unix_ms: i64,
    /// Where it ends.
    pub until_unix_ms: i64,
    /// Told when it is kept, or why there is none. Without it the desk is told.
    pub answer: Option<oneshot::Sender<Result<Evidence, String>>>,
}

/// A clip that is on disk.
#[derive(Debug)]
pub struct ClipKept {
    /// Incident that it belongs to.
    pub incident: String,
    /// The device that caused it.
    pub source: Source,
    /// What events say of it.
    pub evidence: Evidence,
}

/// The recorder as others see it.
#[derive(Debug, Clone)]
pub struct Recorder {
    messages: mpsc::Sender<Message>,
    reach: Duration,
}

#[derive(Debug)]
enum Message {
    Order(Order),
    Part { request: u64, part: ReelPart },
    Workers(Requests),
    Stop,
}

/// A recorder, not yet running.
#[derive(Debug)]
pub struct Recording {
    store: Store,
    requests: Requests,
    metrics: Arc<Metrics>,
    clock: Clock,
    messages: mpsc::Receiver<Message>,
    kept: mpsc::Sender<ClipKept>,
    clips: BTreeMap<u64, Tape>,
    /// Number of the latest clip and of the latest request.
    last: u64,
}

/// A clip and its file.
#[derive(Debug)]
struct Tape {
    clip: Clip,
    /// Number of the request that is being answered.
    request: u64,
    file: Option<TapeFile>,
    taken: Option<Timestamp>,
}

/// A clip's file, moved to where blocking is allowed and back.
struct TapeFile {
    film: Film<BufWriter<File>>,
    unfinished: Unfinished,
}

/// A clip's file cannot be written.
#[derive(Debug, thiserror::Error)]
enum TapeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a clip cannot be written: {0}; check free space and permissions of gateway.data_dir")]
    Film(#[from] FilmError),
    #[error("the thread that wrote a clip has failed")]
    Thread,
}

// === impl Recorder ===

impl Recorder {
    /// A recorder that keeps its clips in `archive` and tells them to `kept`.
    pub fn new(
        archive: &Archive,
        requests: Requests,
        metrics: Arc<Metrics>,
        clock: Clock,
        kept: mpsc::Sender<ClipKept>,
    ) -> (Self, Recording) {
        let store = archive.store().clone();
        let reach = archive.policy().pre_roll + reel::LATE;
        let (sender, messages) = mpsc::channel(MESSAGES);
        let clips = BTreeMap::new();
        let recording = Recording { store, requests, metrics, clock, messages, kept, clips, last: 0 };
        (Recorder { messages: sender, reach }, recording)
    }

    /// Orders a clip. Another one of the same camera for the same incident that is still being recorded becomes longer
    /// instead. False when too many wait.
    pub fn order(&self, order: Order) -> bool {
        self.messages.try_send(Message::Order(order)).is_ok()
    }

    /// How far back a clip can begin.
    pub fn reach(&self) -> Duration {
        self.reach
    }

    /// Cameras have other workers from now on; clips that are being recorded go on.
    pub async fn change_workers(&self, requests: Requests) {
        // Where it is gone already, nothing is recorded any more.
        drop(self.messages.send(Message::Workers(requests)).await);
    }

    /// Has all clips ended where they are, and kept.
    pub async fn stop(&self) {
        // Where it is gone already, there is nothing to end.
        drop(self.messages.send(Message::Stop).await);
    }

    /// A part that a worker has sent. One that finds no room is asked for again.
    pub fn part(&self, request: u64, part: ReelPart) {
        if self.messages.try_send(Message::Part { request, part }).is_err() {
            debug!(request, "the recorder is behind; the part will be asked for again");
        }
    }
}

// === impl Recording ===

impl Recording {
    /// Records until it is told to stop; then ends all clips where they are and keeps them.
    pub async fn run(mut self) {
        self.salvage().await;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                message = self.messages.recv() => match message {
                    Some(Message::Order(order)) => self.begin(order),
                    Some(Message::Part { request, part }) => self.hear(request, part).await,
                    Some(Message::Workers(requests)) => self.requests = requests,
                    Some(Message::Stop) | None => break,
                },
                _ = tick.tick() => self.tick().await,
            }
        }
        let numbers: Vec<u64> = self.clips.keys().copied().collect();
        for number in numbers {
            self.end(number, End::Stopping).await;
        }
    }

    /// Completes what the last run left unfinished.
    async fn salvage(&mut self) {
        let salvaged = match self.store.salvage() {
            Ok(salvaged) => salvaged,
            Err(error) => return warn!(%error, "unfinished clips of the last run could not be looked at"),
        };
        for Salvaged { incident, camera, stored } in salvaged {
            info!(incident, camera, "a clip that the last run left unfinished is kept as far as it came");
            let evidence = Evidence {
                camera: Some(camera.clone()),
                cut: End::Stopping.cut().map(str::to_owned),
                ..stored.evidence(false, self.clock.now().wall, self.store.zone())
            };
            self.metrics.evidence.clips.inc();
            let source = Source::Camera(camera);
            drop(self.kept.send(ClipKept { incident, source, evidence }).await);
        }
    }

    fn begin(&mut self, order: Order) {
        let now = self.clock.now();
        let now_unix_ms = now.wall.as_millisecond();
        let same = |tape: &&mut Tape| {
            let of = &tape.clip.order;
            of.answer.is_none() && of.incident == order.incident && of.camera == order.camera
        };
        if let Some(tape) = self.clips.values_mut().find(same).filter(|_| order.answer.is_none()) {
            tape.clip.extend(order.until_unix_ms, now.mono, now_unix_ms);
            return;
        }
        if self.clips.len() >= CLIPS_MAX {
            self.metrics.evidence.missed.with_label_values(&["too-many-clips"]).inc();
            warn!(
                camera = order.camera,
                limit = CLIPS_MAX,
                "too many clips at once, this one is not recorded"
            );
            answer(order.answer, Err(format!("{CLIPS_MAX} clips are being recorded already")));
            return;
        }
        self.last += 1;
        let clip = Clip::new(order, now.mono, now_unix_ms);
        self.clips.insert(self.last, Tape { clip, request: 0, file: None, taken: None });
    }

    async fn tick(&mut self) {
        let now = self.clock.now().mono;
        let numbers: Vec<u64> = self.clips.keys().copied().collect();
        for number in numbers {
            let Some(tape) = self.clips.get_mut(&number) else { continue };
            if let Some(end) = tape.clip.overdue(now) {
                self.end(number, end).await;
            } else if let Some(from) = tape.clip.ask(now) {
                self.last += 1;
                tape.request = self.last;
                let camera = tape.clip.order.camera.clone();
                let request = ReelRequest { request: self.last, camera: camera.clone(), from };
                if !self.requests.send(&camera, ToWorker::ReadReel(request)) {
                    tape.clip.not_sent(now);
                }
            }
        }
    }

    async fn hear(&mut self, request: u64, part: ReelPart) {
        let now = self.clock.now().mono;
        let asked = |(_, tape): &(&u64, &mut Tape)| tape.request == request;
        let Some((&number, tape)) = self.clips.iter_mut().find(asked) else { return };
        // What is asked for twice may come twice.
        tape.request = 0;
        let sample_entry = match &part {
            ReelPart::Film { sample_entry, .. } => sample_entry.clone(),
            ReelPart::Over(_) => Vec::new(),
        };
        let step = tape.clip.hear(now, part);
        if let Some(first) = step.pictures.first().filter(|_| tape.taken.is_none()) {
            tape.taken = Timestamp::from_millisecond(first.received_unix_ms).ok();
        }
        if !step.pictures.is_empty() {
            let (file, store) = (tape.file.take(), self.store.clone());
            let (incident, camera) = (tape.clip.order.incident.clone(), tape.clip.order.camera.clone());
            let written = tokio::task::spawn_blocking(move || {
                let mut file = match file {
                    Some(file) => file,
                    None => TapeFile::create(&store, &incident, &camera, &sample_entry)?,
                };
                for picture in step.pictures {
                    file.film.push(picture)?;
                }
                Ok::<_, TapeError>(file)
            });
            match written.await.unwrap_or(Err(TapeError::Thread)) {
                Ok(file) => tape.file = Some(file),
                Err(error) => return self.lose(number, "disk", &error.to_string()),
            }
        }
        match step.end {
            Some(end) => self.end(number, end).await,
            None => self.tick().await,
        }
    }

    /// Ends a clip and keeps what there is of it.
    async fn end(&mut self, number: u64, end: End) {
        let Some(file) = self.clips.get_mut(&number).and_then(|tape| tape.file.take()) else {
            let why = end.cut().unwrap_or("none within its time");
            return self.lose(number, "no-film", &format!("the camera has no pictures to record: {why}"));
        };
        let store = self.store.clone();
        let finished = tokio::task::spawn_blocking(move || {
            let (out, length) = file.film.finish()?;
            let out = out.into_inner().map_err(|error| FilmError::Io(error.into_error()))?;
            Ok::<_, TapeError>((store.finish(file.unfinished, &out)?, length))
        });
        let (stored, length) = match finished.await.unwrap_or(Err(TapeError::Thread)) {
            Ok(finished) => finished,
            Err(error) => return self.lose(number, "disk", &error.to_string()),
        };
        let Some(Tape { clip, taken, .. }) = self.clips.remove(&number) else { return };
        let Order { incident, source, camera, answer: asked, .. } = clip.order;
        let evidence = Evidence {
            seconds: Some(length.as_secs_f64()),
            camera: Some(camera.clone()),
            cut: end.cut().map(str::to_owned),
            ..stored.evidence(false, taken.unwrap_or(self.clock.now().wall), self.store.zone())
        };
        self.metrics.evidence.clips.inc();
        info!(incident, camera, length_s = length.as_secs_f64(), cut = end.cut(), "a clip is kept");
        match asked {
            Some(asked) => answer(Some(asked), Ok(evidence)),
            None => drop(self.kept.send(ClipKept { incident, source, evidence }).await),
        }
    }

    /// There is no clip, and why.
    fn lose(&mut self, number: u64, reason: &str, message: &str) {
        let Some(tape) = self.clips.remove(&number) else { return };
        self.metrics.evidence.missed.with_label_values(&[reason]).inc();
        let order = tape.clip.order;
        warn!(incident = order.incident, camera = order.camera, "no clip: {message}");
        answer(order.answer, Err(message.to_owned()));
    }
}

// === impl TapeFile ===

impl TapeFile {
    fn create(store: &Store, incident: &str, camera: &str, sample_entry: &[u8]) -> Result<Self, TapeError> {
        let (unfinished, file) = store.begin(incident, camera)?;
        let film = Film::new(BufWriter::new(file), sample_entry)?;
        Ok(TapeFile { film, unfinished })
    }
}

impl std::fmt::Debug for TapeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TapeFile").field("unfinished", &self.unfinished).finish_non_exhaustive()
    }
}

fn answer(asked: Option<oneshot::Sender<Result<Evidence, String>>>, with: Result<Evidence, String>) {
    if let Some(asked) = asked
        && asked.send(with).is_err()
    {
        debug!("whoever asked for a clip has gone");
    }
}
