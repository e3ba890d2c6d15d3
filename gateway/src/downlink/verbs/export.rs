//! `export`: a kept file leaves the box in parts, each a message of its own.
//!
//! The answer says how long the file is and what it hashes to; the parts follow on
//! `…/command/result/{command}/{offset}`, as plain bytes. On a weak network some may get lost with the connection: the
//! centre then asks again with the offset of the first that is missing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tracing::{info, warn};

use super::{Verbs, arguments, reason};
use crate::downlink::{Command, Denied};
use crate::evidence::archive::Item;

/// Bytes of one part: some seconds on the slowest link that is worth it.
pub(super) const PART_BYTES: usize = 32 * 1024;

/// One part of a file, on its way.
#[derive(Debug)]
pub struct Part {
    /// Where it is published.
    pub topic: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Sends a kept file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    /// As events name it in `ref`.
    reference: String,
    /// Why, for the access ledger.
    reason: String,
    /// Where to begin, bytes: where an earlier transfer broke off.
    #[serde(default)]
    offset: u64,
}

// === impl Verbs ===

impl Verbs {
    pub(super) async fn export(&self, command: &Command) -> Result<Value, Denied> {
        let Export { reference, reason: why, offset } = arguments(command)?;
        let why = reason(&why)?;
        if !is_topic_level(&command.id) {
            return Err(Denied::bad(format!(
                "the command's `id` {:?} stands in the topic of the parts; use letters, digits, `-`, `_` and `.`",
                command.id
            )));
        }
        let permit =
            EXPORTS.try_acquire().map_err(|_| Denied::busy("another file is on its way; ask again later"))?;
        let archive = self.archive.clone();
        let wanted = reference.clone();
        let item = tokio::task::spawn_blocking(move || archive.item(&wanted)).await;
        let item = item
            .map_err(|_| Denied::failed("the file cannot be read".to_owned()))?
            .map_err(|error| Denied::bad(error.to_string()))?;
        if offset > item.bytes {
            return Err(Denied::bad(format!("`offset` is {offset}; `{reference}` has {} bytes", item.bytes)));
        }
        let seal = self.record(command, &format!("{reference} from byte {offset}"), why)?;
        let rest = item.bytes - offset;
        let result = json!({
            "reference": reference,
            "bytes": item.bytes,
            "sha256": item.sha256,
            "offset": offset,
            "part_bytes": PART_BYTES,
            "parts": rest.div_ceil(PART_BYTES as u64),
            "ledger": seal,
        });
        let topics = self.topics.clone();
        let (id, parts, metrics) = (command.id.clone(), self.parts.clone(), Arc::clone(&self.metrics));
        tokio::spawn(async move {
            let _permit = permit;
            let topic = |offset: u64| topics.command_part(&id, offset);
            let sent = send(item, offset, topic, &parts).await;
            metrics.evidence_exported_bytes.inc_by(sent);
            match sent == rest {
                true => info!(reference, bytes = sent, "a file has been handed to the link"),
                false => warn!(reference, bytes = sent, of = rest, "a file could not be sent whole"),
            }
        });
        Ok(result)
    }
}

/// Files on their way at the same time.
static EXPORTS: Semaphore = Semaphore::const_new(1);

/// Sends everything from `offset` on; how many bytes went.
async fn send(mut item: Item, offset: u64, topic: impl Fn(u64) -> String, parts: &mpsc::Sender<Part>) -> u64 {
    let mut at = offset;
    while at < item.bytes {
        let read = tokio::task::spawn_blocking(move || (item.read(at, PART_BYTES), item)).await;
        let Ok((Ok(bytes), back)) = read else { break };
        item = back;
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len() as u64;
        if parts.send(Part { topic: topic(at), bytes }).await.is_err() {
            break;
        }
        at += length;
    }
    at - offset
}

fn is_topic_level(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
