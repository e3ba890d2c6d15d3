//! What the centre can have the box do. One file for what belongs together; [`Verbs::obey`] is the list.
//!
//! | command | does | lasts |
//! |---|---|---|
//! | `still` | takes a still of a camera now, masked as always | |
//! | `clip` | keeps the last seconds of a camera, or lists what is kept of an incident | |
//! | `export` | sends a kept file in parts, from an offset on | |
//! | `hold`, `release` | keeps an incident's evidence beyond its time | until released |
//! | `diagnose` | writes a file for whoever helps, without passwords | |
//! | `mute` | tells nothing of a rule or a camera; never a fire sensor of level 1 | up to 24 h |
//! | `mode` | test, maintenance or live, of a device or the site | up to 7 days |
//! | `configure` | writes a configuration that the centre has signed, and goes on with it | taken back where it fails |
//! | `reload` | reads the configuration file again; cameras that it does not change go on untouched | |
//! | `restart` | starts the worker of a camera anew | |
//!
//! Whatever touches evidence or looks into the box is written into the access ledger before it happens.

mod diagnose;
mod evidence;
mod export;
mod orders;

use std::collections::BTreeMap;
use std::sync::Arc;

use moshao_config::Config;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

pub use self::export::Part;
use super::{Command, Denied};
use crate::budget::Budget;
use crate::desk::Errand;
use crate::evidence::archive::about;
use crate::evidence::ledger::{self, Seal};
use crate::evidence::{Archive, Recorder};
use crate::live::bundle::Bundle;
use crate::live::{self, Why};
use crate::metrics::Metrics;
use crate::supervise::Requests;
use crate::topics::Topics;

/// Commands that wait to be obeyed; the downlink hands over one at a time.
const COMMANDS_MAX: usize = 4;

/// Everything that commands work with.
#[derive(Debug)]
pub struct Verbs {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// The evidence.
    pub archive: Archive,
    /// Makes clips.
    pub recorder: Recorder,
    /// The workers.
    pub workers: Requests,
    /// The desk.
    pub desk: mpsc::Sender<Errand>,
    /// What the link may carry: parts of files wait for it.
    pub budget: Budget,
    /// Where parts of files leave.
    pub parts: mpsc::Sender<Part>,
    /// Topics of this box.
    pub topics: Topics,
    /// Where the configuration is changed; nowhere where it came from no file.
    pub live: Option<live::Handle>,
    /// What the box counts.
    pub metrics: Arc<Metrics>,
}

/// A command with no arguments but a reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Restart {
    /// A camera of the worker; the others that it watches are interrupted too, for a second or two.
    camera: String,
}

/// Reads the configuration file again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reload {}

// === impl Verbs ===

impl Verbs {
    /// The verbs, all received by one queue, and that queue.
    pub fn receivers() -> (BTreeMap<&'static str, mpsc::Sender<Command>>, mpsc::Receiver<Command>) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        (schemas().into_keys().map(|verb| (verb, sender.clone())).collect(), commands)
    }

    /// Obeys until the downlink has ended.
    pub async fn run(self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            let outcome = self.obey(&command).await;
            if command.answer.send(outcome).is_err() {
                debug!(command = command.id, "the downlink has gone before the answer");
            }
        }
    }

    async fn obey(&self, command: &Command) -> Result<Value, Denied> {
        match command.verb.as_str() {
            "still" => self.still(command).await,
            "clip" => self.clip(command).await,
            "export" => self.export(command).await,
            "hold" => self.hold(command),
            "release" => self.release(command),
            "diagnose" => self.diagnose(command).await,
            "mute" => self.mute(command).await,
            "mode" => self.mode(command).await,
            "reload" => self.reload(command).await,
            "configure" => self.configure(command).await,
            "restart" => self.restart(command),
            other => Err(Denied::failed(format!("`{other}` has no receiver"))),
        }
    }

    /// Answers once the file has been checked; what comes of it, events say.
    async fn reload(&self, command: &Command) -> Result<Value, Denied> {
        let Reload {} = arguments(command)?;
        let change = self.live()?.reload(&format!("command {}", command.id)).await.map_err(denied)?;
        Ok(json!(change))
    }

    /// The same for a configuration that the centre has signed.
    async fn configure(&self, command: &Command) -> Result<Value, Denied> {
        let bundle: Bundle = arguments(command)?;
        let change =
            self.live()?.configure(&format!("command {}", command.id), bundle).await.map_err(denied)?;
        Ok(json!(change))
    }

    fn live(&self) -> Result<&live::Handle, Denied> {
        let text = || Denied::failed("the gateway was not started from a configuration file".to_owned());
        self.live.as_ref().ok_or_else(text)
    }

    fn restart(&self, command: &Command) -> Result<Value, Denied> {
        let Restart { camera } = arguments(command)?;
        self.knows_camera(&camera)?;
        if !self.workers.restart(&camera) {
            return Err(Denied::busy(
                "the worker takes no requests now; it is restarted by itself if it hangs",
            ));
        }
        Ok(json!({ "cameras": self.workers.beside(&camera) }))
    }

    fn knows_camera(&self, id: &str) -> Result<(), Denied> {
        let known = || self.config.cameras.iter().map(|camera| camera.id.as_str());
        match known().any(|camera| camera == id) {
            true => Ok(()),
            false => Err(Denied::not_found("camera", id, known())),
        }
    }

    /// Writes down that somebody gets at something; nobody does where that fails.
    fn record(&self, command: &Command, item: &str, why: &str) -> Result<Seal, Denied> {
        let who = command.by.as_deref().unwrap_or("centre");
        let access = about(who, &command.verb, item, why, &format!("command {}", command.id));
        self.archive.record(access).map_err(|error| {
            Denied::failed(format!("it cannot be written into the access ledger, so it is not done: {error}"))
        })
    }

    /// Asks the desk for something and waits for its answer.
    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Errand,
    ) -> Result<T, Denied> {
        let (answer, answered) = oneshot::channel();
        let gone = || Denied::failed("the gateway is stopping".to_owned());
        self.desk.send(ask(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.map_err(Denied::failed)
    }
}

fn denied(refusal: live::Refusal) -> Denied {
    match refusal.why {
        Why::Invalid => Denied::bad(refusal.message),
        Why::NotAllowed => Denied::not_allowed(refusal.message),
        Why::Failed => Denied::failed(refusal.message),
    }
}

/// The arguments of every verb: JSON Schemas.
pub fn schemas() -> BTreeMap<&'static str, Schema> {
    BTreeMap::from([
        ("still", schema_for!(evidence::Still)),
        ("clip", schema_for!(evidence::Clip)),
        ("export", schema_for!(export::Export)),
        ("hold", schema_for!(evidence::Hold)),
        ("release", schema_for!(evidence::Hold)),
        ("diagnose", schema_for!(diagnose::Diagnose)),
        ("mute", schema_for!(orders::Mute)),
        ("mode", schema_for!(orders::SetMode)),
        ("reload", schema_for!(Reload)),
        ("configure", schema_for!(Bundle)),
        ("restart", schema_for!(Restart)),
    ])
}

/// The arguments of a command.
fn arguments<T: DeserializeOwned>(command: &Command) -> Result<T, Denied> {
    serde_json::from_value(command.arguments.clone()).map_err(|error| {
        Denied::bad(format!("arguments of `{}`: {error}; see commands.schema.json", command.verb))
    })
}

/// A reason that says something.
fn reason(text: &str) -> Result<&str, Denied> {
    ledger::reason(text).map_err(|count| {
        Denied::bad(format!("`reason` has {count} characters; allowed are 1 to {}", ledger::REASON_MAX))
    })
}
