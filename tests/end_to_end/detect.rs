//! `moshao detect` and `moshao models` with a real detector on real pictures and footage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use moshao_tests::footage::data_dir;
use moshao_tests::gateway::binary;
use moshao_tests::skip;
use serde_json::Value;

const KEYS: [&str; 6] = ["detections", "frame", "height", "input", "pts_ms", "width"];

/// The folder of test data and the detector of people in it; none, said aloud, without them.
fn data() -> Option<(PathBuf, String)> {
    let Some(data) = data_dir() else {
        skip("no test data");
        return None;
    };
    let model = data.join("models/yolox_nano.onnx").display().to_string();
    Some((data, model))
}

fn moshao(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary under test runs")
}

/// Lines of JSON, each held against the contract.
#[track_caller]
fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    for line in &lines {
        let mut keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, KEYS, "{line}");
        let (width, height) = (line["width"].as_f64().unwrap(), line["height"].as_f64().unwrap());
        assert!(line["frame"].is_u64() && line["pts_ms"].is_u64() && line["input"].is_string(), "{line}");
        for found in line["detections"].as_array().unwrap() {
            let score = found["score"].as_f64().unwrap();
            let sides: Vec<f64> =
                found["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let [x1, y1, x2, y2] = sides[..] else { panic!("four sides: {found}") };
            assert!(found["label"].is_string() && (0.0..=1.0).contains(&score), "{found}");
            assert!(0.0 <= x1 && x1 < x2 && x2 <= width && 0.0 <= y1 && y1 < y2 && y2 <= height, "{found}");
            assert!(found["track"].is_null() || found["track"].is_u64(), "{found}");
            assert_eq!(found.as_object().unwrap().len(), 4, "{found}");
        }
    }
    lines
}

/// How often each label was found.
fn counted(line: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for found in line["detections"].as_array().unwrap() {
        *counts.entry(found["label"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn pictures_give_a_line_each_with_boxes_in_their_own_pixels() {
    let Some((data, model)) = data() else { return };
    let pictures =
        ["bus", "dog", "person"].map(|name| data.join(format!("images/{name}.jpg")).display().to_string());
    let said =
        lines(&moshao(&["detect", "--model", &model, "--json", &pictures[0], &pictures[1], &pictures[2]]));
    let inputs: Vec<&str> = said.iter().map(|line| line["input"].as_str().unwrap()).collect();
    assert_eq!(inputs, pictures);
    let size = |line: &Value| (line["width"].as_u64().unwrap(), line["height"].as_u64().unwrap());
    for (line, picture) in said.iter().zip(&pictures) {
        let (width, height) = image::image_dimensions(picture).unwrap();
        assert_eq!(size(line), (u64::from(width), u64::from(height)));
        assert!(line["frame"] == 0 && line["pts_ms"] == 0, "{line}");
        assert!(
            line["detections"].as_array().unwrap().iter().all(|found| found["track"].is_null()),
            "{line}"
        );
    }
    let [bus, dog, _] = &said[..] else { panic!("three lines") };
    assert!(counted(bus)["bus"] == 1 && counted(bus)["person"] >= 3, "{bus}");
    assert!(counted(dog).contains_key("dog") && counted(dog).contains_key("bicycle"), "{dog}");
}

#[test]
fn a_video_gives_a_line_a_picture_and_its_objects_keep_their_track() {
    let Some((data, model)) = data() else { return };
    let video = data.join("videos/one-by-one-person-detection.mp4").display().to_string();
    let said = lines(&moshao(&[
        "detect",
        "--model",
        &model,
        "--threshold",
        "0.4",
        "--every",
        "2",
        "--json",
        &video,
    ]));
    let times: Vec<u64> = said.iter().map(|line| line["pts_ms"].as_u64().unwrap()).collect();
    assert!(
        times.len() > 250 && times.is_sorted() && *times.last().unwrap() > 137_000,
        "{} lines",
        times.len()
    );
    let mut tracks: BTreeMap<u64, usize> = BTreeMap::new();
    for found in said.iter().flat_map(|line| line["detections"].as_array().unwrap()) {
        if found["label"] == "person" {
            *tracks.entry(found["track"].as_u64().expect("objects of a video are tracked")).or_default() += 1;
        }
    }
    assert!(tracks.values().filter(|sightings| **sightings > 5).count() >= 5, "{tracks:?}");
}

#[test]
fn labels_are_mapped_pictures_turned_and_tiles_see_more() {
    let Some((data, model)) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.toml");
    std::fs::write(&map, "person = \"人\"\n\"*\" = false\n").unwrap();
    let bus = data.join("images/bus.jpg");
    let look = |extra: &[&str], input: &Path| {
        let input = input.display().to_string();
        let arguments = [&["detect", "--model", &model, "--json"], extra, &[input.as_str()]].concat();
        lines(&moshao(&arguments)).remove(0)
    };
    let upright = look(&[], &bus);
    let mapped = look(&["--label-map", map.to_str().unwrap()], &bus);
    assert_eq!(counted(&mapped), BTreeMap::from([("人".to_owned(), counted(&upright)["person"])]));
    assert_eq!(look(&["--max-detections", "2"], &bus)["detections"].as_array().unwrap().len(), 2);

    // As a camera that hangs on its side would see it: to be turned by 90 degrees clockwise.
    let hanging = folder.path().join("hanging.png");
    image::open(&bus).unwrap().rotate270().save(&hanging).unwrap();
    let turned = look(&["--rotate", "90"], &hanging);
    assert_eq!((&turned["width"], &turned["height"]), (&upright["height"], &upright["width"]));
    assert_eq!(counted(&turned)["person"], counted(&upright)["person"]);
    let bus_in = |line: &Value| -> Vec<f64> {
        let all = line["detections"].as_array().unwrap();
        let found = all.iter().find(|found| found["label"] == "bus").expect("the bus is found");
        found["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let ([x1, y1, x2, y2], width) =
        (bus_in(&upright)[..].try_into().unwrap(), upright["width"].as_f64().unwrap());
    let wanted: [f64; 4] = [y1, width - x2, y2, width - x1];
    let far = bus_in(&turned).iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far < 12.0, "{:?} for {wanted:?}", bus_in(&turned));

    let street = data.join("videos/london_street_TestV4.mp4");
    let found = |extra: &[&str]| {
        look(&[extra, &["--every", "0.1"]].concat(), &street)["detections"].as_array().unwrap().len()
    };
    assert!(found(&["--tiles", "3x2"]) > found(&[]));
}

#[test]
fn what_cannot_be_used_is_said_and_the_exit_code_tells_its_kind() {
    let Some((data, model)) = data() else { return };
    let bus = data.join("images/bus.jpg").display().to_string();
    let refused = |arguments: &[&str]| {
        let output = moshao(&[&["detect"], arguments, &[bus.as_str()]].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let osnet = data.join("models/nondetector_osnet_reid.onnx").display().to_string();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--model", &osnet], 1, "not a detector"),
        (&["--model", "nowhere.onnx"], 1, "moshao models pull"),
        (&["--model", &model, "--provider", "cuda"], 1, "execution provider cuda is not usable here"),
        (&["--model", &model, "--batch", "4"], 1, "takes 1 picture at a time, asked for 4"),
        (&["--model", &model, "--rotate", "45"], 2, "0, 90, 180 or 270 degrees"),
        (&["--model", &model, "--tiles", "9x9"], 2, "such as 3x2"),
    ];
    for (arguments, code, says) in cases {
        let (status, text) = refused(arguments);
        assert!(status == Some(code) && text.contains(says), "{arguments:?}: {status:?} {text}");
    }
}

#[test]
fn a_model_is_inspected_and_a_pulled_one_verified() {
    let Some((data, model)) = data() else { return };
    let said = moshao(&["models", "inspect", "--json", &model]);
    let said: Value = serde_json::from_slice(&said.stdout).expect("one JSON object");
    assert_eq!((said["family"].as_str(), said["width"].as_u64()), (Some("yolox"), Some(416)));
    assert_eq!(said["labels"].as_array().map(Vec::len), Some(80));

    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(data.join("models/yolox_nano.onnx"), folder.path().join("yolox-nano.onnx")).unwrap();
    let verify = || moshao(&["models", "verify", "--dir", folder.path().to_str().unwrap()]);
    let output = verify();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("yolox-nano           good"), "{text}");
    std::fs::write(folder.path().join("yolox-nano.onnx"), "another file").unwrap();
    assert_eq!(verify().status.code(), Some(1));
}
