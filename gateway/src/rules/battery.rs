//! The built-in battery rule: low by its charge, or by the sensor's own word.

use super::Edge;

/// How far above the limit the charge must come to be low no longer, %: a battery recovers a little when it is warm.
const HYSTERESIS: f64 = 5.0;

/// The battery of one sensor.
#[derive(Debug)]
pub(super) struct BatteryWatch {
    /// Low at this charge and below, %.
    low_at: f64,
    low_by_charge: bool,
    low_by_word: bool,
    active: bool,
}

// === impl BatteryWatch ===

impl BatteryWatch {
    pub(super) fn new(low_at: f64) -> Self {
        BatteryWatch { low_at, low_by_charge: false, low_by_word: false, active: false }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.active = true;
        self.low_by_charge = true;
    }

    pub(super) fn low_at(&self) -> f64 {
        self.low_at
    }

    /// A charge, %.
    pub(super) fn charge(&mut self, percent: f64) -> Option<Edge> {
        let limit = if self.low_by_charge { self.low_at + HYSTERESIS } else { self.low_at };
        self.low_by_charge = percent <= limit;
        self.settle()
    }

    /// The sensor's own word; 0 is no.
    pub(super) fn word(&mut self, low: f64) -> Option<Edge> {
        self.low_by_word = low != 0.0;
        self.settle()
    }

    fn settle(&mut self) -> Option<Edge> {
        let low = self.low_by_charge || self.low_by_word;
        match (std::mem::replace(&mut self.active, low), low) {
            (false, true) => Some(Edge::Raised),
            (true, true) => Some(Edge::Continues),
            (true, false) => Some(Edge::Cleared),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_low_by_its_charge_until_it_is_well_above() {
        let mut battery = BatteryWatch::new(20.0);
        assert_eq!(battery.charge(21.0), None);
        assert_eq!(battery.charge(20.0), Some(Edge::Raised));
        assert_eq!(battery.charge(24.0), Some(Edge::Continues));
        assert_eq!(battery.charge(26.0), Some(Edge::Cleared));
    }

    #[test]
    fn the_sensors_own_word_counts_as_well() {
        let mut battery = BatteryWatch::new(20.0);
        assert_eq!(battery.charge(60.0), None);
        assert_eq!(battery.word(1.0), Some(Edge::Raised));
        assert_eq!(battery.charge(60.0), Some(Edge::Continues), "the charge does not take the word back");
        assert_eq!(battery.word(0.0), Some(Edge::Cleared));
    }
}
