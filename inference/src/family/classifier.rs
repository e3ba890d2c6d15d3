//! Classification of the whole picture, such as fire or no fire: `[1, labels]`, a score or a logit for each.
//!
//! Every label that scores enough is a detection as large as the picture. A vector of numbers is a classifier only where
//! the names of its labels are known; otherwise it may as well be an embedding. Ultralytics' exports take RGB, 0..1, the
//! middle square of the picture; all others are taken to want ImageNet's mean and deviation, stretched.

use super::nanodet::IMAGENET;
use super::{Done, Evidence, Family, Found, Head, Recognised, softmax};
use crate::geometry::Fit;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "classifier", recognise };

struct Classifier {
    classes: usize,
    logits: bool,
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [output] = evidence.outputs else { return None };
    let &[1, classes] = output.shape.as_slice() else { return None };
    if evidence.names != Some(classes) {
        return None;
    }
    let sum: f32 = output.data.iter().sum();
    let logits = (sum - 1.0).abs() > 0.01 || output.data.iter().any(|v| *v < 0.0);
    let preparation = if evidence.task() == Some("classify") {
        Preparation::unit(Fit::Crop, Channels::Rgb)
    } else {
        let [mean, std] = IMAGENET;
        Preparation { fit: Fit::Stretch, channels: Channels::Rgb, mean, std }
    };
    let size = evidence.size();
    Some(Recognised {
        preparation,
        head: Box::new(Classifier { classes, logits, size }),
        suppression: None,
        classes,
        names: None,
        threshold: 0.5,
    })
}

impl Head for Classifier {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let mut scores = outputs[0].expect(&[1, self.classes])?.to_vec();
        if self.logits {
            softmax(&mut scores);
        }
        let [x2, y2] = self.size;
        let whole = BoxPx { x1: 0.0, y1: 0.0, x2, y2 };
        found.add_each(&scores, || whole);
        Ok(())
    }
}
