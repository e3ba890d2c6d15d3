//! The configuration changes while the gateway runs: what has not changed never notices, and what fails is taken back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use moshao::event::{Event, Phase};
use moshao_tests::broker::{Broker, free_port};
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::commander::Commander;
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::gateway::{Gateway, binary};
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::site::{CAMERA_START, camera, person_detector, uplink};

const PATIENCE: Duration = Duration::from_secs(90);

/// A smoke sensor at the site's broker.
fn smoke(site: &Broker) -> String {
    format!(
        "[sensors]\nurl = \"{}\"\n[sensor.kitchen-smoke]\ntopic = \"site/smoke\"\nvalue = \"/smoke\"\n\
         kind = \"smoke\"\nwatches = [\"smoke\"]\n[rule.smoke]\nstate = {{ is = true }}\nlevel = 1\nclear_after = \"1s\"\n",
        site.url()
    )
}

/// Writes the file anew and has it read.
fn change(gateway: &Gateway, edit: impl Fn(&str) -> String) -> String {
    let before = fs::read_to_string(gateway.config_file()).expect("it is there");
    fs::write(gateway.config_file(), edit(&before)).expect("it can be written");
    gateway.signal(Signal::SIGHUP);
    before
}

fn beside(gateway: &Gateway, ending: &str) -> PathBuf {
    gateway.config_file().with_extension(format!("toml.{ending}"))
}

fn changes(gateway: &Gateway, outcome: &str) -> f64 {
    gateway
        .get("/metrics")
        .map_or(0.0, |_| gateway.metric("moshao_config_changes_total", &[("outcome", outcome)]))
}

/// How often pictures of a camera began to flow.
fn sessions(gateway: &Gateway, camera: &str) -> usize {
    let log = gateway.log();
    log.lines()
        .filter(|line| line.contains("pictures flow") && line.contains(&format!("camera=\"{camera}\"")))
        .count()
}

fn is(event: &Event, code: &str, phase: Phase) -> bool {
    event.data.code == code && event.data.phase == phase
}

#[test]
fn a_reload_restarts_one_camera_and_neither_the_other_nor_an_open_incident_notices() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let (centre_broker, site) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(centre_broker.port);
    let (server, simulated) =
        (CameraServer::start(CameraOptions::playing(&file)), SimulatedCamera::playing(&file));
    let sections = uplink(&centre_broker) + &smoke(&site) + &detector;
    let gateway =
        Gateway::start(&(sections + &camera("stays", &server.url()) + &camera("changes", simulated.url())));
    for camera in ["stays", "changes"] {
        gateway.wait_until_camera_is_up(camera, CAMERA_START * 2);
    }
    eventually("the gateway listens to the site's broker", PATIENCE, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    site.publish("site/smoke", r#"{"smoke": true}"#);
    let opened = centre.wait_for("smoke is told", PATIENCE, |event| is(event, "FIRE_SMOKE", Phase::Opened));
    let workers = gateway.workers();

    change(&gateway, |text| {
        text.replace("[camera.changes]", "[camera.changes]\ngate = \"off\"")
            .replace("[camera.stays]", "[camera.stays]\nname = \"door\"")
    });
    let applied = centre.wait_for("it is told", PATIENCE, |event| event.data.code == "CONFIG_APPLIED");
    let note = applied.event.data.note.unwrap_or_default();
    assert!(
        note.contains("cameras starting anew: changes") && note.contains("1 cameras go on untouched"),
        "{note}"
    );
    eventually("the changed camera is back", PATIENCE, || (sessions(&gateway, "changes") == 2).then_some(()));
    assert_eq!(sessions(&gateway, "stays"), 1, "its session goes on");
    let kept = gateway.workers().into_iter().filter(|pid| workers.contains(pid)).count();
    assert_eq!(kept, 1, "its worker goes on: {workers:?}, now {:?}", gateway.workers());
    let seen = |camera| gateway.metric("moshao_camera_access_units_total", &[("camera", camera)]);
    let before = seen("stays");
    eventually("its pictures go on", PATIENCE, || (seen("stays") > before + 50.0).then_some(()));
    assert_eq!(gateway.metric("moshao_camera_faults_total", &[("camera", "stays")]), 0.0);

    site.publish("site/smoke", r#"{"smoke": false}"#);
    let closed = centre.wait_for("its end is told", PATIENCE, |event| is(event, "FIRE_SMOKE", Phase::Closed));
    assert_eq!(closed.event.correlationid, opened.event.correlationid, "it is the same incident");
    let smoke =
        centre.received().into_iter().filter(|received| is(&received.event, "FIRE_SMOKE", Phase::Opened));
    assert_eq!(smoke.count(), 1, "it was not opened anew");

    change(&gateway, |text| {
        let (head, _) = text.split_once("[camera.changes]").expect("it is the last section");
        head.to_owned()
    });
    eventually("the camera is gone, and its samples with it", PATIENCE, || {
        (gateway.workers().len() == 1 && !gateway.get("/metrics")?.1.contains("camera=\"changes\""))
            .then_some(())
    });
    assert_eq!((sessions(&gateway, "stays"), changes(&gateway, "applied")), (1, 2.0));
}

#[test]
fn a_wrong_file_changes_nothing_and_what_needs_a_restart_is_named() {
    let broker = Broker::start_keeping_sessions();
    let (centre, commander) = (Subscriber::start(broker.port), Commander::start(broker.port));
    // Reads are counted below; those by themselves come when they come.
    let gateway = Gateway::start(&(uplink(&broker) + "[change]\non_save = false\n"));
    let good =
        change(&gateway, |text| format!("{text}[camera.gate]\nurll = \"rtsp://viewer:geheim@10.0.0.1/\"\n"));
    let refused = centre.wait_for("it is told", PATIENCE, |event| is(event, "CONFIG_REFUSED", Phase::Opened));
    let note = refused.event.data.note.clone().unwrap_or_default();
    assert!(
        note.contains("by SIGHUP") && note.contains("`urll`") && note.contains("did you mean `url`?"),
        "{note}"
    );
    assert!(!note.contains("geheim") && !gateway.log().contains("geheim"), "no password is told");

    let answer = commander.order("reload", json!({}));
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("refused"), &json!("bad-arguments")),
        "{answer}"
    );
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.contains("moshao.toml:") && message.contains("urll"), "the whole report: {message}");
    fs::write(gateway.config_file(), good.replace("gw-test", "gw-other")).expect("it can be written");
    let answer = commander.order("reload", json!({}));
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.contains("needs a restart") && message.contains("`gateway.id`"), "{answer}");
    assert_eq!((changes(&gateway, "refused"), changes(&gateway, "applied")), (3.0, 0.0));

    // Outbox and evidence are opened anew with other limits, and nothing of what waits is lost over it.
    let more = "[budget]\nday = \"5MB\"\n[outbox]\nquota = \"64MiB\"\n[evidence]\nclip_linked = false\n";
    fs::write(gateway.config_file(), format!("{good}{more}")).expect("it can be written");
    let change = commander.done("reload", json!({}));
    assert_eq!((&change["new"], &change["untouched"]), (&json!([]), &json!(0)), "{change}");
    centre.wait_for("the refusal is over", PATIENCE, |event| {
        is(event, "CONFIG_REFUSED", Phase::Closed) && event.correlationid == refused.event.correlationid
    });
    eventually("it runs", PATIENCE, || (changes(&gateway, "applied") == 1.0).then_some(()));
    assert_eq!(commander.done("reload", json!({}))["untouched"], 0, "commands are heard after the change");
}

#[test]
fn a_change_with_which_a_test_of_the_configuration_fails_is_refused_with_the_report() {
    let broker = Broker::start_keeping_sessions();
    let commander = Commander::start(broker.port);
    let site = "[sensors]\nurl = \"mqtt://127.0.0.1:9\"\n[sensor.kitchen]\npreset = \"zigbee2mqtt-smoke\"\ntopic = \"z/kitchen\"\n\
                [[test]]\nname = \"smoke\"\nsteps = [{ at = \"1s\", sensor = \"kitchen\", value = true }]\n\
                expect = [{ code = \"FIRE_SMOKE\", opened = \"1s\" }]\n";
    let gateway = Gateway::start(&(uplink(&broker) + "[change]\non_save = false\n" + site));
    let good = fs::read_to_string(gateway.config_file()).expect("it is there");
    let wrong = good.replace("opened = \"1s\"", "opened = \"9s\"");
    fs::write(gateway.config_file(), &wrong).expect("it can be written");
    let answer = commander.order("reload", json!({}));
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("refused"), &json!("bad-arguments")),
        "{answer}"
    );
    let message = answer["message"].as_str().unwrap_or_default();
    for part in [
        "moshao.toml:",
        "test `smoke`: FIRE_SMOKE at 9 s did not come",
        "what came: FIRE_SMOKE of kitchen at 1 s",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!((changes(&gateway, "refused"), changes(&gateway, "applied")), (1.0, 0.0));
    fs::write(gateway.config_file(), good + "[budget]\nday = \"5MB\"\n").expect("it can be written");
    commander.done("reload", json!({}));
}

#[test]
fn a_file_that_is_saved_is_read_by_itself_however_it_is_saved() {
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let gateway = Gateway::start(&uplink(&broker));
    let good = fs::read_to_string(gateway.config_file()).expect("it is there");
    // In its place, as nano does, and with a mistake.
    fs::write(gateway.config_file(), format!("{good}[camera.gate]\nurll = \"\"\n"))
        .expect("it can be written");
    let refused = centre.wait_for("it is told", PATIENCE, |event| is(event, "CONFIG_REFUSED", Phase::Opened));
    let note = refused.event.data.note.unwrap_or_default();
    assert!(note.contains("by a save of the file") && note.contains("did you mean `url`?"), "{note}");
    // Another file in its place, as vim does.
    let other = beside(&gateway, "swp");
    fs::write(&other, format!("{good}[budget]\nday = \"5MB\"\n")).expect("it can be written");
    fs::rename(&other, gateway.config_file()).expect("it can be moved");
    let applied = centre.wait_for("it is told", PATIENCE, |event| event.data.code == "CONFIG_APPLIED");
    assert!(applied.event.data.note.unwrap_or_default().contains("by a save of the file"));
    eventually("it is on trial", PATIENCE, || {
        gateway.get("/metrics")?;
        (gateway.metric("moshao_config_state", &[("state", "trial")]) == 1.0).then_some(())
    });
    assert_eq!((changes(&gateway, "refused"), changes(&gateway, "applied")), (1.0, 1.0));
}

#[test]
fn a_change_after_which_a_camera_stays_away_is_taken_back() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let simulated = SimulatedCamera::playing(&file);
    let trial = "[change]\ntrial = \"2s\"\n";
    let mut gateway =
        Gateway::start(&(uplink(&broker) + trial + &detector + &camera("gate", simulated.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START * 2);
    eventually("it has run through its trial", PATIENCE, || {
        beside(&gateway, "last-good").exists().then_some(())
    });

    let dead = format!("rtsp://127.0.0.1:{}/gone", free_port());
    let good = change(&gateway, |text| text.replace(simulated.url(), &dead));
    let told =
        centre.wait_for("it is taken back", PATIENCE, |event| is(event, "CONFIG_ROLLED_BACK", Phase::Opened));
    assert!(told.event.data.note.unwrap_or_default().contains("camera gate for 3"), "why");
    assert_eq!(fs::read_to_string(gateway.config_file()).unwrap(), good, "the file is what runs");
    assert!(fs::read_to_string(beside(&gateway, "failed")).unwrap().contains(&dead), "for whoever mends it");
    eventually("the camera is back", PATIENCE, || (sessions(&gateway, "gate") == 2).then_some(()));
    assert_eq!((changes(&gateway, "rolled-back"), gateway.metric("moshao_config_trial", &[])), (1.0, 0.0));

    // A gateway whose file is spoilt starts with what was good.
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.wait_for_exit(PATIENCE).success());
    fs::write(gateway.config_file(), "[gateway]\nid = 7\n").expect("it can be written");
    gateway.restart();
    gateway.wait_until_camera_is_up("gate", CAMERA_START * 2);
    centre.wait_for("it is told", PATIENCE, |event| is(event, "CONFIG_REFUSED", Phase::Opened));
    assert_eq!(
        fs::read_to_string(gateway.config_file()).unwrap(),
        "[gateway]\nid = 7\n",
        "nobody touches it"
    );
}

/// The key of RFC 8032 §7.1, test 1, as `openssl genpkey -algorithm ed25519` writes it.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
/// The public half.
const PUBLIC: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// A key of somebody else (RFC 8032 §7.1, test 2).
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumNJqM9u1PuKb7\n-----END PRIVATE KEY-----\n";

fn moshao(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary runs")
}

/// What `moshao bundle sign` makes of a text.
fn sign(folder: &Path, key: &str, version: u64, text: &str) -> Output {
    let (key_file, file) = (folder.join("centre.key"), folder.join("site.toml"));
    fs::write(&key_file, key).expect("a key");
    fs::write(&file, text).expect("a configuration");
    let (key, file) = (key_file.display().to_string(), file.display().to_string());
    moshao(&["bundle", "sign", "--key", &key, "--version", &version.to_string(), &file])
}

fn bundle(folder: &Path, key: &str, version: u64, text: &str) -> Value {
    let signed = sign(folder, key, version, text);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    serde_json::from_slice(&signed.stdout).expect("a bundle is JSON")
}

#[test]
fn a_configuration_that_the_centre_has_signed_is_taken_once_and_taken_back_where_it_cuts_the_link() {
    let broker = Broker::start_keeping_sessions();
    let (centre, commander) = (Subscriber::start(broker.port), Commander::start(broker.port));
    let folder = tempfile::tempdir().expect("a folder");
    let change = format!("[change]\ntrial = \"2s\"\nkeys = [\"{PUBLIC}\"]\n");
    let mut gateway = Gateway::start(&(uplink(&broker) + &change));
    let before = fs::read_to_string(gateway.config_file()).expect("it is there");
    let text = format!("{before}[budget]\nday = \"5MB\"\n");
    let refused = |arguments: &Value, reason: &str, words: &str| {
        let answer = commander.order("configure", arguments.clone());
        assert_eq!((&answer["status"], &answer["reason"]), (&json!("refused"), &json!(reason)), "{answer}");
        assert!(answer["message"].as_str().is_some_and(|message| message.contains(words)), "{answer}");
        assert_eq!(fs::read_to_string(gateway.config_file()).unwrap(), before, "nothing is written");
    };

    let good = bundle(folder.path(), KEY, 7, &text);
    let changed = json!({"version": 7, "config": format!("{text}# more\n"), "signature": good["signature"]});
    refused(&changed, "not-allowed", "fits none of the 1 keys");
    refused(&bundle(folder.path(), OTHER_KEY, 7, &text), "not-allowed", "fits none of the 1 keys");
    let wrong = bundle(folder.path(), KEY, 7, &format!("{before}[camera.gate]\nurll = \"\"\n"));
    refused(&wrong, "bad-arguments", "did you mean `url`?");
    let renamed = bundle(folder.path(), KEY, 7, &before.replace("gw-test", "gw-other"));
    refused(&renamed, "bad-arguments", "needs a restart");
    let secret = sign(folder.path(), KEY, 7, &format!("{before}password = \"geheim\"\n"));
    let complaint = String::from_utf8_lossy(&secret.stderr).into_owned();
    assert!(
        !secret.status.success() && complaint.contains("written out in `change.password`"),
        "{complaint}"
    );
    assert!(!complaint.contains("geheim"));

    let done = commander.done("configure", good.clone());
    assert_eq!((&done["version"], &done["trial_seconds"]), (&json!(7), &json!(2)), "{done}");
    eventually("it is kept", PATIENCE, || {
        fs::read_to_string(beside(&gateway, "last-good")).is_ok_and(|kept| kept == text).then_some(())
    });
    assert_eq!(fs::read_to_string(gateway.config_file()).unwrap(), text);
    assert_eq!(fs::read_to_string(beside(&gateway, "previous")).unwrap(), before);
    assert_eq!(gateway.metric("moshao_config_info", &[("bundle", "7")]), 1.0);
    // The number is remembered over a restart.
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.wait_for_exit(PATIENCE).success());
    gateway.restart();
    for old in [&good, &bundle(folder.path(), KEY, 6, &text)] {
        let answer = commander.order("configure", old.clone());
        assert_eq!(
            (&answer["status"], &answer["reason"]),
            (&json!("refused"), &json!("not-allowed")),
            "{answer}"
        );
        assert!(
            answer["message"].as_str().is_some_and(|message| message.contains("not newer than 7")),
            "{answer}"
        );
    }

    // A centre that cuts itself off gets its gateway back.
    let dead = format!("mqtt://127.0.0.1:{}", free_port());
    commander.done("configure", bundle(folder.path(), KEY, 8, &text.replace(&broker.url(), &dead)));
    let told =
        centre.wait_for("it is taken back", PATIENCE, |event| is(event, "CONFIG_ROLLED_BACK", Phase::Opened));
    assert!(told.event.data.note.unwrap_or_default().contains("the centre's broker for 3"), "why");
    assert_eq!(fs::read_to_string(gateway.config_file()).unwrap(), text);
    assert!(fs::read_to_string(beside(&gateway, "failed")).unwrap().contains(&dead));
    let again = bundle(folder.path(), KEY, 9, &text.replace("5MB", "6MB"));
    assert_eq!(commander.done("configure", again)["version"], 9, "the next one is taken");
}
