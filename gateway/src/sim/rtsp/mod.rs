//! A camera: an RTSP 1.0 server (RFC 2326) that sends a feed over TCP, interleaved (RFC 2326 §10.12), the way in
//! which most cameras are read.
//!
//! A connection is one session. A client that does not read fast enough is closed, with a warning and a count, so it
//! cannot hold up the feed or fill memory.

mod auth;
mod rtp;
mod sdp;
mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use rand::Rng as _;
use rtsp_types::{Data, Message, ParseError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::Instant;

pub use auth::Credentials;

use super::fault::Fault;
use super::feed::{AccessUnit, Feed};
use rtp::Packetizer;
use session::{Reply, Session};

/// How long a client may block a write before it is closed.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Between two sender reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Header of an RTP packet (RFC 3550 §5.1), bytes.
const HEADER_BYTES: usize = 12;
/// Packets of a key frame up to this length carry its parameter sets.
const PARAMETER_SET_MAX_BYTES: usize = 200;
/// Longest request.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// What a simulated camera is like.
#[derive(Debug, Clone, Default)]
pub struct CameraOptions {
    /// Path of the stream's URL, such as `/stream`.
    pub path: String,
    /// Who may look; everybody where absent.
    pub credentials: Option<Credentials>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// A simulated camera, bound to its address.
#[derive(Debug)]
pub struct CameraServer {
    listener: TcpListener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: CameraOptions,
    feed: Feed,
    slow_clients: AtomicU64,
}

// === impl CameraServer ===

impl CameraServer {
    /// Takes the address; clients are answered when [`CameraServer::serve`] runs.
    pub async fn bind(listen: SocketAddr, feed: Feed, options: CameraOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        Ok(Self { listener, shared: Arc::new(Shared { options, feed, slow_clients: AtomicU64::new(0) }) })
    }

    /// Where it listens; tells the port where 0 was asked for.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers clients until it is dropped, and with it all connections.
    pub async fn serve(self) -> std::io::Result<()> {
        let mut clients = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, peer) = accepted?;
                    clients.spawn(connection(stream, peer, self.shared.clone()));
                }
                Some(ended) = clients.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a simulated camera's connection panicked");
                    }
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    tracing::debug!(%peer, "client connected");
    match Connection::new(stream, shared).run().await {
        Ok(()) => tracing::debug!(%peer, "client left"),
        Err(error) => tracing::debug!(%peer, %error, "connection ended"),
    }
}

/// One client.
struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    session: Session,
    received: BytesMut,
    playing: Option<Playing>,
}

/// Media on its way to a client.
struct Playing {
    units: broadcast::Receiver<Arc<AccessUnit>>,
    packetizer: Packetizer,
    channel: u8,
    since: Instant,
    report_due: Instant,
    /// A decoder can only begin at a key frame.
    begun: bool,
}

/// What a client is sent next.
enum Next {
    Received(usize),
    Unit(Result<Arc<AccessUnit>, broadcast::error::RecvError>),
    TimeToClose,
}

// === impl Connection ===

impl Connection {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let id = format!("{:08x}", rand::random::<u32>());
        let session = Session::new(id, nonce);
        Self { stream, shared, session, received: BytesMut::new(), playing: None }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            match self.next().await? {
                Next::Received(0) | Next::TimeToClose => return Ok(()),
                Next::Received(_) => {
                    if !self.answer_requests().await? {
                        return Ok(());
                    }
                }
                Next::Unit(Ok(unit)) => self.send_unit(&unit).await?,
                Next::Unit(Err(broadcast::error::RecvError::Lagged(missed))) => {
                    let slow_clients = self.shared.slow_clients.fetch_add(1, Ordering::Relaxed) + 1;
                    tracing::warn!(missed, slow_clients, "client reads too slowly: closed");
                    return Ok(());
                }
                Next::Unit(Err(broadcast::error::RecvError::Closed)) => return Ok(()),
            }
        }
    }

    async fn next(&mut self) -> std::io::Result<Next> {
        let Self { stream, shared, received, playing, .. } = self;
        let Some(playing) = playing else { return Ok(Next::Received(stream.read_buf(received).await?)) };
        let close_after = shared.options.faults.iter().find_map(|fault| match fault {
            Fault::CloseAfter(time) => Some(*time),
            _ => None,
        });
        tokio::select! {
            biased;
            () = async {
                match close_after {
                    Some(time) => tokio::time::sleep_until(playing.since + time).await,
                    None => std::future::pending().await,
                }
            } => Ok(Next::TimeToClose),
            read = stream.read_buf(received) => Ok(Next::Received(read?)),
            unit = playing.units.recv() => Ok(Next::Unit(unit)),
        }
    }

    /// Answers all complete requests; false when the connection is to be closed.
    async fn answer_requests(&mut self) -> std::io::Result<bool> {
        loop {
            let message = match Message::<Vec<u8>>::parse(&self.received[..]) {
                Ok((message, used)) => {
                    drop(self.received.split_to(used));
                    message
                }
                Err(ParseError::Incomplete(_)) if self.received.len() <= MAX_REQUEST_BYTES => {
                    return Ok(true);
                }
                Err(_) => return Ok(false),
            };
            // Receiver reports and responses need no answer.
            let Message::Request(request) = message else { continue };
            let Shared { options, feed, .. } = &*self.shared;
            match self.session.answer(&request, options, feed) {
                Reply::Nothing => {}
                Reply::Raw(bytes) => {
                    self.write(&bytes).await?;
                    return Ok(false);
                }
                Reply::Response(response) => self.respond(&response).await?,
                Reply::Play(response, channel) => {
                    let now = Instant::now();
                    self.playing = Some(Playing {
                        units: feed.subscribe(),
                        packetizer: Packetizer::new(feed.codec, rand::random(), rand::random()),
                        channel,
                        since: now,
                        report_due: now,
                        begun: false,
                    });
                    self.respond(&response).await?;
                }
                Reply::Pause(response) => {
                    self.playing = None;
                    self.respond(&response).await?;
                }
                Reply::Close(response) => {
                    self.respond(&response).await?;
                    return Ok(false);
                }
            }
        }
    }

    async fn respond(&mut self, response: &rtsp_types::Response<Vec<u8>>) -> std::io::Result<()> {
        let mut bytes = vec![];
        response.write(&mut bytes).map_err(std::io::Error::other)?;
        self.write(&bytes).await
    }

    async fn send_unit(&mut self, unit: &Arc<AccessUnit>) -> std::io::Result<()> {
        let Some(playing) = &mut self.playing else { return Ok(()) };
        let now = Instant::now();
        let since_play = now - playing.since;
        let faults: Vec<&Fault> =
            self.shared.options.faults.iter().filter_map(|fault| fault.at(since_play)).collect();
        let silent =
            faults.iter().any(|fault| matches!(fault, Fault::SilentAfter(time) if since_play >= *time));
        let hides_key_frames = faults.contains(&&Fault::NoKeyFrames);
        playing.begun |= unit.key || hides_key_frames;
        if silent || (unit.key && hides_key_frames) || !playing.begun {
            return Ok(());
        }
        let unit = leapt(unit, since_play, &faults);
        let mut bytes = vec![];
        if now >= playing.report_due {
            playing.report_due = now + REPORT_EVERY;
            let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let report = playing.packetizer.sender_report(wall, unit.media_time);
            interleave(&mut bytes, playing.channel + 1, report)?;
        }
        for packet in playing.packetizer.packets(&unit) {
            if let Some(packet) = damaged(packet, unit.key, &faults) {
                interleave(&mut bytes, playing.channel, packet)?;
            }
        }
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match tokio::time::timeout(WRITE_DEADLINE, self.stream.write_all(bytes)).await {
            Ok(written) => written,
            Err(_) => {
                self.shared.slow_clients.fetch_add(1, Ordering::Relaxed);
                Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "client does not read"))
            }
        }
    }
}

fn interleave(bytes: &mut Vec<u8>, channel: u8, packet: Vec<u8>) -> std::io::Result<()> {
    Data::new(channel, packet).write(bytes).map_err(std::io::Error::other)
}

/// The access unit with the time that the camera's clock tells.
fn leapt(unit: &Arc<AccessUnit>, since_play: Duration, faults: &[&Fault]) -> Arc<AccessUnit> {
    let jump = faults.iter().find_map(|fault| match fault {
        Fault::ClockJump { after, by, back } if since_play >= *after => Some((*by, *back)),
        _ => None,
    });
    let media_time = match jump {
        None => return unit.clone(),
        Some((by, true)) => unit.media_time.saturating_sub(by),
        Some((by, false)) => unit.media_time + by,
    };
    Arc::new(AccessUnit { media_time, ..AccessUnit::clone(unit) })
}

/// The packet as it arrives; none where it is lost.
fn damaged(mut packet: Vec<u8>, is_key: bool, faults: &[&Fault]) -> Option<Vec<u8>> {
    let mut random = rand::rng();
    let mut hit = |packet: &mut Vec<u8>| {
        let at = random.random_range(HEADER_BYTES..packet.len());
        packet[at] ^= random.random_range(1..=255);
    };
    for fault in faults {
        match fault {
            Fault::Loss(share) if rand::rng().random_bool(*share) => return None,
            Fault::Corrupt(share) if rand::rng().random_bool(*share) => hit(&mut packet),
            Fault::CorruptKeyFrames if is_key && packet.len() > PARAMETER_SET_MAX_BYTES => hit(&mut packet),
            _ => {}
        }
    }
    Some(packet)
}
