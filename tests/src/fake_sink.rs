//! An HTTP server that takes events as a sink does, and misbehaves by script: answers late or never, with errors, or
//! cuts the connection when it has read everything.
//!
//! It knows as much of HTTP/1.1 as a POST needs and shares no code with the client under test. It remembers what it got.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How one request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This status, header lines, and body.
    Status(u16, &'static [&'static str], String),
    /// Never; the connection stays open.
    Hang,
    /// Not at all: the connection ends when the request has been read.
    Cut,
    /// The head of an answer with status 200 that promises a body; then the connection ends.
    CutInBody,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub target: String,
    /// Header fields by their name in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A scripted sink on a free port of 127.0.0.1. Its threads end with the test's process.
#[derive(Debug)]
pub struct FakeSink {
    /// Its port.
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

// === impl Reply ===

impl Reply {
    /// 200 with this body.
    pub fn ok(body: &str) -> Self {
        Reply::Status(200, &[], body.to_owned())
    }
}

// === impl FakeSink ===

impl FakeSink {
    /// Plain HTTP; `script` answers each request, counted from 0 over all connections.
    pub fn start(script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(script))
    }

    /// The same over TLS with this certificate and key (PEM files).
    pub fn start_with_tls(
        certificate: &Path,
        key: &Path,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key is the certificate's");
        Self::serve(Some(Arc::new(config)), Arc::new(script))
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no holder panics").clone()
    }

    fn serve(tls: Option<Arc<ServerConfig>>, script: Arc<Script>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, script, tls) = (Arc::clone(&shared), Arc::clone(&script), tls.clone());
                // How a connection ends is the client's concern.
                thread::spawn(move || match tls {
                    None => drop(answer_all(stream, &shared, &*script)),
                    Some(config) => {
                        let session = ServerConnection::new(config).expect("a session");
                        drop(answer_all(StreamOwned::new(session, stream), &shared, &*script));
                    }
                });
            }
        });
        Self { port, received }
    }
}

/// Requests of one connection, one after the other.
fn answer_all(stream: impl Read + Write, received: &Mutex<Vec<Received>>, script: &Script) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream)? {
        let number = {
            let mut received = received.lock().expect("no holder panics");
            received.push(request.clone());
            received.len() - 1
        };
        let stream = stream.get_mut();
        match script(number, &request) {
            Reply::Status(status, headers, body) => {
                let fields: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} Scripted\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
                )?;
                stream.flush()?;
            }
            // Ends when the client gives up and closes.
            Reply::Hang => drop(stream.read(&mut [0; 1])?),
            Reply::Cut => return Ok(()),
            Reply::CutInBody => {
                write!(stream, "HTTP/1.1 200 Scripted\r\nContent-Length: 1000\r\n\r\n{{")?;
                return stream.flush();
            }
        }
    }
    Ok(())
}

/// One request; none at the end of the connection.
fn read(stream: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Received { target, headers, body }))
}
