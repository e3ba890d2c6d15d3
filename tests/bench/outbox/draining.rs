//! How fast a backlog goes out: outbox and uplink against `mosquitto_pub`, to the same mosquitto with the same window, and
//! against the MQTT library that the uplink uses, alone.
//!
//! The clock runs until the last PUBACK: then the centre has everything, and `mosquitto_pub` is done as well. The outbox
//! deletes the last events up to a second later, so as to sync less often.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moshao::metrics::Metrics;
use moshao::mqtt;
use moshao::outbox::Class;
use moshao_tests::broker::Broker;
use moshao_tests::gateway_parts::{RunningUplink, event, loopback_broker, new_event, open_outbox};
use rumqttc::{Event, Packet, QoS};
use tokio::sync::Notify;

use super::{median, table};
use crate::report::{line, progress};

const WINDOW: usize = 32;
/// Packet ids of the bare client, as a multiple of the window: as the uplink has them.
const PACKET_IDS_PER_WINDOW: usize = 16;
const ROUNDS: usize = 3;
const QUOTA_BYTES: u64 = 1 << 30;
const TOPIC: &str = "moshao/v1/510104001001/gw-test/event/fire/1";

/// How an outbox was drained.
struct Drained {
    events_per_second: f64,
    /// From the last PUBACK until nothing waits in the outbox.
    deleted_after: Duration,
}

pub(super) fn measure(is_short: bool) {
    let events = if is_short { 4_000 } else { 20_000 };
    let broker = Broker::start();
    let directory = tempfile::tempdir().expect("a directory");
    let lines = directory.path().join("lines");
    write_lines(&lines, events);
    let (mut ours, mut deleted_after) = (Vec::new(), Duration::ZERO);
    let (mut library, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress(&format!("draining {events} events, round {round} of {ROUNDS}"));
        let drained = drain(&broker, events);
        ours.push(drained.events_per_second);
        deleted_after = deleted_after.max(drained.deleted_after);
        library.push(bare_library(&broker, &lines, events));
        theirs.push(mosquitto_pub(&broker, &lines, events));
    }
    let (ours, library, theirs) = (median(ours), median(library), median(theirs));
    table(
        &format!(
            "Draining {events} events to mosquitto with {WINDOW} unacknowledged, until the last PUBACK; the middle one of \
             {ROUNDS} rounds."
        ),
        &["client", "events/s", "against mosquitto_pub"],
    );
    for (client, rate) in
        [("outbox and uplink", ours), ("rumqttc alone, no outbox", library), ("mosquitto_pub", theirs)]
    {
        line(&format!("| {client} | {rate:.0} | {:.2} |", rate / theirs));
    }
    line(&format!(
        "\nThe outbox reads each event from the disk and deletes it there, the last ones {} ms after their PUBACK at most; \
         the others read lines and forget them.",
        deleted_after.as_millis()
    ));
}

/// Drains an outbox that was filled while it was offline.
fn drain(broker: &Broker, events: usize) -> Drained {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let metrics = Arc::new(Metrics::new());
        let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
        for first in (0..events).step_by(100) {
            let batch = (first..first + 100).map(|number| new_event(Class::Event, &format!("d{number:06}")));
            outbox.accept(batch.collect(), None).await.expect("accepted");
        }
        let (left, all_acknowledged) = (AtomicUsize::new(events), Arc::new(Notify::new()));
        let notify = Arc::clone(&all_acknowledged);
        let on_delivered = move |_: &_| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                notify.notify_one();
            }
        };
        let begin = Instant::now();
        let address = loopback_broker(broker.port);
        let uplink = RunningUplink::watched(address, WINDOW, &outbox, &metrics, Some(Arc::new(on_delivered)));
        all_acknowledged.notified().await;
        let took = begin.elapsed();
        outbox.stats().wait_for(|stats| stats.depth == 0).await.expect("the outbox lives");
        let deleted_after = begin.elapsed() - took;
        uplink.stop().await;
        outbox.close().await;
        Drained { events_per_second: events as f64 / took.as_secs_f64(), deleted_after }
    })
}

/// Messages a second of the MQTT library with nothing around it: it publishes the lines, another one for each PUBACK.
fn bare_library(broker: &Broker, lines: &Path, messages: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begin = Instant::now();
    let text = fs::read_to_string(lines).expect("the lines are there");
    let mut lines = text.lines();
    let mut options = mqtt::options(&loopback_broker(broker.port)).expect("no files are needed");
    options.set_inflight((WINDOW * PACKET_IDS_PER_WINDOW) as u16);
    let (client, mut event_loop) = mqtt::client(options, WINDOW);
    let mut publish = |most| {
        for line in lines.by_ref().take(most) {
            client.try_publish(TOPIC, QoS::AtLeastOnce, false, line).expect("the queue holds a window");
        }
    };
    runtime.block_on(async {
        let mut left = messages;
        while left > 0 {
            match event_loop.poll().await.expect("mosquitto ends no connection") {
                Event::Incoming(Packet::ConnAck(_)) => publish(WINDOW),
                Event::Incoming(Packet::PubAck(_)) => {
                    left -= 1;
                    publish(1);
                }
                _ => {}
            }
        }
    });
    messages as f64 / begin.elapsed().as_secs_f64()
}

/// The same events, a line each.
fn write_lines(path: &Path, events: usize) {
    let lines: Vec<String> = (0..events)
        .map(|number| serde_json::to_string(&event(&format!("d{number:06}"))).expect("an event is JSON"))
        .collect();
    fs::write(path, lines.join("\n") + "\n").expect("the lines are written");
}

fn mosquitto_pub(broker: &Broker, lines: &Path, messages: usize) -> f64 {
    let begin = Instant::now();
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-M", &WINDOW.to_string(), "-l"])
        .args(["-t", TOPIC])
        .stdin(Stdio::from(File::open(lines).expect("the lines are there")))
        .status()
        .expect("mosquitto_pub is needed: apt-get install mosquitto-clients");
    assert!(status.success(), "mosquitto_pub could not publish");
    messages as f64 / begin.elapsed().as_secs_f64()
}
