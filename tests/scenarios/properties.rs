//! What holds for every sequence of findings, not only for those that somebody wrote down.

use std::collections::BTreeMap;
use std::time::Duration;

use moshao::disposition::Disposition;
use moshao::event::{HandlingState, Phase};
use moshao::incident::Change;
use moshao::rules::{Edge, Source};
use proptest::prelude::*;

use crate::stage::Stage;

/// Device and rule of everything that may find something.
const WATCHES: [(&str, Option<&str>); 9] = [
    ("kitchen-smoke", None),
    ("kitchen-heat", None),
    ("attic-smoke", None),
    ("gatehouse-smoke", None),
    ("cellar-smoke", None),
    ("hydrant", None),
    ("yard", None),
    ("street", None),
    ("yard", Some("health/unreachable")),
];

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// This watch finds something, or nothing any more.
    Found(usize, Edge),
    /// The centre says something about the n-th incident.
    Centre(u64, HandlingState, u64),
    /// Milliseconds go by.
    Time(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let edge = prop_oneof![Just(Edge::Raised), Just(Edge::Continues), Just(Edge::Cleared)];
    let state = prop_oneof![
        Just(HandlingState::Accepted),
        Just(HandlingState::Dispatched),
        Just(HandlingState::Feedback),
        Just(HandlingState::Closed),
        Just(HandlingState::Cancelled),
    ];
    prop_oneof![
        6 => (0..WATCHES.len(), edge).prop_map(|(watch, edge)| Happens::Found(watch, edge)),
        1 => (1..6_u64, state, 1..5_u64).prop_map(|(n, state, seq)| Happens::Centre(n, state, seq)),
        3 => prop_oneof![1..3_000_u64, 3_000..900_000_u64].prop_map(Happens::Time),
    ]
}

/// The gateway under test with everything that it has told.
struct Run {
    stage: Stage,
    now: Duration,
    told: Vec<Change>,
}

// === impl Run ===

impl Run {
    fn new() -> Self {
        Run { stage: Stage::new(&[]), now: Duration::ZERO, told: Vec::new() }
    }

    fn go(&mut self, happens: Happens) {
        match happens {
            Happens::Found(watch, edge) => {
                let (device, rule) = WATCHES[watch];
                let finding = self.stage.finding(device, rule, edge);
                let now = self.stage.moment();
                self.told.extend(self.stage.incidents.find(now, &finding));
            }
            Happens::Centre(number, state, seq) => {
                let told = disposition(format!("inc-{number}"), state, seq);
                let now = self.stage.moment();
                let (_, changes) = self.stage.incidents.dispose(now, &told);
                self.told.extend(changes);
            }
            Happens::Time(ms) => self.wait(Duration::from_millis(ms)),
        }
    }

    /// One tick at the end is enough here: the scenarios go through time step by step.
    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.told.extend(self.stage.jump(self.now));
    }

    /// Which devices are in which open incident, at which level.
    fn partition(&self) -> Vec<(Vec<String>, u8, u64)> {
        let mut groups: Vec<_> = self
            .stage
            .incidents
            .open()
            .iter()
            .map(|incident| {
                let mut members: Vec<String> =
                    incident.members.iter().map(|member| format!("{:?}", member.source)).collect();
                members.sort();
                (members, incident.level, incident.count)
            })
            .collect();
        groups.sort();
        groups
    }
}

fn disposition(event_id: String, state: HandlingState, seq: u64) -> Disposition {
    Disposition {
        event_id,
        seq,
        state,
        case_id: None,
        result: None,
        by: None,
        at: None,
        note: None,
        hold: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_incident_without_a_cause_and_every_opened_one_ends(story in prop::collection::vec(happens(), 1..60)) {
        let mut run = Run::new();
        let mut alarming = Vec::new();
        for &happens in &story {
            if let Happens::Found(watch, Edge::Raised | Edge::Continues) = happens {
                let finding = run.stage.finding(WATCHES[watch].0, WATCHES[watch].1, Edge::Raised);
                alarming.push(finding.source);
            }
            let before = run.told.len();
            run.go(happens);
            for change in &run.told[before..] {
                if matches!(change.phase, Phase::Opened | Phase::Confirmed) {
                    prop_assert!(matches!(happens, Happens::Found(_, Edge::Raised | Edge::Continues)));
                    prop_assert!(alarming.contains(&change.source), "{:?} found nothing", change.source);
                }
            }
        }
        // Everything clears, nobody answers: a day later all of it is over.
        for watch in 0..WATCHES.len() {
            run.go(Happens::Found(watch, Edge::Cleared));
        }
        run.wait(Duration::from_secs(25 * 3600));
        prop_assert!(run.stage.incidents.open().is_empty(), "{:?}", run.stage.incidents.open());

        let mut lives: BTreeMap<&str, Vec<Phase>> = BTreeMap::new();
        for change in &run.told {
            lives.entry(&change.incident.id).or_default().push(change.phase);
        }
        for (id, phases) in lives {
            prop_assert_eq!(phases.iter().filter(|phase| **phase == Phase::Opened).count(), 1, "{}", id);
            prop_assert_eq!(phases[0], Phase::Opened, "{}", id);
            let turns: Vec<bool> = phases
                .iter()
                .filter(|phase| matches!(phase, Phase::Closed | Phase::Reopened))
                .map(|phase| *phase == Phase::Closed)
                .collect();
            prop_assert_eq!(turns.last(), Some(&true), "{} ends: {:?}", id, phases);
            prop_assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{}: {:?}", id, phases);
        }
    }

    #[test]
    fn the_order_of_findings_at_one_moment_does_not_matter(
        watches in prop::collection::btree_set(0..WATCHES.len(), 1..WATCHES.len()),
        seed in any::<u64>(),
    ) {
        let ordered: Vec<usize> = watches.into_iter().collect();
        let mut shuffled = ordered.clone();
        let mut state = seed;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        let play = |order: &[usize]| {
            let mut run = Run::new();
            for &watch in order {
                run.go(Happens::Found(watch, Edge::Raised));
            }
            run.partition()
        };
        prop_assert_eq!(play(&ordered), play(&shuffled));
    }

    #[test]
    fn dispositions_lead_to_the_same_end_in_any_order_and_any_number_of_times(
        order in Just(vec![
            (HandlingState::Accepted, 1), (HandlingState::Dispatched, 2), (HandlingState::Feedback, 3),
            (HandlingState::Closed, 4), (HandlingState::Dispatched, 2), (HandlingState::Closed, 4),
        ]).prop_shuffle(),
        until in 1..5_u64,
    ) {
        let stands = |order: &[(HandlingState, u64)]| {
            let mut run = Run::new();
            run.go(Happens::Found(0, Edge::Raised));
            for &(state, seq) in order.iter().filter(|(_, seq)| *seq <= until) {
                run.go(Happens::Centre(1, state, seq));
            }
            let all = run.stage.incidents.open().iter().chain(run.stage.incidents.closed());
            all.map(|incident| (incident.stage, incident.handling.clone(), incident.ended)).collect::<Vec<_>>()
        };
        let mut sorted = order.clone();
        sorted.sort_by_key(|(_, seq)| *seq);
        prop_assert_eq!(stands(&order), stands(&sorted));
    }

    #[test]
    fn a_restart_after_each_thing_that_happens_changes_nothing(story in prop::collection::vec(happens(), 1..40)) {
        let (mut straight, mut restarted) = (Run::new(), Run::new());
        for &happens in &story {
            straight.go(happens);
            restarted.go(happens);
            restarted.stage.restart();
        }
        let lives = |run: &Run| {
            let told = run.told.iter();
            told.map(|change| (change.event_id.clone(), change.phase, change.incident.level)).collect::<Vec<_>>()
        };
        prop_assert_eq!(lives(&straight), lives(&restarted));
    }

    #[test]
    fn a_camera_never_takes_anything_from_a_sensors_alarm(pictures in prop::collection::vec(any::<bool>(), 0..30)) {
        let mut run = Run::new();
        run.go(Happens::Found(0, Edge::Raised));
        for fire in pictures {
            let seen: &[(&str, f32)] = if fire { &[("fire", 0.9)] } else { &[] };
            let now = run.stage.moment();
            run.stage.incidents.see(now, "yard", seen);
            run.wait(Duration::from_millis(500));
            let incident = &run.stage.incidents.open()[0];
            prop_assert_eq!(incident.level, 1);
            prop_assert!(incident.is_active() && incident.members[0].source == Source::Sensor("kitchen-smoke".into()));
        }
    }
}
