//! One gateway of the fleet: its queue of events and its connections, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::Broker;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, Outgoing, Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::story;
use super::tally::Tally;
use super::{Fleet, Plan, QUEUE};
use crate::backoff::Backoff;
use crate::event::envelope::Site;
use crate::mqtt;
use crate::topics::Topics;
use crate::uplink::HEALTH_PERIOD;
use crate::uplink::in_flight::InFlight;

/// Publishes without PUBACK, at most, as a gateway has them.
const WINDOW: usize = 32;
/// State, health and farewell may be in flight besides.
const NOTES: usize = 8;
/// A publish without PUBACK for this long: the connection is given up.
const PUBACK_LIMIT: Duration = Duration::from_secs(60);

/// One gateway.
pub(super) struct Member {
    site: Site,
    topics: Topics,
    /// In the order in which it tries them.
    brokers: Vec<Broker>,
    tally: Arc<Tally>,
    /// Made and not acknowledged, in order; those before `handed` are with the client.
    waiting: VecDeque<Made>,
    handed: usize,
    last_sequence: u64,
    connections: u32,
    /// No more events will be made.
    is_closed: bool,
    next_health: Instant,
}

/// An event that waits for its PUBACK.
struct Made {
    sequence: u64,
    at: Instant,
    topic: String,
    body: Vec<u8>,
}

/// What a packet id stands for.
enum Publish {
    /// The event with this sequence.
    Event(u64),
    Note,
}

/// Why a connection ended.
enum Ended {
    /// All is acknowledged and nothing more comes.
    Done,
    Broken(String),
}

type Packets = mpsc::Receiver<Result<Event, ConnectionError>>;

// === impl Member ===

impl Member {
    pub(super) fn new(fleet: &Fleet, number: u32, tally: Arc<Tally>) -> Self {
        let gateway = format!("{}{:0width$}", fleet.prefix, number + 1, width = digits(&fleet.plan));
        let own = |text: &str| text.replace("{division}", &fleet.division).replace("{gateway}", &gateway);
        let mut brokers: Vec<Broker> = fleet
            .brokers
            .iter()
            .map(|broker| Broker {
                username: broker.username.as_deref().map(own),
                client_id: format!("moshao-{}-{gateway}", fleet.division),
                ..broker.clone()
            })
            .collect();
        let first = number as usize % brokers.len();
        brokers.rotate_left(first);
        // Not all at once: the minute of each is another.
        let share = f64::from(number) / f64::from(fleet.plan.gateways);
        Self {
            site: story::site(&fleet.division, &gateway),
            topics: Topics::new(&fleet.division, &gateway),
            brokers,
            tally,
            waiting: VecDeque::new(),
            handed: 0,
            last_sequence: 0,
            connections: 0,
            is_closed: false,
            next_health: Instant::now() + HEALTH_PERIOD.mul_f64(share),
        }
    }

    /// Makes an event for each order and sees to it that it is acknowledged; ends when the orders have ended and nothing
    /// waits, or when it is `over`.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Instant>, over: CancellationToken) {
        let mut backoff = Backoff::for_broker(&self.brokers[0].host);
        loop {
            let begin = Instant::now();
            let ended = tokio::select! {
                ended = self.connection(&mut orders) => ended,
                () = over.cancelled() => return,
            };
            let Ended::Broken(reason) = ended else { return };
            self.tally.broken(reason);
            self.brokers.rotate_left(1);
            tokio::select! {
                () = sleep(backoff.after(begin.elapsed(), rand::random())) => {}
                () = over.cancelled() => return,
            }
        }
    }

    /// One connection, with a client, an event loop and a bookkeeping of its own.
    async fn connection(&mut self, orders: &mut mpsc::Receiver<Instant>) -> Ended {
        let broker = &self.brokers[0];
        let mut options = match mqtt::options(broker) {
            Ok(options) => options,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        options.set_clean_session(true);
        // Wider than the window, for brokers that acknowledge out of order.
        options.set_inflight(16 * WINDOW as u16);
        let offline = json!({"status": "offline", "reason": "connection lost"}).to_string();
        options.set_last_will(LastWill::new(self.topics.state(), offline, QoS::AtLeastOnce, true));
        let (client, event_loop) = mqtt::client(options, WINDOW + NOTES);
        let (forward, packets) = mpsc::channel(WINDOW);
        let _poller = Poller(tokio::spawn(poll(event_loop, forward)));
        match self.serve(&client, packets, orders).await {
            Ok(()) => Ended::Done,
            Err(reason) => Ended::Broken(reason),
        }
    }

    async fn serve(
        &mut self,
        client: &AsyncClient,
        mut packets: Packets,
        orders: &mut mpsc::Receiver<Instant>,
    ) -> Result<(), String> {
        match packets.recv().await {
            Some(Ok(Event::Incoming(Packet::ConnAck(_)))) => {}
            Some(Ok(other)) => return Err(format!("expected CONNACK, got {other:?}")),
            Some(Err(error)) => return Err(mqtt::explain(&self.brokers[0], &error)),
            None => return Err("the connection's task has ended".to_owned()),
        }
        self.tally.connection(self.connections == 0);
        self.tally.sent_again(std::mem::take(&mut self.handed));
        self.connections += 1;
        let mut in_flight = InFlight::new();
        self.note(client, &mut in_flight, self.topics.state(), &story::birth(&self.site))?;
        loop {
            self.fill(client, &mut in_flight)?;
            if self.is_closed && self.waiting.is_empty() {
                return self.farewell(client, &mut in_flight, &mut packets).await;
            }
            let give_up = in_flight.oldest().map_or(self.next_health, Instant::from_std) + PUBACK_LIMIT;
            tokio::select! {
                packet = packets.recv() => self.take(packet, &mut in_flight)?,
                order = orders.recv(), if !self.is_closed && self.waiting.len() < QUEUE => match order {
                    Some(at) => self.make(at),
                    None => self.is_closed = true,
                },
                () = sleep_until(self.next_health) => {
                    self.next_health += HEALTH_PERIOD;
                    let health = story::health(&self.site, self.waiting.len(), Timestamp::now());
                    self.note(client, &mut in_flight, self.topics.health(), &health)?;
                }
                () = sleep_until(give_up) => {
                    let address = mqtt::address(&self.brokers[0]);
                    return Err(format!("{address}: no PUBACK within {} s", PUBACK_LIMIT.as_secs()));
                }
            }
        }
    }

    fn make(&mut self, at: Instant) {
        self.last_sequence += 1;
        let event = story::event(&self.site, self.last_sequence, Timestamp::now());
        let body = serde_json::to_vec(&event).expect("an event has only string keys and numbers");
        let topic = self.site.topic(&event.data);
        self.waiting.push_back(Made { sequence: self.last_sequence, at, topic, body });
    }

    /// Hands waiting events to the client, as many as the window allows.
    fn fill(&mut self, client: &AsyncClient, in_flight: &mut InFlight<Publish>) -> Result<(), String> {
        let room = WINDOW.saturating_sub(in_flight.count());
        for made in self.waiting.iter().skip(self.handed).take(room) {
            in_flight.hand_over(Publish::Event(made.sequence), Instant::now().into_std());
            client
                .try_publish(made.topic.clone(), QoS::AtLeastOnce, false, made.body.clone())
                .map_err(|error| error.to_string())?;
            self.handed += 1;
        }
        Ok(())
    }

    fn note(
        &self,
        client: &AsyncClient,
        in_flight: &mut InFlight<Publish>,
        topic: String,
        content: &Value,
    ) -> Result<(), String> {
        in_flight.hand_over(Publish::Note, Instant::now().into_std());
        let body = content.to_string();
        client.try_publish(topic, QoS::AtLeastOnce, true, body).map_err(|error| error.to_string())
    }

    fn take(
        &mut self,
        packet: Option<Result<Event, ConnectionError>>,
        in_flight: &mut InFlight<Publish>,
    ) -> Result<(), String> {
        match packet {
            Some(Ok(Event::Outgoing(Outgoing::Publish(packet)))) => {
                in_flight.sent(packet).map(drop).map_err(|confusion| confusion.to_string())
            }
            Some(Ok(Event::Incoming(Packet::PubAck(ack)))) => {
                match in_flight.acknowledged(ack.pkid).map_err(|confusion| confusion.to_string())? {
                    Publish::Event(sequence) => self.acknowledged(sequence),
                    Publish::Note => self.tally.note_acknowledged(),
                }
                Ok(())
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(mqtt::explain(&self.brokers[0], &error)),
            None => Err("the connection's task has ended".to_owned()),
        }
    }

    fn acknowledged(&mut self, sequence: u64) {
        if let Ok(place) = self.waiting.binary_search_by_key(&sequence, |made| made.sequence)
            && let Some(made) = self.waiting.remove(place)
        {
            self.handed -= 1;
            self.tally.acknowledged(made.at.elapsed());
        }
    }

    /// Says `offline`, waits for the last PUBACK, and disconnects.
    async fn farewell(
        &mut self,
        client: &AsyncClient,
        in_flight: &mut InFlight<Publish>,
        packets: &mut Packets,
    ) -> Result<(), String> {
        let offline = json!({"status": "offline", "reason": "stopped"});
        self.note(client, in_flight, self.topics.state(), &offline)?;
        while in_flight.oldest().is_some() {
            self.take(packets.recv().await, in_flight)?;
        }
        client.try_disconnect().map_err(|error| error.to_string())?;
        while let Some(Ok(_)) = packets.recv().await {}
        Ok(())
    }
}

/// Digits of the largest number.
fn digits(plan: &Plan) -> usize {
    plan.gateways.to_string().len().max(4)
}

/// The task that polls the event loop; ends when this is dropped.
struct Poller(JoinHandle<()>);

impl Drop for Poller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls until the first error: another poll would go on with the old connection's state.
async fn poll(mut event_loop: EventLoop, packets: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let polled = event_loop.poll().await;
        let broken = polled.is_err();
        if packets.send(polled).await.is_err() || broken {
            return;
        }
    }
}
