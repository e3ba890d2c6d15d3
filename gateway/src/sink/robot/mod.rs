//! A group robot: messages in Chinese that a duty officer understands at a glance, and few enough to be read.
//!
//! What reaches the group, and how it is kept quiet:
//! - Only beginnings and ends: opened, confirmed, escalated, begun again, closed. Updates and what the centre does with an
//!   incident are of no use in a chat.
//! - The same device with the same event within `quiet` is counted, and told as one line afterwards (`quiet`).
//! - What waits at the same time goes into one message; more than [`ONE_BY_ONE`] become a digest (`text`).
//! - The vendors' limits are kept from this side, with room left for level 1 (`pace`).
//!
//! The counts of `quiet` live in memory: a restart forgets how often something came again, never that it came.

pub mod dingtalk;
pub mod feishu;
mod pace;
mod quiet;
mod text;
pub mod wecom;

use jiff::Timestamp;
use moshao_config::{Sink, SinkKind};
use tokio::time::Instant;

use self::pace::Pace;
use self::quiet::{Quiet, Repeat};
use self::text::Message;
use super::answer::{Answer, Failure, Verdict};
use super::driver::{Outcome, Step};
use super::post::Request;
use crate::event::{Event, Phase};
use crate::outbox::{SinkBatch, SinkDone};

/// Up to so many events are told one by one; more become a digest.
const ONE_BY_ONE: usize = 5;

/// One robot and what it has said lately.
#[derive(Debug)]
pub(super) struct Robot {
    sink: Sink,
    quiet: Quiet,
    pace: Pace,
    /// How it will be once the message on its way has been taken.
    after: Option<(Quiet, Pace)>,
}

// === impl Robot ===

impl Robot {
    pub(super) fn new(sink: &Sink) -> Self {
        Robot {
            quiet: Quiet::new(sink.quiet),
            pace: Pace::new(limits(sink.kind)),
            after: None,
            sink: sink.clone(),
        }
    }

    /// What to do with what waits.
    pub(super) fn step(&mut self, batch: &SinkBatch, now: Instant, wall: Timestamp) -> Step {
        let mut quiet = self.quiet.clone();
        let repeats = quiet.due(now);
        let mut outcome = Outcome::of(batch.events.iter().map(|one| (one.class, one.sequence)).collect(), 0);
        let mut told = Vec::new();
        for waiting in &batch.events {
            match serde_json::from_slice::<Event>(&waiting.body) {
                Ok(event) if is_for_people(&event) => {
                    if quiet.is_new(&event, now) {
                        told.push(event);
                    } else {
                        outcome.folded += 1;
                    }
                }
                Ok(_) | Err(_) => outcome.silent += 1,
            }
        }
        outcome.delivered = told.len() as u64;
        if told.is_empty() && repeats.is_empty() {
            if batch.events.is_empty() {
                return Step::Wait(self.quiet.next_due());
            }
            self.quiet = quiet;
            return Step::Pass(outcome);
        }
        let is_urgent = told.iter().any(|event| event.data.level == 1);
        if let Some(until) = self.pace.wait(now, is_urgent) {
            return Step::Wait(Some(until));
        }
        let mut pace = self.pace;
        pace.sent(now, is_urgent, told.len() > ONE_BY_ONE);
        self.after = Some((quiet, pace));
        outcome.done = SinkDone { told_missed: batch.missed, ..outcome.done };
        Step::Send(self.request(&told, &repeats, batch.missed, wall), outcome)
    }

    /// The message has been taken.
    pub(super) fn sent(&mut self) {
        if let Some((quiet, pace)) = self.after.take() {
            (self.quiet, self.pace) = (quiet, pace);
        }
    }

    /// What the vendor's answer means.
    pub(super) fn verdict(&self, answer: &Answer, now: Timestamp) -> Verdict {
        match (answer.by_status(now), self.sink.kind) {
            (Verdict::Taken, SinkKind::Wecom) => wecom::verdict(&answer.body),
            (Verdict::Taken, SinkKind::Dingtalk) => dingtalk::verdict(&answer.body),
            (Verdict::Taken, SinkKind::Feishu | SinkKind::Webhook) => feishu::verdict(&answer.body),
            // Feishu explains a wrong request with a status of 400 and a code.
            (Verdict::Refused { .. }, SinkKind::Feishu) => feishu::verdict(&answer.body),
            (by_status, _) => by_status,
        }
    }

    fn request(&self, told: &[Event], repeats: &[Repeat], missed: u64, wall: Timestamp) -> Request {
        let text = Message { keyword: &self.sink.keyword, told, repeats, missed }.text(
            ONE_BY_ONE,
            text_limit(self.sink.kind),
            wall,
        );
        let calls = told.iter().any(|event| event.data.level == 1 && event.data.phase != Phase::Closed);
        let mentions: &[String] = if calls { &self.sink.mentions } else { &[] };
        let (url, body) = match self.sink.kind {
            SinkKind::Wecom => wecom::message(&self.sink.url, &text, mentions),
            SinkKind::Dingtalk => {
                dingtalk::message(&self.sink.url, self.sink.secret.as_ref(), &text, mentions, wall)
            }
            SinkKind::Feishu | SinkKind::Webhook => {
                feishu::message(&self.sink.url, self.sink.secret.as_ref(), &text, mentions, wall)
            }
        };
        let headers = vec![("Content-Type", "application/json; charset=utf-8".to_owned())];
        Request { url, headers, body: body.to_string().into_bytes() }
    }
}

/// Beginnings and ends of incidents, those of sinks excepted.
fn is_for_people(event: &Event) -> bool {
    let is_news = match event.data.phase {
        Phase::Opened | Phase::Confirmed | Phase::Escalated | Phase::Reopened | Phase::Closed => true,
        Phase::Updated | Phase::Acknowledged | Phase::Dispatched => false,
    };
    is_news && !event.subject.starts_with("sink/")
}

/// Messages a minute that a vendor lets through, less some room: WeCom and DingTalk 20, Feishu 100.
fn limits(kind: SinkKind) -> u32 {
    match kind {
        SinkKind::Wecom | SinkKind::Dingtalk => 15,
        SinkKind::Feishu | SinkKind::Webhook => 60,
    }
}

/// Longest text that a vendor takes, in bytes of UTF-8, less some room for whom it calls.
fn text_limit(kind: SinkKind) -> usize {
    match kind {
        SinkKind::Wecom => 1900,
        SinkKind::Dingtalk | SinkKind::Feishu | SinkKind::Webhook => 6000,
    }
}

/// The number in this field of a vendor's answer, and its text.
fn code(body: &[u8], number: &str, text: &str) -> Option<(i64, String)> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some((answer[number].as_i64()?, answer[text].as_str().unwrap_or_default().to_owned()))
}

/// An answer that is none.
fn no_answer() -> Verdict {
    let detail = "the server's answer is not that of a robot; check `url` and `kind`".to_owned();
    Verdict::Later { failure: Failure::Broken, detail, pause: None }
}

#[cfg(test)]
mod tests;
