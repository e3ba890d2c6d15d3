//! A broker that misbehaves by script: cuts links, forgets sessions, acknowledges out of order, late or never.
//!
//! It knows as much of MQTT 3.1.1 and 5 as a publisher needs
//! (<https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html>,
//! <https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html>), answers in the version in which it is spoken to,
//! and shares no code with the client under test. It is the judge as well: it remembers what it received and
//! what it acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::seq::SliceRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::batches;

/// How one connection goes.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// CONNACK says that the session has been kept.
    pub session_present: bool,
    /// PUBACKs are held back until this many are due (or nothing more comes), then sent in random order.
    pub shuffle_in_groups_of: usize,
    /// The publish with this number on the connection, from 0, is never acknowledged.
    pub forget: Option<usize>,
    /// The link is cut after this many publishes, with PUBACKs outstanding.
    pub cut_after: Option<usize>,
    /// After CONNACK nothing is answered any more, not even pings.
    pub deaf: bool,
    /// The same after this many publishes: the half-open link of a cellular modem that has lost its cell.
    pub deaf_after: Option<usize>,
    /// The TCP connection is taken, and CONNECT never answered.
    pub mute: bool,
    /// CONNACK refuses with this code (MQTT 3.1.1 §3.2.2.3).
    pub refuse: Option<u8>,
    /// Each PUBACK is sent twice.
    pub acknowledge_twice: bool,
    /// After this many publishes, a PUBACK for a packet that nobody has sent.
    pub unsolicited_after: Option<usize>,
    /// After this many publishes, bytes that are no MQTT.
    pub garbage_after: Option<usize>,
    /// The first so many publishes whose payload holds this text are refused with this reason (MQTT 5 §3.4.2.1).
    pub refuse_publish: Option<(&'static str, u8, usize)>,
    /// The connection ends at once over a payload that holds this text.
    pub hang_up_over: Option<&'static str>,
    /// How fast it reads, bytes a second; none for as fast as it can.
    pub bytes_per_second: Option<u32>,
}

/// What the broker has seen, over all connections.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// CONNECTs.
    pub connections: usize,
    /// Payloads received on event topics and in batches, how often each.
    pub received: BTreeMap<Vec<u8>, usize>,
    /// Those of them that came in a batch.
    pub batched: BTreeSet<Vec<u8>>,
    /// Payloads acknowledged on event topics.
    pub acknowledged: BTreeMap<Vec<u8>, usize>,
    /// Payloads on event topics in the order of their first arrival.
    pub order: Vec<Vec<u8>>,
    /// When each of them arrived, on tokio's clock.
    pub arrived: Vec<Instant>,
    /// Most publishes outstanding at once on one connection.
    pub most_outstanding: usize,
}

/// A scripted broker on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct FakeBroker {
    /// Its port.
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

// === impl Behaviour ===

impl Behaviour {
    /// A broker as it should be.
    pub fn good() -> Self {
        Behaviour {
            session_present: false,
            shuffle_in_groups_of: 1,
            forget: None,
            cut_after: None,
            deaf: false,
            deaf_after: None,
            mute: false,
            refuse: None,
            acknowledge_twice: false,
            unsolicited_after: None,
            garbage_after: None,
            refuse_publish: None,
            hang_up_over: None,
            bytes_per_second: None,
        }
    }
}

// === impl FakeBroker ===

impl FakeBroker {
    /// Starts it; `script` gives the behaviour of each connection, counted from 0.
    pub async fn start(script: impl Fn(usize) -> Behaviour + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.expect("the listener works");
                let behaviour = script(number);
                // One connection after the other, as one gateway makes them. How it ends is the client's concern.
                drop(Link::new(stream, behaviour, Arc::clone(&shared)).serve().await);
            }
        });
        Self { port, seen, task }
    }

    /// How many different events have arrived so far.
    pub fn arrived(&self) -> usize {
        self.seen.lock().expect("no holder panics").order.len()
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().expect("no holder panics").clone()
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection.
struct Link {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    behaviour: Behaviour,
    seen: Arc<Mutex<Seen>>,
    /// Publishes on this connection.
    publishes: usize,
    /// PUBACKs held back: packet id and the events in the publish.
    due: Vec<(u16, Vec<Vec<u8>>)>,
    /// Of these, packet ids that are refused, with the reason.
    refused: BTreeMap<u16, u8>,
    /// Level of the protocol as CONNECT states it: 4 for MQTT 3.1.1, 5 for MQTT 5.
    level: u8,
    outstanding: usize,
    /// With a limited rate: when the last packet had come through.
    line_free: Instant,
}

/// How far the clock may jump without the line losing time.
const LINE_SLACK: Duration = Duration::from_millis(200);

/// Packet types of MQTT 3.1.1 §2.2.1 that a publisher sends.
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

// === impl Link ===

impl Link {
    fn new(stream: TcpStream, behaviour: Behaviour, seen: Arc<Mutex<Seen>>) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            reader,
            writer,
            behaviour,
            seen,
            publishes: 0,
            due: Vec::new(),
            refused: BTreeMap::new(),
            level: 4,
            outstanding: 0,
            line_free: Instant::now(),
        }
    }

    async fn serve(mut self) -> io::Result<()> {
        loop {
            // A pause means that nothing more comes before a PUBACK does.
            let pause =
                if self.due.is_empty() { Duration::from_secs(3600) } else { Duration::from_millis(5) };
            let first = match timeout(pause, self.reader.read_u8()).await {
                Ok(first) => first?,
                Err(_) => {
                    self.acknowledge().await?;
                    continue;
                }
            };
            let (kind, flags, body) = (first >> 4, first & 0x0f, self.rest().await?);
            if let Some(rate) = self.behaviour.bytes_per_second {
                // From the end of the last packet, not from now: a coarse clock must not make it slower.
                let since = self.line_free.max(Instant::now() - LINE_SLACK);
                self.line_free = since + Duration::from_secs_f64(body.len() as f64 / f64::from(rate));
                sleep_until(self.line_free).await;
            }
            match kind {
                CONNECT => {
                    self.seen.lock().expect("no holder panics").connections += 1;
                    if self.behaviour.mute {
                        continue;
                    }
                    let code = self.behaviour.refuse.unwrap_or(0);
                    let present = u8::from(self.behaviour.session_present);
                    // The protocol's name, 4 characters with their length, stands before its level.
                    self.level = body[6];
                    match self.level {
                        5 => self.writer.write_all(&[0x20, 3, present, code, 0]).await?,
                        _ => self.writer.write_all(&[0x20, 2, present, code]).await?,
                    }
                    if code != 0 {
                        return Ok(());
                    }
                }
                _ if self.behaviour.deaf => {}
                PUBLISH => {
                    if self.publish(flags, &body) {
                        return Ok(());
                    }
                    if self.behaviour.cut_after.is_some_and(|limit| self.publishes >= limit) {
                        return Ok(());
                    }
                    if self.behaviour.unsolicited_after == Some(self.publishes) {
                        self.writer.write_all(&[0x40, 2, 0x7f, 0x7f]).await?;
                    }
                    if self.behaviour.garbage_after == Some(self.publishes) {
                        self.writer.write_all(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).await?;
                    }
                    if self.behaviour.deaf_after.is_some_and(|limit| self.publishes >= limit) {
                        self.behaviour.deaf = true;
                        self.due.clear();
                    }
                    if self.due.len() >= self.behaviour.shuffle_in_groups_of {
                        self.acknowledge().await?;
                    }
                }
                PINGREQ => self.writer.write_all(&[0xd0, 0]).await?,
                DISCONNECT => return Ok(()),
                other => return Err(io::Error::other(format!("packet type {other} is not in the script"))),
            }
        }
    }

    /// What follows the first byte of a packet: length, then as many bytes.
    async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.reader.read_u8().await?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).await?;
        Ok(body)
    }

    /// Takes a publish; answers whether the connection ends over it.
    fn publish(&mut self, flags: u8, body: &[u8]) -> bool {
        assert_eq!(flags >> 1 & 3, 1, "everything is published with QoS 1");
        let topic_length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = std::str::from_utf8(&body[2..2 + topic_length]).expect("topics are UTF-8");
        let packet = u16::from_be_bytes([body[2 + topic_length], body[3 + topic_length]]);
        let rest = &body[4 + topic_length..];
        // Properties are short here: one byte holds their length.
        let rest = if self.level == 5 { &rest[1 + usize::from(rest[0])..] } else { rest };
        let is_batch = topic.ends_with("/batch");
        let events = match is_batch {
            true => batches::unpack(rest),
            false if topic.contains("/event/") => vec![rest.to_vec()],
            false => Vec::new(),
        };
        let holds = |text: &str| {
            let is_there = |event: &Vec<u8>| event.windows(text.len()).any(|part| part == text.as_bytes());
            events.iter().any(is_there)
        };
        if self.behaviour.hang_up_over.is_some_and(holds) {
            return true;
        }
        if let Some((text, reason, times)) = &mut self.behaviour.refuse_publish
            && *times > 0
            && holds(text)
        {
            *times -= 1;
            self.refused.insert(packet, *reason);
        }
        let number = self.publishes;
        self.publishes += 1;
        self.outstanding += 1;
        let mut seen = self.seen.lock().expect("no holder panics");
        seen.most_outstanding = seen.most_outstanding.max(self.outstanding);
        for event in &events {
            if !seen.received.contains_key(event) {
                seen.order.push(event.clone());
                seen.arrived.push(Instant::now());
            }
            *seen.received.entry(event.clone()).or_default() += 1;
            if is_batch {
                seen.batched.insert(event.clone());
            }
        }
        if self.behaviour.forget != Some(number) {
            self.due.push((packet, events));
        }
        false
    }

    async fn acknowledge(&mut self) -> io::Result<()> {
        self.due.shuffle(&mut rand::rng());
        for (packet, events) in std::mem::take(&mut self.due) {
            let reason = self.refused.remove(&packet);
            if reason.is_none() {
                let mut seen = self.seen.lock().expect("no holder panics");
                events.into_iter().for_each(|event| *seen.acknowledged.entry(event).or_default() += 1);
            }
            self.outstanding -= 1;
            let [high, low] = packet.to_be_bytes();
            match reason {
                Some(reason) => self.writer.write_all(&[0x40, 4, high, low, reason, 0]).await?,
                None => self.writer.write_all(&[0x40, 2, high, low]).await?,
            }
            if self.behaviour.acknowledge_twice {
                self.writer.write_all(&[0x40, 2, high, low]).await?;
            }
        }
        Ok(())
    }
}
