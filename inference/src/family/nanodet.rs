//! NanoDet, NanoDet-Plus (<https://github.com/RangiLyu/nanodet>) and PicoDet (PaddleDetection): distances from the cell's
//! centre to the four sides, each a distribution over whole strides (distribution focal loss).
//!
//! Either each feature map has two outputs, scores `[1, cells, labels]` and distances `[1, cells, 4 x bins]`, in any order
//! and paired by their number of cells; or all maps share one, `[1, cells, labels + 4 x bins]`. Scores may be logits:
//! a score below 0 on grey tells. NanoDet takes BGR with ImageNet's mean and deviation, letterboxed with black;
//! PicoDet RGB with the same, stretched. PicoDet has four maps in outputs of their own; NanoDet three, NanoDet-Plus four in
//! one.

use super::grid::{self, Cell};
use super::{Done, Evidence, Family, Found, Head, Recognised, best, sigmoid, softmax};
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "nanodet", recognise };
pub(crate) const PICODET: Family = Family { name: "picodet", recognise: recognise_picodet };

/// Mean and deviation of ImageNet in 0..255, red first.
pub(super) const IMAGENET: [[f32; 3]; 2] = [[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]];

/// Bins of a distance in nearly all exports (`reg_max` 7).
const USUAL_BINS: usize = 8;
const STRIDES: [usize; 4] = [8, 16, 32, 64];

/// One feature map, or several in one output.
struct Map {
    cells: Vec<Cell>,
    scores: usize,
    distances: usize,
}

struct Distances {
    maps: Vec<Map>,
    /// Labels and bins in one output.
    joined: bool,
    classes: usize,
    bins: usize,
    logits: bool,
    /// Where in a cell distances start: in its middle, or at its corner (NanoDet-Plus).
    origin: f32,
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let head = if evidence.outputs.len() == 1 { joined(evidence)? } else { paired(evidence, 3)? };
    let [mean, std] = IMAGENET.map(|[r, g, b]| [b, g, r]);
    let preparation =
        Preparation { fit: Fit::LetterboxCentre { pad: 0 }, channels: Channels::Bgr, mean, std };
    Some(recognised(head, preparation, 0.5))
}

fn recognise_picodet(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [mean, std] = IMAGENET;
    let preparation = Preparation { fit: Fit::Stretch, channels: Channels::Rgb, mean, std };
    Some(recognised(paired(evidence, 4)?, preparation, 0.6))
}

fn recognised(head: Distances, preparation: Preparation, iou: f32) -> Recognised {
    let classes = head.classes;
    let suppression = Some(Suppression { iou, across_labels: false });
    Recognised { preparation, head: Box::new(head), suppression, classes, names: None, threshold: 0.4 }
}

/// One output for all maps: NanoDet-Plus with four strides, or three.
fn joined(evidence: &Evidence<'_>) -> Option<Distances> {
    let &[1, rows, columns] = evidence.outputs[0].shape.as_slice() else { return None };
    let classes = columns.checked_sub(4 * USUAL_BINS).filter(|n| evidence.may_have(*n))?;
    let strides = [&STRIDES[..], &STRIDES[..3]]
        .into_iter()
        .find(|s| grid::count(evidence.width, evidence.height, s) == rows)?;
    // YOLOX has rows like this too: only a known number of labels, or the fourth stride, tells them apart.
    if strides.len() == 3 && evidence.names.is_none() {
        return None;
    }
    let logits =
        evidence.outputs[0].data.chunks_exact(columns).any(|row| row[..classes].iter().any(|s| *s < 0.0));
    let map = Map { cells: grid::cells(evidence.width, evidence.height, strides), scores: 0, distances: 0 };
    let size = evidence.size();
    Some(Distances { maps: vec![map], joined: true, classes, bins: USUAL_BINS, logits, origin: 0.0, size })
}

/// Two outputs for each of so many maps.
fn paired(evidence: &Evidence<'_>, maps: usize) -> Option<Distances> {
    if evidence.outputs.len() != 2 * maps
        || evidence.outputs.iter().any(|o| !matches!(o.shape.as_slice(), [1, _, _]))
    {
        return None;
    }
    let columns = |i: usize| evidence.outputs[i].shape[2];
    let mut classes = None;
    let mut found = Vec::new();
    for stride in &STRIDES[..maps] {
        let cells = grid::cells(evidence.width, evidence.height, &[*stride]);
        let of_map: Vec<usize> =
            (0..evidence.outputs.len()).filter(|i| evidence.outputs[*i].shape[1] == cells.len()).collect();
        let &[first, second] = of_map.as_slice() else { return None };
        let (scores, distances) = match (columns(first), columns(second)) {
            (_, d) if d == 4 * USUAL_BINS => (first, second),
            (d, _) if d == 4 * USUAL_BINS => (second, first),
            _ => return None,
        };
        if *classes.get_or_insert(columns(scores)) != columns(scores) {
            return None;
        }
        found.push(Map { cells, scores, distances });
    }
    let classes = classes.filter(|n| evidence.may_have(*n))?;
    let logits = found.iter().any(|m| evidence.outputs[m.scores].data.iter().any(|s| *s < 0.0));
    let size = evidence.size();
    Some(Distances { maps: found, joined: false, classes, bins: USUAL_BINS, logits, origin: 0.5, size })
}

// === impl Distances ===

impl Distances {
    fn area(&self, cell: &Cell, bins: &[f32]) -> BoxPx {
        let [left, top, right, bottom] = std::array::from_fn(|side| {
            let mut bins = bins[side * self.bins..(side + 1) * self.bins].to_vec();
            softmax(&mut bins);
            bins.iter().enumerate().map(|(i, p)| i as f32 * p).sum::<f32>() * cell.stride
        });
        let (x, y) = ((cell.x + self.origin) * cell.stride, (cell.y + self.origin) * cell.stride);
        let [w, h] = self.size;
        let area = BoxPx { x1: x - left, y1: y - top, x2: x + right, y2: y + bottom };
        area.clipped(&BoxPx { x1: 0.0, y1: 0.0, x2: w, y2: h })
    }
}

impl Head for Distances {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let bins = 4 * self.bins;
        for map in &self.maps {
            let rows = map.cells.len();
            let (score_columns, distance_columns, skip) = if self.joined {
                (self.classes + bins, self.classes + bins, self.classes)
            } else {
                (self.classes, bins, 0)
            };
            let scores = outputs[map.scores].expect(&[1, rows, score_columns])?.chunks_exact(score_columns);
            let distances =
                outputs[map.distances].expect(&[1, rows, distance_columns])?.chunks_exact(distance_columns);
            for ((scores, distances), cell) in scores.zip(distances).zip(&map.cells) {
                let (label, score) = best(scores[..self.classes].iter().copied());
                let score = if self.logits { sigmoid(score) } else { score };
                found.add(label, score, || self.area(cell, &distances[skip..]));
            }
        }
        Ok(())
    }
}
