//! How long something has been so, with a leak: what is so most of the time is told, what is so at times is not. Pure.

use std::time::Duration;

/// One condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hold {
    /// Time in which it was so, less time in which it was not.
    filled: Duration,
    is_told: bool,
}

/// What has come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has been so for long enough.
    Raised,
    /// It has not been so for as long.
    Cleared,
}

// === impl Hold ===

impl Hold {
    /// One that was told before a restart.
    pub(super) fn told(patience: Duration) -> Self {
        Self { filled: patience, is_told: true }
    }

    /// For `lasting` it was so, or not.
    pub(super) fn pass(&mut self, is_so: bool, lasting: Duration, patience: Duration) -> Option<Turn> {
        self.filled =
            if is_so { (self.filled + lasting).min(patience) } else { self.filled.saturating_sub(lasting) };
        let turn = match self.is_told {
            false if self.filled >= patience => Turn::Raised,
            true if self.filled.is_zero() => Turn::Cleared,
            _ => return None,
        };
        self.is_told = turn == Turn::Raised;
        Some(turn)
    }

    /// Whether it is told.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether there is nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.filled.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const STEP: Duration = Duration::from_secs(2);

    fn turns(hold: &mut Hold, so: impl IntoIterator<Item = bool>) -> Vec<(usize, Turn)> {
        let turns = so.into_iter().enumerate();
        turns.filter_map(|(n, so)| Some((n, hold.pass(so, STEP, PATIENCE)?))).collect()
    }

    #[test]
    fn it_is_told_when_it_lasts_and_cleared_when_it_is_over_for_as_long() {
        let mut hold = Hold::default();
        assert_eq!(turns(&mut hold, [true; 200]), [(29, Turn::Raised)]);
        assert_eq!(turns(&mut hold, [false; 200]), [(29, Turn::Cleared)]);
    }

    #[test]
    fn what_is_so_at_times_is_not_told_and_what_is_not_so_at_times_stays_told() {
        let mut hold = Hold::default();
        assert_eq!(turns(&mut hold, (0..10_000).map(|n| n % 3 == 0)), []);
        turns(&mut hold, [true; 60]);
        assert!(hold.is_told());
        assert_eq!(turns(&mut hold, (0..10_000).map(|n| n % 3 != 0)), []);
    }
}
