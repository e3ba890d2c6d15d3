//! Group robots of Feishu (飞书): signed in the body; 100 messages a minute and 5 a second.
//!
//! Source: "自定义机器人使用指南" in Feishu's developer documentation.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use moshao_config::Secret;
use ring::hmac;
use serde_json::{Value, json};

use super::super::answer::{Failure, Verdict};
use super::{code, no_answer};

/// The message, and where it goes.
pub fn message(
    url: &Secret,
    secret: Option<&Secret>,
    text: &str,
    mentions: &[String],
    now: Timestamp,
) -> (Secret, Value) {
    let called: String = mentions.iter().map(|id| format!(" <at user_id=\"{id}\"></at>")).collect();
    let mut body = json!({"msg_type": "text", "content": {"text": format!("{text}{called}")}});
    if let (Some(secret), Some(fields)) = (secret, body.as_object_mut()) {
        let unix_s = now.as_second();
        fields.insert("timestamp".to_owned(), unix_s.to_string().into());
        fields.insert("sign".to_owned(), sign(secret, unix_s).into());
    }
    (url.clone(), body)
}

/// Base64 of HMAC-SHA256, with the time and the secret as the key, over nothing.
pub fn sign(secret: &Secret, unix_s: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{unix_s}\n{}", secret.reveal()).as_bytes());
    STANDARD.encode(hmac::sign(&key, b""))
}

/// What an answer means, whatever its HTTP status.
pub(super) fn verdict(body: &[u8]) -> Verdict {
    let Some((code, text)) = code(body, "code", "msg") else { return no_answer() };
    let detail = format!("Feishu answers {code}: {text}");
    match code {
        0 => Verdict::Taken,
        // Too many; also at the full hour, when everybody's robots speak.
        11232 => Verdict::Later { failure: Failure::Busy, detail, pause: Some(Duration::from_secs(60)) },
        // Signature or clock, address, keyword, no such robot.
        19021 | 19022 | 19024 | 19001 | 19010 => {
            Verdict::Later { failure: Failure::Settings, detail, pause: None }
        }
        _ => Verdict::Refused { detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_a_known_vector() {
        let signed = sign(&Secret::new("this is secret"), 1_599_360_473);
        assert_eq!(signed, "/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/FnvC1CSw=");
    }
}
