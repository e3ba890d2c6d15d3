//! Live change: from one configuration to the next without letting go of what has not changed.
//!
//! ```text
//! SIGHUP, the page ───┐
//! a save, `reload` ───┼─▶ read, check, rehearse ─▶ sources stay, the rest is built anew ─▶ trial ─▶ kept as last good
//! `configure`: bundle ┘      │ wrong: told,            │ fails                            │ not as well as before
//!                            ▼ nothing happens         └────────▶ back to the last good ◀─┘
//! ```
//!
//! Camera workers, the sensors' session, the desk with its incidents and rules, clips, the outbox and who is logged in at
//! the page go on (`app::kept`); the rest of the parent (links to the centre, sinks, page, metrics' port) is stopped in
//! its order and built anew by the same code that starts the gateway, which takes less than a second.
//!
//! `saved` notices that the file has been saved, `wanted` checks what it wants, `difference` says what that comes to and what
//! needs a restart. `trial` watches whether the gateway is as well as before, `fall` says why it is not. [`bundle`] is a
//! configuration that the centre has signed. `files` keeps what to go back to beside the file, and `start` uses it where the
//! file is spoilt or the gateway dies of it. `outcome` says what became of a change, `told` tells the centre.

pub mod bundle;
mod difference;
mod fall;
mod files;
mod handle;
mod outcome;
mod saved;
mod start;
mod told;
mod trial;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::difference::Difference;
pub(crate) use self::difference::renews_sensors;
pub use self::fall::Fall;
pub use self::files::replace;
use self::files::{Files, State, Version};
use self::handle::Ask;
pub use self::handle::{Change, Handle, OnTrial, Refusal, Shown, Standing, Why};
use self::saved::{Looks, Saved};
use self::start::Instead;
pub use self::start::Start;
use self::told::News;
pub use self::trial::Part;
use self::trial::{Health, Trial, Verdict};
use crate::app::{App, AppError, Kept, Leave};
use crate::metrics::Metrics;
use crate::outbox::OutboxHandle;
use crate::supervise::WorkerCommand;

/// Between the answer to whoever asked and the change: the answer must get out.
const ANSWER_FIRST: Duration = Duration::from_millis(500);
/// How often a gateway on trial is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A gateway that runs from a file.
#[derive(Debug)]
pub struct Live {
    files: Files,
    state: State,
    handle: Handle,
    asks: mpsc::Receiver<Ask>,
    metrics: Arc<Metrics>,
    begin: Instant,
    running: Version,
    /// What to go back to; none before the first configuration has run through its trial.
    good: Option<Version>,
    trial: Option<Trial>,
    /// What is on trial: who wanted it, and what it has changed.
    change: Option<String>,
    /// Whether the file has been saved.
    saved: Saved,
    /// SHA-256 of what stood in the file when it was last looked into or written here; none where it could not be read.
    considered: Option<String>,
    /// Camera workers that had died at the last look, and when the last one did.
    deaths: (u64, Option<Duration>),
    instead: Option<Instead>,
}

/// A change that can be made.
#[derive(Debug)]
struct Next {
    version: Version,
    by: String,
    difference: Difference,
    /// How the gateway was before.
    before: Health,
    /// Why it goes back; none where it goes forward.
    back: Option<Fall>,
}

// === impl Live ===

impl Live {
    /// A gateway with the configuration that was chosen, or with the last good one where that cannot be used.
    ///
    /// # Errors
    /// Neither can.
    pub async fn begin(start: Start, worker: WorkerCommand) -> Result<(Self, App), AppError> {
        let Start { files, state, mut version, good, mut instead, .. } = start;
        let mut kept = Kept::new(worker);
        let bound = match (kept.bind(version.config.clone()).await, &good) {
            (Ok(bound), _) => bound,
            (Err(reason), Some(good)) if good.text != version.text => {
                error!(%reason, "the gateway cannot start with its configuration; it goes back to the last good one");
                (version, instead) = (good.clone(), Some(Instead::Refused(reason.to_string())));
                kept.bind(good.config.clone()).await?
            }
            (Err(reason), _) => return Err(reason),
        };
        let (handle, asks) = handle::handle(files.clone());
        let (saved, considered) = (Saved::new(Looks::of(files.file())), files.sha256());
        let metrics = kept.metrics().clone();
        let mut live = Live {
            files,
            state,
            handle,
            asks,
            metrics,
            begin: Instant::now(),
            running: version,
            good,
            trial: None,
            change: None,
            saved,
            considered,
            deaths: (0, None),
            instead,
        };
        let is_proven = live.good.as_ref().is_some_and(|good| good.text == live.running.text);
        if !is_proven {
            let lasting = live.running.config.change.trial;
            live.trial = Some(Trial::begin(Duration::ZERO, lasting, [], 0));
        }
        live.show();
        Ok((live, App::of(bound, kept)))
    }

    /// Where changes are asked for.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `stop`.
    ///
    /// # Errors
    /// After a change that failed, the gateway could not be built as before either.
    pub async fn run(mut self, mut app: App, stop: CancellationToken) -> Result<(), AppError> {
        self.tell_start(&app.outbox()).await;
        loop {
            let (leave, outbox) = (Leave::default(), app.outbox());
            let mut life = tokio::spawn(app.changed_at(self.handle()).run_until(stop.clone(), leave.clone()));
            let died = |panic: tokio::task::JoinError| AppError::Died(panic.to_string());
            let next = tokio::select! {
                ended = &mut life => {
                    self.stopped();
                    return ended.map(drop).map_err(died);
                }
                next = self.next(&outbox) => next,
            };
            tokio::time::sleep(ANSWER_FIRST).await;
            leave.ask(self.running.config.uplink == next.version.config.uplink);
            // None where it was stopped meanwhile.
            let Some(kept) = life.await.map_err(died)? else {
                self.stopped();
                return Ok(());
            };
            app = self.change(kept, next).await?;
        }
    }

    /// Waits for a change that can be made; what cannot is told.
    async fn next(&mut self, outbox: &OutboxHandle) -> Next {
        let mut look = interval(LOOK_EVERY);
        loop {
            let next = tokio::select! {
                biased;
                Some(ask) = self.asks.recv() => self.consider(ask, outbox).await,
                _ = look.tick() => match self.look() {
                    Some(back) => Some(back),
                    None if self.is_saved() => self.consider(Ask::of_a_save(), outbox).await,
                    None => None,
                },
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    async fn consider(&mut self, ask: Ask, outbox: &OutboxHandle) -> Option<Next> {
        let Ask { by, bundle, answer } = ask;
        // Whoever asked was swept away by the change before, and asks again: a bundle must not be taken for nobody.
        if answer.as_ref().is_some_and(tokio::sync::oneshot::Sender::is_closed) {
            return None;
        }
        let wanted = match &bundle {
            None => self.wanted().await,
            Some(bundle) => self.take(bundle).await,
        };
        let (said, next) = match wanted {
            Ok((version, difference)) => {
                let change = Change {
                    change: difference.to_string(),
                    difference: difference.clone(),
                    sha256: version.sha256(),
                    version: bundle.map(|bundle| bundle.version),
                    trial_seconds: self.running.config.change.trial.as_secs(),
                };
                let before = Health::of(&self.metrics, &self.running.config);
                (Ok(change), Some(Next { version, by, difference, before, back: None }))
            }
            Err(refusal) => {
                warn!(
                    by,
                    "the configuration is not applied, the gateway goes on with the one it has: {refusal}"
                );
                self.count("refused");
                let note = format!("by {by}: {refusal}");
                self.tell(News::Refused, outbox, &note).await;
                self.instead.get_or_insert_with(|| Instead::Refused(refusal.to_string()));
                self.show();
                (Err(refusal), None)
            }
        };
        if let Some(answer) = answer {
            // Fails only where whoever asked has gone.
            drop(answer.send(said));
        }
        next
    }

    /// Whether somebody has saved a file that says something else than when it was last looked into.
    fn is_saved(&mut self) -> bool {
        let is_new = self.saved.look(self.begin.elapsed(), Looks::of(self.files.file()));
        is_new && self.running.config.change.on_save && self.files.sha256() != self.considered
    }

    /// Whether the gateway is as well as before, while that is a question; the way back where it is not.
    fn look(&mut self) -> Option<Next> {
        let now = self.begin.elapsed();
        let health = Health::of(&self.metrics, &self.running.config);
        if health.deaths > self.deaths.0 {
            self.deaths = (health.deaths, Some(now));
        }
        match self.trial.as_mut()?.look(now, &health) {
            Verdict::Wait => None,
            Verdict::Good => {
                self.keep();
                None
            }
            Verdict::Fallen(fall) => {
                self.trial = None;
                self.show();
                let Some(good) = self.good.clone().filter(|good| good.text != self.running.text) else {
                    error!(
                        %fall,
                        "the gateway is not well, and there is no other configuration to go back to"
                    );
                    return None;
                };
                error!(%fall, "the gateway is not as well as before the change; it goes back");
                let difference = Difference::between(&self.running.config, &good.config).unwrap_or_default();
                let by = "trial".to_owned();
                Some(Next { version: good, by, difference, before: health, back: Some(fall) })
            }
        }
    }

    /// Builds the gateway anew around what goes on.
    async fn change(&mut self, mut kept: Kept, next: Next) -> Result<App, AppError> {
        match kept.bind(next.version.config.clone()).await {
            Ok(bound) => {
                let app = App::of(bound, kept);
                match next.back.clone() {
                    None => self.went_forward(next, &app.outbox()).await,
                    Some(fall) => self.went_back(next.version, &app.outbox(), fall).await,
                }
                Ok(app)
            }
            Err(reason) => {
                error!(by = next.by, %reason, "the configuration cannot be applied; the gateway goes back");
                let bound = kept.bind(self.running.config.clone()).await?;
                let app = App::of(bound, kept);
                let fall = Fall::Unbuilt(reason.to_string());
                self.went_back(self.running.clone(), &app.outbox(), fall).await;
                Ok(app)
            }
        }
    }
}
