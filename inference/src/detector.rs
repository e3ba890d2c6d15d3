//! One ONNX detector: preprocessing, the session, and its family's decoding, behind one call.

mod load;

use std::path::PathBuf;
use std::time::Duration;

pub use crate::error::{DetectError, ModelError};
use crate::family::{Found, Head};
use crate::geometry::Way;
use crate::nms::{self, Candidate, Suppression};
use crate::picture::{BoxPx, PictureView};
use crate::session::{Output, Session};
use crate::tensor::InputTensor;

/// Most detections of one picture where [`Settings::max_detections`] says nothing.
pub const MAX_DETECTIONS: usize = 300;

/// Longest that the model may take for one picture where [`Settings::longest_run`] says nothing. Far longer than any
/// detector that is of use, on any box.
pub const LONGEST_RUN: Duration = Duration::from_secs(30);

/// A detection is faint from this share of its label's threshold on: too weak to be told, strong enough to carry on a
/// track (ByteTrack's second association).
pub const FAINT: f32 = 0.4;

/// Where the bytes of a model come from.
#[derive(Debug, Clone)]
pub enum ModelSource {
    /// Embedded in this crate, by name (`moshao-fire`).
    BuiltIn(String),
    /// An ONNX file.
    File(PathBuf),
}

/// How a detector is to be run. `Default` leaves everything to the model file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Family, where the file alone does not tell it.
    pub family: Option<String>,
    /// Labels, for a file that does not carry them.
    pub labels: Option<Vec<String>>,
    /// New names of single labels, none to drop them; `*` stands for all that are not named. See
    /// [`crate::labels::renamed`].
    pub label_map: Vec<(String, Option<String>)>,
    /// Least score; the model's own default where absent.
    pub threshold: Option<f32>,
    /// Least score for single labels, by their new names.
    pub label_thresholds: Vec<(String, f32)>,
    /// Execution provider; CPU where absent.
    pub provider: Option<String>,
    /// Overlap (intersection over union) from which two candidates are one object; the family's where absent.
    pub overlap: Option<f32>,
    /// Whether candidates of different labels may be one object; the family's choice where absent.
    pub across_labels: Option<bool>,
    /// Most detections of one picture; [`MAX_DETECTIONS`] where absent.
    pub max_detections: Option<usize>,
    /// Pictures (tiles, regions) that go through the model at once; 1, or what the file fixes, where absent. Helps
    /// accelerators; a processor gains nothing.
    pub batch: Option<usize>,
    /// Longest that the model may take for one picture; it is stopped then. [`LONGEST_RUN`] where absent.
    pub longest_run: Option<Duration>,
}

/// One object found in one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Index into [`Detector::labels`].
    pub label: usize,
    /// 0..1.
    pub score: f32,
    /// In pixels of the picture that was given.
    pub area: BoxPx,
}

/// What a detector is, for people.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Description {
    /// Path or name of the model.
    pub model: String,
    /// Family.
    pub family: &'static str,
    /// Input width, pixels.
    pub width: usize,
    /// Input height, pixels.
    pub height: usize,
    /// Least score where no label has its own.
    pub threshold: f32,
    /// Pictures that go through the model at once.
    pub batch: usize,
    /// Names by index.
    pub labels: Vec<String>,
    /// Free-form entries of the file.
    pub metadata: std::collections::BTreeMap<String, String>,
}

/// A loaded detector. One per model and worker; calls take `&mut self`.
pub struct Detector {
    description: Description,
    session: Session,
    tensor: InputTensor,
    head: Box<dyn Head>,
    suppression: Option<Suppression>,
    /// Index in the description's labels of each label of the model; none for those that are dropped.
    relabel: Vec<Option<usize>>,
    /// Least score by label of the description.
    thresholds: Vec<f32>,
    /// Least score that is read from the outputs.
    floor: f32,
    max_detections: usize,
    candidates: Vec<Candidate>,
    faint: Vec<Detection>,
}

// === impl Detector ===

impl Detector {
    /// Names of the labels, by index.
    pub fn labels(&self) -> &[String] {
        &self.description.labels
    }

    /// What it is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Finds objects; highest score first.
    pub fn detect(&mut self, picture: &PictureView<'_>) -> Result<Vec<Detection>, DetectError> {
        self.detect_in(picture, &[picture.area()])
    }

    /// Finds objects in rectangles of the picture, each looked at as if it were a picture of its own, and joins what
    /// several of them saw of the same object. With [`crate::tiles::tiles`] small objects become larger for the model;
    /// with a region of interest the rest is not looked at. Highest score first.
    pub fn detect_in(
        &mut self,
        picture: &PictureView<'_>,
        regions: &[BoxPx],
    ) -> Result<Vec<Detection>, DetectError> {
        picture.check().map_err(DetectError::Picture)?;
        let mut found = std::mem::take(&mut self.candidates);
        found.clear();
        for regions in regions.chunks(self.description.batch) {
            self.look(picture, regions, &mut found)?;
        }
        if regions.len() > 1 {
            let rule = self.suppression.unwrap_or(Suppression { iou: 0.5, across_labels: false });
            nms::merge_tiles(&mut found, rule, self.max_detections);
        }
        let detections = found.iter().map(|c| Detection { label: c.label, score: c.score, area: c.area });
        let (told, faint) = detections.partition(|d: &Detection| d.score >= self.thresholds[d.label]);
        self.faint = faint;
        self.faint.retain(|d| d.score >= self.thresholds[d.label] * FAINT);
        self.candidates = found;
        Ok(told)
    }

    /// Detections of the latest picture below their threshold but above [`FAINT`] times it; for
    /// [`crate::track::Tracker::update_with_faint`] and for nothing else.
    pub fn faint(&self) -> &[Detection] {
        &self.faint
    }

    /// Brings a picture to the form that the model takes, and no more: for measuring.
    pub fn prepare(&mut self, picture: &PictureView<'_>) -> Result<(), DetectError> {
        picture.check().map_err(DetectError::Picture)?;
        self.tensor.fill(0, picture, picture.area());
        Ok(())
    }

    /// Runs the model on the latest picture and looks at nothing: for measuring what the rest costs.
    pub fn run_alone(&mut self) -> Result<(), DetectError> {
        self.session.run(self.tensor.data(), |_| Ok(()))
    }

    /// Appends what is found in some rectangles, at most a batch, in pixels of the picture.
    fn look(
        &mut self,
        picture: &PictureView<'_>,
        regions: &[BoxPx],
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        let mut ways: Vec<Way> = Vec::with_capacity(regions.len());
        for (place, region) in regions.iter().enumerate() {
            let region = region.clipped(&picture.area());
            if region.size() < 1.0 {
                return Err(DetectError::Picture(format!("region {region:?} lies outside the picture")));
            }
            ways.push(self.tensor.fill(place, picture, region));
        }
        let (head, floor, batch) = (&self.head, self.floor, self.description.batch);
        let read = self.session.run(self.tensor.data(), |outputs| {
            let of_picture = |place: usize| {
                let mut found = Found { floor, candidates: Vec::new() };
                head.read(&Output::of_picture(outputs, place, batch)?, &mut found)?;
                Ok(found.candidates)
            };
            (0..regions.len()).map(of_picture).collect::<Result<Vec<_>, _>>()
        })?;
        for ((candidates, way), region) in read.into_iter().zip(&ways).zip(regions) {
            let kept = self.choose(candidates);
            let region = region.clipped(&picture.area());
            let in_picture = kept.into_iter().map(|c| Candidate {
                area: way.to_picture(c.area).clipped(&region),
                score: c.score.min(1.0),
                ..c
            });
            found.extend(in_picture.filter(|c| c.area.size() > 0.0));
        }
        Ok(())
    }

    /// Gives labels their final index, drops those that nobody wants, and keeps one candidate an object.
    fn choose(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        candidates.retain_mut(|c| match self.relabel.get(c.label).copied().flatten() {
            Some(label) if c.score.is_finite() => {
                c.label = label;
                true
            }
            _ => false,
        });
        match self.suppression {
            Some(rule) => nms::suppress(&mut candidates, rule, self.max_detections),
            None => {
                nms::sort(&mut candidates);
                candidates.truncate(self.max_detections);
            }
        }
        candidates
    }
}
