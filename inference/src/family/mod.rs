//! Families of detectors: what each wants of a picture and what its outputs mean.
//!
//! A family is one file and one line in [`FAMILIES`]. It is recognised from the model itself: the input's size, the
//! file's metadata, and the outputs of a run on a grey picture, which have real shapes even where the file leaves them
//! free. The first family in the table that fits is taken, so the more particular ones stand first.

mod classifier;
mod detr;
mod end_to_end;
mod fastestdet;
mod grid;
mod nanodet;
mod ssd;
mod ultraface;
mod yolo_fastestv2;
mod yolov5;
mod yolov6;
mod yolov8;
mod yolox;

use std::collections::BTreeMap;

use crate::error::DetectError;
use crate::nms::{Candidate, Suppression};
use crate::session::Output;
use crate::tensor::{Layout, Preparation};

/// Every family, the more particular first.
pub(crate) const FAMILIES: &[Family] = &[
    yolo_fastestv2::FAMILY,
    fastestdet::FAMILY,
    ultraface::FAMILY,
    nanodet::FAMILY,
    nanodet::PICODET,
    ssd::FAMILY,
    detr::FAMILY,
    end_to_end::FAMILY,
    yolov6::FAMILY,
    yolox::FAMILY,
    yolov5::FAMILY,
    yolov8::FAMILY,
    classifier::FAMILY,
];

/// One family of detectors.
pub(crate) struct Family {
    /// The word in configuration and messages.
    pub(crate) name: &'static str,
    /// Takes the model for its own, or not.
    pub(crate) recognise: fn(&Evidence<'_>) -> Option<Recognised>,
}

/// What is known of a model when its family is looked for.
pub(crate) struct Evidence<'a> {
    /// Input width, pixels.
    pub(crate) width: usize,
    /// Input height, pixels.
    pub(crate) height: usize,
    /// Order of the input's dimensions.
    pub(crate) layout: Layout,
    /// Beside the picture the model takes the size that boxes shall be scaled to.
    pub(crate) takes_target_size: bool,
    /// Free-form entries of the file.
    pub(crate) metadata: &'a BTreeMap<String, String>,
    /// How many labels the file or the user names.
    pub(crate) names: Option<usize>,
    /// Outputs of a run on a grey picture.
    pub(crate) outputs: &'a [Output<'a>],
}

/// A model of a family: how to feed and how to read it.
pub(crate) struct Recognised {
    pub(crate) preparation: Preparation,
    pub(crate) head: Box<dyn Head>,
    /// None where the model's answers do not overlap.
    pub(crate) suppression: Option<Suppression>,
    /// Number of labels.
    pub(crate) classes: usize,
    /// Names where neither the file nor the user has any.
    pub(crate) names: Option<&'static [&'static str]>,
    /// Least score where neither the file nor the user names one.
    pub(crate) threshold: f32,
}

/// Reads the outputs of one run.
pub(crate) trait Head: Send {
    /// Appends everything that scores `floor` or more, in pixels of the input.
    fn read(&self, outputs: &[Output<'_>], floor: f32, found: &mut Vec<Candidate>)
    -> Result<(), DetectError>;
}

// === impl Family ===

impl Family {
    pub(crate) fn by_name(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }
}

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// The output of this name.
    pub(crate) fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name == name)
    }

    /// Ultralytics' `task`: `detect`, `classify`, `segment`, `pose`, `obb`.
    pub(crate) fn task(&self) -> Option<&'a str> {
        self.metadata.get("task").map(String::as_str)
    }

    /// Whether so many labels agree with the names that are known.
    pub(crate) fn may_have(&self, classes: usize) -> bool {
        classes > 0 && self.names.is_none_or(|n| n == classes)
    }
}

// === impl Output ===

impl Output<'_> {
    /// The numbers, if the shape is still that of the self-test.
    pub(crate) fn expect(&self, shape: &[usize]) -> Result<&[f32], DetectError> {
        if self.shape == shape {
            return Ok(&self.data);
        }
        Err(DetectError::Outputs(format!(
            "{} is {:?}, was {shape:?} in the self-test",
            self.name, self.shape
        )))
    }
}

/// Index and value of the largest of `scores`; the first of equals.
#[inline]
pub(crate) fn best(scores: &[f32]) -> (usize, f32) {
    scores
        .iter()
        .copied()
        .enumerate()
        .fold((0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best })
}

/// The logistic function.
#[inline]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Turns logits into a distribution, in place.
pub(crate) fn softmax(values: &mut [f32]) {
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    values.iter_mut().for_each(|v| *v = (*v - most).exp());
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|v| *v /= sum);
}
