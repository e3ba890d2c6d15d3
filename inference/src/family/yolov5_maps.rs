//! YOLOv5 and YOLOv7 exported without their last layer, as toolchains of accelerators want it: one raw map a stride,
//! `[1, 3, rows, columns, 5 + labels]` or `[1, 3 x (5 + labels), rows, columns]`, in any order.
//!
//! Numbers are logits, or have gone through the logistic function already (Rockchip's exports), which a run on grey tells:
//! then all lie in 0..1. Anchors are in no such file by themselves: those of the metadata (`anchors`: pixels of the input,
//! flat or nested), else YOLOv5's for COCO, which YOLOv3's and YOLOv7-tiny's are too; for YOLOv7 name the family
//! `yolov7-maps`.

use super::{Done, Evidence, Family, Found, Head, Recognised, sigmoid};
use crate::picture::BoxPx;
use crate::session::Output;

pub(crate) const FAMILY: Family =
    Family { name: "yolov5-maps", recognise: |evidence| recognise(evidence, &YOLOV5_ANCHORS) };
pub(crate) const YOLOV7: Family =
    Family { name: "yolov7-maps", recognise: |evidence| recognise(evidence, &YOLOV7_ANCHORS) };

const ANCHORS_PER_CELL: usize = 3;
const STRIDES: [usize; 4] = [8, 16, 32, 64];
/// Widths and heights in pixels of the input, three a stride (models/yolov5s.yaml of the project).
const YOLOV5_ANCHORS: [f32; 18] = [
    10.0, 13.0, 16.0, 30.0, 33.0, 23.0, 30.0, 61.0, 62.0, 45.0, 59.0, 119.0, 116.0, 90.0, 156.0, 198.0,
    373.0, 326.0,
];
/// The same with four strides (models/hub/yolov5s6.yaml).
const YOLOV5_P6_ANCHORS: [f32; 24] = [
    19.0, 27.0, 44.0, 40.0, 38.0, 94.0, 96.0, 68.0, 86.0, 152.0, 180.0, 137.0, 140.0, 301.0, 303.0, 264.0,
    238.0, 542.0, 436.0, 615.0, 739.0, 380.0, 925.0, 792.0,
];
/// YOLOv7's (cfg/deploy/yolov7.yaml of the project).
const YOLOV7_ANCHORS: [f32; 18] = [
    12.0, 16.0, 19.0, 36.0, 40.0, 28.0, 36.0, 75.0, 76.0, 55.0, 72.0, 146.0, 142.0, 110.0, 192.0, 243.0,
    459.0, 401.0,
];

struct Map {
    output: usize,
    shape: Vec<usize>,
    stride: usize,
    rows: usize,
    columns: usize,
    anchors: [[f32; 2]; ANCHORS_PER_CELL],
}

struct Maps {
    maps: Vec<Map>,
    classes: usize,
    logits: bool,
}

fn recognise(evidence: &Evidence<'_>, usual: &[f32]) -> Option<Recognised> {
    let count = evidence.outputs.len();
    let usual = match count {
        3 => usual,
        4 => &YOLOV5_P6_ANCHORS,
        _ => return None,
    };
    let anchors = in_metadata(evidence).unwrap_or_else(|| usual.to_vec());
    if anchors.len() != count * ANCHORS_PER_CELL * 2 {
        return None;
    }
    let mut length = None;
    let mut maps = Vec::new();
    for (of_stride, stride) in anchors.chunks_exact(ANCHORS_PER_CELL * 2).zip(STRIDES) {
        let (rows, columns) = (evidence.height / stride, evidence.width / stride);
        let fits = |shape: &[usize]| match *shape {
            [1, ANCHORS_PER_CELL, r, c, n] if [r, c] == [rows, columns] => Some(n),
            [1, n, r, c] if [r, c] == [rows, columns] && n % ANCHORS_PER_CELL == 0 => {
                Some(n / ANCHORS_PER_CELL)
            }
            _ => None,
        };
        let (output, n) = (0..count).find_map(|i| Some((i, fits(&evidence.outputs[i].shape)?)))?;
        if *length.get_or_insert(n) != n {
            return None;
        }
        let anchors = std::array::from_fn(|a| [of_stride[a * 2], of_stride[a * 2 + 1]]);
        let shape = evidence.outputs[output].shape.clone();
        maps.push(Map { output, shape, stride, rows, columns, anchors });
    }
    let classes = length?.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    let logits = evidence.outputs.iter().any(|o| o.data.iter().any(|v| !(0.0..=1.0).contains(v)));
    Some(Recognised::yolo(Maps { maps, classes, logits }, classes))
}

/// Ultralytics and others who add them write a list, or a list a stride.
fn in_metadata(evidence: &Evidence<'_>) -> Option<Vec<f32>> {
    let text = evidence.metadata.get("anchors")?;
    let flat = text.replace(['[', ']', '(', ')'], " ");
    flat.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

impl Head for Maps {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let mut row = vec![0.0; 5 + self.classes];
        for map in &self.maps {
            let data = outputs[map.output].expect(&map.shape)?;
            let cells = map.rows * map.columns;
            for (anchor, [width, height]) in map.anchors.into_iter().enumerate() {
                for cell in 0..cells {
                    let value = |i: usize| {
                        let at = if map.shape.len() == 5 {
                            (anchor * cells + cell) * row.len() + i
                        } else {
                            (anchor * row.len() + i) * cells + cell
                        };
                        if self.logits { sigmoid(data[at]) } else { data[at] }
                    };
                    // Most cells hold nothing, and the rest of their row need not be read.
                    if value(4) < found.floor {
                        continue;
                    }
                    let values: Vec<f32> = (0..row.len()).map(value).collect();
                    row.copy_from_slice(&values);
                    found.add_object(&row, || {
                        let (stride, left, top) = (map.stride as f32, cell % map.columns, cell / map.columns);
                        let x = (row[0] * 2.0 - 0.5 + left as f32) * stride;
                        let y = (row[1] * 2.0 - 0.5 + top as f32) * stride;
                        BoxPx::around(x, y, (row[2] * 2.0).powi(2) * width, (row[3] * 2.0).powi(2) * height)
                    });
                }
            }
        }
        Ok(())
    }
}
