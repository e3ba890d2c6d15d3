//! Dispositions: what the centre answers about an incident, as it arrives on `…/disposition`.
//!
//! ```json
//! {"event_id":"01JD…-1","case_id":"C-4711","state":"closed","result":"false_alarm","by":"值班员","seq":3}
//! ```
//! `event_id` is the id of any event of the incident, or the incident's own id (`correlationid`). A message may come
//! twice and in any order: `(event_id, seq)` is the key, and the highest `seq` is what counts.
//!
//! The downlink hands the payload to the desk, which reads it with [`parse`] and says that it is done when what the
//! disposition led to is on disk; only then is the MQTT message acknowledged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{HandlingState, Verdict};

/// Largest message, bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// Longest id, name or time, characters.
const MAX_WORD: usize = 200;
/// Longest note, characters.
const MAX_NOTE: usize = 2000;

/// One message of the centre about one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disposition {
    /// Id of any event of the incident, or of the incident itself.
    #[schemars(length(min = 1, max = 200))]
    pub event_id: String,
    /// Number of the message about this event; higher ones prevail.
    pub seq: u64,
    /// What the case has come to.
    pub state: HandlingState,
    /// The centre's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// What it turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Verdict>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Keeps the incident's evidence beyond its time and quota (true), or lets it go again (false), as the commands `hold`
    /// and `release` do; the `note` is the reason in the access ledger. Counts whatever the order of the messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<bool>,
}

/// What became of a disposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It counts.
    Applied,
    /// It has come before.
    Repeated,
    /// A later one has come before it.
    Late,
    /// No incident that is remembered has such an event.
    Unknown,
}

/// Why a message is no disposition. [`Refused::as_str`] is the metric label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too large.
    #[error("the disposition has {bytes} bytes; the limit is {MAX_BYTES} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON of this shape; the text names the field.
    #[error("the message is no disposition: {0}; see `moshao schema asyncapi`")]
    Malformed(String),
    /// A text is empty or too long.
    #[error("`{field}` has {characters} characters; allowed are 1 to {limit}")]
    Length {
        /// Which.
        field: &'static str,
        /// Its length.
        characters: usize,
        /// The limit.
        limit: usize,
    },
    /// `at` is no time.
    #[error("`at` is {0:?}; expected a time such as \"2026-11-21T12:34:56+08:00\"")]
    NotATime(String),
}

/// Reads and checks the payload of a disposition message. Unknown fields are allowed: the centre may be newer.
///
/// # Errors
/// See [`Refused`].
pub fn parse(payload: &[u8]) -> Result<Disposition, Refused> {
    if payload.len() > MAX_BYTES {
        return Err(Refused::TooLarge { bytes: payload.len() });
    }
    let disposition: Disposition =
        serde_json::from_slice(payload).map_err(|error| Refused::Malformed(error.to_string()))?;
    let texts = [
        ("event_id", Some(&disposition.event_id), MAX_WORD),
        ("case_id", disposition.case_id.as_ref(), MAX_WORD),
        ("by", disposition.by.as_ref(), MAX_WORD),
        ("note", disposition.note.as_ref(), MAX_NOTE),
    ];
    for (field, text, limit) in texts {
        let Some(text) = text else { continue };
        let characters = text.chars().count();
        if characters == 0 || characters > limit {
            return Err(Refused::Length { field, characters, limit });
        }
    }
    if let Some(at) = &disposition.at
        && at.parse::<jiff::Timestamp>().is_err()
    {
        return Err(Refused::NotATime(at.chars().take(MAX_WORD).collect()));
    }
    Ok(disposition)
}

// === impl Refused ===

impl Refused {
    /// One bounded word for metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Refused::TooLarge { .. } => "too-large",
            Refused::Malformed(_) => "malformed",
            Refused::Length { .. } => "length",
            Refused::NotATime(_) => "not-a-time",
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The word in messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Applied => "applied",
            Answer::Repeated => "repeated",
            Answer::Late => "late",
            Answer::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disposition_is_read_with_everything_that_it_says() {
        let read = parse(
            r#"{"event_id":"01A-1","case_id":"C-1","state":"closed","result":"false_alarm","by":"值班员",
                "at":"2026-11-21T12:40:00+08:00","note":"做饭","seq":3,"newer":true}"#
                .as_bytes(),
        )
        .unwrap();
        assert_eq!((read.state, read.result), (HandlingState::Closed, Some(Verdict::FalseAlarm)));
        assert_eq!((read.seq, read.by.as_deref()), (3, Some("值班员")));
    }

    #[test]
    fn what_is_no_disposition_is_refused_with_the_reason() {
        let refused = |text: &str| parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused("{").as_str(), "malformed");
        assert!(refused(r#"{"event_id":"a","state":"closed"}"#).to_string().contains("seq"));
        assert!(refused(r#"{"event_id":"a","state":"shut","seq":1}"#).to_string().contains("accepted"));
        assert_eq!(refused(r#"{"event_id":"","state":"closed","seq":1}"#).as_str(), "length");
        let late = refused(r#"{"event_id":"a","state":"closed","seq":1,"at":"yesterday"}"#);
        assert!(late.to_string().contains("2026-11-21T12:34:56+08:00"), "{late}");
        assert_eq!(refused(r#"{"event_id":"a","state":"closed","seq":-1}"#).as_str(), "malformed");
        let large = format!(r#"{{"event_id":"a","note":"{}"}}"#, "x".repeat(MAX_BYTES));
        assert_eq!(refused(&large).as_str(), "too-large");
    }
}
