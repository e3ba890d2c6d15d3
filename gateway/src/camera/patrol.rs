//! When the detector looks at a sleeping camera by itself, although nothing has changed: for what came too slowly for
//! every comparison, and for what is parked. Pure.
//!
//! A round costs as much as a minute of looks. Rounds that find nothing therefore grow rarer, up to one in
//! [`EVERY_AT_MOST`], and begin anew with each wake.

use std::time::Duration;

use moshao_config::Sensitivity;

use super::opinion::Opinion;

/// From one round to the next after a wake.
const EVERY: Duration = Duration::from_secs(30);
/// The same after rounds that found nothing.
const EVERY_AT_MOST: Duration = Duration::from_secs(120);
/// The same where much of the picture is restless, which makes the gate less sharp there.
const EVERY_RESTLESS: Duration = Duration::from_secs(10);
/// Share of the picture from which on that is so. A clock in a caption or a flickering lamp is less.
const RESTLESS_FROM: f32 = 0.01;
/// Rounds in a row that miss something parked before it counts as gone: what has not changed is not gone because the
/// detector misses it once.
const MISSES_MAX: u32 = 2;

/// The rounds of one camera.
#[derive(Debug, Default)]
pub struct Patrol {
    /// Rounds in a row that found nothing.
    quiet: u32,
    /// Rounds in a row that missed something parked.
    misses: u32,
}

// === impl Patrol ===

impl Patrol {
    /// How long after the detector saw a picture it is to see the next one, where this share of the picture is restless.
    pub fn every(&self, sensitivity: Sensitivity, restless: f32) -> Duration {
        match sensitivity {
            _ if restless >= RESTLESS_FROM => EVERY_RESTLESS,
            Sensitivity::High => EVERY,
            Sensitivity::Low | Sensitivity::Normal => (EVERY * (1 << self.quiet.min(2))).min(EVERY_AT_MOST),
        }
    }

    /// What the detector made of a round. Whether the camera wakes for it.
    pub fn returns(&mut self, opinion: Opinion) -> bool {
        self.misses = if opinion == Opinion::Gone { self.misses + 1 } else { 0 };
        self.quiet = if opinion == Opinion::Nothing { self.quiet + 1 } else { 0 };
        opinion == Opinion::Clear || self.misses >= MISSES_MAX
    }

    /// The detector was asked about something else, and what is parked was seen.
    pub fn was_elsewhere(&mut self) {
        self.misses = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_s(patrol: &Patrol, sensitivity: Sensitivity, restless: f32) -> u64 {
        patrol.every(sensitivity, restless).as_secs()
    }

    #[test]
    fn rounds_that_find_nothing_grow_rarer_and_one_that_doubts_brings_them_back() {
        let mut patrol = Patrol::default();
        let mut rounds = Vec::new();
        for _ in 0..4 {
            rounds.push(every_s(&patrol, Sensitivity::Normal, 0.0));
            assert!(!patrol.returns(Opinion::Nothing));
        }
        assert_eq!(rounds, [30, 60, 120, 120]);
        assert!(!patrol.returns(Opinion::Faint));
        assert_eq!(every_s(&patrol, Sensitivity::Normal, 0.0), 30);
    }

    #[test]
    fn leaves_all_over_the_picture_bring_them_often_and_a_clock_does_not() {
        let patrol = Patrol::default();
        assert_eq!(every_s(&patrol, Sensitivity::Normal, 0.2), 10);
        assert_eq!(every_s(&patrol, Sensitivity::Normal, 0.003), 30);
    }

    #[test]
    fn where_little_is_to_be_missed_they_do_not_grow_rarer() {
        let mut patrol = Patrol::default();
        (0..5).for_each(|_| assert!(!patrol.returns(Opinion::Nothing)));
        assert_eq!(every_s(&patrol, Sensitivity::High, 0.0), 30);
    }

    #[test]
    fn what_is_parked_is_gone_when_two_rounds_miss_it() {
        let mut patrol = Patrol::default();
        assert!(!patrol.returns(Opinion::Gone));
        assert!(patrol.returns(Opinion::Gone));
        let mut patrol = Patrol::default();
        assert!(!patrol.returns(Opinion::Gone));
        patrol.was_elsewhere();
        assert!(!patrol.returns(Opinion::Gone), "seen in between");
    }
}
