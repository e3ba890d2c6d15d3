//! Parts of a gateway for tests: an event, an outbox in a directory, an uplink to a broker on loopback.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use moshao::batch::Batches;
use moshao::budget::Budget;
use moshao::event::{Device, Event, EventData};
use moshao::metrics::Metrics;
use moshao::mqtt::Link;
use moshao::outbox::{
    self, Class, NewEvent, Origin, OriginSource, OutboxHandle, Recovered, Site, Subscription,
};
use moshao::topics::Topics;
use moshao::uplink;
use moshao_config::{Broker, Category, Grid, Protocol};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Division code of the test gateway.
pub const DIVISION: &str = "510104001001";
/// Id of the test gateway.
pub const GATEWAY: &str = "gw-test";

/// The test gateway as events name it.
pub fn site() -> Site {
    site_of(GATEWAY)
}

/// A gateway of the test division as events name it.
pub fn site_of(gateway: &str) -> Site {
    Site {
        division: DIVISION.to_owned(),
        gateway: gateway.to_owned(),
        grid: Grid { code: "510104001001003".to_owned(), name: None },
        time_zone: TimeZone::fixed(jiff::tz::offset(8)),
    }
}

/// A complete event with this id.
pub fn event(id: &str) -> Event {
    Event {
        specversion: "1.0".to_owned(),
        id: id.to_owned(),
        source: format!("urn:moshao:{DIVISION}:{GATEWAY}"),
        kind: "moshao.fire.smoke.v1".to_owned(),
        subject: "sensor/kitchen-smoke".to_owned(),
        time: "2026-11-21T12:34:56.120+08:00".to_owned(),
        recordedtime: "2026-11-21T12:34:56.480+08:00".to_owned(),
        datacontenttype: "application/json".to_owned(),
        sequence: String::new(),
        correlationid: "inc-1".to_owned(),
        severitytext: "FATAL".to_owned(),
        severitynumber: 21,
        data: EventData {
            rule: "smoke".to_owned(),
            ..EventData::new(
                "FIRE_SMOKE",
                "Smoke in the kitchen",
                Category::Fire,
                1,
                site().grid_ref(),
                Device {
                    kind: "smoke".to_owned(),
                    id: "kitchen-smoke".to_owned(),
                    name: "Kitchen".to_owned(),
                },
            )
        },
    }
}

/// The same, ready for the outbox.
pub fn new_event(class: Class, id: &str) -> NewEvent {
    new_event_of(GATEWAY, class, id)
}

/// The same of another gateway.
pub fn new_event_of(gateway: &str, class: Class, id: &str) -> NewEvent {
    let topic = Topics::new(DIVISION, gateway).event(Category::Fire, 1);
    let origin = Origin { source: OriginSource::Reading, unix_ms: jiff::Timestamp::now().as_millisecond() };
    let event = Event { source: format!("urn:moshao:{DIVISION}:{gateway}"), ..event(id) };
    NewEvent { class, topic, event, origin: Some(origin) }
}

/// Opens an outbox in this directory.
///
/// # Panics
/// Where it cannot be opened.
pub fn open_outbox(directory: &Path, quota_bytes: u64, metrics: &Arc<Metrics>) -> (OutboxHandle, Recovered) {
    open_outbox_for(directory, quota_bytes, metrics, Vec::new())
}

/// The same, with readers besides the centre.
///
/// # Panics
/// Where it cannot be opened.
pub fn open_outbox_for(
    directory: &Path,
    quota_bytes: u64,
    metrics: &Arc<Metrics>,
    sinks: Vec<Subscription>,
) -> (OutboxHandle, Recovered) {
    open_outbox_of(GATEWAY, directory, quota_bytes, metrics, sinks)
}

/// The same of another gateway.
///
/// # Panics
/// Where it cannot be opened.
pub fn open_outbox_of(
    gateway: &str,
    directory: &Path,
    quota_bytes: u64,
    metrics: &Arc<Metrics>,
    sinks: Vec<Subscription>,
) -> (OutboxHandle, Recovered) {
    let settings = outbox::Settings {
        directory: directory.to_owned(),
        quota_bytes,
        site: site_of(gateway),
        sinks,
        metrics: Arc::clone(metrics),
    };
    outbox::open(settings).expect("the outbox opens")
}

/// A broker on this port of 127.0.0.1.
pub fn loopback_broker(port: u16) -> Broker {
    Broker {
        host: "127.0.0.1".to_owned(),
        port,
        tls: None,
        username: None,
        password: None,
        password_file: None,
        fallbacks: Vec::new(),
        client_id: GATEWAY.to_owned(),
        protocol: Protocol::V3,
        keep_alive: Duration::from_secs(30),
    }
}

/// What a centre that takes batches says; it goes on saying so.
pub fn zstd_batches() -> watch::Receiver<Batches> {
    watch::channel(Batches::Zstd).1
}

fn no_batches() -> watch::Receiver<Batches> {
    watch::channel(Batches::None).1
}

/// A running uplink.
#[derive(Debug)]
pub struct RunningUplink {
    /// How the link is.
    pub link: watch::Receiver<Link>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

// === impl RunningUplink ===

impl RunningUplink {
    /// Starts an uplink with this window.
    pub fn start(broker: Broker, window: usize, outbox: &OutboxHandle, metrics: &Arc<Metrics>) -> Self {
        Self::watched(broker, window, outbox, metrics, None)
    }

    /// Starts the uplink of another gateway.
    pub fn of(gateway: &str, broker: Broker, outbox: &OutboxHandle, metrics: &Arc<Metrics>) -> Self {
        let budget = Budget::unlimited(Arc::clone(metrics));
        Self::run(gateway, (broker, 32), outbox, metrics, budget, None, no_batches())
    }

    /// The same; `on_delivered` is told of each acknowledged event.
    pub fn watched(
        broker: Broker,
        window: usize,
        outbox: &OutboxHandle,
        metrics: &Arc<Metrics>,
        on_delivered: Option<uplink::OnDelivered>,
    ) -> Self {
        Self::with_batches(broker, window, outbox, metrics, on_delivered, no_batches())
    }

    /// The same; `batches` says what the centre takes.
    pub fn with_batches(
        broker: Broker,
        window: usize,
        outbox: &OutboxHandle,
        metrics: &Arc<Metrics>,
        on_delivered: Option<uplink::OnDelivered>,
        batches: watch::Receiver<Batches>,
    ) -> Self {
        let budget = Budget::unlimited(Arc::clone(metrics));
        Self::run(GATEWAY, (broker, window), outbox, metrics, budget, on_delivered, batches)
    }

    /// The same over a link that may carry only so much.
    pub fn with_budget(
        broker: Broker,
        window: usize,
        outbox: &OutboxHandle,
        metrics: &Arc<Metrics>,
        budget: Budget,
    ) -> Self {
        Self::run(GATEWAY, (broker, window), outbox, metrics, budget, None, no_batches())
    }

    fn run(
        gateway: &str,
        (broker, window): (Broker, usize),
        outbox: &OutboxHandle,
        metrics: &Arc<Metrics>,
        budget: Budget,
        on_delivered: Option<uplink::OnDelivered>,
        batches: watch::Receiver<Batches>,
    ) -> Self {
        let settings = uplink::Settings {
            broker,
            window,
            site: site_of(gateway),
            budget,
            batches,
            topics: Topics::new(DIVISION, gateway),
            birth: json!({"version": env!("CARGO_PKG_VERSION")}),
            health: Arc::new(
                || json!({"time": jiff::Timestamp::now().to_string(), "cameras": {"up": 1, "of": 1}}),
            ),
            on_delivered,
            stays_online: Arc::default(),
            metrics: Arc::clone(metrics),
        };
        let (sender, link) = watch::channel(Link::Down { reason: None });
        let stop = CancellationToken::new();
        let task = tokio::spawn(uplink::run(settings, outbox.clone(), sender, stop.clone()));
        Self { link, stop, task }
    }

    /// Stops it and waits for its farewell.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the uplink does not panic");
    }
}
