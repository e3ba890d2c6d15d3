//! Heads that give boxes and scores apart and leave suppression to us: YOLO-NAS (<https://github.com/Deci-AI/super-gradients>),
//! and Ultralytics' heads as some toolchains cut them.
//!
//! Boxes `[1, cells, 4]`, corners in pixels of the input, and scores `[1, cells, labels]`, in any order. Takes RGB, 0..1,
//! letterboxed with 114 in the middle.

use super::found::{corners, four, in_pixels};
use super::{Done, Evidence, Family, Found, Head, Recognised, grid};
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "yolo-nas", recognise };

struct Apart {
    boxes: usize,
    scores: usize,
    cells: usize,
    classes: usize,
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [first, second] = evidence.outputs else { return None };
    let &[1, cells, a] = first.shape.as_slice() else { return None };
    let &[1, others, b] = second.shape.as_slice() else { return None };
    if cells != others || !grid::is_cells(cells, 1, evidence.width, evidence.height) {
        return None;
    }
    let (boxes, classes) = match (a, b) {
        (4, n) if n != 4 => (0, n),
        (n, 4) if n != 4 => (1, n),
        // Four labels: boxes reach beyond 1.
        (4, 4) if evidence.names == Some(4) => (usize::from(first.data.iter().all(|v| *v <= 1.0)), 4),
        _ => return None,
    };
    let head = Apart { boxes, scores: 1 - boxes, cells, classes, size: evidence.size() };
    evidence.may_have(classes).then(|| Recognised::yolo(head, classes))
}

impl Head for Apart {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let boxes = outputs[self.boxes].expect(&[1, self.cells, 4])?;
        let scores = outputs[self.scores].expect(&[1, self.cells, self.classes])?;
        for (row, scores) in boxes.chunks_exact(4).zip(scores.chunks_exact(self.classes)) {
            found.add_best(scores, || corners(in_pixels(four(row), self.size)));
        }
        Ok(())
    }
}
