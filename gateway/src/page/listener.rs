//! Connections of the page: TLS, and limits that keep a box small whoever comes.
//!
//! A connection that says nothing is closed after [`SILENCE_MAX`]; when [`CONNECTIONS_MAX`] are open, further ones wait
//! in the system's queue.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Connections at once. A browser opens up to six.
const CONNECTIONS_MAX: usize = 48;
/// A TLS handshake may take this long.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// The head of the next request may take this long.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// The head of a request may be this large.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// After a failed accept (no file handles left), the next try waits this long.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// Answers in progress may take this long once the gateway stops.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Takes connections until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection to the page cannot be taken");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        tokio::spawn(converse(stream, peer, tls.clone(), routes.clone(), graceful.watcher(), permit));
    }
    // Whoever has not been answered by then is cut off.
    drop(timeout(LAST_ANSWERS, graceful.shutdown()).await);
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    routes: Router,
    watcher: Watcher,
    permit: OwnedSemaphorePermit,
) {
    let routes = routes.layer(Extension(Peer(peer.ip())));
    match tls {
        None => answer(stream, routes, watcher).await,
        Some(acceptor) => match timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, routes, watcher).await,
            Ok(Err(error)) => debug!(%peer, %error, "no TLS with the page"),
            Err(_) => debug!(%peer, "a TLS handshake with the page took too long"),
        },
    }
    drop(permit);
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, routes: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE_MAX)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = watcher.watch(connection).await {
        debug!(%error, "a connection to the page broke");
    }
}
