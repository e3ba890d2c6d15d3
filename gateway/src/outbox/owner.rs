//! The thread that owns the file: takes requests, groups them, commits, answers.
//!
//! When the storage fails the handle is dropped and the file opened anew, at most once a second; until that succeeds
//! every request is answered with the fault, and [`Stats::fault`] shows it.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout_at;

use super::gap;
use super::group::Group;
use super::store::{Committed, Entry, Store};
use super::{Cursor, OutboxError, Sequence, Settings, Stats, Waiting};

/// Time between two attempts to open the file after a fault.
const REOPEN_WAIT: Duration = Duration::from_secs(1);
/// Metrics are brought up to date at least this often, and a drained file shrinks a little.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// Deletions remembered while the storage fails. Forgetting one repeats an event, which the centre removes.
const MAX_DELETIONS: usize = 10_000;

/// A request to the owner thread.
#[derive(Debug)]
pub(super) enum Command {
    Accept { entry: Entry, handed_over: Instant, reply: Reply<Vec<Sequence>> },
    Next { after: Cursor, limit: usize, reply: Reply<Vec<Waiting>> },
    Delivered(Vec<Sequence>),
    LoadState { key: String, reply: Reply<Option<Vec<u8>>> },
    Close { reply: oneshot::Sender<()> },
}

type Reply<T> = oneshot::Sender<Result<T, OutboxError>>;

/// What the thread works with.
#[derive(Debug)]
pub(super) struct Owner {
    settings: Settings,
    store: Result<Store, Fault>,
    stats: watch::Sender<Stats>,
    waiting: Vec<Pending>,
    delivered: Vec<Sequence>,
    group: Group,
    /// Why the last commit failed.
    fault: Option<OutboxError>,
}

/// An entry whose caller waits for the commit.
#[derive(Debug)]
struct Pending {
    entry: Entry,
    handed_over: Instant,
    reply: Reply<Vec<Sequence>>,
}

/// Why there is no open file now.
#[derive(Debug)]
struct Fault {
    error: OutboxError,
    since: Instant,
}

// === impl Owner ===

impl Owner {
    pub(super) fn new(settings: Settings, store: Store, stats: watch::Sender<Stats>) -> Self {
        Self {
            settings,
            store: Ok(store),
            stats,
            waiting: Vec::new(),
            delivered: Vec::new(),
            group: Group::default(),
            fault: None,
        }
    }

    /// Starts the thread. It ends with the last handle or on [`Command::Close`].
    pub(super) fn start(self, queue: mpsc::Receiver<Command>) -> Result<(), OutboxError> {
        let directory = self.settings.directory.clone();
        // A runtime of its own serves as the thread's clock and queue.
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| OutboxError::from_io(&directory, &error))?;
        thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || runtime.block_on(self.run(queue)))
            .map_err(|error| OutboxError::from_io(&directory, &error))?;
        Ok(())
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut housekeeping = Instant::now() + HOUSEKEEPING;
        self.publish_stats();
        loop {
            let wake = self.group.due().map_or(housekeeping, |due| due.min(housekeeping));
            let received = timeout_at(wake.into(), queue.recv()).await;
            let mut closing = None;
            match received {
                Ok(Some(command)) => closing = self.take(command),
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            // Group commit: what is queued by now goes into the same transaction.
            while closing.is_none() {
                match queue.try_recv() {
                    Ok(command) => closing = self.take(command),
                    Err(_) => break,
                }
            }
            let now = Instant::now();
            if closing.is_some() || self.group.due().is_some_and(|due| due <= now) {
                self.commit(now);
            }
            if let Some(reply) = closing {
                drop(self.store);
                // The one who asked may have gone; the file is closed all the same.
                reply.send(()).ok();
                return;
            }
            if now >= housekeeping {
                self.keep_house();
                housekeeping = now + HOUSEKEEPING;
            }
        }
        self.commit(Instant::now());
    }

    /// Answers a question at once, queues a write. Answers that nobody waits for any more are dropped.
    fn take(&mut self, command: Command) -> Option<oneshot::Sender<()>> {
        let now = Instant::now();
        match command {
            Command::Accept { entry, handed_over, reply } => {
                self.group.queued(now, entry.class(), entry.rows());
                self.waiting.push(Pending { entry, handed_over, reply });
            }
            Command::Delivered(sequences) => {
                self.group.deletions(now, sequences.len());
                self.delivered.extend(sequences);
                self.delivered.truncate(MAX_DELETIONS);
            }
            Command::Next { after, limit, reply } => {
                let answer = self.with_store(now, |store| store.next(after, limit));
                drop(reply.send(answer.map(|rows| self.without_delivered(rows))));
            }
            Command::LoadState { key, reply } => {
                drop(reply.send(self.with_store(now, |store| store.load_state(&key))));
            }
            Command::Close { reply } => return Some(reply),
        }
        None
    }

    /// Events whose deletion still waits for its commit have been delivered all the same.
    fn without_delivered(&self, mut rows: Vec<Waiting>) -> Vec<Waiting> {
        rows.retain(|row| !self.delivered.contains(&row.sequence));
        rows
    }

    /// One transaction with all that waits; answers everybody.
    fn commit(&mut self, now: Instant) {
        self.group = Group::default();
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() && self.delivered.is_empty() {
            return;
        }
        let delivered = std::mem::take(&mut self.delivered);
        let (entries, callers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|one| (one.entry, (one.handed_over, one.reply))).unzip();
        let outcome = self.with_store(now, |store| store.commit(&entries, &delivered, Timestamp::now()));
        match &outcome {
            Ok(committed) => {
                self.fault = None;
                self.count(&entries, committed);
            }
            Err(error) => {
                self.fault = error.is_storage_fault().then(|| error.clone());
                // Not counted towards a full group: they try again in a second, not at once.
                self.group.deletions(now, 0);
                self.delivered = delivered;
            }
        }
        // Who has an answer finds it in the figures too.
        self.publish_stats();
        match outcome {
            Ok(committed) => {
                for ((handed_over, reply), sequences) in callers.into_iter().zip(committed.sequences) {
                    self.settings.metrics.outbox_commit_seconds.observe(handed_over.elapsed().as_secs_f64());
                    drop(reply.send(Ok(sequences)));
                }
            }
            Err(error) => {
                for (_, reply) in callers {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    /// Runs `work` on the open file; after a fault, opens it anew first.
    fn with_store<T>(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Store) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        if let Err(fault) = &self.store {
            if now.duration_since(fault.since) < REOPEN_WAIT {
                return Err(fault.error.clone());
            }
            self.store = match Store::open(&self.settings) {
                Ok((store, recovered)) => {
                    tracing::warn!(?recovered, "the outbox is open again");
                    Ok(store)
                }
                Err(error) => Err(Fault { error, since: now }),
            };
        }
        let store = match &mut self.store {
            Ok(store) => store,
            Err(fault) => return Err(fault.error.clone()),
        };
        let outcome = work(store);
        if let Err(error) = &outcome
            && error.spoils_handle()
        {
            tracing::error!(%error, "the outbox is closed and will be opened anew");
            // Far enough back that the next request may try at once: one bad sync is not yet a bad disk.
            let since = now.checked_sub(REOPEN_WAIT).unwrap_or(now);
            self.store = Err(Fault { error: error.clone(), since });
        }
        outcome
    }

    fn count(&self, entries: &[Entry], committed: &Committed) {
        let metrics = &self.settings.metrics;
        for new in entries.iter().flat_map(Entry::events) {
            let data = &new.event.data;
            metrics.events_accepted.with_label_values(&[data.category.as_str(), data.phase.as_str()]).inc();
        }
        if committed.evicted > 0 {
            metrics.events_lost.with_label_values(&[gap::LOST_TO_QUOTA]).inc_by(committed.evicted);
            tracing::error!(events = committed.evicted, "the outbox quota is used up: events were given up");
        }
    }

    fn keep_house(&mut self) {
        let now = Instant::now();
        if let Err(error) = self.with_store(now, |store| store.shrink()) {
            tracing::warn!(%error, "the outbox file cannot be looked after");
        }
        self.publish_stats();
    }

    fn publish_stats(&self) {
        let stats = match &self.store {
            Ok(store) => Stats { fault: self.fault.clone(), ..store.stats() },
            Err(fault) => Stats { fault: Some(fault.error.clone()), ..self.stats.borrow().clone() },
        };
        let metrics = &self.settings.metrics;
        metrics.outbox_depth.set(stats.depth as i64);
        metrics.outbox_bytes.set(stats.used_bytes as i64);
        metrics.outbox_oldest_age_seconds.set(stats.oldest_age(Timestamp::now()).as_secs_f64());
        self.stats.send_replace(stats);
    }
}

// === impl Stats ===

impl Stats {
    /// Age of the oldest waiting event; zero where none waits or the clock has been set back.
    pub fn oldest_age(&self, now: Timestamp) -> Duration {
        let age_ms = self.oldest_unix_ms.map_or(0, |oldest| now.as_millisecond() - oldest);
        Duration::from_millis(age_ms.max(0) as u64)
    }
}
