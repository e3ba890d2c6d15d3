//! Ultralytics' anchor-free heads (YOLOv8, 9, 11, 12, <https://docs.ultralytics.com>) and others of the same form:
//! `[1, 4 + labels, cells]`, or the transposed `[1, cells, 4 + labels]` where the number of labels is known (80 is COCO's).
//!
//! A column is centre x, centre y, width, height in pixels of the input (or fractions of it, by way of TensorFlow) and a
//! score for each label. LibreYOLO's YOLOv9 gives left, top, right and bottom instead, which the boxes of a run on grey
//! tell, and pads at the right and bottom. What follows the scores (mask coefficients, key points) is not read; rotated boxes (`obb`) are refused. Takes RGB,
//! 0..1, letterboxed with 114 in the middle.

use super::found::{centred, corners, four, in_pixels};
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::picture::BoxPx;
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "yolov8", recognise };

/// What the four numbers of a box say.
type Form = fn([f32; 4]) -> BoxPx;

/// Scores of each label for all cells after each other.
struct ByLabel {
    shape: [usize; 3],
    size: [f32; 2],
    classes: usize,
    form: Form,
}

/// All numbers of a cell after each other.
struct ByCell {
    shape: [usize; 3],
    size: [f32; 2],
    classes: usize,
    form: Form,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if evidence.task() == Some("obb") {
        return None;
    }
    let output = evidence.outputs.first()?;
    let &[1, first, second] = output.shape.as_slice() else { return None };
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
        let (form, fit) = form((0..second).map(|cell| [0, 1, 2, 3].map(|i| output.data[i * second + cell])));
        Some(Recognised::yolo(ByLabel { shape, size, classes, form }, classes).fitted(fit))
    } else if is_cells(first, second) && knows_labels(second) {
        let classes = classes(second)?;
        let (form, fit) = form(output.data.chunks_exact(second).map(four));
        Some(Recognised::yolo(ByCell { shape, size, classes, form }, classes).fitted(fit))
    } else {
        None
    }
}

/// What boxes say, and where the picture is padded. Of corners, the second lies to the right of the first and below it in
/// every cell. Sizes are less than centres at least in the last cells of the finest map.
fn form(mut boxes: impl Iterator<Item = [f32; 4]>) -> (Form, Fit) {
    if boxes.all(|[x1, y1, x2, y2]| x1 < x2 && y1 < y2) {
        (corners, Fit::LetterboxTopLeft { pad: 114 })
    } else {
        (centred, Fit::LetterboxCentre { pad: 114 })
    }
}

impl Head for ByLabel {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let data = outputs[0].expect(&self.shape)?;
        let cells = self.shape[2];
        let scores = &data[4 * cells..(4 + self.classes) * cells];
        // Row by row, as it lies in memory; which label it was is asked only for the few cells that pass.
        let mut most = scores[..cells].to_vec();
        for row in scores.chunks_exact(cells).skip(1) {
            most.iter_mut().zip(row).for_each(|(most, score)| *most = most.max(*score));
        }
        let floor = found.floor;
        for (cell, score) in most.into_iter().enumerate().filter(|(_, score)| *score >= floor) {
            let label = (0..self.classes).find(|label| scores[label * cells + cell] == score).unwrap_or(0);
            let row = std::array::from_fn(|i| data[i * cells + cell]);
            found.add(label, score, || (self.form)(in_pixels(row, self.size)));
        }
        Ok(())
    }
}

impl Head for ByCell {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            let area = || (self.form)(in_pixels(four(row), self.size));
            found.add_best(&row[4..4 + self.classes], area);
        }
        Ok(())
    }
}
