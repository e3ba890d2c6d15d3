//! What the file says: every section and key, with its default, range and unit.
//!
//! These types are the one description of the format. The JSON Schema, the reference page and the check of the shape
//! (`document`) are all made from them: doc comments are the descriptions that users read, `schemars` attributes the
//! ranges, `serde` defaults the defaults. A key that later checks may point at is an [`At`].
//!
//! Ranges of durations and sizes stand in `x-min` and `x-max`, units of numbers in `x-unit`, what a pattern asks for
//! in `x-wants`, and `x-secrets` marks text in which `${env:NAME}` and `${file:path}` are replaced.

mod at;
mod broker;
mod budget;
mod camera;
mod change;
mod default;
mod detector;
mod evidence;
mod gateway;
mod incidents;
mod page;
mod rule;
mod sensor;
mod sink;
mod test;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use at::{At, Named};
pub(crate) use broker::Broker;
pub(crate) use budget::Budget;
pub(crate) use camera::{Camera, Corners, Deadlines, Ends, Priority, Sensitivity, Switch};
pub(crate) use change::Change;
pub(crate) use detector::Detector;
pub(crate) use evidence::Evidence;
pub(crate) use gateway::{Gateway, Grid, Http, Outbox};
pub(crate) use incidents::Incidents;
pub(crate) use page::Page;
pub(crate) use rule::{Hours, Rule};
pub(crate) use sensor::{Binary, Sensor};
pub(crate) use sink::Sink;
pub(crate) use test::{Expected, Step, Test};

/// A Moshao configuration file.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// This box.
    #[schemars(required)]
    pub gateway: Option<Gateway>,
    /// The grid cell that the box's events belong to.
    #[schemars(required)]
    pub grid: Option<Grid>,
    /// The command centre's broker: events go up, dispositions and commands come down.
    #[schemars(required)]
    pub uplink: Option<At<Broker>>,
    /// The broker on which the site's sensors publish. Needed as soon as there is a sensor.
    pub sensors: Option<At<Broker>>,
    /// The durable queue of events on disk.
    pub outbox: Option<Outbox>,
    /// What the link to the centre may carry.
    pub budget: Option<Budget>,
    /// Where metrics and health are served.
    pub http: Option<Http>,
    /// The local web page.
    pub page: Option<Page>,
    /// How the configuration changes while the gateway runs.
    pub change: Option<Change>,
    /// When an incident is told, merged, escalated and closed.
    pub incidents: Option<Incidents>,
    /// Stills and clips: what is recorded, and how long and how much of it the box keeps.
    pub evidence: Option<Evidence>,
    /// Detectors of your own, by name. `moshao-fire` is built in and needs no section, unless its thresholds are to be
    /// set: then a section with `file = "moshao-fire"`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub detector: Named<Detector>,
    /// Cameras, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub camera: Named<Camera>,
    /// Sensors, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub sensor: Named<Sensor>,
    /// Rules, by id. A rule does nothing until a camera or a sensor watches it.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub rule: Named<Rule>,
    /// Where events go besides the centre, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = id_pattern()))]
    pub sink: Named<Sink>,
    /// Tests of the rules, run by `moshao check`.
    #[serde(default)]
    pub test: Vec<At<Test>>,
}

impl File {
    /// `gateway.data_dir`, or its default where the section is missing.
    pub(crate) fn data_dir(&self) -> String {
        self.gateway.as_ref().map_or_else(default::data_dir, |gateway| gateway.data_dir.clone())
    }
}

const ID_WANTS: &str = "1 to 32 of small letters, digits and `-`";

fn id_pattern() -> serde_json::Value {
    serde_json::json!({ "pattern": "^[a-z0-9-]{1,32}$", "x-wants": ID_WANTS })
}
