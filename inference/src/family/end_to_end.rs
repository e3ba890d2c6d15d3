//! Models that choose among their candidates themselves (YOLOv10, YOLO26, Ultralytics exports with `nms=True`):
//! `[1, N, 6]` with at most 1,000 rows of left, top, right, bottom in pixels of the input (or fractions of it), score and
//! label; segmentation and pose add columns and outputs that are not read.
//!
//! YOLOv7's end-to-end export has `[N, 7]` instead, with the number of the picture in front and label before score;
//! YOLO-NAS' flat one too, with the label last. Takes RGB, 0..1, letterboxed with 114 in the middle.

use super::found::{corners, four, in_pixels};
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::labels::COCO;
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "end-to-end", recognise };

/// More rows than this are candidates and not answers.
const MAX_ROWS: usize = 1000;

struct Rows {
    /// Numbers of a row.
    columns: usize,
    /// Where in a row the box begins, and where score and label are.
    first: usize,
    score: usize,
    label: usize,
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let output = evidence.outputs.first()?;
    let has_more = matches!(evidence.task(), Some("segment" | "pose"));
    if !has_more && evidence.outputs.len() > 1 {
        return None;
    }
    let (columns, first, score, label) = match output.shape[..] {
        [1, n, 6] if n <= MAX_ROWS => (6, 0, 4, 5),
        [1, n, columns] if n <= MAX_ROWS && has_more && columns > 6 && is_declared(evidence) => {
            (columns, 0, 4, 5)
        }
        [n, 7] if n <= MAX_ROWS && output.name.contains("flat_predictions") => (7, 1, 5, 6),
        [n, 7] if n <= MAX_ROWS => (7, 1, 6, 5),
        _ => return None,
    };
    // A model with one or two labels and a small input has as many columns, but rows for all its cells, or fractions where
    // the number of the label would be.
    let has_labels = output.data.chunks_exact(columns).all(|row| row[label].fract() == 0.0);
    let is_cells =
        [1, 3].iter().any(|a| grid::is_cells(output.shape[1], *a, evidence.width, evidence.height));
    if !has_labels || columns == 6 && is_cells && !is_declared(evidence) {
        return None;
    }
    let head = Rows { columns, first, score, label, size: evidence.size() };
    let classes = evidence.names.unwrap_or(COCO.len());
    Some(Recognised { suppression: None, ..Recognised::yolo(head, classes) })
}

/// Whether Ultralytics' metadata say that nothing is left to suppress.
fn is_declared(evidence: &Evidence<'_>) -> bool {
    let is_true = |key: &str| evidence.metadata.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let by_argument = evidence.metadata.get("args").is_some_and(|args| args.contains("'nms': True"));
    is_true("end2end") || is_true("nms") || by_argument
}

impl Head for Rows {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[0].data.chunks_exact(self.columns) {
            if row[self.label] >= 0.0 {
                let area = || corners(in_pixels(four(&row[self.first..]), self.size));
                found.add(row[self.label] as usize, row[self.score], area);
            }
        }
        Ok(())
    }
}
