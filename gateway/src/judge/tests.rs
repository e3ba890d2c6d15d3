//! From a configuration file to events, word for word.

use std::time::Duration;

use moshao_config::Environment;

use super::*;
use crate::event::Phase;
use crate::incident::tell::tell;
use crate::worker::link::SeenTrack;

const VILLAGE: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
name = "第三网格"
[uplink]
url = "mqtt://127.0.0.1"
[sensors]
url = "mqtt://127.0.0.1"
[incidents]
fire_latch = "0s"
[camera.yard]
name = "院子"
url = "rtsp://10.0.0.12/102"
detector = "moshao-fire"
watches = ["fire-video"]
[sensor.kitchen-smoke]
preset = "zigbee2mqtt-smoke"
name = "厨房烟感"
topic = "zigbee2mqtt/kitchen-smoke"
cameras = ["yard"]
address = "一组 3 号"
[rule.fire-video]
object = { labels = ["fire", "smoke"], at_least = 3, within = "2s" }
level = 1
"#;

fn village() -> Config {
    moshao_config::parse(VILLAGE, "village.toml", &Environment::of_process(std::path::Path::new(".")))
        .unwrap()
}

fn judge(config: &Config) -> Judge {
    let mut number = 0;
    Judge::new(
        config,
        Box::new(move |_| {
            number += 1;
            format!("inc-{number}")
        }),
    )
}

fn at(ms: u64) -> Moment {
    let begin = Timestamp::from_millisecond(1_795_235_696_120).unwrap();
    Moment { mono: Duration::ZERO, wall: begin }.later(Duration::from_millis(ms))
}

/// The kitchen's smoke alarm says yes (1) or no (0).
fn smoke(ms: u64, value: f64) -> Reading {
    let received = at(ms).wall;
    Reading {
        sensor: "kitchen-smoke".to_owned(),
        config_index: 0,
        quantity: Quantity::Value,
        value,
        received,
        device_time: None,
    }
}

fn picture(number: u64, labels: &[&str]) -> Observation {
    let tracks = labels
        .iter()
        .map(|label| SeenTrack {
            id: 1,
            label: (*label).to_owned(),
            score: 0.75,
            area: [0.25, 0.5, 0.5, 0.75],
        })
        .collect();
    Observation {
        camera: "yard".to_owned(),
        picture: number,
        received_unix_ms: at(0).wall.as_millisecond(),
        media_time: Duration::ZERO,
        width: 1920,
        height: 1080,
        rotate_degrees: 0,
        tracks,
    }
}

#[test]
fn a_kitchen_fire_from_first_smoke_to_the_end() {
    let config = village();
    let mut judge = judge(&config);
    let mut story = Vec::new();
    let mut note = |ms: u64, changes: Vec<Change>| {
        story.extend(changes.iter().map(|c| (ms, c.phase, c.incident.id.clone(), c.incident.level)));
    };
    note(0, judge.reading(at(0), &smoke(0, 1.0)));
    for (n, ms) in [400, 600, 800, 1000].into_iter().enumerate() {
        note(ms, judge.observe(at(ms), &picture(n as u64, &["fire"])));
    }
    note(20_000, judge.reading(at(20_000), &smoke(20_000, 0.0)));
    note(25_000, judge.tick(at(25_000)));
    note(30_000, judge.tick(at(30_000)));
    assert_eq!(
        story,
        [
            (0, Phase::Opened, "inc-1".to_owned(), 1),
            (800, Phase::Confirmed, "inc-1".to_owned(), 1),
            (30_000, Phase::Closed, "inc-1".to_owned(), 1),
        ]
    );
}

#[test]
fn the_event_says_what_the_contract_promises() {
    let config = village();
    let mut judge = judge(&config);
    let opened = judge.reading(at(0), &smoke(0, 1.0)).remove(0);
    let telling = tell(&config, at(360), &opened);
    assert_eq!(telling.topic, "moshao/v1/510104001001/gw-0007/event/fire/1");
    let mut event = serde_json::to_value(&telling.event).unwrap();
    let id = event["id"].take();
    assert_eq!(id, "inc-1-1", "the incident's first event");
    assert_eq!(
        event,
        serde_json::json!({
            "specversion": "1.0",
            "id": null,
            "source": "urn:moshao:510104001001:gw-0007",
            "type": "moshao.fire.smoke.v1",
            "subject": "sensor/kitchen-smoke",
            "time": "2026-11-21T12:34:56.120+08:00",
            "recordedtime": "2026-11-21T12:34:56.480+08:00",
            "datacontenttype": "application/json",
            "sequence": "",
            "correlationid": "inc-1",
            "severitytext": "FATAL",
            "severitynumber": 21,
            "data": {
                "phase": "opened",
                "stage": "open",
                "code": "FIRE_SMOKE",
                "title": "烟感火警",
                "category": "fire",
                "level": 1,
                "color": "red",
                "mode": "live",
                "confirm": "unconfirmed",
                "rule": "preset/zigbee2mqtt-smoke",
                "grid": { "code": "510104001001003", "name": "第三网格", "division": "510104001001" },
                "place": { "address": "一组 3 号" },
                "device": { "kind": "smoke", "id": "kitchen-smoke", "name": "厨房烟感" },
                "measure": { "name": "smoke", "value": 1.0, "unit": "bool" },
                "looks": [{ "camera": "yard", "saw": "looking", "pictures": 0 }],
            },
        })
    );
}

/// What a restart finds.
fn disk(judge: &Judge) -> Vec<(String, Vec<u8>)> {
    let values = judge.unsaved().values().into_iter();
    values.filter_map(|state| Some((state.key, state.value?))).collect()
}

#[test]
fn orders_and_what_stands_where_it_may_not_outlive_a_restart() {
    const BAG: &str = "[rule.bag-left]\nblocked = { labels = [\"smoke\"], longer_than = \"10m\" }\n";
    let text =
        VILLAGE.replace("watches = [\"fire-video\"]", "watches = [\"fire-video\", \"bag-left\"]") + BAG;
    let config =
        moshao_config::parse(&text, "village.toml", &Environment::of_process(std::path::Path::new(".")));
    let config = config.unwrap();
    let mut before = judge(&config);
    before.mute(at(0), Muted::Camera("yard".to_owned()), at(3_600_000).wall);
    before.observe(at(0), &picture(1, &["smoke"]));
    before.tick(at(600_000));

    let mut after = judge(&config);
    assert!(after.restore(at(601_000), &disk(&before)).is_empty(), "all can be read");
    assert_eq!(after.rules.save(), before.rules.save());
    assert_eq!(after.rules.save().standing["yard"]["bag-left"].len(), 1);
    for ms in [602_000, 602_200, 602_400, 602_600] {
        assert_eq!(after.observe(at(ms), &picture(1, &["fire"])), [], "mute");
    }
}

#[test]
fn a_restart_in_the_middle_changes_nothing_of_the_story() {
    let config = village();
    let mut before = judge(&config);
    before.reading(at(0), &smoke(0, 1.0));
    for ms in [400, 600, 800] {
        before.observe(at(ms), &picture(1, &["smoke"]));
    }

    let mut after = judge(&config);
    assert!(after.restore(at(2000), &disk(&before)).is_empty(), "all can be read");
    assert!(after.observe(at(2200), &picture(1, &["smoke"])).is_empty(), "known already");
    assert!(after.reading(at(3000), &smoke(3000, 1.0)).is_empty(), "known already");
    assert!(after.tick(at(59_000)).is_empty(), "the camera sees nothing more, the sensor still alarms");
    assert!(after.reading(at(61_000), &smoke(61_000, 0.0)).is_empty());
    let closed = after.tick(at(71_000));
    assert_eq!((closed.len(), closed[0].phase), (1, Phase::Closed));
}

#[test]
fn a_broken_stream_is_an_event_for_whoever_maintains_the_camera() {
    let config = village();
    let mut judge = judge(&config);
    let failed = StreamState::Failed {
        fault: crate::worker::link::StreamFault::WrongPassword,
        message: "the camera refused the password".to_owned(),
        retry_in: Duration::from_secs(30),
    };
    let opened = judge.stream(at(0), "yard", &failed).remove(0);
    let telling = tell(&config, at(0), &opened);
    assert_eq!(telling.topic, "moshao/v1/510104001001/gw-0007/event/device/4");
    assert_eq!(telling.event.kind, "moshao.device.camera-wrong-password.v1");
    assert_eq!(telling.event.data.note.as_deref(), Some("the camera refused the password"));
}
