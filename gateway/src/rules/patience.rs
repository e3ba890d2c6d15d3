//! A condition that must hold for a while before it is told, and be gone for a while before it is over.

use std::time::Duration;

use super::Edge;

/// What one input says about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It holds.
    Alarm,
    /// It does not.
    Clear,
    /// Neither: things stay as they are.
    Neither,
}

/// Whether the condition is told, and since when the inputs have asked for the other state.
#[derive(Debug)]
pub(super) struct Patience {
    hold: Duration,
    clear_after: Duration,
    active: bool,
    asking_since: Option<Duration>,
}

// === impl Patience ===

impl Patience {
    pub(super) fn new(hold: Duration, clear_after: Duration) -> Self {
        Patience { hold, clear_after, active: false, asking_since: None }
    }

    /// True, as it was before a restart.
    pub(super) fn restore(&mut self) {
        self.active = true;
        self.asking_since = None;
    }

    /// One input.
    pub(super) fn step(&mut self, now: Duration, says: Says) -> Option<Edge> {
        let asks_for_change = match says {
            Says::Alarm => !self.active,
            Says::Clear => self.active,
            Says::Neither => false,
        };
        if !asks_for_change {
            self.asking_since = None;
            return self.active.then_some(Edge::Continues);
        }
        self.asking_since.get_or_insert(now);
        self.tick(now).or(self.active.then_some(Edge::Continues))
    }

    /// Time has passed: the last input still stands.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        let patience = if self.active { self.clear_after } else { self.hold };
        if now.saturating_sub(self.asking_since?) < patience {
            return None;
        }
        self.asking_since = None;
        self.active = !self.active;
        Some(if self.active { Edge::Raised } else { Edge::Cleared })
    }

    /// It is over, whatever comes.
    pub(super) fn end(&mut self) -> Option<Edge> {
        self.asking_since = None;
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}
