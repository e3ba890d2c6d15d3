//! `moshao demo`, as a newcomer runs it. It brings everything along, so this test needs no test data.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use moshao::event::{Event, Phase};
use moshao_tests::gateway::binary;

#[test]
fn the_demo_shows_one_incident_from_smoke_to_all_clear_within_a_minute() {
    let begin = Instant::now();
    let output = Command::new(binary())
        .args(["demo", "--json", "--seconds", "60"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let took = begin.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the demo failed: {}\n{errors}", output.status);
    assert!(took < Duration::from_secs(75), "it took {took:?}");

    let events: Vec<Event> = String::from_utf8(output.stdout)
        .expect("events are UTF-8")
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let fire = events
        .iter()
        .find(|event| event.data.phase == Phase::Opened && event.subject.starts_with("sensor/"))
        .unwrap_or_else(|| panic!("no sensor opened an incident:\n{errors}"));
    let phases: Vec<Phase> = events
        .iter()
        .filter(|event| event.correlationid == fire.correlationid)
        .map(|event| event.data.phase)
        .collect();
    assert!(phases.contains(&Phase::Confirmed), "the camera confirms it: {phases:?}\n{errors}");
    assert_eq!(phases.last(), Some(&Phase::Closed), "it closes when both clear: {phases:?}\n{errors}");
}
