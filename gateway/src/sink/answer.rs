//! What a server's answer means: taken, later, or never. Pure.

use std::time::Duration;

use jiff::Timestamp;

/// A server may ask for a pause of at most this long.
const MOST_PAUSE: Duration = Duration::from_secs(3600);

/// What a server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What `Retry-After` said, as it came.
    pub retry_after: Option<String>,
    /// The body, at most 64 KiB of it; empty where it broke off.
    pub body: Vec<u8>,
}

/// What to do after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The sink has it.
    Taken,
    /// The same again, later.
    Later {
        /// Why, in one bounded word.
        failure: Failure,
        /// Why, in words.
        detail: String,
        /// How long the server wants to be left alone; none where it does not say.
        pause: Option<Duration>,
    },
    /// The server will not have this message.
    Refused {
        /// Why, in words.
        detail: String,
    },
}

/// Why a request failed that is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// TLS failed.
    Tls,
    /// The connection broke, or what came back was no answer.
    Broken,
    /// The server asks to be left alone for a while: too many requests.
    Busy,
    /// The server has a fault of its own.
    Server,
    /// The server lets nobody in like this: URL, secret or access list is wrong.
    Settings,
}

// === impl Failure ===

impl Failure {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Unreachable => "unreachable",
            Failure::Timeout => "timeout",
            Failure::Tls => "tls",
            Failure::Broken => "broken",
            Failure::Busy => "busy",
            Failure::Server => "server",
            Failure::Settings => "settings",
        }
    }
}

// === impl Answer ===

impl Answer {
    /// What the status alone says (RFC 9110 section 15).
    ///
    /// A request that is wrong in itself is refused; one that is wrong because of where and as whom it is sent (401, 403,
    /// 404, a redirect) would be so with every event, and waits until somebody has put that right.
    pub fn by_status(&self, now: Timestamp) -> Verdict {
        let later = |failure, what: &str| Verdict::Later {
            failure,
            detail: format!("the server answers {}{what}", self.status),
            pause: self.pause(now),
        };
        match self.status {
            200..=299 => Verdict::Taken,
            408 | 425 | 429 => later(Failure::Busy, ""),
            300..=399 => {
                later(Failure::Settings, ": it points elsewhere, which is not followed; correct `url`")
            }
            401 | 403 | 407 => later(Failure::Settings, ": check `secret` and the server's access list"),
            404 | 405 | 410 | 421 => later(Failure::Settings, ": check `url`"),
            400..=499 => Verdict::Refused { detail: format!("the server answers {}", self.status) },
            _ => later(Failure::Server, ""),
        }
    }

    /// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
    fn pause(&self, now: Timestamp) -> Option<Duration> {
        let text = self.retry_after.as_deref()?.trim();
        let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
        let pause = seconds.or_else(|| {
            let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
        });
        pause.map(|pause| pause.min(MOST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        Answer { status, retry_after: retry_after.map(str::to_owned), body: Vec::new() }
    }

    fn failure(status: u16) -> Option<Failure> {
        match answer(status, None).by_status(Timestamp::UNIX_EPOCH) {
            Verdict::Later { failure, .. } => Some(failure),
            Verdict::Taken | Verdict::Refused { .. } => None,
        }
    }

    #[test]
    fn a_wrong_message_is_refused_and_a_wrong_address_waits() {
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(answer(204, None).by_status(at), Verdict::Taken);
        for status in [400, 409, 413, 415, 422] {
            assert!(matches!(answer(status, None).by_status(at), Verdict::Refused { .. }), "{status}");
        }
        for status in [301, 401, 403, 404] {
            assert_eq!(failure(status), Some(Failure::Settings), "{status}");
        }
        assert_eq!((failure(500), failure(503)), (Some(Failure::Server), Some(Failure::Server)));
        assert_eq!((failure(429), failure(408)), (Some(Failure::Busy), Some(Failure::Busy)));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_an_hour() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        let pause = |text| answer(429, Some(text)).pause(now);
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:40:00 GMT"), Some(Duration::ZERO), "past");
        assert_eq!(pause("86400"), Some(MOST_PAUSE));
        assert_eq!(pause("soon"), None);
    }
}
