//! YOLOv6 (Meituan, <https://github.com/meituan/YOLOv6>): `[1, cells, 5 + labels]`, boxes in pixels of the input.
//!
//! The rows look like YOLOX's, but there is no objectness: that column is exactly 1, by which the family is told. Takes
//! RGB, 0..1, letterboxed with 114 in the middle.

use super::yolov5::DecodedRows;
use super::{Evidence, Family, Recognised, grid};

pub(crate) const FAMILY: Family = Family { name: "yolov6", recognise };

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [output] = evidence.outputs else { return None };
    let &[1, rows, columns] = output.shape.as_slice() else { return None };
    let classes = columns.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    let without_objectness = output.data.chunks_exact(columns).all(|row| row[4] == 1.0);
    if !grid::is_cells(rows, 1, evidence.width, evidence.height) || !without_objectness {
        return None;
    }
    let head = DecodedRows { shape: [1, rows, columns], size: evidence.size() };
    Some(Recognised { threshold: 0.4, ..Recognised::yolo(head, classes) })
}
