//! The process that is killed, starved and cut off: the product's outbox and uplink, and a source of events.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moshao::metrics::Metrics;
use moshao::outbox::{Class, OutboxHandle};
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox, zstd_batches};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use tokio::time::{MissedTickBehavior, interval};

use crate::journal::{Journal, Line};

/// Sources of events at work at once.
const SOURCES: u64 = 4;
/// Between two tries to hand an event to an outbox that refuses, as the gateway does.
const RETRY: Duration = Duration::from_millis(50);
const WINDOW: usize = 32;

/// What it does.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    /// Where the outbox lies.
    pub(crate) directory: PathBuf,
    /// Where to tell.
    pub(crate) journal: PathBuf,
    /// Port of the centre's broker on loopback; 0 for none.
    pub(crate) broker: u16,
    /// Events a second; 0 as fast as it can.
    pub(crate) rate: u64,
    /// Events to accept before it closes the outbox and ends; none for ever.
    pub(crate) count: Option<u64>,
    /// Ends when everything has been delivered.
    pub(crate) drain: bool,
    /// The centre takes batches.
    pub(crate) batches: bool,
    /// Says of every second event that it has been delivered.
    pub(crate) deliver_half: bool,
    /// Most bytes of the outbox.
    pub(crate) quota_bytes: u64,
    /// Goes into the ids of its events.
    pub(crate) tag: String,
}

// === impl Orders ===

impl Orders {
    pub(crate) fn new(directory: PathBuf, journal: PathBuf, tag: impl Into<String>) -> Self {
        Self {
            directory,
            journal,
            broker: 0,
            rate: 200,
            count: None,
            drain: false,
            batches: false,
            deliver_half: false,
            quota_bytes: 256 << 20,
            tag: tag.into(),
        }
    }

    /// The command line that carries them; `prefix` is a program that runs the victim, such as a tracer.
    pub(crate) fn command(&self, prefix: &[String]) -> Command {
        let own = std::env::current_exe().expect("this program has a file").into_os_string();
        let mut words = prefix.iter().map(Into::into).chain([own]);
        let mut command = Command::new(words.next().expect("at least this program"));
        command.args(words).arg("victim").arg(&self.directory).arg(&self.journal);
        command.args([self.broker.to_string(), self.rate.to_string()]);
        command.args([self.count.map_or("-".to_owned(), |count| count.to_string())]);
        command.args([self.drain, self.batches, self.deliver_half].map(|flag| flag.to_string()));
        command.args([self.quota_bytes.to_string(), self.tag.clone()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts it.
    pub(crate) fn spawn(&self) -> Child {
        self.command(&[]).spawn().expect("this program starts once more")
    }

    /// The orders of a command line behind `victim`.
    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let [directory, journal, broker, rate, count, drain, batches, deliver_half, quota_bytes, tag] = words
        else {
            return None;
        };
        Some(Self {
            directory: directory.into(),
            journal: journal.into(),
            broker: broker.parse().ok()?,
            rate: rate.parse().ok()?,
            count: count.parse().ok(),
            drain: drain.parse().ok()?,
            batches: batches.parse().ok()?,
            deliver_half: deliver_half.parse().ok()?,
            quota_bytes: quota_bytes.parse().ok()?,
            tag: tag.clone(),
        })
    }
}

/// Does what it was told, until the end or until it is killed.
pub(crate) fn run(orders: Orders) {
    // A suite that fails, or is killed itself, leaves nobody behind. Under a tracer this dies with the tracer.
    set_pdeathsig(Signal::SIGKILL).expect("Linux lets a process end with its parent");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work(Arc::new(orders)));
}

async fn work(orders: Arc<Orders>) {
    let journal = Arc::new(Journal::open(&orders.journal));
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(&orders.directory, orders.quota_bytes, &metrics);
    tokio::spawn(watch(outbox.clone(), Arc::clone(&journal)));
    let uplink = (orders.broker != 0).then(|| {
        let told = AtomicBool::new(false);
        let journal = Arc::clone(&journal);
        let on_delivered = move |_: &_| {
            if !told.swap(true, Ordering::Relaxed) {
                journal.tell(&Line::Puback);
            }
        };
        let on_delivered: moshao::uplink::OnDelivered = Arc::new(on_delivered);
        let broker = loopback_broker(orders.broker);
        let told = Some(on_delivered);
        match orders.batches {
            false => RunningUplink::watched(broker, WINDOW, &outbox, &metrics, told),
            true => RunningUplink::with_batches(broker, WINDOW, &outbox, &metrics, told, zstd_batches()),
        }
    });
    let sources: Vec<_> = (0..SOURCES)
        .map(|source| tokio::spawn(source_of_events(orders.clone(), source, outbox.clone(), journal.clone())))
        .collect();
    for source in sources {
        source.await.expect("a source does not panic");
    }
    if orders.drain {
        outbox.stats().wait_for(|stats| stats.depth == 0).await.expect("the outbox lives");
        journal.tell(&Line::Drained);
    }
    if let Some(uplink) = uplink {
        uplink.stop().await;
    }
    outbox.close().await;
}

async fn source_of_events(orders: Arc<Orders>, source: u64, outbox: OutboxHandle, journal: Arc<Journal>) {
    let mut tick = interval(Duration::from_secs(SOURCES) / u32::try_from(orders.rate.max(1)).unwrap_or(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..orders.count.map_or(u64::MAX, |count| count / SOURCES) {
        if orders.rate > 0 {
            tick.tick().await;
        }
        let id = format!("{}-{source}-{number}", orders.tag);
        let class = if number % 3 == 0 { Class::Event } else { Class::Alarm };
        let mut new = new_event(class, &id);
        // The centre knows nothing of classes: it tells alarms by their level.
        new.event.data.level = if class == Class::Alarm { 1 } else { 3 };
        let accepted = loop {
            match outbox.accept(vec![new.clone()], None).await {
                Ok(accepted) => break accepted,
                Err(error) => journal.tell(&Line::Refused(error.reason().to_owned())),
            }
            tokio::time::sleep(RETRY).await;
        };
        journal.tell(&Line::Accepted(id.clone()));
        if orders.deliver_half && number % 2 == 0 {
            journal.tell(&Line::Delivered(id));
            outbox.delivered(accepted).await.expect("the outbox lives");
        }
    }
}

/// Tells when the outbox becomes degraded and when it works again.
async fn watch(outbox: OutboxHandle, journal: Arc<Journal>) {
    let mut stats = outbox.stats();
    let mut degraded = None;
    loop {
        let fault = stats.borrow_and_update().fault.as_ref().map(|fault| fault.reason().to_owned());
        if fault != degraded {
            journal.tell(&fault.clone().map_or(Line::Recovered, Line::Degraded));
            degraded = fault;
        }
        if stats.changed().await.is_err() {
            return;
        }
    }
}
