//! YOLOv5 and YOLOv7 with three anchors a cell (<https://github.com/ultralytics/yolov5>, <https://github.com/WongKinYiu/yolov7>):
//! `[1, 3 x cells, 5 + labels]`.
//!
//! A row is centre x, centre y, width, height in pixels of the input, objectness and a score for each label; the score is
//! objectness times label score. Takes RGB, 0..1, letterboxed with 114 in the middle.

use super::grid::{self, STRIDES_3};
use super::{Evidence, Family, Head, Recognised, best};
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::nms::{Candidate, Suppression};
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "yolov5", recognise };

/// Strides of the variants with four feature maps (P6).
const STRIDES_4: [usize; 4] = [8, 16, 32, 64];
const ANCHORS: usize = 3;

/// Rows of a decoded box, objectness and label scores. YOLOv6 has them too.
pub(super) struct DecodedRows {
    pub(super) shape: [usize; 3],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    // Older exports add the raw feature maps after the decoded rows.
    let output = evidence.outputs.first()?;
    let &[1, rows, columns] = output.shape.as_slice() else { return None };
    let classes = columns.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    let fits = |strides: &[usize]| rows == ANCHORS * grid::count(evidence.width, evidence.height, strides);
    if !fits(&STRIDES_3) && !fits(&STRIDES_4) {
        return None;
    }
    Some(Recognised {
        preparation: Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb),
        head: Box::new(DecodedRows { shape: [1, rows, columns] }),
        suppression: Some(Suppression { iou: 0.45, across_labels: false }),
        classes,
        names: None,
        threshold: 0.25,
    })
}

impl Head for DecodedRows {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            let objectness = row[4];
            if objectness < floor {
                continue;
            }
            let (label, label_score) = best(&row[5..]);
            let score = objectness * label_score;
            if score >= floor {
                found.push(Candidate { label, score, area: BoxPx::around(row[0], row[1], row[2], row[3]) });
            }
        }
        Ok(())
    }
}
