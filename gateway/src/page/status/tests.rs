//! The state of a village in plain words.

use std::time::Duration;

use moshao_config::Environment;

use super::*;
use crate::clock::Moment;
use crate::page::window;
use crate::worker::link::StreamFault;

const VILLAGE: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
[uplink]
url = "mqtt://127.0.0.1"
[sensors]
url = "mqtt://127.0.0.1"
[page]
[camera.gate]
name = "村口"
url = "rtsp://viewer:hunter2hunter2@10.0.0.9/live"
[sensor.smoke]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/smoke"
"#;

fn told(language: Language) -> serde_json::Value {
    let environment = Environment::fixed(".", [], 1);
    let config = moshao_config::parse(VILLAGE, "village.toml", &environment).unwrap();
    let now = Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };
    let (mut window, visitor, _asks) = window::open(&config);
    let failed = StreamState::Failed {
        fault: StreamFault::WrongPassword,
        message: "10.0.0.9:554 refused user and password (401)".to_owned(),
        retry_in: Duration::from_secs(60),
    };
    window.stream(now, "gate", &failed);
    window.stream(now, "gate", &StreamState::Connecting);
    let judge = crate::judge::Judge::new(&config, Box::new(|_| "id".to_owned()));
    window.show(now, &judge, &crate::test_mode::TestMode::default());
    let facts = Facts {
        config: &config,
        snapshot: &visitor.shown(),
        outbox: &Stats::default(),
        uplink: &Link::Down { reason: Some("mqtt://127.0.0.1:1883 refuses connections".to_owned()) },
        sensor_broker: Some(&Link::Up),
        now: now.wall,
        language,
    };
    serde_json::to_value(facts.status()).unwrap()
}

#[test]
fn a_camera_that_refuses_the_password_says_so_while_it_is_tried_again() {
    let status = told(Language::English);
    let gate = &status["cameras"][0];
    assert_eq!((gate["condition"].as_str(), gate["name"].as_str()), (Some("bad"), Some("村口")));
    assert_eq!(gate["words"], "the camera refuses user and password");
    assert_eq!(gate["remedy"], "check both; some cameras answer so when too many viewers are logged in");
    assert_eq!(told(Language::Chinese)["cameras"][0]["words"], "摄像机不认用户名和密码");
}

#[test]
fn a_sensor_that_never_spoke_and_a_link_that_is_down_are_told() {
    let status = told(Language::English);
    assert_eq!(status["sensors"][0]["words"], "not heard since the start");
    assert_eq!(status["uplink"]["detail"], "mqtt://127.0.0.1:1883 refuses connections");
    assert_eq!(status["sensor_broker"]["condition"], "good");
}

#[test]
fn no_password_is_told() {
    assert!(!told(Language::Chinese).to_string().contains("hunter2"));
}
