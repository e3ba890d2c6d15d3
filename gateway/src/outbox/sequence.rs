//! Numbers of events: without a hole within a file, and never the same in two files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Sequences of an epoch begin at `epoch * EPOCH_STRIDE + 1`.
pub(super) const EPOCH_STRIDE: u64 = 1_000_000_000_000;

/// Number of an event within the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

// === impl Sequence ===

impl Sequence {
    /// Number of the file that gave it: 0 for the first one, one more for each that had to be replaced.
    pub fn epoch(self) -> u64 {
        self.0.saturating_sub(1) / EPOCH_STRIDE
    }
}

impl fmt::Display for Sequence {
    /// 20 digits, zero-padded: sorts as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}
