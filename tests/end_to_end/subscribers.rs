//! The example subscribers of `deploy/contract/examples`, run as their first lines say.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moshao::event::Event;
use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::wait::eventually;
use serde_json::json;
use tempfile::TempDir;

use crate::site::uplink;

/// A Java compiler on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    Java,
}

/// A running example.
struct Example {
    language: Language,
    port: u16,
    directory: TempDir,
    process: Child,
}

// === impl Language ===

impl Language {
    /// How to run it; none, and said so, where this machine cannot.
    fn command(self) -> Option<Command> {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/contract/examples");
        let mut command = match self {
            Language::Python => Command::new("/usr/bin/python3"),
            Language::Java => Command::new("java"),
        };
        match self {
            Language::Python => {
                let client = Command::new("/usr/bin/python3")
                    .args(["-c", "import paho.mqtt.client, zstandard"])
                    .output();
                if !client.is_ok_and(|client| client.status.success()) {
                    skip("python3-paho-mqtt or python3-zstandard is not installed");
                    return None;
                }
                command.arg(examples.join("subscriber.py"));
            }
            Language::Java => {
                let compiler = Command::new("javac").arg("-version").output();
                if !compiler.is_ok_and(|compiler| compiler.status.success()) {
                    skip("there is no JDK");
                    return None;
                }
                if ["mqtt-client", "zstd-jni"]
                    .iter()
                    .any(|jar| !Path::new(&format!("/usr/share/java/{jar}.jar")).exists())
                {
                    skip("libmqtt-client-java or libzstd-jni-java is not installed");
                    return None;
                }
                command.args(["-cp", "/usr/share/java/*"]).arg(examples.join("Subscriber.java"));
            }
        }
        Some(command)
    }
}

// === impl Example ===

impl Example {
    /// Runs it; returns when it has subscribed.
    fn start(language: Language, port: u16) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory for the example");
        let process = run(language, port, directory.path())?;
        let example = Example { language, port, directory, process };
        example.wait_for_note("subscribed");
        Some(example)
    }

    /// Ends it between two instructions, as a power cut would.
    fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is our child");
    }

    /// Runs it again with the same journal; what it said before is forgotten.
    fn start_again(&mut self) {
        self.process = run(self.language, self.port, self.directory.path()).expect("it ran before");
        self.wait_for_note("subscribed");
    }

    fn journal(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// Phase, code and id of each event that it has printed.
    fn events(&self) -> Vec<String> {
        let text = self.read("out");
        let part = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            format!("{} {} {}", words[2], words[3], words[words.len() - 1])
        };
        text.lines().map(part).collect()
    }

    #[track_caller]
    fn wait_for_note(&self, note: &str) {
        eventually(
            &format!("{:?} says '{note}'; it says {}", self.language, self.read("notes")),
            PATIENCE,
            || self.read("notes").lines().any(|line| line.starts_with(note)).then_some(()),
        );
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn run(language: Language, port: u16, directory: &Path) -> Option<Child> {
    let file = |name: &str| File::create(directory.join(name)).expect("its output can be kept");
    let child = language
        .command()?
        .args([format!("mqtt://127.0.0.1:{port}"), "centre-1".to_owned()])
        .arg(directory.join("journal"))
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("notes"))
        .spawn()
        .expect("it was there a moment ago");
    Some(child)
}

const SOURCE: &str = "urn:moshao:510104001001:gw-test";

/// An event of the box with this number, as it goes over the wire.
fn event(sequence: u64, code: &str, subject: &str, phase: &str) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": format!("inc-{sequence}-1"),
        "source": SOURCE,
        "type": "moshao.fire.smoke.v1",
        "subject": subject,
        "time": "2026-11-21T12:34:56.120+08:00",
        "recordedtime": "2026-11-21T12:34:56.480+08:00",
        "datacontenttype": "application/json",
        "sequence": format!("{sequence:020}"),
        "correlationid": format!("inc-{sequence}"),
        "severitytext": "FATAL",
        "severitynumber": 21,
        "data": {
            "phase": phase,
            "stage": "open",
            "code": code,
            "title": "烟感火警",
            "category": "fire",
            "level": 1,
            "color": "red",
            "mode": "live",
            "confirm": "unconfirmed",
            "rule": "smoke",
            "grid": { "code": "510104001001003", "division": "510104001001" },
            "place": { "address": "一组 3 号" },
            "device": { "kind": "smoke", "id": "kitchen", "name": "厨房" },
            "objects": [],
            "evidence": [],
        },
    });
    let text = event.to_string();
    serde_json::from_str::<Event>(&text).expect("an event of the contract");
    text
}

fn smoke(sequence: u64) -> String {
    event(sequence, "FIRE_SMOKE", "sensor/kitchen", "updated")
}

fn told(sequence: u64) -> String {
    format!("updated FIRE_SMOKE inc-{sequence}-1")
}

/// Everything that a broker and a box may do to the order and number of events.
fn each_event_counts_once_and_gaps_are_noticed(language: Language) {
    let broker = Broker::start_keeping_sessions();
    let Some(mut example) = Example::start(language, broker.port) else { return };
    let publish = |event: &str| broker.publish("moshao/v1/510104001001/gw-test/event/fire/1", event);
    for sequence in [11, 12, 12, 17, 15] {
        publish(&smoke(sequence));
    }
    publish("no event at all");
    publish(&event(18, "OUTBOX_GAP", "outbox/13-14", "opened"));
    publish(&smoke(20));
    example.wait_for_note(&format!("gap: {SOURCE} lacks 19 to 19"));
    let mut expected: Vec<String> = [11, 12, 17, 15].map(told).to_vec();
    expected.extend(["opened OUTBOX_GAP inc-18-1".to_owned(), told(20)]);
    assert_eq!(example.events(), expected);
    let notes = example.read("notes");
    let notes: Vec<&str> = notes.lines().filter(|line| !line.starts_with("not an event")).collect();
    assert_eq!(
        notes,
        [
            "subscribed",
            "duplicate: inc-12-1",
            &format!("gap: {SOURCE} lacks 13 to 16"),
            &format!("late: {SOURCE} 15"),
            &format!("lost: {SOURCE} declares 13 to 14"),
            &format!("gap: {SOURCE} lacks 19 to 19"),
        ]
    );
    assert!(example.read("notes").contains("not an event: moshao/v1/510104001001/gw-test"));

    // The program dies in the middle of a line of its journal; the broker keeps what comes.
    example.kill();
    let mut journal = fs::read(example.journal()).expect("it keeps a journal");
    journal.extend_from_slice(b"[\"urn:mo");
    fs::write(example.journal(), journal).expect("the journal can be written");
    publish(&smoke(20));
    publish(&smoke(19));
    publish(&smoke(21));
    example.start_again();
    eventually("what came meanwhile is told once", PATIENCE, || {
        (example.events() == [19, 21].map(told)).then_some(())
    });
    example.wait_for_note("duplicate: inc-20-1");
    example.wait_for_note(&format!("late: {SOURCE} 19"));
    example.kill();
    example.start_again();
    publish(&smoke(21));
    example.wait_for_note("duplicate: inc-21-1");
    assert_eq!(example.events(), [""; 0], "everything has been told, and nothing twice");
}

/// A batch of the box, as it goes over the wire; some of its events have come before.
fn each_event_of_a_batch_counts_once(language: Language) {
    let broker = Broker::start_keeping_sessions();
    let Some(example) = Example::start(language, broker.port) else { return };
    broker.publish("moshao/v1/510104001001/gw-test/event/fire/1", &smoke(11));
    let events = [11, 12, 14].map(smoke).join(",");
    let packed = zstd::encode_all(format!("[{events}]").as_bytes(), 3).expect("memory");
    let file = example.directory.path().join("batch");
    for batch in [packed.as_slice(), b"no batch", packed.as_slice()] {
        fs::write(&file, batch).expect("the batch can be written");
        broker.publish_file("moshao/v1/510104001001/gw-test/batch", &file);
    }
    eventually("each event is told once", PATIENCE, || {
        (example.read("notes").matches("duplicate: inc-14-1").count() == 1).then_some(())
    });
    assert_eq!(example.events(), [11, 12, 14].map(told));
    let notes = example.read("notes");
    assert_eq!(notes.matches("duplicate: inc-11-1").count(), 2, "{notes}");
    assert!(notes.contains(&format!("gap: {SOURCE} lacks 13 to 13")), "{notes}");
    assert!(notes.contains("not an event: moshao/v1/510104001001/gw-test/batch"), "{notes}");
}

/// What came long ago is no longer in the journal, what came of late is.
fn the_journal_does_not_grow_for_ever(language: Language) {
    let broker = Broker::start_keeping_sessions();
    let Some(mut example) = Example::start(language, broker.port) else { return };
    example.kill();
    let entry = |number: u64| format!("[\"{SOURCE}\",\"inc-{number}-1\",{number},null]\n");
    let journal: String = (1..=30_000).filter(|number| *number != 500).map(entry).collect();
    fs::write(example.journal(), &journal).expect("the journal can be written");
    for _ in 0..2 {
        example.start_again();
        broker.publish("moshao/v1/510104001001/gw-test/event/fire/1", &smoke(30_000));
        example.wait_for_note("duplicate: inc-30000-1");
        example.kill();
    }
    let kept = fs::read(example.journal()).expect("it keeps a journal").len();
    assert!(kept < journal.len() / 10, "{kept} bytes of {} are left", journal.len());
    broker.publish("moshao/v1/510104001001/gw-test/event/fire/1", &smoke(500));
    example.start_again();
    example.wait_for_note(&format!("late: {SOURCE} 500"));
}

/// The real box opens an incident, the example accepts it, the box takes that up and says so.
fn the_answer_reaches_the_box(language: Language) {
    let (centre, site) = (Broker::start_with("log_type subscribe"), Broker::start());
    let Some(example) = Example::start(language, centre.port) else { return };
    let gateway = Gateway::start(&format!(
        "{}[sensors]\nurl = \"{}\"\n\
         [sensor.kitchen-smoke]\ntopic = \"site/smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [rule.smoke]\nstate = {{}}\n",
        uplink(&centre),
        site.url()
    ));
    eventually("the box listens to both brokers", PATIENCE, || {
        let hears_answers =
            centre.log().contains("gw-test-down 1 moshao/v1/510104001001/gw-test/disposition");
        (hears_answers && gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    site.publish("site/smoke", r#"{"smoke": true}"#);
    let phases = || -> Vec<String> {
        let words = |line: String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        example.events().into_iter().map(words).collect()
    };
    eventually("the incident is opened and taken on", PATIENCE, || {
        let opened = ["opened FIRE_SMOKE", "acknowledged FIRE_SMOKE"];
        (phases() == opened).then_some(())
    });
    assert_eq!(gateway.metric("moshao_dispositions_total", &[("answer", "applied")]), 1.0);
}

#[test]
fn in_python_each_event_counts_once_and_gaps_are_noticed() {
    each_event_counts_once_and_gaps_are_noticed(Language::Python);
}

#[test]
fn in_java_each_event_counts_once_and_gaps_are_noticed() {
    each_event_counts_once_and_gaps_are_noticed(Language::Java);
}

#[test]
fn in_python_each_event_of_a_batch_counts_once() {
    each_event_of_a_batch_counts_once(Language::Python);
}

#[test]
fn in_java_each_event_of_a_batch_counts_once() {
    each_event_of_a_batch_counts_once(Language::Java);
}

#[test]
fn in_python_the_journal_does_not_grow_for_ever() {
    the_journal_does_not_grow_for_ever(Language::Python);
}

#[test]
fn in_java_the_journal_does_not_grow_for_ever() {
    the_journal_does_not_grow_for_ever(Language::Java);
}

#[test]
fn the_answer_in_python_reaches_the_box() {
    the_answer_reaches_the_box(Language::Python);
}

#[test]
fn the_answer_in_java_reaches_the_box() {
    the_answer_reaches_the_box(Language::Java);
}
