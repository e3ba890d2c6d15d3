//! `mute` and `mode`: orders that last for a while.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moshao_config::{Category, DeviceMode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Verbs, arguments};
use crate::clock::rfc3339;
use crate::desk::Errand;
use crate::downlink::{Command, Denied};
use crate::incident::orders::{InMode, Muted};

/// Longest mute: what is forgotten must not stay mute.
const MUTE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest mode.
const MODE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Tells nothing of a rule or a camera for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Mute {
    /// Rule id.
    #[serde(default)]
    rule: Option<String>,
    /// Camera id, instead of `rule`.
    #[serde(default)]
    camera: Option<String>,
    /// For how long, seconds; 0 ends it.
    #[schemars(range(max = 86_400))]
    seconds: u64,
}

/// Sets the mode of a device or the whole site for a while; then the configuration's counts again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMode {
    /// `live`, `test` or `maintenance`.
    mode: DeviceMode,
    /// Camera or sensor id.
    #[serde(default)]
    device: Option<String>,
    /// The whole site, instead of `device`.
    #[serde(default)]
    site: bool,
    /// For how long, seconds; 0 ends it.
    #[schemars(range(max = 604_800))]
    seconds: u64,
}

// === impl Verbs ===

impl Verbs {
    pub(super) async fn mute(&self, command: &Command) -> Result<Value, Denied> {
        let Mute { rule, camera, seconds } = arguments(command)?;
        let until = until(seconds, MUTE_MAX)?;
        let what = match (rule, camera) {
            (Some(rule), None) => self.muted_rule(rule)?,
            (None, Some(camera)) => {
                self.knows_camera(&camera)?;
                Muted::Camera(camera)
            }
            _ => return Err(Denied::bad("`mute` takes either `rule` or `camera`".to_owned())),
        };
        self.ask(|answer| Errand::Mute { what, until, answer }).await?;
        Ok(json!({ "until": rfc3339(until, &self.config.gateway.time_zone) }))
    }

    fn muted_rule(&self, id: String) -> Result<Muted, Denied> {
        let Some(rule) = self.config.rules.iter().find(|rule| rule.id == id) else {
            return Err(Denied::not_found(
                "rule",
                &id,
                self.config.rules.iter().map(|rule| rule.id.as_str()),
            ));
        };
        let watched_by_sensor = self.config.sensors.iter().any(|sensor| sensor.watches.contains(&id));
        if rule.level == 1 && rule.category == Category::Fire && watched_by_sensor {
            return Err(Denied::not_allowed(format!(
                "`{id}` is what a fire sensor says at level 1; that is never muted: set the sensor to test or \
                 maintenance instead"
            )));
        }
        Ok(Muted::Rule(id))
    }

    pub(super) async fn mode(&self, command: &Command) -> Result<Value, Denied> {
        let SetMode { mode, device, site, seconds } = arguments(command)?;
        let until = until(seconds, MODE_MAX)?;
        match (&device, site) {
            (Some(id), false) => {
                let cameras = self.config.cameras.iter().map(|camera| camera.id.as_str());
                let known =
                    || cameras.clone().chain(self.config.sensors.iter().map(|sensor| sensor.id.as_str()));
                if !known().any(|known| known == id) {
                    return Err(Denied::not_found("camera or sensor", id, known()));
                }
            }
            (None, true) => {}
            _ => return Err(Denied::bad("`mode` takes either `device` or `site = true`".to_owned())),
        }
        self.ask(|answer| Errand::Mode { what: InMode { device, mode }, until, answer }).await?;
        Ok(json!({ "until": rfc3339(until, &self.config.gateway.time_zone) }))
    }
}

/// The end of something that begins now.
fn until(seconds: u64, longest: Duration) -> Result<Timestamp, Denied> {
    if seconds > longest.as_secs() {
        return Err(Denied::bad(format!(
            "`seconds` is {seconds}; allowed are 0 (end it) to {}",
            longest.as_secs()
        )));
    }
    Ok(Timestamp::now() + SignedDuration::from_secs(seconds as i64))
}
