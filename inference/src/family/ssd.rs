//! SSD and other models with suppression in the graph: boxes, labels and scores of what remains.
//!
//! - TensorFlow Object Detection: `detection_boxes [1, N, 4]` (top, left, bottom, right in 0..1), `detection_classes`,
//!   `detection_scores`, `num_detections`; labels are COCO's category ids, or 1 to N where names are given. Takes RGB, 0..255.
//! - torchvision and others: boxes `[N, 4]` or `[1, N, 4]` (left, top, right, bottom), labels, scores, in any order; boxes in
//!   pixels, or in 0..1 where all of them lie in it. Takes RGB, 0..1 (torchvision normalises in the graph). Where the names
//!   of the outputs say nothing, labels are those that are whole numbers. torchvision's input has no batch dimension; its
//!   labels begin at 1, and are COCO's category ids where no names are given.
//! - as many rows as cells of feature maps: suppression is left to us, and the picture is letterboxed with 114.
//! - OpenVINO and Caffe: `[1, 1, N, 7]`: number of the picture, label, score, left, top, right, bottom in 0..1; labels begin
//!   at 1. Takes BGR, 0..255.

use super::found::{corners, four, scaled};
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::nms::Suppression;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Layout, Preparation};

pub(crate) const FAMILY: Family = Family { name: "ssd", recognise };

/// COCO's category ids (1..90 with gaps) of the eighty labels.
#[rustfmt::skip]
pub(super) const COCO_IDS: [u8; 80] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28, 31, 32, 33, 34, 35, 36, 37,
    38, 39, 40, 41, 42, 43, 44, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 67, 70, 72, 73,
    74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90,
];

/// How label numbers are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// 0 is the first.
    FromZero,
    /// 1 is the first; 0 is background.
    FromOne,
    /// COCO's category ids.
    CocoIds,
}

/// How boxes are to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Boxes {
    /// Left, top, right, bottom in pixels of the input.
    Pixels,
    /// Left, top, right, bottom, in pixels or in 0..1 of this width and height: told by their size.
    Either([f32; 2]),
    /// Top, left, bottom, right in 0..1 of this width and height.
    TopFirst([f32; 2]),
}

/// Boxes, labels and scores in outputs of their own.
pub(super) struct Answers {
    boxes: usize,
    labels: usize,
    scores: usize,
    /// Output with the number of answers that count.
    count: Option<usize>,
    read_boxes: Boxes,
    read_labels: Labels,
}

/// Columns of OpenVINO's and Caffe's answers.
const DETECTION_OUT: usize = 7;

/// `DetectionOutput`, in one output.
struct DetectionOut([f32; 2]);

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if evidence.takes_target_size() {
        return None;
    }
    let size = evidence.size();
    if let [one] = evidence.outputs
        && matches!(one.shape[..], [1, 1, _, DETECTION_OUT])
    {
        let preparation = Preparation::plain(Fit::Stretch, Channels::Bgr);
        return Some(recognised(Box::new(DetectionOut(size)), preparation, evidence));
    }
    let is_tensorflow = evidence.output_like("detection_boxes").is_some();
    let is_torchvision = !evidence.has_batch;
    let is_from_zero = evidence.outputs.iter().any(|o| o.name.contains("pred_"));
    let read_labels = match evidence.names {
        None if is_from_zero => Labels::FromZero,
        None => Labels::CocoIds,
        Some(_) if is_tensorflow || is_torchvision => Labels::FromOne,
        Some(_) => Labels::FromZero,
    };
    let read_boxes = if is_tensorflow { Boxes::TopFirst(size) } else { Boxes::Either(size) };
    let mut head = answers(evidence, read_labels, read_boxes)?;
    let rows = evidence.outputs[head.scores].data.len();
    let is_all_cells = grid::is_cells(rows, 1, evidence.width, evidence.height);
    if is_all_cells && !is_tensorflow {
        head.read_labels = Labels::FromZero;
        let classes = evidence.names.unwrap_or(COCO.len());
        return Some(Recognised { threshold: 0.4, ..Recognised::yolo(head, classes) });
    }
    let preparation = if evidence.layout == Layout::Nhwc || is_tensorflow {
        Preparation::plain(Fit::Stretch, Channels::Rgb)
    } else if is_from_zero {
        Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb)
    } else {
        Preparation::unit(Fit::Stretch, Channels::Rgb)
    };
    Some(recognised(Box::new(head), preparation, evidence))
}

fn recognised(head: Box<dyn Head>, preparation: Preparation, evidence: &Evidence<'_>) -> Recognised {
    let (suppression, classes): (Option<Suppression>, _) = (None, evidence.names.unwrap_or(COCO.len()));
    Recognised { preparation, head, suppression, classes, names: None, threshold: 0.5 }
}

/// Finds boxes, labels and scores among the outputs, by name, type and shape.
pub(super) fn answers(evidence: &Evidence<'_>, read_labels: Labels, read_boxes: Boxes) -> Option<Answers> {
    let outputs = evidence.outputs;
    let has_box_shape = |o: &Output<'_>| matches!(o.shape[..], [1, _, 4] | [_, 4]);
    let boxes = outputs.iter().position(|o| has_box_shape(o) && !o.name.contains("raw"))?;
    let count = evidence.output_like("num_detections");
    let lists = || (0..outputs.len()).filter(|i| matches!(outputs[*i].shape[..], [1, _] | [_]));
    let named = |words: [&str; 2]| {
        lists().find(|i| words.iter().any(|word| outputs[*i].name.to_lowercase().contains(word)))
    };
    // By type only where there is no doubt.
    let only = |is_whole: bool| {
        let mut of_type = lists().filter(|i| outputs[*i].is_whole == is_whole && Some(*i) != count);
        of_type.next().filter(|_| of_type.next().is_none())
    };
    let labels = named(["label", "class"]).or_else(|| only(true))?;
    let scores = named(["score", "conf"]).or_else(|| only(false))?;
    Some(Answers { boxes, labels, scores, count, read_boxes, read_labels })
}

impl Evidence<'_> {
    /// The output with this name, or with what TensorFlow appends to it (`:0`).
    fn output_like(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name.split(':').next() == Some(name))
    }
}

// === impl Answers ===

impl Head for Answers {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let [boxes, labels, scores] = [self.boxes, self.labels, self.scores].map(|i| &outputs[i].data);
        let count = self.count.and_then(|i| outputs[i].data.first()).map_or(usize::MAX, |n| *n as usize);
        let in_unit = boxes.iter().all(|v| *v <= 2.0);
        for ((row, label), score) in boxes.chunks_exact(4).zip(labels.iter()).zip(scores.iter()).take(count) {
            if let Some(label) = self.read_labels.index(*label) {
                found.add(label, *score, || self.read_boxes.area(four(row), in_unit));
            }
        }
        Ok(())
    }
}

impl Head for DetectionOut {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[0].data.chunks_exact(DETECTION_OUT) {
            // The list ends where the number of the picture is -1.
            if row[0] < 0.0 {
                break;
            }
            if let Some(label) = Labels::FromOne.index(row[1]) {
                found.add(label, row[2], || corners(scaled(four(&row[3..]), self.0)));
            }
        }
        Ok(())
    }
}

// === impl Labels ===

impl Labels {
    fn index(self, number: f32) -> Option<usize> {
        let number = (number >= 0.0).then_some(number as usize)?;
        match self {
            Labels::FromZero => Some(number),
            Labels::FromOne => number.checked_sub(1),
            Labels::CocoIds => COCO_IDS.iter().position(|id| usize::from(*id) == number),
        }
    }
}

// === impl Boxes ===

impl Boxes {
    fn area(self, row: [f32; 4], in_unit: bool) -> BoxPx {
        match self {
            Boxes::Either(size) if in_unit => corners(scaled(row, size)),
            Boxes::Pixels | Boxes::Either(_) => corners(row),
            Boxes::TopFirst(size) => {
                let [top, left, bottom, right] = row;
                corners(scaled([left, top, right, bottom], size))
            }
        }
    }
}
