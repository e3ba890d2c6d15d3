//! `moshao sheet`: the document that is filed and signed when a box has been put up.

use std::fs;
use std::process::Command;

use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::gateway::binary;
use moshao_tests::skip;

#[test]
fn an_acceptance_report_says_what_a_camera_sends_and_what_is_wrong_with_one_that_sends_nothing() {
    let Some(film) = PERSON_360P_H264.file() else { return skip("no test data") };
    let server = CameraServer::start(CameraOptions::playing(film).with_login("viewer", "open-sesame"));
    let directory = tempfile::tempdir().expect("a folder");
    let (config, sheet) = (directory.path().join("moshao.toml"), directory.path().join("sheet.html"));
    let url = |login: &str| server.url().replace("rtsp://", &format!("rtsp://viewer:{login}@"));
    let text = format!(
        "[gateway]\nid = \"gw-0007\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
         [uplink]\nurl = \"mqtt://127.0.0.1\"\n\
         [camera.gate]\nname = \"Gate\"\nurl = \"{}\"\nwatches = [\"fire\"]\naddress = \"1 Lake Road\"\nlon = 104.0\nlat = 30.5\n\
         [camera.yard]\nurl = \"{}\"\nwatches = [\"fire\"]\n\
         [rule.fire]\nobject = {{ labels = [\"fire\"] }}\n",
        url("open-sesame"),
        url("wrong-guess"),
    );
    fs::write(&config, text).expect("written");
    let output = Command::new(binary())
        .args(["sheet", "--language", "en", "--measure", "--seconds", "5", "--config"])
        .arg(&config)
        .arg("--out")
        .arg(&sheet)
        .output()
        .expect("the binary under test runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document = fs::read_to_string(&sheet).expect("the document was written");
    for said in [
        "H264 640x360",
        "1 of 2 devices are complete",
        "missing: name, address, longitude and latitude",
        "the camera refuses user and password",
        "1 failed",
        "walk test",
    ] {
        assert!(document.contains(said), "no {said:?} in {document}");
    }
    for secret in ["open-sesame", "wrong-guess", "viewer:", "viewer@"] {
        assert!(!document.contains(secret), "{secret} is nobody's business");
    }
}
