//! Which event codes are signs of the same kind of happening.
//!
//! Departments are too coarse for that: low water in a hydrant and smoke are both for the fire brigade, and two things
//! to look after. A code that is not named here is a happening of its own.

use moshao_config::Category;

use crate::rules::RuleInfo;

/// A kind of happening.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Happening {
    /// Something burns: smoke, heat, flames, carbon monoxide, a call point that somebody pressed.
    Fire,
    /// Gas has leaked.
    Gas,
    /// An electric circuit that will burn.
    Electric,
    /// Somebody is where nobody should be.
    Intrusion,
    /// A fault of one device: it never joins anything.
    Fault(String),
    /// Whatever this code says.
    Other(String),
}

// === impl Happening ===

impl Happening {
    /// The happening that a rule finds signs of.
    pub(crate) fn of(rule: &RuleInfo) -> Self {
        if rule.category == Category::Device {
            return Happening::Fault(rule.code.clone());
        }
        match rule.code.as_str() {
            "FIRE_VIDEO" | "FIRE_SMOKE" | "FIRE_HEAT" | "CO_ALARM" | "MANUAL_CALL" => Happening::Fire,
            "GAS_LEAK" => Happening::Gas,
            "ELEC_LEAKAGE" | "ELEC_TEMP" | "ELEC_ARC" => Happening::Electric,
            "INTRUSION" | "LINE_CROSS" | "LOITER" | "DOOR_OPEN" => Happening::Intrusion,
            other => Happening::Other(other.to_owned()),
        }
    }

    /// Stays open until somebody acknowledges it, and is escalated soon (GB/T 45839-2025, 5.4.2).
    pub(crate) fn is_fire_alarm(&self) -> bool {
        matches!(self, Happening::Fire | Happening::Gas)
    }

    /// Findings of several devices may be about one happening of this kind.
    pub(crate) fn can_merge(&self) -> bool {
        !matches!(self, Happening::Fault(_))
    }

    /// Whether an object with this label shows it.
    pub(crate) fn is_shown_by(&self, label: &str) -> bool {
        match self {
            Happening::Fire | Happening::Gas | Happening::Electric => {
                matches!(label, "fire" | "smoke" | "flame")
            }
            Happening::Intrusion => matches!(label, "person" | "car" | "truck" | "motorcycle" | "bicycle"),
            Happening::Fault(_) | Happening::Other(_) => true,
        }
    }

    /// One word for metrics and saved state.
    pub(crate) fn key(&self) -> &str {
        match self {
            Happening::Fire => "fire",
            Happening::Gas => "gas",
            Happening::Electric => "electric",
            Happening::Intrusion => "intrusion",
            Happening::Fault(code) | Happening::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use moshao_config::codes::EVENT_CODES;

    use super::*;

    fn of(code: &str) -> Happening {
        let entry = EVENT_CODES.iter().find(|entry| entry.code == code).unwrap();
        Happening::of(&RuleInfo {
            id: "rule".to_owned(),
            level: entry.level,
            code: entry.code.to_owned(),
            category: entry.category,
            kind: entry.kind.to_owned(),
            title: entry.title.to_owned(),
        })
    }

    #[test]
    fn smoke_and_flames_are_one_happening_and_low_water_is_another() {
        assert_eq!(of("FIRE_SMOKE"), of("FIRE_VIDEO"));
        assert_eq!(of("WATER_LOW"), Happening::Other("WATER_LOW".to_owned()));
        assert_ne!(of("EBIKE_IN"), of("FIRE_LANE"));
        assert!(!of("TAMPER").can_merge());
        assert!(of("GAS_LEAK").is_fire_alarm() && !of("WATER_LOW").is_fire_alarm());
    }
}
