//! `loitering = { labels, zone, longer_than }`: an object stays too long.

use std::time::Duration;

use super::geometry::Thing;
use super::stay::Stays;

/// Out of sight for this long, somebody has gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// One loitering rule looking at one camera.
#[derive(Debug)]
pub(super) struct LoiteringWatch {
    longer_than: Duration,
    stays: Stays,
}

// === impl LoiteringWatch ===

impl LoiteringWatch {
    pub(super) fn new(longer_than: Duration) -> Self {
        LoiteringWatch { longer_than, stays: Stays::new(PATIENCE) }
    }

    /// The things that have stayed too long, as indices.
    pub(super) fn culprits(&mut self, now: Duration, things: &[Thing]) -> Vec<usize> {
        let since = self.stays.see(now, things);
        let too_long = |since: &Duration| now.saturating_sub(*since) >= self.longer_than;
        since.iter().enumerate().filter(|(_, since)| too_long(since)).map(|(index, _)| index).collect()
    }

    /// Whether somebody who was there in the last picture has stayed too long by now.
    pub(super) fn still(&self, now: Duration) -> bool {
        self.stays.present().any(|since| now.saturating_sub(since) >= self.longer_than)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::geometry::tests::thing;
    use super::*;

    fn s(seconds: f32) -> Duration {
        Duration::from_secs_f32(seconds)
    }

    #[test]
    fn walking_about_for_a_minute_is_loitering_and_passing_is_not() {
        let mut watch = LoiteringWatch::new(s(60.0));
        for n in 0..300 {
            let now = s(n as f32 * 0.2);
            let about = thing(1, (0.5 + 0.2 * (n as f32 * 0.1).sin(), 0.6), 0.2);
            assert_eq!(watch.culprits(now, &[about]), [0; 0], "at {now:?}");
        }
        assert_eq!(watch.culprits(s(60.0), &[thing(1, (0.5, 0.6), 0.2)]), [0]);
    }

    #[test]
    fn a_broken_track_goes_on_where_it_was_lost() {
        let mut watch = LoiteringWatch::new(s(10.0));
        watch.culprits(s(0.0), &[thing(1, (0.5, 0.6), 0.2)]);
        for n in 1..20 {
            watch.culprits(s(n as f32 * 0.2), &[]);
        }
        assert_eq!(watch.culprits(s(4.0), &[thing(2, (0.55, 0.6), 0.2)]), [0; 0]);
        assert_eq!(watch.culprits(s(10.0), &[thing(2, (0.55, 0.6), 0.2)]), [0]);
    }

    #[test]
    fn somebody_else_far_away_begins_anew() {
        let mut watch = LoiteringWatch::new(s(10.0));
        watch.culprits(s(0.0), &[thing(1, (0.1, 0.6), 0.1)]);
        watch.culprits(s(1.0), &[thing(2, (0.9, 0.6), 0.1)]);
        assert_eq!(watch.culprits(s(10.0), &[thing(2, (0.9, 0.6), 0.1)]), [0; 0]);
        assert_eq!(watch.culprits(s(11.0), &[thing(2, (0.9, 0.6), 0.1)]), [0]);
    }

    #[test]
    fn who_has_gone_for_long_begins_anew() {
        let mut watch = LoiteringWatch::new(s(10.0));
        watch.culprits(s(0.0), &[thing(1, (0.5, 0.6), 0.2)]);
        for n in 1..=30 {
            watch.culprits(s(n as f32 * 0.2), &[]);
        }
        watch.culprits(s(6.2), &[thing(1, (0.5, 0.6), 0.2)]);
        assert_eq!(watch.culprits(s(11.0), &[thing(1, (0.5, 0.6), 0.2)]), [0; 0]);
        assert_eq!(watch.culprits(s(16.2), &[thing(1, (0.5, 0.6), 0.2)]), [0]);
    }

    #[test]
    fn pictures_that_the_gate_left_out_do_not_end_a_stay() {
        let mut watch = LoiteringWatch::new(s(60.0));
        watch.culprits(s(0.0), &[thing(1, (0.5, 0.6), 0.2)]);
        assert!(!watch.still(s(59.0)));
        assert!(watch.still(s(60.0)), "nothing has moved, so he still sits there");
        assert_eq!(watch.culprits(s(90.0), &[thing(7, (0.5, 0.6), 0.2)]), [0]);
    }

    proptest! {
        /// Nobody loiters who has not been there for that long.
        #[test]
        fn nobody_loiters_before_the_time(
            pictures in proptest::collection::vec(
                (1_u64..3000, proptest::collection::vec((0_u64..5, 0.0_f32..1.0, 0.0_f32..1.0), 0..4)), 1..80),
        ) {
            let mut watch = LoiteringWatch::new(s(20.0));
            let mut now = Duration::ZERO;
            for (gap, seen) in pictures {
                now += Duration::from_millis(gap);
                let mut things: Vec<_> = seen.iter().map(|(key, x, y)| thing(*key, (*x, *y), 0.1)).collect();
                things.dedup_by_key(|thing| thing.key);
                let culprits = watch.culprits(now, &things);
                prop_assert!(culprits.iter().all(|index| *index < things.len()));
                prop_assert!(culprits.is_empty() || now >= s(20.0));
            }
        }
    }
}
