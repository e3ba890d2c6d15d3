//! A broker as it is named on the command line: `mqtt://user:password@host:port`, or `mqtts://` with a CA file.

use std::path::PathBuf;
use std::time::Duration;

use moshao_config::{Broker, Protocol, Secret, Tls};
use percent_encoding::percent_decode_str;
use url::Url;

use super::Failure;

/// Authorities of the system: Debian's and Ubuntu's ca-certificates.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
const EXAMPLE: &str = "an example is mqtt://127.0.0.1:1883";

/// The broker that the URL names. A password that is not in it comes from `MOSHAO_MQTT_PASSWORD`.
pub(super) fn broker(url: &Url, ca_file: Option<PathBuf>, client_id: String) -> Result<Broker, Failure> {
    let encrypted = match url.scheme() {
        "mqtt" => false,
        "mqtts" => true,
        other => {
            return Err(Failure::usage(format!(
                "the URL begins with {other}://; it must be mqtt:// or mqtts://, {EXAMPLE}"
            )));
        }
    };
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(Failure::usage(format!("the URL has no host; {EXAMPLE}")));
    };
    let password = url.password().map(decoded).or_else(|| std::env::var("MOSHAO_MQTT_PASSWORD").ok());
    let ca_file = ca_file.unwrap_or_else(|| SYSTEM_AUTHORITIES.into());
    Ok(Broker {
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: url.port().unwrap_or(if encrypted { 8883 } else { 1883 }),
        tls: encrypted.then_some(Tls { ca_file, identity: None }),
        username: (!url.username().is_empty()).then(|| decoded(url.username())),
        password: password.map(Secret::new),
        password_file: None,
        fallbacks: Vec::new(),
        client_id,
        protocol: Protocol::V3,
        keep_alive: Duration::from_secs(30),
    })
}

/// `%40` in a URL is an `@` in the name.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
