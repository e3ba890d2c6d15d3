//! A subscriber as the command centre would run one: keeps its session at the broker, collects every event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use moshao::event::Event;
use rumqttc::{Client, Connection, Incoming, MqttOptions, QoS};

use crate::wait::eventually;

/// What departments subscribe to: the events of every gateway.
const EVENTS: &str = "moshao/v1/+/+/event/#";

/// An event as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// MQTT topic.
    pub topic: String,
    /// The event.
    pub event: Event,
    /// When it arrived.
    pub at: Instant,
}

/// A running subscriber. It connects again as soon as the broker is back.
pub struct Subscriber {
    received: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
    client: Client,
}

// === impl Subscriber ===

impl Subscriber {
    /// Subscribes at the broker on `port` of 127.0.0.1; returns when the subscription is acknowledged.
    pub fn start(port: u16) -> Self {
        let mut options = MqttOptions::new("centre", "127.0.0.1", port);
        options.set_clean_session(false).set_max_packet_size(16 << 20, 16 << 20);
        let (client, connection) = Client::new(options, 16);
        let received = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let subscribed = Arc::new(AtomicBool::new(false));
        client.subscribe(EVENTS, QoS::AtLeastOnce).expect("the client's queue is empty");
        thread::spawn({
            let (received, stopped, subscribed) = (received.clone(), stopped.clone(), subscribed.clone());
            move || listen(connection, &received, &stopped, &subscribed)
        });
        eventually("the subscription is acknowledged", Duration::from_secs(10), || {
            subscribed.load(Ordering::Relaxed).then_some(())
        });
        Self { received, stopped, client }
    }

    /// Everything that has arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("the listener does not panic while it holds the lock").clone()
    }

    /// Waits for the first event for which `wanted` holds.
    ///
    /// # Panics
    /// After `patience`; the message lists what came instead.
    #[track_caller]
    pub fn wait_for(&self, what: &str, patience: Duration, wanted: impl Fn(&Event) -> bool) -> Received {
        let begin = Instant::now();
        loop {
            let received = self.received();
            if let Some(found) = received.iter().find(|received| wanted(&received.event)) {
                return found.clone();
            }
            assert!(
                begin.elapsed() < patience,
                "{what}: not within {patience:?}; what came:\n{}",
                summary(&received)
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Fails where the listener is gone already.
        drop(self.client.disconnect());
    }
}

fn listen(
    mut connection: Connection,
    received: &Mutex<Vec<Received>>,
    stopped: &AtomicBool,
    subscribed: &AtomicBool,
) {
    for notification in connection.iter() {
        match notification {
            Ok(rumqttc::Event::Incoming(Incoming::SubAck(_))) => subscribed.store(true, Ordering::Relaxed),
            Ok(rumqttc::Event::Incoming(Incoming::Publish(publish))) => {
                let at = Instant::now();
                let event =
                    serde_json::from_slice(&publish.payload).expect("an event is what the schema says");
                let message = Received { topic: publish.topic, event, at };
                received.lock().expect("nobody panics while holding the lock").push(message);
            }
            Ok(_) => {}
            Err(_) if stopped.load(Ordering::Relaxed) => return,
            // The broker is away; iterating on connects again.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn summary(received: &[Received]) -> String {
    received
        .iter()
        .map(|Received { event, .. }| {
            let note = event.data.note.as_deref().unwrap_or_default();
            format!("  {} {} {:?} {note}\n", event.sequence, event.kind, event.data.phase)
        })
        .collect()
}
