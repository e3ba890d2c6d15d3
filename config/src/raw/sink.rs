//! `[sink.ID]`: where events go besides the centre's broker.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::model::{Category, SinkKind};
use crate::quantity::Span;

/// Where events go besides the centre: an HTTP endpoint, or the robot of a chat group. Each sink has its own place in the
/// outbox; one that is down holds up neither the centre nor the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Sink {
    /// What stands behind the URL.
    #[schemars(required)]
    pub kind: Option<SinkKind>,
    /// Where to. The key in a robot's URL is a secret: take it from the environment or a file.
    #[schemars(required, extend("x-secrets" = true, "examples" = URL_EXAMPLES))]
    pub url: Option<At<String>>,
    /// What messages are signed with, from the environment or a file. Webhook: HMAC-SHA256 in `X-Moshao-Signature`.
    /// DingTalk and Feishu: the robot's signing secret. WeCom has none.
    #[schemars(extend("x-secrets" = true, "examples" = SECRET_EXAMPLES))]
    pub secret: Option<At<String>>,
    /// PEM file of the authority that signed the server's certificate, relative to the file. The public authorities where
    /// the key is absent.
    pub ca_file: Option<At<String>>,
    /// Departments whose events are sent. All where the key is absent.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// Events of this level and of more severe ones are sent. 4 (everything) for a webhook and 2 for a robot where the
    /// key is absent.
    #[schemars(range(min = 1, max = 4))]
    pub level: Option<u8>,
    /// Robots: what each message begins with; one of the robot's keywords, where it asks for them.
    #[serde(default = "default::keyword")]
    pub keyword: String,
    /// Robots: whom a message about level 1 calls, separated by commas: mobile numbers (WeCom, DingTalk), open ids
    /// (Feishu), or `all`.
    #[schemars(extend("x-secrets" = true, "examples" = MENTIONS_EXAMPLES))]
    pub mentions: Option<At<String>>,
    /// Robots: the same device with the same event within this time is counted, not told again.
    #[serde(default = "default::five_minutes")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub quiet: Span,
    /// Events that wait for this sink, at most; then its oldest are given up, the less severe ones first.
    #[serde(default = "default::sink_backlog")]
    #[schemars(range(min = 10, max = 100000), extend("x-unit" = "events"))]
    pub backlog: u64,
    /// How long one request may take.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "1s", "x-max" = "2m"))]
    pub timeout: Span,
}

const URL_EXAMPLES: [&str; 1] = ["https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${env:WECOM_KEY}"];
const MENTIONS_EXAMPLES: [&str; 1] = ["${env:DUTY_PHONES}"];
const SECRET_EXAMPLES: [&str; 1] = ["${env:WEBHOOK_SECRET}"];
