//! What the page says and does, over plain HTTP.

use std::time::Duration;

use moshao_tests::broker::{Broker, free_port};
use moshao_tests::gateway::Gateway;
use moshao_tests::page_client::{PageClient, page_section};
use moshao_tests::wait::eventually;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
/// Where a configuration is built anew, tried and taken back.
const LONG: Duration = Duration::from_secs(120);

#[test]
fn a_dead_camera_is_told_in_both_languages() {
    let (page, port) = page_section();
    let uplink = "[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n";
    let gateway =
        Gateway::start(&format!("{uplink}{page}[camera.gate]\nurl = \"rtsp://127.0.0.1:9/live\"\n"));
    let mut visitor = PageClient::inside(&gateway, port);
    let camera = eventually("the camera's fault is told", PATIENCE, || {
        let camera = visitor.get("/api/status").json()["cameras"][0].clone();
        (camera["condition"] == "bad").then_some(camera)
    });
    assert_eq!(camera["words"], "连不上，或连接断开");
    let cookie = visitor.cookie.take().unwrap();
    visitor.cookie = Some(format!("{cookie}; moshao_language=en"));
    let status = visitor.get("/api/status").json();
    assert_eq!(status["cameras"][0]["words"], "no connection, or it broke");
    assert_eq!(
        status["cameras"][0]["remedy"],
        "power, cable, address and port; can the box ping the camera?"
    );
    assert_eq!(status["uplink"]["condition"], "bad");
}

#[test]
fn a_zone_is_written_into_the_file_and_the_old_file_stays() {
    let (page, port) = page_section();
    let sections = format!(
        "[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n{page}# The camera at the gate.\n[camera.gate]\nurl = \"rtsp://127.0.0.1:9/live\"\n"
    );
    let gateway = Gateway::start(&sections);
    let visitor = PageClient::inside(&gateway, port);
    let before = std::fs::read_to_string(gateway.config_file()).unwrap();
    let version = visitor.get("/api/cameras/gate/areas").json()["version"].clone();
    let areas =
        json!({ "masks": [], "zones": { "door": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.6]] }, "lines": {} });
    let put = |version: &Value| {
        let change = json!({ "version": version, "areas": areas });
        visitor.send("PUT", "/api/cameras/gate/areas", change.to_string().as_bytes())
    };
    let written = put(&version);
    assert_eq!(written.status, 200, "{}", written.text());
    assert_eq!(
        written.json()["waits_for_restart"],
        false,
        "the gateway takes it at once: {}",
        written.text()
    );
    assert_eq!(written.json()["refused"], Value::Null);
    let after = std::fs::read_to_string(gateway.config_file()).unwrap();
    assert_eq!(
        after,
        format!("{before}\n[camera.gate.zones]\ndoor = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.6]]\n")
    );
    let previous = gateway.config_file().with_extension("toml.previous");
    assert_eq!(std::fs::read_to_string(previous).unwrap(), before);
    let config = moshao_config::load(&gateway.config_file()).expect("what was written is good");
    assert_eq!(config.cameras[0].zones[0].0, "door");
    eventually("the gateway runs with it, and the visitor is still inside", PATIENCE, || {
        let applied = gateway.metric("moshao_config_changes_total", &[("outcome", "applied")]) == 1.0;
        let drawing = applied.then(|| visitor.get("/api/cameras/gate/areas"))?;
        (drawing.status == 200 && drawing.json()["waits_for_restart"] == false).then_some(())
    });
    assert_eq!(put(&version).status, 409, "the file has changed since");
}

#[test]
fn in_test_mode_an_alarm_is_told_as_a_test_and_ends_on_the_page_with_its_delivery() {
    let (page, port) = page_section();
    let (centre, site) = (Broker::start(), Broker::start());
    let sections = format!(
        "[uplink]\nurl = \"{}\"\n[sensors]\nurl = \"{}\"\n{page}[sensor.smoke]\npreset = \"zigbee2mqtt-smoke\"\nname = \"厨房烟感\"\ntopic = \"zigbee2mqtt/smoke\"\n",
        centre.url(),
        site.url()
    );
    let gateway = Gateway::start(&sections);
    let visitor = PageClient::inside(&gateway, port);
    assert_eq!(visitor.post("/api/test", &json!({ "device": "smoke", "minutes": 10 })).status, 204);
    let sensor = eventually("the page says so", PATIENCE, || {
        let sensor = visitor.get("/api/status").json()["sensors"][0].clone();
        (sensor["mode"] == "test").then_some(sensor)
    });
    assert!(sensor["test_until"].is_string() && sensor["words"] == "启动以来还没有消息", "{sensor}");
    let row = eventually("the alarm is on the page and at the centre", PATIENCE, || {
        site.publish("zigbee2mqtt/smoke", r#"{"smoke":true,"battery":87}"#);
        let rows = visitor.get("/api/incidents").json();
        let row = rows.as_array()?.first()?.clone();
        (row["delivery"] == "delivered").then_some(row)
    });
    assert_eq!(
        (&row["mode"], &row["title"], &row["devices"]),
        (&json!("test"), &json!("烟感火警"), &json!(["厨房烟感"]))
    );
    let sensor = visitor.get("/api/status").json()["sensors"][0].clone();
    assert_eq!(
        (&sensor["condition"], &sensor["words"], &sensor["battery"]),
        (&json!("bad"), &json!("烟感火警"), &json!(87.0))
    );
    assert_eq!(visitor.post("/api/test", &json!({ "device": "smoke", "minutes": 0 })).status, 204);
    assert_eq!(visitor.get("/api/status").json()["sensors"][0]["mode"], "live");
}

#[test]
fn a_change_is_on_trial_and_one_that_cuts_the_link_is_taken_back_and_says_why() {
    let (page, port) = page_section();
    let centre = Broker::start();
    let uplink = format!("[uplink]\nurl = \"{}\"\n", centre.url());
    let gateway = Gateway::start(&format!("{uplink}{page}[change]\ntrial = \"15s\"\n"));
    let visitor = PageClient::inside(&gateway, port);
    let said = |condition: &str, words: &str| {
        eventually(&format!("the page says {words}"), LONG, || {
            // While everything is built anew the page is away.
            gateway.get("/healthz")?;
            let line = visitor.try_get("/api/status")?.json()["configuration"].clone();
            let fits = line["condition"] == condition && line["words"].as_str()?.contains(words);
            fits.then_some(line)
        })
    };
    let first = said("doubtful", "试运行至");
    assert!(first["remedy"].is_null(), "there is nothing to go back to yet: {first}");
    said("good", "正常使用中");
    eventually("the centre is reached", LONG, || {
        (gateway.metric("moshao_uplink_up", &[]) == 1.0).then_some(())
    });
    let good = std::fs::read_to_string(gateway.config_file()).unwrap();
    let dead = format!("mqtt://127.0.0.1:{}", free_port());
    std::fs::write(gateway.config_file(), good.replace(&centre.url(), &dead)).unwrap();
    let trial = said("doubtful", "试运行至");
    assert!(
        trial["detail"].as_str().is_some_and(|detail| detail.contains("by a save of the file")),
        "{trial}"
    );
    assert!(trial["remedy"].as_str().is_some_and(|remedy| remedy.contains("自动退回")), "{trial}");
    let back = said("bad", "新配置已撤回");
    assert!(
        back["words"].as_str().is_some_and(|words| words.contains("断开后没有恢复：指挥中心（3")),
        "{back}"
    );
    assert!(back["remedy"].as_str().is_some_and(|remedy| remedy.contains("moshao.toml.failed")), "{back}");
    assert_eq!(gateway.metric("moshao_config_state", &[("state", "rolled-back")]), 1.0);
    assert_eq!(gateway.metric("moshao_config_state", &[]), 1.0, "one state at a time");
}
