//! `[uplink]` and `[sensors]`: MQTT brokers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::model::Protocol;
use crate::quantity::Span;

/// An MQTT broker and how to log in to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Broker {
    /// `mqtt://` or `mqtts://`, host, and port where it is not 1883 or 8883; may carry user and password.
    #[schemars(required, extend("x-secrets" = true, "examples" = BROKER_EXAMPLES))]
    pub url: Option<At<String>>,
    /// User name, where the URL has none.
    #[schemars(extend("x-secrets" = true))]
    pub username: Option<At<String>>,
    /// Password, where the URL has none.
    #[schemars(extend("x-secrets" = true))]
    pub password: Option<At<String>>,
    /// File with the password, relative to the file; read anew at each connection, so that a new password needs no
    /// restart.
    pub password_file: Option<At<String>>,
    /// Further brokers of the same centre, in order, for when the first cannot be reached: host, or host and port.
    #[serde(default)]
    #[schemars(length(max = 8), extend("examples" = FALLBACK_EXAMPLES))]
    pub fallbacks: Vec<At<String>>,
    /// PEM file of our own certificate, for a broker that asks for one; relative to the file, read anew at each
    /// connection.
    pub certificate_file: Option<At<String>>,
    /// PEM file of the certificate's private key.
    pub key_file: Option<At<String>>,
    /// MQTT client id. Where the key is absent, `moshao-<division>-<id>` for the uplink and `moshao-<id>-sensors` for
    /// the sensors' broker.
    #[schemars(length(min = 1, max = 128))]
    pub client_id: Option<At<String>>,
    /// Version of MQTT. With `5` the broker says why it refuses an event, and an event that it forbids is not taken for
    /// delivered; NATS speaks `3.1.1` only. The sensors' broker is always spoken to in 3.1.1.
    #[serde(default = "default::protocol")]
    pub protocol: At<Protocol>,
    /// MQTT keep alive: a silent connection is given up after one and a half times this.
    #[serde(default = "default::keep_alive")]
    #[schemars(extend("x-min" = "5s", "x-max" = "10m"))]
    pub keep_alive: Span,
    /// PEM file of the authority that signed the broker's certificate, relative to the file. For `mqtts://` the
    /// system's authorities (`/etc/ssl/certs/ca-certificates.crt`) where the key is absent.
    pub ca_file: Option<At<String>>,
}

const FALLBACK_EXAMPLES: [&str; 1] = ["centre-b.example:8883"];
const BROKER_EXAMPLES: [&str; 2] = ["mqtts://centre.example:8883", "mqtt://127.0.0.1:1883"];
