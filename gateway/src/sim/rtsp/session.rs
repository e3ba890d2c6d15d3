//! What a camera answers to each request: pure, without sockets or time.

use std::fmt::Write as _;

use rtsp_types::headers::{
    AUTHORIZATION, CONTENT_BASE, CONTENT_TYPE, CSEQ, PUBLIC, SESSION, TRANSPORT, WWW_AUTHENTICATE,
};
use rtsp_types::{Method, Request, Response, StatusCode, Version};

use super::CameraOptions;
use super::auth::{Scheme, challenge, proves};
use super::sdp;
use crate::sim::fault::Fault;
use crate::sim::feed::Feed;

/// State of one client's session (RFC 2326 appendix A.2, one track).
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    nonce: String,
    /// Interleaved channel of RTP; RTCP is the next one.
    channel: Option<u8>,
}

/// What is to be done about a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// A camera that does not answer.
    Nothing,
    /// Something that is not RTSP; then close.
    Raw(Vec<u8>),
    Response(Response<Vec<u8>>),
    /// Answer, then send media on this channel.
    Play(Response<Vec<u8>>, u8),
    /// Answer, and send no more media.
    Pause(Response<Vec<u8>>),
    /// Answer, then close.
    Close(Response<Vec<u8>>),
}

const SERVER_METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

// === impl Session ===

impl Session {
    pub(super) fn new(id: String, nonce: String) -> Self {
        Self { id, nonce, channel: None }
    }

    pub(super) fn answer(
        &mut self,
        request: &Request<Vec<u8>>,
        options: &CameraOptions,
        feed: &Feed,
    ) -> Reply {
        let method: &str = request.method().into();
        for fault in &options.faults {
            match fault {
                Fault::NoAnswer(unanswered) if unanswered == method => return Reply::Nothing,
                Fault::NotRtsp => {
                    return Reply::Raw(b"HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec());
                }
                _ => {}
            }
        }
        if *request.method() == Method::Options {
            return Reply::Response(
                respond(request, StatusCode::Ok).header(PUBLIC, SERVER_METHODS).build(vec![]),
            );
        }
        if let Some(refusal) = self.refusal(request, method, options) {
            return Reply::Response(refusal);
        }
        if !self.knows(request, &options.path) {
            return Reply::Response(respond(request, StatusCode::NotFound).build(vec![]));
        }
        match request.method() {
            Method::Describe => Reply::Response(describe(request, options, feed)),
            Method::Setup => Reply::Response(self.setup(request)),
            Method::Play => match self.channel {
                Some(channel) => Reply::Play(self.ok(request), channel),
                None => {
                    Reply::Response(respond(request, StatusCode::MethodNotValidInThisState).build(vec![]))
                }
            },
            Method::Pause => Reply::Pause(self.ok(request)),
            Method::Teardown => Reply::Close(self.ok(request)),
            Method::GetParameter | Method::SetParameter => Reply::Response(self.ok(request)),
            _ => Reply::Response(respond(request, StatusCode::NotImplemented).build(vec![])),
        }
    }

    /// 401 where the password is missing or wrong.
    fn refusal(
        &self,
        request: &Request<Vec<u8>>,
        method: &str,
        options: &CameraOptions,
    ) -> Option<Response<Vec<u8>>> {
        let credentials = options.credentials.as_ref()?;
        let scheme = if options.faults.contains(&Fault::BasicAuth) { Scheme::Basic } else { Scheme::Digest };
        let proven = request
            .header(&AUTHORIZATION)
            .is_some_and(|header| proves(credentials, scheme, &self.nonce, method, header.as_str()));
        (!proven).then(|| {
            respond(request, StatusCode::Unauthorized)
                .header(WWW_AUTHENTICATE, challenge(scheme, &self.nonce))
                .build(vec![])
        })
    }

    /// The stream's own URL, or that of its track.
    fn knows(&self, request: &Request<Vec<u8>>, path: &str) -> bool {
        let Some(url) = request.request_uri() else { return false };
        let asked = url.path().trim_end_matches('/');
        let stream = path.trim_end_matches('/');
        asked == stream
            || asked.strip_prefix(stream).and_then(|rest| rest.strip_prefix('/')) == Some(sdp::TRACK)
    }

    fn setup(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let wanted = request.header(&TRANSPORT).map(|header| header.as_str()).unwrap_or_default();
        let Some(channel) = interleaved_channel(wanted) else {
            return respond(request, StatusCode::UnsupportedTransport).build(vec![]);
        };
        self.channel = Some(channel);
        let mut transport = String::from("RTP/AVP/TCP;unicast");
        write!(transport, ";interleaved={channel}-{}", channel + 1).expect("a String takes all text");
        respond(request, StatusCode::Ok)
            .header(SESSION, format!("{};timeout=60", self.id))
            .header(TRANSPORT, transport)
            .build(vec![])
    }

    fn ok(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        respond(request, StatusCode::Ok).header(SESSION, self.id.as_str()).build(vec![])
    }
}

fn describe(request: &Request<Vec<u8>>, options: &CameraOptions, feed: &Feed) -> Response<Vec<u8>> {
    let has = |fault: Fault| options.faults.contains(&fault);
    let description = match () {
        () if has(Fault::AudioOnly) => sdp::audio(),
        () if has(Fault::MotionJpeg) => sdp::motion_jpeg(),
        () => sdp::video(feed.codec, &feed.sets),
    };
    let base = request
        .request_uri()
        .map(|url| format!("{}/", url.as_str().trim_end_matches('/')))
        .unwrap_or_default();
    respond(request, StatusCode::Ok)
        .header(CONTENT_BASE, base)
        .header(CONTENT_TYPE, "application/sdp")
        .build(description.into_bytes())
}

fn respond(request: &Request<Vec<u8>>, status: StatusCode) -> rtsp_types::ResponseBuilder {
    let number = request.header(&CSEQ).map(|header| header.as_str()).unwrap_or("0");
    Response::builder(Version::V1_0, status).header(CSEQ, number)
}

/// First channel of the first transport over TCP that a client offers; 0 where it leaves the choice to the server.
fn interleaved_channel(wanted: &str) -> Option<u8> {
    wanted.split(',').find(|transport| transport.trim().starts_with("RTP/AVP/TCP")).and_then(|transport| {
        let channels = transport.split(';').find_map(|part| part.trim().strip_prefix("interleaved="));
        let Some(channels) = channels else { return Some(0) };
        let first: u8 = channels.split('-').next()?.parse().ok()?;
        (first < u8::MAX).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_over_tcp_are_taken_and_others_refused() {
        assert_eq!(interleaved_channel("RTP/AVP/TCP;unicast;interleaved=2-3"), Some(2));
        assert_eq!(interleaved_channel("RTP/AVP;unicast;client_port=1-2, RTP/AVP/TCP;unicast"), Some(0));
        assert_eq!(interleaved_channel("RTP/AVP;unicast;client_port=8000-8001"), None);
        assert_eq!(interleaved_channel("RTP/AVP/TCP;interleaved=255-256"), None);
    }
}
