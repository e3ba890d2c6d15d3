//! Every complete example of the repository is a good configuration.

use std::path::Path;
use std::time::Duration;

use moshao_config::{
    Category, Condition, Config, Environment, Examined, Model, Quantity, SensorKind, Side, TopicLevel,
    examine_text,
};

/// The configuration of an example that stands in `directory`; nothing may be found wrong with it, or doubtful.
fn good_in(directory: &Path, name: &str) -> Config {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap();
    let variables = [
        ("CAM_PASSWORD", "s3cret/@#"),
        ("UPLINK_PASSWORD", "another"),
        ("WECOM_KEY", "k-1"),
        ("DUTY_PHONES", "13800000001, 13800000002"),
        ("WEBHOOK_SECRET", "a secret"),
    ];
    let Examined { config, report } = examine_text(&text, name, &Environment::fixed(directory, variables, 4));
    assert_eq!(report.to_string(), "");
    config.unwrap()
}

#[test]
fn the_minimal_example_is_complete() {
    let config = good_in(Path::new("/etc/moshao"), "minimal.toml");
    assert_eq!(config.gateway.id, "gw-0007");
    assert_eq!(config.gateway.workers, 4);
    assert_eq!(config.uplink.client_id, "moshao-510104001001-gw-0007");
    assert_eq!((config.uplink.host.as_str(), config.uplink.port), ("centre.example", 8883));
    assert!(config.uplink.tls.is_some());
    let sensor_broker = config.sensor_broker.unwrap();
    assert_eq!((sensor_broker.client_id.as_str(), sensor_broker.port), ("moshao-gw-0007-sensors", 1883));

    let camera = &config.cameras[0];
    assert_eq!(camera.url.as_str(), "rtsp://10.0.0.12/Streaming/Channels/102");
    assert_eq!(camera.username.as_deref(), Some("viewer"));
    assert_eq!(camera.password.as_ref().unwrap().reveal(), "s3cret/@#");
    assert_eq!(camera.deadlines.silence, Duration::from_secs(8));
    assert_eq!(config.detectors[0].model, Model::BuiltIn("moshao-fire".into()));

    let sensor = &config.sensors[0];
    assert_eq!((sensor.kind, sensor.value.as_str()), (SensorKind::Smoke, "/smoke"));
    assert_eq!(sensor.watches, ["preset/zigbee2mqtt-smoke"]);
    assert_eq!(sensor.cameras, ["gate-east"]);

    let [video, smoke] = config.rules.as_slice() else { panic!("{:?}", config.rules) };
    assert_eq!((video.code.as_str(), video.category, video.level), ("FIRE_VIDEO", Category::Fire, 1));
    assert_eq!((video.kind.as_str(), video.title.as_str()), ("video", "视频烟火"));
    assert_eq!((smoke.id.as_str(), smoke.code.as_str()), ("preset/zigbee2mqtt-smoke", "FIRE_SMOKE"));
    assert_eq!(smoke.condition, Condition::State { is: true, of: Quantity::Value });
}

#[test]
fn the_village_example_only_misses_files_that_are_not_part_of_the_repository() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("secrets")).unwrap();
    std::fs::write(directory.path().join("secrets/uplink.password"), "from-the-file\n").unwrap();
    std::fs::write(directory.path().join("secrets/centre-ca.pem"), "").unwrap();
    let config = good_in(directory.path(), "village.toml");

    assert_eq!(config.uplink.password.unwrap().reveal(), "from-the-file");
    assert_eq!(config.uplink.tls.unwrap().ca_file, directory.path().join("secrets/centre-ca.pem"));
    assert_eq!(config.cameras.len(), 4);
    assert_eq!(config.cameras[1].masks[0].0.len(), 4);
    assert_eq!(config.cameras[3].deadlines.describe, Duration::from_secs(30));
    assert_eq!(config.cameras[3].deadlines.setup, Duration::from_secs(10));
    assert_eq!(config.detectors.len(), 1, "four cameras, one detector");
    let leak = config.rules.iter().find(|rule| rule.id == "pump-house-leak").unwrap();
    assert_eq!((leak.code.as_str(), leak.category, leak.level), ("WATER_LEAK", Category::City, 4));
    let ids: Vec<&str> = config.rules.iter().map(|rule| rule.id.as_str()).collect();
    let expected = [
        "fire-video",
        "smoke-at-grain",
        "pump-house-leak",
        "preset/zigbee2mqtt-smoke",
        "preset/zigbee2mqtt-gas",
        "preset/zigbee2mqtt-button",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn the_smart_fire_example_maps_every_sensor() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("models")).unwrap();
    std::fs::write(directory.path().join("models/car-park.onnx"), "").unwrap();
    let config = good_in(directory.path(), "smart-fire.toml");

    let sensor = |id: &str| config.sensors.iter().find(|sensor| sensor.id == id).unwrap();
    let smoke = sensor("rooms-smoke");
    assert_eq!(smoke.topic.levels[1], TopicLevel::Capture("device".into()));
    assert_eq!(smoke.value, "/current/smoke_alarm", "a key beside the preset overrides it");
    assert_eq!(smoke.values, [("0".into(), 0.0), ("1".into(), 1.0), ("2".into(), 1.0)]);
    assert_eq!(sensor("hall-smoke").values, [("ON".into(), 1.0), ("OFF".into(), 0.0)]);
    assert_eq!(sensor("hydrant-north").unit.as_deref(), Some("MPa"));
    assert_eq!(sensor("board-1-cable").scale, 0.1);

    let rule = |id: &str| config.rules.iter().find(|rule| rule.id == id).unwrap();
    let low = Condition::Threshold {
        side: Side::Below,
        limit: 0.14,
        hysteresis: 0.02,
        hold: Duration::from_secs(60),
        of: Quantity::Value,
    };
    assert_eq!(rule("pressure-low").condition, low);
    assert_eq!(rule("pressure-low").code, "WATER_LOW");
    assert_eq!((rule("cable-hot").code.as_str(), rule("cable-hot").level), ("ELEC_TEMP", 2));
    assert_eq!((rule("ebike-in").category, rule("ebike-in").kind.as_str()), (Category::Fire, "ebike"));

    let car_park = config.detectors.iter().find(|detector| detector.name == "car-park").unwrap();
    assert_eq!(car_park.label_thresholds, [("ebike".into(), 0.55)]);
}

#[test]
fn a_preset_with_another_kind_brings_the_event_of_that_kind() {
    let minimal = include_str!("../examples/minimal.toml");
    let sensors = r#"
[sensor.cellar]
preset = "esphome-binary"
kind = "leak"
topic = "cellar/binary_sensor/water/state"

[sensor.freezer]
preset = "zigbee2mqtt-temperature"
unit = "degF"
topic = "zigbee2mqtt/freezer"
"#;
    let environment = Environment::fixed("/etc/moshao", [("CAM_PASSWORD", "x")], 4);
    let told = examine_text(&format!("{minimal}{sensors}"), "moshao.toml", &environment).report.to_string();
    assert!(
        told.contains("error: the rule of preset `zigbee2mqtt-temperature` is for temperature in Cel"),
        "{told}"
    );

    let sensors = sensors.replace("unit = \"degF\"\n", "");
    let config = moshao_config::parse(&format!("{minimal}{sensors}"), "moshao.toml", &environment).unwrap();
    let leak = config.rules.iter().find(|rule| rule.id == "preset/esphome-binary/leak").unwrap();
    assert_eq!((leak.code.as_str(), leak.category), ("WATER_LEAK", Category::City));
    let freezer = config.sensors.iter().find(|sensor| sensor.id == "freezer").unwrap();
    assert_eq!(freezer.watches, ["preset/zigbee2mqtt-temperature", "preset/zigbee2mqtt-temperature/rise"]);
}

#[test]
fn the_community_example_speaks_of_zones_lines_and_hours() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("models")).unwrap();
    std::fs::write(directory.path().join("models/street.onnx"), "").unwrap();
    let config = good_in(directory.path(), "community.toml");

    let rule = |id: &str| config.rules.iter().find(|rule| rule.id == id).unwrap();
    let codes = [
        ("lane-blocked", "FIRE_LANE"),
        ("bag-left", "LEFT"),
        ("ebike-indoors", "EBIKE_IN"),
        ("wrong-way", "RETRO"),
        ("guard-away", "ABSENCE"),
        ("over-the-wall", "LINE_CROSS"),
        ("roof-at-night", "INTRUSION"),
        ("crowd", "CROWD"),
        ("loitering", "LOITER"),
        ("running", "RUN"),
        ("pump-rises", "FIRE_HEAT"),
        ("pressure-frozen", "STUCK"),
        ("cable-hot", "ELEC_TEMP"),
    ];
    for (id, code) in codes {
        assert_eq!(rule(id).code, code, "{id}");
    }
    assert_eq!(rule("roof-at-night").schedule.hours.len(), 2);
    assert_eq!(config.cameras[0].zones.len(), 2);
    let smoke = config.sensors.iter().find(|sensor| sensor.id == "homes-smoke").unwrap();
    assert_eq!(smoke.more.message_id.as_deref(), Some("/deduplicationId"));
    assert_eq!(smoke.lost_after, Duration::from_secs(24 * 3600));
    assert_eq!(config.tests.len(), 5);
}
