//! What MMDeploy makes of MMDetection's detectors (RTMDet and others, <https://github.com/open-mmlab/mmdeploy>): suppression is in
//! the graph, `dets [1, N, 5]` (left, top, right, bottom in pixels of the input, score) and `labels [1, N]`.
//!
//! Takes what RTMDet wants: BGR with ImageNet's mean and deviation, letterboxed with 114 at the right and bottom.

use super::found::{corners, four};
use super::nanodet::IMAGENET;
use super::{Done, Evidence, Family, Found, Head, Recognised};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "mmdetection", recognise };

struct Answers {
    boxes: usize,
    labels: usize,
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let (boxes, labels) = (evidence.output("dets")?, evidence.output("labels")?);
    let fits = |output: usize, columns: Option<usize>| match (&evidence.outputs[output].shape[..], columns) {
        ([1, _, n] | [_, n], Some(columns)) => *n == columns,
        ([1, _], None) => true,
        _ => false,
    };
    if !fits(boxes, Some(5)) || !fits(labels, None) {
        return None;
    }
    let [mean, std] = IMAGENET.map(|[r, g, b]| [b, g, r]);
    Some(Recognised {
        preparation: Preparation {
            fit: Fit::LetterboxTopLeft { pad: 114 },
            channels: Channels::Bgr,
            mean,
            std,
        },
        head: Box::new(Answers { boxes, labels }),
        suppression: None,
        classes: evidence.names.unwrap_or(COCO.len()),
        names: None,
        threshold: 0.4,
    })
}

impl Head for Answers {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let (boxes, labels) = (&outputs[self.boxes].data, &outputs[self.labels].data);
        for (row, label) in boxes.chunks_exact(5).zip(labels.iter()).filter(|(_, label)| **label >= 0.0) {
            found.add(*label as usize, row[4], || corners(four(row)));
        }
        Ok(())
    }
}
