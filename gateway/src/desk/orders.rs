//! What commands of the centre ask of the desk.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::Desk;
use crate::clock::Moment;
use crate::event::Evidence;
use crate::evidence::{Purpose, Want};
use crate::incident::orders::{InMode, Muted};
use crate::incident::tell::new_id;
use crate::outbox::OutboxError;
use crate::worker::link::Observation;

/// A camera that is asked for a still is looked at for this long, so that the picture is of now.
const LOOK_FOR: Duration = Duration::from_secs(3);
/// After this long the latest picture there is has to do.
const PATIENCE: Duration = Duration::from_secs(6);
/// Stills that commands wait for.
const STILLS_MAX: usize = 16;

/// Answers a command.
pub type Answer<T> = oneshot::Sender<Result<T, String>>;

/// A command, as far as the desk is concerned.
#[derive(Debug)]
pub enum Errand {
    /// A still of a camera, now.
    Still {
        /// Camera id; it exists.
        camera: String,
        /// Told when it is on disk.
        answer: Answer<Evidence>,
    },
    /// A rule or camera that is to be mute.
    Mute {
        /// Which.
        what: Muted,
        /// Until then.
        until: Timestamp,
        /// Told when it is on disk.
        answer: Answer<()>,
    },
    /// A mode.
    Mode {
        /// Whose, and which.
        what: InMode,
        /// Until then.
        until: Timestamp,
        /// Told when it is on disk.
        answer: Answer<()>,
    },
}

/// A still that a command waits for: the next picture of its camera.
#[derive(Debug)]
pub(super) struct StillAsked {
    camera: String,
    since: Duration,
    answer: Answer<Evidence>,
}

// === impl Desk ===

impl Desk {
    pub(super) async fn carry_out(&mut self, errand: Errand) {
        let now = self.clock.now();
        match errand {
            Errand::Still { answer, .. } if self.stills_asked.len() >= STILLS_MAX => {
                reply(
                    answer,
                    Err(format!("{STILLS_MAX} stills are waited for already; ask again in some seconds")),
                );
            }
            Errand::Still { camera, answer } => {
                self.look_for(&camera, LOOK_FOR);
                self.stills_asked.push(StillAsked { camera, since: now.mono, answer });
            }
            Errand::Mute { what, until, answer } => {
                info!(?what, %until, "muted by the centre");
                self.judge.mute(now, what, until);
                reply(answer, self.save_order().await);
            }
            Errand::Mode { what, until, answer } => {
                info!(?what, %until, "mode ordered by the centre");
                self.judge.set_mode(now, what, until);
                reply(answer, self.save_order().await);
            }
        }
    }

    /// A picture has been analysed: stills of its camera that are asked for are of this one.
    pub(super) fn still_of(&mut self, seen: &Observation) {
        let (these, others) =
            std::mem::take(&mut self.stills_asked).into_iter().partition(|asked| asked.camera == seen.camera);
        self.stills_asked = others;
        self.take_stills(these, Some(seen.picture));
    }

    /// Stills that have waited long enough are of the latest picture there is.
    pub(super) fn still_overdue(&mut self, now: Moment) {
        let (these, others) = std::mem::take(&mut self.stills_asked)
            .into_iter()
            .partition(|asked| now.mono.saturating_sub(asked.since) >= PATIENCE);
        self.stills_asked = others;
        self.take_stills(these, None);
    }

    fn take_stills(&mut self, these: Vec<StillAsked>, picture: Option<u64>) {
        for StillAsked { camera, answer, .. } in these {
            let incident = new_id(self.clock.now().wall);
            let want = Want { incident, camera, purpose: Purpose::Command(answer) };
            let request = self.wanted.ask(want, picture, Vec::new());
            let number = request.request;
            if !self.workers.take_still(request)
                && let Some(Purpose::Command(answer)) = self.wanted.take(number).map(|want| want.purpose)
            {
                reply(answer, Err("the camera's worker takes no requests now; ask again later".to_owned()));
            }
        }
    }

    /// Puts the judge's state on disk without an event.
    pub(super) async fn save(&mut self) -> Result<(), OutboxError> {
        let unsaved = self.judge.unsaved();
        self.outbox.accept(Vec::new(), unsaved.values()).await?;
        self.judge.saved(unsaved);
        Ok(())
    }

    /// As [`Desk::save`], told to whoever gave the order.
    async fn save_order(&mut self) -> Result<(), String> {
        self.save().await.map_err(|error| {
            error!(%error, "an order of the centre could not be kept: it ends with the next restart");
            format!("it counts now, and ends with the next restart, because it cannot be kept: {error}")
        })
    }
}

/// Answers a command that may have stopped waiting.
pub(super) fn reply<T>(answer: Answer<T>, with: Result<T, String>) {
    if answer.send(with).is_err() {
        tracing::debug!("nobody waits for the answer of a command any more");
    }
}
