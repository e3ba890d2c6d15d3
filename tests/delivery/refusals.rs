//! MQTT 5, and what brokers will not have: against mosquitto and a broker that refuses by script.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use moshao::budget::Budget;
use moshao::event::Event;
use moshao::metrics::Metrics;
use moshao::outbox::{Class, Cursor, NewEvent, OutboxHandle};
use moshao::topics::Topics;
use moshao_config::{Broker as Address, Category, Protocol};
use moshao_tests::broker::Broker;
use moshao_tests::centre::{Centre, Message};
use moshao_tests::fake_broker::{Behaviour, FakeBroker, Seen};
use moshao_tests::gateway_parts::{
    DIVISION, GATEWAY, RunningUplink, loopback_broker, new_event, open_outbox,
};
use moshao_tests::wait::eventually;
use tempfile::TempDir;

const QUOTA_BYTES: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(180);
/// Reasons of MQTT 5 §3.4.2.1.
const QUOTA_EXCEEDED: u8 = 0x97;
const PAYLOAD_FORMAT_INVALID: u8 = 0x99;

fn version_5(port: u16) -> Address {
    Address { protocol: Protocol::V5, ..loopback_broker(port) }
}

/// A gateway without cameras and sensors.
struct Box {
    _directory: TempDir,
    metrics: Arc<Metrics>,
    outbox: OutboxHandle,
}

// === impl Box ===

impl Box {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Arc::new(Metrics::new());
        let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
        Box { _directory: directory, metrics, outbox }
    }

    fn uplink(&self, address: Address) -> RunningUplink {
        RunningUplink::start(address, 32, &self.outbox, &self.metrics)
    }

    async fn accept(&self, events: Vec<NewEvent>) {
        self.outbox.accept(events, None).await.expect("accepted");
    }

    fn until(&self, line: &str) {
        eventually(line, PATIENCE, || self.metrics.render().lines().any(|other| other == line).then_some(()));
    }

    async fn waiting(&self) -> Vec<String> {
        let rows = self.outbox.next(Cursor::default(), 1000).await.unwrap();
        rows.iter().map(|row| serde_json::from_slice::<Event>(&row.body).expect("an event").id).collect()
    }
}

fn alarms(ids: &[&str]) -> Vec<NewEvent> {
    ids.iter().map(|id| new_event(Class::Alarm, id)).collect()
}

fn on_topic(id: &str, category: Category, level: u8) -> NewEvent {
    NewEvent { topic: Topics::new(DIVISION, GATEWAY).event(category, level), ..new_event(Class::Event, id) }
}

fn events(messages: &[Message]) -> Vec<Event> {
    messages.iter().map(|message| serde_json::from_slice(&message.payload).expect("an event")).collect()
}

fn acknowledged(seen: &Seen) -> BTreeSet<String> {
    let id = |payload: &Vec<u8>| serde_json::from_slice::<Event>(payload).expect("an event").id;
    seen.acknowledged.keys().map(id).collect()
}

/// Waits until the broker has acknowledged these and one event with this code.
fn until_told(broker: &FakeBroker, ids: &[&str], code: &str) {
    eventually(code, PATIENCE, || {
        let seen = broker.seen();
        let told = seen.acknowledged.keys().any(|payload| {
            serde_json::from_slice::<Event>(payload).is_ok_and(|event| event.data.code == code)
        });
        let have = acknowledged(&seen);
        (told && ids.iter().all(|id| have.contains(*id))).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_5_says_what_a_message_is_and_when_it_is_out_of_date() {
    let broker = Broker::start_with("log_type subscribe");
    let port = broker.port.to_string();
    let subscriber = Command::new("mosquitto_sub")
        .args(["-V", "mqttv5", "-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "moshao/#", "-C", "4"])
        .args(["-F", "%t|%C|%E"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mosquitto_sub is needed for this test: apt-get install mosquitto-clients");
    eventually("it subscribes", PATIENCE, || broker.log().contains("moshao/#").then_some(()));
    let gateway = Box::new();
    let uplink = gateway.uplink(version_5(broker.port));
    gateway.accept(alarms(&["e0", "e1"])).await;
    let output = subscriber.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let event = "moshao/v1/510104001001/gw-test/event/fire/1|application/cloudevents+json; charset=utf-8|";
    assert!(lines[0].starts_with(event) && lines[1].starts_with(event), "{text}");
    assert!(lines[2].starts_with("moshao/v1/510104001001/gw-test/health|application/json|1"), "{text}");
    assert!(lines[3].starts_with("moshao/v1/510104001001/gw-test/state|application/json|"), "{text}");
    gateway.until("moshao_events_delivered_total 2");
    gateway.until("moshao_events_unheard_total 0");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_version_5_nobody_listening_is_noticed() {
    let broker = Broker::start();
    let gateway = Box::new();
    let uplink = gateway.uplink(version_5(broker.port));
    gateway.accept(alarms(&["e0"])).await;
    gateway.until("moshao_events_unheard_total 1");
    gateway.until("moshao_outbox_depth_events 0");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_access_list_forbids_waits_and_arrives_when_it_has_been_mended() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("acl");
    let most = "topic write moshao/v1/+/+/state\ntopic write moshao/v1/+/+/health\n\
                topic write moshao/v1/+/+/event/device/#\ntopic read #\n";
    std::fs::write(&list, most).unwrap();
    let mut broker =
        Broker::start_with(&format!("user root\npersistence true\nacl_file {}\n", list.display()));
    let centre = Centre::start(broker.port, "centre", "moshao/v1/+/+/event/#").await;
    let gateway = Box::new();
    let uplink = gateway.uplink(version_5(broker.port));
    gateway.accept(alarms(&["fire-0", "fire-1"])).await;
    gateway.accept(vec![on_topic("battery", Category::Device, 4)]).await;
    let received = centre
        .wait_until("what is not forbidden, and the telling", |messages| {
            let codes: Vec<String> = events(messages).into_iter().map(|event| event.data.code).collect();
            codes.iter().any(|code| code == "UPLINK_REFUSED") && codes.len() >= 2
        })
        .await;
    assert!(
        events(&received).iter().any(|event| event.id == "battery"),
        "it does not wait behind the others"
    );
    assert_eq!(gateway.waiting().await, ["fire-0", "fire-1"], "nothing is taken for delivered");
    gateway.until("moshao_uplink_refused_topics 1");

    broker.stop();
    std::fs::write(&list, format!("{most}topic write moshao/#\n")).unwrap();
    broker.start_again();
    centre
        .wait_until("the forbidden ones", |messages| {
            let ids: BTreeSet<String> = events(messages).into_iter().map(|event| event.id).collect();
            ids.contains("fire-0") && ids.contains("fire-1")
        })
        .await;
    gateway.until("moshao_outbox_depth_events 0");
    gateway.until("moshao_uplink_refused_topics 0");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_event_is_set_aside_after_three_refusals_and_told() {
    let refuse = Behaviour {
        refuse_publish: Some(("poison", PAYLOAD_FORMAT_INVALID, usize::MAX)),
        ..Behaviour::good()
    };
    let broker = FakeBroker::start(move |_| refuse.clone()).await;
    let gateway = Box::new();
    let uplink = gateway.uplink(version_5(broker.port));
    gateway.accept(alarms(&["e0", "poison", "e1", "e2"])).await;
    until_told(&broker, &["e0", "e1", "e2"], "OUTBOX_REFUSED");
    gateway.until("moshao_events_set_aside_total{reason=\"payload\"} 1");
    gateway.until("moshao_uplink_refused_total{reason=\"payload\"} 3");
    gateway.until("moshao_outbox_aside_events 1");
    gateway.until("moshao_outbox_depth_events 1");
    assert_eq!(gateway.waiting().await, [""; 0], "it is out of the way");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_over_which_the_broker_hangs_up_is_set_aside_and_no_other() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let hang_up = Behaviour { hang_up_over: Some("poison"), ..Behaviour::good() };
        let broker = FakeBroker::start(move |_| hang_up.clone()).await;
        let gateway = Box::new();
        let uplink = gateway.uplink(Address { protocol, ..loopback_broker(broker.port) });
        let mut ids: Vec<String> = (0..40).map(|number| format!("e{number:02}")).collect();
        let good = ids.clone();
        ids.insert(20, "poison".to_owned());
        gateway.accept(alarms(&ids.iter().map(String::as_str).collect::<Vec<_>>())).await;
        let good: Vec<&str> = good.iter().map(String::as_str).collect();
        until_told(&broker, &good, "OUTBOX_REFUSED");
        gateway.until("moshao_events_set_aside_total{reason=\"hung-up\"} 1");
        uplink.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_over_its_quota_is_left_alone_for_a_while_and_then_gets_everything() {
    let full = Behaviour { refuse_publish: Some(("\"id\":\"e", QUOTA_EXCEEDED, 3)), ..Behaviour::good() };
    let broker = FakeBroker::start(move |_| full.clone()).await;
    let gateway = Box::new();
    let uplink = gateway.uplink(version_5(broker.port));
    gateway.accept(alarms(&["e0", "e1", "e2", "e3"])).await;
    gateway.until("moshao_outbox_depth_events 0");
    assert_eq!(acknowledged(&broker.seen()).len(), 4);
    gateway.until("moshao_uplink_refused_total{reason=\"quota\"} 3");
    assert!(!gateway.metrics.render().contains("moshao_events_set_aside_total{"), "nobody is to blame");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_do_not_wait_for_the_budget_and_other_events_do() {
    let broker = FakeBroker::start(|_| Behaviour::good()).await;
    let gateway = Box::new();
    let limits = moshao_config::Budget { day_bytes: None, bits_per_second: Some(8_000) };
    let zone = jiff::tz::TimeZone::UTC;
    let budget = Budget::open(limits, zone.clone(), &gateway.outbox, Arc::clone(&gateway.metrics)).await;
    let uplink = RunningUplink::with_budget(
        loopback_broker(broker.port),
        32,
        &gateway.outbox,
        &gateway.metrics,
        budget,
    );
    let ids: Vec<String> = (0..8).map(|number| format!("slow{number}")).collect();
    gateway.accept(ids.iter().map(|id| on_topic(id, Category::City, 4)).collect()).await;
    gateway.until("moshao_traffic_waits{class=\"event\"} 1");
    let more: Vec<String> = (0..40).map(|number| format!("alarm{number}")).collect();
    gateway.accept(alarms(&more.iter().map(String::as_str).collect::<Vec<_>>())).await;
    eventually("all alarms", PATIENCE, || {
        let have = acknowledged(&broker.seen());
        more.iter().all(|id| have.contains(id)).then_some(())
    });
    assert!(!gateway.waiting().await.is_empty(), "40 alarms have used up 40 seconds of the rate");
    uplink.stop().await;
    // The totals go on after a restart.
    let sent = gateway.metrics.uplink.traffic_day_bytes.with_label_values(&["alarm"]).get();
    assert!(sent > 20_000, "{sent} bytes of alarms");
    let metrics = Arc::new(Metrics::new());
    Budget::open(limits, zone, &gateway.outbox, Arc::clone(&metrics)).await;
    assert_eq!(metrics.uplink.traffic_day_bytes.with_label_values(&["alarm"]).get(), sent);
}
