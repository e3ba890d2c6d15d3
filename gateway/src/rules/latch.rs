//! A condition over pictures that ends when it has not held for `clear_after`.

use std::time::Duration;

use super::Edge;

/// Whether the condition is true, and since when it has not held.
#[derive(Debug)]
pub(super) struct Latch {
    clear_after: Duration,
    active: bool,
    /// When it held last.
    held: Duration,
}

// === impl Latch ===

impl Latch {
    pub(super) fn new(clear_after: Duration) -> Self {
        Latch { clear_after, active: false, held: Duration::ZERO }
    }

    /// True as of `now`, as it was before a restart.
    pub(super) fn restore(&mut self, now: Duration) {
        self.active = true;
        self.held = now;
    }

    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// It holds now.
    pub(super) fn hold(&mut self, now: Duration) -> Edge {
        self.held = now;
        match std::mem::replace(&mut self.active, true) {
            true => Edge::Continues,
            false => Edge::Raised,
        }
    }

    /// It does not hold now.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Edge> {
        if !self.active || now.saturating_sub(self.held) < self.clear_after {
            return None;
        }
        self.active = false;
        Some(Edge::Cleared)
    }

    /// It is over, whatever the pictures say.
    pub(super) fn end(&mut self) -> Option<Edge> {
        std::mem::take(&mut self.active).then_some(Edge::Cleared)
    }
}
