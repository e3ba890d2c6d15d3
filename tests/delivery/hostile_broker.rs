//! Against a broker that cuts links, forgets sessions, and acknowledges out of order or never.
//!
//! The two defects of rumqttc 0.25.1 that the shape of the uplink avoids have tests of their own here:
//! [`a_lost_session_with_queued_publishes_loses_nothing`] (rumqtt issue 863 and pull request 864: publishes that the client has taken
//! are thrown away when the broker answers `session_present=0`) and
//! [`out_of_order_acks_and_a_cut_link_do_not_wedge`] (rumqtt issue 1014: a collision of packet ids survives the
//! connection and stops the client for ever).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use moshao::metrics::Metrics;
use moshao::outbox::{Class, Cursor, OutboxHandle};
use moshao_tests::centre::PATIENCE;
use moshao_tests::fake_broker::{Behaviour, FakeBroker, Seen};
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox};
use serde_json::Value;
use tokio::time::timeout;

const QUOTA_BYTES: u64 = 64 << 20;
const WINDOW: usize = 32;

fn id(payload: &[u8]) -> String {
    let body: Value = serde_json::from_slice(payload).expect("events are JSON");
    body["id"].as_str().expect("events have an id").to_owned()
}

fn acknowledged(seen: &Seen) -> BTreeSet<String> {
    seen.acknowledged.keys().map(|payload| id(payload)).collect()
}

#[track_caller]
fn assert_nothing_lost(seen: &Seen, count: usize) {
    let missing: Vec<String> = ids(count).difference(&acknowledged(seen)).cloned().collect();
    assert!(
        missing.is_empty(),
        "{} of {count} have left the outbox without a PUBACK: {missing:?}",
        missing.len()
    );
}

fn ids(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| format!("e{number:05}")).collect()
}

async fn accept(outbox: &OutboxHandle, count: usize) {
    let events = ids(count).into_iter().map(|id| new_event(Class::Event, &id));
    let sequences = outbox.accept(events.collect(), None).await.expect("accepted");
    assert_eq!(sequences.len(), count);
}

async fn waiting(outbox: &OutboxHandle) -> BTreeSet<String> {
    let rows = outbox.next(Cursor::default(), usize::MAX >> 1).await.expect("readable");
    rows.iter().map(|row| id(&row.body)).collect()
}

async fn drained(outbox: &OutboxHandle) {
    let mut stats = outbox.stats();
    let empty = stats.wait_for(|stats| stats.depth == 0);
    timeout(PATIENCE * 2, empty).await.expect("drained in time").expect("the outbox lives");
}

struct Scene {
    broker: FakeBroker,
    outbox: OutboxHandle,
    uplink: RunningUplink,
    _directory: tempfile::TempDir,
}

/// An outbox with this many events and an uplink to a broker with this script.
async fn scene(events: usize, script: impl Fn(usize) -> Behaviour + Send + 'static) -> Scene {
    let broker = FakeBroker::start(script).await;
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    accept(&outbox, events).await;
    // The shortest there is: rumqttc gives up a collision of packet ids at the second ping.
    let address =
        moshao_config::Broker { keep_alive: Duration::from_secs(1), ..loopback_broker(broker.port) };
    let uplink = RunningUplink::start(address, WINDOW, &outbox, &metrics);
    Scene { broker, outbox, uplink, _directory: directory }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_session_with_queued_publishes_loses_nothing() {
    let scene = scene(20, |connection| match connection {
        // The link is cut while most publishes are with the client and none is acknowledged.
        0 => Behaviour { cut_after: Some(4), shuffle_in_groups_of: 100, ..Behaviour::good() },
        _ => Behaviour::good(),
    })
    .await;
    drained(&scene.outbox).await;
    let seen = scene.broker.seen();
    assert_nothing_lost(&seen, 20);
    assert_eq!(seen.connections, 2);
    scene.uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_order_acks_and_a_cut_link_do_not_wedge() {
    let scene = scene(2000, |connection| match connection {
        // The first publish is never acknowledged: packet ids come round to it and collide.
        0 => {
            Behaviour { forget: Some(2), cut_after: Some(900), shuffle_in_groups_of: 7, ..Behaviour::good() }
        }
        _ => Behaviour { shuffle_in_groups_of: 5, ..Behaviour::good() },
    })
    .await;
    drained(&scene.outbox).await;
    assert_nothing_lost(&scene.broker.seen(), 2000);
    scene.uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_links_repeat_at_most_a_window_each() {
    let scene = scene(1000, |connection| Behaviour {
        session_present: connection % 2 == 1,
        cut_after: (connection < 6).then_some(10 + connection * 19),
        shuffle_in_groups_of: 1 + connection % 9,
        ..Behaviour::good()
    })
    .await;
    drained(&scene.outbox).await;
    let seen = scene.broker.seen();
    assert_nothing_lost(&seen, 1000);
    assert_eq!(seen.connections, 7);
    let repeated: usize = seen.received.values().map(|times| times - 1).sum();
    assert!(repeated <= 6 * WINDOW, "{repeated} repeated over 6 cut links");
    assert!(seen.most_outstanding <= WINDOW, "{} publishes without PUBACK", seen.most_outstanding);
    scene.uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_without_puback_stays() {
    // Two notes come first on each connection: state and health. The fifth publish is the third event.
    let scene = scene(10, |_| Behaviour { forget: Some(4), ..Behaviour::good() }).await;
    let mut stats = scene.outbox.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.depth == 1)).await.expect("in time").unwrap();
    assert_eq!(waiting(&scene.outbox).await, BTreeSet::from(["e00002".to_owned()]));
    let mut others = ids(10);
    others.remove("e00002");
    assert_eq!(acknowledged(&scene.broker.seen()), others);
    scene.uplink.stop().await;
    assert_eq!(waiting(&scene.outbox).await, BTreeSet::from(["e00002".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_overtake_the_backlog() {
    let scene = scene(500, |connection| match connection {
        0 => Behaviour { deaf: true, ..Behaviour::good() },
        _ => Behaviour { shuffle_in_groups_of: 1, ..Behaviour::good() },
    })
    .await;
    scene.uplink.stop().await;
    scene.outbox.accept(vec![new_event(Class::Alarm, "alarm")], None).await.expect("accepted");
    let broker = FakeBroker::start(|_| Behaviour::good()).await;
    let metrics = Arc::new(Metrics::new());
    let uplink = RunningUplink::start(loopback_broker(broker.port), WINDOW, &scene.outbox, &metrics);
    drained(&scene.outbox).await;
    let order: Vec<String> = broker.seen().order.iter().map(|payload| id(payload)).collect();
    assert_eq!(order[0], "alarm");
    assert_eq!(order[1..], ids(500).into_iter().collect::<Vec<_>>(), "the others in their order");
    uplink.stop().await;
}
