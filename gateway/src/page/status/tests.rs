//! The state of a village in plain words.

use std::time::Duration;

use moshao_config::Environment;
use moshao_config::sample::HEAD;

use super::*;
use crate::clock::Moment;
use crate::live::{Fall, OnTrial, Part};
use crate::page::window;
use crate::worker::link::StreamFault;

const VILLAGE: &str = r#"
[page]
[camera.gate]
name = "村口"
url = "rtsp://viewer:hunter2hunter2@10.0.0.9/live"
[sensor.smoke]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/smoke"
"#;

fn told(language: Language) -> serde_json::Value {
    told_of(None, language)
}

/// The same with a configuration that stands like this.
fn told_of(configuration: Option<&Shown>, language: Language) -> serde_json::Value {
    let environment = Environment::fixed(".", [], 1);
    let config = moshao_config::parse(&format!("{HEAD}{VILLAGE}"), "village.toml", &environment).unwrap();
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
        configuration,
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

#[test]
fn a_configuration_on_trial_taken_back_or_not_taken_says_so() {
    let said = |shown: Shown, language| {
        let line = told_of(Some(&shown), language)["configuration"].clone();
        ["condition", "words", "remedy", "detail"].map(|key| line[key].as_str().unwrap_or("-").to_owned())
    };
    let good = Shown { state: "good", ..Shown::default() };
    assert_eq!(said(good, Language::English), ["good", "in use and proven", "-", "-"]);

    let change = Some("by SIGHUP: cameras new: d; 1 cameras go on untouched".to_owned());
    let on_trial = |has_way_back| {
        let until = "2026-11-27T04:05:06Z".parse().unwrap();
        let trial = Some(OnTrial { until, change: change.clone(), has_way_back });
        Shown { state: "trial", trial, ..Shown::default() }
    };
    let [condition, words, remedy, detail] = said(on_trial(true), Language::Chinese);
    assert_eq!((condition.as_str(), words.as_str()), ("doubtful", "试运行至 12:05:06，到时一切如常则保留"));
    assert!(remedy.contains("自动退回") && detail.contains("cameras new: d"), "{remedy} {detail}");
    assert_eq!(said(on_trial(false), Language::English)[2], "-", "there is nothing to go back to");

    let fall = Fall::Lost(vec![(Part::Camera("gate".to_owned()), Duration::from_secs(30))]);
    let back = Shown { state: "rolled-back", fall: Some(fall), ..Shown::default() };
    let [condition, words, remedy, _] = said(back, Language::English);
    assert!(
        condition == "bad" && words.ends_with("because: lost and not back: camera gate for 30 s"),
        "{words}"
    );
    assert!(remedy.contains("moshao.toml.failed"), "{remedy}");

    let refused =
        Shown { state: "refused", note: Some("moshao.toml:2:6: error".to_owned()), ..Shown::default() };
    let [condition, words, _, detail] = said(refused, Language::Chinese);
    assert_eq!((condition.as_str(), detail.as_str()), ("bad", "moshao.toml:2:6: error"));
    assert!(words.contains("没有生效"), "{words}");
    assert!(told(Language::English)["configuration"].is_null(), "it runs from no file");
}
