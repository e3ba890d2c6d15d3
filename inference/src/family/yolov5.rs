//! YOLOv5 and YOLOv7 with three anchors a cell (<https://github.com/ultralytics/yolov5>, <https://github.com/WongKinYiu/yolov7>):
//! `[1, 3 x cells, 5 + labels]`.
//!
//! A row is centre x, centre y, width, height in pixels of the input (or fractions of it, by way of TensorFlow), objectness
//! and a score for each label; the score is objectness times label score. Takes RGB, 0..1, letterboxed with 114 in the
//! middle. For exports without the last layer see `yolov5_maps`.

use super::found::{centred, four, in_pixels};
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "yolov5", recognise };

const ANCHORS: usize = 3;

/// Rows of a decoded box, objectness and label scores. YOLOv6 has them too.
pub(super) struct DecodedRows {
    pub(super) shape: [usize; 3],
    pub(super) size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    // Older exports add the raw feature maps after the decoded rows.
    let output = evidence.outputs.first()?;
    let &[1, rows, columns] = output.shape.as_slice() else { return None };
    let classes = columns.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    if !grid::is_cells(rows, ANCHORS, evidence.width, evidence.height) {
        return None;
    }
    Some(Recognised::yolo(DecodedRows { shape: [1, rows, columns], size: evidence.size() }, classes))
}

impl Head for DecodedRows {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            found.add_object(row, || centred(in_pixels(four(row), self.size)));
        }
        Ok(())
    }
}
