//! Tickets for clips: somebody has given a reason, and may watch this clip for a while. Pure: `now` is handed in.
//!
//! A browser fetches a film in many requests, none of which can carry a reason or the session's CSRF token. So the reason is
//! given once, and what is given for it is a ticket: 256 random bits, for one clip and one session, for [`LIFE_MAX`]. Here only
//! its hash is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::session::Token;

/// A ticket counts for this long: time to watch a clip twice and to save it.
pub(super) const LIFE_MAX: Duration = Duration::from_secs(10 * 60);
/// Tickets at once; a further one ends the oldest.
const TICKETS_MAX: usize = 64;

/// All tickets.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    by_hash: BTreeMap<[u8; 32], Ticket>,
}

#[derive(Debug)]
struct Ticket {
    reference: String,
    /// Hash of the CSRF token of the session that asked.
    session: [u8; 32],
    issued: Duration,
}

// === impl Tickets ===

impl Tickets {
    /// A ticket for a clip, by the reference that events give it, for the session with this CSRF token.
    pub(super) fn issue(&mut self, now: Duration, csrf: &Token, reference: String) -> Token {
        self.forget_old(now);
        if self.by_hash.len() >= TICKETS_MAX
            && let Some((oldest, _)) = self.by_hash.iter().min_by_key(|(_, ticket)| ticket.issued)
        {
            let oldest = *oldest;
            self.by_hash.remove(&oldest);
        }
        let token = Token::random();
        self.by_hash.insert(token.hash(), Ticket { reference, session: csrf.hash(), issued: now });
        token
    }

    /// The clip that a ticket of this session is for.
    pub(super) fn clip(&mut self, now: Duration, csrf: &Token, ticket: &str) -> Option<String> {
        self.forget_old(now);
        let ticket = self.by_hash.get(&Token::from_text(ticket).hash())?;
        (ticket.session == csrf.hash()).then(|| ticket.reference.clone())
    }

    fn forget_old(&mut self, now: Duration) {
        self.by_hash.retain(|_, ticket| now.saturating_sub(ticket.issued) < LIFE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIP: &str = "evidence/01INC/2.mp4";

    #[test]
    fn a_ticket_is_for_one_clip_one_session_and_ten_minutes() {
        let (mut tickets, own, other) = (Tickets::default(), Token::random(), Token::random());
        let ticket = tickets.issue(Duration::ZERO, &own, CLIP.to_owned());
        let mut clip = |now, csrf: &Token, ticket: &str| tickets.clip(now, csrf, ticket);
        let last = LIFE_MAX - Duration::from_millis(1);
        assert_eq!(clip(last, &own, ticket.as_str()).as_deref(), Some(CLIP));
        assert_eq!(clip(last, &other, ticket.as_str()), None, "somebody else's");
        assert_eq!(clip(last, &own, Token::random().as_str()), None, "guessed");
        assert_eq!(clip(last, &own, ""), None);
        assert_eq!(clip(LIFE_MAX, &own, ticket.as_str()), None, "its time is over");
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many() {
        let (mut tickets, csrf) = (Tickets::default(), Token::random());
        let all: Vec<Token> = (0..=TICKETS_MAX)
            .map(|number| tickets.issue(Duration::from_millis(number as u64), &csrf, CLIP.to_owned()))
            .collect();
        let now = Duration::from_secs(1);
        let valid = all.iter().filter(|ticket| tickets.clip(now, &csrf, ticket.as_str()).is_some()).count();
        assert_eq!(valid, TICKETS_MAX);
        assert_eq!(tickets.clip(now, &csrf, all[0].as_str()), None);
    }
}
