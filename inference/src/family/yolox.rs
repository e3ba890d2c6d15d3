//! YOLOX (Megvii, <https://github.com/Megvii-BaseDetection/YOLOX>): `[1, cells, 5 + labels]`.
//!
//! A row is centre x, centre y, width, height, objectness and a score for each label; the score is objectness times label
//! score. Exports come raw (offsets within the cell and logarithms of sizes, in cells) or decoded (pixels); on a grey
//! picture the decoded ones still have centres all over the input, the raw ones have not. Takes BGR, 0..255, padded with
//! 114 at the right and bottom.

use super::found::{centred, four};
use super::grid::{self, Cell, STRIDES_3};
use super::{Done, Evidence, Family, Found, Head, Recognised};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::nms::Suppression;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "yolox", recognise };

struct Yolox {
    cells: Vec<Cell>,
    shape: [usize; 3],
    decoded: bool,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [output] = evidence.outputs else { return None };
    let &[1, rows, columns] = output.shape.as_slice() else { return None };
    let classes = columns.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    // Ultralytics' heads, transposed and without names, have COCO's 80 labels and no objectness.
    if columns == 4 + COCO.len() && evidence.names.is_none() {
        return None;
    }
    let cells = grid::cells(evidence.width, evidence.height, &STRIDES_3);
    if rows != cells.len() {
        return None;
    }
    let rightmost = output.data.chunks_exact(columns).map(|row| row[0]).fold(f32::MIN, f32::max);
    let decoded = rightmost > evidence.width as f32 / 2.0;
    Some(Recognised {
        preparation: Preparation::plain(Fit::LetterboxTopLeft { pad: 114 }, Channels::Bgr),
        head: Box::new(Yolox { cells, shape: [1, rows, columns], decoded }),
        suppression: Some(Suppression { iou: 0.45, across_labels: false }),
        classes,
        names: None,
        threshold: 0.3,
    })
}

impl Head for Yolox {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let rows = outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]);
        for (row, cell) in rows.zip(&self.cells) {
            found.add_object(row, || {
                let Cell { x, y, stride } = cell;
                let [cx, cy, w, h] = four(row);
                if self.decoded {
                    centred([cx, cy, w, h])
                } else {
                    centred([(cx + x) * stride, (cy + y) * stride, w.exp() * stride, h.exp() * stride])
                }
            });
        }
        Ok(())
    }
}
