//! FastestDet (<https://github.com/dog-qiuqiu/FastestDet>): one map `[1, 5 + labels, rows, columns]` at stride 16.
//!
//! Channels are objectness, offsets of the centre from the cell's corner (through tanh, in cells), width and height
//! (through the logistic function, in inputs), and a score for each label; the score is objectness^0.6 times label
//! score^0.4. Takes BGR, 0..1, stretched. Candidates of different labels suppress each other, as in the reference.

use super::{Done, Evidence, Family, Found, Head, Recognised, best, sigmoid};
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::picture::BoxPx;
use crate::session::Output;
use crate::tensor::{Channels, Preparation};

pub(crate) const FAMILY: Family = Family { name: "fastestdet", recognise };

const STRIDE: usize = 16;

struct FastestDet {
    shape: [usize; 4],
    size: [f32; 2],
}

fn recognise(evidence: &Evidence<'_>) -> Option<Recognised> {
    let [output] = evidence.outputs else { return None };
    let &[1, channels, rows, columns] = output.shape.as_slice() else { return None };
    let classes = channels.checked_sub(5).filter(|n| evidence.may_have(*n))?;
    if [columns * STRIDE, rows * STRIDE] != [evidence.width, evidence.height] {
        return None;
    }
    let size = evidence.size();
    Some(Recognised {
        preparation: Preparation::unit(Fit::Stretch, Channels::Bgr),
        head: Box::new(FastestDet { shape: [1, channels, rows, columns], size }),
        suppression: Some(Suppression { iou: 0.45, across_labels: true }),
        classes,
        names: None,
        threshold: 0.65,
    })
}

impl Head for FastestDet {
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done {
        let data = outputs[0].expect(&self.shape)?;
        let [_, channels, rows, columns] = self.shape;
        let [width, height] = self.size;
        for cell in 0..rows * columns {
            let at = |channel: usize| data[channel * rows * columns + cell];
            let objectness = at(0).max(0.0);
            // The largest that the score can be: label score 1.
            if objectness.powf(0.6) < found.floor {
                continue;
            }
            let (label, label_score) = best((5..channels).map(at));
            found.add(label, objectness.powf(0.6) * label_score.max(0.0).powf(0.4), || {
                let x = ((cell % columns) as f32 + at(1).tanh()) / columns as f32 * width;
                let y = ((cell / columns) as f32 + at(2).tanh()) / rows as f32 * height;
                BoxPx::around(x, y, sigmoid(at(3)) * width, sigmoid(at(4)) * height)
            });
        }
        Ok(())
    }
}
