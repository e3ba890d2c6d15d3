//! Webhooks and group robots against servers that misbehave.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use moshao::event::Event;
use moshao::metrics::Metrics;
use moshao::outbox::{Class, NewEvent, OutboxHandle};
use moshao::sink;
use moshao_config::{Config, Environment, examine_text};
use moshao_tests::fake_sink::{FakeSink, Received, Reply};
use moshao_tests::gateway_parts::{new_event, open_outbox_for};
use moshao_tests::wait::eventually;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::encrypted::{authority, certificate};

const QUOTA_BYTES: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "a shared secret";

/// A configuration with these sinks; `${env:SECRET}` and `${env:KEY}` are set.
fn config(directory: &Path, sinks: &str) -> Config {
    let file = format!(
        "[gateway]\nid = \"gw-test\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
         [uplink]\nurl = \"mqtt://127.0.0.1\"\n{sinks}"
    );
    let environment = Environment::fixed(directory, [("SECRET", SECRET), ("KEY", "k-123")], 1);
    let examined = examine_text(&file, "moshao.toml", &environment);
    examined.config.unwrap_or_else(|| panic!("{}", examined.report))
}

/// An outbox and its sinks at work.
struct Running {
    outbox: OutboxHandle,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

// === impl Running ===

impl Running {
    fn start(directory: &Path, config: &Config) -> Self {
        let metrics = Arc::new(Metrics::new());
        let subscriptions = sink::subscriptions(&config.sinks);
        let (outbox, _) = open_outbox_for(directory, QUOTA_BYTES, &metrics, subscriptions);
        let stop = CancellationToken::new();
        sink::start(config, &metrics, &outbox, &stop);
        Running { outbox, metrics, stop }
    }

    async fn accept(&self, events: Vec<NewEvent>) {
        self.outbox.accept(events, None).await.expect("accepted");
    }

    /// Waits for this line of `/metrics`.
    fn until(&self, line: &str) {
        eventually(line, PATIENCE, || self.metrics.render().lines().any(|other| other == line).then_some(()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn id(received: &Received) -> String {
    serde_json::from_slice::<Event>(&received.body).expect("an event").id
}

fn alarms(from: usize, to: usize) -> Vec<NewEvent> {
    (from..to).map(|number| new_event(Class::Alarm, &format!("e{number:03}"))).collect()
}

/// HMAC-SHA256 as openssl computes it.
fn hmac(key: &str, message: &[u8]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is needed for this test: apt-get install openssl");
    openssl.stdin.take().expect("piped").write_all(message).unwrap();
    let output = openssl.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_gets_signed_cloud_events_in_order_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    authority(directory.path(), "ca");
    certificate(directory.path(), "server");
    let [server, key] = ["server.pem", "server.key"].map(|name| directory.path().join(name));
    let server = FakeSink::start_with_tls(&server, &key, |_, _| Reply::Status(204, &[], String::new()));
    let sinks = format!(
        "[sink.hook]\nkind = \"webhook\"\nurl = \"https://127.0.0.1:{}/events?site=1\"\n\
         secret = \"${{env:SECRET}}\"\nca_file = \"ca.pem\"\n",
        server.port
    );
    let running = Running::start(directory.path(), &config(directory.path(), &sinks));
    running.accept(alarms(0, 20)).await;
    running.until("moshao_sink_events_total{outcome=\"delivered\",sink=\"hook\"} 20");
    let received = server.received();
    let ids: Vec<String> = received.iter().map(id).collect();
    assert_eq!(ids, (0..20).map(|number| format!("e{number:03}")).collect::<Vec<_>>());
    for request in &received {
        assert_eq!(request.target, "/events?site=1");
        assert_eq!(request.headers["content-type"], "application/cloudevents+json; charset=utf-8");
        let signature = &request.headers["x-moshao-signature"];
        let (time, signed) = signature.split_once(",v1=").expect("t=…,v1=…");
        let message = [time.trim_start_matches("t=").as_bytes(), b".", &request.body].concat();
        assert_eq!(signed, hmac(SECRET, &message), "{signature}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_misbehaves_gets_everything_in_the_end() {
    let server = FakeSink::start(|number, _| match number {
        0 => Reply::Status(500, &[], String::new()),
        2 => Reply::Status(429, &["Retry-After: 1"], String::new()),
        3 => Reply::Cut,
        5 => Reply::Hang,
        7 => Reply::CutInBody,
        8 => Reply::Status(404, &[], String::new()),
        _ => Reply::ok(""),
    });
    let directory = tempfile::tempdir().unwrap();
    let sinks = format!(
        "[sink.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nsecret = \"${{env:SECRET}}\"\ntimeout = \"4s\"\n",
        server.port
    );
    let running = Running::start(directory.path(), &config(directory.path(), &sinks));
    running.accept(alarms(0, 6)).await;
    running.until("moshao_sink_events_total{outcome=\"delivered\",sink=\"hook\"} 6");
    let mut ids: Vec<String> = server.received().iter().map(id).collect();
    ids.dedup();
    assert_eq!(ids, ["e000", "e001", "e002", "e003", "e004", "e005"], "repeated, never passed over");
    for reason in ["server", "busy", "broken", "timeout", "settings"] {
        running.until(&format!("moshao_sink_failures_total{{reason=\"{reason}\",sink=\"hook\"}} 1"));
    }
    running.until("moshao_sink_waiting_events{sink=\"hook\"} 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_a_webhook_refuses_is_given_up_after_three_times_and_told_to_the_centre() {
    let server = FakeSink::start(|_, request| {
        if id(request) == "e001" { Reply::Status(422, &[], String::new()) } else { Reply::ok("") }
    });
    let directory = tempfile::tempdir().unwrap();
    let sinks = format!(
        "[sink.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nsecret = \"${{env:SECRET}}\"\n",
        server.port
    );
    let running = Running::start(directory.path(), &config(directory.path(), &sinks));
    running.accept(alarms(0, 3)).await;
    running.until("moshao_sink_events_total{outcome=\"delivered\",sink=\"hook\"} 2");
    running.until("moshao_sink_events_total{outcome=\"refused\",sink=\"hook\"} 1");
    let ids: Vec<String> = server.received().iter().map(id).collect();
    assert_eq!(ids, ["e000", "e001", "e001", "e001", "e002"]);
    // The sink does not hear of itself.
    running.until("moshao_sink_events_total{outcome=\"silent\",sink=\"hook\"} 1");
    let waiting = running.outbox.next(moshao::outbox::Cursor::default(), 10).await.unwrap();
    let told: Vec<Event> = waiting.iter().map(|row| serde_json::from_slice(&row.body).unwrap()).collect();
    assert_eq!(told.len(), 4, "three alarms and what is told of the sink wait for the centre");
    assert_eq!((told[3].data.code.as_str(), told[3].subject.as_str()), ("SINK_REFUSED", "sink/hook"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_reaches_a_group_as_a_few_messages_and_a_busy_robot_is_left_alone() {
    let server = FakeSink::start(|number, _| match number {
        0 => Reply::ok(r#"{"errcode":-1,"errmsg":"system busy"}"#),
        _ => Reply::ok(r#"{"errcode":0,"errmsg":"ok"}"#),
    });
    let directory = tempfile::tempdir().unwrap();
    let sinks = format!(
        "[sink.duty]\nkind = \"wecom\"\nurl = \"http://127.0.0.1:{}/cgi-bin/webhook/send?key=${{env:KEY}}\"\n",
        server.port
    );
    let running = Running::start(directory.path(), &config(directory.path(), &sinks));
    let storm = (0..100).map(|number| {
        let mut new = new_event(Class::Alarm, &format!("e{number:03}"));
        new.event.subject = format!("sensor/s{number}");
        new
    });
    running.accept(storm.collect()).await;
    running.until("moshao_sink_events_total{outcome=\"delivered\",sink=\"duty\"} 100");
    let received = server.received();
    assert_eq!(received.len(), 2, "one digest, said again after the robot had been busy");
    assert_eq!(received[1].target, "/cgi-bin/webhook/send?key=k-123");
    let body: Value = serde_json::from_slice(&received[1].body).unwrap();
    let text = body["text"]["content"].as_str().expect("a text");
    assert!(text.starts_with("【雪亮告警】共 100 条告警：🔴红色 100 条"), "{text}");
    assert_eq!(received[0].body, received[1].body);
}

/// Tells the victim where its outbox lies and where its sink listens.
const DIRECTORY: &str = "MOSHAO_TEST_SINK_OUTBOX";
const PORT: &str = "MOSHAO_TEST_SINK_PORT";
const ROUNDS: usize = 8;
/// Events that the victim lets wait for the sink.
const AHEAD: usize = 30;

fn hook(port: &str) -> String {
    format!(
        "[sink.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"${{env:SECRET}}\"\n\
         backlog = 100000\n"
    )
}

/// The process that is killed: accepts events and tells each after its commit, while the sink is served.
#[test]
#[ignore = "started by the test below, which kills it"]
fn victim() {
    let (Some(directory), Ok(port)) = (std::env::var_os(DIRECTORY).map(PathBuf::from), std::env::var(PORT))
    else {
        return;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = Running::start(&directory, &config(&directory, &hook(&port)));
        let mut commits = running.outbox.stats();
        for number in 0.. {
            // Never far ahead of the sink: what is left at the end must not take minutes.
            while running.outbox.sink_next("hook", AHEAD).await.unwrap().events.len() == AHEAD {
                commits.changed().await.unwrap();
            }
            let id = format!("p{}n{number}", std::process::id());
            running.accept(vec![new_event(Class::Alarm, &id)]).await;
            let mut out = std::io::stdout().lock();
            writeln!(out, "\naccepted {id}").unwrap();
            out.flush().unwrap();
        }
    });
}

#[test]
fn what_was_accepted_reaches_a_sink_over_kill_9() {
    let server = FakeSink::start(|number, _| if number % 40 == 3 { Reply::Cut } else { Reply::ok("") });
    let directory = tempfile::tempdir().unwrap();
    // A sink that is new begins with what comes next: its place must be there before the first victim.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = config(directory.path(), &hook(&server.port.to_string()));
    runtime.block_on(async { Running::start(directory.path(), &settings).outbox.close().await });
    let mut accepted: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sinks::victim", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .env(PORT, server.port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = server.received().len();
        eventually("the sink gets some", PATIENCE, || {
            (server.received().len() > before + 3 + round * 2).then_some(())
        });
        victim.kill().unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        accepted.extend(
            lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("accepted ")?.to_owned())),
        );
        victim.wait().unwrap();
    }
    let running = runtime.block_on(async { Running::start(directory.path(), &settings) });
    running.until("moshao_sink_waiting_events{sink=\"hook\"} 0");
    let received: BTreeSet<String> = server.received().iter().map(id).collect();
    let lost: Vec<&String> = accepted.iter().filter(|id| !received.contains(*id)).collect();
    assert!(accepted.len() > ROUNDS * 4, "the victims did next to nothing: {}", accepted.len());
    assert!(lost.is_empty(), "accepted and never received: {lost:?}");
}
