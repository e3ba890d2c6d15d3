//! What the centre has ordered for a while: rules and cameras that are mute, and devices in another mode.
//!
//! Each order has an end by the wall clock and survives a restart until then. What a fire sensor of level 1 says is never
//! mute, whatever has been ordered.

use jiff::Timestamp;
use moshao_config::{Category, DeviceMode};
use serde::{Deserialize, Serialize};

use super::fusion::Places;
use crate::rules::{Edge, Finding, Source};

/// Orders remembered of each kind; beyond it the one that ends first goes.
const ORDERS_MAX: usize = 1000;

/// All orders that last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    mutes: Vec<Lasting<Muted>>,
    modes: Vec<Lasting<InMode>>,
}

/// What is mute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Muted {
    /// A rule, by its id.
    Rule(String),
    /// Everything that a camera finds, and its faults.
    Camera(String),
}

/// A mode that somebody ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InMode {
    /// Camera or sensor id; none for the whole site.
    pub device: Option<String>,
    /// Its mode meanwhile.
    pub mode: DeviceMode,
}

/// Something with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lasting<T> {
    what: T,
    until: Timestamp,
}

// === impl Orders ===

impl Orders {
    /// Mutes something until then, in place of an earlier order; a time that has passed ends it.
    pub fn mute(&mut self, what: Muted, until: Timestamp) {
        self.mutes.retain(|mute| mute.what != what);
        put(&mut self.mutes, what, until);
    }

    /// Sets a mode until then, in place of an earlier order; a time that has passed ends it.
    pub fn set_mode(&mut self, what: InMode, until: Timestamp) {
        self.modes.retain(|mode| mode.what.device != what.device);
        put(&mut self.modes, what, until);
    }

    /// Forgets what has ended; whether any mode has.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let modes = self.modes.len();
        self.mutes.retain(|mute| mute.until > now);
        self.modes.retain(|mode| mode.until > now);
        self.modes.len() < modes
    }

    /// Whether what a rule found is not to be told. The end of something always is.
    pub fn silence(&self, finding: &Finding) -> bool {
        let is_fire_sensor = matches!(finding.source, Source::Sensor(_))
            && finding.rule.category == Category::Fire
            && finding.rule.level == 1;
        let names = |mute: &Lasting<Muted>| match &mute.what {
            Muted::Rule(id) => *id == finding.rule.id,
            Muted::Camera(id) => finding.source == Source::Camera(id.clone()),
        };
        finding.edge != Edge::Cleared && !is_fire_sensor && self.mutes.iter().any(names)
    }

    /// Has `places` tell the modes that are ordered.
    pub fn apply(&self, places: &mut Places) {
        places.order_modes(self.modes.iter().map(|mode| &mode.what));
    }
}

fn put<T>(orders: &mut Vec<Lasting<T>>, what: T, until: Timestamp) {
    orders.push(Lasting { what, until });
    if orders.len() > ORDERS_MAX {
        orders.sort_by_key(|order| order.until);
        orders.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rules::{Detail, RuleInfo};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_235_696 + seconds).unwrap()
    }

    fn finding(source: Source, level: u8, edge: Edge) -> Finding {
        let rule = RuleInfo {
            id: "fire".to_owned(),
            level,
            code: "FIRE_SMOKE".to_owned(),
            category: Category::Fire,
            kind: "smoke".to_owned(),
            title: "烟感火警".to_owned(),
        };
        Finding { rule: Arc::new(rule), source, edge, detail: Detail::Nothing, origin_unix_ms: 0 }
    }

    fn gate() -> Source {
        Source::Camera("gate".to_owned())
    }

    #[test]
    fn a_mute_ends_by_itself_and_lasts_over_a_restart() {
        let mut orders = Orders::default();
        orders.mute(Muted::Camera("gate".to_owned()), at(60));
        let saved = serde_json::to_string(&orders).unwrap();
        let mut orders: Orders = serde_json::from_str(&saved).unwrap();
        orders.expire(at(59));
        assert!(orders.silence(&finding(gate(), 1, Edge::Raised)));
        assert!(
            !orders.silence(&finding(gate(), 1, Edge::Cleared)),
            "what was told before must be able to end"
        );
        assert!(!orders.silence(&finding(Source::Camera("yard".to_owned()), 1, Edge::Raised)));
        orders.expire(at(60));
        assert!(!orders.silence(&finding(gate(), 1, Edge::Raised)));
    }

    #[test]
    fn a_fire_sensor_of_level_1_is_never_mute() {
        let mut orders = Orders::default();
        orders.mute(Muted::Rule("fire".to_owned()), at(60));
        let sensor = || Source::Sensor("kitchen".to_owned());
        assert!(!orders.silence(&finding(sensor(), 1, Edge::Raised)));
        assert!(orders.silence(&finding(sensor(), 2, Edge::Raised)));
        assert!(orders.silence(&finding(gate(), 1, Edge::Continues)));
    }

    #[test]
    fn the_latest_order_about_the_same_thing_counts() {
        let mut orders = Orders::default();
        orders.mute(Muted::Camera("gate".to_owned()), at(600));
        orders.mute(Muted::Camera("gate".to_owned()), at(0));
        assert!(!orders.expire(at(1)), "no mode has ended");
        assert_eq!(orders, Orders::default());
    }

    #[test]
    fn an_ordered_mode_prevails_until_its_end() {
        let (mut orders, mut places) = (Orders::default(), Places::default());
        let device = InMode { device: Some("gate".to_owned()), mode: DeviceMode::Maintenance };
        orders.set_mode(device, at(60));
        orders.set_mode(InMode { device: None, mode: DeviceMode::Test }, at(120));
        orders.apply(&mut places);
        let yard = Source::Camera("yard".to_owned());
        assert_eq!((places.mode(&gate()), places.mode(&yard)), (DeviceMode::Maintenance, DeviceMode::Test));
        assert!(orders.expire(at(60)));
        orders.apply(&mut places);
        assert_eq!(places.mode(&gate()), DeviceMode::Test);
        assert!(orders.expire(at(120)));
        orders.apply(&mut places);
        assert_eq!(places.mode(&gate()), DeviceMode::Live);
    }
}
