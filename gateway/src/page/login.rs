//! Coming in and going out.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::listener::Peer;
use super::password::NotSet;
use super::routes::{Page, Refusal, Shared};
use super::session::{LIFE_MAX, Session, Token};
use crate::language::Language;

/// Name of the session's cookie.
const COOKIE: &str = "moshao_session";

/// Who looks at the page.
#[derive(Debug, Serialize)]
pub(super) struct Who {
    /// A password has been set.
    is_set: bool,
    /// For `x-csrf-token`; none for somebody who has not logged in.
    csrf: Option<String>,
    gateway: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetUp {
    code: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    old: String,
    new: String,
}

/// `GET /api/session`
pub(super) async fn session(State(shared): Page, headers: HeaderMap) -> impl IntoResponse {
    let session = session_of(&shared, &headers);
    Json(shared.who(session.map(|session| session.csrf)))
}

/// `POST /api/setup`
pub(super) async fn set_up(
    State(shared): Page,
    Extension(peer): Extension<Peer>,
    language: Language,
    Json(wish): Json<SetUp>,
) -> Result<impl IntoResponse, Refusal> {
    guess(&shared, peer, language, move |keyring| match keyring.set_first(&wish.code, &wish.password) {
        Ok(()) => Ok(true),
        Err(NotSet::WrongCode) => Ok(false),
        Err(other) => Err(refusal(&other, language)),
    })
    .await?;
    info!(from = %peer.0, "the page's password has been set");
    Ok(begin(&shared))
}

/// `POST /api/login`
pub(super) async fn log_in(
    State(shared): Page,
    Extension(peer): Extension<Peer>,
    language: Language,
    Json(wish): Json<LogIn>,
) -> Result<impl IntoResponse, Refusal> {
    guess(&shared, peer, language, move |keyring| Ok(keyring.accepts(&wish.password))).await?;
    info!(from = %peer.0, "somebody has logged in to the page");
    Ok(begin(&shared))
}

/// `POST /api/logout`
pub(super) async fn log_out(State(shared): Page, headers: HeaderMap) -> impl IntoResponse {
    if let Some(token) = cookie(&headers, COOKIE) {
        shared.sessions().end(token);
    }
    AppendHeaders([(header::SET_COOKIE, shared.cookie("", Duration::ZERO))])
}

/// `POST /api/password`: all sessions end, this one begins anew.
pub(super) async fn change_password(
    State(shared): Page,
    Extension(peer): Extension<Peer>,
    language: Language,
    Json(wish): Json<ChangePassword>,
) -> Result<impl IntoResponse, Refusal> {
    guess(&shared, peer, language, move |keyring| {
        let right = keyring.accepts(&wish.old);
        if right {
            keyring.change(&wish.new).map_err(|error| refusal(&error, language))?;
        }
        Ok(right)
    })
    .await?;
    info!(from = %peer.0, "the page's password has been changed");
    shared.sessions().end_all();
    Ok(begin(&shared))
}

/// The session that the cookie names.
pub(super) fn session_of(shared: &Shared, headers: &HeaderMap) -> Option<Session> {
    let token = cookie(headers, COOKIE)?;
    shared.sessions().find(shared.now(), token)
}

/// Value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Lets somebody guess a password or code, unless too many guesses were wrong. `is_right` runs on a thread of its own.
async fn guess(
    shared: &Arc<Shared>,
    Peer(peer): Peer,
    language: Language,
    is_right: impl FnOnce(&super::Keyring) -> Result<bool, Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    // One after the other, so that nobody guesses faster by guessing in parallel.
    let _turn = shared.checking.acquire().await.expect("the semaphore is never closed");
    if let Some(wait) = shared.lockout().wait(shared.now(), peer) {
        let s = wait.as_secs() + 1;
        let text = language.pick(
            format!("错误次数过多，请 {s} 秒后再试"),
            format!("too many wrong tries; try again in {s} s"),
        );
        return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, text));
    }
    let keeper = shared.clone();
    let checked = tokio::task::spawn_blocking(move || is_right(&keeper.keyring)).await;
    let right = checked.unwrap_or_else(|_| {
        Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the password could not be checked".to_owned()))
    })?;
    if right {
        shared.lockout().right(peer);
        return Ok(());
    }
    shared.lockout().wrong(shared.now(), peer);
    warn!(from = %peer, "a wrong password or code for the page");
    Err(Refusal(StatusCode::FORBIDDEN, language.pick("不正确", "that is not right").to_owned()))
}

fn begin(shared: &Shared) -> impl IntoResponse + use<> {
    let (token, session) = shared.sessions().begin(shared.now());
    let cookie = shared.cookie(token.as_str(), LIFE_MAX);
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Json(shared.who(Some(session.csrf))))
}

fn refusal(why: &NotSet, language: Language) -> Refusal {
    let (status, chinese) = match why {
        NotSet::Already => (StatusCode::CONFLICT, "密码已经设置过，请直接登录"),
        NotSet::WrongCode => (StatusCode::FORBIDDEN, "不正确"),
        NotSet::Length => (StatusCode::UNPROCESSABLE_ENTITY, "密码至少 10 个字符，最多 256 字节"),
        NotSet::File(_) => (StatusCode::INTERNAL_SERVER_ERROR, "密码无法保存，请检查数据目录的空间和权限"),
    };
    Refusal(status, language.pick(chinese.to_owned(), why.to_string()))
}

// === impl Shared ===

impl Shared {
    fn who(&self, csrf: Option<Token>) -> Who {
        Who {
            is_set: self.keyring.is_set(),
            csrf: csrf.map(|csrf| csrf.as_str().to_owned()),
            gateway: self.sources.config.gateway.id.clone(),
        }
    }

    fn cookie(&self, value: &str, life: Duration) -> HeaderValue {
        let secure = if self.is_encrypted { "; Secure" } else { "" };
        let life_s = life.as_secs();
        let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life_s}{secure}");
        HeaderValue::try_from(cookie).expect("base64 and fixed text fit into a header")
    }
}
