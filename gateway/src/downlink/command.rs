//! The frame of a command, and the memory of what has been done: pure.
//!
//! ```json
//! {"id":"c-0815","verb":"still","expires":"2026-11-24T12:00:00+08:00","arguments":{"camera":"gate-east"},"by":"指挥中心"}
//! {"id":"c-0815","status":"done","time":"2026-11-24T11:59:01+08:00","result":{}}
//! {"id":"c-0815","status":"refused","reason":"expired","message":"…","time":"…"}
//! ```

use std::collections::VecDeque;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Denied;

/// Largest command, bytes: one that carries a whole configuration.
const MAX_BYTES: usize = 240 * 1024;
/// Longest id, bytes.
const MAX_ID_BYTES: usize = 128;
/// Results remembered. A broker repeats what has not been acknowledged, which is far less.
const REMEMBERED: usize = 256;
/// Longest time until a command expires: one that says years has no business in a session that is kept.
const LONGEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// A command as it came.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub(crate) struct Frame {
    /// Chosen by the centre; a command that comes twice is done once.
    #[schemars(length(min = 1, max = 128))]
    pub(super) id: String,
    /// What is to be done.
    pub(super) verb: String,
    /// After this time it is not done any more, RFC 3339; at most 7 days ahead.
    expires: String,
    /// To what; see `commands.schema.json`.
    #[serde(default)]
    pub(super) arguments: Value,
    /// Who asks, for the access ledger.
    #[serde(default)]
    pub(super) by: Option<String>,
}

/// Why a command is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("this is no command: {0}; needed are `id`, `verb` and `expires`")]
    Malformed(String),
    #[error(
        "`expires` is {0:?}; expected a time such as \"2026-11-24T12:00:00+08:00\", at most 7 days ahead"
    )]
    BadExpiry(String),
    #[error("it expired at {0}")]
    Expired(String),
    #[error("there is no command `{verb}` here; there are: {known}")]
    UnknownVerb { verb: String, known: String },
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// Results by command id, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Done {
    results: VecDeque<(String, Value)>,
}

// === impl Frame ===

impl Frame {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Refused> {
        if payload.len() > MAX_BYTES {
            return Err(Refused::Malformed(format!("{} bytes; the limit is {MAX_BYTES}", payload.len())));
        }
        let frame: Frame =
            serde_json::from_slice(payload).map_err(|error| Refused::Malformed(error.to_string()))?;
        if frame.id.is_empty() || frame.id.len() > MAX_ID_BYTES {
            return Err(Refused::Malformed(format!(
                "`id` has {} bytes; allowed are 1 to {MAX_ID_BYTES}",
                frame.id.len()
            )));
        }
        Ok(frame)
    }

    /// Whether it may be done now, and by anybody here.
    pub(super) fn check<'a>(
        &self,
        now: Timestamp,
        verbs: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), Refused> {
        let expires: Timestamp =
            self.expires.parse().map_err(|_| Refused::BadExpiry(self.expires.clone()))?;
        if expires.duration_since(now) > LONGEST {
            return Err(Refused::BadExpiry(self.expires.clone()));
        }
        if expires <= now {
            return Err(Refused::Expired(self.expires.clone()));
        }
        if !verbs.clone().any(|verb| verb == self.verb) {
            let known: Vec<&str> = verbs.collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Refused::UnknownVerb { verb: self.verb.clone(), known });
        }
        Ok(())
    }

    pub(super) fn result(&self, outcome: Result<Value, Refused>, now: Timestamp) -> Value {
        match outcome {
            Ok(result) => {
                json!({"id": self.id, "status": "done", "result": result, "time": now.to_string()})
            }
            Err(refused) => {
                let mut result = refused.result();
                result["id"] = self.id.as_str().into();
                result["time"] = now.to_string().into();
                result
            }
        }
    }
}

// === impl Refused ===

impl Refused {
    pub(super) fn result(&self) -> Value {
        let (status, reason) = match self {
            Refused::Malformed(_) => ("refused", "malformed"),
            Refused::BadExpiry(_) => ("refused", "bad-expiry"),
            Refused::Expired(_) => ("refused", "expired"),
            Refused::UnknownVerb { .. } => ("refused", "unknown-command"),
            Refused::Denied(denied) if denied.reason == "failed" => ("failed", "failed"),
            Refused::Denied(denied) => ("refused", denied.reason),
        };
        json!({"id": null, "status": status, "reason": reason, "message": self.to_string()})
    }
}

// === impl Done ===

impl Done {
    /// What [`Done::save`] wrote; nothing where it cannot be read.
    pub(super) fn restore(saved: Option<&[u8]>) -> Self {
        saved.and_then(|saved| serde_json::from_slice(saved).ok()).unwrap_or_default()
    }

    pub(super) fn save(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("results are JSON")
    }

    /// What was answered to this command.
    pub(super) fn result(&self, id: &str) -> Option<&Value> {
        self.results.iter().find(|(done, _)| done == id).map(|(_, result)| result)
    }

    pub(super) fn remember(&mut self, id: &str, result: &Value) {
        self.results.push_back((id.to_owned(), result.clone()));
        if self.results.len() > REMEMBERED {
            self.results.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T11:00:00+08:00".parse().unwrap()
    }

    fn frame(expires: &str) -> Frame {
        Frame::parse(json!({"id": "c1", "verb": "still", "expires": expires}).to_string().as_bytes()).unwrap()
    }

    fn reason(outcome: Result<(), Refused>) -> Value {
        outcome.unwrap_err().result()["reason"].clone()
    }

    #[test]
    fn a_command_is_done_before_it_expires_and_not_after() {
        let verbs = ["clip", "still"];
        assert_eq!(frame("2026-11-24T11:00:01+08:00").check(now(), verbs.into_iter()), Ok(()));
        assert_eq!(reason(frame("2026-11-24T11:00:00+08:00").check(now(), verbs.into_iter())), "expired");
        assert_eq!(reason(frame("2027-11-24T11:00:00+08:00").check(now(), verbs.into_iter())), "bad-expiry");
        assert_eq!(reason(frame("soon").check(now(), verbs.into_iter())), "bad-expiry");
    }

    #[test]
    fn an_unknown_command_is_told_what_there_is() {
        let refused =
            frame("2026-11-24T12:00:00+08:00").check(now(), ["clip", "mute"].into_iter()).unwrap_err();
        assert_eq!(refused.result()["reason"], "unknown-command");
        assert!(
            refused.to_string().contains("`still`") && refused.to_string().contains("clip, mute"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for payload in ["", "{}", r#"{"id":"","verb":"x","expires":""}"#, &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(Frame::parse(payload.as_bytes()).unwrap_err().result()["reason"], "malformed");
        }
    }

    #[test]
    fn results_are_remembered_over_a_restart_and_not_for_ever() {
        let mut done = Done::default();
        for number in 0..=REMEMBERED {
            done.remember(&number.to_string(), &json!(number));
        }
        let done = Done::restore(Some(&done.save()));
        assert_eq!(done.result("0"), None);
        assert_eq!(done.result("1"), Some(&json!(1)));
        assert!(Done::restore(Some(b"?")).result("1").is_none());
    }
}
