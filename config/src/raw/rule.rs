//! `[rule.ID]`: what it looks for, when, and which event it makes.

mod measured;
mod seen;
mod when;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};
use crate::model::{Category, Weekday};
use crate::quantity::Span;

pub(crate) use measured::{Rise, State, Stuck, Threshold, Trend};
pub(crate) use seen::{Absence, Blocked, Crossing, Crowd, Loitering, Object, Running, WrongWay};
pub(crate) use when::When;

/// A rule: exactly one condition, for cameras or for sensors.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Camera: an object seen several times; with `zone`, an intrusion.
    pub object: Option<At<Object>>,
    /// Camera: an object that crosses a line.
    pub crossing: Option<At<Crossing>>,
    /// Camera: an object that stays too long.
    pub loitering: Option<At<Loitering>>,
    /// Camera: too many in one place.
    pub crowd: Option<At<Crowd>>,
    /// Camera: an object that stands still for too long: a car in the fire lane, an e-bike in the hall, a bag left behind.
    pub blocked: Option<At<Blocked>>,
    /// Camera: an object that moves too fast.
    pub running: Option<At<Running>>,
    /// Camera: an object that moves against the direction allowed.
    pub wrong_way: Option<At<WrongWay>>,
    /// Camera: nobody there, such as at a guard post.
    pub absence: Option<At<Absence>>,
    /// Sensor: a yes/no value in its alarming state.
    pub state: Option<At<State>>,
    /// Sensor: a number beyond a limit.
    pub threshold: Option<At<Threshold>>,
    /// Sensor: a number that rises too fast.
    pub rise: Option<At<Rise>>,
    /// Sensor: a number that no longer changes.
    pub stuck: Option<At<Stuck>>,
    /// Sensor: a number that will be beyond a limit soon, as it is going now.
    pub trend: Option<At<Trend>>,
    /// Camera or sensor: a condition in the Common Expression Language, over what several devices say.
    pub when: Option<At<When>>,
    /// Hours in which the rule looks, in the site's time zone; any one of them. Always where the key is absent.
    #[serde(default)]
    pub during: Vec<At<Hours>>,
    /// Severity: 1 (red, most severe) to 4 (blue). The level of the event code where the key is absent.
    #[schemars(range(min = 1, max = 4))]
    pub level: Option<u8>,
    /// Event code. By the condition and its labels, or by the kind of the sensor that watches the rule, where the key is
    /// absent.
    #[schemars(regex(pattern = "^[A-Z][A-Z0-9_]{0,31}$"), extend("x-wants" = CODE_WANTS))]
    pub code: Option<At<String>>,
    /// Department that the event belongs to. By the code where the key is absent.
    pub category: Option<At<Category>>,
    /// Last part of the event type, such as `video` in `moshao.fire.video.v1`. By the code where the key is absent.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,31}$"), extend("x-wants" = KIND_WANTS))]
    pub kind: Option<String>,
    /// Title for people. By the code where the key is absent.
    #[schemars(length(min = 1, max = 100))]
    pub title: Option<String>,
    /// How long the condition must be gone (for an object: unseen) before the incident closes.
    #[serde(default = "default::ten_seconds")]
    #[schemars(extend("x-min" = "0s", "x-max" = "24h"))]
    pub clear_after: Span,
}

/// Hours of some days. `from` later than `to` reaches across midnight and belongs to the day on which it begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Hours {
    /// Begin.
    #[serde(default = "default::midnight")]
    #[schemars(regex(pattern = CLOCK), extend("x-wants" = CLOCK_WANTS))]
    pub from: At<String>,
    /// End; `24:00` is the end of the day.
    #[serde(default = "default::end_of_day")]
    #[schemars(regex(pattern = CLOCK), extend("x-wants" = CLOCK_WANTS))]
    pub to: At<String>,
    /// Days of the week on which it begins. Every day where the key is absent.
    #[serde(default)]
    pub days: Vec<Weekday>,
}

const CLOCK: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$";
const CLOCK_WANTS: &str = "a time of day such as \"22:00\"";
const CODE_WANTS: &str = "capitals, digits and `_`, at most 32, such as \"FIRE_SMOKE\"";
const KIND_WANTS: &str = "small letters, digits and `-`, at most 32, such as \"video\"";
