//! `moshao events`: subscribes as the centre would and prints each event once.

use std::collections::{HashSet, VecDeque};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use moshao_config::Broker;
use rumqttc::{ConnectionError, Packet, Publish, QoS, SubscribeFilter};
use tokio::runtime;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Failure, Outcome, broker_url};
use crate::backoff::Backoff;
use crate::event::Event;
use crate::{batch, logging, mqtt};

/// Events remembered so that a repeated one is printed once.
const REMEMBERED: usize = 100_000;

const EVENTS: &str = "moshao/v1/+/+/event/#";
/// Where boxes send a backlog to a centre that takes it in batches.
const BATCHES: &str = "moshao/v1/+/+/batch";

/// Subscribe as the centre would and print the events
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao events --url mqtt://127.0.0.1
  moshao events --url mqtts://reader@centre.example --ca-file ca.pem --topic 'moshao/v1/+/+/event/fire/#'
  moshao events --url mqtt://127.0.0.1 --json --count 1 | jq .data.title

The password comes from MOSHAO_MQTT_PASSWORD or stands in the URL. An event that is delivered twice is printed once.")]
pub(super) struct Arguments {
    /// Broker: mqtt://HOST:PORT or mqtts://HOST:PORT; the usual port may be left out
    #[arg(long, value_name = "URL")]
    url: Url,
    /// Topic filter
    #[arg(long, value_name = "FILTER", default_value = EVENTS)]
    topic: String,
    /// One JSON object a line, as it was received
    #[arg(long)]
    json: bool,
    /// PEM file of the CA that signed the broker's certificate; the system's where absent
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// End after this many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let client_id = format!("moshao-events-{:08x}", rand::random::<u32>());
    let broker = broker_url::broker(&arguments.url, arguments.ca_file.clone(), client_id)?;
    if !rumqttc::valid_filter(&arguments.topic) {
        return Err(Failure::usage(format!(
            "{:?} is no MQTT topic filter; an example is moshao/v1/+/+/event/fire/#",
            arguments.topic
        )));
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(subscribe(&broker, &arguments))
}

/// Connects again and again; only a first connection that fails ends the command.
async fn subscribe(broker: &Broker, arguments: &Arguments) -> Outcome {
    let mut printer = Printer::new(arguments);
    let mut backoff = Backoff::for_broker(&broker.host);
    let mut subscribed = false;
    loop {
        let begin = Instant::now();
        let error = match connection(broker, arguments, &mut printer, &mut subscribed).await {
            Ok(()) => return Ok(()),
            Err(Interrupted::Link(error)) => mqtt::explain(broker, &error),
            Err(Interrupted::For(failure)) => return Err(failure),
        };
        if !subscribed {
            return Err(Failure::failed(error));
        }
        let wait = backoff.after(begin.elapsed(), rand::random());
        tracing::warn!(error, retry_in = ?wait, "the link to the broker broke");
        sleep(wait).await;
    }
}

enum Interrupted {
    Link(ConnectionError),
    For(Failure),
}

/// One connection; ends well when enough events have been printed or nobody reads them any more.
async fn connection(
    broker: &Broker,
    arguments: &Arguments,
    printer: &mut Printer,
    subscribed: &mut bool,
) -> Result<(), Interrupted> {
    let options = mqtt::options(broker).map_err(|error| Interrupted::For(Failure::failed(error)))?;
    let (client, mut event_loop) = mqtt::client(options, 4);
    loop {
        match event_loop.poll().await.map_err(Interrupted::Link)? {
            rumqttc::Event::Incoming(Packet::ConnAck(_)) => {
                let batches = (arguments.topic == EVENTS).then_some(BATCHES);
                let filters = std::iter::once(arguments.topic.as_str()).chain(batches);
                let filters = filters.map(|filter| SubscribeFilter::new(filter.to_owned(), QoS::AtLeastOnce));
                client
                    .try_subscribe_many(filters)
                    .map_err(|error| Interrupted::For(Failure::failed(error)))?;
            }
            rumqttc::Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&rumqttc::SubscribeReasonCode::Failure) {
                    let address = mqtt::address(broker);
                    let message =
                        format!("{address} refuses the filter {}; check its access list", arguments.topic);
                    return Err(Interrupted::For(Failure::failed(message)));
                }
                *subscribed = true;
            }
            rumqttc::Event::Incoming(Packet::Publish(message)) => match printer.take(&message) {
                Ok(true) => {}
                // Enough, or the reader of our output has gone: both are good ends.
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(Interrupted::For(Failure::failed(error))),
            },
            _ => {}
        }
    }
}

/// Prints each event once.
struct Printer {
    json: bool,
    coloured: bool,
    left: Option<u64>,
    seen: Seen,
}

/// The last [`REMEMBERED`] events by `(source, id)`.
#[derive(Default)]
struct Seen {
    known: HashSet<(String, String)>,
    order: VecDeque<(String, String)>,
}

// === impl Printer ===

impl Printer {
    fn new(arguments: &Arguments) -> Self {
        Self {
            json: arguments.json,
            coloured: io::stdout().is_terminal(),
            left: arguments.count,
            seen: Seen::default(),
        }
    }

    /// Prints an event, or those of a batch; whether more are wanted.
    fn take(&mut self, message: &Publish) -> io::Result<bool> {
        if !message.topic.ends_with("/batch") {
            return self.print(&message.payload);
        }
        match batch::unpack(&message.payload) {
            Ok(events) => {
                for event in events {
                    if !self.print(&event)? {
                        return Ok(false);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, topic = message.topic, "a message is no batch of this version")
            }
        }
        Ok(true)
    }

    /// Whether more are wanted.
    fn print(&mut self, payload: &[u8]) -> io::Result<bool> {
        let mut out = io::stdout().lock();
        match serde_json::from_slice::<Event>(payload) {
            Ok(event) if !self.seen.first(&event) => return Ok(true),
            Ok(_) if self.json => {
                out.write_all(payload)?;
                writeln!(out)?;
            }
            Ok(event) => writeln!(out, "{}", line(&event, self.coloured))?,
            Err(error) => {
                tracing::warn!(%error, bytes = payload.len(), "a message is no event of this version");
                return Ok(true);
            }
        }
        out.flush()?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(self.left != Some(0))
    }
}

// === impl Seen ===

impl Seen {
    /// Whether this event has not been seen before.
    fn first(&mut self, event: &Event) -> bool {
        let key = (event.source.clone(), event.id.clone());
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// `12:34:56 red    opened    烟感火警 · 一组 3 号 · kitchen-smoke · inc-1`
fn line(event: &Event, coloured: bool) -> String {
    let data = &event.data;
    // RFC 3339: the time of day of the site lies between `T` and the fraction.
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let colour = format!("{:<6}", data.color);
    let colour = if coloured { format!("{}{colour}\x1b[0m", ansi(data.level)) } else { colour };
    let phase = data.phase.as_str();
    let mut parts = vec![data.title.as_str()];
    parts.extend(data.place.address.as_deref());
    parts.extend([data.device.name.as_str(), event.correlationid.as_str()]);
    let mut line = format!("{time} {colour} {phase:<9} {}", parts.join(" · "));
    if let Some(note) = &data.note {
        line.push_str(" · ");
        line.push_str(note);
    }
    line
}

/// Terminal colour of a level; 256 colours know an orange.
fn ansi(level: u8) -> &'static str {
    match level {
        1 => "\x1b[1;31m",
        2 => "\x1b[38;5;208m",
        3 => "\x1b[33m",
        _ => "\x1b[34m",
    }
}
