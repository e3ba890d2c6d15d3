//! Replays with the gate and without tell the same, and with it cost a fraction.

use std::path::Path;
use std::process::Command;

use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec;
use moshao_tests::gateway::binary;
use moshao_tests::skip;
use serde_json::Value;

use crate::stage;

#[test]
fn a_replay_with_the_gate_tells_the_same_incidents_and_decodes_a_fraction() {
    let Some(recipe) = stage::recipe(Codec::H264, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let timeline = Timeline::Stretched { quiet_s: 40.0, happenings: 3, longest_s: 8.0 };
    let composed = stage::composed(&Recipe { name: "people".to_owned(), timeline, ..recipe });
    let folder = tempfile::tempdir().expect("a directory for the configuration");
    let config = folder.path().join("moshao.toml");
    let text = "[gateway]\nid = \"gw-test\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
                [uplink]\nurl = \"mqtt://127.0.0.1:1883\"\n";
    let sections = stage::detector() + &stage::camera("gate", "rtsp://127.0.0.1/stream", "on");
    std::fs::write(&config, text.to_owned() + &sections).expect("the configuration is written");

    let (with, without) = (replay(&config, &composed.file, "on"), replay(&config, &composed.file, "off"));
    let opened = |lines: &[Value]| lines.iter().filter(|line| line["data"]["phase"] == "opened").count();
    assert_eq!(opened(&without), 3, "three people come");
    assert_eq!(opened(&with), 3);
    let stat = |lines: &[Value], name: &str| lines.last().and_then(|line| line["stats"][name].as_f64());
    let (few, all) = (stat(&with, "decoded").expect("a count"), stat(&without, "decoded").expect("a count"));
    assert!(few < all / 2.0, "{few} of {all} pictures decoded");
    let quiet_awake = stat(&with, "awake_seconds").expect("seconds")
        - composed.truth.happenings.iter().map(|happening| happening.length_s()).sum::<f64>();
    assert!(
        quiet_awake < composed.truth.quiet_s() / 10.0,
        "awake for {quiet_awake} s of {} s in which nothing happens",
        composed.truth.quiet_s()
    );
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
