//! The outbox: events that have been accepted and not yet acknowledged by the centre, on disk.
//!
//! # The promise
//! An event is *accepted* when [`OutboxHandle::accept`] returns: its transaction is committed and synced. From then on
//! it survives `kill -9`, a crash of the system and a power cut (on storage that honours a flush), and it stays until
//! [`OutboxHandle::delivered`] names it, which the uplink does on the event's own PUBACK. It is delivered at least once
//! and in the order of its class, or it is listed in a gap event. Nothing is lost silently.
//!
//! # What is stored
//! One SQLite file, `outbox.db`, with seven tables:
//!
//! | table | row |
//! |---|---|
//! | `outbox` | one waiting event: sequence, class, topic, JSON body, when it was accepted, what caused it and when |
//! | `gap` | one gap event that still waits, and which sequences it stands for |
//! | `state` | small values of other modules, committed together with the events that go with them |
//! | `aside` | one event that the centre refuses, out of the way until the next start |
//! | `kept` | one event that the centre has and a sink still wants (`sinks`) |
//! | `sink` | how far one sink has come |
//! | `meta` | the epoch |
//!
//! Sequences rise by one for each event of this gateway, over restarts too. A file that had to be replaced begins a
//! new *epoch*: its sequences start at `epoch * 10^12 + 1`, so that they never repeat an older file's.
//!
//! # Writing
//! One named thread owns the only connection. Alarms are committed at once, together with all that is queued at that
//! moment (*group commit*); other events wait up to 50 ms or for 32 rows (`group`). The connection runs in WAL mode
//! with `synchronous=FULL`: each commit is one sync of the log, before the caller gets its answer. Deletions of
//! delivered events ride along with the next commit, or go alone after a second; losing one only repeats an event,
//! which the centre removes by `(source, id)`. A killed process loses none: each is noted first (`notes`).
//!
//! # Full
//! The quota is a hard limit on the database file (`max_page_count`); the log beside it adds at most 4 MiB. Before
//! it is reached, the oldest events go, alarms last, and the same transaction writes a *gap event* that says
//! which sequences the centre will not see (`gap`).
//!
//! # Recovery
//! SQLite finds the last whole transaction by the checksums in its log (`log` makes sure that no accepted one lies
//! behind). The file is checked before it is trusted, each event has a `checksum` of its own, over all of its `row`. A
//! file that is damaged or no database is renamed to `outbox.db.corrupt-<epoch>`, and a new one begins with all that is
//! intact in it (`salvage`); a gap event says what is not. After an I/O error the handle is closed and opened anew, never used again:
//! what a failed sync has left in the system's memory is not to be trusted.
//!
//! While the storage takes nothing the outbox is *degraded* (`degraded`): [`Stats::fault`], a metric, `/healthz` and the
//! health message say so, and an event tells about it afterwards. A `reserve` lets a full disk take alarms for a while.
//!
//! # Time
//! The clock of a box may be wrong until it has heard from a time server; events accepted before get the right time when
//! they are read (`stamp`).

mod announce;
mod checksum;
mod degraded;
pub mod error;
mod gap;
mod group;
mod log;
mod notes;
mod open;
mod owner;
mod read;
mod reserve;
mod row;
mod salvage;
mod sequence;
mod sinks;
mod stamp;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::announce::Announcement;
pub use self::error::OutboxError;
use self::notes::Notes;
use self::owner::{Command, Owner};
pub(crate) use self::read::{Page, Wanted};
pub use self::sequence::Sequence;
pub use self::sinks::{SinkBatch, SinkDone, Subscription};
use self::store::{Entry, Store};
use crate::event::Event;
pub use crate::event::envelope::Site;
use crate::metrics::Metrics;

/// Largest event as JSON, bytes. Pictures do not belong into events.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Largest saved state of one key, bytes.
pub const MAX_STATE_BYTES: usize = 1024 * 1024;

/// Requests that wait for the owner thread, at most; then callers wait.
const QUEUE: usize = 256;

/// Where the outbox lives, how much it may take, and in whose name it declares losses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory of `outbox.db`; made if it is not there.
    pub directory: PathBuf,
    /// Most bytes of the database file.
    pub quota_bytes: u64,
    /// In whose name gap events speak.
    pub site: Site,
    /// Who reads besides the centre.
    pub sinks: Vec<Subscription>,
    /// Depth, age, bytes, commits, losses.
    pub metrics: Arc<Metrics>,
}

/// How urgent an event is. Alarms are committed at once, overtake the backlog, and are given up last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Somebody may be in danger.
    Alarm,
    /// Everything else.
    Event,
}

/// An event on its way into the outbox.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// How urgent it is.
    pub class: Class,
    /// Where it will be published.
    pub topic: String,
    /// The event. Its `sequence` is filled in by the outbox.
    pub event: Event,
    /// The picture or reading behind it, where there is one.
    pub origin: Option<Origin>,
}

/// What caused an event, for the time from there to the PUBACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// What it was.
    pub source: OriginSource,
    /// When it was received, milliseconds since the Unix epoch.
    pub unix_ms: i64,
}

/// What caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginSource {
    /// A camera picture.
    Picture,
    /// A sensor reading.
    Reading,
}

/// A value that another module wants back after a restart, committed together with events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedState {
    /// Name of the value.
    pub key: String,
    /// The value, at most [`MAX_STATE_BYTES`]; none takes away what there is.
    pub value: Option<Vec<u8>>,
}

/// An accepted event as it is read for publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub sequence: Sequence,
    /// How urgent it is.
    pub class: Class,
    /// Where to publish it.
    pub topic: String,
    /// The event as JSON.
    pub body: Vec<u8>,
    /// When it was accepted, milliseconds since the Unix epoch.
    pub accepted_unix_ms: i64,
    /// What caused it.
    pub origin: Option<Origin>,
}

/// How far a reader has come in each class. The default is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Last alarm read.
    pub alarm: Sequence,
    /// Last other event read.
    pub event: Sequence,
}

/// What [`open()`] found; nothing where the storage failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Events that wait from earlier runs.
    pub waiting: u64,
    /// The last run did not close the file.
    pub unclean_stop: bool,
    /// A damaged file has been put aside here; a gap event declares it.
    pub quarantined: Option<PathBuf>,
    /// Waiting events that were saved from it.
    pub salvaged: Option<u64>,
    /// 0 for the first file, one more for each that had to be replaced.
    pub epoch: u64,
}

/// State of the outbox after its last commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Events waiting, alarms included.
    pub depth: u64,
    /// Alarms waiting.
    pub alarms: u64,
    /// Waiting events that are set aside.
    pub aside: u64,
    /// When the oldest waiting event was accepted, milliseconds since the Unix epoch.
    pub oldest_unix_ms: Option<i64>,
    /// Pages in use, as bytes.
    pub used_bytes: u64,
    /// Events given up since the start, each declared by a gap event.
    pub evicted: u64,
    /// Last sequence accepted.
    pub last: Sequence,
    /// Last sequence of an alarm.
    pub last_alarm: Sequence,
    /// Why the outbox is degraded: nothing can be stored now, or only what the reserve allows; none while all is well.
    pub fault: Option<OutboxError>,
}

/// Opens the outbox and starts its owner thread.
///
/// Where the storage fails although there has been an outbox in this directory before, the outbox starts degraded: a
/// gateway that ended each time it starts would tell nobody why.
///
/// # Errors
/// Where the directory cannot be used, another process holds the file, or a new file cannot be made. A damaged file is
/// no error: it is put aside and declared.
pub fn open(settings: Settings) -> Result<(OutboxHandle, Recovered), OutboxError> {
    let (store, recovered) = match Store::open(&settings) {
        Ok((store, recovered)) => (Ok(store), recovered),
        Err(error) if error.is_passing() && Store::is_known(&settings.directory) => {
            tracing::error!(%error, "the outbox cannot be opened; it is tried again each second");
            (Err(error), Recovered::default())
        }
        Err(error) => return Err(error),
    };
    let (commands, queue) = mpsc::channel(QUEUE);
    let (stats_writer, stats) = watch::channel(store.as_ref().map(Store::stats).unwrap_or_default());
    let notes = store.as_ref().map(|store| Notes::open(&settings.directory, store.mark)).unwrap_or_default();
    Owner::new(settings, store, stats_writer).start(queue)?;
    Ok((OutboxHandle { commands, stats, notes }, recovered))
}

/// The outbox for the rest of the program. Clones share one owner thread; it ends when the last one is gone.
#[derive(Debug, Clone)]
pub struct OutboxHandle {
    commands: mpsc::Sender<Command>,
    stats: watch::Receiver<Stats>,
    notes: Notes,
}

// === impl OutboxHandle ===

impl OutboxHandle {
    /// Accepts events and states in one transaction; returns the events' sequences, in order, after the commit.
    ///
    /// # Errors
    /// Nothing has been accepted: too large, the disk is full, or it fails ([`OutboxError::reason`]).
    pub async fn accept(
        &self,
        events: Vec<NewEvent>,
        states: impl IntoIterator<Item = SavedState>,
    ) -> Result<Vec<Sequence>, OutboxError> {
        let handed_over = Instant::now();
        let entry = Entry::new(events, states.into_iter().collect())?;
        self.ask(|reply| Command::Accept { entry, handed_over, reply }).await?
    }

    /// Up to `limit` waiting events after the cursor, alarms first, each class in order.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn next(&self, after: Cursor, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        let wanted = Wanted { after, alarms: limit, events: limit, bytes: usize::MAX };
        let mut page = self.ask(|reply| Command::Next { wanted, reply }).await??;
        page.rows.truncate(limit);
        Ok(page.rows)
    }

    /// Asks for waiting events and does not wait for them: the owner answers between two commits.
    ///
    /// # Errors
    /// The owner thread is gone.
    pub(crate) async fn ask_for(
        &self,
        wanted: Wanted,
    ) -> Result<oneshot::Receiver<Result<Page, OutboxError>>, OutboxError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Next { wanted, reply };
        self.commands.send(command).await.map_err(|_| OutboxError::Closed)?;
        Ok(answer)
    }

    /// Those of the events that have not been delivered and not been given up.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn which_wait(&self, sequences: Vec<Sequence>) -> Result<Vec<Sequence>, OutboxError> {
        self.ask(|reply| Command::WhichWait { sequences, reply }).await?
    }

    /// Removes events that the centre's broker has acknowledged. They go with the next commit, within a second; from a
    /// process that is killed before they are gone all the same.
    ///
    /// # Errors
    /// The owner thread is gone.
    pub async fn delivered(&self, sequences: Vec<Sequence>) -> Result<(), OutboxError> {
        self.note(&sequences);
        self.commands.send(Command::Delivered(sequences)).await.map_err(|_| OutboxError::Closed)
    }

    /// Notes that these have been acknowledged; [`OutboxHandle::delivered`] follows. Of a process that is killed meanwhile
    /// they are gone all the same.
    pub(crate) fn note(&self, sequences: &[Sequence]) {
        self.notes.take(sequences);
    }

    /// Up to `limit` events that wait for this sink, alarms first, each class in order.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn sink_next(&self, sink: &str, limit: usize) -> Result<SinkBatch, OutboxError> {
        let sink = sink.to_owned();
        self.ask(|reply| Command::SinkNext { sink, limit, reply }).await?
    }

    /// A sink is done with the first events of its batch. They do not come again, and the place is on disk within a
    /// second.
    ///
    /// # Errors
    /// The owner thread is gone.
    pub async fn sink_done(&self, sink: &str, done: SinkDone) -> Result<(), OutboxError> {
        let command = Command::SinkDone { sink: sink.to_owned(), done };
        self.commands.send(command).await.map_err(|_| OutboxError::Closed)
    }

    /// Keeps an event that the centre refuses out of the way until the next start; an event tells the centre's people.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn set_aside(&self, sequence: Sequence, reason: String) -> Result<bool, OutboxError> {
        self.ask(|reply| Command::SetAside { sequence, reason, reply }).await?
    }

    /// A state saved with [`OutboxHandle::accept`].
    ///
    /// # Errors
    /// The storage fails.
    pub async fn load_state(&self, key: &str) -> Result<Option<Vec<u8>>, OutboxError> {
        let key = key.to_owned();
        self.ask(|reply| Command::LoadState { key, reply }).await?
    }

    /// The states whose keys begin with `prefix`, by their keys.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn load_states(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, OutboxError> {
        let prefix = prefix.to_owned();
        self.ask(|reply| Command::LoadStates { prefix, reply }).await?
    }

    /// Events waiting, their age, and faults. Changes with each commit.
    pub fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    /// Commits what is queued and closes the file; later calls fail with [`OutboxError::Closed`].
    pub async fn close(&self) {
        // An owner that is gone already has closed it.
        drop(self.ask(|reply| Command::Close { reply }).await);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, OutboxError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| OutboxError::Closed)?;
        answer.await.map_err(|_| OutboxError::Closed)
    }
}

impl OriginSource {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            OriginSource::Picture => "picture",
            OriginSource::Reading => "reading",
        }
    }
}

#[cfg(test)]
mod tests;
