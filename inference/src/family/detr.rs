//! Transformer detectors with a fixed number of queries: RT-DETR, D-FINE, DEIM.
//!
//! Three forms:
//! - deployed: labels `[1, Q]`, boxes `[1, Q, 4]` (corners), scores `[1, Q]`, scaled to `orig_target_sizes`, for which the
//!   input's own size is given (<https://github.com/lyuwenyu/RT-DETR>, <https://github.com/Peterande/D-FINE>);
//! - raw: logits `[1, Q, labels]` and boxes `[1, Q, 4]`, centre and size in 0..1 (Hugging Face, Transformers);
//! - Ultralytics: `[1, Q, 4 + labels]`, centre and size in 0..1, then scores.
//!
//! Every label of a query that scores enough is a detection of its own, as in the reference. Takes RGB, 0..1, stretched.

use super::ssd::{self, Answers, Boxes, Labels};
use super::{Evidence, Family, Head, Recognised, sigmoid};
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::nms::Candidate;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "rt-detr", recognise };

/// Most queries; more rows are the candidates of another family.
const MAX_QUERIES: usize = 1000;

struct Raw {
    logits: usize,
    boxes: usize,
    queries: usize,
    classes: usize,
    size: [f32; 2],
}

struct Joined {
    shape: [usize; 3],
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let size = [evidence.width as f32, evidence.height as f32];
    let (head, classes): (Box<dyn Head>, usize) = match evidence.outputs {
        [one] => {
            let &[1, queries, columns] = one.shape.as_slice() else { return None };
            let classes = columns.checked_sub(4).filter(|n| evidence.may_have(*n))?;
            let is_detr = queries <= MAX_QUERIES && columns != 6 && in_unit(&one.data, columns, 4);
            (is_detr.then(|| Box::new(Joined { shape: [1, queries, columns], size }))?, classes)
        }
        [_, _] => {
            let (logits, boxes) = pair(evidence)?;
            let &[1, queries, classes] = evidence.outputs[logits].shape.as_slice() else { return None };
            (Box::new(Raw { logits, boxes, queries, classes, size }), classes)
        }
        _ if evidence.takes_target_size => {
            let answers = ssd::answers(evidence, Labels::FromZero, Boxes::Pixels)?;
            (Box::new(answers) as Box<Answers>, evidence.names.unwrap_or(80))
        }
        _ => return None,
    };
    Some(Recognised {
        preparation: Preparation::unit(Fit::Stretch, Channels::Rgb),
        head,
        suppression: None,
        classes,
        names: None,
        threshold: 0.5,
    })
}

/// Which output is the logits and which the boxes.
fn pair(evidence: &Evidence<'_>) -> Option<(usize, usize)> {
    let is_boxes = |i: usize| {
        let output = &evidence.outputs[i];
        matches!(output.shape.as_slice(), [1, q, 4] if *q <= MAX_QUERIES) && in_unit(&output.data, 4, 4)
    };
    let named = evidence.output("pred_logits").or_else(|| evidence.output("logits"));
    let pairs = [(0, 1), (1, 0)].into_iter().filter(|(logits, _)| named.is_none_or(|n| n == *logits));
    let fitting = |(logits, boxes): &(usize, usize)| {
        let [of_logits, of_boxes] = [&evidence.outputs[*logits].shape, &evidence.outputs[*boxes].shape];
        is_boxes(*boxes)
            && of_logits.len() == 3
            && of_logits[..2] == of_boxes[..2]
            && evidence.may_have(of_logits[2])
            && (named.is_some() || of_logits[2] != 4)
    };
    pairs.into_iter().find(fitting)
}

/// Whether the first `boxes` of each `columns` numbers are fractions, with some room for rounding.
fn in_unit(data: &[f32], columns: usize, boxes: usize) -> bool {
    data.chunks_exact(columns).all(|row| row[..boxes].iter().all(|v| (-0.1..=1.1).contains(v)))
}

fn scaled(row: &[f32], [width, height]: [f32; 2]) -> BoxPx {
    BoxPx::around(row[0] * width, row[1] * height, row[2] * width, row[3] * height)
}

impl Head for Raw {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        let logits = outputs[self.logits].expect(&[1, self.queries, self.classes])?;
        let boxes = outputs[self.boxes].expect(&[1, self.queries, 4])?;
        for (logits, row) in logits.chunks_exact(self.classes).zip(boxes.chunks_exact(4)) {
            for (label, score) in logits.iter().map(|l| sigmoid(*l)).enumerate().filter(|(_, s)| *s >= floor)
            {
                found.push(Candidate { label, score, area: scaled(row, self.size) });
            }
        }
        Ok(())
    }
}

impl Head for Joined {
    fn read(
        &self,
        outputs: &[Output<'_>],
        floor: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            for (label, score) in row[4..].iter().copied().enumerate().filter(|(_, s)| *s >= floor) {
                found.push(Candidate { label, score, area: scaled(row, self.size) });
            }
        }
        Ok(())
    }
}
