//! `moshao events`, as people run it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use moshao_tests::broker::{Broker, free_port};
use moshao_tests::gateway::binary;
use moshao_tests::gateway_parts::event;
use moshao_tests::wait::eventually;
use serde_json::Value;

const TOPIC: &str = "moshao/v1/510104001001/gw-test/event/fire/1";

/// The output of `moshao events` with these arguments, for the events with these ids.
fn shown(arguments: &[&str], ids: &[&str]) -> Vec<String> {
    let broker = Broker::start_with("log_type subscribe");
    let mut command = Command::new(binary())
        .args(["events", "--url", &broker.url()])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("moshao starts");
    eventually("it subscribes", Duration::from_secs(20), || broker.log().contains("moshao/v1").then_some(()));
    for id in ids {
        broker.publish(TOPIC, &serde_json::to_string(&event(id)).expect("an event is JSON"));
    }
    let output = BufReader::new(command.stdout.take().expect("piped"));
    let lines = output.lines().map(|line| line.expect("UTF-8")).collect();
    assert!(command.wait().expect("it ends").success());
    lines
}

#[test]
fn events_are_shown_once_each_one_line_each() {
    let lines = shown(&["--count", "2"], &["e1", "e1", "e2"]);
    assert_eq!(lines, ["12:34:56 red    opened    Smoke in the kitchen · Kitchen · inc-1"; 2]);
}

#[test]
fn json_is_what_was_received() {
    let lines = shown(&["--json", "--count", "2"], &["e1", "e1", "e2"]);
    let ids: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone()).collect();
    assert_eq!(ids, ["e1", "e2"]);
}

#[test]
fn a_wrong_url_is_told_clearly() {
    let refuses = format!("mqtt://127.0.0.1:{}", free_port());
    for (url, code, words) in [
        ("http://127.0.0.1", 2, "http://"),
        ("127.0.0.1", 2, "URL"),
        (refuses.as_str(), 1, "refuses connections"),
    ] {
        let output = Command::new(binary()).args(["events", "--url", url]).output().expect("moshao starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{url}: {error}");
        assert!(error.contains(words), "{url}: {error}");
    }
}
