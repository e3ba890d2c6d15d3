//! Events as somebody at the command centre receives them: a plain MQTT subscription.

use std::time::Duration;

use rumqttc::{AsyncClient, Event as MqttEvent, MqttOptions, Packet, QoS, SubscribeReasonCode};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Messages that may wait for the reader; the broker keeps what does not fit.
const WAITING: usize = 64;
/// Between two tries to reach the broker.
const RETRY: Duration = Duration::from_secs(1);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// What was published.
    pub payload: Vec<u8>,
}

/// A subscription. Ends when dropped.
#[derive(Debug)]
pub struct Subscriber {
    messages: mpsc::Receiver<Message>,
    subscribed: mpsc::Receiver<()>,
    _connection: AbortOnDropHandle<()>,
}

// === impl Subscriber ===

impl Subscriber {
    /// Subscribes with QoS 1 on every connection; a lost one is made again after a second.
    pub fn start(mut options: MqttOptions, filter: String) -> Self {
        options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        let (to_reader, messages) = mpsc::channel(WAITING);
        let (tell_subscribed, subscribed) = mpsc::channel(1);
        let connection = tokio::spawn(receive(options, filter, to_reader, tell_subscribed));
        Self { messages, subscribed, _connection: AbortOnDropHandle::new(connection) }
    }

    /// Waits until the broker has taken the subscription: nothing published later is missed.
    pub async fn subscribed(&mut self) {
        // None: the connection task has ended, which it does only when this is dropped.
        self.subscribed.recv().await.unwrap_or_default();
    }

    /// The next message.
    pub async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }
}

/// Largest message, bytes.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

async fn receive(
    options: MqttOptions,
    filter: String,
    to_reader: mpsc::Sender<Message>,
    subscribed: mpsc::Sender<()>,
) {
    let (client, mut connection) = AsyncClient::new(options, 8);
    loop {
        match connection.poll().await {
            Ok(MqttEvent::Incoming(Packet::ConnAck(_))) => {
                if client.try_subscribe(&filter, QoS::AtLeastOnce).is_err() {
                    tracing::warn!(filter, "cannot subscribe: too many requests wait");
                }
            }
            Ok(MqttEvent::Incoming(Packet::SubAck(answer))) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    tracing::error!(filter, "the broker refuses the subscription");
                }
                // Full: it has been told before and nobody has asked.
                subscribed.try_send(()).ok();
            }
            Ok(MqttEvent::Incoming(Packet::Publish(publish))) => {
                let message = Message { topic: publish.topic, payload: publish.payload.to_vec() };
                if to_reader.send(message).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the broker cannot be reached; next try in {} s", RETRY.as_secs());
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
