//! Conditions over several devices: who is asked when, and what stays as it is.

use super::*;

const BOILER_ROOM: &str = r#"
[detector.own]
file = "own.onnx"
labels = ["person", "car"]
[camera.gate]
url = "rtsp://10.0.0.12/102"
detector = "own"
watches = ["gathering"]
[sensor.boiler]
kind = "temperature"
topic = "boiler"
value = "/degrees"
watches = ["unattended", "climbing", "dumb"]
[sensor.door]
kind = "contact"
topic = "door"
value = "/open"
watches = ["open-at-night"]
[sensor.rooms]
kind = "temperature"
topic = "rooms/{room}"
value = ""
watches = ["hotter-than-boiler"]
[rule.unattended]
when = { cel = "value > 60.0 && !('person' in cameras['gate'].labels)", hold = "5s" }
clear_after = "20s"
[rule.climbing]
when = { cel = "rise > 5.0 && rising" }
[rule.dumb]
when = { cel = "age > 600.0" }
level = 4
[rule.gathering]
when = { cel = "labels.filter(l, l == 'person').size() >= 2 && sensors['door'].value" }
[rule.open-at-night]
when = { cel = "value && sensors['boiler'].value > 30.0" }
during = [{ from = "22:00", to = "06:00" }]
[rule.hotter-than-boiler]
when = { cel = "value > sensors['boiler'].value" }
"#;

const BOILER: usize = 0;
const DOOR: usize = 1;
const ROOMS: usize = 2;

fn boiler_room() -> Config {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("own.onnx"), "").unwrap();
    moshao_config::parse(
        &format!("{HEAD}{BOILER_ROOM}"),
        "site.toml",
        &Environment::of_process(directory.path()),
    )
    .unwrap()
}

fn says(engine: &mut Engine, seconds: u64, sensor: &str, index: usize, value: f64) -> Vec<(String, Edge)> {
    told(engine.reading(at(seconds), &reading(sensor, index, seconds, Quantity::Value, value)))
}

fn sees(engine: &mut Engine, seconds: u64, labels: &[&str]) -> Vec<(String, Edge)> {
    let seen: Vec<(&str, f32, f32)> = labels.iter().map(|label| (*label, 0.5, 0.9)).collect();
    told(engine.observe(at(seconds), &picture(seconds, &seen)))
}

#[test]
fn a_hot_boiler_is_told_once_nobody_has_been_there_for_a_while() {
    let mut engine = Engine::new(&boiler_room());
    assert_eq!(says(&mut engine, 0, "boiler", BOILER, 75.0), NOTHING);
    assert_eq!(told(engine.tick(at(60))), NOTHING, "nobody knows who is there");
    assert_eq!(sees(&mut engine, 61, &["person"]), NOTHING);
    assert_eq!(told(engine.tick(at(90))), NOTHING, "somebody is there");
    assert_eq!(sees(&mut engine, 91, &[]), NOTHING, "not for long enough");
    assert_eq!(told(engine.tick(at(95))), NOTHING);
    assert_eq!(told(engine.tick(at(96))), raised("unattended"));
    engine.blind("gate");
    assert_eq!(says(&mut engine, 100, "boiler", BOILER, 76.0), NOTHING);
    assert_eq!(told(engine.tick(at(200))), NOTHING, "a camera that is down ends nothing");
    assert_eq!(sees(&mut engine, 201, &["person"]), NOTHING);
    assert_eq!(told(engine.tick(at(220))), NOTHING);
    assert_eq!(told(engine.tick(at(221))), cleared("unattended"));
}

#[test]
fn what_a_camera_saw_before_it_went_down_says_nothing_of_now() {
    let mut engine = Engine::new(&boiler_room());
    assert_eq!(sees(&mut engine, 0, &[]), NOTHING);
    engine.blind("gate");
    assert_eq!(says(&mut engine, 1, "boiler", BOILER, 75.0), NOTHING);
    assert_eq!(told(engine.tick(at(60))), NOTHING, "somebody may have come");
    assert_eq!(sees(&mut engine, 61, &[]), NOTHING);
    assert_eq!(told(engine.tick(at(66))), raised("unattended"));
}

#[test]
fn a_finding_has_the_value_of_the_sensor_that_watches_and_the_objects_of_the_camera() {
    let mut engine = Engine::new(&boiler_room());
    says(&mut engine, 0, "boiler", BOILER, 75.0);
    sees(&mut engine, 0, &[]);
    let finding = engine.tick(at(5)).remove(0);
    let Detail::Measured(measure) = &finding.detail else { panic!("{finding:?}") };
    assert_eq!((measure.value, measure.unit.as_str()), (75.0, "Cel"));
    assert_eq!(finding.source, Source::Sensor("boiler".to_owned()));

    sees(&mut engine, 10, &["person", "car", "person"]);
    let open = reading("door", DOOR, 11, Quantity::Value, 1.0);
    let finding = engine.reading(at(11), &open).remove(0);
    assert_eq!((finding.rule.id.as_str(), finding.edge), ("gathering", Edge::Raised));
    assert_eq!(finding.source, Source::Camera("gate".to_owned()), "whoever watches has it");
    let Detail::Seen { picture: 10, objects } = &finding.detail else { panic!("{finding:?}") };
    assert_eq!(objects.len(), 3);
}

#[test]
fn time_alone_makes_old_what_was_said() {
    let mut engine = Engine::new(&boiler_room());
    says(&mut engine, 0, "boiler", BOILER, 20.0);
    let stale = |engine: &mut Engine, t| {
        let told = told(engine.tick(at(t)));
        told.into_iter().filter(|(rule, _)| rule == "dumb").collect::<Vec<_>>()
    };
    assert_eq!(stale(&mut engine, 600), NOTHING);
    assert_eq!(stale(&mut engine, 601), raised("dumb"));
    assert_eq!(says(&mut engine, 602, "boiler", BOILER, 20.0), NOTHING);
    assert_eq!(stale(&mut engine, 612), cleared("dumb"));
}

#[test]
fn a_rise_is_more_than_one_higher_reading() {
    let mut engine = Engine::new(&boiler_room());
    assert_eq!(says(&mut engine, 0, "boiler", BOILER, 20.0), NOTHING);
    assert_eq!(says(&mut engine, 5, "boiler", BOILER, 28.0), NOTHING);
    let mut found = Vec::new();
    for step in 2..12 {
        found.extend(says(&mut engine, step * 5, "boiler", BOILER, 20.0 + step as f64));
    }
    assert_eq!(found, raised("climbing"), "12 a minute");
}

#[test]
fn the_hours_begin_and_end_it() {
    let mut engine = Engine::new(&boiler_room());
    says(&mut engine, 0, "boiler", BOILER, 40.0);
    assert_eq!(says(&mut engine, 1, "door", DOOR, 1.0), NOTHING, "at nine");
    let of_door = |told: Vec<(String, Edge)>| {
        told.into_iter().filter(|(rule, _)| rule == "open-at-night").collect::<Vec<_>>()
    };
    assert_eq!(of_door(told(engine.tick(at(TEN_IN_THE_EVENING)))), raised("open-at-night"));
    assert_eq!(of_door(told(engine.tick(at(SIX_IN_THE_MORNING)))), cleared("open-at-night"));
}

#[test]
fn each_captured_name_is_held_against_the_condition_by_itself() {
    let mut engine = Engine::new(&boiler_room());
    says(&mut engine, 0, "boiler", BOILER, 40.0);
    assert_eq!(says(&mut engine, 1, "rooms/a", ROOMS, 39.0), NOTHING);
    assert_eq!(says(&mut engine, 2, "rooms/b", ROOMS, 41.0), raised("hotter-than-boiler"));
    let both = engine.reading(at(3), &reading("boiler", BOILER, 3, Quantity::Value, 38.0));
    let sources: Vec<(Source, Edge)> =
        both.into_iter().map(|finding| (finding.source, finding.edge)).collect();
    assert_eq!(
        sources,
        [
            (Source::Sensor("rooms/a".to_owned()), Edge::Raised),
            (Source::Sensor("rooms/b".to_owned()), Edge::Continues),
        ]
    );
}

#[test]
fn a_restored_condition_waits_for_what_it_hangs_on() {
    let mut engine = Engine::new(&boiler_room());
    engine.restore(at(0), "unattended", &Source::Sensor("boiler".to_owned()));
    engine.restore(at(0), "hotter-than-boiler", &Source::Sensor("rooms/a".to_owned()));
    assert_eq!(says(&mut engine, 1, "boiler", BOILER, 75.0), NOTHING, "the camera has said nothing yet");
    assert_eq!(told(engine.tick(at(100))), NOTHING);
    assert_eq!(sees(&mut engine, 101, &["person"]), NOTHING);
    assert_eq!(told(engine.tick(at(121))), cleared("unattended"));
    assert_eq!(says(&mut engine, 122, "rooms/a", ROOMS, 76.0), NOTHING, "it was true before");
    assert_eq!(says(&mut engine, 123, "rooms/a", ROOMS, 70.0), NOTHING);
    assert_eq!(told(engine.tick(at(133))), cleared("hotter-than-boiler"));
}
