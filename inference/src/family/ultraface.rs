//! UltraFace (<https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB>): scores `[1, priors, 2]` (background
//! and face) and boxes `[1, priors, 4]`, corners in 0..1. Used to pixelate faces, never to recognise them.
//!
//! Takes RGB, (value - 127) / 128, stretched.

use super::found::{corners, four, scaled};
use super::{Done, Evidence, Family, Found, Head, Recognised};
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "ultraface", recognise };

/// Stride and priors a cell.
const MAPS: [(usize, usize); 4] = [(8, 3), (16, 2), (32, 2), (64, 3)];

struct UltraFace {
    scores: usize,
    boxes: usize,
    priors: usize,
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let cells = |stride| evidence.width.div_ceil(stride) * evidence.height.div_ceil(stride);
    let priors: usize = MAPS.iter().map(|(stride, priors)| cells(*stride) * priors).sum();
    let with = |columns: usize| evidence.outputs.iter().position(|o| o.shape == [1, priors, columns]);
    let (scores, boxes) = (with(2)?, with(4)?);
    let size = evidence.size();
    Some(Recognised {
        preparation: Preparation {
            fit: Fit::Stretch,
            channels: Channels::Rgb,
            mean: [127.0; 3],
            std: [128.0; 3],
        },
        head: Box::new(UltraFace { scores, boxes, priors, size }),
        suppression: Some(Suppression { iou: 0.5, across_labels: true }),
        classes: 1,
        names: Some(&["face"]),
        threshold: 0.7,
    })
}

impl Head for UltraFace {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let scores = outputs[self.scores].expect(&[1, self.priors, 2])?.chunks_exact(2);
        let boxes = outputs[self.boxes].expect(&[1, self.priors, 4])?.chunks_exact(4);
        for (score, row) in scores.zip(boxes) {
            found.add(0, score[1], || corners(scaled(four(row), self.size)));
        }
        Ok(())
    }
}
