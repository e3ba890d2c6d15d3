//! Yolo-FastestV2 (<https://github.com/dog-qiuqiu/Yolo-FastestV2>): for each of two strides (16, 32) three maps, of boxes
//! `[1, 12, rows, columns]`, objectness `[1, 3, ..]` and labels `[1, labels, ..]`, all raw.
//!
//! Three anchors a cell share one distribution over labels (softmax). The score is objectness times label score. The
//! anchors are those that the project publishes for COCO; a file trained with others says so in its metadata
//! (`anchors`: twelve numbers, pixels of the input). Takes BGR, 0..1, stretched.

use super::{Done, Evidence, Family, Found, Head, Recognised, sigmoid, softmax};
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "yolo-fastestv2", recognise };

const ANCHORS_PER_CELL: usize = 3;
const STRIDES: [usize; 2] = [16, 32];
/// Width and height of the anchors in pixels of the input, three a stride (data/coco.data of the project).
const COCO_ANCHORS: [f32; 12] =
    [12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87];

struct Map {
    boxes: usize,
    objectness: usize,
    labels: usize,
    rows: usize,
    columns: usize,
    stride: f32,
    anchors: [[f32; 2]; ANCHORS_PER_CELL],
}

struct YoloFastestV2 {
    maps: Vec<Map>,
    classes: usize,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let anchors = match evidence.metadata.get("anchors") {
        Some(list) => serde_json::from_str(list).ok()?,
        None => COCO_ANCHORS,
    };
    if evidence.outputs.len() != 3 * STRIDES.len() {
        return None;
    }
    let mut classes = None;
    let mut maps = Vec::new();
    for (i, stride) in STRIDES.into_iter().enumerate() {
        let (rows, columns) = (evidence.height / stride, evidence.width / stride);
        let of_map: Vec<(usize, usize)> = (0..evidence.outputs.len())
            .filter_map(|index| match evidence.outputs[index].shape.as_slice() {
                &[1, channels, r, c] if [r, c] == [rows, columns] => Some((index, channels)),
                _ => None,
            })
            .collect();
        if of_map.len() != 3 {
            return None;
        }
        let with = |channels: usize| of_map.iter().find(|(_, n)| *n == channels).map(|(index, _)| *index);
        let (boxes, objectness) = (with(4 * ANCHORS_PER_CELL)?, with(ANCHORS_PER_CELL)?);
        let (labels, channels) =
            of_map.iter().copied().find(|(index, _)| *index != boxes && *index != objectness)?;
        if *classes.get_or_insert(channels) != channels {
            return None;
        }
        let anchors = std::array::from_fn(|a| [anchors[i * 6 + a * 2], anchors[i * 6 + a * 2 + 1]]);
        maps.push(Map { boxes, objectness, labels, rows, columns, stride: stride as f32, anchors });
    }
    let classes = classes.filter(|n| evidence.may_have(*n))?;
    Some(Recognised {
        preparation: Preparation::unit(Fit::Stretch, Channels::Bgr),
        head: Box::new(YoloFastestV2 { maps, classes }),
        suppression: Some(Suppression { iou: 0.4, across_labels: false }),
        classes,
        names: None,
        threshold: 0.3,
    })
}

impl Head for YoloFastestV2 {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let mut scores = vec![0.0; self.classes];
        for map in &self.maps {
            let (rows, columns) = (map.rows, map.columns);
            let cells = rows * columns;
            let boxes = outputs[map.boxes].expect(&[1, 4 * ANCHORS_PER_CELL, rows, columns])?;
            let objectness = outputs[map.objectness].expect(&[1, ANCHORS_PER_CELL, rows, columns])?;
            let labels = outputs[map.labels].expect(&[1, self.classes, rows, columns])?;
            for cell in 0..cells {
                let object: [f32; ANCHORS_PER_CELL] =
                    std::array::from_fn(|a| sigmoid(objectness[a * cells + cell]));
                if object.iter().all(|o| *o < found.floor) {
                    continue;
                }
                scores
                    .iter_mut()
                    .enumerate()
                    .for_each(|(label, score)| *score = labels[label * cells + cell]);
                softmax(&mut scores);
                let (label, label_score) = super::best(scores.iter().copied());
                for (anchor, objectness) in object.into_iter().enumerate() {
                    found.add(label, objectness * label_score, || {
                        let at = |i: usize| sigmoid(boxes[(anchor * 4 + i) * cells + cell]);
                        let x = (at(0) * 2.0 - 0.5 + (cell % columns) as f32) * map.stride;
                        let y = (at(1) * 2.0 - 0.5 + (cell / columns) as f32) * map.stride;
                        let [w, h] = map.anchors[anchor];
                        BoxPx::around(x, y, (at(2) * 2.0).powi(2) * w, (at(3) * 2.0).powi(2) * h)
                    });
                }
            }
        }
        Ok(())
    }
}
