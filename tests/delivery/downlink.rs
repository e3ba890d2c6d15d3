//! Commands and dispositions through mosquitto.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use moshao::batch::Batches;
use moshao::downlink::{self, Command, Disposition};
use moshao::metrics::Metrics;
use moshao::outbox::{Class, OutboxHandle};
use moshao::topics::Topics;
use moshao_tests::batches;
use moshao_tests::broker::Broker;
use moshao_tests::centre::{Centre, Message, PATIENCE};
use moshao_tests::gateway_parts::{
    DIVISION, GATEWAY, RunningUplink, loopback_broker, new_event, open_outbox,
};
use moshao_tests::wait::eventually;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

struct Box {
    dispositions: mpsc::Receiver<Disposition>,
    stills: mpsc::Receiver<Command>,
    accepted: watch::Receiver<Batches>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn topics() -> Topics {
    Topics::new(DIVISION, GATEWAY)
}

impl Box {
    fn start(port: u16, outbox: &OutboxHandle) -> Self {
        let (to_desk, dispositions) = mpsc::channel(4);
        let (to_stills, stills) = mpsc::channel(4);
        let (batches, accepted) = watch::channel(Batches::None);
        let settings = downlink::Settings {
            broker: loopback_broker(port),
            topics: topics(),
            dispositions: Some(to_desk),
            receivers: BTreeMap::from([("still", to_stills)]),
            batches,
            parts: mpsc::channel(1).1,
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(downlink::run(settings, outbox.clone(), stop.clone()));
        Self { dispositions, stills, accepted, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic");
    }
}

fn command(id: &str, verb: &str, minutes: i64) -> String {
    let expires = (Timestamp::now() + SignedDuration::from_mins(minutes)).to_string();
    json!({"id": id, "verb": verb, "expires": expires, "arguments": {"camera": "yard"}}).to_string()
}

/// Waits until the box listens: what is published to nobody is lost.
fn subscribed(broker: &Broker) {
    let line = format!("{GATEWAY}-down 1 {}", topics().command());
    let log = || broker.log().contains(&line).then_some(());
    eventually("the box subscribes", PATIENCE, log);
}

fn results(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_slice(&message.payload).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_done_once_and_answered_each_time() {
    let broker = Broker::start_with("persistence true\nuser root\nlog_type subscribe");
    let centre = Centre::start(broker.port, "centre", &topics().command_result()).await;
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open_outbox(directory.path(), 16 << 20, &Arc::new(Metrics::new()));
    let mut gateway = Box::start(broker.port, &outbox);
    subscribed(&broker);
    broker.publish(&topics().command(), &command("c0", "dance", 5));
    centre.wait_until("an answer", |messages| !messages.is_empty()).await;
    let first = results(&centre.received()).remove(0);
    assert_eq!((&first["status"], &first["reason"]), (&json!("refused"), &json!("unknown-command")));
    assert!(first["message"].as_str().unwrap().contains("still"), "{first}");

    broker.publish(&topics().command(), &command("c1", "still", 5));
    let asked = timeout(PATIENCE, gateway.stills.recv()).await.expect("in time").expect("it runs");
    assert_eq!((asked.id.as_str(), &asked.arguments["camera"]), ("c1", &json!("yard")));
    asked.answer.send(Ok(json!({"bytes": 7}))).expect("the downlink waits");
    let is_c1 = |messages: &[Message]| results(messages).iter().filter(|result| result["id"] == "c1").count();
    centre.wait_until("the result", |messages| is_c1(messages) == 1).await;
    gateway.stop().await;

    // Sent once more while the box is away, and a late one.
    broker.publish(&topics().command(), &command("c1", "still", 5));
    broker.publish(&topics().command(), &command("c2", "still", -1));
    let mut gateway = Box::start(broker.port, &outbox);
    let told =
        centre.wait_until("both", |messages| results(messages).iter().any(|one| one["id"] == "c2")).await;
    let told = results(&told);
    assert_eq!(told.iter().filter(|one| one["id"] == "c1" && one["result"]["bytes"] == 7).count(), 2);
    assert_eq!(told.last().unwrap()["reason"], "expired");
    assert!(gateway.stills.try_recv().is_err(), "done once");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disposition_comes_again_until_its_effect_is_safe() {
    let broker = Broker::start_with("persistence true\nuser root\nlog_type subscribe");
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open_outbox(directory.path(), 16 << 20, &Arc::new(Metrics::new()));
    let gateway = Box::start(broker.port, &outbox);
    subscribed(&broker);
    gateway.stop().await;
    broker.publish(&topics().disposition(), r#"{"event_id":"e1","seq":1}"#);
    let mut gateway = Box::start(broker.port, &outbox);
    let first = timeout(PATIENCE, gateway.dispositions.recv()).await.expect("in time").expect("it runs");
    drop(first.done);
    let again = timeout(PATIENCE, gateway.dispositions.recv()).await.expect("in time").expect("it runs");
    assert_eq!(again.payload, first.payload);
    again.done.send(()).expect("the downlink waits");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_commands_at_once_are_all_answered() {
    let broker =
        Broker::start_with("persistence true\nuser root\nlog_type subscribe\nmax_inflight_messages 0");
    let centre = Centre::start(broker.port, "centre", &topics().command_result()).await;
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open_outbox(directory.path(), 16 << 20, &Arc::new(Metrics::new()));
    let gateway = Box::start(broker.port, &outbox);
    subscribed(&broker);
    gateway.stop().await;
    for number in 0..200 {
        broker.publish(&topics().command(), &command(&format!("c{number}"), "dance", 5));
    }
    let gateway = Box::start(broker.port, &outbox);
    let told = centre.wait_until("200 answers", |messages| messages.len() >= 200).await;
    assert_eq!(results(&told).iter().filter(|one| one["reason"] == "unknown-command").count(), told.len());
    gateway.stop().await;
}

/// The centre says what it takes before the box is there, takes it back while it is away, and says it anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_goes_in_batches_while_the_centre_takes_them() {
    let broker = Broker::start_with("persistence true\nuser root");
    let centre = Centre::start(broker.port, "centre", "moshao/v1/#").await;
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), 64 << 20, &metrics);
    let takes = |said: &str| broker.publish_retained(&topics().accepts(), said);
    let fill = async |tag: &str| {
        for (class, kind, count) in [(Class::Event, 'e', 200), (Class::Alarm, 'a', 5)] {
            let events = (0..count).map(|number| new_event(class, &format!("{tag}-{kind}{number:03}")));
            outbox.accept(events.collect(), None).await.expect("accepted");
        }
    };
    let drain = async |gateway: &Box| {
        let address = loopback_broker(broker.port);
        let batches = gateway.accepted.clone();
        let uplink = RunningUplink::with_batches(address, 32, &outbox, &metrics, None, batches);
        let mut stats = outbox.stats();
        timeout(PATIENCE, stats.wait_for(|stats| stats.depth == 0)).await.expect("in time").expect("it runs");
        uplink.stop().await;
    };

    takes(r#"{"batch":["zstd"]}"#);
    let mut gateway = Box::start(broker.port, &outbox);
    gateway.accepted.wait_for(|batches| *batches == Batches::Zstd).await.expect("it runs");
    fill("batched").await;
    drain(&gateway).await;
    gateway.stop().await;

    takes("");
    let mut gateway = Box::start(broker.port, &outbox);
    fill("single").await;
    // A box that has just started knows of none; one that knows is told.
    takes(r#"{"batch":["zstd"]}"#);
    gateway.accepted.wait_for(|batches| *batches == Batches::Zstd).await.expect("it runs");
    takes("");
    gateway.accepted.wait_for(|batches| *batches == Batches::None).await.expect("it runs");
    drain(&gateway).await;
    gateway.stop().await;

    let all = |messages: &[Message]| events(messages).len() >= 410;
    let messages = centre.wait_until("410 events", all).await;
    let came = events(&messages);
    let (batched, alone): (Vec<_>, Vec<_>) = came.iter().partition(|(_, in_batch)| *in_batch);
    assert_eq!(came.len(), 410, "nothing twice");
    assert!(batched.len() > 100, "{} of 200 came in batches", batched.len());
    assert!(
        batched.iter().all(|(id, _)| id.starts_with("batched-e")),
        "no alarm, and none once they are not taken"
    );
    assert!(alone.iter().filter(|(id, _)| id.starts_with("batched-a")).count() == 5, "alarms go alone");
    let of = |kind: &str| {
        came.iter().map(|(id, _)| id).filter(|id| id.starts_with(kind)).cloned().collect::<Vec<_>>()
    };
    for kind in ["batched-e", "batched-a", "single-e", "single-a"] {
        assert!(of(kind).is_sorted(), "{kind}: in order");
    }
}

/// The ids of all events, and whether they came in a batch.
fn events(messages: &[Message]) -> Vec<(String, bool)> {
    let id = |body: &[u8]| -> String {
        let event: Value = serde_json::from_slice(body).expect("an event is JSON");
        event["id"].as_str().expect("an event has an id").to_owned()
    };
    let mut events = Vec::new();
    for message in messages {
        if message.topic == topics().batch() {
            events.extend(batches::unpack(&message.payload).iter().map(|event| (id(event), true)));
        } else if message.topic.contains("/event/") {
            events.push((id(&message.payload), false));
        }
    }
    events
}
