//! The local HTTP server. Routes:
//!
//! | route | answers |
//! |---|---|
//! | `GET /metrics` | Prometheus text, see [`crate::metrics`] |
//! | `GET /healthz` | 200 `{"status":"ok",…}`, or 503 with what is wrong |
//! | `GET /livez` | 200, or 503 where the gateway hangs and wants a restart, which mends nothing that `/healthz` tells |
//!
//! It listens on loopback unless the configuration says otherwise, and says nothing that needs a login.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::outbox::OutboxError;

/// The listener, bound and not yet serving, so that a port in use is known before anything else starts.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    metrics: Arc<Metrics>,
    expected: Expected,
}

/// What must be up for the gateway to be healthy.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// A broker for sensors is configured.
    pub sensor_broker: bool,
}

/// The port cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for /metrics: {source}; choose another http.listen in the configuration")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

/// Body of `/healthz`.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    /// What is wrong, in a sentence each.
    problems: Vec<String>,
    workers_up: i64,
    uplink_up: bool,
    outbox_depth_events: i64,
}

// === impl Http ===

impl Http {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is in use, or not of this machine.
    pub async fn bind(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        expected: Expected,
    ) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address).await.map_err(|source| BindError { address, source })?;
        Ok(Http { listener, metrics, expected })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(self, stop: CancellationToken) -> std::io::Result<()> {
        let routes = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(healthz))
            .route("/livez", get(livez))
            .with_state((self.metrics, self.expected));
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

type Shared = (Arc<Metrics>, Expected);

async fn metrics(State((metrics, _)): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

async fn healthz(State((metrics, expected)): State<Shared>) -> impl IntoResponse {
    let health = Health::of(&metrics, expected);
    let code = if health.problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&health).expect("a struct of strings and numbers");
    (code, [(header::CONTENT_TYPE, "application/json")], body)
}

async fn livez(State((metrics, _)): State<Shared>) -> impl IntoResponse {
    match metrics.pulse.is_alive(std::time::Instant::now()) {
        true => (StatusCode::OK, "alive\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the loop that judges and stores events hangs\n"),
    }
}

// === impl Health ===

impl Health {
    /// The box is healthy when its own parts work. A broker that cannot be reached is a problem of the link, not of
    /// the box: events wait in the outbox.
    fn of(metrics: &Metrics, expected: Expected) -> Self {
        let workers_up = metrics.worker.up.get();
        let mut problems = Vec::new();
        let wanted = metrics.worker.wanted.get();
        if workers_up < wanted {
            problems.push(format!("{workers_up} of {wanted} camera workers run"));
        }
        if expected.sensor_broker && metrics.sensor.broker_up.get() == 0 {
            problems.push("not subscribed to the sensors' broker".to_owned());
        }
        for reason in OutboxError::STORAGE_REASONS {
            if metrics.outbox.degraded.with_label_values(&[reason]).get() == 1 {
                problems.push(format!("the storage of the outbox fails: {reason}"));
            }
        }
        Health {
            status: if problems.is_empty() { "ok" } else { "degraded" },
            problems,
            workers_up,
            uplink_up: metrics.uplink.up.get() == 1,
            outbox_depth_events: metrics.outbox.depth.get(),
        }
    }
}
