//! Real models on real pictures.

mod common;

use moshao_inference::detector::{Detector, ModelSource, Settings};

#[test]
fn yolox_sees_the_dog() {
    let (Some(data), Some(frame)) = (common::data(), common::frame("images/dog.jpg", 0)) else { return };
    let model = ModelSource::File(data.join("models/yolox_nano.onnx"));
    let mut detector = Detector::open(&model, &Settings::default()).unwrap();
    let found = detector.detect(&frame.view()).unwrap();
    for d in &found {
        println!("{} {:.3} {:?}", detector.labels()[d.label], d.score, d.area);
    }
    assert!(found.iter().any(|d| detector.labels()[d.label] == "dog" && d.score > 0.5));
}
