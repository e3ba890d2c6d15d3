//! Transformer detectors with a fixed number of queries: RT-DETR, D-FINE, DEIM, RF-DETR, DETR, YOLOS.
//!
//! Three forms:
//! - deployed: labels `[1, Q]`, boxes `[1, Q, 4]` (corners), scores `[1, Q]`, scaled to `orig_target_sizes`, for which the
//!   input's own size is given (<https://github.com/lyuwenyu/RT-DETR>, <https://github.com/Peterande/D-FINE>);
//! - raw: logits `[1, Q, labels]` and boxes `[1, Q, 4]`, centre and size in 0..1 (Hugging Face's Optimum, RF-DETR);
//! - Ultralytics: `[1, Q, 4 + labels]`, centre and size in 0..1, then scores.
//!
//! Every label of a query that scores enough is a detection of its own, as in the reference. Takes RGB, 0..1, stretched.
//! DETR and YOLOS (a logit for *no object* behind the labels, softmax) and RF-DETR (outputs `dets` and `labels`) want
//! ImageNet's mean and deviation besides. 91 logits without names are COCO's category ids.

use super::found::{centred, four, scaled};
use super::nanodet::IMAGENET;
use super::ssd::{self, Boxes, COCO_IDS, Labels};
use super::{Done, Evidence, Family, Found, Head, Recognised, sigmoid, softmax};
use crate::geometry::Fit;
use crate::labels::COCO;
use crate::session::{Extra, Output};
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "rt-detr", recognise };

/// Most queries; more rows are the candidates of another family.
const MAX_QUERIES: usize = 1000;
/// Logits of a model whose labels are COCO's category ids, 0 to 90.
const COCO_LOGITS: usize = 91;

struct Raw {
    logits: usize,
    boxes: usize,
    shape: [usize; 3],
    /// The last logit says that there is nothing, and all together are a distribution.
    has_nothing: bool,
    coco_ids: bool,
    size: [f32; 2],
}

struct Joined {
    shape: [usize; 3],
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    if let Some((head, classes, wants_imagenet)) = raw(evidence) {
        return Some(recognised(Box::new(head), classes, wants_imagenet));
    }
    if let [one] = evidence.outputs {
        let &[1, queries, columns] = one.shape.as_slice() else { return None };
        let classes = columns.checked_sub(4).filter(|n| evidence.may_have(*n))?;
        // Six columns may be box, score and number of the label, which is whole.
        let is_answer = columns == 6 && one.data.chunks_exact(6).all(|row| row[5].fract() == 0.0);
        let is_detr = queries <= MAX_QUERIES && !is_answer && in_unit(&one.data, columns, 4);
        let head = Joined { shape: [1, queries, columns], size: evidence.size() };
        return is_detr.then(|| recognised(Box::new(head), classes, false));
    }
    if evidence.takes_target_size() {
        let answers = ssd::answers(evidence, Labels::FromZero, Boxes::Pixels)?;
        return Some(recognised(Box::new(answers), evidence.names.unwrap_or(COCO.len()), false));
    }
    None
}

fn recognised(head: Box<dyn Head>, classes: usize, wants_imagenet: bool) -> Recognised {
    let plain = Preparation::unit(Fit::Stretch, Channels::Rgb);
    let [mean, std] = IMAGENET;
    let preparation = if wants_imagenet { Preparation { mean, std, ..plain } } else { plain };
    Recognised { preparation, head, suppression: None, classes, names: None, threshold: 0.5 }
}

/// Logits and boxes apart; the number of labels, and whether ImageNet's mean and deviation are wanted.
fn raw(evidence: &Evidence<'_>) -> Option<(Raw, usize, bool)> {
    let (logits, boxes) = pair(evidence)?;
    let &[1, queries, columns] = evidence.outputs[logits].shape.as_slice() else { return None };
    let is_rf_detr = evidence.outputs[boxes].name == "dets";
    // With one logit more than names, or one more than COCO's category ids.
    let one_more = evidence.names.map_or(columns == COCO_LOGITS + 1, |n| columns == n + 1);
    let has_nothing = one_more && !is_rf_detr;
    let coco_ids = evidence.names.is_none() && columns - usize::from(has_nothing) == COCO_LOGITS;
    let wants_imagenet =
        is_rf_detr || has_nothing || coco_ids || evidence.takes.contains(&Extra::PictureMask);
    let classes = match evidence.names {
        Some(names) => (names == columns || one_more).then_some(names)?,
        None if coco_ids => COCO.len(),
        None => columns - usize::from(has_nothing),
    };
    let shape = [1, queries, columns];
    let head = Raw { logits, boxes, shape, has_nothing, coco_ids, size: evidence.size() };
    Some((head, classes, wants_imagenet))
}

/// Which output is the logits and which the boxes: by name, or as the only two.
fn pair(evidence: &Evidence<'_>) -> Option<(usize, usize)> {
    let first_of = |names: &[&str]| names.iter().find_map(|name| evidence.output(name));
    let named = first_of(&["pred_logits", "logits"]).zip(first_of(&["pred_boxes", "boxes"]));
    let named = named.or_else(|| evidence.output("labels").zip(evidence.output("dets")));
    let only = if evidence.outputs.len() == 2 { &[(0, 1), (1, 0)][..] } else { &[] };
    let fits = |(logits, boxes): (usize, usize), may_be_four: bool| {
        let [logits, boxes] = [&evidence.outputs[logits], &evidence.outputs[boxes]];
        matches!(boxes.shape[..], [1, q, 4] if q <= MAX_QUERIES)
            && in_unit(&boxes.data, 4, 4)
            && logits.shape.len() == 3
            && logits.shape[..2] == boxes.shape[..2]
            && (may_be_four || logits.shape[2] != 4)
            && logits.shape[2] > 0
    };
    named.filter(|p| fits(*p, true)).or_else(|| only.iter().copied().find(|p| fits(*p, false)))
}

/// Whether the first `boxes` of each `columns` numbers are fractions, with some room for rounding.
fn in_unit(data: &[f32], columns: usize, boxes: usize) -> bool {
    data.chunks_exact(columns).all(|row| row[..boxes].iter().all(|v| (-0.1..=1.1).contains(v)))
}

impl Head for Raw {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let [_, queries, columns] = self.shape;
        let logits = outputs[self.logits].expect(&self.shape)?;
        let boxes = outputs[self.boxes].expect(&[1, queries, 4])?;
        for (logits, row) in logits.chunks_exact(columns).zip(boxes.chunks_exact(4)) {
            let mut scores = logits.to_vec();
            if self.has_nothing {
                softmax(&mut scores);
                scores.pop();
            } else {
                scores.iter_mut().for_each(|score| *score = sigmoid(*score));
            }
            let area = || centred(scaled(four(row), self.size));
            if self.coco_ids {
                COCO_IDS
                    .iter()
                    .enumerate()
                    .for_each(|(label, id)| found.add(label, scores[usize::from(*id)], area));
            } else {
                found.add_each(&scores, area);
            }
        }
        Ok(())
    }
}

impl Head for Joined {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        for row in outputs[0].expect(&self.shape)?.chunks_exact(self.shape[2]) {
            found.add_each(&row[4..], || centred(scaled(four(row), self.size)));
        }
        Ok(())
    }
}
