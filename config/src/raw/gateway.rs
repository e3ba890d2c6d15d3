//! `[gateway]`, `[grid]`, `[outbox]`, `[http]`: the box itself.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, ID_WANTS, default};
use crate::quantity::Size;

/// This box.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Id of the box within its division.
    #[schemars(required, regex(pattern = "^[a-z0-9-]{1,32}$"), extend("x-wants" = ID_WANTS))]
    pub id: Option<String>,
    /// Administrative division code (GB/T 2260 and GB/T 10114).
    #[schemars(
        required,
        regex(pattern = "^[0-9]{12}$"),
        extend("x-wants" = "12 digits, such as \"510104001001\"")
    )]
    pub division: Option<String>,
    /// Directory of the outbox and the evidence, relative to the file.
    #[serde(default = "default::data_dir")]
    pub data_dir: String,
    /// Camera worker processes. One for each core where the key is absent.
    #[schemars(range(min = 1, max = 256), extend("x-unit" = "processes"))]
    pub workers: Option<usize>,
    /// Memory that one camera worker may use before it is ended and restarted. Where the key is absent, 256MiB and 80MiB
    /// for each of its cameras, but no more than its share of three quarters of the box.
    #[schemars(extend("x-min" = "64MiB", "x-max" = "64GiB"))]
    pub worker_memory: Option<Size>,
    /// IANA time zone of the site; event times carry its offset.
    #[serde(default = "default::time_zone")]
    pub time_zone: At<String>,
}

/// The grid cell that the box's events belong to.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Grid {
    /// Grid code: 15 digits as a rule (division 12, cell 3); anything else gives a warning.
    #[schemars(required, length(min = 1, max = 32))]
    pub code: Option<At<String>>,
    /// Name for people.
    pub name: Option<String>,
}

/// The durable queue of events on disk.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Outbox {
    /// Most bytes that queued events may take on disk.
    #[serde(default = "default::quota")]
    #[schemars(extend("x-min" = "1MiB", "x-max" = "1024GiB"))]
    pub quota: Size,
    /// Publishes in flight without a PUBACK, at most.
    #[serde(default = "default::window")]
    #[schemars(range(min = 1, max = 256), extend("x-unit" = "messages"))]
    pub window: usize,
}

/// Where metrics and health are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Http {
    /// Address and port to listen on. Anything but loopback is open to the network.
    #[serde(default = "default::listen")]
    pub listen: At<String>,
}

// === impl Outbox, Http ===

impl Default for Outbox {
    fn default() -> Self {
        Self { quota: default::quota(), window: default::window() }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: default::listen() }
    }
}
