//! One MQTT connection, whichever version of the protocol it speaks.
//!
//! rumqttc has a client of its own for each version. Here both are opened fresh for each connection, polled by a task
//! that is never cancelled half-way through a packet (rumqttc changes its state before it writes), and told in the same
//! few words ([`Signal`]). Another poll after an error would reconnect with the old connection's state: the task ends.

mod v3;
mod v5;

use std::time::Duration;

use moshao_config::{Broker, Protocol};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::refusal::Refusal;
use crate::mqtt::TlsError;

/// Packets read from the event loop and not looked at yet.
const SIGNALS: usize = 64;

/// What goes on on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// CONNACK.
    Connected(Limits),
    /// The oldest publish handed over has gone out with this packet id.
    Sent(u16),
    /// A PUBACK.
    Acknowledged { packet: u16, answer: Ack },
    /// Any other packet from the broker.
    Heard,
    /// Any other packet to it.
    Spoke,
}

/// What a PUBACK says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    /// The broker has it.
    Taken,
    /// The broker has it, and nobody is subscribed.
    Unheard,
    /// The broker will not have it.
    Refused(Refusal),
}

/// What the broker allows on this connection; MQTT 3.1.1 knows no such limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Publishes without a PUBACK.
    pub(super) receive_maximum: Option<u16>,
    /// Bytes of a packet.
    pub(super) largest_packet: Option<u32>,
}

/// How the connection broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// In words for people.
    pub(super) reason: String,
    /// The broker ended it, which may be because of what it got.
    pub(super) by_broker: bool,
}

/// One message on its way.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
    pub(super) kind: Kind,
}

/// What a message is; MQTT 5 tells its receivers more about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event: a CloudEvent in JSON. It never expires.
    Event,
    /// A batch of events ([`crate::batch`]). It never expires.
    Batch,
    /// What the box is: retained.
    State,
    /// How the box is: retained, and out of date after this time.
    Health(Duration),
    /// What has changed of that; out of date after this time.
    Changes(Duration),
}

/// What the box leaves behind when its link breaks.
#[derive(Debug, Clone)]
pub(super) struct Will {
    pub(super) topic: String,
    pub(super) body: String,
}

/// The sending side.
#[derive(Debug)]
pub(super) enum Client {
    V3(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

/// An open connection. Dropped, it is cut.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) client: Client,
    pub(super) signals: mpsc::Receiver<Result<Signal, Broken>>,
    poller: JoinHandle<()>,
}

/// How many publishes may wait in the client and be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Requests that may wait in the client.
    pub(super) requests: usize,
    /// Packet ids that may be used.
    pub(super) packet_ids: u16,
}

// === impl Signal ===

impl Signal {
    /// A sign of life of the broker.
    pub(super) fn is_from_broker(&self) -> bool {
        matches!(self, Signal::Connected(_) | Signal::Acknowledged { .. } | Signal::Heard)
    }
}

// === impl Wire ===

impl Wire {
    /// Begins to connect.
    ///
    /// # Errors
    /// A file that the connection needs cannot be used.
    pub(super) fn open(broker: &Broker, will: Will, room: Room) -> Result<Self, TlsError> {
        let (forward, signals) = mpsc::channel(SIGNALS);
        let (client, poller) = match broker.protocol {
            Protocol::V3 => {
                let (client, event_loop) = v3::open(broker, will, room)?;
                (Client::V3(client), tokio::spawn(v3::poll(event_loop, broker.clone(), forward)))
            }
            Protocol::V5 => {
                let (client, event_loop) = v5::open(broker, will, room)?;
                (Client::V5(client), tokio::spawn(v5::poll(event_loop, broker.clone(), forward)))
            }
        };
        Ok(Wire { client, signals, poller })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

// === impl Client ===

impl Client {
    /// Hands a message over. The client's queue is as large as the window: an error is no full queue, but a topic that is
    /// no topic, or a connection that has ended.
    pub(super) fn publish(&self, message: Message) -> Result<(), Broken> {
        let sent = match self {
            Client::V3(client) => v3::publish(client, message),
            Client::V5(client) => v5::publish(client, message),
        };
        sent.map_err(|detail| Broken::here(format!("the MQTT client refuses a publish: {detail}")))
    }

    /// Says goodbye once everything handed over is out.
    pub(super) fn disconnect(&self) -> Result<(), Broken> {
        let sent = match self {
            Client::V3(client) => client.try_disconnect().map_err(|error| error.to_string()),
            Client::V5(client) => client.try_disconnect().map_err(|error| error.to_string()),
        };
        sent.map_err(Broken::here)
    }
}

// === impl Broken ===

impl Broken {
    /// Ended from this side.
    pub(super) fn here(reason: String) -> Self {
        Broken { reason, by_broker: false }
    }
}

// === impl Kind ===

impl Kind {
    /// Kept by the broker for who comes later.
    fn is_retained(self) -> bool {
        matches!(self, Kind::State | Kind::Health(_))
    }
}

/// How an I/O error looks when the other side has ended the connection.
fn is_hang_up(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
