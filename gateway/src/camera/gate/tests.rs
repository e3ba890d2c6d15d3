use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

const HERE: Area = [0.1, 0.1, 0.2, 0.2];
const ELSEWHERE: Area = [0.6, 0.6, 0.7, 0.7];

fn seen(at: Duration, ids: &[u64]) -> Findings {
    let tracks = ids.iter().map(|id| (*id, HERE)).collect();
    Findings { media_time: at, tracks, ..Findings::default() }
}

/// Whether a look that differs wakes, when the detector says this of it.
fn wakes(gate: &mut Gate, at: Duration, opinion: Opinion) -> bool {
    assert!(gate.suspects(at, Wake::Look, vec![ELSEWHERE]).is_some());
    gate.hear(Findings { media_time: at, opinion: Some(opinion), ..Findings::default() })
}

/// The same for a patrol.
fn patrol_wakes(gate: &mut Gate, at: Duration, opinion: Opinion) -> bool {
    gate.patrols(at);
    gate.hear(Findings { media_time: at, opinion: Some(opinion), ..Findings::default() })
}

/// A gate that has slept long enough to afford a wake for something unknown.
fn rested() -> (Gate, Duration) {
    let (gate, at) = asleep();
    (gate, at + s(300))
}

/// A gate that has just fallen asleep.
fn asleep() -> (Gate, Duration) {
    let mut gate = Gate::new(Sensitivity::Normal);
    assert!(!gate.sleeps(s(2)));
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
    assert!(!gate.sleeps(at + ms(2400)));
    assert!(gate.sleeps(at + ms(2500)));
    assert!(!gate.was_fruitful());
}

#[test]
fn it_stays_awake_while_something_tracked_moves_and_a_while_after() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    for n in 0..100 {
        let now = at + ms(n * 200);
        gate.hear(seen(now, &[4]));
        gate.moves(now, &[HERE]);
        assert!(!gate.sleeps(now));
    }
    assert!(gate.was_fruitful());
    let last = at + ms(99 * 200);
    assert!(!gate.sleeps(last + ms(1400)), "it stands there");
    gate.hear(seen(last + ms(1400), &[]));
    assert!(gate.sleeps(last + ms(1400)), "it is gone");
}

#[test]
fn what_moves_and_is_nothing_that_is_known_keeps_it_awake_for_seconds_only() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    let until = (0..100).map(|n| at + ms(n * 200)).find(|now| {
        gate.hear(seen(*now, &[4]));
        gate.moves(*now, &[ELSEWHERE]);
        gate.sleeps(*now)
    });
    assert_eq!(until, Some(at + ms(1600)), "a parked car, and leaves");
    assert!(!gate.was_fruitful());
}

#[test]
fn what_the_detector_recognises_wakes_always_and_what_it_does_not_know_within_a_budget() {
    let (mut gate, mut at) = asleep();
    let mut woken = 0;
    for _ in 0..1000 {
        at += s(2);
        if wakes(&mut gate, at, Opinion::Nothing) {
            woken += 1;
            at += s(3);
            assert!(gate.sleeps(at));
        }
    }
    assert!((2..=8).contains(&woken), "{woken} wakes of 3 s in 2000 s");
    assert!(wakes(&mut gate, at + s(2), Opinion::Clear));
}

#[test]
fn what_is_recognised_now_and_then_and_never_moves_wakes_once() {
    let (mut gate, at) = asleep();
    let patrol = |gate: &mut Gate, at| {
        let suspicion = gate.patrols(at);
        let opinion = Some(suspicion.opinion(&Recognised { clear: vec![HERE], ..Recognised::default() }));
        gate.hear(Findings { media_time: at, opinion, ..Findings::default() })
    };
    assert!(patrol(&mut gate, at + s(30)));
    gate.hear(seen(at + s(30), &[1]));
    gate.hear(seen(at + s(31), &[]));
    assert!(gate.sleeps(at + s(33)));
    assert!(!patrol(&mut gate, at + s(60)));
}

#[test]
fn what_is_recognised_faintly_wakes_on_credit() {
    let (mut gate, at) = rested();
    assert!(wakes(&mut gate, at + s(2), Opinion::Nothing));
    assert!(gate.sleeps(at + s(5)));
    assert!(!wakes(&mut gate, at + s(7), Opinion::Nothing));
    assert!(wakes(&mut gate, at + s(9), Opinion::Faint));
}

#[test]
fn before_a_place_is_known_small_changes_wake_nobody_and_a_large_one_does_once() {
    let large = [0.5, 0.3, 0.8, 0.9];
    let wakes_for = |gate: &mut Gate, at: Duration, area: Area| {
        assert!(gate.suspects(at, Wake::Look, vec![HERE, area]).is_some());
        gate.hear(Findings { media_time: at, opinion: Some(Opinion::Nothing), ..Findings::default() })
    };
    let (mut gate, at) = asleep();
    assert!(!wakes_for(&mut gate, at + s(2), ELSEWHERE), "an insect");
    assert!(wakes_for(&mut gate, at + s(4), large), "somebody near, of whom the detector knows nothing");
    assert!(gate.sleeps(at + s(6)));
    assert!(!wakes_for(&mut gate, at + s(8), large), "and not again and again");
    assert!(wakes_for(&mut gate, at + s(400), large), "time pays back");
}

#[test]
fn insects_all_night_keep_it_awake_for_less_than_a_hundredth_and_a_person_among_them_wakes_it() {
    let (mut gate, mut at) = asleep();
    let (night, mut awake) = (s(6 * 3600), Duration::ZERO);
    let end = at + night;
    while at < end {
        at += s(2);
        if wakes(&mut gate, at, Opinion::Nothing) {
            // They go on, and the detector knows nothing of them.
            let slept = (1..).map(|n| at + ms(n * 200)).find(|now| {
                gate.hear(seen(*now, &[]));
                gate.moves(*now, &[ELSEWHERE]);
                gate.sleeps(*now)
            });
            awake += slept.unwrap() - at;
            at = slept.unwrap();
        }
    }
    assert!(awake < night / 100 && awake > night / 500, "{awake:?} of {night:?}");
    assert!(wakes(&mut gate, at + s(2), Opinion::Clear));
    let walks = (1..40).map(|n| at + s(2) + ms(n * 200)).all(|now| {
        gate.hear(seen(now, &[9]));
        gate.moves(now, &[ELSEWHERE, HERE]);
        !gate.sleeps(now)
    });
    assert!(walks && gate.was_fruitful());
}

#[test]
fn a_wake_that_was_worth_it_costs_nothing() {
    let (mut gate, mut at) = rested();
    for _ in 0..20 {
        at += s(2);
        assert!(wakes(&mut gate, at, Opinion::Nothing));
        gate.hear(seen(at, &[4]));
        gate.moves(at, &[HERE]);
        at += s(5);
        gate.hear(seen(at, &[]));
        assert!(gate.sleeps(at));
    }
}

#[test]
fn a_detector_that_does_not_answer_leaves_nobody_asleep() {
    let (mut gate, at) = asleep();
    assert!(gate.suspects(at + s(2), Wake::Look, vec![HERE]).is_some());
    assert!(!gate.wants_look(at + s(4), false), "it has some time for the answer");
    assert!(gate.wants_look(at + s(8), false) && !gate.is_awake());
    assert!(gate.suspects(at + s(8), Wake::Look, vec![HERE]).is_none());
    assert_eq!((gate.is_awake(), gate.reason()), (true, Wake::Look));
}

#[test]
fn what_no_rule_asks_for_wakes_out_of_a_budget_of_its_own() {
    let (mut gate, at) = asleep();
    let (mut at, mut wakes) = (at, 0);
    let begin = at;
    while at < begin + s(600) {
        at += s(2);
        let suspicion = gate.suspects(at, Wake::Look, vec![ELSEWHERE]).unwrap();
        let opinion = if suspicion.heeds_others { Opinion::Other } else { Opinion::Nothing };
        if gate.hear(Findings { media_time: at, opinion: Some(opinion), ..Findings::default() }) {
            wakes += 1;
            at += s(2);
            assert!(gate.sleeps(at));
        }
    }
    // 3 % of ten minutes and 3 s of credit, in wakes of 2 s; those for what is unknown come on top.
    assert!((10..=14).contains(&wakes), "{wakes}");
    assert!(!gate.patrols(at).heeds_others, "rounds are for what rules ask for");
}

#[test]
fn what_no_rule_asks_for_and_came_to_nothing_is_familiar_where_it_stands() {
    let (mut gate, at) = asleep();
    let bench = [0.5, 0.5, 0.8, 0.8];
    let look = |gate: &mut Gate, at: Duration| {
        let suspicion = gate.suspects(at, Wake::Look, vec![ELSEWHERE]).unwrap();
        let recognised = Recognised { others: vec![bench], ..Recognised::default() };
        let opinion = Some(suspicion.opinion(&recognised));
        gate.hear(Findings { media_time: at, opinion, recognised, ..Findings::default() })
    };
    assert!(look(&mut gate, at + s(20)), "rain before a bench");
    assert!(gate.sleeps(at + s(22)));
    assert!(!look(&mut gate, at + s(24)), "and it goes on raining");
}

#[test]
fn what_goes_on_moving_as_it_falls_asleep_is_looked_at_with_the_next_key_frame() {
    let falls_asleep = |moves_until: Duration| {
        let (mut gate, at) = asleep();
        assert!(gate.wake(at + s(2), Wake::Look));
        gate.moves(at + s(2) + moves_until, &[HERE]);
        assert!(gate.sleeps(at + ms(3600)));
        gate.wants_look(at + s(4), false)
    };
    assert!(falls_asleep(ms(1500)));
    assert!(!falls_asleep(ms(500)), "seen just now, and still");
}

#[test]
fn a_false_alarm_of_the_sentinel_that_nobody_can_afford_leads_to_a_look() {
    let (mut gate, at) = rested();
    assert!(gate.alarm(at + s(1)), "the first one is afforded");
    assert!(gate.sleeps(at + s(3)));
    assert!(!gate.alarm(at + s(4)));
    assert!(gate.wants_look(at + ms(4100), true));
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
    assert!(!patrol_wakes(&mut gate, at + s(30), Opinion::Nothing), "still there");
    assert!(!patrol_wakes(&mut gate, at + s(60), Opinion::Gone), "missed once");
    assert!(!patrol_wakes(&mut gate, at + s(90), Opinion::Nothing));
    assert!(!patrol_wakes(&mut gate, at + s(120), Opinion::Gone));
    assert!(patrol_wakes(&mut gate, at + s(150), Opinion::Gone), "one is gone");
    assert_eq!(gate.reason(), Wake::Detector);
    assert!(gate.sleeps(at + s(160)));
    assert!(patrol_wakes(&mut gate, at + s(190), Opinion::Clear), "what came slowly");
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
fn the_detector_patrols_a_sleeping_camera_rarely_and_after_a_wake_more_often() {
    let (mut gate, at) = asleep();
    gate.ask(at);
    assert!(!gate.wants_patrol(at + s(29), 0.0));
    assert!(gate.wants_patrol(at + s(30), 0.0));
    assert!(gate.wants_patrol(at + s(10), 0.2), "leaves move");
    assert!(!patrol_wakes(&mut gate, at + s(30), Opinion::Nothing));
    assert!(!gate.wants_patrol(at + s(60), 0.0));
    gate.wake(at + s(62), Wake::Look);
    assert!(gate.wants_patrol(at + s(62), 0.0));
}

#[test]
fn a_doubt_at_the_same_place_is_no_news_to_later_rounds() {
    let (mut gate, at) = asleep();
    let sign = [0.1, 0.1, 0.2, 0.3];
    assert_eq!(gate.patrols(at + s(30)).doubted, [] as [Area; 0]);
    let opinion = Some(Opinion::Faint);
    let recognised = Recognised { faint: vec![sign], ..Recognised::default() };
    gate.hear(Findings { media_time: at + s(30), opinion, recognised, ..Findings::default() });
    assert_eq!(gate.patrols(at + s(60)).doubted, [sign]);
}

#[test]
fn the_detector_rests_while_nothing_moves() {
    let (mut gate, at) = asleep();
    gate.wake(at, Wake::Look);
    gate.ask(at + s(2));
    assert!(!gate.wants_detection(at + ms(2200)));
    assert!(gate.wants_detection(at + s(3)));
    gate.moves(at + ms(2400), &[HERE]);
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
