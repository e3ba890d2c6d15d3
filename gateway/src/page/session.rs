//! Sessions: who has logged in, until when. Pure: `now` is handed in.
//!
//! The browser holds a random token; here only its hash is kept. A session ends [`IDLE_MAX`] after its last request and
//! [`LIFE_MAX`] after its first, and none outlives the gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A session that is not used ends after this long.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);
/// Every session ends after this long.
pub(super) const LIFE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once; a further one ends the one that was used longest ago.
const SESSIONS_MAX: usize = 16;

/// 256 random bits as text: a session's token, or what proves that a request comes from our own page.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(String);

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_hash: BTreeMap<[u8; 32], Session>,
}

/// One session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// What every request that changes something has to carry in `x-csrf-token`.
    pub(super) csrf: Token,
    began: Duration,
    used: Duration,
}

// === impl Token ===

impl Token {
    /// A new one.
    pub(super) fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// One that is given.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares hashes, so that the time it takes tells nothing.
    pub(super) fn is(&self, other: &str) -> bool {
        self.hash() == hash(other)
    }

    /// SHA-256: what is kept of a token that somebody else holds.
    pub(super) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

// === impl Sessions ===

impl Sessions {
    /// Begins a session; the token is for the browser's cookie.
    pub(super) fn begin(&mut self, now: Duration) -> (Token, Session) {
        self.forget_old(now);
        if self.by_hash.len() >= SESSIONS_MAX
            && let Some(idlest) = self.by_hash.iter().min_by_key(|(_, session)| session.used)
        {
            let idlest = *idlest.0;
            self.by_hash.remove(&idlest);
        }
        let token = Token::random();
        let session = Session { csrf: Token::random(), began: now, used: now };
        self.by_hash.insert(hash(token.as_str()), session.clone());
        (token, session)
    }

    /// The session of this token, which has been used now.
    pub(super) fn find(&mut self, now: Duration, token: &str) -> Option<Session> {
        self.forget_old(now);
        let session = self.by_hash.get_mut(&hash(token))?;
        session.used = now;
        Some(session.clone())
    }

    /// Ends one.
    pub(super) fn end(&mut self, token: &str) {
        self.by_hash.remove(&hash(token));
    }

    /// Ends all.
    pub(super) fn end_all(&mut self) {
        self.by_hash.clear();
    }

    fn forget_old(&mut self, now: Duration) {
        self.by_hash.retain(|_, session| {
            now.saturating_sub(session.used) < IDLE_MAX && now.saturating_sub(session.began) < LIFE_MAX
        });
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_session_lives_while_it_is_used_and_half_a_day_at_most() {
        let mut sessions = Sessions::default();
        let (token, session) = sessions.begin(Duration::ZERO);
        let mut now = Duration::ZERO;
        while now + HOUR / 2 < LIFE_MAX {
            now += HOUR / 2;
            let found = sessions.find(now, token.as_str()).expect("it is used");
            assert!(found.csrf == session.csrf);
        }
        assert!(sessions.find(LIFE_MAX, token.as_str()).is_none());
    }

    #[test]
    fn an_idle_one_ends_and_so_does_one_that_logs_out() {
        let mut sessions = Sessions::default();
        let (idle, _) = sessions.begin(Duration::ZERO);
        assert!(sessions.find(HOUR, idle.as_str()).is_none());
        let (other, _) = sessions.begin(HOUR);
        sessions.end(other.as_str());
        assert!(sessions.find(HOUR, other.as_str()).is_none());
        assert!(sessions.find(HOUR, "").is_none());
    }

    #[test]
    fn the_seventeenth_ends_the_idlest() {
        let mut sessions = Sessions::default();
        let (first, _) = sessions.begin(Duration::ZERO);
        let (second, _) = sessions.begin(Duration::ZERO);
        for second in 1..=14 {
            sessions.begin(Duration::from_secs(second));
        }
        assert!(sessions.find(Duration::from_secs(20), first.as_str()).is_some());
        sessions.begin(Duration::from_secs(21));
        assert!(sessions.find(Duration::from_secs(22), second.as_str()).is_none());
        assert!(sessions.find(Duration::from_secs(22), first.as_str()).is_some());
    }
}
