//! One connection to the centre's broker, from CONNECT to its end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::ahead::Ahead;
use super::bulletin::{Bulletin, Told, WHOLE_EVERY};
use super::feed::PACKET_BYTES;
use super::in_flight::InFlight;
use super::refusal::{Refusal, Refusals, Step};
use super::report;
use super::watchdog::Watchdog;
use super::wire::{Ack, Broken, Client, Kind, Limits, Message, Room, Signal, Will, Wire};
use super::{HEALTH_PERIOD, Settings};
use crate::budget;
use crate::mqtt::{self, Link};
use crate::outbox::{OutboxHandle, Sequence, Waiting};

/// Packet ids that rumqttc may use, as a multiple of the window. It numbers publishes round and round and stops when
/// it comes to a number that is still unacknowledged, which brokers that acknowledge out of order make happen soon in
/// a range as narrow as the window.
const PACKET_IDS_PER_WINDOW: usize = 16;
/// Birth, health (each minute, and when the storage fails or works again) and the farewell may be in flight besides the
/// window.
const NOTES: usize = 8;
/// How long the farewell may take.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);
/// Health that is late by this many periods is out of date.
const HEALTH_LASTS: u32 = 3;

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
    pub(super) settings: &'a Settings,
    pub(super) outbox: &'a OutboxHandle,
    link: &'a watch::Sender<Link>,
    /// What the broker has refused, on this connection and earlier ones.
    pub(super) refusals: &'a mut Refusals,
    watchdog: Watchdog,
    pub(super) limits: Limits,
    pub(super) in_flight: InFlight<Publish>,
    pub(super) ahead: Ahead,
    /// Events have been passed over that were refused and are to go again.
    left_behind: bool,
    bulletin: Bulletin,
    /// When an event that waits for the budget may go.
    pub(super) budget_again: Option<Instant>,
    pub(super) acknowledged: Vec<Sequence>,
    /// So many of them have been noted.
    pub(super) noted: usize,
    pub(super) refused: Vec<(Sequence, String, Refusal)>,
}

/// What a packet id stands for.
#[derive(Debug)]
pub(super) enum Publish {
    Event { waiting: Waiting },
    Batch { events: Vec<Waiting>, bytes: usize },
    Note { bytes: usize },
}

// === impl Connection ===

impl<'a> Connection<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        outbox: &'a OutboxHandle,
        link: &'a watch::Sender<Link>,
        refusals: &'a mut Refusals,
    ) -> Self {
        Self {
            settings,
            outbox,
            link,
            refusals,
            watchdog: Watchdog::new(settings.broker.keep_alive, now()),
            limits: Limits::default(),
            in_flight: InFlight::new(),
            ahead: Ahead::default(),
            left_behind: false,
            bulletin: Bulletin::default(),
            budget_again: None,
            acknowledged: Vec::new(),
            noted: 0,
            refused: Vec::new(),
        }
    }

    /// Connects, publishes, and hands acknowledged events back to the outbox, until something breaks or `stop`.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Ended {
        let window = self.settings.window;
        let body = json!({"status": "offline", "reason": "connection lost"}).to_string();
        let will = Will { topic: self.settings.topics.state(), body };
        let packet_ids = u16::try_from(window * PACKET_IDS_PER_WINDOW).unwrap_or(u16::MAX);
        let room = Room { requests: window + NOTES, packet_ids };
        let mut wire = match Wire::open(&self.settings.broker, will, room) {
            Ok(wire) => wire,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        let outcome = self.serve(&mut wire, stop).await;
        if let Err(broken) = &outcome {
            self.blame(broken);
        }
        // Events that were acknowledged before the break have been delivered.
        let flushed = self.flush().await;
        match outcome.and(flushed) {
            Ok(()) => Ended::Stopped,
            Err(broken) => Ended::Broken(broken.reason),
        }
    }

    async fn serve(&mut self, wire: &mut Wire, stop: &CancellationToken) -> Result<(), Broken> {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            connected = self.connected(wire) => connected?,
        }
        let mut arrivals = self.outbox.stats();
        let mut next_health = Instant::now() + HEALTH_PERIOD;
        let mut degraded = arrivals.borrow_and_update().fault.is_some();
        let birth = self.birth();
        self.note(&wire.client, self.settings.topics.state(), Kind::State, &birth)?;
        self.health(&wire.client)?;
        loop {
            self.fill(&wire.client).await?;
            let deadline = Instant::from_std(self.watchdog.deadline(self.in_flight.oldest()));
            let again = self.refusals.next(now()).or(self.left_behind.then(now)).map(Instant::from_std);
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // Whoever stops the box waits for this: a link that is gone must not hold it up.
                    drop(timeout(FAREWELL_LIMIT, self.farewell(wire)).await);
                    self.settings.budget.save(self.outbox).await;
                    return Ok(());
                }
                answered = self.ahead.answered() => answered.map_err(failed)?,
                signal = wire.signals.recv() => {
                    self.take(signal)?;
                    // Acknowledgements come in bunches; one message to the outbox is enough for all of them.
                    while let Ok(signal) = wire.signals.try_recv() {
                        self.take(Some(signal))?;
                    }
                }
                changed = arrivals.changed() => {
                    changed.map_err(|_| Broken::here("the outbox is closed".to_owned()))?;
                    let fails = arrivals.borrow_and_update().fault.is_some();
                    if std::mem::replace(&mut degraded, fails) != fails {
                        self.health(&wire.client)?;
                    }
                }
                () = sleep_until(next_health) => {
                    next_health = Instant::now() + HEALTH_PERIOD;
                    self.health(&wire.client)?;
                    self.settings.budget.save(self.outbox).await;
                }
                () = at(again) => {
                    self.left_behind = false;
                    self.read_again();
                }
                () = at(self.budget_again) => {
                    self.budget_again = None;
                    // What has been in hand for so long may have been given up meanwhile.
                    self.read_again();
                }
                () = sleep_until(deadline) => {
                    if let Some(expired) = self.watchdog.expired(now(), self.in_flight.oldest()) {
                        let address = mqtt::address(&self.settings.broker);
                        return Err(Broken::here(format!("{address}: {expired}")));
                    }
                }
            }
        }
    }

    /// Waits for CONNACK, which the client limits ([`mqtt::CONNECT_LIMIT`]).
    async fn connected(&mut self, wire: &mut Wire) -> Result<(), Broken> {
        match wire.signals.recv().await {
            Some(Ok(Signal::Connected(limits))) => {
                self.limits = limits;
                self.watchdog.packet(now());
                tracing::info!(
                    broker = mqtt::address(&self.settings.broker),
                    ?limits,
                    "connected to the centre"
                );
                self.settings.metrics.uplink.up.set(1);
                self.settings.metrics.uplink.connections.inc();
                self.link.send_replace(Link::Up);
                Ok(())
            }
            Some(Ok(other)) => Err(Broken::here(format!("expected CONNACK, got {other:?}"))),
            Some(Err(broken)) => Err(broken),
            None => Err(ended()),
        }
    }

    fn health(&mut self, client: &Client) -> Result<(), Broken> {
        let late = HEALTH_PERIOD * HEALTH_LASTS;
        let (kind, told) = match self.bulletin.next(now(), (self.settings.health)()) {
            Told::Whole(health) => (Kind::Health(WHOLE_EVERY + late), health),
            Told::Changes(changes) => (Kind::Changes(late), changes),
        };
        self.note(client, self.settings.topics.health(), kind, &told)
    }

    /// Publishes a message about the box itself. It is made anew for each connection, not kept.
    fn note(&mut self, client: &Client, topic: String, kind: Kind, content: &Value) -> Result<(), Broken> {
        let body = content.to_string().into_bytes();
        let bytes = topic.len() + body.len();
        self.settings.budget.count(budget::Class::Event, (bytes + PACKET_BYTES) as u64, now());
        self.in_flight.hand_over(Publish::Note { bytes }, now());
        client.publish(Message { topic, body, kind })
    }

    fn take(&mut self, signal: Option<Result<Signal, Broken>>) -> Result<(), Broken> {
        let confused = |confusion: super::in_flight::Confusion| Broken::here(confusion.to_string());
        let signal = signal.unwrap_or_else(|| Err(ended()))?;
        if signal.is_from_broker() {
            self.watchdog.packet(now());
        }
        match signal {
            Signal::Sent(packet) => {
                let publish = self.in_flight.sent(packet).map_err(confused)?;
                self.settings.metrics.uplink.sent_bytes.inc_by(publish.bytes() as u64);
            }
            Signal::Acknowledged { packet, answer } => {
                match self.in_flight.acknowledged(packet).map_err(confused)? {
                    Publish::Event { waiting } => self.answered(waiting, answer),
                    Publish::Batch { events, .. } => self.batch_answered(events, answer),
                    Publish::Note { .. } => report::note(&self.settings.metrics, answer),
                }
            }
            Signal::Connected(_) | Signal::Heard | Signal::Spoke => {}
        }
        Ok(())
    }

    pub(super) fn answered(&mut self, waiting: Waiting, answer: Ack) {
        match answer {
            Ack::Refused(refusal) => self.refused.push((waiting.sequence, waiting.topic, refusal)),
            Ack::Taken | Ack::Unheard => {
                report::delivered(self.settings, &waiting, answer);
                if self.refusals.is_on_trial(&waiting.topic) {
                    // The others of its topic may go now.
                    self.read_again();
                }
                self.refusals.taken(waiting.sequence, &waiting.topic);
                self.acknowledged.push(waiting.sequence);
            }
        }
    }

    /// Whether an event may be the reason for the end of the connection.
    fn blame(&mut self, broken: &Broken) {
        let alone = match self.in_flight.alone() {
            Some(Publish::Event { waiting }) => Some((waiting.sequence, waiting.topic.clone())),
            _ => None,
        };
        let with_events = self.under_way().next().is_some();
        let with_batch = self.in_flight.iter().any(|publish| matches!(publish, Publish::Batch { .. }));
        self.refusals.ended(broken.by_broker && with_events);
        if broken.by_broker && with_batch {
            self.batch_refused(Refusal::Batch);
        }
        if let (Some((sequence, topic)), true) = (alone, broken.by_broker) {
            self.refused.push((sequence, topic, Refusal::HungUp));
        }
    }

    /// Tells the outbox what has been acknowledged and what has to go out of the way.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        if !self.acknowledged.is_empty() {
            let sequences = std::mem::take(&mut self.acknowledged);
            self.noted = 0;
            self.outbox.delivered(sequences).await.map_err(failed)?;
        }
        for (sequence, topic, refusal) in std::mem::take(&mut self.refused) {
            self.settings.metrics.uplink.refused.with_label_values(&[refusal.as_str()]).inc();
            tracing::warn!(
                sequence = sequence.0,
                topic,
                reason = refusal.as_str(),
                "the broker refuses an event"
            );
            match self.refusals.refused(sequence, &topic, refusal, now()) {
                Step::Wait => self.left_behind = true,
                Step::Tell => {
                    self.left_behind = true;
                    let told = report::refused_topic(&self.settings.site, &topic, refusal, Timestamp::now());
                    self.outbox.accept(vec![told], None).await.map_err(failed)?;
                }
                Step::SetAside => {
                    self.settings.metrics.events.set_aside.with_label_values(&[refusal.as_str()]).inc();
                    self.outbox.set_aside(sequence, refusal.as_str().to_owned()).await.map_err(failed)?;
                }
            }
        }
        self.settings.metrics.uplink.refused_topics.set(self.refusals.refused_topics().count() as i64);
        Ok(())
    }

    /// Says `offline` unless it comes back at once, waits for all PUBACKs that still come, and disconnects.
    async fn farewell(&mut self, wire: &mut Wire) -> Result<(), Broken> {
        if !self.settings.stays_online.load(Ordering::Relaxed) {
            let offline = json!({"status": "offline", "reason": "stopped"});
            self.note(&wire.client, self.settings.topics.state(), Kind::State, &offline)?;
        }
        while self.in_flight.oldest().is_some() {
            let signal = wire.signals.recv().await;
            self.take(signal)?;
        }
        wire.client.disconnect()?;
        // The event loop reports the end of the stream once DISCONNECT is out and the broker has closed.
        while let Some(Ok(_)) = wire.signals.recv().await {}
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
            Publish::Batch { bytes, .. } | Publish::Note { bytes } => *bytes,
        }
    }

    /// The events in it.
    pub(super) fn events(&self) -> &[Waiting] {
        match self {
            Publish::Event { waiting } => std::slice::from_ref(waiting),
            Publish::Batch { events, .. } => events,
            Publish::Note { .. } => &[],
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn ended() -> Broken {
    Broken::here("the connection's task has ended".to_owned())
}

pub(super) fn failed(error: crate::outbox::OutboxError) -> Broken {
    Broken::here(error.to_string())
}

/// Tokio's clock, which tests can set.
pub(super) fn now() -> std::time::Instant {
    Instant::now().into_std()
}
