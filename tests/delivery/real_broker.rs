//! Against mosquitto.

use std::collections::BTreeSet;
use std::sync::Arc;

use moshao::metrics::Metrics;
use moshao::mqtt::Link;
use moshao::outbox::{Class, OutboxHandle};
use moshao::uplink::HEALTH_PERIOD;
use moshao_tests::broker::Broker;
use moshao_tests::centre::{Centre, Message};
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox};
use serde_json::Value;
use tokio::time::timeout;

const QUOTA_BYTES: u64 = 64 << 20;
const EVENTS: &str = "moshao/v1/+/+/event/#";

fn field<'a>(message: &Message, body: &'a mut Value, name: &str) -> &'a str {
    *body = serde_json::from_slice(&message.payload).expect("events are JSON");
    body[name].as_str().expect("the field is text")
}

fn ids(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().map(|message| field(message, &mut Value::Null, "id").to_owned()).collect()
}

async fn accept(outbox: &OutboxHandle, from: usize, to: usize) {
    for number in from..to {
        let accepted = outbox.accept(vec![new_event(Class::Alarm, &format!("e{number:04}"))], None).await;
        assert_eq!(accepted.expect("accepted").len(), 1);
    }
}

async fn drained(outbox: &OutboxHandle) {
    let mut stats = outbox.stats();
    let empty = stats.wait_for(|stats| stats.depth == 0);
    timeout(moshao_tests::centre::PATIENCE, empty).await.expect("drained in time").expect("the outbox lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_in_order_and_leave_the_outbox() {
    let broker = Broker::start();
    let centre = Centre::start(broker.port, "centre", EVENTS).await;
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, recovered) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    assert_eq!(recovered.waiting, 0);
    let uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);

    accept(&outbox, 0, 200).await;
    let received = centre.wait_until("200 events", |messages| messages.len() >= 200).await;
    let sequences: Vec<String> =
        received.iter().map(|message| field(message, &mut Value::Null, "sequence").to_owned()).collect();
    let expected: Vec<String> = (1..=200).map(|number| format!("{number:020}")).collect();
    assert_eq!(sequences, expected, "one each, in order, without a gap");
    assert_eq!(received[0].topic, "moshao/v1/510104001001/gw-test/event/fire/1");
    drained(&outbox).await;
    let text = metrics.render();
    assert!(text.contains("moshao_events_delivered_total 200"), "{text}");
    assert!(text.contains("moshao_source_to_puback_seconds_count{source=\"reading\"} 200"), "{text}");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_broker_is_down() {
    let mut broker = Broker::start_keeping_sessions();
    let centre = Centre::start(broker.port, "centre", EVENTS).await;
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    let mut uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);

    accept(&outbox, 0, 100).await;
    for round in 1..=3 {
        broker.stop();
        uplink.link.wait_for(|link| matches!(link, Link::Down { .. })).await.unwrap();
        accept(&outbox, round * 100, round * 100 + 100).await;
        assert!(outbox.stats().borrow().depth >= 100, "nobody acknowledges while the broker is down");
        broker.start_again();
        uplink.link.wait_for(|link| *link == Link::Up).await.unwrap();
    }
    drained(&outbox).await;
    let all: BTreeSet<String> = (0..400).map(|number| format!("e{number:04}")).collect();
    centre.wait_until("400 different events", |messages| ids(messages) == all).await;
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_and_health_are_retained() {
    let broker = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    let early = Centre::start(broker.port, "early", "moshao/v1/+/+/state").await;
    let uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);
    early.wait_until("the birth", |messages| !messages.is_empty()).await;

    let late = Centre::start(broker.port, "late", "moshao/v1/#").await;
    let retained = late.wait_until("state and health", |messages| messages.len() >= 2).await;
    assert!(retained.iter().all(|message| message.retained));
    let state = retained.iter().find(|message| message.topic.ends_with("/state")).expect("a state");
    let mut body = Value::Null;
    assert_eq!(field(state, &mut body, "status"), "online");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    let health = retained.iter().find(|message| message.topic.ends_with("/health")).expect("a health");
    let body: Value = serde_json::from_slice(&health.payload).unwrap();
    assert_eq!(body["cameras"]["up"], 1);

    uplink.stop().await;
    let states = early.wait_until("the farewell", |messages| messages.len() >= 2).await;
    assert_eq!(field(&states[1], &mut Value::Null, "status"), "offline");
}

/// Takes more than a minute: that is how often a box tells how it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_minute_the_box_tells_what_has_changed_and_the_whole_stays_retained() {
    let broker = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    let early = Centre::start(broker.port, "early", "moshao/v1/+/+/health").await;
    let uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);
    tokio::time::sleep(HEALTH_PERIOD).await;
    let told = early.wait_until("two healths", |messages| messages.len() >= 2).await;
    let healths: Vec<Value> =
        told.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect();
    assert_eq!(healths[0]["cameras"]["of"], 1);
    assert!(healths[1].get("cameras").is_none(), "it has not changed: {}", healths[1]);
    assert_ne!(healths[0]["time"], healths[1]["time"]);

    let late = Centre::start(broker.port, "late", "moshao/v1/+/+/health").await;
    let retained = late.wait_until("the whole health", |messages| !messages.is_empty()).await;
    assert_eq!(serde_json::from_slice::<Value>(&retained[0].payload).unwrap(), healths[0]);
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_events_survive_a_restart_of_the_gateway() {
    let broker = Broker::start();
    let centre = Centre::start(broker.port, "centre", EVENTS).await;
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    accept(&outbox, 0, 50).await;
    outbox.close().await;

    let (outbox, recovered) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    assert_eq!(recovered.waiting, 50);
    let uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);
    accept(&outbox, 50, 60).await;
    let all: BTreeSet<String> = (0..60).map(|number| format!("e{number:04}")).collect();
    centre.wait_until("60 events", |messages| ids(messages) == all).await;
    uplink.stop().await;
}
