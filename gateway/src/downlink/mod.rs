//! The downlink: dispositions and commands of the centre, on a persistent session of their own.
//!
//! A second client beside the uplink's, with the id `<client id>-down`: its session stays at the broker, so that what the
//! centre sends while the box is away comes afterwards. A message is acknowledged only when its effect is safe: a
//! disposition when its receiver says so, a command when its result has been published. What comes twice is answered
//! twice and done once (`command`).
//!
//! What the centre says that it takes ([`crate::batch`]) comes here too, retained.
//!
//! What the centre can have done stands in [`verbs`]. Files leave in parts between the answers, few at a time.
//!
//! Who may send is the broker's business: its access list lets nobody but the centre write below the box's topics. What
//! may be sent is the box's: only verbs that somebody here has taken on, and only before they expire.

mod command;
mod denied;
pub mod verbs;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::Broker;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, Packet, Publish, QoS, SubscribeFilter};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::command::Frame as CommandMessage;
use self::command::{Done, Frame, Refused};
pub use self::denied::Denied;
use self::verbs::Part;
use crate::backoff::Backoff;
use crate::batch::Batches;
use crate::mqtt;
use crate::outbox::{OutboxHandle, SavedState};
use crate::topics::Topics;

/// Messages read and not looked at yet. More than any broker sends before the first is acknowledged: the task that polls
/// must go on, for it also sends what the one that answers waits to send.
const PACKETS: usize = 2048;
/// Answers and acknowledgements that wait to be sent; then whoever answers waits.
const REQUESTS: usize = 64;
/// Parts of files without a PUBACK, at most: answers and dispositions must not wait behind a film.
const PARTS_IN_FLIGHT: usize = 4;
/// A receiver that takes longer has failed.
const RECEIVER_LIMIT: Duration = Duration::from_secs(60);
/// Name of the results of past commands in the outbox.
const STATE_KEY: &str = "commands";

/// What the downlink works with.
#[derive(Debug)]
pub struct Settings {
    /// The centre's broker.
    pub broker: Broker,
    /// Where to listen and to answer.
    pub topics: Topics,
    /// Takes dispositions; without it the box does not listen for them, and they wait at the broker for one that does.
    pub dispositions: Option<mpsc::Sender<Disposition>>,
    /// Take commands, by verb.
    pub receivers: BTreeMap<&'static str, mpsc::Sender<Command>>,
    /// Told of what the centre takes.
    pub batches: watch::Sender<Batches>,
    /// Parts of files that commands asked for.
    pub parts: mpsc::Receiver<Part>,
}

/// A message on the disposition topic, as it came.
#[derive(Debug)]
pub struct Disposition {
    /// The payload.
    pub payload: Vec<u8>,
    /// To be told when its effect is on disk, or when there is none. Dropped: the message comes again.
    pub done: oneshot::Sender<()>,
}

/// A command for its receiver.
#[derive(Debug)]
pub struct Command {
    /// Id that the centre gave it.
    pub id: String,
    /// What is to be done.
    pub verb: String,
    /// To what; an object, or null.
    pub arguments: Value,
    /// Who asked, as the centre says.
    pub by: Option<String>,
    /// What came of it, or why nothing did, for people.
    pub answer: oneshot::Sender<Result<Value, Denied>>,
}

/// Listens until `stop`; broken connections are retried for ever.
pub async fn run(settings: Settings, outbox: OutboxHandle, stop: CancellationToken) {
    let mut backoff = Backoff::for_broker(&settings.broker.host);
    let done = match outbox.load_state(STATE_KEY).await {
        Ok(saved) => Done::restore(saved.as_deref()),
        Err(error) => {
            tracing::warn!(%error, "results of past commands cannot be read: one that comes again is done again");
            Done::default()
        }
    };
    let mut listener = Listener { settings, outbox, done };
    while !stop.is_cancelled() {
        let begin = Instant::now();
        let reason = tokio::select! {
            () = stop.cancelled() => break,
            reason = listener.connection() => reason,
        };
        let wait = backoff.after(begin.elapsed(), rand::random());
        tracing::debug!(reason, retry_in = ?wait, "no downlink");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Listener {
    settings: Settings,
    outbox: OutboxHandle,
    done: Done,
}

type Packets = mpsc::Receiver<Result<Event, ConnectionError>>;

// === impl Listener ===

impl Listener {
    /// One connection; answers why it ended.
    async fn connection(&mut self) -> String {
        let mut broker = self.settings.broker.clone();
        broker.client_id.push_str("-down");
        let mut options = match mqtt::options(&broker) {
            Ok(options) => options,
            Err(error) => return error.to_string(),
        };
        options.set_clean_session(false);
        options.set_manual_acks(true);
        let (client, event_loop) = mqtt::client(options, REQUESTS);
        let (forward, mut packets) = mpsc::channel(PACKETS);
        let poller = Poller(tokio::spawn(poll(event_loop, forward)));
        let reason = match self.serve(&client, &mut packets).await {
            Ok(never) => match never {},
            Err(Broken::Connection(error)) => mqtt::explain(&broker, &error),
            Err(Broken::Other(reason)) => reason,
        };
        drop(poller);
        reason
    }

    async fn serve(
        &mut self,
        client: &AsyncClient,
        packets: &mut Packets,
    ) -> Result<std::convert::Infallible, Broken> {
        // Published and not acknowledged on this connection.
        let mut unacknowledged: usize = 0;
        loop {
            let packet = tokio::select! {
                biased;
                packet = packets.recv() => packet,
                Some(part) = self.settings.parts.recv(), if unacknowledged < PARTS_IN_FLIGHT => {
                    unacknowledged += 1;
                    sent(client.publish(part.topic, QoS::AtLeastOnce, false, part.bytes)).await?;
                    continue;
                }
            };
            let packet = packet.ok_or_else(|| Broken::Other("the connection has ended".to_owned()))?;
            match packet.map_err(Broken::Connection)? {
                Event::Incoming(Packet::PubAck(_)) => unacknowledged = unacknowledged.saturating_sub(1),
                Event::Incoming(Packet::ConnAck(_)) => {
                    let mut topics = vec![self.settings.topics.command(), self.settings.topics.accepts()];
                    if self.settings.dispositions.is_some() {
                        topics.push(self.settings.topics.disposition());
                    }
                    let filters =
                        topics.into_iter().map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce));
                    client.try_subscribe_many(filters).map_err(refused)?;
                }
                Event::Incoming(Packet::Publish(message)) => {
                    let safe = if message.topic == self.settings.topics.command() {
                        unacknowledged += 1;
                        self.command(client, &message).await?
                    } else if message.topic == self.settings.topics.accepts() {
                        self.settings.batches.send_replace(Batches::accepted(&message.payload));
                        true
                    } else {
                        self.disposition(&message).await
                    };
                    if !safe {
                        return Err(Broken::Other(
                            "what the centre sent is not safe yet and comes again".to_owned(),
                        ));
                    }
                    sent(client.ack(&message)).await?;
                }
                _ => {}
            }
        }
    }

    /// Hands it over and waits until its effect is safe.
    async fn disposition(&self, message: &Publish) -> bool {
        // Left over from a run that listened for them.
        let Some(desk) = &self.settings.dispositions else { return false };
        let (done, safe) = oneshot::channel();
        let disposition = Disposition { payload: message.payload.to_vec(), done };
        let taken = desk.send(disposition).await.is_ok();
        taken && matches!(timeout(RECEIVER_LIMIT, safe).await, Ok(Ok(())))
    }

    /// Does what it says, unless that has been done, and answers. Answers whether the result is safe.
    async fn command(&mut self, client: &AsyncClient, message: &Publish) -> Result<bool, Broken> {
        let now = Timestamp::now();
        let frame = Frame::parse(&message.payload);
        let known = frame.as_ref().ok().and_then(|frame| self.done.result(&frame.id)).cloned();
        let result = match (known, frame) {
            (Some(result), _) => result,
            (None, Err(refused)) => refused.result(),
            (None, Ok(frame)) => {
                let outcome = match frame.check(now, self.settings.receivers.keys().copied()) {
                    Ok(()) => self.hand_over(&frame).await,
                    Err(refused) => Err(refused),
                };
                let result = frame.result(outcome, now);
                self.done.remember(&frame.id, &result);
                // Before the answer: once the centre knows, it must not be done again.
                let state = SavedState { key: STATE_KEY.to_owned(), value: Some(self.done.save()) };
                if let Err(error) = self.outbox.accept(Vec::new(), Some(state)).await {
                    tracing::warn!(%error, command = frame.id, "the result of a command cannot be kept");
                }
                result
            }
        };
        let topic = self.settings.topics.command_result();
        sent(client.publish(topic, QoS::AtLeastOnce, false, result.to_string())).await?;
        Ok(true)
    }

    async fn hand_over(&self, frame: &Frame) -> Result<Value, Refused> {
        let Some(receiver) = self.settings.receivers.get(frame.verb.as_str()) else {
            return Err(Refused::UnknownVerb { verb: frame.verb.clone(), known: String::new() });
        };
        tracing::info!(command = frame.id, verb = frame.verb, by = frame.by, "the centre commands");
        let (answer, result) = oneshot::channel();
        let command = Command {
            id: frame.id.clone(),
            verb: frame.verb.clone(),
            arguments: frame.arguments.clone(),
            by: frame.by.clone(),
            answer,
        };
        if receiver.send(command).await.is_err() {
            return Err(Denied::failed("this part of the gateway does not run".to_owned()).into());
        }
        match timeout(RECEIVER_LIMIT, result).await {
            Ok(Ok(outcome)) => outcome.map_err(Refused::Denied),
            Ok(Err(_)) => Err(Denied::failed("this part of the gateway has stopped".to_owned()).into()),
            Err(_) => Err(Denied::failed(format!("no answer within {} s", RECEIVER_LIMIT.as_secs())).into()),
        }
    }
}

/// Why a connection ended.
enum Broken {
    Connection(ConnectionError),
    Other(String),
}

/// Waits until the client has taken a request.
async fn sent(request: impl Future<Output = Result<(), rumqttc::ClientError>>) -> Result<(), Broken> {
    match timeout(RECEIVER_LIMIT, request).await {
        Ok(taken) => taken.map_err(refused),
        Err(_) => Err(Broken::Other("the link takes no answers".to_owned())),
    }
}

fn refused(error: rumqttc::ClientError) -> Broken {
    Broken::Other(format!("the MQTT client refuses a request: {error}"))
}

/// The task that polls the event loop; ends when this is dropped.
struct Poller(JoinHandle<()>);

impl Drop for Poller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls in a task of its own: a command that takes its time must not cost the connection its pings.
async fn poll(mut event_loop: EventLoop, packets: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let polled = event_loop.poll().await;
        let broken = polled.is_err();
        if matches!(polled, Ok(Event::Outgoing(_))) {
            continue;
        }
        if packets.send(polled).await.is_err() || broken {
            return;
        }
    }
}
