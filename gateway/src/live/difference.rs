//! What a new configuration changes, in a sentence; and what it must not change while the gateway runs. Pure.

use std::fmt;

use moshao_config::Config;
use serde::Serialize;

use crate::supervise::camera_job;

/// What starts anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Cameras that were not there.
    pub new: Vec<String>,
    /// Cameras that are not there any more.
    pub gone: Vec<String>,
    /// Cameras whose sessions are opened anew.
    pub restarted: Vec<String>,
    /// How many cameras go on without noticing.
    pub untouched: usize,
    /// The sensors' session is opened anew.
    pub renews_sensors: bool,
}

// === impl Difference ===

impl Difference {
    /// From what runs to what is to run.
    ///
    /// # Errors
    /// What needs a restart.
    pub(super) fn between(old: &Config, new: &Config) -> Result<Self, String> {
        let (a, b) = (&old.gateway, &new.gateway);
        let named = [
            ("gateway.id", a.id != b.id),
            ("gateway.division", a.division != b.division),
            ("gateway.data_dir", a.data_dir != b.data_dir),
        ];
        let changed: Vec<&str> = named.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
        if !changed.is_empty() {
            return Err(format!(
                "needs a restart: `{}` has changed, and events of the old name wait on disk; `systemctl restart moshao` \
                 applies it",
                changed.join("`, `")
            ));
        }
        let mut difference = Difference { renews_sensors: renews_sensors(old, new), ..Difference::default() };
        for camera in &new.cameras {
            let id = camera.id.clone();
            match old.cameras.iter().find(|other| other.id == camera.id) {
                None => difference.new.push(id),
                Some(other) if is_same(other, camera, old, new) => difference.untouched += 1,
                Some(_) => difference.restarted.push(id),
            }
        }
        let is_gone = |id: &&String| new.cameras.iter().all(|camera| camera.id != **id);
        difference.gone = old.cameras.iter().map(|camera| &camera.id).filter(is_gone).cloned().collect();
        Ok(difference)
    }
}

/// Whether the sensors' session has to be opened anew.
pub(crate) fn renews_sensors(old: &Config, new: &Config) -> bool {
    old.sensor_broker != new.sensor_broker || old.sensors != new.sensors
}

fn is_same(a: &moshao_config::Camera, b: &moshao_config::Camera, old: &Config, new: &Config) -> bool {
    let detector =
        |config: &Config, name: &str| config.detectors.iter().find(|own| own.name == name).cloned();
    camera_job(a, old) == camera_job(b, new)
        && detector(old, &a.detector) == detector(new, &b.detector)
        && old.gateway.worker_memory_bytes == new.gateway.worker_memory_bytes
        && old.evidence.pre_roll == new.evidence.pre_roll
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, cameras) in [("new", &self.new), ("gone", &self.gone), ("starting anew", &self.restarted)]
        {
            if !cameras.is_empty() {
                write!(f, "cameras {what}: {}; ", cameras.join(", "))?;
            }
        }
        if self.renews_sensors {
            write!(f, "the sensors' session is opened anew; ")?;
        }
        write!(f, "{} cameras go on untouched", self.untouched)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use moshao_config::Environment;

    use super::*;

    fn config(gateway: &str, rest: &str) -> Config {
        let text = format!(
            "[gateway]\nid = \"gw-0007\"\ndivision = \"510104001001\"\n{gateway}\n[grid]\ncode = \"510104001001003\"\n\
             [uplink]\nurl = \"mqtt://127.0.0.1\"\n[sensors]\nurl = \"mqtt://127.0.0.1\"\n{rest}"
        );
        moshao_config::parse(&text, "site.toml", &Environment::of_process(Path::new("."))).unwrap()
    }

    fn camera(id: &str, more: &str) -> String {
        format!("[camera.{id}]\nurl = \"rtsp://10.0.0.1/{id}\"\n{more}\n")
    }

    #[test]
    fn only_what_concerns_a_camera_starts_it_anew() {
        let old = config("", &(camera("a", "") + &camera("b", "") + &camera("c", "")));
        let new =
            config("", &(camera("a", "name = \"door\"") + &camera("b", "gate = \"off\"") + &camera("d", "")));
        let difference = Difference::between(&old, &new).unwrap();
        assert_eq!(
            difference.to_string(),
            "cameras new: d; cameras gone: c; cameras starting anew: b; 1 cameras go on untouched"
        );
    }

    #[test]
    fn a_sensor_more_opens_the_sensors_session_anew() {
        let sensor = "[sensor.s]\npreset = \"zigbee2mqtt-smoke\"\ntopic = \"z/s\"\n";
        let (old, new) = (config("", ""), config("", sensor));
        assert!(renews_sensors(&old, &new) && !renews_sensors(&new, &new));
    }

    #[test]
    fn another_name_needs_a_restart() {
        let reason =
            Difference::between(&config("", ""), &config("data_dir = \"/tmp/other\"", "")).unwrap_err();
        assert!(reason.contains("gateway.data_dir") && reason.contains("restart"), "{reason}");
    }
}
