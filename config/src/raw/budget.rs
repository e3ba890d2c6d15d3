//! `[budget]`: what the link to the centre may carry.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::quantity::{Rate, Traffic};

/// What the link to the centre may carry. Alarms are counted and never wait. Clips wait once half of the day's traffic is
/// used, stills shrink from 70 % on and wait from 90 % on, other events wait when all of it is used.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Budget {
    /// Bytes sent from midnight to midnight, in the site's time zone. Without a limit where the key is absent.
    #[schemars(extend("x-min" = "1MB", "x-max" = "10000GB"))]
    pub day: Option<Traffic>,
    /// Rate of everything but alarms, averaged over a few seconds. Without a limit where the key is absent.
    #[schemars(extend("x-min" = "8kbit/s", "x-max" = "10000Mbit/s"))]
    pub rate: Option<Rate>,
}
