//! What is done about access units that do not decode grows with their number: one is dropped; [`FLUSH_AFTER`] in a row
//! flush the decoder; [`REOPEN_AFTER`] flushes without a good second in between open a new one.

/// Failed access units in a row after which the decoder is flushed.
const FLUSH_AFTER: u32 = 50;
/// Flushes after which the decoder is opened anew.
const REOPEN_AFTER: u32 = 3;
/// Pictures in a row that prove the decoder sound again: about a second.
const SOUND_AFTER: u32 = 25;

/// What to do about one more failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing more than leaving the access unit out.
    Drop,
    /// Empty the decoder and wait for a key frame.
    Flush,
    /// Open a new decoder, which waits for a key frame too.
    Reopen,
}

/// Counts failures and says what to do about them.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    failures: u32,
    flushes: u32,
    good: u32,
}

// === impl Ladder ===

impl Ladder {
    /// An access unit was decoded, and so many pictures came out.
    pub(super) fn good(&mut self, pictures: u32) {
        if pictures > 0 {
            self.failures = 0;
            self.good = self.good.saturating_add(pictures);
        }
        if self.good >= SOUND_AFTER {
            self.flushes = 0;
        }
    }

    /// An access unit could not be decoded.
    pub(super) fn failed(&mut self) -> Remedy {
        self.good = 0;
        self.failures += 1;
        if self.failures < FLUSH_AFTER {
            return Remedy::Drop;
        }
        self.failures = 0;
        self.flushes += 1;
        if self.flushes < REOPEN_AFTER {
            return Remedy::Flush;
        }
        self.flushes = 0;
        Remedy::Reopen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_grow_with_the_failures_and_start_again_after_a_good_second() {
        let mut ladder = Ladder::default();
        let remedies: Vec<Remedy> =
            (0..150).map(|_| ladder.failed()).filter(|r| *r != Remedy::Drop).collect();
        assert_eq!(remedies, [Remedy::Flush, Remedy::Flush, Remedy::Reopen]);

        let flushes = (0..99).filter(|_| ladder.failed() == Remedy::Flush).count();
        assert_eq!(flushes, 1);
        ladder.good(SOUND_AFTER);
        let remedies: Vec<Remedy> = (0..50).map(|_| ladder.failed()).filter(|r| *r != Remedy::Drop).collect();
        assert_eq!(remedies, [Remedy::Flush], "two flushes before the good second are forgotten");
    }

    #[test]
    fn single_failures_among_good_pictures_are_only_dropped() {
        let mut ladder = Ladder::default();
        for _ in 0..1000 {
            assert_eq!(ladder.failed(), Remedy::Drop);
            ladder.good(1);
        }
    }
}
