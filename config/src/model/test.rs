//! Tests of the rules.

use std::ops::Range;
use std::time::Duration;

use jiff::civil;

use super::Quantity;

/// `[[test]]`: what happens, and which incidents must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Bytes of the file in which the name stands.
    pub place: Range<usize>,
    /// Date and time of the site at which it begins.
    pub start: civil::DateTime,
    /// What happens.
    pub steps: Vec<Step>,
    /// Incidents that must open, and no others.
    pub expect: Vec<Expected>,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When, from the beginning.
    pub at: Duration,
    /// For how long.
    pub lasts: Duration,
    /// What.
    pub what: Happens,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Happens {
    /// A camera sees an object.
    Seen {
        /// Camera id.
        camera: String,
        /// Its label.
        label: String,
        /// 0 to 1.
        score: f32,
        /// Its box at the beginning: left, top, right, bottom in fractions of the picture.
        from: [f32; 4],
        /// Its box at the end.
        to: [f32; 4],
    },
    /// A sensor says a value.
    Measured {
        /// Sensor id, with captured topic levels behind a slash.
        sensor: String,
        /// Place of the sensor in the configuration.
        config_index: usize,
        /// Which of its values.
        of: Quantity,
        /// The value; 1 and 0 for yes and no.
        value: f64,
        /// How often while it lasts; once where absent.
        every: Option<Duration>,
    },
}

/// An incident that must open.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Bytes of the file in which it stands.
    pub place: Range<usize>,
    /// Event code.
    pub code: String,
    /// Camera or sensor id; any where absent.
    pub device: Option<String>,
    /// When it opens; any time where absent.
    pub opened: Option<Duration>,
    /// When it closes; not asked where absent.
    pub closed: Option<Duration>,
    /// Level in the end; any where absent.
    pub level: Option<u8>,
}
