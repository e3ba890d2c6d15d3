//! Models that choose among their candidates themselves (YOLOv10, YOLO26, Ultralytics exports with `nms=True`):
//! `[1, N, 6]` with at most 1,000 rows of left, top, right, bottom in pixels of the input, score and label.
//!
//! YOLOv7's end-to-end export has `[N, 7]` instead, with the number of the picture in front and label before score. Takes
//! RGB, 0..1, letterboxed with 114 in the middle.

use super::{Evidence, Family, Head, Recognised};
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::nms::Candidate;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "end-to-end", recognise };

/// More rows than this are candidates and not answers.
const MAX_ROWS: usize = 1000;

#[derive(Clone, Copy)]
enum Rows {
    /// Box, score, label.
    Six,
    /// Number of the picture, box, label, score.
    Seven,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    // Segmentation exports add mask coefficients to the row and a second output: not this.
    let [output] = evidence.outputs else { return None };
    let rows = match output.shape.as_slice() {
        [1, n, 6] if *n <= MAX_ROWS => Rows::Six,
        [n, 7] if *n <= MAX_ROWS => Rows::Seven,
        _ => return None,
    };
    Some(Recognised {
        preparation: Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb),
        head: Box::new(rows),
        suppression: None,
        classes: evidence.names.unwrap_or(COCO.len()),
        names: None,
        threshold: 0.25,
    })
}

impl Head for Rows {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        let columns = match self {
            Rows::Six => 6,
            Rows::Seven => 7,
        };
        for row in outputs[0].data.chunks_exact(columns) {
            let ([x1, y1, x2, y2], score, label) = match (self, row) {
                (Rows::Six, &[x1, y1, x2, y2, score, label]) => ([x1, y1, x2, y2], score, label),
                (Rows::Seven, &[_, x1, y1, x2, y2, label, score]) => ([x1, y1, x2, y2], score, label),
                _ => continue,
            };
            if score >= floor && label >= 0.0 {
                found.push(Candidate { label: label as usize, score, area: BoxPx { x1, y1, x2, y2 } });
            }
        }
        Ok(())
    }
}
