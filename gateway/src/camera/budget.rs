//! How long a camera may be awake in vain. Pure.
//!
//! Wind, rain, insects, headlights: something moves in the picture and the detector knows nothing of it. It might be
//! wrong, so the camera wakes all the same, but only for a share of all time. Time refills the budget, a wake that came
//! to nothing takes its length out of it. So no weather, and nothing that nobody thought of, keeps a camera awake.
//!
//! It begins empty. The first minutes are those in which a place is not known yet, so that all that moves there looks
//! new: what is spent on leaves then is missing when somebody comes.

use std::time::Duration;

/// What may be saved up, and how deep the debt may become, seconds.
const SAVED_MAX_S: f32 = 5.0;
const DEBT_MAX_S: f32 = 3.0;
/// What one wake in vain takes as a rule, seconds.
const ONE_WAKE_S: f32 = 1.5;

/// The time that is left.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Share of all time.
    share: f32,
    left_s: f32,
    at: Option<Duration>,
}

// === impl Budget ===

impl Budget {
    /// For a camera that may be awake in vain for this share of all time.
    pub fn new(share: f32) -> Self {
        Self { share, left_s: 0.0, at: None }
    }

    /// Whether it is enough for a wake that nothing speaks for but a change in the picture.
    pub fn affords(&mut self, at: Duration) -> bool {
        self.pass(at);
        self.left_s >= ONE_WAKE_S
    }

    /// Whether it may be overdrawn by one wake, for something that is larger than what as a rule means nothing.
    pub fn affords_in_advance(&mut self, at: Duration) -> bool {
        self.pass(at);
        self.left_s >= 0.0
    }

    /// Whether it may be overdrawn for a wake that something speaks for.
    pub fn affords_on_credit(&mut self, at: Duration) -> bool {
        self.pass(at);
        self.left_s > -DEBT_MAX_S
    }

    /// So much was spent.
    pub fn spend(&mut self, at: Duration, awake: Duration) {
        self.pass(at);
        self.left_s = (self.left_s - awake.as_secs_f32()).max(-2.0 * DEBT_MAX_S);
    }

    /// Time passes up to `at`; it begins with the first call.
    pub fn pass(&mut self, at: Duration) {
        let passed = at.saturating_sub(self.at.replace(at).unwrap_or(at));
        self.left_s = (self.left_s + self.share * passed.as_secs_f32()).min(SAVED_MAX_S);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn wakes_in_vain_take_no_more_than_their_share() {
        let mut budget = Budget::new(0.01);
        let day = 86_400;
        let awake: u64 = (0..day / 2)
            .map(|n| {
                let at = s(n * 2);
                let wakes = budget.affords(at);
                if wakes {
                    budget.spend(at, s(3));
                }
                u64::from(wakes) * 3
            })
            .sum();
        assert!((day / 100 - 10..=day / 100 + 10).contains(&awake), "{awake} s in a day");
    }

    #[test]
    fn it_begins_empty_and_is_earned_by_time() {
        let mut budget = Budget::new(0.01);
        budget.pass(s(10));
        assert!(!budget.affords(s(10)) && !budget.affords(s(150)));
        assert!(budget.affords(s(170)), "1.6 s after 160 s");
    }

    #[test]
    fn what_is_large_is_paid_in_advance_once() {
        let mut budget = Budget::new(0.01);
        assert!(budget.affords_in_advance(s(10)));
        budget.spend(s(10), s(2));
        assert!(!budget.affords_in_advance(s(100)));
        assert!(budget.affords_in_advance(s(220)), "paid back");
    }

    #[test]
    fn what_something_speaks_for_is_done_on_credit_but_not_for_ever() {
        let mut budget = Budget::new(0.01);
        budget.spend(s(10), s(2));
        assert!(!budget.affords(s(10)) && budget.affords_on_credit(s(10)));
        budget.spend(s(20), s(10));
        assert!(!budget.affords_on_credit(s(20)));
        assert!(budget.affords_on_credit(s(20) + s(600)), "time pays back");
    }

    #[test]
    fn time_that_leaps_back_gives_nothing() {
        let mut budget = Budget::new(0.5);
        budget.spend(s(100), s(2));
        assert!(!budget.affords(s(50)));
        assert!(budget.affords(s(60)));
    }
}
