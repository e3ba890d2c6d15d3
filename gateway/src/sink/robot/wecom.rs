//! Group robots of WeCom (企业微信): the key in the URL is the secret; 20 messages a minute; text up to 2,048 bytes.
//!
//! Source: "群机器人配置说明" in WeCom's developer documentation.

use std::time::Duration;

use moshao_config::Secret;
use serde_json::{Value, json};

use super::super::answer::{Failure, Verdict};
use super::{code, no_answer};

/// The message, and where it goes.
pub fn message(url: &Secret, text: &str, mentions: &[String]) -> (Secret, Value) {
    let mobiles: Vec<&str> =
        mentions.iter().map(|name| if name == "all" { "@all" } else { name.as_str() }).collect();
    let body = json!({"msgtype": "text", "text": {"content": text, "mentioned_mobile_list": mobiles}});
    (url.clone(), body)
}

/// What an answer with HTTP status 200 means.
pub(super) fn verdict(body: &[u8]) -> Verdict {
    let Some((code, text)) = code(body, "errcode", "errmsg") else { return no_answer() };
    let later =
        |failure, pause| Verdict::Later { failure, detail: format!("WeCom answers {code}: {text}"), pause };
    match code {
        0 => Verdict::Taken,
        // Too many messages this minute.
        45009 => later(Failure::Busy, Some(Duration::from_secs(60))),
        -1 => later(Failure::Server, None),
        // The key is no robot's, or this address may not use it.
        93000 | 93004 | 93008 | 60020 => later(Failure::Settings, None),
        _ => Verdict::Refused { detail: format!("WeCom answers {code}: {text}") },
    }
}
