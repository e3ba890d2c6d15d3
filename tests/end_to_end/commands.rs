//! Commands of the centre: evidence on demand with a ledger, orders that last, diagnosis without passwords.

use std::time::Duration;

use moshao::event::{Mode, Phase};
use moshao::evidence::ledger;
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::commander::Commander;
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::video::Video;
use moshao_tests::wait::eventually;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::site::{CAMERA_START, NEXT_PERSON, camera, person_detector, uplink};

const SECONDS: Duration = Duration::from_secs(20);

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches a file as a centre would, from `offset` on.
fn export(commander: &Commander, reference: &str, offset: u64) -> (Value, Vec<u8>) {
    let arguments = json!({"reference": reference, "reason": "case 4711", "offset": offset});
    let answer = commander.order("export", arguments);
    assert_eq!(answer["status"], "done", "{answer}");
    let (id, result) = (answer["id"].as_str().expect("it has an id"), &answer["result"]);
    let parts = eventually("all parts come", SECONDS, || {
        let parts = commander.parts(id);
        (parts.len() as u64 == result["parts"].as_u64().expect("a number")).then_some(parts)
    });
    let mut bytes = Vec::new();
    for (at, part) in parts {
        assert_eq!(at, offset + bytes.len() as u64, "the parts fit together");
        bytes.extend(part);
    }
    (result.clone(), bytes)
}

#[test]
fn evidence_is_taken_fetched_and_held_by_command_and_the_ledger_knows() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let commander = Commander::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);

    eventually("the camera has been watched for some seconds", CAMERA_START, || {
        (gateway.metric("moshao_camera_access_units_total", &[("camera", "gate")]) > 125.0).then_some(())
    });
    let still = commander.done("still", json!({"camera": "gate"}))["evidence"].clone();
    assert_eq!((&still["kind"], &still["masked"]), (&json!("image"), &json!(true)), "{still}");
    let clip = commander.done("clip", json!({"camera": "gate", "seconds": 3}))["evidence"].clone();
    assert_eq!((&clip["kind"], &clip["masked"]), (&json!("video"), &json!(false)), "{clip}");
    let reference = clip["ref"].as_str().expect("it is on the box");
    let video = Video::of(&gateway.data_dir().join(reference));
    assert_eq!((video.complaints.as_str(), video.keys[0]), ("", true));
    assert!(video.seconds() > 1.0, "{} s", video.seconds());

    let (result, bytes) = export(&commander, reference, 0);
    assert_eq!(
        (&result["sha256"], sha256(&bytes)),
        (&clip["sha256"], clip["sha256"].as_str().unwrap().to_owned())
    );
    let (_, rest) = export(&commander, reference, 40_000);
    assert_eq!(rest, bytes[40_000..], "a transfer goes on where another broke off");
    let refused = commander.order("export", json!({"reference": reference, "reason": " "}));
    assert_eq!(refused["reason"], "bad-arguments", "no reason, no file: {refused}");
    let refused = commander.order("export", json!({"reference": "../moshao.toml", "reason": "curious"}));
    assert_eq!(refused["reason"], "bad-arguments", "{refused}");

    let incident = reference.split('/').nth(1).expect("evidence/<incident>/<file>");
    commander.done("hold", json!({"incident": incident, "reason": "case 4711"}));
    let kept = commander.done("clip", json!({"incident": incident}));
    assert_eq!(kept["kept"][0]["ref"], reference);
    let released = commander.done("release", json!({"incident": incident, "reason": "case closed"}));
    assert_eq!(released["was_held"], true);

    let book = std::fs::read_to_string(gateway.data_dir().join(ledger::FILE)).expect("it is there");
    let seal = ledger::verify(&book).expect("nobody has touched it");
    assert_eq!(released["ledger"]["hash"], seal.hash.as_str(), "the centre knows the latest entry");
    let what: Vec<String> = book
        .lines()
        .map(|line| serde_json::from_str::<ledger::Entry>(line).expect("an entry").access.what)
        .collect();
    assert_eq!(what, ["still", "clip", "export", "export", "hold", "clip", "release"]);
    assert!(book.contains("case 4711") && book.contains("duty"));
}

#[test]
fn clips_wait_and_stills_shrink_when_the_traffic_of_the_day_runs_out() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let commander = Commander::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let budget = "[budget]\nday = \"1MB\"\n";
    let gateway = Gateway::start(&(uplink(&broker) + budget + &detector + &camera("gate", &server.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    eventually("the camera has been watched for some seconds", CAMERA_START, || {
        (gateway.metric("moshao_camera_access_units_total", &[("camera", "gate")]) > 125.0).then_some(())
    });
    let clip = commander.done("clip", json!({"camera": "gate", "seconds": 3}))["evidence"].clone();
    let still = commander.done("still", json!({"camera": "gate"}))["evidence"].clone();
    let of = |evidence: &Value| json!({"reference": evidence["ref"], "reason": "case 4711"});

    let waits = || gateway.metric("moshao_traffic_waits", &[("class", "clip")]) == 1.0;
    for _ in 0..100 {
        let answer = commander.order("export", of(&clip));
        assert_eq!(answer["status"], "done", "{answer}");
        let wanted = answer["result"]["parts"].as_u64().expect("a number") as usize;
        let id = answer["id"].as_str().expect("it has an id");
        eventually("the clip comes or waits", SECONDS, || {
            (commander.parts(id).len() == wanted || waits()).then_some(())
        });
        if waits() {
            break;
        }
    }
    assert!(waits(), "clips stop at half of the day's traffic");
    let used = gateway.metric("moshao_traffic_day_bytes", &[("class", "clip")]);
    assert!((300_000.0..=500_000.0).contains(&used), "{used} bytes");
    let refused = commander.order("export", of(&clip));
    assert_eq!(refused["reason"], "busy", "{refused}");

    let small = (0..100).map(|_| export(&commander, still["ref"].as_str().expect("it is on the box"), 0));
    let small = small.into_iter().find(|(result, _)| !result["smaller"].is_null());
    let (result, bytes) = small.expect("stills go on, and smaller from 70 % of the day's traffic on");
    assert_eq!(result["smaller"]["of_sha256"], still["sha256"]);
    assert_eq!(result["sha256"], json!(sha256(&bytes)));
    let picture = image::load_from_memory(&bytes).expect("a JPEG");
    assert!(picture.width() <= 640 && (bytes.len() as u64) < result["smaller"]["of_bytes"].as_u64().unwrap());
}

#[test]
fn mute_and_mode_last_over_a_restart_and_end_by_themselves() {
    let (broker, site) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(broker.port);
    let commander = Commander::start(broker.port);
    let mut gateway = Gateway::start(&format!(
        "{}[sensors]\nurl = \"{}\"\n\
         [sensor.kitchen]\ntopic = \"smoke\"\nvalue = \"/on\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [sensor.boiler]\ntopic = \"boiler\"\nvalue = \"/celsius\"\nkind = \"temperature\"\nunit = \"Cel\"\nwatches = [\"hot\"]\n\
         [rule.smoke]\nstate = {{ is = true }}\nlevel = 1\nclear_after = \"1s\"\n\
         [rule.hot]\nthreshold = {{ above = 57.0 }}\nlevel = 2\n",
        uplink(&broker),
        site.url()
    ));
    let heard = |gateway: &Gateway| {
        eventually("the gateway listens to the site's broker", SECONDS, || {
            (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
        });
    };
    heard(&gateway);

    let refused = commander.order("mute", json!({"rule": "smoke", "seconds": 600}));
    assert_eq!(refused["reason"], "not-allowed", "{refused}");
    let refused = commander.order("mute", json!({"rule": "smok", "seconds": 600}));
    assert_eq!(refused["reason"], "not-found", "{refused}");
    let refused = commander.order("mute", json!({"rule": "hot", "seconds": 90_000}));
    assert!(refused["message"].as_str().unwrap().contains("86400"), "{refused}");
    commander.done("mute", json!({"rule": "hot", "seconds": 600}));
    commander.done("mode", json!({"device": "kitchen", "mode": "test", "seconds": 600}));

    gateway.signal(Signal::SIGKILL);
    gateway.wait_for_exit(SECONDS);
    gateway.restart();
    heard(&gateway);
    site.publish("boiler", r#"{"celsius": 90}"#);
    site.publish("smoke", r#"{"on": true}"#);
    let told = centre.wait_for("smoke is told", SECONDS, |event| event.data.rule == "smoke");
    assert_eq!((told.event.data.mode, told.event.data.phase), (Mode::Test, Phase::Opened));
    eventually("heat was mute", SECONDS, || {
        (gateway.metric("moshao_findings_muted_total", &[]) == 1.0).then_some(())
    });

    commander.done("mute", json!({"rule": "hot", "seconds": 0}));
    site.publish("boiler", r#"{"celsius": 91}"#);
    centre.wait_for("heat is told again", SECONDS, |event| event.data.rule == "hot");
}

#[test]
fn a_diagnosis_has_no_password_and_a_worker_starts_anew() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let commander = Commander::start(broker.port);
    let password = "s3cret-of-gate";
    let server = CameraServer::start(CameraOptions::playing(file).with_login("viewer", password));
    let url = server.url().replace("rtsp://", &format!("rtsp://viewer:{password}@"));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &url)));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);

    let diagnosis = commander.done("diagnose", json!({"reason": "a slow camera"}));
    let (_, bytes) = export(&commander, diagnosis["reference"].as_str().expect("a file"), 0);
    let text = String::from_utf8(bytes).expect("JSON");
    assert!(!text.contains(password));
    let bundle: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bundle["version"], env!("CARGO_PKG_VERSION"));
    let lines = |key: &str| bundle[key].as_array().expect("lines").len();
    assert!(lines("config") > 20 && lines("metrics") > 50 && lines("log") > 2, "{text}");

    let before = gateway.workers();
    let restarted = commander.done("restart", json!({"camera": "gate"}));
    assert_eq!(restarted["cameras"], json!(["gate"]));
    eventually("another worker is there", SECONDS, || {
        let now = gateway.workers();
        (now.len() == 1 && now != before).then_some(())
    });
    let seen = centre.received().len();
    eventually("the camera is watched again", NEXT_PERSON, || (centre.received().len() > seen).then_some(()));
}
