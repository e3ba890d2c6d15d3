//! The checked configuration: complete, with defaults filled in and every reference resolved.
//!
//! Nothing here can be wrong in a way that the gateway would have to report later: names that rules, cameras and
//! sensors refer to exist, numbers lie in their ranges, secrets have been read.

mod camera;
mod change;
mod detector;
mod evidence;
mod expression;
mod gateway;
mod incidents;
mod rule;
mod schedule;
mod sensor;
mod sink;
mod test;

use serde::{Deserialize, Serialize};

pub use camera::{Camera, Deadlines, Diagnosis, Line, Polygon, Priority, Sensitivity, StreamAddress, View};
pub use change::{CentreKey, Change};
pub use detector::{Detector, Model};
pub use evidence::{EvidencePolicy, Keep};
pub use expression::{Expression, Field, Input, Known, Named};
pub(crate) use expression::{evaluate, input_name};
pub use gateway::{Broker, Budget, Gateway, Grid, Http, Identity, Outbox, Page, Protocol, Secret, Tls};
pub use incidents::{DeviceMode, IncidentPolicy};
pub use rule::{Category, Condition, Direction, Rule, Side, Subject};
pub use schedule::{Hours, Schedule, Weekday};
pub use sensor::{
    Binary, Encoding, Endian, Format, More, Quantity, Sensor, SensorKind, TopicLevel, TopicPattern,
};
pub use sink::{Sink, SinkKind};
pub use test::{Expected, Happens, Step, Test};

/// Everything `moshao run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// This box.
    pub gateway: Gateway,
    /// The grid cell that its events belong to.
    pub grid: Grid,
    /// The command centre's broker.
    pub uplink: Broker,
    /// The broker on which sensors publish; none where there are only cameras.
    pub sensor_broker: Option<Broker>,
    /// The durable queue of events.
    pub outbox: Outbox,
    /// What the link to the centre may carry.
    pub budget: Budget,
    /// Metrics and health.
    pub http: Http,
    /// The local web page; none unless the file asks for it.
    pub page: Option<Page>,
    /// How the configuration changes while the gateway runs.
    pub change: Change,
    /// How findings become incidents.
    pub incidents: IncidentPolicy,
    /// Stills and clips.
    pub evidence: EvidencePolicy,
    /// Detectors that a camera names, each once. Built-in and catalogue names used by cameras are here too.
    pub detectors: Vec<Detector>,
    /// Cameras in the order of the file.
    pub cameras: Vec<Camera>,
    /// Sensors in the order of the file.
    pub sensors: Vec<Sensor>,
    /// Rules in the order of the file, then those that presets bring.
    pub rules: Vec<Rule>,
    /// Where events go besides the centre, in the order of the file.
    pub sinks: Vec<Sink>,
    /// Tests of the rules, in the order of the file.
    pub tests: Vec<Test>,
}

/// Where a camera or sensor stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// Address for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Longitude in degrees, CGCS2000 or WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Latitude in degrees, CGCS2000 or WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
}
