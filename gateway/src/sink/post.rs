//! The HTTP client of one sink: a thread of its own, one request at a time.
//!
//! A thread, because the client blocks, and because a request that hangs must not hold up the end of the process. After
//! a failure the client is made anew: no connection of the old one is trusted, and a replaced CA file is read.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use moshao_config::{Secret, Sink};
use tokio::sync::oneshot;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::answer::{Answer, Failure};

/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// One POST.
#[derive(Debug)]
pub(super) struct Request {
    /// Where to.
    pub(super) url: Secret,
    /// Its headers.
    pub(super) headers: Vec<(&'static str, String)>,
    /// Its body.
    pub(super) body: Vec<u8>,
}

/// No answer came.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) failure: Failure,
    /// In words; never the URL, which may hold a key.
    pub(super) detail: String,
}

type Job = (Request, oneshot::Sender<Result<Answer, NoAnswer>>);

/// The thread, for the task that drives it.
#[derive(Debug)]
pub(super) struct Poster {
    jobs: SyncSender<Job>,
}

// === impl Poster ===

impl Poster {
    /// Starts the thread; it ends with the poster.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(super) fn start(sink: &Sink) -> std::io::Result<Self> {
        // One job at a time: the driver waits for each answer.
        let (jobs, queue) = sync_channel(1);
        let sink = sink.clone();
        thread::Builder::new().name(format!("sink-{}", sink.id)).spawn(move || work(&sink, &queue))?;
        Ok(Poster { jobs })
    }

    /// Makes one request.
    pub(super) async fn post(&self, request: Request) -> Result<Answer, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let gone = || NoAnswer { failure: Failure::Broken, detail: "the client has ended".to_owned() };
        self.jobs.try_send((request, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn work(sink: &Sink, queue: &Receiver<Job>) {
    let mut kept = None;
    while let Ok((request, reply)) = queue.recv() {
        let agent = match kept.take() {
            Some(agent) => Ok(agent),
            None => agent(sink.ca_file.as_deref(), sink.timeout),
        };
        let answer = agent.and_then(|agent| {
            let answer = post(&agent, &request)?;
            kept = Some(agent);
            Ok(answer)
        });
        // A driver that has been stopped does not wait for it.
        drop(reply.send(answer));
    }
}

fn agent(ca_file: Option<&Path>, timeout: Duration) -> Result<ureq::Agent, NoAnswer> {
    let mut tls = TlsConfig::builder();
    if let Some(ca_file) = ca_file {
        tls = tls.root_certs(RootCerts::new_with_certs(&authorities(ca_file)?));
    }
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A key must not follow wherever a server points.
        .max_redirects(0)
        .user_agent(concat!("moshao/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build())
        .build();
    Ok(config.into())
}

fn authorities(ca_file: &Path) -> Result<Vec<Certificate<'static>>, NoAnswer> {
    let bad = |detail: String| NoAnswer {
        failure: Failure::Tls,
        detail: format!("the CA file {} {detail}", ca_file.display()),
    };
    let text = std::fs::read(ca_file).map_err(|error| bad(format!("cannot be read: {error}")))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate.to_owned()),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { Err(bad("holds no certificate".to_owned())) } else { Ok(certificates) }
}

fn post(agent: &ureq::Agent, request: &Request) -> Result<Answer, NoAnswer> {
    let url = request.url.reveal();
    let mut builder = agent.post(url);
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let mut response = builder.send(&request.body[..]).map_err(|error| explain(&error, url))?;
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(str::to_owned);
    let status = response.status().as_u16();
    // The status has come: a body that breaks off is as good as none.
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
    Ok(Answer { status, retry_after, body })
}

fn explain(error: &ureq::Error, url: &str) -> NoAnswer {
    let failure = match error {
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Failure::Unreachable,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Failure::Tls,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::HostUnreachable
            | std::io::ErrorKind::NetworkUnreachable => Failure::Unreachable,
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => Failure::Timeout,
            // The TLS library reports what it does not like as invalid data.
            std::io::ErrorKind::InvalidData => Failure::Tls,
            _ => Failure::Broken,
        },
        _ => Failure::Broken,
    };
    NoAnswer { failure, detail: error.to_string().replace(url, "the URL") }
}
