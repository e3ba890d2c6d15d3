//! Which path does what.
//!
//! | route | needs | does |
//! |---|---|---|
//! | `GET /`, `GET /assets/{name}` | | the page's files |
//! | `GET /api/session` | | whether a password is set, whether somebody is logged in, the CSRF token |
//! | `POST /api/setup`, `POST /api/login` | | set the first password with the code of the log; log in |
//! | `POST /api/logout`, `POST /api/password` | session, CSRF | log out; another password |
//! | `GET /api/status` | session | everything in plain words |
//! | `GET /api/cameras/{id}/still` | session | a picture, masks filled |
//! | `GET`, `PUT /api/cameras/{id}/areas` | session, CSRF | zones, lines and masks of the configuration file |
//! | `POST /api/cameras/{id}/walk` | session, CSRF | keeps the camera awake; what it sees now |
//! | `POST /api/test` | session, CSRF | test mode on or off |
//! | `GET /api/incidents` | session | what happened lately |
//! | `GET /api/evidence/{incident}/{file}` | session | a still |
//! | `POST /api/clips` | session, CSRF, a reason | a ticket for a clip, written into the access ledger |
//! | `GET /api/clips/{ticket}` | the session that the ticket is for | the clip, whole or a range of it |
//!
//! Every answer carries the headers of [`protect`]; no answer takes longer than [`ANSWER_MAX`], no body is larger than
//! [`BODY_MAX_BYTES`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::Semaphore;

use super::lockout::Lockout;
use super::password::Keyring;
use super::session::Sessions;
use super::ticket::Tickets;
use super::{Sources, assets, clips, editor, incidents, login, status, still, test_mode, walk};

/// An answer may take this long.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Largest body of a request: a camera with all its zones has room.
const BODY_MAX_BYTES: usize = 256 * 1024;

/// Our files alone, nobody else's, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; \
                      connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// What all handlers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sources: Sources,
    pub(super) keyring: Keyring,
    /// Cookies are for TLS alone.
    pub(super) is_encrypted: bool,
    /// One password is checked at a time: each takes 12 MiB.
    pub(super) checking: Semaphore,
    /// One change of the configuration file at a time.
    pub(super) editing: tokio::sync::Mutex<()>,
}

/// Who is logged in, who is locked out and who may watch which clip: goes on over changes of the configuration.
#[derive(Debug)]
pub struct Guests {
    sessions: Mutex<Sessions>,
    lockout: Mutex<Lockout>,
    tickets: Mutex<Tickets>,
    started: Instant,
}

impl Default for Guests {
    fn default() -> Self {
        Guests {
            sessions: Mutex::default(),
            lockout: Mutex::default(),
            tickets: Mutex::default(),
            started: Instant::now(),
        }
    }
}

/// What a handler could not do: a status, and a sentence for people.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

pub(super) type Page = State<Arc<Shared>>;

/// All routes.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let inside = Router::new()
        .route("/api/logout", post(login::log_out))
        .route("/api/password", post(login::change_password))
        .route("/api/status", get(status::status))
        .route("/api/cameras/{id}/still", get(still::still))
        .route("/api/cameras/{id}/areas", get(editor::read).put(editor::write))
        .route("/api/cameras/{id}/walk", post(walk::walk))
        .route("/api/test", post(test_mode::set))
        .route("/api/incidents", get(incidents::list))
        .route("/api/evidence/{incident}/{file}", get(incidents::evidence))
        .route("/api/clips", post(clips::ask))
        .route("/api/clips/{ticket}", get(clips::watch))
        .route_layer(from_fn_with_state(shared.clone(), only_inside));
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/{name}", get(assets::file))
        .route("/api/session", get(login::session))
        .route("/api/setup", post(login::set_up))
        .route("/api/login", post(login::log_in))
        .merge(inside)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(from_fn(protect))
        .with_state(shared)
}

/// Asks for a session, and for the CSRF token where something is changed.
async fn only_inside(State(shared): Page, mut request: Request, next: Next) -> Response {
    let Some(session) = login::session_of(&shared, request.headers()) else {
        return Refusal(StatusCode::UNAUTHORIZED, "log in first".to_owned()).into_response();
    };
    let token = request.headers().get("x-csrf-token").and_then(|token| token.to_str().ok());
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    if !harmless && !token.is_some_and(|token| session.csrf.is(token)) {
        let why = "the x-csrf-token of this session is missing or wrong; load the page anew";
        return Refusal(StatusCode::FORBIDDEN, why.to_owned()).into_response();
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// What every answer has in common.
async fn protect(request: Request, next: Next) -> Response {
    let mut answer = tokio::time::timeout(ANSWER_MAX, next.run(request)).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", ANSWER_MAX.as_secs());
        Refusal(StatusCode::SERVICE_UNAVAILABLE, why).into_response()
    });
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(sources: Sources, keyring: Keyring, is_encrypted: bool) -> Self {
        Shared {
            sources,
            keyring,
            is_encrypted,
            checking: Semaphore::new(1),
            editing: tokio::sync::Mutex::new(()),
        }
    }

    /// Time since the page began, for what is decided by time.
    pub(super) fn now(&self) -> Duration {
        self.sources.guests.started.elapsed()
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sources.guests.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lockout(&self) -> MutexGuard<'_, Lockout> {
        self.sources.guests.lockout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.sources.guests.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The camera of a path.
    pub(super) fn camera(&self, id: &str) -> Result<&moshao_config::Camera, Refusal> {
        let found = self.sources.config.cameras.iter().find(|camera| camera.id == id);
        found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "there is no such camera".to_owned()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}
