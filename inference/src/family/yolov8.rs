//! Ultralytics' anchor-free heads (YOLOv8, 9, 11, 12, <https://docs.ultralytics.com>) and others of the same form:
//! `[1, 4 + labels, cells]`, or the transposed `[1, cells, 4 + labels]` where the number of labels is known.
//!
//! A column is centre x, centre y, width, height in pixels of the input and a score for each label. What follows the
//! scores (mask coefficients, key points) is not read; rotated boxes (`obb`) are refused. Takes RGB, 0..1, letterboxed
//! with 114 in the middle.

use super::grid::{self, STRIDES_3};
use super::{Evidence, Family, Head, Recognised, best};
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::nms::{Candidate, Suppression};
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "yolov8", recognise };

const STRIDES_4: [usize; 4] = [8, 16, 32, 64];

/// Scores of each label for all cells after each other.
struct ByLabel {
    shape: [usize; 3],
    classes: usize,
}

/// All numbers of a cell after each other.
struct ByCell {
    shape: [usize; 3],
    classes: usize,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if evidence.task() == Some("obb") {
        return None;
    }
    let &[1, first, second] = evidence.outputs.first()?.shape.as_slice() else { return None };
    let is_cells = |n: usize| {
        [&STRIDES_3[..], &STRIDES_4].iter().any(|s| n == grid::count(evidence.width, evidence.height, s))
    };
    // Masks and key points follow the scores, so a known number of labels counts more than the length.
    let classes = |length: usize| match (evidence.names, evidence.task()) {
        (Some(names), Some("segment" | "pose")) => (length > names + 4).then_some(names),
        _ => length.checked_sub(4).filter(|n| evidence.may_have(*n)),
    };
    let shape = [1, first, second];
    let (head, classes): (Box<dyn Head>, usize) = if is_cells(second) && !is_cells(first) {
        let classes = classes(first)?;
        (Box::new(ByLabel { shape, classes }), classes)
    } else if is_cells(first) && evidence.names.is_some() {
        let classes = classes(second)?;
        (Box::new(ByCell { shape, classes }), classes)
    } else {
        return None;
    };
    Some(Recognised {
        preparation: Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb),
        head,
        suppression: Some(Suppression { iou: 0.45, across_labels: false }),
        classes,
        names: None,
        threshold: 0.25,
    })
}

impl Head for ByLabel {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
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
            let [x, y, w, h] = std::array::from_fn(|i| data[i * cells + cell]);
            found.push(Candidate { label, score, area: BoxPx::around(x, y, w, h) });
        }
        Ok(())
    }
}

impl Head for ByCell {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            let (label, score) = best(&row[4..4 + self.classes]);
            if score >= floor {
                found.push(Candidate { label, score, area: BoxPx::around(row[0], row[1], row[2], row[3]) });
            }
        }
        Ok(())
    }
}
