//! Where the rest of the gateway asks for another configuration, and what it shows of the one that runs.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::bundle::Bundle;
use super::difference::Difference;
use super::fall::Fall;
use super::files::Files;

/// Changes that wait; more than one are one.
const ASKS_MAX: usize = 4;

/// Somebody wants another configuration.
#[derive(Debug)]
pub(super) struct Ask {
    /// Who: `SIGHUP`, `the page`, a command of the centre.
    pub(super) by: String,
    /// What the file is to say; none where it says it already.
    pub(super) bundle: Option<Bundle>,
    /// Told before the change what it will be, or why there is none.
    pub(super) answer: Option<oneshot::Sender<Result<Change, Refusal>>>,
}

/// What a change comes to.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// In a sentence.
    pub change: String,
    /// What starts anew, by name.
    #[serde(flatten)]
    pub difference: Difference,
    /// SHA-256 of the configuration's text, hexadecimal.
    pub sha256: String,
    /// Number of the bundle that it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How long it is watched before it is kept, seconds.
    pub trial_seconds: u64,
}

/// Why there is no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Whose fault it is.
    pub why: Why,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Why there is no change, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The configuration is wrong, or needs a restart.
    Invalid,
    /// The bundle is not from the centre, or older than one that was taken.
    NotAllowed,
    /// The gateway cannot do it now.
    Failed,
}

/// Where the configuration is changed. Clones ask the same gateway.
#[derive(Debug, Clone)]
pub struct Handle {
    files: Files,
    asking: mpsc::Sender<Ask>,
    standing: Standing,
}

/// How the configuration stands, for whoever shows it. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<RwLock<Shown>>);

/// What is shown of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `good`, `trial`, `refused` (the last good one runs instead), or `rolled-back`.
    pub state: &'static str,
    /// SHA-256 of its text, hexadecimal.
    pub sha256: String,
    /// Number of the bundle that runs; none where what runs came otherwise.
    pub bundle: Option<u64>,
    /// Why something else runs than what was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The same of what was taken back, for people of either language.
    #[serde(skip)]
    pub fall: Option<Fall>,
    /// Of one on trial.
    #[serde(skip)]
    pub trial: Option<OnTrial>,
}

/// A configuration on trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnTrial {
    /// When it is kept if all is as well as before.
    pub until: Timestamp,
    /// What it has changed, and who wanted it; none at a first start.
    pub change: Option<String>,
    /// There is another one to go back to.
    pub has_way_back: bool,
}

/// A handle, and where what is asked there is heard.
pub(super) fn handle(files: Files) -> (Handle, mpsc::Receiver<Ask>) {
    let (asking, asks) = mpsc::channel(ASKS_MAX);
    (Handle { files, asking, standing: Standing::default() }, asks)
}

// === impl Ask ===

impl Ask {
    /// The file has been saved, and nobody has said anything.
    pub(super) fn of_a_save() -> Self {
        Ask { by: "a save of the file".to_owned(), bundle: None, answer: None }
    }
}

// === impl Handle ===

impl Handle {
    /// The configuration file.
    pub fn file(&self) -> &Path {
        self.files.file()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// Has the file read again; what will change, once it has been checked and before it happens.
    ///
    /// # Errors
    /// It is not applied, and why.
    pub async fn reload(&self, by: &str) -> Result<Change, Refusal> {
        self.ask(by, None).await
    }

    /// Has a configuration that the centre has signed written into the file, and read.
    ///
    /// # Errors
    /// It is not applied, and why; the file is as it was.
    pub async fn configure(&self, by: &str, bundle: Bundle) -> Result<Change, Refusal> {
        self.ask(by, Some(bundle)).await
    }

    async fn ask(&self, by: &str, bundle: Option<Bundle>) -> Result<Change, Refusal> {
        let stopping = || Refusal {
            why: Why::Failed,
            message: "the gateway is changing or stopping; ask again".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let ask = Ask { by: by.to_owned(), bundle, answer: Some(answer) };
        self.asking.send(ask).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// The same for somebody who does not wait for an answer.
    pub fn reload_soon(&self, by: &str) {
        // Where as many wait already, one of them reads what is in the file now.
        drop(self.asking.try_send(Ask { by: by.to_owned(), bundle: None, answer: None }));
    }
}

// === impl Standing ===

impl Standing {
    /// What is shown now.
    pub fn shown(&self) -> Shown {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn show(&self, shown: Shown) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}
