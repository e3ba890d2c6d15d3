//! One connection to the centre's broker, from CONNECT to its end.
//!
//! A task of its own polls the event loop and is never cancelled half-way through a packet: rumqttc changes its state
//! before it writes. It ends with the connection.

use std::time::Duration;

use jiff::Timestamp;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::in_flight::InFlight;
use super::watchdog::Watchdog;
use super::{Delivered, HEALTH_PERIOD, Settings};
use crate::mqtt::{self, Link};
use crate::outbox::{Class, Cursor, OutboxHandle, Sequence, Waiting};

/// Packet ids that rumqttc may use, as a multiple of the window. It numbers publishes round and round and stops when
/// it comes to a number that is still unacknowledged, which brokers that acknowledge out of order make happen soon in
/// a range as narrow as the window.
const PACKET_IDS_PER_WINDOW: usize = 16;
/// Birth, health (each minute, and when the storage fails or works again) and the farewell may be in flight besides the
/// window.
const NOTES: usize = 8;
/// Packets read from the event loop and not looked at yet.
const PACKETS: usize = 64;
/// How long the farewell may take.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By request.
    Stopped,
    /// Why it broke, for people.
    Broken(String),
}

/// One connection and its bookkeeping.
pub(super) struct Connection<'a> {
    settings: &'a Settings,
    outbox: &'a OutboxHandle,
    link: &'a watch::Sender<Link>,
    watchdog: Watchdog,
    in_flight: InFlight<Publish>,
    cursor: Cursor,
    acknowledged: Vec<Sequence>,
}

/// What a packet id stands for.
#[derive(Debug)]
enum Publish {
    Event { waiting: Waiting },
    Note { bytes: usize },
}

type Packets = mpsc::Receiver<Result<Event, ConnectionError>>;

// === impl Connection ===

impl<'a> Connection<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        outbox: &'a OutboxHandle,
        link: &'a watch::Sender<Link>,
    ) -> Self {
        Self {
            settings,
            outbox,
            link,
            watchdog: Watchdog::new(settings.broker.keep_alive, now()),
            in_flight: InFlight::new(settings.window),
            cursor: Cursor::default(),
            acknowledged: Vec::new(),
        }
    }

    /// Connects, publishes, and hands acknowledged events back to the outbox, until something breaks or `stop`.
    pub(super) async fn run(mut self, mut options: MqttOptions, stop: &CancellationToken) -> Ended {
        let window = self.settings.window;
        options.set_clean_session(true);
        options.set_inflight(u16::try_from(window * PACKET_IDS_PER_WINDOW).unwrap_or(u16::MAX));
        let offline = json!({"status": "offline", "reason": "connection lost"}).to_string();
        options.set_last_will(LastWill::new(self.settings.topics.state(), offline, QoS::AtLeastOnce, true));

        let (client, event_loop) = mqtt::client(options, window + NOTES);
        let (forward, mut packets) = mpsc::channel(PACKETS);
        let poller = Poller(tokio::spawn(poll(event_loop, forward)));
        let outcome = self.serve(&client, &mut packets, stop).await;
        // Events that were acknowledged before the break have been delivered.
        let flushed = self.flush().await;
        drop(poller);
        match outcome.and(flushed) {
            Ok(()) => Ended::Stopped,
            Err(reason) => Ended::Broken(reason),
        }
    }

    async fn serve(
        &mut self,
        client: &AsyncClient,
        packets: &mut Packets,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            connected = self.connected(packets) => connected?,
        }
        let mut arrivals = self.outbox.stats();
        let mut next_health = Instant::now() + HEALTH_PERIOD;
        let mut degraded = arrivals.borrow_and_update().fault.is_some();
        self.note(client, self.settings.topics.state(), &self.birth())?;
        self.note(client, self.settings.topics.health(), &(self.settings.health)())?;
        loop {
            self.fill(client).await?;
            let deadline = Instant::from_std(self.watchdog.deadline(self.in_flight.oldest()));
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // Whoever stops the box waits for this: a link that is gone must not hold it up.
                    drop(timeout(FAREWELL_LIMIT, self.farewell(client, packets)).await);
                    return Ok(());
                }
                packet = packets.recv() => {
                    self.take(packet)?;
                    // Acknowledgements come in bunches; one message to the outbox is enough for all of them.
                    while let Ok(packet) = packets.try_recv() {
                        self.take(Some(packet))?;
                    }
                    self.flush().await?;
                }
                changed = arrivals.changed() => {
                    changed.map_err(|_| "the outbox is closed".to_owned())?;
                    let fails = arrivals.borrow_and_update().fault.is_some();
                    if std::mem::replace(&mut degraded, fails) != fails {
                        self.note(client, self.settings.topics.health(), &(self.settings.health)())?;
                    }
                }
                () = sleep_until(next_health) => {
                    next_health = Instant::now() + HEALTH_PERIOD;
                    self.note(client, self.settings.topics.health(), &(self.settings.health)())?;
                }
                () = sleep_until(deadline) => {
                    if let Some(expired) = self.watchdog.expired(now(), self.in_flight.oldest()) {
                        return Err(format!("{}: {expired}", mqtt::address(&self.settings.broker)));
                    }
                }
            }
        }
    }

    /// Waits for CONNACK. rumqttc limits this time ([`mqtt::CONNECT_LIMIT`]).
    async fn connected(&mut self, packets: &mut Packets) -> Result<(), String> {
        match packets.recv().await {
            Some(Ok(Event::Incoming(Packet::ConnAck(_)))) => {
                self.watchdog.packet(now());
                tracing::info!(broker = mqtt::address(&self.settings.broker), "connected to the centre");
                self.settings.metrics.uplink_up.set(1);
                self.settings.metrics.uplink_connections.inc();
                self.link.send_replace(Link::Up);
                Ok(())
            }
            Some(Ok(other)) => Err(format!("expected CONNACK, got {other:?}")),
            Some(Err(error)) => Err(mqtt::explain(&self.settings.broker, &error)),
            None => Err("the connection's task has ended".to_owned()),
        }
    }

    /// Hands waiting events to the client, as many as the window allows.
    async fn fill(&mut self, client: &AsyncClient) -> Result<(), String> {
        let room = self.in_flight.room();
        if room == 0 {
            return Ok(());
        }
        let rows = self.outbox.next(self.cursor, room).await.map_err(|error| error.to_string())?;
        for waiting in rows {
            let read = match waiting.class {
                Class::Alarm => &mut self.cursor.alarm,
                Class::Event => &mut self.cursor.event,
            };
            *read = waiting.sequence;
            let (topic, body) = (waiting.topic.clone(), waiting.body.clone());
            self.in_flight.hand_over(Publish::Event { waiting }, now());
            client.try_publish(topic, QoS::AtLeastOnce, false, body).map_err(refused)?;
        }
        Ok(())
    }

    /// Publishes a retained message about the box itself. It is made anew for each connection, not kept.
    fn note(&mut self, client: &AsyncClient, topic: String, content: &Value) -> Result<(), String> {
        let body = content.to_string();
        self.in_flight.hand_over(Publish::Note { bytes: topic.len() + body.len() }, now());
        client.try_publish(topic, QoS::AtLeastOnce, true, body).map_err(refused)
    }

    fn take(&mut self, packet: Option<Result<Event, ConnectionError>>) -> Result<(), String> {
        if matches!(packet, Some(Ok(Event::Incoming(_)))) {
            self.watchdog.packet(now());
        }
        match packet {
            Some(Ok(Event::Outgoing(Outgoing::Publish(packet)))) => {
                let publish = self.in_flight.sent(packet).map_err(|confusion| confusion.to_string())?;
                self.settings.metrics.uplink_sent_bytes.inc_by(publish.bytes() as u64);
                Ok(())
            }
            Some(Ok(Event::Incoming(Packet::PubAck(ack)))) => {
                let publish =
                    self.in_flight.acknowledged(ack.pkid).map_err(|confusion| confusion.to_string())?;
                if let Publish::Event { waiting } = publish {
                    self.report(&waiting);
                    self.acknowledged.push(waiting.sequence);
                }
                Ok(())
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(mqtt::explain(&self.settings.broker, &error)),
            None => Err("the connection's task has ended".to_owned()),
        }
    }

    fn report(&self, waiting: &Waiting) {
        let metrics = &self.settings.metrics;
        let acknowledged_unix_ms = Timestamp::now().as_millisecond();
        metrics.events_delivered.inc();
        if let Some(origin) = waiting.origin {
            let seconds = (acknowledged_unix_ms - origin.unix_ms).max(0) as f64 / 1000.0;
            metrics.source_to_puback_seconds.with_label_values(&[origin.source.as_str()]).observe(seconds);
        }
        if let Some(on_delivered) = &self.settings.on_delivered {
            on_delivered(&Delivered {
                sequence: waiting.sequence,
                accepted_unix_ms: waiting.accepted_unix_ms,
                origin: waiting.origin,
                acknowledged_unix_ms,
            });
        }
    }

    /// Tells the outbox what has been acknowledged.
    async fn flush(&mut self) -> Result<(), String> {
        if self.acknowledged.is_empty() {
            return Ok(());
        }
        let sequences = std::mem::take(&mut self.acknowledged);
        self.outbox.delivered(sequences).await.map_err(|error| error.to_string())
    }

    /// Says `offline`, waits for all PUBACKs that still come, and disconnects.
    async fn farewell(&mut self, client: &AsyncClient, packets: &mut Packets) -> Result<(), String> {
        let offline = json!({"status": "offline", "reason": "stopped"});
        self.note(client, self.settings.topics.state(), &offline)?;
        while self.in_flight.oldest().is_some() {
            self.take(packets.recv().await)?;
        }
        client.try_disconnect().map_err(refused)?;
        // The event loop reports the end of the stream once DISCONNECT is out and the broker has closed.
        while let Some(Ok(_)) = packets.recv().await {}
        Ok(())
    }

    fn birth(&self) -> Value {
        let mut birth = self.settings.birth.clone();
        if let Some(fields) = birth.as_object_mut() {
            fields.insert("status".to_owned(), json!("online"));
        } else {
            birth = json!({"status": "online"});
        }
        birth
    }
}

// === impl Publish ===

impl Publish {
    fn bytes(&self) -> usize {
        match self {
            Publish::Event { waiting } => waiting.topic.len() + waiting.body.len(),
            Publish::Note { bytes } => *bytes,
        }
    }
}

/// The task that polls the event loop; ends when this is dropped.
struct Poller(JoinHandle<()>);

impl Drop for Poller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls until the first error. Another poll would reconnect with the old connection's state.
async fn poll(mut event_loop: EventLoop, packets: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let polled = event_loop.poll().await;
        let broken = polled.is_err();
        if packets.send(polled).await.is_err() || broken {
            return;
        }
    }
}

/// The client's queue is as large as the window: this cannot be a full queue, but a topic that is no topic.
fn refused(error: rumqttc::ClientError) -> String {
    format!("the MQTT client refuses a publish: {error}")
}

/// Tokio's clock, which tests can set.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
