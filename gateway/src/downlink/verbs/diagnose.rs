//! `diagnose`: a file for whoever helps: configuration, versions, health, figures and recent log lines, without any
//! password.
//!
//! Secrets of the configuration print as `***` by their type; on top of that, every secret that is known is struck from
//! the whole text, whatever brought it there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use moshao_config::Config;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Verbs, arguments};
use crate::clock::rfc3339;
use crate::downlink::{Command, Denied};
use crate::live;
use crate::metrics::Metrics;
use crate::{logging, presence};

/// Folder of the files, below the data directory.
const FOLDER: &str = "diagnoses";
/// Files kept; the oldest go.
const KEPT: usize = 5;
/// A secret of fewer bytes would strike half the text; its type hides it anyway.
const SECRET_BYTES_MIN: usize = 3;

/// Writes a file for whoever helps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Diagnose {
    /// Why, for the access ledger.
    #[serde(default)]
    reason: Option<String>,
}

// === impl Verbs ===

impl Verbs {
    pub(super) async fn diagnose(&self, command: &Command) -> Result<Value, Denied> {
        let Diagnose { reason } = match &command.arguments {
            Value::Null => Diagnose { reason: None },
            _ => arguments(command)?,
        };
        let seal = self.record(command, FOLDER, reason.as_deref().unwrap_or_default())?;
        let standing = self.live.as_ref().map(live::Handle::standing).unwrap_or_default();
        let text = bundle(&self.config, &self.metrics, &standing, &logging::recent(), Timestamp::now());
        let data_dir = self.config.gateway.data_dir.clone();
        let bytes = text.len();
        let written = tokio::task::spawn_blocking(move || keep(&data_dir, &text)).await;
        let name = written
            .unwrap_or_else(|_| Err(io::Error::other("the thread that writes has failed")))
            .map_err(|error| Denied::failed(format!("the file cannot be written: {error}")))?;
        Ok(json!({ "reference": format!("{FOLDER}/{name}"), "bytes": bytes, "ledger": seal }))
    }
}

/// The file's text.
fn bundle(
    config: &Config,
    metrics: &Metrics,
    standing: &live::Standing,
    log: &[String],
    now: Timestamp,
) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let bundle = json!({
        "time": rfc3339(now, &config.gateway.time_zone),
        "version": env!("CARGO_PKG_VERSION"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "health": presence::health(config, metrics, standing),
        "system": {
            "uptime": read("/proc/uptime").trim(),
            "load": read("/proc/loadavg").trim(),
            "kernel": read("/proc/sys/kernel/osrelease").trim(),
            "memory": read("/proc/meminfo").lines().take(5).collect::<Vec<_>>(),
        },
        "config": format!("{config:#?}").lines().collect::<Vec<_>>(),
        "log": log,
        "metrics": metrics.render().lines().collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&bundle).expect("JSON can be written");
    strike(text, &secrets(config))
}

/// Every secret that the configuration knows.
fn secrets(config: &Config) -> Vec<String> {
    let brokers = [Some(&config.uplink), config.sensor_broker.as_ref()].into_iter().flatten();
    let of_brokers = brokers.flat_map(|broker| {
        let file = broker.password_file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let own = broker.password.as_ref().map(|password| password.reveal().to_owned());
        own.into_iter().chain(file.map(|text| text.trim().to_owned()))
    });
    let of_cameras = config.cameras.iter().filter_map(|camera| camera.password.as_ref());
    let of_sinks =
        config.sinks.iter().flat_map(|sink| std::iter::once(&sink.url).chain(sink.secret.as_ref()));
    let others = of_cameras.chain(of_sinks).map(|secret| secret.reveal().to_owned());
    of_brokers.chain(others).collect()
}

/// The text without these secrets, plain, as they stand in URLs, or as they stand in JSON.
fn strike(mut text: String, secrets: &[String]) -> String {
    for secret in secrets.iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN) {
        let in_url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let in_json = json!(secret).to_string();
        for form in [secret.as_str(), &in_url, in_json.trim_matches('"')] {
            text = text.replace(form, "***");
        }
    }
    text
}

/// Writes the file and removes the oldest beyond [`KEPT`]; its name.
fn keep(data_dir: &Path, text: &str) -> io::Result<String> {
    let folder = data_dir.join(FOLDER);
    fs::create_dir_all(&folder)?;
    // Sorts by time.
    let name = format!("{}.json", crate::incident::tell::new_id(Timestamp::now()));
    let mut file = File::create(folder.join(&name))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let mut names: Vec<_> = fs::read_dir(&folder)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for old in names.iter().take(names.len().saturating_sub(KEPT)) {
        fs::remove_file(folder.join(old))?;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use moshao_config::Environment;

    use super::*;

    const SITE: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
[uplink]
url = "mqtt://box:pa$$ w\"rd@127.0.0.1"
[sensors]
url = "mqtt://box:sensor-secret@127.0.0.1"
[camera.yard]
url = "rtsp://viewer:c4mera%2Fsecret@10.0.0.12/102"
"#;

    #[test]
    fn no_password_is_in_it_wherever_it_comes_from() {
        let site =
            SITE.replace("pa$$ w\\\"rd", "pa%24%24%20w%22rd").replace("pa$$ w\"rd", "pa%24%24%20w%22rd");
        let environment = Environment::of_process(Path::new("."));
        let config = moshao_config::parse(&site, "site.toml", &environment).unwrap();
        assert_eq!(secrets(&config), ["pa$$ w\"rd", "sensor-secret", "c4mera/secret"]);
        let log =
            ["refused: rtsp://viewer:c4mera%2Fsecret@10.0.0.12", "login with sensor-secret", "pa$$ w\"rd"];
        let log = log.map(str::to_owned);
        let text = bundle(&config, &Metrics::new(), &live::Standing::default(), &log, Timestamp::UNIX_EPOCH);
        for secret in ["c4mera", "sensor-secret", "pa$$", "pa%24"] {
            assert!(!text.contains(secret), "{secret}");
        }
        assert!(text.contains("refused: rtsp://viewer:***@10.0.0.12"), "the rest is there");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["log"].as_array().unwrap().len(), 3);
        assert!(value["metrics"].as_array().unwrap().len() > 20);
        assert!(
            value["config"]
                .as_array()
                .unwrap()
                .iter()
                .any(|line| line.as_str().unwrap().contains("10.0.0.12"))
        );
    }

    #[test]
    fn only_the_latest_files_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..KEPT + 2).map(|_| keep(dir.path(), "{}").unwrap()).collect();
        let left = fs::read_dir(dir.path().join(FOLDER)).unwrap().count();
        assert_eq!((names.len(), left), (KEPT + 2, KEPT));
    }
}
