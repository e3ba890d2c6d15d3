//! `export`: a kept file leaves the box in parts, each a message of its own.
//!
//! The answer says how long the file is and what it hashes to; the parts follow on
//! `…/command/result/{command}/{offset}`, as plain bytes. On a weak network some may get lost with the connection: the
//! centre then asks again with the offset of the first that is missing.
//!
//! Each part waits for the [`Budget`] of its class: clips wait first, then stills, and stills go as smaller copies
//! before they wait. One still, one clip and one other file may be on their way at a time, so that a clip that waits
//! until midnight keeps no still from leaving.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Verbs, arguments, reason};
use crate::budget::{Budget, Class};
use crate::downlink::{Command, Denied};
use crate::evidence::archive::Item;
use crate::evidence::shrink;

/// Bytes of one part: some seconds on the slowest link that is worth it.
pub(super) const PART_BYTES: usize = 32 * 1024;
/// Bytes around a part: header, packet id, length of the topic.
const PACKET_BYTES: usize = 9;

/// One part of a file, on its way; the budget has let it go.
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
    /// Of a still: a copy of at most 640 pixels, or the still itself. Without it, a copy where `[budget]` wants stills
    /// smaller and the transfer begins at the beginning. Whoever goes on with a transfer says what its answer said.
    #[serde(default)]
    smaller: Option<bool>,
}

// === impl Verbs ===

impl Verbs {
    pub(super) async fn export(&self, command: &Command) -> Result<Value, Denied> {
        let Export { reference, reason: why, offset, smaller } = arguments(command)?;
        let why = reason(&why)?;
        if !is_topic_level(&command.id) {
            return Err(Denied::bad(format!(
                "the command's `id` {:?} stands in the topic of the parts; use letters, digits, `-`, `_` and `.`",
                command.id
            )));
        }
        let class = class_of(&reference);
        if smaller == Some(true) && class != Class::Still {
            return Err(Denied::bad(format!("`smaller` is for stills; `{reference}` is none")));
        }
        let permit = on_their_way(class).try_acquire().map_err(|_| {
            Denied::busy("another file of its kind is on its way or waits for the budget; ask again later")
        })?;
        let (archive, budget) = (self.archive.clone(), self.budget.clone());
        let wanted = reference.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let item = archive.item(&wanted)?;
            let smaller =
                smaller.unwrap_or(class == Class::Still && offset == 0 && budget.shrinks(item.bytes, now()));
            Ok(Content::of(item, smaller))
        });
        let content = opened
            .await
            .map_err(|_| Denied::failed("the file cannot be read".to_owned()))?
            .map_err(|error: crate::evidence::archive::ItemError| Denied::bad(error.to_string()))?;
        let bytes = content.bytes();
        if offset > bytes {
            return Err(Denied::bad(format!("`offset` is {offset}; `{reference}` has {bytes} bytes")));
        }
        let seal = self.record(command, &format!("{reference} from byte {offset}"), why)?;
        let rest = bytes - offset;
        let first_part = rest.min(PART_BYTES as u64);
        let result = json!({
            "reference": reference,
            "bytes": bytes,
            "sha256": content.sha256(),
            "smaller": content.original(),
            "offset": offset,
            "part_bytes": PART_BYTES,
            "parts": rest.div_ceil(PART_BYTES as u64),
            "waits_seconds": seconds(self.budget.wait_of(class, first_part, now())),
            "ledger": seal,
        });
        let topics = self.topics.clone();
        let (id, parts, metrics) = (command.id.clone(), self.parts.clone(), Arc::clone(&self.metrics));
        let budget = self.budget.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let topic = |offset: u64| topics.command_part(&id, offset);
            let sent = send(content, offset, topic, (&budget, class), &parts).await;
            metrics.evidence.exported_bytes.inc_by(sent);
            match sent == rest {
                true => info!(reference, bytes = sent, "a file has been handed to the link"),
                false => warn!(reference, bytes = sent, of = rest, "a file could not be sent whole"),
            }
        });
        Ok(result)
    }
}

/// What is sent.
#[derive(Debug)]
enum Content {
    /// The file as it is kept.
    Whole(Item),
    /// A smaller copy, and what it was made from.
    Smaller { copy: Vec<u8>, of: Item },
}

// === impl Content ===

impl Content {
    /// A still that does not get smaller goes as it is.
    fn of(mut item: Item, smaller: bool) -> Self {
        let length = usize::try_from(item.bytes).unwrap_or(usize::MAX);
        let copy = smaller.then(|| item.read(0, length).ok().and_then(|still| shrink(&still))).flatten();
        match copy {
            Some(copy) => Content::Smaller { copy, of: item },
            None => Content::Whole(item),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Content::Whole(item) => item.bytes,
            Content::Smaller { copy, .. } => copy.len() as u64,
        }
    }

    fn sha256(&self) -> String {
        match self {
            Content::Whole(item) => item.sha256.clone(),
            Content::Smaller { copy, .. } => {
                Sha256::digest(copy).iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }

    /// Of a smaller copy: what the still itself is; null for a file as it is kept.
    fn original(&self) -> Value {
        match self {
            Content::Whole(_) => Value::Null,
            Content::Smaller { of, .. } => json!({ "of_bytes": of.bytes, "of_sha256": of.sha256 }),
        }
    }

    fn read(&mut self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        match self {
            Content::Whole(item) => item.read(offset, bytes_max),
            Content::Smaller { copy, .. } => {
                let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(copy.len());
                Ok(copy[begin..copy.len().min(begin.saturating_add(bytes_max))].to_vec())
            }
        }
    }
}

/// Sends everything from `offset` on, each part when the budget lets it; how many bytes went.
async fn send(
    mut content: Content,
    offset: u64,
    topic: impl Fn(u64) -> String,
    (budget, class): (&Budget, Class),
    parts: &mpsc::Sender<Part>,
) -> u64 {
    let mut at = offset;
    while at < content.bytes() {
        let read = tokio::task::spawn_blocking(move || (content.read(at, PART_BYTES), content)).await;
        let Ok((Ok(bytes), back)) = read else { break };
        content = back;
        if bytes.is_empty() {
            break;
        }
        let (topic, length) = (topic(at), bytes.len() as u64);
        tokio::select! {
            () = budget.admitted(class, (topic.len() + PACKET_BYTES) as u64 + length) => {}
            () = parts.closed() => break,
        }
        if parts.send(Part { topic, bytes }).await.is_err() {
            break;
        }
        at += length;
    }
    at - offset
}

/// Stills, clips, and what is neither, such as a diagnosis.
fn class_of(reference: &str) -> Class {
    match Path::new(reference).extension().and_then(|extension| extension.to_str()) {
        Some("jpg") => Class::Still,
        Some("mp4") => Class::Clip,
        _ => Class::Event,
    }
}

/// Files of a class on their way at the same time.
fn on_their_way(class: Class) -> &'static Semaphore {
    static STILLS: Semaphore = Semaphore::const_new(1);
    static CLIPS: Semaphore = Semaphore::const_new(1);
    static OTHERS: Semaphore = Semaphore::const_new(1);
    match class {
        Class::Still => &STILLS,
        Class::Clip => &CLIPS,
        Class::Alarm | Class::Event => &OTHERS,
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Whole seconds, none less than it takes.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn is_topic_level(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::RgbImage;
    use image::codecs::jpeg::JpegEncoder;
    use jiff::tz::TimeZone;
    use moshao_config::Budget as Limits;
    use tokio::time::timeout;

    use super::*;
    use crate::evidence::Archive;
    use crate::metrics::Metrics;

    const SOON: Duration = Duration::from_millis(300);

    fn still() -> Vec<u8> {
        let picture = RgbImage::from_fn(1280, 720, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 90]));
        let mut bytes = Vec::new();
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)).unwrap();
        bytes
    }

    /// An archive with a still and a clip of 64 KiB.
    fn archive() -> (tempfile::TempDir, Archive) {
        let (dir, archive) = Archive::for_tests(Duration::from_secs(3600));
        fs::create_dir_all(dir.path().join("evidence/inc")).unwrap();
        fs::write(dir.path().join("evidence/inc/1.jpg"), still()).unwrap();
        fs::write(dir.path().join("evidence/inc/2.mp4"), vec![7; 2 * PART_BYTES]).unwrap();
        (dir, archive)
    }

    /// A megabyte a day, of which so much is used.
    fn budget(used: u64) -> Budget {
        let limits = Limits { day_bytes: Some(1_000_000), bits_per_second: None };
        let budget = Budget::limited(limits, TimeZone::UTC, Arc::new(Metrics::new()));
        budget.count(Class::Event, used, now());
        budget
    }

    #[tokio::test]
    async fn a_clip_stops_at_half_of_the_day_and_keeps_no_still_from_leaving() {
        let (_dir, archive) = archive();
        let budget = budget(460_000);
        let (sender, mut parts) = mpsc::channel(4);
        let clip = Content::of(archive.item("evidence/inc/2.mp4").unwrap(), false);
        let (to_link, of_clip) = (sender.clone(), budget.clone());
        let waiting = tokio::spawn(async move {
            send(clip, 0, |at| format!("clip/{at}"), (&of_clip, Class::Clip), &to_link).await
        });
        assert_eq!(parts.recv().await.map(|part| part.topic), Some("clip/0".to_owned()));
        assert!(timeout(SOON, parts.recv()).await.is_err(), "the second part waits until midnight");

        let still = Content::of(archive.item("evidence/inc/1.jpg").unwrap(), false);
        let bytes = still.bytes();
        let sent = send(still, 0, |at| format!("still/{at}"), (&budget, Class::Still), &sender);
        let collect = async {
            let mut got = Vec::new();
            while (got.len() as u64) < bytes {
                got.extend(parts.recv().await.expect("a part").bytes);
            }
            got
        };
        let (sent, got) = tokio::join!(sent, collect);
        assert_eq!((sent, got), (bytes, self::still()));
        drop(parts);
        assert_eq!(waiting.await.unwrap(), PART_BYTES as u64, "a gateway that stops does not wait for it");
    }

    #[test]
    fn a_still_shrinks_when_the_day_runs_out_and_says_what_it_was() {
        let (_dir, archive) = archive();
        let item = || archive.item("evidence/inc/1.jpg").unwrap();
        assert!(!budget(500_000).shrinks(item().bytes, now()));
        assert!(budget(700_000).shrinks(item().bytes, now()));
        let mut copy = Content::of(item(), true);
        assert!(copy.bytes() < item().bytes, "{} bytes", copy.bytes());
        assert_eq!(copy.original()["of_sha256"], json!(item().sha256));
        assert_ne!(copy.sha256(), item().sha256);
        let whole = copy.read(0, usize::MAX).unwrap();
        assert_eq!(copy.read(100, 10).unwrap(), whole[100..110]);
        assert!(copy.read(copy.bytes(), 10).unwrap().is_empty(), "nothing behind the end");
        let clip = Content::of(archive.item("evidence/inc/2.mp4").unwrap(), true);
        assert_eq!(clip.original(), Value::Null, "what is no picture goes as it is");
    }
}
