//! The centre's own faults: of three NATS servers one is killed each minute, while many boxes tell it what happens.
//!
//! The boxes are outboxes and uplinks of the product, each with an account of its own. The judge takes what the servers
//! keep from the consumer that `deploy/centre/keep-events` makes, at whichever server answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use moshao::metrics::Metrics;
use moshao::outbox::{Class, OutboxHandle};
use moshao_config::{Broker, Secret};
use moshao_tests::gateway_parts::{DIVISION, RunningUplink, loopback_broker, new_event_of, open_outbox_of};
use moshao_tests::nats::{self, BOX_PASSWORD, Client, Cluster};
use tokio::time::{interval, sleep, timeout};

use crate::report::{Line, Outcome};
use crate::verdict::Arrivals;

const BOXES: usize = 20;
/// Of all boxes together.
const EVENTS_PER_SECOND: u32 = 200;
/// From one kill to the next, and how long the killed server stays away.
const LONG: Round = Round { every: Duration::from_secs(60), away: Duration::from_secs(20) };
const SHORT: Round = Round { every: Duration::from_secs(25), away: Duration::from_secs(10) };
/// So many rounds are long ones.
const LONG_FROM: usize = 10;
/// How long boxes may take for what is left when all servers are back.
const LAST: Duration = Duration::from_secs(180);
const WANTED: &str = "0 lost";

struct Round {
    every: Duration,
    away: Duration,
}

/// One server killed and brought back after the other, so many times.
pub(crate) fn killed(rounds: usize) -> Vec<Line> {
    let Round { every, away } = if rounds < LONG_FROM { SHORT } else { LONG };
    let what = format!(
        "one of three NATS servers killed every {} s, {rounds} times, {BOXES} boxes, 200 events/s",
        every.as_secs()
    );
    if !nats::is_installed() {
        return vec![Line::skipped(&what, WANTED, "nats-server is not installed")];
    }
    let gateways: Vec<String> = (1..=BOXES).map(|number| format!("gw-{number:04}")).collect();
    let mut cluster = Cluster::start(DIVISION, &gateways);
    let archive = Archive::listen(cluster.client_ports());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (accepted, longest) = runtime.block_on(async {
        let boxes: Vec<Gateway> =
            gateways.iter().map(|name| Gateway::start(name, &cluster.mqtt_ports())).collect();
        let telling: Vec<_> = boxes.iter().map(Gateway::tell).collect();
        // The first server is killed when all is in full swing.
        sleep(away).await;
        for round in 0..rounds {
            cluster.kill(round % 3);
            sleep(away).await;
            cluster.bring_back(round % 3);
            sleep(every - away).await;
        }
        let mut accepted = BTreeMap::new();
        let mut longest = 0;
        for (one, telling) in boxes.into_iter().zip(telling) {
            one.silent.store(true, Ordering::Relaxed);
            let told = telling.await.expect("a box does not panic");
            longest = longest.max(told.deepest);
            accepted.insert(one.gateway.clone(), told.ids);
            one.stop().await;
        }
        (accepted, longest)
    });
    let begin = Instant::now();
    let all = |arrivals: &HashMap<String, Arrivals>| {
        accepted
            .iter()
            .all(|(gateway, ids)| arrivals.get(gateway).is_some_and(|seen| ids.iter().all(|id| seen.has(id))))
    };
    while !archive.with(all) && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let line = archive.with(|arrivals| judge(what, arrivals, &accepted, longest));
    archive.close();
    vec![line]
}

fn judge(
    what: String,
    arrivals: &HashMap<String, Arrivals>,
    accepted: &BTreeMap<String, BTreeSet<String>>,
    longest: u64,
) -> Line {
    let nothing = Arrivals::default();
    let (mut count, mut lost, mut out_of_order, mut holes, mut duplicates) = (0, 0, 0, 0, 0);
    for (gateway, ids) in accepted {
        let ids = ids.iter().map(|id| (id.clone(), None)).collect();
        let verdict = arrivals.get(gateway).unwrap_or(&nothing).judge(&ids);
        count += verdict.accepted;
        lost += verdict.lost.len();
        out_of_order += verdict.out_of_order;
        holes += verdict.holes;
        duplicates += verdict.duplicates;
    }
    Line {
        what,
        figure: format!(
            "{count} accepted, {lost} lost, {out_of_order} out of order at the archive, {holes} undeclared holes, {duplicates} \
             duplicates; at most {longest} waited in one box"
        ),
        wanted: WANTED,
        outcome: Outcome::of(lost == 0 && holes == 0 && count > 0),
    }
}

/// One gateway: the product's outbox and uplink.
struct Gateway {
    gateway: String,
    outbox: OutboxHandle,
    uplink: RunningUplink,
    silent: Arc<AtomicBool>,
    _directory: tempfile::TempDir,
}

/// What a box has told.
struct Told {
    ids: BTreeSet<String>,
    /// Most events that waited at once.
    deepest: u64,
}

// === impl Gateway ===

impl Gateway {
    /// Starts it; its brokers are the servers in turn.
    fn start(gateway: &str, ports: &[u16]) -> Self {
        let directory = crate::memory_directory();
        let metrics = Arc::new(Metrics::new());
        let (outbox, _) = open_outbox_of(gateway, directory.path(), 64 << 20, &metrics, Vec::new());
        let first: usize = gateway.bytes().map(usize::from).sum::<usize>() % ports.len();
        let others =
            (1..ports.len()).map(|step| ("127.0.0.1".to_owned(), ports[(first + step) % ports.len()]));
        let broker = Broker {
            username: Some(format!("{DIVISION}-{gateway}")),
            password: Some(Secret::new(BOX_PASSWORD.to_owned())),
            fallbacks: others.collect(),
            client_id: format!("moshao-{DIVISION}-{gateway}"),
            ..loopback_broker(ports[first])
        };
        let uplink = RunningUplink::of(gateway, broker, &outbox, &metrics);
        let silent = Arc::new(AtomicBool::new(false));
        Self { gateway: gateway.to_owned(), outbox, uplink, silent, _directory: directory }
    }

    /// Tells its share of events until it is silent.
    fn tell(&self) -> tokio::task::JoinHandle<Told> {
        let (gateway, outbox, silent) = (self.gateway.clone(), self.outbox.clone(), self.silent.clone());
        tokio::spawn(async move {
            let mut told = Told { ids: BTreeSet::new(), deepest: 0 };
            let mut tick = interval(Duration::from_secs(1) * BOXES as u32 / EVENTS_PER_SECOND);
            while !silent.load(Ordering::Relaxed) {
                tick.tick().await;
                let number = told.ids.len();
                let id = format!("{gateway}-{number}");
                let class = if number.is_multiple_of(3) { Class::Event } else { Class::Alarm };
                let mut new = new_event_of(&gateway, class, &id);
                // The judge tells alarms by their level.
                new.event.data.level = if class == Class::Alarm { 1 } else { 3 };
                outbox.accept(vec![new], None).await.expect("accepted");
                told.ids.insert(id);
                told.deepest = told.deepest.max(outbox.stats().borrow().depth);
            }
            told
        })
    }

    /// Waits until all is delivered, or long enough.
    async fn stop(self) {
        let mut stats = self.outbox.stats();
        // What does not come is for the judge to see.
        drop(timeout(LAST, stats.wait_for(|stats| stats.depth == 0)).await);
        self.uplink.stop().await;
        self.outbox.close().await;
    }
}

/// The centre's archive: takes event after event from the servers' consumer and acknowledges it.
struct Archive {
    arrivals: Arc<Mutex<HashMap<String, Arrivals>>>,
    closed: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Messages asked for at once.
const BATCH: usize = 200;
const NEXT: &str = "$JS.API.CONSUMER.MSG.NEXT.$MQTT_msgs.ARCHIVE";
const INBOX: &str = "_INBOX.archive";

// === impl Archive ===

impl Archive {
    fn listen(ports: Vec<u16>) -> Self {
        let arrivals = Arc::new(Mutex::new(HashMap::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let (ear, end) = (Arc::clone(&arrivals), Arc::clone(&closed));
        let thread = std::thread::spawn(move || {
            for port in ports.iter().cycle() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                // A server that is away, or has no leader to ask: the next one.
                drop(fetch(*port, &ear, &end));
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self { arrivals, closed, thread }
    }

    fn with<T>(&self, look: impl FnOnce(&HashMap<String, Arrivals>) -> T) -> T {
        look(&self.arrivals.lock().expect("no holder panics"))
    }

    fn close(self) {
        self.closed.store(true, Ordering::Relaxed);
        self.thread.join().expect("the archive does not panic");
    }
}

/// Fetches batch after batch from one server, until it fails or `end`.
fn fetch(port: u16, arrivals: &Mutex<HashMap<String, Arrivals>>, end: &AtomicBool) -> io::Result<()> {
    let mut client = Client::connect(port, INBOX)?;
    while !end.load(Ordering::Relaxed) {
        // Expires before the client loses patience.
        client.publish(NEXT, INBOX, &format!("{{\"batch\":{BATCH},\"expires\":2000000000}}"))?;
        for _ in 0..BATCH {
            let message = client.receive()?;
            // A status: there is no more for now.
            let Some(ack) = message.reply else { break };
            let event: serde_json::Value =
                serde_json::from_slice(&message.payload).map_err(io::Error::other)?;
            let source = event["source"].as_str().unwrap_or_default();
            let gateway = source.rsplit(':').next().unwrap_or_default().to_owned();
            arrivals.lock().expect("no holder panics").entry(gateway).or_default().take(&message.payload);
            client.publish(&ack, "", "+ACK")?;
        }
    }
    Ok(())
}
