//! How fast a backlog goes out: outbox and uplink against `mosquitto_pub`, to the same mosquitto with the same window.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use moshao::metrics::Metrics;
use moshao::outbox::Class;
use moshao_tests::broker::Broker;
use moshao_tests::gateway_parts::{RunningUplink, event, loopback_broker, new_event, open_outbox};

use super::{median, table};
use crate::report::{line, progress};

const WINDOW: usize = 32;
const ROUNDS: usize = 3;
const QUOTA_BYTES: u64 = 1 << 30;

pub(super) fn measure(is_short: bool) {
    let events = if is_short { 4_000 } else { 20_000 };
    let broker = Broker::start();
    let directory = tempfile::tempdir().expect("a directory");
    let lines = directory.path().join("lines");
    write_lines(&lines, events);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress(&format!("draining {events} events, round {round} of {ROUNDS}"));
        ours.push(drain(&broker, events));
        theirs.push(mosquitto_pub(&broker, &lines, events));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    table(
        &format!(
            "Draining {events} events to mosquitto with {WINDOW} unacknowledged; the middle one of {ROUNDS} rounds."
        ),
        &["outbox and uplink, events/s", "mosquitto_pub, messages/s", "outbox / mosquitto_pub"],
    );
    line(&format!("| {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs));
    line(
        "\nThe outbox reads each event from the disk and deletes it there; mosquitto_pub reads lines and forgets them.",
    );
}

/// Events a second from an outbox that was filled while it was offline.
fn drain(broker: &Broker, events: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let metrics = Arc::new(Metrics::new());
        let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
        for first in (0..events).step_by(100) {
            let batch = (first..first + 100).map(|number| new_event(Class::Event, &format!("d{number:06}")));
            outbox.accept(batch.collect(), None).await.expect("accepted");
        }
        let begin = Instant::now();
        let uplink = RunningUplink::start(loopback_broker(broker.port), WINDOW, &outbox, &metrics);
        let mut stats = outbox.stats();
        stats.wait_for(|stats| stats.depth == 0).await.expect("the outbox lives");
        let took = begin.elapsed();
        uplink.stop().await;
        outbox.close().await;
        events as f64 / took.as_secs_f64()
    })
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
        .args(["-t", "moshao/v1/510104001001/gw-test/event/fire/1"])
        .stdin(Stdio::from(File::open(lines).expect("the lines are there")))
        .status()
        .expect("mosquitto_pub is needed: apt-get install mosquitto-clients");
    assert!(status.success(), "mosquitto_pub could not publish");
    messages as f64 / begin.elapsed().as_secs_f64()
}
