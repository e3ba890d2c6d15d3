//! The centre as it gives commands: publishes them, collects answers and the parts of files.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, QoS};
use serde_json::{Value, json};

use crate::wait::eventually;

/// Topic of the gateway under test, and what lies below.
const COMMAND: &str = "moshao/v1/510104001001/gw-test/command";
/// A command that is not answered is sent again this often: the box may not have listened yet.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has come, by topic below `command/result`.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A centre that gives commands to the gateway `gw-test`.
pub struct Commander {
    client: Client,
    received: Received,
    stopped: Arc<AtomicBool>,
    last: AtomicU64,
}

// === impl Commander ===

impl Commander {
    /// Listens for answers at the broker on `port` of 127.0.0.1.
    pub fn start(port: u16) -> Self {
        let mut options = MqttOptions::new("commander", "127.0.0.1", port);
        options.set_clean_session(false).set_max_packet_size(1 << 20, 1 << 20);
        let (client, connection) = Client::new(options, 16);
        client.subscribe(format!("{COMMAND}/result/#"), QoS::AtLeastOnce).expect("the queue is empty");
        let (received, stopped) = (Received::default(), Arc::new(AtomicBool::new(false)));
        let subscribed = Arc::new(AtomicBool::new(false));
        thread::spawn({
            let (received, stopped, subscribed) = (received.clone(), stopped.clone(), subscribed.clone());
            move || listen(connection, &received, &stopped, &subscribed)
        });
        eventually("the subscription is acknowledged", PATIENCE, || {
            subscribed.load(Ordering::Relaxed).then_some(())
        });
        Self { client, received, stopped, last: AtomicU64::new(0) }
    }

    /// Gives a command and waits for its answer: `{"id", "status", "result" or "reason" and "message"}`.
    ///
    /// # Panics
    /// Where none comes.
    #[track_caller]
    pub fn order(&self, verb: &str, arguments: Value) -> Value {
        let id = format!("c-{}", self.last.fetch_add(1, Ordering::Relaxed));
        let expires = (Timestamp::now() + SignedDuration::from_mins(5)).to_string();
        let command =
            json!({"id": id, "verb": verb, "expires": expires, "arguments": arguments, "by": "duty"});
        let mut sent: Option<Instant> = None;
        eventually(&format!("an answer to {command}"), PATIENCE, || {
            if sent.is_none_or(|sent| sent.elapsed() > AGAIN) {
                sent = Some(Instant::now());
                let payload = command.to_string();
                self.client.publish(COMMAND, QoS::AtLeastOnce, false, payload).expect("the client lives");
            }
            let answers = self.on(|topic| topic == "result");
            let answers =
                answers.iter().filter_map(|(_, payload)| serde_json::from_slice::<Value>(payload).ok());
            answers.into_iter().find(|answer| answer["id"] == id.as_str())
        })
    }

    /// As [`Commander::order`], for one that must be done; its result.
    #[track_caller]
    pub fn done(&self, verb: &str, arguments: Value) -> Value {
        let answer = self.order(verb, arguments);
        assert_eq!(answer["status"], "done", "{answer}");
        answer["result"].clone()
    }

    /// The parts of a file that the command with this id asked for, by offset.
    pub fn parts(&self, id: &str) -> BTreeMap<u64, Vec<u8>> {
        let prefix = format!("result/{id}/");
        let parts = self.on(|topic| topic.starts_with(&prefix));
        let offset = |topic: &str| topic.rsplit('/').next().and_then(|offset| offset.parse().ok());
        parts.into_iter().map(|(topic, bytes)| (offset(&topic).expect("an offset"), bytes)).collect()
    }

    /// Messages on the topics that are wanted, named from `result` on.
    fn on(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
        let received = self.received.lock().expect("nobody panics while holding the lock");
        received.iter().filter(|(topic, _)| wanted(topic)).cloned().collect()
    }
}

impl Drop for Commander {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Fails where the listener is gone already.
        drop(self.client.disconnect());
    }
}

fn listen(mut connection: Connection, received: &Received, stopped: &AtomicBool, subscribed: &AtomicBool) {
    for notification in connection.iter() {
        match notification {
            Ok(Event::Incoming(Incoming::SubAck(_))) => subscribed.store(true, Ordering::Relaxed),
            Ok(Event::Incoming(Incoming::Publish(publish))) => {
                let topic = publish.topic.strip_prefix(COMMAND).unwrap_or_default();
                let topic = topic.trim_start_matches('/').to_owned();
                let mut received = received.lock().expect("nobody panics while holding the lock");
                received.push((topic, publish.payload.to_vec()));
            }
            Ok(_) => {}
            Err(_) if stopped.load(Ordering::Relaxed) => return,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
