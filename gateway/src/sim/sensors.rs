//! Smoke and temperature sensors that are not there: messages as zigbee2mqtt writes them, steady, with changes at
//! given times.
//!
//! What is published when is a pure function of the script and the time; [`play`] owns the clock and the connection.

use std::time::Duration;

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::fault;

/// Sensors and what happens to them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// `[[sensor]]`.
    pub sensor: Vec<Sensor>,
}

/// One sensor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Where it publishes.
    pub topic: String,
    /// Between two messages, such as `"2s"`.
    #[serde(deserialize_with = "time")]
    pub every: Duration,
    /// What it says as long as nothing happens.
    pub payload: Map<String, Value>,
    /// What changes, in the order of time; later ones prevail.
    #[serde(default)]
    pub change: Vec<Change>,
}

/// Something that happens to a sensor; published at once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Since the start, such as `"15s"`.
    #[serde(deserialize_with = "time")]
    pub at: Duration,
    /// Values that replace or join the sensor's own, from then on.
    pub payload: Map<String, Value>,
}

/// A broker without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password.
    pub login: Option<(String, moshao_config::Secret)>,
}

/// What a demonstration needs: a kitchen in which smoke alarms at 15 s and clears at 36 s while it gets warm.
pub const DEMO_SCRIPT: &str = r#"
[[sensor]]
topic = "zigbee2mqtt/kitchen-smoke"
every = "5s"
payload = { smoke = false, battery = 97, linkquality = 120 }
change = [
    { at = "15s", payload = { smoke = true } },
    { at = "36s", payload = { smoke = false } },
]

[[sensor]]
topic = "zigbee2mqtt/kitchen-climate"
every = "4s"
payload = { temperature = 22.4, humidity = 48.0, battery = 88, linkquality = 96 }
change = [
    { at = "12s", payload = { temperature = 27.9 } },
    { at = "16s", payload = { temperature = 41.2, humidity = 37.0 } },
    { at = "20s", payload = { temperature = 52.6, humidity = 31.0 } },
    { at = "30s", payload = { temperature = 47.0, humidity = 33.0 } },
    { at = "35s", payload = { temperature = 33.1, humidity = 40.0 } },
    { at = "40s", payload = { temperature = 26.0, humidity = 45.0 } },
]
"#;

// === impl Script ===

impl Script {
    /// Reads a script; the error names line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        let script: Script = toml::from_str(text).map_err(|error| error.to_string())?;
        for sensor in &script.sensor {
            if sensor.every < Duration::from_millis(10) {
                return Err(format!(
                    "sensor '{}' publishes every {} ms; at least 10 ms lie between two messages",
                    sensor.topic,
                    sensor.every.as_millis()
                ));
            }
        }
        Ok(script)
    }

    /// The next time after `now` at which something is published; none where there is no sensor.
    pub fn next_after(&self, now: Duration) -> Option<Duration> {
        self.sensor.iter().map(|sensor| sensor.next_after(now)).min()
    }

    /// Topic and payload of all that is published exactly at `time`.
    pub fn published_at(&self, time: Duration) -> Vec<(&str, String)> {
        self.sensor
            .iter()
            .filter(|sensor| sensor.publishes_at(time))
            .map(|sensor| (sensor.topic.as_str(), Value::Object(sensor.payload_at(time)).to_string()))
            .collect()
    }
}

// === impl Sensor ===

impl Sensor {
    fn publishes_at(&self, time: Duration) -> bool {
        time.as_nanos().is_multiple_of(self.every.as_nanos())
            || self.change.iter().any(|change| change.at == time)
    }

    fn next_after(&self, now: Duration) -> Duration {
        let rounds = now.as_nanos() / self.every.as_nanos() + 1;
        let regular = Duration::from_nanos((rounds * self.every.as_nanos()) as u64);
        self.change.iter().map(|change| change.at).filter(|at| *at > now).fold(regular, Duration::min)
    }

    fn payload_at(&self, time: Duration) -> Map<String, Value> {
        let mut payload = self.payload.clone();
        for change in self.change.iter().filter(|change| change.at <= time) {
            payload.extend(change.payload.clone());
        }
        payload
    }
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    fault::time(&text).map_err(serde::de::Error::custom)
}

// === impl BrokerAddress ===

impl BrokerAddress {
    /// From `mqtt://[user:password@]host[:port]`. Errors do not repeat the URL, for a password may be in it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let url =
            url::Url::parse(url).map_err(|error| format!("not a URL: {error}; write mqtt://host:1883"))?;
        if url.scheme() != "mqtt" {
            return Err(format!("scheme '{}' is not supported here; write mqtt://host:1883", url.scheme()));
        }
        let host = url.host_str().ok_or("the URL has no host; write mqtt://host:1883")?.to_owned();
        // `%40` in a URL is an `@` in the password.
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!url.username().is_empty()).then(|| {
            let password = moshao_config::Secret::new(decoded(url.password().unwrap_or_default()));
            (decoded(url.username()), password)
        });
        Ok(Self { host, port: url.port().unwrap_or(1883), login })
    }
}

/// Publishes what the script says, from `start` on, until dropped. Reconnects when the broker goes away; what was
/// due meanwhile waits in a queue of 16 messages, then in the script itself.
pub async fn play(script: &Script, broker: &BrokerAddress, start: Instant) {
    let mut options = MqttOptions::new("moshao-simulated-sensors", &broker.host, broker.port);
    options.set_keep_alive(Duration::from_secs(15));
    if let Some((user, password)) = &broker.login {
        options.set_credentials(user, password.reveal());
    }
    let (client, mut connection) = AsyncClient::new(options, 16);
    let _connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            if let Err(error) = connection.poll().await {
                tracing::warn!(%error, "simulated sensors have lost the broker; next try in 1 s");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }));
    let mut due = Duration::ZERO;
    loop {
        tokio::time::sleep_until(start + due).await;
        for (topic, payload) in script.published_at(due) {
            if client.publish(topic, QoS::AtLeastOnce, false, payload).await.is_err() {
                // The connection task never ends by itself.
                return;
            }
        }
        match script.next_after(due) {
            Some(next) => due = next,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn smoke_at(script: &Script, time: Duration) -> Option<Value> {
        let published = script.published_at(time);
        let (_, payload) = published.iter().find(|(topic, _)| *topic == "zigbee2mqtt/kitchen-smoke")?;
        Some(serde_json::from_str::<Value>(payload).unwrap()["smoke"].clone())
    }

    #[test]
    fn sensors_publish_steadily_and_at_once_when_something_changes() {
        let script = Script::parse(
            "[[sensor]]\ntopic = 't'\nevery = '4s'\npayload = { v = 1 }\nchange = [{ at = '6s', payload = { v = 2 } }]",
        )
        .unwrap();
        let mut times = vec![Duration::ZERO];
        while times.len() < 5 {
            times.push(script.next_after(*times.last().unwrap()).unwrap());
        }
        assert_eq!(times, [at(0), at(4), at(6), at(8), at(12)]);
        assert_eq!(script.published_at(at(4)), [("t", r#"{"v":1}"#.to_owned())]);
        assert_eq!(script.published_at(at(6)), [("t", r#"{"v":2}"#.to_owned())]);
        assert_eq!(script.published_at(at(8)), [("t", r#"{"v":2}"#.to_owned())]);
        assert_eq!(script.published_at(at(7)), []);
    }

    #[test]
    fn the_demo_alarms_and_clears() {
        let script = Script::parse(DEMO_SCRIPT).unwrap();
        assert_eq!(smoke_at(&script, at(10)), Some(Value::Bool(false)));
        assert_eq!(smoke_at(&script, at(15)), Some(Value::Bool(true)));
        assert_eq!(smoke_at(&script, at(35)), Some(Value::Bool(true)));
        assert_eq!(smoke_at(&script, at(36)), Some(Value::Bool(false)));
    }

    #[test]
    fn mistakes_in_a_script_are_told() {
        let error = Script::parse("[[sensor]]\ntopic = 't'\nevery = 'often'\npayload = {}").unwrap_err();
        assert!(error.contains("'often' is no time") && error.contains("line 3"), "{error}");
        let error = Script::parse("[[sensor]]\ntopic = 't'\nevery = '1ms'\npayload = {}").unwrap_err();
        assert!(error.contains("at least 10 ms"), "{error}");
    }

    #[test]
    fn a_broker_address_keeps_its_password_to_itself() {
        let address = BrokerAddress::parse("mqtt://u:secret@h").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("h", 1883));
        assert!(!format!("{address:?}").contains("secret"));
        let (_, password) = BrokerAddress::parse("mqtt://u:a%40b@h").unwrap().login.unwrap();
        assert_eq!(password.reveal(), "a@b");
        assert!(BrokerAddress::parse("http://h").unwrap_err().contains("mqtt://"));
    }
}
