//! `moshao probe` before real cameras.

use std::process::{Command, Output};
use std::time::Duration;

use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{Clip, PERSON_360P_H264, PERSON_1080P_H265};
use moshao_tests::gateway::binary;
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;

#[test]
fn a_camera_is_described_as_it_was_encoded_and_its_password_stays_secret() {
    let Some(file) = PERSON_1080P_H265.file() else { return skip("no test data") };
    let server = CameraServer::start(CameraOptions::playing(file).with_login("viewer", "open-sesame"));
    let url = server.url().replace("rtsp://", "rtsp://viewer@");
    let output = probe(&[&url, "--seconds", "6", "--json"], "open-sesame");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        (said["codec"].as_str(), said["width"].as_u64(), said["height"].as_u64()),
        (Some("h265"), Some(1920), Some(1080))
    );
    let near = |key: &str, wanted: f64, tolerance: f64| {
        let value = said[key].as_f64().unwrap_or_else(|| panic!("{key} in {said}"));
        assert!((value - wanted).abs() <= tolerance, "{key} is {value}, not {wanted}: {said}");
    };
    near("fps", 25.0, 0.5);
    near("key_frame_interval_s", 2.0, 0.1);
    near("kbit_s", 4150.0, 1500.0);
    near("lost_packets", 0.0, 0.0);
    near("clock_offset_s", 0.0, 1.0);
    assert_eq!(said["advice"].as_array().map(Vec::len), Some(0), "{said}");
}

#[test]
fn a_camera_with_rare_key_frames_is_told_to_send_more() {
    let sparse = Clip { key_frame_every: 250, ..PERSON_360P_H264 };
    let Some(file) = sparse.file() else { return skip("no test data") };
    let server = CameraServer::start(CameraOptions::playing(file));
    let output = probe(&[&server.url(), "--seconds", "4"], "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("H264 640x360"), "{said}");
    assert!(said.contains("To change: only one key frame in"), "{said}");
}

#[test]
fn what_is_wrong_with_a_camera_is_said_and_the_exit_code_is_1() {
    let Some(file) = PERSON_360P_H264.file() else { return skip("no test data") };
    let server = CameraServer::start(CameraOptions::playing(file).with_login("viewer", "right"));
    let url = server.url().replace("rtsp://", "rtsp://viewer:open-sesame@");
    let output = probe(&[&url], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("wrong-password") && said.contains("401"), "{said}");
    assert!(!said.contains("open-sesame"), "{said}");
}

#[test]
fn a_camera_of_key_frames_alone_is_told_to_send_fewer() {
    let all_keys = Clip { key_frame_every: 1, ..PERSON_360P_H264 };
    let Some(file) = all_keys.file() else { return skip("no test data") };
    let server = CameraServer::start(CameraOptions::playing(file));
    let said = String::from_utf8(probe(&[&server.url(), "--seconds", "4"], "").stdout).unwrap();
    assert!(said.contains("one key frame a second is looked at"), "{said}");
    assert!(said.contains("To change: every picture is a key frame"), "{said}");
}

#[test]
fn a_motion_jpeg_camera_is_told_to_change_its_codec() {
    let Some(file) = PERSON_360P_H264.file() else { return skip("no test data") };
    let server = SimulatedCamera::start(&[file], Duration::ZERO, &["motion-jpeg"]);
    let output = probe(&[server.url()], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("unsupported-codec") && said.contains("set the camera to H.264 or H.265"),
        "{said}"
    );
}

/// Runs it with a password in the environment.
fn probe(arguments: &[&str], password: &str) -> Output {
    Command::new(binary())
        .arg("probe")
        .args(arguments)
        .env("MOSHAO_CAMERA_PASSWORD", password)
        .output()
        .expect("the binary under test runs")
}
