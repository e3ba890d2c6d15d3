//! Families of detectors: what each wants of a picture and what its outputs mean.
//!
//! A family is one file and one line in [`FAMILIES`]. It is recognised from the model itself: the input's size, the
//! file's metadata, and the outputs of a run on a grey picture, which have real shapes even where the file leaves them
//! free. The first family in the table that fits is taken, so the more particular ones stand first.

mod classifier;
mod detr;
mod end_to_end;
mod fastestdet;
mod found;
mod grid;
mod mmdetection;
mod nanodet;
mod paddle;
mod ssd;
mod ultraface;
mod yolo_fastestv2;
mod yolo_nas;
mod yolov5;
mod yolov5_maps;
mod yolov6;
mod yolov8;
mod yolov8_maps;
mod yolox;

use std::collections::{BTreeMap, HashSet};

pub(crate) use self::found::Found;
use crate::error::DetectError;
use crate::geometry::Fit;
use crate::nms::Suppression;
use crate::session::{Extra, Output};
use crate::tensor::{Channels, Layout, Preparation};

/// Every family, the more particular first.
pub(crate) const FAMILIES: &[Family] = &[
    yolo_fastestv2::FAMILY,
    fastestdet::FAMILY,
    ultraface::FAMILY,
    nanodet::FAMILY,
    nanodet::PICODET,
    yolov8_maps::FAMILY,
    yolov5_maps::FAMILY,
    yolov5_maps::YOLOV7,
    mmdetection::FAMILY,
    paddle::FAMILY,
    paddle::IMAGENET,
    yolo_nas::FAMILY,
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
    /// What the model takes beside the picture.
    pub(crate) takes: Vec<Extra>,
    /// The input has a batch dimension; torchvision's have none.
    pub(crate) has_batch: bool,
    /// Types of the operators in the graph.
    pub(crate) operators: &'a HashSet<&'a str>,
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

/// Whether the outputs were those of the self-test.
pub(crate) type Done = Result<(), DetectError>;

/// Reads the outputs of one run.
pub(crate) trait Head: Send {
    /// Adds everything that scores enough.
    fn read(&self, outputs: &[Output<'_>], found: &mut Found) -> Done;
}

// === impl Family ===

impl Family {
    pub(crate) fn by_name(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }
}

// === impl Recognised ===

impl Recognised {
    /// With what nearly all of the YOLO line wants: RGB, 0..1, letterboxed with 114 in the middle, suppression from an
    /// overlap of 0.45 on within each label.
    fn yolo(head: impl Head + 'static, classes: usize) -> Self {
        Self {
            preparation: Preparation::unit(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb),
            head: Box::new(head),
            suppression: Some(Suppression { iou: 0.45, across_labels: false }),
            classes,
            names: None,
            threshold: 0.25,
        }
    }

    /// The same with the picture fitted into the input in another way.
    fn fitted(self, fit: Fit) -> Self {
        Self { preparation: Preparation { fit, ..self.preparation }, ..self }
    }
}

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// The output of this name.
    pub(crate) fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name == name)
    }

    /// The model takes the size that boxes shall be scaled to.
    pub(crate) fn takes_target_size(&self) -> bool {
        self.takes.contains(&Extra::TargetSize)
    }

    /// Width and height of the input, pixels.
    pub(crate) fn size(&self) -> [f32; 2] {
        [self.width as f32, self.height as f32]
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
fn best(scores: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let larger = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    scores.into_iter().enumerate().fold((0, f32::MIN), larger)
}

/// The logistic function.
#[inline]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Turns logits into a distribution, in place.
fn softmax(values: &mut [f32]) {
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    values.iter_mut().for_each(|v| *v = (*v - most).exp());
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|v| *v /= sum);
}
