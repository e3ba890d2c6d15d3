//! The page's end of the window: looks at what the desk shows, and asks over a bounded channel.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::snapshot::Snapshot;
use crate::test_mode::Subject;

/// How long a visitor waits for a fresh snapshot.
const PATIENCE: Duration = Duration::from_secs(3);
/// A camera is asked for a still, and answers within this time.
const STILL_PATIENCE: Duration = Duration::from_secs(6);

/// What the page asks of the desk.
#[derive(Debug)]
pub enum Ask {
    /// Somebody looks: show.
    Look,
    /// A picture of a camera.
    Still {
        /// Camera id.
        camera: String,
        /// Look at the camera closely for it: the last picture of a sleeping one may be old.
        wake: bool,
        /// Where the picture goes; nothing comes where there is none.
        answer: oneshot::Sender<Picture>,
    },
    /// Somebody walks in front of a camera: it is kept awake.
    Walk {
        /// Camera id.
        camera: String,
    },
    /// Test mode on for this long, or off.
    Test {
        /// Of what.
        subject: Subject,
        /// None ends it.
        lasting: Option<Duration>,
    },
}

/// A still.
#[derive(Debug, Clone)]
pub struct Picture {
    /// JPEG with masks filled.
    pub jpeg: Vec<u8>,
    /// When it was taken.
    pub taken: Timestamp,
}

/// The page's end. Clones share the channel.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) view: watch::Receiver<Arc<Snapshot>>,
}

/// The desk does not answer: it is stopping, or its disk hangs.
#[derive(Debug, thiserror::Error)]
#[error("the gateway does not answer now; try again in a moment")]
pub struct NoAnswer;

// === impl Visitor ===

impl Visitor {
    /// What the desk shows, no older than its last tick.
    ///
    /// # Errors
    /// The desk does not answer.
    pub async fn look(&self) -> Result<Arc<Snapshot>, NoAnswer> {
        let mut view = self.view.clone();
        view.mark_unchanged();
        self.ask(Ask::Look)?;
        timeout(PATIENCE, view.changed()).await.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)?;
        Ok(view.borrow_and_update().clone())
    }

    /// What the desk showed last.
    #[cfg(test)]
    pub(super) fn shown(&self) -> Arc<Snapshot> {
        self.view.borrow().clone()
    }

    /// A picture of a camera; none where the camera has none.
    ///
    /// # Errors
    /// The desk does not answer.
    pub async fn still(&self, camera: &str, wake: bool) -> Result<Option<Picture>, NoAnswer> {
        let (answer, picture) = oneshot::channel();
        self.ask(Ask::Still { camera: camera.to_owned(), wake, answer })?;
        Ok(timeout(STILL_PATIENCE, picture).await.ok().and_then(Result::ok))
    }

    /// Hands something to the desk.
    ///
    /// # Errors
    /// Too much waits for the desk, or it is gone.
    pub fn ask(&self, ask: Ask) -> Result<(), NoAnswer> {
        self.asks.try_send(ask).map_err(|_| NoAnswer)
    }
}
