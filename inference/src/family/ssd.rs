//! SSD and other models with suppression in the graph: boxes, labels and scores of what remains.
//!
//! - TensorFlow Object Detection: `detection_boxes [1, N, 4]` (top, left, bottom, right in 0..1), `detection_classes`,
//!   `detection_scores`, `num_detections`; labels are COCO's category ids, or 1 to N where names are given. Takes RGB, 0..255.
//! - torchvision and others: boxes `[N, 4]` or `[1, N, 4]` (left, top, right, bottom), labels, scores, in any order; boxes in
//!   pixels, or in 0..1 where all of them lie in it. Takes RGB, 0..1 (torchvision normalises in the graph).

use super::{Evidence, Family, Head, Recognised};
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::nms::Candidate;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Layout, Preparation};

pub(crate) const FAMILY: Family = Family { name: "ssd", recognise };

/// COCO's category ids (1..90 with gaps) of the eighty labels.
#[rustfmt::skip]
const COCO_IDS: [u8; 80] = [
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

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if evidence.takes_target_size {
        return None;
    }
    let size = [evidence.width as f32, evidence.height as f32];
    let is_tensorflow = evidence.output_like("detection_boxes").is_some();
    let (read_boxes, read_labels) = match (is_tensorflow, evidence.names) {
        (true, None) => (Boxes::TopFirst(size), Labels::CocoIds),
        (true, Some(_)) => (Boxes::TopFirst(size), Labels::FromOne),
        (false, None) => (Boxes::Either(size), Labels::CocoIds),
        (false, Some(_)) => (Boxes::Either(size), Labels::FromZero),
    };
    let head = answers(evidence, read_labels, read_boxes)?;
    let preparation = if evidence.layout == Layout::Nhwc || is_tensorflow {
        Preparation::plain(Fit::Stretch, Channels::Rgb)
    } else {
        Preparation::unit(Fit::Stretch, Channels::Rgb)
    };
    Some(Recognised {
        preparation,
        head: Box::new(head),
        suppression: None,
        classes: evidence.names.unwrap_or(COCO.len()),
        names: None,
        threshold: 0.5,
    })
}

/// Finds boxes, labels and scores among the outputs, by name and shape.
pub(super) fn answers(evidence: &Evidence<'_>, read_labels: Labels, read_boxes: Boxes) -> Option<Answers> {
    let has_box_shape = |o: &Output<'_>| matches!(o.shape.as_slice(), [1, _, 4] | [_, 4]);
    let boxes = evidence.outputs.iter().position(|o| has_box_shape(o) && !o.name.contains("raw"))?;
    let lists = |word: &str, other: &str| {
        evidence.outputs.iter().position(|o| {
            let name = o.name.to_lowercase();
            matches!(o.shape.as_slice(), [1, _] | [_]) && (name.contains(word) || name.contains(other))
        })
    };
    let (labels, scores) = (lists("label", "class")?, lists("score", "conf")?);
    let count = evidence.output_like("num_detections");
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
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        let [boxes, labels, scores] = [self.boxes, self.labels, self.scores].map(|i| &outputs[i].data);
        let count = self.count.and_then(|i| outputs[i].data.first()).map_or(usize::MAX, |n| *n as usize);
        let in_unit = boxes.iter().all(|v| *v <= 2.0);
        for ((row, label), score) in boxes.chunks_exact(4).zip(labels.iter()).zip(scores.iter()).take(count) {
            if *score >= floor
                && let Some(label) = self.read_labels.index(*label)
            {
                found.push(Candidate { label, score: *score, area: self.read_boxes.area(row, in_unit) });
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
    fn area(self, row: &[f32], in_unit: bool) -> BoxPx {
        match self {
            Boxes::Either([w, h]) if in_unit => {
                BoxPx { x1: row[0] * w, y1: row[1] * h, x2: row[2] * w, y2: row[3] * h }
            }
            Boxes::Pixels | Boxes::Either(_) => BoxPx { x1: row[0], y1: row[1], x2: row[2], y2: row[3] },
            Boxes::TopFirst([w, h]) => {
                BoxPx { x1: row[1] * w, y1: row[0] * h, x2: row[3] * w, y2: row[2] * h }
            }
        }
    }
}
