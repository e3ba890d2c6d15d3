//! Group robots of DingTalk (钉钉): signed in the URL; 20 messages a minute, and ten minutes of silence for who sends more.
//!
//! Source: "自定义机器人安全设置" in DingTalk's developer documentation.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use moshao_config::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
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
    let mobiles: Vec<&String> = mentions.iter().filter(|name| *name != "all").collect();
    let calls_all = mentions.iter().any(|name| name == "all");
    // Only who stands in the text too is called.
    let called: String = mobiles.iter().map(|mobile| format!(" @{mobile}")).collect();
    let body = json!({
        "msgtype": "text",
        "text": {"content": format!("{text}{called}")},
        "at": {"atMobiles": mobiles, "isAtAll": calls_all},
    });
    let url = match secret {
        None => url.clone(),
        Some(secret) => {
            let unix_ms = now.as_millisecond();
            let signed = sign(secret, unix_ms);
            let signed = utf8_percent_encode(&signed, NON_ALPHANUMERIC);
            Secret::new(format!("{}&timestamp={unix_ms}&sign={signed}", url.reveal()))
        }
    };
    (url, body)
}

/// Base64 of HMAC-SHA256, with the secret as the key, over the time and the secret.
pub fn sign(secret: &Secret, unix_ms: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{unix_ms}\n{}", secret.reveal()).as_bytes()))
}

/// What an answer with HTTP status 200 means.
pub(super) fn verdict(body: &[u8]) -> Verdict {
    let Some((code, text)) = code(body, "errcode", "errmsg") else { return no_answer() };
    let detail = format!("DingTalk answers {code}: {text}");
    match code {
        0 => Verdict::Taken,
        130101 => Verdict::Later { failure: Failure::Busy, detail, pause: Some(Duration::from_secs(600)) },
        -1 => Verdict::Later { failure: Failure::Server, detail, pause: None },
        // Keyword, signature or address; no such robot; robot switched off.
        310000 | 300001 | 400101 | 400102 => {
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
        let signed = sign(&Secret::new("this is secret"), 1_599_360_473_000);
        assert_eq!(signed, "hXZTWifRGHclNuZSKxoXc//sh51SWfVfRIhcdeKs63I=");
    }
}
