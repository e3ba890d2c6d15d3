//! One RTSP session: from a URL to access units.
//!
//! RTP comes interleaved in the RTSP connection (TCP): nothing is lost on the way but what the camera itself drops, and
//! no port has to be opened. Only the video is set up. Every step has a deadline, because the client has none.
//!
//! Source: RFC 2326 (RTSP 1.0), RFC 6184 (H.264), RFC 7798 (H.265).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use moshao_config::{Deadlines, Secret};
use retina::client::{
    Credentials, Demuxed, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions,
    SessionGroup, SessionOptions, SetupOptions, Stream, TeardownPolicy,
};
use retina::codec::aac::Framing as AacFraming;
use retina::codec::h26x::Framing;
use retina::codec::{CodecItem, FrameFormat, ParameterSetInsertion, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::fault::{SessionError, Step, peer_of};
use super::media_clock::MediaClock;
use super::{AccessUnit, Codec, MAX_PICTURE_PX, login};
use crate::worker::link::StreamFault;

/// Broken packets that are borne within [`PACKET_ERRORS_WITHIN`] before the session is given up.
const PACKET_ERRORS_MAX: usize = 20;
const PACKET_ERRORS_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for sessions that may still be open on the camera; old servers forget them after 65 s.
const STALE_SESSIONS_WAIT_MAX: Duration = Duration::from_secs(70);

/// Lengths instead of start codes: only then does the client say the parameters as a file of the pictures needs them.
/// Start codes come in [`to_annex_b`].
const FRAME_FORMAT: FrameFormat = FrameFormat {
    h26x_framing: Framing::FourByteLength,
    parameter_set_insertion: ParameterSetInsertion::EachKeyFrame,
    aac_framing: AacFraming::Adts,
};

/// How to reach a camera.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// RTSP URL without user and password.
    pub url: Url,
    /// RTSP user.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
    /// Answer a Basic challenge too.
    pub allow_basic: bool,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

/// A playing session.
pub struct Session {
    demuxed: Demuxed,
    stream: usize,
    codec: Codec,
    peer: String,
    deadlines: Deadlines,
    began: Instant,
    /// Access units received, before the first key frame too.
    received: u64,
    last_received: Instant,
    size_px: Option<(u32, u32)>,
    clock: MediaClock,
    packet_errors: PacketErrors,
    clock_offset_s: Option<f64>,
}

/// Broken packets of late.
#[derive(Debug, Default)]
struct PacketErrors {
    at: VecDeque<Instant>,
    /// The client's latest word, if it was an error.
    latest: Option<retina::Error>,
}

// === impl Endpoint ===

impl Endpoint {
    fn credentials(&self) -> Option<Credentials> {
        let username = self.username.clone()?;
        let password =
            self.password.as_ref().map(|password| password.reveal().to_owned()).unwrap_or_default();
        Some(Credentials { username, password })
    }

    async fn describe(
        &self,
        group: &Arc<SessionGroup>,
    ) -> Result<retina::client::Session<Described>, SessionError> {
        let credentials = self.credentials();
        if credentials.is_some() && !self.allow_basic {
            login::require_digest(&self.url).await?;
        }
        let options = SessionOptions::default()
            .creds(credentials)
            .user_agent(super::USER_AGENT.to_owned())
            .session_group(group.clone())
            .teardown(TeardownPolicy::Auto);
        retina::client::Session::describe(self.url.clone(), options)
            .await
            .map_err(|error| SessionError::from_retina(Step::Describe, &peer_of(&self.url), &error))
    }
}

// === impl Session ===

impl Session {
    /// Connects and plays. Sessions of `group` (those of the same host) that may still be open on the camera are waited
    /// for first.
    ///
    /// # Errors
    /// What failed, and what to do.
    pub async fn open(endpoint: &Endpoint, group: &Arc<SessionGroup>) -> Result<Self, SessionError> {
        Self::open_unchecked(endpoint, group).await.map_err(|error| error.without(endpoint.password.as_ref()))
    }

    async fn open_unchecked(endpoint: &Endpoint, group: &Arc<SessionGroup>) -> Result<Self, SessionError> {
        let peer = peer_of(&endpoint.url);
        let deadlines = endpoint.deadlines;
        let in_words = |step, error: retina::Error| SessionError::from_retina(step, &peer, &error);

        let stale = group.stale_sessions();
        if stale.num_sessions > 0 {
            tracing::info!(
                peer,
                sessions = stale.num_sessions,
                "waiting for sessions that may still be open"
            );
            // Whether they are gone or the wait is over: now it is worth a try.
            drop(timeout(STALE_SESSIONS_WAIT_MAX, group.await_stale_sessions(&stale)).await);
        }

        let mut session = timeout(deadlines.describe, endpoint.describe(group))
            .await
            .map_err(|_| overdue(Step::Describe, &peer, deadlines.describe))??;

        let (stream, codec) = choose_video(session.streams(), &peer)?;
        let options = SetupOptions::default().frame_format(FRAME_FORMAT);
        timeout(deadlines.setup, session.setup(stream, options))
            .await
            .map_err(|_| overdue(Step::Setup, &peer, deadlines.setup))?
            .map_err(|error| in_words(Step::Setup, error))?;

        let options = PlayOptions::default()
            .initial_timestamp(InitialTimestampPolicy::Ignore)
            // Measured: joining a stream that others already watch, sessions died of the announced number.
            .initial_seq(InitialSequenceNumberPolicy::Ignore);
        let demuxed = timeout(deadlines.play, session.play(options))
            .await
            .map_err(|_| overdue(Step::Play, &peer, deadlines.play))?
            .and_then(retina::client::Session::demuxed)
            .map_err(|error| in_words(Step::Play, error))?;

        let began = Instant::now();
        Ok(Self {
            demuxed,
            stream,
            codec,
            peer,
            deadlines,
            began,
            received: 0,
            last_received: began,
            size_px: None,
            clock: MediaClock::default(),
            packet_errors: PacketErrors::default(),
            clock_offset_s: None,
        })
    }

    /// The codec of its video.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Width and height of its pictures, pixels, as of the last access unit; none before the first.
    pub fn size_px(&self) -> Option<(u32, u32)> {
        self.size_px
    }

    /// The `VisualSampleEntry` box (ISO/IEC 14496-12) that a file of its pictures needs, as of the last access unit;
    /// none where its parameters cannot be said in one.
    pub fn sample_entry(&self) -> Option<Vec<u8>> {
        match self.demuxed.streams()[self.stream].parameters()? {
            ParametersRef::Video(parameters) => parameters.mp4_sample_entry().build().ok(),
            _ => None,
        }
    }

    /// The camera's clock minus this machine's, seconds, by its latest RTCP sender report; none before the first.
    pub fn clock_offset_s(&self) -> Option<f64> {
        self.clock_offset_s
    }

    /// The next access unit; the first is a key frame. Cancel-safe.
    ///
    /// # Errors
    /// Why the session is over.
    pub async fn next(&mut self) -> Result<AccessUnit, SessionError> {
        loop {
            let item = match timeout_at(self.deadline(), self.demuxed.next()).await {
                Err(_) => return Err(self.overdue()),
                Ok(None) => return Err(self.ended()),
                Ok(Some(item)) => item,
            };
            if item.is_ok() {
                self.packet_errors.latest = None;
            }
            match item {
                Ok(CodecItem::VideoFrame(frame)) => {
                    if let Some(unit) = self.accept(frame)? {
                        return Ok(unit);
                    }
                }
                Ok(CodecItem::Rtcp(report)) => {
                    self.clock_offset_s = clock_offset_s(&report).or(self.clock_offset_s);
                }
                Ok(_) => {}
                Err(error) => self
                    .packet_errors
                    .bear(Instant::now(), error)
                    .map_err(|error| SessionError::from_retina(Step::Watch, &self.peer, &error))?,
            }
        }
    }

    /// Takes a frame; none while the first key frame has not come.
    fn accept(&mut self, frame: VideoFrame) -> Result<Option<AccessUnit>, SessionError> {
        let now = Instant::now();
        self.received += 1;
        self.last_received = now;
        let is_first = self.size_px.is_none();
        if is_first && !frame.is_random_access_point() {
            return Ok(None);
        }
        let is_new_sequence = is_first || frame.has_new_parameters();
        if is_new_sequence {
            self.size_px = Some(self.announced_size()?);
        }
        let received = now - self.began;
        Ok(Some(AccessUnit {
            codec: self.codec,
            is_key: frame.is_random_access_point(),
            lost_packets: frame.loss(),
            is_new_sequence,
            media_time: self.clock.media_time(frame.timestamp().elapsed_secs(), received),
            received_unix_ms: jiff::Timestamp::now().as_millisecond(),
            data: to_annex_b(frame.into_data()).into(),
        }))
    }

    fn announced_size(&self) -> Result<(u32, u32), SessionError> {
        let Some(ParametersRef::Video(parameters)) = self.demuxed.streams()[self.stream].parameters() else {
            return Err(SessionError::new(
                StreamFault::Corrupt,
                format!("{} sent a key frame without parameter sets (SPS, PPS)", self.peer),
            ));
        };
        let (width, height) = parameters.coded_pixel_dimensions();
        if u64::from(width) * u64::from(height) > u64::from(MAX_PICTURE_PX) {
            return Err(SessionError::new(
                StreamFault::UnsupportedCodec,
                format!(
                    "{} sends pictures of {width}x{height} pixels, at most {MAX_PICTURE_PX} (4096x2304) are decoded; \
                     choose a smaller stream",
                    self.peer
                ),
            ));
        }
        Ok(parameters.pixel_dimensions())
    }

    fn deadline(&self) -> Instant {
        match self.size_px {
            None => self.began + self.deadlines.first_key_frame,
            Some(_) => self.last_received + self.deadlines.silence,
        }
    }

    fn overdue(&self) -> SessionError {
        let Deadlines { first_key_frame, silence, .. } = self.deadlines;
        let peer = &self.peer;
        match (self.size_px, self.received) {
            (Some(_), _) => SessionError::new(
                StreamFault::Silent,
                format!("{peer} has sent no picture for {} s while playing", silence.as_secs_f32()),
            ),
            (None, 0) => SessionError::new(
                StreamFault::Silent,
                format!("{peer} has sent no picture within {} s after PLAY", first_key_frame.as_secs_f32()),
            ),
            (None, pictures) => SessionError::new(
                StreamFault::Timeout,
                format!(
                    "{peer} sent {pictures} pictures but no key frame within {} s after PLAY; set its key frame \
                     (I-frame) interval to 2 s",
                    first_key_frame.as_secs_f32()
                ),
            ),
        }
    }

    /// The client yields nothing more: the camera closed the connection, or a broken packet ended the stream.
    fn ended(&mut self) -> SessionError {
        match self.packet_errors.latest.take() {
            Some(error) => SessionError::from_retina(Step::Watch, &self.peer, &error),
            None => SessionError::new(StreamFault::Unreachable, format!("{} ended the stream", self.peer)),
        }
    }
}

// === impl PacketErrors ===

impl PacketErrors {
    /// Bears the error of a single packet; gives back one that ends the session.
    fn bear(&mut self, now: Instant, error: retina::Error) -> Result<(), retina::Error> {
        // The client has no other way to tell an RTP packet's error from those of the connection (0.4.21, error.rs).
        let is_of_one_packet = error.to_string().contains("\nssrc: ");
        self.at.retain(|at| now - *at < PACKET_ERRORS_WITHIN);
        if !is_of_one_packet || self.at.len() >= PACKET_ERRORS_MAX {
            return Err(error);
        }
        self.at.push_back(now);
        self.latest = Some(error);
        Ok(())
    }
}

/// NTP time (RFC 5905, since 1900) of the sender report in a compound packet, minus the time of its receipt.
fn clock_offset_s(packet: &ReceivedCompoundPacket) -> Option<f64> {
    let report = packet.pkts().find_map(|packet| packet.as_sender_report().ok().flatten())?;
    let camera_s = report.ntp_timestamp().0.wrapping_sub(retina::UNIX_EPOCH.0) as f64 / 2_f64.powi(32);
    let received: std::time::SystemTime = packet.ctx().received_wall().into();
    let received = received.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    Some(camera_s - received.as_secs_f64())
}

fn overdue(step: Step, peer: &str, deadline: Duration) -> SessionError {
    let (step, deadline) = (step.as_str(), deadline.as_secs_f32());
    SessionError::new(
        StreamFault::Timeout,
        format!(
            "{peer} took longer than {deadline} s for {step}; is it overloaded, or another kind of server?"
        ),
    )
}

/// Start codes of four bytes in place of the lengths before NAL units (ITU-T H.264 and H.265, annex B).
fn to_annex_b(mut data: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(prefix) = data.get_mut(at..at + 4) {
        let length = u32::from_be_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]);
        prefix.copy_from_slice(&[0, 0, 0, 1]);
        at = at.saturating_add(4).saturating_add(length as usize);
    }
    data
}

/// The first video stream that can be decoded here.
fn choose_video(streams: &[Stream], peer: &str) -> Result<(usize, Codec), SessionError> {
    let videos = || streams.iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    if let Some(chosen) =
        videos().find_map(|(index, stream)| Some((index, Codec::from_encoding_name(stream.encoding_name())?)))
    {
        return Ok(chosen);
    }
    let names = |streams: &mut dyn Iterator<Item = &Stream>| {
        streams.map(|stream| stream.encoding_name().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let offered = names(&mut videos().map(|(_, stream)| stream));
    Err(if offered.is_empty() {
        SessionError::new(
            StreamFault::NoVideo,
            format!(
                "{peer} offers no video at this url, only: {}; check the path, and that video is enabled",
                names(&mut streams.iter())
            ),
        )
    } else {
        SessionError::new(
            StreamFault::UnsupportedCodec,
            format!("{peer} sends video as {offered}; set the camera to H.264 or H.265"),
        )
    })
}
