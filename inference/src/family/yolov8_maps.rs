//! Ultralytics' anchor-free heads exported without their last layer, as toolchains of accelerators want it.
//!
//! For each stride either one map `[1, 64 + labels, rows, columns]`, or two of `[1, 64, ..]` and `[1, labels, ..]`, and
//! perhaps a third of one channel, the sum of the scores, which is not needed (Rockchip's exports). The first 64 channels
//! are distances from the cell's middle to the four sides, each a distribution over 16 whole strides. Scores are logits,
//! unless all lie in 0..1 on grey.

use super::grid::{self, Cell};
use super::{Done, Evidence, Family, Found, Head, Recognised, best, sigmoid, softmax};
use crate::labels::COCO;
use crate::picture::BoxPx;
use crate::session::Output;

pub(crate) const FAMILY: Family = Family { name: "yolov8-maps", recognise };

/// Bins of a distance (`reg_max`).
const BINS: usize = 16;
const DISTANCES: usize = 4 * BINS;

struct Map {
    cells: Vec<Cell>,
    /// Output with the distances, its shape, and the same for the scores; the same output where both are in one.
    distances: usize,
    scores: usize,
    shapes: [Vec<usize>; 2],
}

struct Maps {
    maps: Vec<Map>,
    classes: usize,
    /// Channel of the first score in its output.
    first_score: usize,
    logits: bool,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if !matches!(evidence.outputs.len(), 3 | 6 | 9) {
        return None;
    }
    let is_joined = evidence.outputs.len() == 3;
    let mut classes = None;
    let mut maps = Vec::new();
    for stride in grid::STRIDES_3 {
        let side = [evidence.height / stride, evidence.width / stride];
        let channels = |i: usize| match evidence.outputs[i].shape[..] {
            [1, n, r, c] if [r, c] == side => Some(n),
            _ => None,
        };
        let of_map: Vec<usize> = (0..evidence.outputs.len()).filter(|i| channels(*i).is_some()).collect();
        let (distances, scores, n) = if is_joined {
            let &[both] = &of_map[..] else { return None };
            (both, both, channels(both)?.checked_sub(DISTANCES)?)
        } else {
            let distances = *of_map.iter().find(|i| channels(**i) == Some(DISTANCES))?;
            let others = || of_map.iter().copied().filter(|i| *i != distances);
            let scores = others().max_by_key(|i| channels(*i))?;
            (distances, scores, channels(scores)?)
        };
        // A raw map of YOLOv5 has channels by threes; where nobody names the labels, COCO's eighty decide.
        let is_known = evidence.names.is_some() || n == COCO.len() || !is_joined;
        if !is_known || *classes.get_or_insert(n) != n {
            return None;
        }
        let shapes = [distances, scores].map(|i| evidence.outputs[i].shape.clone());
        let cells = grid::cells(evidence.width, evidence.height, &[stride]);
        maps.push(Map { cells, distances, scores, shapes });
    }
    let classes = classes.filter(|n| evidence.may_have(*n))?;
    let first_score = if is_joined { DISTANCES } else { 0 };
    let is_logit = |map: &Map| {
        let scores = &evidence.outputs[map.scores].data[first_score * map.cells.len()..];
        scores.iter().any(|v| !(0.0..=1.0).contains(v))
    };
    let logits = maps.iter().any(is_logit);
    Some(Recognised::yolo(Maps { maps, classes, first_score, logits }, classes))
}

impl Head for Maps {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let (first, classes) = (self.first_score, self.classes);
        for map in &self.maps {
            let count = map.cells.len();
            let distances = outputs[map.distances].expect(&map.shapes[0])?;
            let scores =
                &outputs[map.scores].expect(&map.shapes[1])?[first * count..(first + classes) * count];
            for (index, cell) in map.cells.iter().enumerate() {
                let (label, score) = best((0..classes).map(|label| scores[label * count + index]));
                let score = if self.logits { sigmoid(score) } else { score };
                found.add(label, score, || {
                    let [left, top, right, bottom] = std::array::from_fn(|side| {
                        let mut bins: [f32; BINS] =
                            std::array::from_fn(|bin| distances[(side * BINS + bin) * count + index]);
                        softmax(&mut bins);
                        bins.iter().enumerate().map(|(i, p)| i as f32 * p).sum::<f32>() * cell.stride
                    });
                    let (x, y) = ((cell.x + 0.5) * cell.stride, (cell.y + 0.5) * cell.stride);
                    BoxPx { x1: x - left, y1: y - top, x2: x + right, y2: y + bottom }
                });
            }
        }
        Ok(())
    }
}
