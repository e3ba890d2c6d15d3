//! YOLOv6 (Meituan, <https://github.com/meituan/YOLOv6>): `[1, cells, 5 + labels]`, boxes in pixels of the input.
//!
//! The rows look like YOLOX's, but there is no objectness: that column is exactly 1, by which the family is told. Takes
//! RGB, 0..1, letterboxed with 114 in the middle.

use super::grid::{self, STRIDES_3};
use super::yolov5::DecodedRows;
use super::{Evidence, Family, Recognised};
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "yolov6", recognise };

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [output] = evidence.outputs else { return None };
    let &[1, rows, columns] = output.shape.as_slice() else { return None };
    let classes = columns.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    let without_objectness = output.data.chunks_exact(columns).all(|row| row[4] == 1.0);
    if rows != grid::count(evidence.width, evidence.height, &STRIDES_3) || !without_objectness {
        return None;
    }
    Some(Recognised {
        preparation: Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb),
        head: Box::new(DecodedRows { shape: [1, rows, columns] }),
        suppression: Some(Suppression { iou: 0.45, across_labels: false }),
        classes,
        names: None,
        threshold: 0.4,
    })
}
