//! PaddleDetection's exports (<https://github.com/PaddlePaddle/PaddleDetection>), told by their input `scale_factor`, for which
//! 1 is given so that boxes are in pixels of the input.
//!
//! Either suppression is in the graph, and the first output is `[N, 6]`: label, score, left, top, right, bottom; or it is
//! not (`exclude_nms`), and boxes `[1, cells, 4]` (corners) and scores `[1, labels, cells]` come apart.
//!
//! PP-YOLOE+ takes RGB, 0..1, stretched; PP-YOLO, PicoDet and the first PP-YOLOE (family `paddle`) want ImageNet's mean and
//! deviation, which those tell that take `im_shape` too or are built with hard-swish.

use super::found::{corners, four};
use super::nanodet::IMAGENET as MEAN_AND_DEVIATION;
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::nms::Suppression;
use crate::session::{Extra, Output};
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family {
    name: "pp-yoloe",
    recognise: |evidence| (!wants_imagenet(evidence)).then(|| recognise(evidence, [[0.0; 3], [255.0; 3]]))?,
};
pub(crate) const IMAGENET: Family =
    Family { name: "paddle", recognise: |evidence| recognise(evidence, MEAN_AND_DEVIATION) };

/// Columns of an answer.
const COLUMNS: usize = 6;

struct Answers(usize);

struct Candidates {
    boxes: usize,
    scores: usize,
    cells: usize,
    classes: usize,
}

fn wants_imagenet(evidence: &Evidence<'_>) -> bool {
    evidence.takes.contains(&Extra::InputSize) || evidence.operators.contains("HardSwish")
}

fn recognise(evidence: &Evidence<'_>, [mean, std]: [[f32; 3]; 2]) -> Option<Recognised> {
    if !evidence.takes.contains(&Extra::Scale) {
        return None;
    }
    let find = |fits: &dyn Fn(&[usize]) -> bool| evidence.outputs.iter().position(|o| fits(&o.shape));
    let is_cells = |rows: usize| grid::is_cells(rows, 1, evidence.width, evidence.height);
    let boxes = find(&|shape| matches!(*shape, [1, cells, 4] if is_cells(cells)));
    let scores =
        find(&|shape| matches!(*shape, [1, classes, cells] if is_cells(cells) && evidence.may_have(classes)));
    let (head, classes, suppression): (Box<dyn Head>, usize, _) = match (boxes, scores) {
        (Some(boxes), Some(scores)) => {
            let &[_, classes, cells] = evidence.outputs[scores].shape.as_slice() else { return None };
            let rule = Suppression { iou: 0.6, across_labels: false };
            (Box::new(Candidates { boxes, scores, cells, classes }), classes, Some(rule))
        }
        _ => {
            let answers = find(&|shape| matches!(shape, [_, COLUMNS]))?;
            (Box::new(Answers(answers)), evidence.names.unwrap_or(COCO.len()), None)
        }
    };
    let preparation = Preparation { fit: Fit::Stretch, channels: Channels::Rgb, mean, std };
    Some(Recognised { preparation, head, suppression, classes, names: None, threshold: 0.4 })
}

impl Head for Answers {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[self.0].data.chunks_exact(COLUMNS) {
            // Where nothing was found, the one row has label -1.
            if row[0] >= 0.0 {
                found.add(row[0] as usize, row[1], || corners(four(&row[2..])));
            }
        }
        Ok(())
    }
}

impl Head for Candidates {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let boxes = outputs[self.boxes].expect(&[1, self.cells, 4])?;
        let scores = outputs[self.scores].expect(&[1, self.classes, self.cells])?;
        for (label, scores) in scores.chunks_exact(self.cells).enumerate() {
            for (score, row) in scores.iter().zip(boxes.chunks_exact(4)) {
                found.add(label, *score, || corners(four(row)));
            }
        }
        Ok(())
    }
}
