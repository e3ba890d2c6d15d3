//! The subscription to the sensors' broker.
//!
//! Each connection gets a fresh event loop and subscribes anew. The session itself lives at the broker, under the
//! client id of the configuration: what sensors publish with QoS 1 while the gateway restarts is delivered afterwards.
//!
//! Readings are never dropped here: while the queue behind is full, nothing is read from the socket, so that the broker
//! holds messages back. Each such wait is counted.
//!
//! What devices announce of themselves is subscribed to as soon as it is announced, and at each further connection.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Broker, Sensor};
use rumqttc::{
    AsyncClient, Event, EventLoop, Packet, Publish, QoS, SubAck, SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::mapping::Mapper;
use super::reading::{Reading, Refused, Why};
use super::topics;
use crate::backoff::Backoff;
use crate::metrics::Metrics;
use crate::mqtt::{self, Link};

/// Filters in one SUBSCRIBE: a packet of a few kilobytes.
const FILTERS_PER_SUBSCRIBE: usize = 100;

/// What the subscription works with.
#[derive(Debug)]
pub struct Settings {
    /// The sensors' broker.
    pub broker: Broker,
    /// The sensors in the order of the configuration.
    pub sensors: Vec<Sensor>,
    /// Readings, refusals, state.
    pub metrics: Arc<Metrics>,
}

/// Subscribes and hands readings over until `stop`, or until nobody takes them any more.
pub async fn run(
    settings: Settings,
    readings: mpsc::Sender<Reading>,
    link: watch::Sender<Link>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::for_broker(&settings.broker.host);
    let mut subscriber = Subscriber::new(settings, readings, link);
    while !stop.is_cancelled() {
        let begin = Instant::now();
        let reason = tokio::select! {
            () = stop.cancelled() => break,
            ended = subscriber.connection() => match ended {
                Ended::NobodyListens => break,
                Ended::Broken(reason) => reason,
            },
        };
        let wait = backoff.after(begin.elapsed(), rand::random());
        subscriber.down(reason, wait);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    subscriber.settings.metrics.sensor.broker_up.set(0);
    subscriber.link.send_replace(Link::Down { reason: None });
}

/// How a connection ended.
enum Ended {
    Broken(String),
    NobodyListens,
}

struct Subscriber {
    settings: Settings,
    filters: Vec<String>,
    mapper: Mapper,
    readings: mpsc::Sender<Reading>,
    link: watch::Sender<Link>,
    /// Sensors whose messages were refused, and the word for it: each is logged once.
    told: HashSet<(String, &'static str)>,
}

// === impl Subscriber ===

impl Subscriber {
    fn new(mut settings: Settings, readings: mpsc::Sender<Reading>, link: watch::Sender<Link>) -> Self {
        // The mapper knows what it needs of them.
        let sensors = std::mem::take(&mut settings.sensors);
        let mut filters: Vec<String> = sensors.iter().map(|sensor| topics::filter(&sensor.topic)).collect();
        filters.sort_unstable();
        filters.dedup();
        let mapper = Mapper::new(&sensors);
        Self { settings, filters, mapper, readings, link, told: HashSet::new() }
    }

    /// One connection, from CONNECT to its end.
    async fn connection(&mut self) -> Ended {
        let mut options = match mqtt::options(&self.settings.broker) {
            Ok(options) => options,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        options.set_clean_session(false);
        let (client, mut event_loop) = mqtt::client(options, self.filters.len() / FILTERS_PER_SUBSCRIBE + 1);
        match self.serve(&client, &mut event_loop).await {
            Ok(ended) => ended,
            Err(error) => Ended::Broken(mqtt::explain(&self.settings.broker, &error)),
        }
    }

    async fn serve(
        &mut self,
        client: &AsyncClient,
        event_loop: &mut EventLoop,
    ) -> Result<Ended, rumqttc::ConnectionError> {
        // Subscriptions that are still to be asked for, and the number of those that are not answered yet.
        let (mut filters, mut unanswered) = (Vec::new(), 0_usize);
        let (mut subscribed, mut is_up) = (false, false);
        loop {
            match event_loop.poll().await? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    filters.clone_from(&self.filters);
                    filters.extend(self.mapper.announced().cloned());
                }
                Event::Incoming(Packet::SubAck(answer)) => {
                    self.check(&answer);
                    unanswered = unanswered.saturating_sub(1);
                    subscribed = true;
                }
                Event::Incoming(Packet::Publish(message)) => {
                    let handed_over = self.take(&message).await;
                    if handed_over.is_err() {
                        return Ok(Ended::NobodyListens);
                    }
                    filters.extend(self.mapper.take_announced());
                }
                _ => {}
            }
            // As many as the client's queue takes; the others when these are answered.
            while !filters.is_empty() {
                let several = filters.len().min(FILTERS_PER_SUBSCRIBE);
                let asked = filters[..several].iter();
                let asked = asked.map(|path| SubscribeFilter::new(path.clone(), QoS::AtLeastOnce));
                match client.try_subscribe_many(asked) {
                    Ok(()) => drop(filters.drain(..several)),
                    Err(_) if unanswered > 0 => break,
                    Err(error) => {
                        return Ok(Ended::Broken(format!("the MQTT client refuses a filter: {error}")));
                    }
                }
                unanswered += 1;
            }
            if subscribed && unanswered == 0 && !std::mem::replace(&mut is_up, true) {
                self.up();
            }
        }
    }

    fn check(&self, answer: &SubAck) {
        let refused =
            answer.return_codes.iter().filter(|code| **code == SubscribeReasonCode::Failure).count();
        if refused > 0 {
            tracing::error!(
                refused,
                broker = mqtt::address(&self.settings.broker),
                "the broker refuses subscriptions: these sensors will not be heard; check its access list"
            );
        }
    }

    /// Hands over what a message says; waits while the queue is full.
    async fn take(&mut self, message: &Publish) -> Result<(), mpsc::error::SendError<Reading>> {
        let metrics = Arc::clone(&self.settings.metrics);
        for outcome in self.mapper.map(&message.topic, &message.payload, Timestamp::now()) {
            match outcome {
                Ok(reading) => {
                    metrics.sensor.readings.inc();
                    match self.readings.try_send(reading) {
                        Ok(()) => {}
                        Err(TrySendError::Full(reading)) => {
                            metrics.sensor.waits.inc();
                            self.readings.send(reading).await?;
                        }
                        Err(TrySendError::Closed(reading)) => return Err(mpsc::error::SendError(reading)),
                    }
                }
                Err(refused) => self.refuse(refused, &message.topic),
            }
        }
        metrics.sensor.known.set(self.mapper.known() as i64);
        Ok(())
    }

    fn refuse(&mut self, refused: Refused, topic: &str) {
        let word = refused.why.as_str();
        self.settings.metrics.sensor.refused.with_label_values(&[word]).inc();
        // Ids come from the configuration; a topic that belongs to none comes from outside and is not remembered.
        let first = refused.why != Why::UnknownTopic && self.told.insert((refused.sensor.clone(), word));
        if first {
            tracing::warn!(sensor = refused.sensor, topic, why = %refused.why, "a sensor message is refused");
        } else {
            tracing::debug!(sensor = refused.sensor, topic, why = %refused.why, "a sensor message is refused");
        }
    }

    fn up(&self) {
        tracing::info!(
            broker = mqtt::address(&self.settings.broker),
            filters = self.filters.len(),
            "subscribed to the sensors"
        );
        self.settings.metrics.sensor.broker_up.set(1);
        self.link.send_replace(Link::Up);
    }

    fn down(&self, reason: String, retry_in: Duration) {
        tracing::warn!(reason, ?retry_in, "no link to the sensors' broker");
        self.settings.metrics.sensor.broker_up.set(0);
        self.link.send_replace(Link::Down { reason: Some(reason) });
    }
}
