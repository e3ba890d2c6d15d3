//! The uplink: events out of the outbox to the centre's broker, MQTT 3.1.1 or 5 with QoS 1.
//!
//! An event leaves the outbox only on its own PUBACK. Each connection gets a fresh client, event loop and bookkeeping
//! (`connection`); what was in flight when it broke is read from the outbox again, so at most a window of events is
//! repeated for each connection and none is lost. Events go in the order of their class, alarms before the backlog.
//!
//! The box says `online` on its retained `state` topic at each connection, `offline` when it is stopped, and leaves
//! `offline` as its last will; `health` tells each minute what has changed, and is retained as a whole (`bulletin`).
//!
//! A centre that has said so gets a backlog in batches (`backlog`).
//!
//! What the broker refuses waits, or goes out of the way after three times (`refusal`); nothing of it holds up the others. What may go and when is decided in `feed`; it is read
//! before there is room for it (`ahead`).
//!
//! Down-link (dispositions, commands) will be a second client with a persistent session beside this one: it shares the
//! broker's configuration and nothing else.

mod ahead;
mod backlog;
mod bulletin;
mod connection;
mod failover;
mod feed;
pub(crate) mod in_flight;
mod refusal;
mod report;
mod watchdog;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use moshao_config::Broker;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, Ended};
use self::failover::Turn;
use self::refusal::Refusals;
use crate::backoff::Backoff;
use crate::batch::Batches;
use crate::budget::Budget;
use crate::metrics::Metrics;
use crate::mqtt::Link;
use crate::outbox::{Origin, OutboxHandle, Sequence, Site};
use crate::topics::Topics;

/// Time between two `health` messages.
pub const HEALTH_PERIOD: Duration = Duration::from_secs(60);

/// What the uplink works with.
pub struct Settings {
    /// The centre's broker.
    pub broker: Broker,
    /// Events without PUBACK, at most: also the most events repeated after a broken connection.
    pub window: usize,
    /// In whose name the uplink tells of what is refused.
    pub site: Site,
    /// What the link may carry.
    pub budget: Budget,
    /// Whether a backlog may go in batches.
    pub batches: watch::Receiver<Batches>,
    /// Where state and health go.
    pub topics: Topics,
    /// What the retained `state` says besides `"status":"online"`: an object with inventory and versions.
    pub birth: Value,
    /// Makes the `health` object; called at each connection and each minute.
    pub health: Arc<dyn Fn() -> Value + Send + Sync>,
    /// Set where the gateway comes back at once with another configuration: it does not say `offline` then.
    pub stays_online: Arc<AtomicBool>,
    /// Called for each event that the broker has acknowledged.
    pub on_delivered: Option<OnDelivered>,
    /// Connections, bytes, deliveries, latency.
    pub metrics: Arc<Metrics>,
}

/// Told of each event that the broker has acknowledged; must not block.
pub type OnDelivered = Arc<dyn Fn(&Delivered) + Send + Sync>;

/// An event that the centre's broker has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its number.
    pub sequence: Sequence,
    /// When it was accepted, milliseconds since the Unix epoch.
    pub accepted_unix_ms: i64,
    /// What caused it.
    pub origin: Option<Origin>,
    /// When its PUBACK came, milliseconds since the Unix epoch.
    pub acknowledged_unix_ms: i64,
}

/// Runs the uplink until `stop`; then says `offline` and disconnects, within 2 s.
///
/// `link` shows how it is; broken connections are retried for ever.
pub async fn run(
    settings: Settings,
    outbox: OutboxHandle,
    link: watch::Sender<Link>,
    stop: CancellationToken,
) {
    let mut settings = settings;
    let mut backoff = Backoff::for_broker(&settings.broker.host);
    let mut turn = Turn::new(&settings.broker);
    let mut refusals = Refusals::default();
    while !stop.is_cancelled() {
        let begin = Instant::now();
        (settings.broker.host, settings.broker.port) = turn.address();
        let ended = Connection::new(&settings, &outbox, &link, &mut refusals).run(&stop).await;
        settings.metrics.uplink.up.set(0);
        let Ended::Broken(reason) = ended else { break };
        turn.ended(begin.elapsed());
        let wait = backoff.after(begin.elapsed(), rand::random());
        tracing::warn!(reason, retry_in = ?wait, "no link to the centre");
        link.send_replace(Link::Down { reason: Some(reason) });
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    link.send_replace(Link::Down { reason: None });
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("broker", &self.broker)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
