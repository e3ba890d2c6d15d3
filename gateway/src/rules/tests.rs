//! The engine: from a configuration, pictures and readings to findings.

mod when;

use std::time::Duration;

use jiff::Timestamp;
use moshao_config::sample::HEAD;
use moshao_config::{Config, Environment, Quantity};
use proptest::prelude::*;

use super::*;
use crate::clock::Moment;
use crate::sensor::reading::Reading;
use crate::worker::link::{Observation, SeenTrack};

const SITE: &str = r#"
[detector.own]
file = "own.onnx"
labels = ["person", "car"]
[camera.gate]
url = "rtsp://10.0.0.12/102"
detector = "own"
watches = ["yard-at-night", "fire-lane", "post", "fence"]
zones.yard = [[0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [0.0, 1.0]]
zones.lane = [[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.5, 1.0]]
zones.post = [[0.0, 0.0], [0.2, 0.0], [0.2, 0.4], [0.0, 0.4]]
lines.fence = [[0.0, 0.45], [1.0, 0.45]]
[sensor.back-door]
preset = "zigbee2mqtt-contact"
topic = "zigbee2mqtt/back-door"
watches = ["door-at-night"]
[sensor.kitchen-smoke]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/kitchen-smoke"
[rule.yard-at-night]
object = { labels = ["person"], zone = "yard" }
during = [{ from = "22:00", to = "06:00" }]
[rule.fire-lane]
blocked = { labels = ["car"], zone = "lane", longer_than = "5m" }
[rule.post]
absence = { labels = ["person"], zone = "post", longer_than = "10m" }
[rule.fence]
crossing = { labels = ["person"], line = "fence", direction = "to-right" }
[rule.door-at-night]
state = {}
during = [{ from = "22:00", to = "06:00", days = ["workday"] }]
"#;

fn config() -> Config {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("own.onnx"), "").unwrap();
    moshao_config::parse(&format!("{HEAD}{SITE}"), "site.toml", &Environment::of_process(directory.path()))
        .unwrap()
}

/// Seconds after Tuesday, 24 November 2026, 21:00 in Shanghai.
fn at(seconds: u64) -> Moment {
    let evening: Timestamp = "2026-11-24T21:00:00+08:00".parse().unwrap();
    Moment { mono: Duration::ZERO, wall: evening }.later(Duration::from_secs(seconds))
}

const TEN_IN_THE_EVENING: u64 = 3600;
const SIX_IN_THE_MORNING: u64 = 9 * 3600;

/// What the camera sees after `seconds`: labels, and where they stand.
fn picture(seconds: u64, seen: &[(&str, f32, f32)]) -> Observation {
    let track = |(id, (label, x, y)): (usize, &(&str, f32, f32))| SeenTrack {
        id: id as u64,
        label: (*label).to_owned(),
        score: 0.7,
        area: [x - 0.05, y - 0.2, x + 0.05, *y],
    };
    Observation {
        camera: "gate".to_owned(),
        picture: seconds,
        received_unix_ms: at(seconds).wall.as_millisecond(),
        media_time: Duration::from_secs(seconds),
        width: 1920,
        height: 1080,
        rotate_degrees: 0,
        tracks: seen.iter().enumerate().map(track).collect(),
    }
}

fn reading(sensor: &str, config_index: usize, seconds: u64, quantity: Quantity, value: f64) -> Reading {
    let received = at(seconds).wall;
    Reading { sensor: sensor.to_owned(), config_index, quantity, value, received, device_time: None }
}

/// Rule and edge of each finding, without those that only go on.
fn told(findings: Vec<Finding>) -> Vec<(String, Edge)> {
    let news = findings.into_iter().filter(|finding| finding.edge != Edge::Continues);
    news.map(|finding| (finding.rule.id.clone(), finding.edge)).collect()
}

const NOTHING: [(String, Edge); 0] = [];

fn raised(rule: &str) -> Vec<(String, Edge)> {
    vec![(rule.to_owned(), Edge::Raised)]
}

fn cleared(rule: &str) -> Vec<(String, Edge)> {
    vec![(rule.to_owned(), Edge::Cleared)]
}

/// A person in the yard and one at the post.
const INTRUDER: [(&str, f32, f32); 2] = [("person", 0.3, 0.8), ("person", 0.1, 0.3)];

#[test]
fn somebody_in_the_yard_is_an_intruder_only_at_night() {
    let mut engine = Engine::new(&config());
    for t in 0..10 {
        assert_eq!(told(engine.observe(at(t), &picture(t, &INTRUDER))), NOTHING, "at nine");
    }
    let night = TEN_IN_THE_EVENING;
    engine.observe(at(night), &picture(night, &INTRUDER));
    engine.observe(at(night + 1), &picture(night + 1, &INTRUDER));
    let third = engine.observe(at(night + 2), &picture(night + 2, &INTRUDER));
    assert_eq!(third[0].rule.code, "INTRUSION");
    let Detail::Seen { objects, .. } = &third[0].detail else { panic!("{third:?}") };
    assert_eq!(objects.len(), 1, "the guard at the post is not in the yard");
    assert_eq!(told(third), raised("yard-at-night"));
    let morning = SIX_IN_THE_MORNING;
    assert_eq!(told(engine.tick(at(morning))), cleared("yard-at-night"), "the night is over");
    let post = ("post".to_owned(), Edge::Raised);
    let next = told(engine.observe(at(morning + 1), &picture(morning + 1, &INTRUDER)));
    assert!(!next.contains(&post) && next.is_empty(), "{next:?}");
}

#[test]
fn a_parked_car_is_told_by_time_alone_and_not_again_after_a_restart() {
    let config = config();
    let guard = ("person", 0.1, 0.3);
    let car = ("car", 0.75, 0.8);
    let mut before = Engine::new(&config);
    before.observe(at(0), &picture(0, &[car, guard]));
    assert_eq!(told(before.tick(at(299))), NOTHING);
    assert_eq!(told(before.tick(at(300))), raised("fire-lane"));
    assert_eq!(told(before.tick(at(10_000))), NOTHING, "it still stands there, and nothing has moved");
    let saved = serde_json::to_string(&before.save()).unwrap();

    let mut after = Engine::new(&config);
    after.restore_memory(serde_json::from_str(&saved).unwrap());
    for t in 0..600 {
        let told = told(after.observe(at(11_000 + t), &picture(t, &[car, guard])));
        assert_eq!(told, NOTHING, "the centre has closed it, and it is the same car");
    }
    for t in 600..700 {
        after.observe(at(11_000 + t), &picture(t, &[guard]));
    }
    after.observe(at(11_700), &picture(700, &[car, guard]));
    let again = after.observe(at(12_000), &picture(1000, &[car, guard]));
    assert_eq!(told(again), raised("fire-lane"), "it has been away");
}

#[test]
fn a_restored_blocked_lane_goes_on_and_clears_when_the_car_has_gone() {
    let config = config();
    let guard = ("person", 0.1, 0.3);
    let mut engine = Engine::new(&config);
    engine.restore(at(0), "fire-lane", &Source::Camera("gate".to_owned()));
    assert_eq!(told(engine.observe(at(1), &picture(1, &[guard]))), NOTHING);
    assert_eq!(told(engine.observe(at(11), &picture(11, &[guard]))), cleared("fire-lane"));
}

#[test]
fn an_empty_post_is_told_and_a_camera_that_is_down_tells_nothing() {
    let mut engine = Engine::new(&config());
    engine.observe(at(0), &picture(0, &[]));
    engine.blind("gate");
    assert_eq!(told(engine.tick(at(2000))), NOTHING);
    engine.observe(at(2000), &picture(1, &[]));
    assert_eq!(told(engine.tick(at(2600))), raised("post"));
    assert_eq!(told(engine.observe(at(2700), &picture(2, &[("person", 0.1, 0.3)]))), cleared("post"));
}

#[test]
fn a_fence_is_crossed_in_one_direction() {
    let mut engine = Engine::new(&config());
    let guard = ("person", 0.1, 0.3);
    engine.observe(at(0), &picture(0, &[("person", 0.8, 0.6), guard]));
    assert_eq!(told(engine.observe(at(1), &picture(1, &[("person", 0.8, 0.3), guard]))), NOTHING, "out");
    assert_eq!(told(engine.observe(at(2), &picture(2, &[("person", 0.8, 0.6), guard]))), raised("fence"));
    assert_eq!(told(engine.tick(at(12))), cleared("fence"));
}

#[test]
fn tracks_of_a_new_worker_are_new() {
    let mut engine = Engine::new(&config());
    let guard = ("person", 0.1, 0.3);
    engine.observe(at(10), &picture(10, &[("person", 0.8, 0.3), guard]));
    let new_worker = picture(0, &[("person", 0.8, 0.6), guard]);
    assert_eq!(told(engine.observe(at(11), &new_worker)), NOTHING, "the same number is another person");
}

#[test]
fn a_door_that_is_open_when_the_night_begins_is_told_then() {
    let mut engine = Engine::new(&config());
    let open = reading("back-door", 0, 0, Quantity::Value, 1.0);
    assert_eq!(told(engine.reading(at(0), &open)), NOTHING);
    assert_eq!(told(engine.tick(at(TEN_IN_THE_EVENING - 1))), NOTHING);
    assert_eq!(told(engine.tick(at(TEN_IN_THE_EVENING))), raised("door-at-night"));
    assert_eq!(told(engine.tick(at(SIX_IN_THE_MORNING))), cleared("door-at-night"));
}

#[test]
fn every_sensor_is_watched_for_silence_battery_and_tampering() {
    let mut engine = Engine::new(&config());
    let step = |engine: &mut Engine, t, quantity, value| {
        told(engine.reading(at(t), &reading("kitchen-smoke", 1, t, quantity, value)))
    };
    assert_eq!(step(&mut engine, 0, Quantity::Battery, 12.0), raised("health/fire-sensor-battery"));
    assert_eq!(step(&mut engine, 1, Quantity::Tamper, 1.0), raised("health/sensor-tamper"));
    assert_eq!(step(&mut engine, 2, Quantity::Value, 1.0), raised("preset/zigbee2mqtt-smoke"));
    let a_day = 24 * 3600;
    let lost = engine.tick(at(a_day + 2));
    assert_eq!(
        told(lost.clone()),
        [
            ("health/fire-sensor-lost".to_owned(), Edge::Raised),
            ("health/sensor-lost".to_owned(), Edge::Raised),
        ],
        "the door was never heard"
    );
    assert_eq!(lost[0].detail, Detail::Symptom("no message for 24 h".to_owned()));
    assert_eq!(lost[0].rule.level, 3);
    assert_eq!(step(&mut engine, a_day + 3, Quantity::Value, 1.0), cleared("health/fire-sensor-lost"));
}

#[test]
fn restored_conditions_of_sensors_are_not_raised_again() {
    let mut engine = Engine::new(&config());
    let source = Source::Sensor("kitchen-smoke".to_owned());
    engine.restore(at(0), "preset/zigbee2mqtt-smoke", &source);
    let on = reading("kitchen-smoke", 1, 1, Quantity::Value, 1.0);
    assert_eq!(told(engine.reading(at(1), &on)), NOTHING);
    let off = reading("kitchen-smoke", 1, 2, Quantity::Value, 0.0);
    assert_eq!(told(engine.reading(at(2), &off)), NOTHING);
    assert_eq!(told(engine.tick(at(12))), cleared("preset/zigbee2mqtt-smoke"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is seen and whenever, each rule is raised and cleared in turns for each source.
    #[test]
    fn what_is_raised_is_cleared_before_it_is_raised_again(
        steps in proptest::collection::vec(
            (1_u64..2000, 0_u8..4, proptest::collection::vec((any::<bool>(), 0.05_f32..0.95, 0.2_f32..1.0), 0..4)),
            1..120),
    ) {
        let mut engine = Engine::new(&config());
        let mut active = std::collections::BTreeSet::new();
        let mut now = 0;
        for (gap, what, things) in steps {
            now += gap;
            let seen: Vec<_> =
                things.iter().map(|(car, x, y)| (if *car { "car" } else { "person" }, *x, *y)).collect();
            let findings = match what {
                0 => engine.tick(at(now)),
                1 => {
                    let value = f64::from(u8::from(seen.len() > 1));
                    engine.reading(at(now), &reading("back-door", 0, now, Quantity::Value, value))
                }
                _ => engine.observe(at(now), &picture(now, &seen)),
            };
            for finding in findings {
                let pair = (finding.rule.id.clone(), finding.source.clone());
                match finding.edge {
                    Edge::Raised => prop_assert!(active.insert(pair.clone()), "{pair:?} raised twice"),
                    Edge::Continues => prop_assert!(active.contains(&pair), "{pair:?} goes on without a beginning"),
                    Edge::Cleared => prop_assert!(active.remove(&pair), "{pair:?} cleared without a beginning"),
                }
            }
        }
    }
}
