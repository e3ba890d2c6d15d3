//! Pictures and regions that go through a model together are seen as they are one by one; turned ones as upright ones.

use std::path::Path;

use moshao_inference::detector::{Detection, Detector, ModelError, ModelSource, Settings};
use moshao_inference::picture::{BoxPx, Range, Rotation};
use moshao_inference::tiles::tiles;

use crate::common;

fn open(model: &str, batch: Option<usize>) -> Result<Detector, ModelError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/batches/{model}.onnx"));
    Detector::open(
        &ModelSource::File(file),
        &Settings { batch, threshold: Some(0.01), ..Settings::default() },
    )
}

/// Grey from black at the left to white at the right, so that every region scores differently.
fn ramp(width: usize, height: usize) -> common::Frame {
    let mut planes: Vec<u8> = (0..width * height).map(|i| (i % width * 255 / width) as u8).collect();
    planes.extend(vec![128; width.div_ceil(2) * height.div_ceil(2) * 2]);
    common::Frame { width, height, planes, range: Range::Full }
}

#[test]
fn a_batch_sees_in_each_region_what_a_single_picture_sees() {
    let frame = ramp(320, 180);
    let view = frame.view();
    // Apart from each other, so that nothing is merged.
    let regions: Vec<BoxPx> =
        (0..5).map(|i| i as f32 * 64.0).map(|x1| BoxPx { x1, y1: 20.0, x2: x1 + 60.0, y2: 150.0 }).collect();
    for model in ["free", "detr"] {
        let mut single = open(model, None).unwrap();
        let one_by_one: Vec<Detection> =
            regions.iter().flat_map(|r| single.detect_in(&view, &[*r]).unwrap()).collect();
        assert_eq!(one_by_one.len(), regions.len());
        assert!(one_by_one[4].score > one_by_one[0].score + 0.1, "every region has a score of its own");
        // 2 and 4 do not divide 5: the last batch is not full.
        for batch in [2, 4, 5] {
            let mut batched = open(model, Some(batch)).unwrap();
            assert_eq!(batched.description().batch, batch);
            let mut together = batched.detect_in(&view, &regions).unwrap();
            together.sort_by(|a, b| a.area.x1.total_cmp(&b.area.x1));
            assert_eq!(together, one_by_one, "{model}, {batch} at a time");
        }
    }
}

#[test]
fn a_model_made_for_two_pictures_takes_one_and_three_too() {
    let frame = ramp(320, 180);
    let view = frame.view();
    let mut two = open("two", None).unwrap();
    assert_eq!(two.description().batch, 2);
    assert_eq!(two.detect(&view).unwrap(), open("free", None).unwrap().detect(&view).unwrap());
    let regions = tiles(view.area(), 3, 1, 0.0);
    assert_eq!(
        two.detect_in(&view, &regions).unwrap(),
        open("free", None).unwrap().detect_in(&view, &regions).unwrap()
    );
}

#[test]
fn a_batch_that_the_model_does_not_take_is_an_error() {
    let error = open("two", Some(4)).err().unwrap().to_string();
    assert!(error.contains("takes 2 pictures at a time, asked for 4"), "{error}");
    let error = open("free", Some(17)).err().unwrap().to_string();
    assert!(error.contains("batch size is 17, the limit is 1 to 16 pictures"), "{error}");
    // Made for one picture, and says so.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/families/yolov8.onnx");
    let settings = Settings { batch: Some(4), ..Settings::default() };
    let error = Detector::open(&ModelSource::File(file), &settings).err().unwrap().to_string();
    assert!(error.contains("takes 1 picture at a time, asked for 4"), "{error}");
    // Free by name only: the answers of all pictures come as those of one.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/families/yolov8_dynamic.onnx");
    let error = Detector::open(&ModelSource::File(file), &settings).err().unwrap().to_string();
    assert!(error.contains("cannot be told apart"), "{error}");
}

#[test]
fn what_hangs_on_its_side_is_found_where_it_is() {
    let Some(frame) = common::frame("images/bus.jpg", 0) else { return };
    let Some(data) = common::data() else { return };
    let model = ModelSource::File(data.join("models/yolox_nano.onnx"));
    let mut detector = Detector::open(&model, &Settings::default()).unwrap();
    let upright = detector.detect(&frame.view()).unwrap();
    assert!(upright.len() > 3, "{upright:?}");
    for (degrees, rotation) in
        [(90, Rotation::Quarter), (180, Rotation::Half), (270, Rotation::ThreeQuarters)]
    {
        assert_eq!(Rotation::from_degrees(degrees), Some(rotation));
        let hanging = frame.turned_back(rotation);
        let mut view = hanging.view();
        view.rotation = rotation;
        let found = detector.detect(&view).unwrap();
        assert_eq!(found.len(), upright.len(), "by {degrees}");
        for (seen, wanted) in found.iter().zip(&upright) {
            let wanted_area = common::turned_back(wanted.area, rotation, frame.width, frame.height);
            let overlap = seen.area.iou(&wanted_area);
            assert!(
                seen.label == wanted.label && (seen.score - wanted.score).abs() < 0.01 && overlap > 0.98,
                "by {degrees}: {seen:?} for {wanted:?}, overlap {overlap}"
            );
        }
    }
}
