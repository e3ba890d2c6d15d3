//! Replays with the gate and without tell the same, and with it cost a fraction.

use std::path::{Path, PathBuf};
use std::process::Command;

use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance;
use moshao_tests::compose::truth::Truth;
use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec;
use moshao_tests::gateway::binary;
use moshao_tests::skip;
use serde_json::Value;
use tempfile::TempDir;

use crate::stage;

#[test]
fn a_replay_with_the_gate_tells_the_same_incidents_and_decodes_a_fraction() {
    let Some(recipe) = stage::recipe(Codec::H264, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let timeline = Timeline::Stretched { quiet_s: 40.0, happenings: 3, longest_s: 8.0 };
    let composed = stage::composed(&Recipe { name: "people".to_owned(), timeline, ..recipe });
    let folder = tempfile::tempdir().expect("a directory for the configuration");
    let config = configured(&folder, &stage::detector());

    let (with, without) = (replay(&config, &composed.file, "on"), replay(&config, &composed.file, "off"));
    assert_eq!(opened(&without), 3, "three people come");
    assert_eq!(opened(&with), 3);
    let (few, all) = (stat(&with, "decoded"), stat(&without, "decoded"));
    assert!(few < all / 2.0, "{few} of {all} pictures decoded");
    let (quiet_awake_s, quiet_s) = (quiet_awake_s(&with, &composed.truth), composed.truth.quiet_s());
    assert!(quiet_awake_s < quiet_s / 10.0, "awake for {quiet_awake_s} s of {quiet_s} s");
}

#[test]
fn people_who_walk_through_insects_at_night_are_told_and_insects_alone_keep_no_camera_awake() {
    let Some(recipe) = stage::recipe(Codec::H264, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let (timeline, light) =
        (Timeline::Stretched { quiet_s: 40.0, happenings: 2, longest_s: 8.0 }, Light::Night(20.0, 60.0));
    let nuisances = vec![Nuisance::Clock, Nuisance::Insects];
    let composed =
        stage::composed(&Recipe { name: "insects".to_owned(), timeline, light, nuisances, ..recipe });
    let folder = tempfile::tempdir().expect("a directory for the configuration");
    let config = configured(&folder, &stage::detector());
    let (with, without) = (replay(&config, &composed.file, "on"), replay(&config, &composed.file, "off"));
    assert_eq!(opened(&with), opened(&without));
    assert!(opened(&with) > 0, "people come");
    let quiet_awake_s = quiet_awake_s(&with, &composed.truth);
    // The beginning takes 2.5 s, each happening 1.5 s after its end.
    assert!(quiet_awake_s < 6.0, "awake for {quiet_awake_s} s of {} s", composed.truth.quiet_s());
}

#[test]
fn what_no_rule_asks_for_keeps_no_camera_awake() {
    let Some(recipe) = stage::recipe(Codec::H264, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let timeline = Timeline::Stretched { quiet_s: 40.0, happenings: 3, longest_s: 8.0 };
    let composed = stage::composed(&Recipe { name: "people".to_owned(), timeline, ..recipe });
    let folder = tempfile::tempdir().expect("a directory for the configuration");
    let config =
        configured(&folder, &stage::detector().replace("[\"person\"], at_least", "[\"boat\"], at_least"));
    let lines = replay(&config, &composed.file, "on");
    assert_eq!(opened(&lines), 0);
    let awake_s = stat(&lines, "awake_seconds");
    // They are large and of another kind: 2.5 s at the start, 5 s on credit, and 3 % of the time.
    let most_s = 8.0 + 0.03 * composed.truth.length_s;
    assert!(awake_s < most_s, "awake for {awake_s} s, of people whom nobody asked for");
}

/// A configuration with the camera `gate` and these sections.
fn configured(folder: &TempDir, sections: &str) -> PathBuf {
    let config = folder.path().join("moshao.toml");
    let text = "[gateway]\nid = \"gw-test\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
                [uplink]\nurl = \"mqtt://127.0.0.1:1883\"\n";
    let camera = stage::camera("gate", "rtsp://127.0.0.1/stream", "on");
    std::fs::write(&config, [text, sections, &camera].concat()).expect("the configuration is written");
    config
}

/// How often something began: what comes again soon is the same incident, reopened.
fn opened(lines: &[Value]) -> usize {
    let is_opened = |line: &&Value| line["data"]["phase"] == "opened" || line["data"]["phase"] == "reopened";
    lines.iter().filter(is_opened).count()
}

/// How long it was awake beyond what happens, seconds: falling asleep after each happening, and what is in vain.
fn quiet_awake_s(lines: &[Value], truth: &Truth) -> f64 {
    let happens_s: f64 = truth.happenings.iter().map(|happening| happening.length_s()).sum();
    stat(lines, "awake_seconds") - happens_s
}

/// One of the figures in the last line.
fn stat(lines: &[Value], name: &str) -> f64 {
    lines.last().and_then(|line| line["stats"][name].as_f64()).expect("the last line sums up")
}

/// The lines that `moshao replay --json` prints.
fn replay(config: &Path, video: &Path, gate: &str) -> Vec<Value> {
    let output = Command::new(binary())
        .args(["replay", "--camera", "gate", "--gate", gate, "--json", "--config"])
        .arg(config)
        .arg("--video")
        .arg(video)
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is a JSON object")).collect()
}
