//! What all MQTT connections have in common: options from the configuration, TLS, and errors in words for people.
//!
//! rumqttc keeps accepted publishes in memory over a reconnect and throws them away when the broker has lost the
//! session; it can also stop for ever after out-of-order acknowledgements. Therefore every connection here gets a
//! client and an event loop of its own, and nothing is carried over.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moshao_config::{Broker, Identity, Tls};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, MqttOptions, NetworkOptions,
    TlsConfiguration, Transport,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Largest MQTT packet in either direction, bytes.
pub const MAX_PACKET_BYTES: usize = 256 * 1024;

/// TCP, TLS and CONNACK together may take this long: a cellular link is slow to wake.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How the link to a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Trying to connect, or waiting to try.
    Down {
        /// Why the last connection ended; none before the first and after a stop.
        reason: Option<String>,
    },
    /// Connected.
    Up,
}

/// Why a file that a connection needs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read or is not PEM.
    #[error("the CA file {} cannot be read as PEM: {detail}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The file holds no certificate.
    #[error("the CA file {} holds no certificate; it should hold the CA that signed the broker's", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// Our certificate or its key cannot be used.
    #[error("the {what} file {} cannot be used: {detail}", .file.display())]
    Identity {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The password file cannot be read.
    #[error("the password file {} cannot be read: {detail}", .file.display())]
    Password {
        /// The file.
        file: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Options for one connection to this broker. Certificates, key and password file are read anew each time, so that
/// replaced ones are used.
///
/// # Errors
/// One of the files cannot be used.
pub fn options(broker: &Broker) -> Result<MqttOptions, TlsError> {
    let mut options = MqttOptions::new(broker.client_id.clone(), host(broker), broker.port);
    options.set_keep_alive(broker.keep_alive);
    options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    if let Some((username, password)) = login(broker)? {
        options.set_credentials(username, password);
    }
    if let Some(configuration) = tls(broker)? {
        options.set_transport(Transport::tls_with_config(configuration));
    }
    Ok(options)
}

/// The host as rumqttc wants it, which joins it and the port with a colon.
pub(crate) fn host(broker: &Broker) -> String {
    let bare_ipv6 = broker.tls.is_none() && broker.host.parse::<Ipv6Addr>().is_ok();
    if bare_ipv6 { format!("[{}]", broker.host) } else { broker.host.clone() }
}

/// User name and password, the latter read anew from its file.
pub(crate) fn login(broker: &Broker) -> Result<Option<(String, String)>, TlsError> {
    let Some(username) = &broker.username else { return Ok(None) };
    Ok(Some((username.clone(), password(broker)?)))
}

/// TLS with the certificates as they are in their files now; none for a broker without TLS.
pub(crate) fn tls(broker: &Broker) -> Result<Option<TlsConfiguration>, TlsError> {
    let Some(tls) = &broker.tls else { return Ok(None) };
    Ok(Some(TlsConfiguration::Rustls(Arc::new(client_config(tls)?))))
}

/// A client and its event loop for one connection; `requests` is how many requests may wait in between.
pub fn client(options: MqttOptions, requests: usize) -> (AsyncClient, EventLoop) {
    let (client, mut event_loop) = AsyncClient::new(options, requests);
    event_loop.network_options = network();
    (client, event_loop)
}

/// How connections are made. Nagle's algorithm is off: it would hold an alarm back until what was sent before has been
/// acknowledged, on a cellular link for half a second.
pub(crate) fn network() -> NetworkOptions {
    let mut options = NetworkOptions::new();
    options.set_connection_timeout(CONNECT_LIMIT.as_secs());
    options.set_tcp_nodelay(true);
    options
}

fn password(broker: &Broker) -> Result<String, TlsError> {
    match (&broker.password, &broker.password_file) {
        (Some(password), _) => Ok(password.reveal().to_owned()),
        (None, Some(file)) => {
            let unreadable =
                |error: std::io::Error| TlsError::Password { file: file.clone(), detail: error.to_string() };
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, None) => Ok(String::new()),
    }
}

/// Our certificate chain and its key.
fn identity(files: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let bad = |what, file: &Path, detail: String| TlsError::Identity { what, file: file.to_owned(), detail };
    let (certificate, key) = (&files.certificate_file, &files.key_file);
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad("certificate", certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("certificate", certificate, "it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad("key", key, error.to_string()))?;
    Ok((chain, key))
}

/// Only what the CA file holds counts: a centre has a CA of its own.
fn client_config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let unreadable = |error: rustls::pki_types::pem::Error| TlsError::Unreadable {
        file: tls.ca_file.clone(),
        detail: error.to_string(),
    };
    let certificates = CertificateDer::pem_file_iter(&tls.ca_file).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    // A system's collection holds a few that the library does not take; none of them is the centre's.
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(TlsError::Empty { file: tls.ca_file.clone() });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .with_root_certificates(roots);
    match &tls.identity {
        None => Ok(config.with_no_client_auth()),
        Some(files) => {
            let (chain, key) = identity(files)?;
            config.with_client_auth_cert(chain, key).map_err(|error| TlsError::Setup(error.to_string()))
        }
    }
}

/// How the local page proves who it is.
///
/// # Errors
/// One of the files cannot be used.
pub fn server_config(files: &Identity) -> Result<ServerConfig, TlsError> {
    let (chain, key) = identity(files)?;
    let setup = |error: rustls::Error| TlsError::Setup(error.to_string());
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(setup)
}

/// The broker as people know it: `mqtts://host:port`.
pub fn address(broker: &Broker) -> String {
    let scheme = if broker.tls.is_some() { "mqtts" } else { "mqtt" };
    let colons = broker.host.contains(':');
    let host = if colons { format!("[{}]", broker.host) } else { broker.host.clone() };
    format!("{scheme}://{host}:{}", broker.port)
}

/// What went wrong with a connection, and what to do.
pub fn explain(broker: &Broker, error: &ConnectionError) -> String {
    let address = address(broker);
    match error {
        ConnectionError::Io(error) => explain_io(&address, error),
        ConnectionError::NetworkTimeout => explain_silence(&address),
        ConnectionError::FlushTimeout => {
            format!("{address} took no data for {} s; the link is broken", CONNECT_LIMIT.as_secs())
        }
        ConnectionError::Tls(error) => explain_tls(&address, error),
        ConnectionError::ConnectionRefused(code) => format!("{address} {}", refusal(*code)),
        ConnectionError::NotConnAck(_) => format!("{address} does not speak MQTT 3.1.1"),
        ConnectionError::MqttState(error) => format!("{address}: the connection broke: {error}"),
        ConnectionError::RequestsDone => format!("{address}: closed from this side"),
    }
}

/// Nothing to connect to, or the connection broke.
pub(crate) fn explain_io(address: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            format!("{address} refuses connections; is the broker running on that port?")
        }
        _ => format!("{address} cannot be reached: {error}"),
    }
}

/// No CONNACK in time.
pub(crate) fn explain_silence(address: &str) -> String {
    format!("{address} did not answer within {} s; check address and firewall", CONNECT_LIMIT.as_secs())
}

/// TLS failed.
pub(crate) fn explain_tls(address: &str, error: &rumqttc::TlsError) -> String {
    format!("{address}: TLS failed: {error}; check the CA file, the name in the certificate and the clock")
}

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword => "refuses the user name or password",
        ConnectReturnCode::NotAuthorized => {
            "does not let this client in; check user, password and its access list"
        }
        ConnectReturnCode::BadClientId => "refuses the client id",
        ConnectReturnCode::RefusedProtocolVersion => "does not speak MQTT 3.1.1",
        ConnectReturnCode::ServiceUnavailable => "is not available now",
        ConnectReturnCode::Success => "accepted, then closed",
    }
}
