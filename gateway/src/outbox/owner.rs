//! The thread that owns the file: takes requests, groups them, commits, answers.
//!
//! When the storage fails the handle is dropped and the file opened anew, at most once a second; until that succeeds
//! every request is answered with the fault, and the outbox is degraded (`degraded`).

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout_at;

use super::degraded::Degraded;
use super::group::Group;
use super::read::{Page, Wanted};
use super::sinks::{SinkBatch, SinkDone};
use super::store::{Committed, Entry, Store};
use super::{OutboxError, Sequence, Settings, Stats, gap, reserve};

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
    Next { wanted: Wanted, reply: Reply<Page> },
    WhichWait { sequences: Vec<Sequence>, reply: Reply<Vec<Sequence>> },
    Delivered(Vec<Sequence>),
    SinkNext { sink: String, limit: usize, reply: Reply<SinkBatch> },
    SinkDone { sink: String, done: SinkDone },
    SetAside { sequence: Sequence, reason: String, reply: Reply<bool> },
    LoadState { key: String, reply: Reply<Option<Vec<u8>>> },
    LoadStates { prefix: String, reply: Reply<Vec<(String, Vec<u8>)>> },
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
    delivered: BTreeSet<Sequence>,
    done: Vec<(String, SinkDone)>,
    group: Group,
    degraded: Degraded,
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
    pub(super) fn new(
        settings: Settings,
        store: Result<Store, OutboxError>,
        stats: watch::Sender<Stats>,
    ) -> Self {
        let mut degraded = Degraded::default();
        degraded.enter(store.as_ref().err(), Timestamp::now());
        Self {
            settings,
            store: store.map_err(|error| Fault { error, since: Instant::now() }),
            stats,
            waiting: Vec::new(),
            delivered: BTreeSet::new(),
            done: Vec::new(),
            group: Group::default(),
            degraded,
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
        self.lay_in_reserve();
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
                let room = MAX_DELETIONS.saturating_sub(self.delivered.len());
                self.delivered.extend(sequences.into_iter().take(room));
            }
            Command::SinkDone { sink, done } => {
                self.group.deletions(now, done.events.len());
                self.done.push((sink, done));
                self.done.truncate(MAX_DELETIONS);
            }
            Command::SinkNext { sink, limit, reply } => {
                let answer = self.with_store(now, |store| store.sink_next(&sink, limit));
                drop(reply.send(answer.map(|batch| self.without_done(&sink, batch))));
            }
            Command::Next { wanted, reply } => {
                // Events whose deletion still waits for its commit have been delivered all the same.
                let delivered = std::mem::take(&mut self.delivered);
                drop(reply.send(self.with_store(now, |store| store.next(wanted, &delivered))));
                self.delivered = delivered;
            }
            Command::WhichWait { mut sequences, reply } => {
                sequences.retain(|sequence| !self.delivered.contains(sequence));
                drop(reply.send(self.with_store(now, |store| store.which_wait(&sequences))));
            }
            Command::SetAside { sequence, reason, reply } => {
                let moved = self.with_store(now, |store| store.set_aside(sequence, &reason));
                self.publish_stats();
                drop(reply.send(moved));
            }
            Command::LoadState { key, reply } => {
                drop(reply.send(self.with_store(now, |store| store.load_state(&key))));
            }
            Command::LoadStates { prefix, reply } => {
                drop(reply.send(self.with_store(now, |store| store.load_states(&prefix))));
            }
            Command::Close { reply } => return Some(reply),
        }
        None
    }

    /// What a sink is done with need not come again although that is not committed yet.
    fn without_done(&self, sink: &str, mut batch: SinkBatch) -> SinkBatch {
        for (_, done) in self.done.iter().filter(|(name, _)| name == sink) {
            batch.events.retain(|event| !done.events.contains(&(event.class, event.sequence)));
            batch.missed = batch.missed.saturating_sub(done.told_missed);
        }
        batch
    }

    /// One transaction with all that waits; answers everybody.
    fn commit(&mut self, now: Instant) {
        self.group = Group::default();
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() && self.delivered.is_empty() && self.done.is_empty() {
            return;
        }
        let delivered = std::mem::take(&mut self.delivered);
        let done = std::mem::take(&mut self.done);
        let (entries, callers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|one| (one.entry, (one.handed_over, one.reply))).unzip();
        let mut outcome = self.with_store(now, |store| store.commit(&entries, &delivered, &done));
        if matches!(outcome, Err(OutboxError::DiskFull { .. }))
            && reserve::spend(&self.settings.directory).unwrap_or(false)
        {
            self.degraded.enter(outcome.as_ref().err(), Timestamp::now());
            tracing::error!("the disk is full: the outbox lives on its reserve");
            outcome = self.with_store(now, |store| store.commit(&entries, &delivered, &done));
        }
        match &outcome {
            Ok(committed) => self.count(&entries, committed),
            Err(error) => {
                if error.is_storage_fault() {
                    self.degraded.enter(Some(error), Timestamp::now());
                }
                // Not counted towards a full group: they try again in a second, not at once.
                self.group.deletions(now, 0);
                self.delivered = delivered;
                self.done = done;
            }
        }
        if outcome.is_ok() {
            self.recover(now);
        }
        // Who has an answer finds it in the figures too.
        self.publish_stats();
        match outcome {
            Ok(committed) => {
                for ((handed_over, reply), sequences) in callers.into_iter().zip(committed.sequences) {
                    self.settings.metrics.outbox.commit_seconds.observe(handed_over.elapsed().as_secs_f64());
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
            let opened = match &fault.error {
                OutboxError::Corrupt { detail, .. } => Store::replace(&self.settings, detail, true),
                _ => Store::open(&self.settings),
            };
            self.store = match opened {
                Ok((store, recovered)) => {
                    tracing::warn!(?recovered, "the outbox is open again");
                    Ok(store)
                }
                Err(error) => {
                    // A file that could not even be put aside stays a damaged one.
                    let damaged = matches!(fault.error, OutboxError::Corrupt { .. });
                    let error = if damaged { fault.error.clone() } else { error };
                    Err(Fault { error, since: now })
                }
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
            self.degraded.enter(Some(error), Timestamp::now());
        }
        outcome
    }

    /// The storage has just taken something: leaves the degraded mode, once the reserve is there again, and tells.
    fn recover(&mut self, now: Instant) {
        if !self.degraded.is_on() || reserve::lay_in(&self.settings.directory).is_err() {
            return;
        }
        let told = self.degraded.story(&self.settings.site, Timestamp::now());
        if let Ok(entry) = Entry::new(told, Vec::new())
            && self.with_store(now, |store| store.commit(&[entry], &BTreeSet::new(), &[])).is_ok()
        {
            self.degraded.leave();
            tracing::warn!("the outbox takes events again");
        }
    }

    fn count(&self, entries: &[Entry], committed: &Committed) {
        let metrics = &self.settings.metrics;
        for new in entries.iter().flat_map(Entry::events) {
            let data = &new.event.data;
            metrics.events.accepted.with_label_values(&[data.category.as_str(), data.phase.as_str()]).inc();
        }
        if committed.evicted > 0 {
            metrics.events.lost.with_label_values(&[gap::LOST_TO_QUOTA]).inc_by(committed.evicted);
            tracing::error!(events = committed.evicted, "the outbox quota is used up: events were given up");
        }
    }

    fn keep_house(&mut self) {
        let now = Instant::now();
        let kept = if self.degraded.is_on() {
            self.with_store(now, Store::probe).map(|()| self.recover(now))
        } else {
            self.lay_in_reserve();
            self.with_store(now, |store| store.shrink())
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the outbox file cannot be looked after");
        }
        self.publish_stats();
    }

    fn lay_in_reserve(&mut self) {
        if let Err(error) = reserve::lay_in(&self.settings.directory) {
            let error = OutboxError::from_io(&self.settings.directory, &error);
            self.degraded.enter(Some(&error), Timestamp::now());
        }
    }

    fn publish_stats(&mut self) {
        let fault = self.degraded.fault().cloned();
        let stats = match &self.store {
            Ok(store) => Stats { fault, ..store.stats() },
            Err(closed) => {
                Stats { fault: fault.or_else(|| Some(closed.error.clone())), ..self.stats.borrow().clone() }
            }
        };
        let metrics = &self.settings.metrics;
        for (sink, waiting, missed) in self.store.iter_mut().flat_map(|store| store.sinks.figures()) {
            metrics.sink.waiting.with_label_values(&[sink]).set(waiting as i64);
            metrics.sink.missed.with_label_values(&[sink]).inc_by(missed);
        }
        let reason = stats.fault.as_ref().map(OutboxError::reason);
        for word in OutboxError::STORAGE_REASONS {
            metrics.outbox.degraded.with_label_values(&[word]).set(i64::from(reason == Some(word)));
        }
        metrics.outbox.depth.set(stats.depth as i64);
        metrics.outbox.aside.set(stats.aside as i64);
        metrics.outbox.bytes.set(stats.used_bytes as i64);
        metrics.outbox.oldest_age_seconds.set(stats.oldest_age(Timestamp::now()).as_secs_f64());
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
