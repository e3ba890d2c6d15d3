//! `[sink.ID]`: where events go besides the centre's broker.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Category, Secret};

/// One sink.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Its id.
    pub id: String,
    /// What stands behind the URL.
    pub kind: SinkKind,
    /// Where to; a robot's URL carries its key.
    pub url: Secret,
    /// What messages are signed with.
    pub secret: Option<Secret>,
    /// PEM file of the server's authority; none for the public ones.
    pub ca_file: Option<PathBuf>,
    /// Departments whose events are sent; empty for all.
    pub categories: Vec<Category>,
    /// Events of this level and of more severe ones are sent.
    pub level: u8,
    /// What each message of a robot begins with.
    pub keyword: String,
    /// Whom a robot's message about level 1 calls.
    pub mentions: Vec<String>,
    /// The same device with the same event within this time is not told again by a robot.
    pub quiet: Duration,
    /// Events that wait for it, at most.
    pub backlog: u64,
    /// How long one request may take.
    pub timeout: Duration,
}

/// What stands behind a sink's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Any HTTP server: one CloudEvent a request, signed.
    Webhook,
    /// A group robot of WeCom (企业微信).
    Wecom,
    /// A group robot of DingTalk (钉钉).
    Dingtalk,
    /// A group robot of Feishu (飞书).
    Feishu,
}

// === impl SinkKind ===

impl SinkKind {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            SinkKind::Webhook => "webhook",
            SinkKind::Wecom => "wecom",
            SinkKind::Dingtalk => "dingtalk",
            SinkKind::Feishu => "feishu",
        }
    }

    /// It writes to people.
    pub fn is_robot(self) -> bool {
        self != SinkKind::Webhook
    }
}
