//! Every complete example of the repository is a good configuration.

use std::path::Path;
use std::time::Duration;

use moshao_config::{Category, Condition, Config, Environment, Examined, Model, SensorKind, examine_text};

fn examine(name: &str) -> Examined {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(directory.join(name)).unwrap();
    let environment = Environment::fixed(&directory, [("CAM_PASSWORD", "s3cret/@#")], 4);
    examine_text(&text, name, &environment)
}

fn good(name: &str) -> Config {
    let examined = examine(name);
    let report = examined.report.to_string();
    assert_eq!(report, "");
    examined.config.unwrap()
}

#[test]
fn the_minimal_example_is_complete() {
    let config = good("minimal.toml");
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
    assert_eq!(smoke.condition, Condition::State { is: true });
}
