use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn seen(at: Duration, ids: &[u64]) -> Findings {
    Findings { media_time: at, tracks: ids.iter().map(|id| (*id, [0.1, 0.1, 0.2, 0.2])).collect() }
}

/// A gate that has just fallen asleep.
fn asleep() -> (Gate, Duration) {
    let mut gate = Gate::new(Sensitivity::Normal);
    assert!(!gate.sleeps(s(5)));
    assert!(gate.sleeps(s(7)));
    (gate, s(7))
}

#[test]
fn a_camera_begins_awake_and_sleeps_when_nothing_moves() {
    let (gate, _) = asleep();
    assert!(!gate.is_awake());
}

#[test]
fn a_wake_that_leads_to_nothing_is_short() {
    let (mut gate, at) = asleep();
    assert!(gate.wake(at + s(2), Wake::Look));
    assert!(!gate.wake(at + s(2), Wake::Sentinel), "awake already");
    assert!(!gate.sleeps(at + s(3)));
    assert!(gate.sleeps(at + ms(3300)));
    assert!(!gate.was_fruitful());
}

#[test]
fn it_stays_awake_while_something_moves_and_a_while_after_it_was_tracked() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    for n in 0..100 {
        let now = at + ms(n * 200);
        gate.moves(now);
        gate.hear(seen(now, &[4]));
        assert!(!gate.sleeps(now));
    }
    let last = at + ms(99 * 200);
    gate.hear(seen(last + ms(200), &[]));
    assert!(!gate.sleeps(last + s(3)));
    assert!(gate.sleeps(last + s(4)));
    assert!(gate.was_fruitful());
}

#[test]
fn it_waits_for_the_detector_but_not_for_ever() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    gate.ask(at + ms(500));
    assert!(!gate.sleeps(at + s(3)));
    assert!(gate.sleeps(at + ms(5500)), "the detector fails");

    gate.wake(at + s(8), Wake::Look);
    gate.ask(at + s(8));
    gate.hear(seen(at + s(8), &[]));
    assert!(gate.sleeps(at + s(10)));
}

#[test]
fn what_is_parked_is_remembered_and_a_difference_wakes() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    gate.hear(seen(at, &[1, 2]));
    assert!(gate.sleeps(at + s(4)), "they stand");
    assert_eq!(gate.parked().len(), 2);
    assert!(!gate.hear(seen(at + s(10), &[2, 1])), "still there");
    assert!(gate.hear(seen(at + s(20), &[2])), "one is gone");
    assert_eq!(gate.reason(), Wake::Detector);
}

#[test]
fn a_request_holds_it_awake() {
    let (mut gate, at) = asleep();
    assert!(gate.hold(at, at + s(30)));
    assert!(!gate.sleeps(at + s(29)));
    assert!(gate.wants_detection(at + s(29)));
    assert!(gate.sleeps(at + s(31)));
}

#[test]
fn looks_are_rarer_only_where_the_sentinel_is_proven() {
    let (mut gate, at) = asleep();
    let looks = |gate: &mut Gate, proven: bool| {
        (1..=120)
            .filter(|n| {
                let at = at + ms(n * 500);
                let wants = gate.wants_look(at, proven);
                if wants {
                    gate.looked(at);
                }
                wants
            })
            .count()
    };
    assert_eq!(looks(&mut gate, false), 60, "not more often than one a second");
    let (mut gate, _) = asleep();
    assert_eq!(looks(&mut gate, true), 6);
}

#[test]
fn a_key_frame_that_cannot_be_looked_at_is_followed_by_the_next_and_the_second_wakes() {
    let (mut gate, at) = asleep();
    gate.looked(at + s(1));
    assert!(!gate.look_failed(at + s(2)));
    assert!(gate.wants_look(at + ms(2100), true), "the very next one, whatever the sentinel says");
    assert!(gate.look_failed(at + s(4)));
    assert_eq!((gate.is_awake(), gate.reason()), (true, Wake::Blind));
}

#[test]
fn the_detector_patrols_a_sleeping_camera_and_more_often_where_leaves_move() {
    let (mut gate, at) = asleep();
    gate.ask(at);
    assert!(!gate.wants_patrol(at + s(29), false));
    assert!(gate.wants_patrol(at + s(30), false));
    assert!(gate.wants_patrol(at + s(10), true));
}

#[test]
fn the_detector_rests_while_nothing_moves() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    gate.ask(at + s(2));
    assert!(!gate.wants_detection(at + ms(2200)));
    assert!(gate.wants_detection(at + s(3)));
    gate.moves(at + ms(2400));
    assert!(gate.wants_detection(at + ms(2400)));
}

proptest! {
    #[test]
    fn time_that_leaps_leaves_it_neither_blind_nor_awake_for_ever(times in prop::collection::vec(0u64..100_000, 1..100)) {
        let mut gate = Gate::new(Sensitivity::Normal);
        let mut latest = Duration::ZERO;
        for time in times {
            let at = ms(time);
            latest = latest.max(at);
            gate.wake(at, Wake::Clock);
            gate.ask(at);
            gate.sleeps(at);
        }
        prop_assert!(!gate.is_awake() || gate.sleeps(latest + s(20)));
        prop_assert!(gate.wants_look(latest + s(40), true));
    }
}
