//! What a composition knows of itself: when the place is quiet and when something happens.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A stretch of time, seconds since the first picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
}

/// The whole truth about a composition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// How long it plays, seconds.
    pub length_s: f64,
    /// When nothing happens but what the composer drew.
    pub quiet: Vec<Span>,
    /// When footage plays.
    pub happenings: Vec<Span>,
}

// === impl Span ===

impl Span {
    /// Its length, seconds.
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// How much of it lies within another one, seconds.
    pub fn overlap_s(&self, other: Span) -> f64 {
        (self.to_s.min(other.to_s) - self.from_s.max(other.from_s)).max(0.0)
    }

    /// Whether a moment lies within.
    pub fn contains(&self, at_s: f64) -> bool {
        (self.from_s..self.to_s).contains(&at_s)
    }
}

// === impl Truth ===

impl Truth {
    /// Seconds of quiet.
    pub fn quiet_s(&self) -> f64 {
        self.quiet.iter().map(Span::length_s).sum()
    }

    pub(super) fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(self).expect("numbers are plain data");
        std::fs::write(path, text).expect("the folder of compositions is writable");
    }

    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }
}
