//! Storms: many incidents of one kind that open at once, as in a power cut, are one incident with a count.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::mark::Mark;

/// Openings of each kind of happening within the last window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Floods {
    opened: BTreeMap<String, Vec<Mark>>,
}

// === impl Floods ===

impl Floods {
    /// Whether one more opening of this kind would be more than `most` within `window`.
    pub(super) fn is_full(&mut self, now: Mark, kind: &str, most: usize, window: Duration) -> bool {
        let Some(opened) = self.opened.get_mut(kind) else { return false };
        opened.retain(|&at| now.since(at) < window);
        if opened.is_empty() {
            self.opened.remove(kind);
            return false;
        }
        opened.len() >= most
    }

    /// An incident of this kind has been opened.
    pub(super) fn opened(&mut self, now: Mark, kind: &str) {
        self.opened.entry(kind.to_owned()).or_default().push(now);
    }

    /// See [`Mark::moved`].
    pub(super) fn moved(mut self, saved: Mark, restored: Mark) -> Self {
        for at in self.opened.values_mut().flatten() {
            *at = at.moved(saved, restored);
        }
        self
    }
}
