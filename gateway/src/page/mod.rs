//! The local page: what somebody who puts up or repairs a box looks at on a phone.
//!
//! Off unless the configuration has `[page]`; a listener of its own, on loopback or over TLS. Plain files (`assets`) and
//! a JSON interface (`routes`); everybody but the log-in needs a session.
//!
//! | file | is about |
//! |---|---|
//! | `listener` | connections: TLS, limits, deadlines |
//! | `routes` | which path does what, and what all answers have in common |
//! | `password`, `lockout`, `session`, `login` | who may come in |
//! | [`window`], [`snapshot`], [`visitor`] | what the desk shows the page, and what the page may ask of the desk |
//! | `status`, `words` | the state of the box in plain words |
//! | `still`, `walk`, `test_mode` | a camera's picture, the walk test, test mode |
//! | `areas`, `editor` | zones, lines and masks, written into the configuration file |
//! | `incidents` | what happened lately, with evidence and delivery |
//! | `clips`, `ticket` | clips, for a reason that stands in the access ledger |
//! | `language`, `assets` | two languages, embedded files |

mod areas;
mod assets;
mod clips;
mod editor;
mod incidents;
mod language;
mod listener;
mod lockout;
mod login;
mod password;
mod routes;
mod session;
pub mod snapshot;
mod status;
mod still;
mod test_mode;
mod ticket;
pub mod visitor;
mod walk;
pub mod window;
pub mod words;

use std::net::SocketAddr;
use std::sync::Arc;

use moshao_config::Config;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::password::{Keyring, KeyringError};
pub use self::routes::Guests;
use self::routes::Shared;
use self::visitor::Visitor;
use crate::evidence::Archive;
use crate::live;
use crate::metrics::Metrics;
use crate::mqtt::{self, Link, TlsError};
use crate::outbox::OutboxHandle;

/// The page, bound and not yet serving, so that a port in use is known before anything else starts.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    keyring: Keyring,
}

/// What the page shows besides what the desk does.
#[derive(Debug)]
pub struct Sources {
    /// What the gateway runs with.
    pub config: Arc<Config>,
    /// Where the configuration is changed; nowhere where it came from no file.
    pub live: Option<live::Handle>,
    /// Who is logged in.
    pub guests: Arc<Guests>,
    /// Stills and clips, and the ledger of who had them.
    pub evidence: Archive,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Depth of the queue, and what of it waits.
    pub outbox: OutboxHandle,
    /// The link to the centre.
    pub uplink: watch::Receiver<Link>,
    /// The link to the sensors' broker, where there is one.
    pub sensor_broker: Option<watch::Receiver<Link>>,
    /// What the desk shows.
    pub visitor: Visitor,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The port cannot be used.
    #[error(
        "cannot listen on {address} for the page: {source}; choose another page.listen in the configuration"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("the page: {0}")]
    Tls(#[from] TlsError),
    /// The file with the password's hash.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

// === impl Page ===

impl Page {
    /// Binds the port and reads certificate, key and the password's hash.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub async fn bind(config: &Config, page: &moshao_config::Page) -> Result<Self, PageError> {
        let address = page.listen;
        let tls = page.identity.as_ref().map(mqtt::server_config).transpose()?;
        let keyring = Keyring::open(&config.gateway.data_dir)?;
        let listener =
            TcpListener::bind(address).await.map_err(|source| PageError::Bind { address, source })?;
        Ok(Page { listener, tls: tls.map(Arc::new), keyring })
    }

    /// Where people find it.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn url(&self) -> std::io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}/", self.listener.local_addr()?))
    }

    /// Answers until `stop`.
    pub async fn serve(self, sources: Sources, stop: CancellationToken) {
        if let Ok(url) = self.url() {
            match self.keyring.code() {
                Some(code) => warn!("the page waits for its password: open {url} and enter the code {code}"),
                None => info!("the page is at {url}"),
            }
        }
        let shared = Arc::new(Shared::new(sources, self.keyring, self.tls.is_some()));
        let tls = self.tls.map(TlsAcceptor::from);
        listener::serve(self.listener, tls, routes::router(shared), stop).await;
    }
}
