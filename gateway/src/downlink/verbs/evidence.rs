//! `still`, `clip`, `hold` and `release`.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Verbs, arguments, reason};
use crate::desk::Errand;
use crate::downlink::{Command, Denied};
use crate::evidence::Order;
use crate::incident::tell::new_id;
use crate::rules::Source;

/// A clip of the past is on disk within this time.
const CLIP_LIMIT: Duration = Duration::from_secs(30);

/// Takes a still of a camera now.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Still {
    /// Camera id.
    camera: String,
    /// Why, for the access ledger.
    #[serde(default)]
    reason: Option<String>,
}

/// Keeps the last seconds of a camera, or lists what is kept of an incident.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Clip {
    /// Camera id; with `seconds`.
    #[serde(default)]
    camera: Option<String>,
    /// How far back. The camera's memory reaches back as far as `evidence.pre_roll` and some seconds more.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65))]
    seconds: Option<u32>,
    /// Incident id, instead of both.
    #[serde(default)]
    incident: Option<String>,
    /// Why, for the access ledger.
    #[serde(default)]
    reason: Option<String>,
}

/// Keeps an incident's evidence beyond its time and quota, or lets it go again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    /// Incident id.
    incident: String,
    /// Why, for the access ledger.
    reason: String,
}

// === impl Verbs ===

impl Verbs {
    pub(super) async fn still(&self, command: &Command) -> Result<Value, Denied> {
        let Still { camera, reason: why } = arguments(command)?;
        self.knows_camera(&camera)?;
        let seal = self.record(command, &format!("camera/{camera}"), why.as_deref().unwrap_or_default())?;
        let evidence = self.ask(|answer| Errand::Still { camera, answer }).await?;
        Ok(json!({ "evidence": evidence, "ledger": seal }))
    }

    pub(super) async fn clip(&self, command: &Command) -> Result<Value, Denied> {
        let Clip { camera, seconds, incident, reason: why } = arguments(command)?;
        let why = why.as_deref().unwrap_or_default();
        match (camera, seconds, incident) {
            (Some(camera), Some(seconds), None) => self.clip_of_camera(command, camera, seconds, why).await,
            (None, None, Some(incident)) => {
                let kept = self.archive.store().list(&incident).map_err(|error| {
                    Denied::failed(format!("the evidence of {incident} cannot be listed: {error}"))
                })?;
                let seal = self.record(command, &format!("evidence/{incident}"), why)?;
                Ok(json!({ "kept": kept, "ledger": seal }))
            }
            _ => Err(Denied::bad("`clip` takes `camera` and `seconds`, or `incident` alone".to_owned())),
        }
    }

    async fn clip_of_camera(
        &self,
        command: &Command,
        camera: String,
        seconds: u32,
        why: &str,
    ) -> Result<Value, Denied> {
        self.knows_camera(&camera)?;
        let reach_s = self.recorder.reach().as_secs();
        if seconds == 0 || u64::from(seconds) > reach_s {
            return Err(Denied::bad(format!(
                "`seconds` is {seconds}; the camera's memory reaches back 1 to {reach_s} s (evidence.pre_roll and 5 s)"
            )));
        }
        let seal = self.record(command, &format!("camera/{camera}"), why)?;
        let now = Timestamp::now();
        let (answer, kept) = oneshot::channel();
        let order = Order {
            incident: new_id(now),
            source: Source::Camera(camera.clone()),
            camera,
            from_unix_ms: now.as_millisecond() - i64::from(seconds) * 1000,
            until_unix_ms: now.as_millisecond(),
            answer: Some(answer),
        };
        if !self.recorder.order(order) {
            return Err(Denied::busy("too many clips are waiting to be recorded; ask again in a minute"));
        }
        match timeout(CLIP_LIMIT, kept).await {
            Ok(Ok(Ok(evidence))) => Ok(json!({ "evidence": evidence, "ledger": seal })),
            Ok(Ok(Err(message))) => Err(Denied::failed(message)),
            Ok(Err(_)) => Err(Denied::failed("the gateway is stopping".to_owned())),
            Err(_) => Err(Denied::failed(format!("no clip within {} s", CLIP_LIMIT.as_secs()))),
        }
    }

    pub(super) fn hold(&self, command: &Command) -> Result<Value, Denied> {
        let Hold { incident, reason: why } = arguments(command)?;
        let why = reason(&why)?;
        let by = command.by.as_deref().unwrap_or("centre");
        let seal = self.archive.hold(&incident, by, why).map_err(not_kept)?;
        Ok(json!({ "incident": incident, "held": true, "ledger": seal }))
    }

    pub(super) fn release(&self, command: &Command) -> Result<Value, Denied> {
        let Hold { incident, reason: why } = arguments(command)?;
        let why = reason(&why)?;
        let by = command.by.as_deref().unwrap_or("centre");
        let (was_held, seal) = self.archive.release(&incident, by, why).map_err(not_kept)?;
        Ok(json!({ "incident": incident, "held": false, "was_held": was_held, "ledger": seal }))
    }
}

fn not_kept(error: std::io::Error) -> Denied {
    Denied::failed(format!("it cannot be written to disk: {error}; check free space of gateway.data_dir"))
}
