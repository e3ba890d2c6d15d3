//! Ultralytics' anchor-free heads (YOLOv8, 9, 11, 12, <https://docs.ultralytics.com>) and others of the same form:
//! `[1, 4 + labels, cells]`, or the transposed `[1, cells, 4 + labels]` where the number of labels is known (80 is COCO's).
//!
//! A column is centre x, centre y, width, height in pixels of the input (or fractions of it, by way of TensorFlow) and a
//! score for each label. What follows the
//! scores (mask coefficients, key points) is not read; rotated boxes (`obb`) are refused. Takes RGB, 0..1, letterboxed
//! with 114 in the middle.

use super::{Done, Evidence, Family, Found, Head, Recognised, best, grid, in_pixels};
use crate::labels::COCO;
use crate::nms::Candidate;
use crate::picture::BoxPx;
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "yolov8", recognise };

/// Scores of each label for all cells after each other.
struct ByLabel {
    shape: [usize; 3],
    size: [f32; 2],
    classes: usize,
}

/// All numbers of a cell after each other.
struct ByCell {
    shape: [usize; 3],
    size: [f32; 2],
    classes: usize,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if evidence.task() == Some("obb") {
        return None;
    }
    let &[1, first, second] = evidence.outputs.first()?.shape.as_slice() else { return None };
    // Masks and key points follow the scores, so a known number of labels counts more than the length.
    let classes = |length: usize| match (evidence.names, evidence.task()) {
        (Some(names), Some("segment" | "pose")) => (length > names + 4).then_some(names),
        _ => length.checked_sub(4).filter(|n| evidence.may_have(*n)),
    };
    // With the number of labels known, any number of cells will do: not every head has the usual feature maps.
    let is_named = |length: usize| evidence.names.is_some_and(|n| length == n + 4);
    let is_cells = |rows: usize, length: usize| {
        grid::is_cells(rows, 1, evidence.width, evidence.height) || is_named(length) && rows > length
    };
    let knows_labels = |length: usize| evidence.names.is_some() || length == COCO.len() + 4;
    let (shape, size) = ([1, first, second], evidence.size());
    if is_cells(second, first) && !grid::is_cells(first, 1, evidence.width, evidence.height) {
        let classes = classes(first)?;
        Some(Recognised::yolo(ByLabel { shape, size, classes }, classes))
    } else if is_cells(first, second) && knows_labels(second) {
        let classes = classes(second)?;
        Some(Recognised::yolo(ByCell { shape, size, classes }, classes))
    } else {
        None
    }
}

impl Head for ByLabel {
    fn read(&self, outputs: &[Output<'_>], floor: f32, found: &mut Found) -> Done {
        let data = outputs[0].expect(&self.shape)?;
        let cells = self.shape[2];
        let scores = &data[4 * cells..(4 + self.classes) * cells];
        // Row by row, as it lies in memory; which label it was is asked only for the few cells that pass.
        let mut most = scores[..cells].to_vec();
        for row in scores.chunks_exact(cells).skip(1) {
            most.iter_mut().zip(row).for_each(|(most, score)| *most = most.max(*score));
        }
        for (cell, score) in most.into_iter().enumerate().filter(|(_, score)| *score >= floor) {
            let label = (0..self.classes).find(|label| scores[label * cells + cell] == score).unwrap_or(0);
            let row = std::array::from_fn(|i| data[i * cells + cell]);
            let [x, y, w, h] = in_pixels(row, self.size);
            found.push(Candidate { label, score, area: BoxPx::around(x, y, w, h) });
        }
        Ok(())
    }
}

impl Head for ByCell {
    fn read(&self, outputs: &[Output<'_>], floor: f32, found: &mut Found) -> Done {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            let (label, score) = best(&row[4..4 + self.classes]);
            if score >= floor {
                let [x, y, w, h] = in_pixels([row[0], row[1], row[2], row[3]], self.size);
                found.push(Candidate { label, score, area: BoxPx::around(x, y, w, h) });
            }
        }
        Ok(())
    }
}
