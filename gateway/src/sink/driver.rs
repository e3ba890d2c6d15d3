//! The task of one sink: reads what waits, makes a request of it, and acts on the answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Sink, SinkKind};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Verdict};
use super::post::{NoAnswer, Poster, Request};
use super::robot::Robot;
use super::trouble::Trouble;
use super::webhook;
use crate::backoff::Backoff;
use crate::event::Event;
use crate::metrics::Metrics;
use crate::outbox::{Class, NewEvent, OutboxError, OutboxHandle, Sequence, SinkBatch, SinkDone, Site};

/// Events that a robot reads at once: what it sees of a storm.
const ROBOT_BATCH: usize = 256;
/// The same request is refused so many times before its events are given up.
const REFUSALS: u32 = 3;
/// Waits after a failure: the first, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long to wait where the outbox itself fails.
const OUTBOX_WAIT: Duration = Duration::from_secs(1);

/// What the task works with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) sink: Sink,
    pub(super) site: Site,
    pub(super) metrics: Arc<Metrics>,
}

/// What to do with what waits.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing before something arrives, or before this time.
    Wait(Option<Instant>),
    /// No request is needed.
    Pass(Outcome),
    /// This request; the outcome holds once it has been taken.
    Send(Request, Outcome),
}

/// What becomes of the events of one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) done: SinkDone,
    /// Of these, told one by one.
    pub(super) delivered: u64,
    /// Of these, counted and not told again.
    pub(super) folded: u64,
    /// Of these, of no use to people.
    pub(super) silent: u64,
}

/// One kind of sink.
#[derive(Debug)]
enum Channel {
    Webhook,
    Robot(Box<Robot>),
}

struct Driver {
    settings: Settings,
    channel: Channel,
    outbox: OutboxHandle,
    trouble: Trouble,
    backoff: Backoff,
    refusals: u32,
}

/// Runs until `stop`, or until the outbox is closed.
pub(super) async fn run(settings: Settings, outbox: OutboxHandle, stop: CancellationToken) {
    let poster = match Poster::start(&settings.sink) {
        Ok(poster) => poster,
        Err(error) => {
            tracing::error!(sink = settings.sink.id, %error, "the sink does not start");
            return;
        }
    };
    let channel = match settings.sink.kind {
        SinkKind::Webhook => Channel::Webhook,
        SinkKind::Wecom | SinkKind::Dingtalk | SinkKind::Feishu => {
            Channel::Robot(Box::new(Robot::new(&settings.sink)))
        }
    };
    let mut driver = Driver {
        settings,
        channel,
        outbox,
        trouble: Trouble::default(),
        backoff: Backoff::new(WAITS.0, WAITS.1),
        refusals: 0,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = driver.work(&poster) => {}
    }
}

// === impl Driver ===

impl Driver {
    async fn work(&mut self, poster: &Poster) {
        let mut arrivals = self.outbox.stats();
        loop {
            arrivals.borrow_and_update();
            let batch = match self.outbox.sink_next(&self.settings.sink.id, self.channel.batch()).await {
                Ok(batch) => batch,
                Err(OutboxError::Closed) => return,
                Err(error) => {
                    tracing::debug!(%error, "the outbox cannot be read");
                    sleep(OUTBOX_WAIT).await;
                    continue;
                }
            };
            match self.step(&batch) {
                Step::Pass(outcome) => self.finish(outcome).await,
                Step::Send(request, outcome) => {
                    let answer = poster.post(request).await;
                    let wait = self.act(answer, outcome, batch.missed).await;
                    sleep(wait).await;
                }
                Step::Wait(until) => tokio::select! {
                    changed = arrivals.changed() => if changed.is_err() { return },
                    () = at(until) => {}
                },
            }
        }
    }

    fn step(&mut self, batch: &SinkBatch) -> Step {
        let now = Timestamp::now();
        match &mut self.channel {
            Channel::Webhook => {
                let Some(first) = batch.events.first() else { return Step::Wait(None) };
                let place = (first.class, first.sequence);
                if is_about_sinks(&first.body) {
                    return Step::Pass(Outcome { silent: 1, ..Outcome::of(vec![place], 0) });
                }
                let request = webhook::request(&self.settings.sink, &first.body, batch.missed, now);
                Step::Send(request, Outcome { delivered: 1, ..Outcome::of(vec![place], batch.missed) })
            }
            Channel::Robot(robot) => robot.step(batch, Instant::now(), now),
        }
    }

    /// Acts on what came back; says how long to leave the server alone.
    async fn act(&mut self, answer: Result<Answer, NoAnswer>, outcome: Outcome, missed: u64) -> Duration {
        let verdict = match answer {
            Err(NoAnswer { failure, detail }) => Verdict::Later { failure, detail, pause: None },
            Ok(answer) => match &self.channel {
                Channel::Webhook => answer.by_status(Timestamp::now()),
                Channel::Robot(robot) => robot.verdict(&answer, Timestamp::now()),
            },
        };
        let (id, now) = (self.settings.sink.id.clone(), std::time::Instant::now());
        let metrics = self.settings.metrics.clone();
        metrics.sink.up.with_label_values(&[&id]).set(i64::from(verdict == Verdict::Taken));
        match verdict {
            Verdict::Taken => {
                metrics.sink.requests.with_label_values(&[&id]).inc();
                self.backoff = Backoff::new(WAITS.0, WAITS.1);
                self.refusals = 0;
                if let Channel::Robot(robot) = &mut self.channel {
                    robot.sent();
                }
                self.finish(outcome).await;
                let told = self.trouble.worked(missed, &id, &self.settings.site);
                self.tell(told).await;
                Duration::ZERO
            }
            Verdict::Later { failure, detail, pause } => {
                metrics.sink.failures.with_label_values(&[&id, failure.as_str()]).inc();
                let wait = self.backoff.after(Duration::ZERO, rand::random()).max(pause.unwrap_or_default());
                tracing::warn!(sink = id, reason = failure.as_str(), retry_in = ?wait, "{detail}");
                let told = self.trouble.failed(now, &detail, &id, &self.settings.site);
                self.tell(told).await;
                wait
            }
            Verdict::Refused { detail } => {
                self.refusals += 1;
                if self.refusals < REFUSALS {
                    return self.backoff.after(Duration::ZERO, rand::random());
                }
                self.refusals = 0;
                let refused = outcome.delivered;
                tracing::error!(
                    sink = id,
                    events = refused,
                    "the sink refuses events, which are given up: {detail}"
                );
                metrics.sink.events.with_label_values(&[&id, "refused"]).inc_by(refused);
                let told = self.trouble.refused(now, refused, &detail, &id, &self.settings.site);
                self.tell(told).await;
                // What was missed has not been told.
                let done = SinkDone { told_missed: 0, ..outcome.done };
                self.finish(Outcome { done, delivered: 0, ..outcome }).await;
                Duration::ZERO
            }
        }
    }

    /// The events of a step need not come again.
    async fn finish(&self, outcome: Outcome) {
        let id = &self.settings.sink.id;
        let outcomes =
            [("delivered", outcome.delivered), ("folded", outcome.folded), ("silent", outcome.silent)];
        for (word, count) in outcomes {
            self.settings.metrics.sink.events.with_label_values(&[id, word]).inc_by(count);
        }
        // An outbox that is gone has been closed: the process ends.
        drop(self.outbox.sink_done(id, outcome.done).await);
    }

    async fn tell(&self, told: Option<NewEvent>) {
        if let Some(told) = told
            && let Err(error) = self.outbox.accept(vec![told], None).await
        {
            tracing::warn!(%error, "the centre cannot be told about a sink");
        }
    }
}

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// An event about a sink goes to the centre alone.
fn is_about_sinks(body: &[u8]) -> bool {
    serde_json::from_slice::<Event>(body).is_ok_and(|event| event.subject.starts_with("sink/"))
}

// === impl Channel ===

impl Channel {
    /// Events to read at once.
    fn batch(&self) -> usize {
        match self {
            Channel::Webhook => 1,
            Channel::Robot(_) => ROBOT_BATCH,
        }
    }
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn of(events: Vec<(Class, Sequence)>, told_missed: u64) -> Self {
        Outcome { done: SinkDone { events, told_missed }, ..Outcome::default() }
    }
}
