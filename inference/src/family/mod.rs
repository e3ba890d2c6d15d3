//! Families of detectors: what each wants of a picture and what its outputs mean.
//!
//! A family is one file and one line in [`FAMILIES`]. It is recognised from the model itself: the input's size, the
//! file's metadata, and the outputs of a run on a grey picture, which have real shapes even where the file leaves them
//! free. The first family in the table that fits is taken, so the more particular ones stand first.

mod grid;
mod yolox;

use std::collections::BTreeMap;

use crate::error::DetectError;
use crate::nms::{Candidate, Suppression};
use crate::session::Output;
use crate::tensor::Preparation;

/// Every family, the more particular first.
pub(crate) const FAMILIES: &[Family] = &[yolox::FAMILY];

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
