//! The centre as its broker sees it: a client with a persistent session that remembers every message on its filter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for messages that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Sent because it was retained, not because it is new.
    pub retained: bool,
}

/// A subscriber in a task of its own; reconnects until it is dropped.
#[derive(Debug)]
pub struct Centre {
    received: Arc<Mutex<Vec<Message>>>,
    task: JoinHandle<()>,
}

// === impl Centre ===

impl Centre {
    /// Subscribes at the broker on this port of 127.0.0.1; returns when the subscription stands.
    pub async fn start(port: u16, client_id: &str, filter: &str) -> Self {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
        options.set_clean_session(false);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut event_loop) = AsyncClient::new(options, 8);
        client.subscribe(filter, QoS::AtLeastOnce).await.expect("the request queue is empty");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (ready, subscribed) = tokio::sync::oneshot::channel();
        let sink = Arc::clone(&received);
        let task = tokio::spawn(async move {
            // The client belongs to the event loop: dropped, it would end it.
            let _client = client;
            let mut ready = Some(ready);
            loop {
                match event_loop.poll().await {
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        if let Some(ready) = ready.take() {
                            ready.send(()).expect("the test waits for the subscription");
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        sink.lock().expect("no holder panics").push(Message {
                            topic: publish.topic,
                            payload: publish.payload.to_vec(),
                            retained: publish.retain,
                        });
                    }
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        });
        timeout(PATIENCE, subscribed).await.expect("a subscription in time").expect("the task lives");
        Self { received, task }
    }

    /// Everything received so far, in order.
    pub fn received(&self) -> Vec<Message> {
        self.received.lock().expect("no holder panics").clone()
    }

    /// Waits until what has been received satisfies `enough`.
    ///
    /// # Panics
    /// After 30 s.
    pub async fn wait_until(&self, what: &str, enough: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let begin = Instant::now();
        loop {
            let received = self.received();
            if enough(&received) {
                return received;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "still waiting for {what} after {PATIENCE:?}; received {} messages",
                received.len()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.task.abort();
    }
}
