//! One ONNX detector: preprocessing, the session, and its family's decoding, behind one call.

use std::path::PathBuf;

use prost::bytes::Bytes;

use crate::catalogue::BUILT_IN;
pub use crate::error::{DetectError, ModelError};
use crate::family::{Evidence, FAMILIES, Family, Head, Recognised};
use crate::labels;
use crate::model_file::ModelFile;
use crate::nms::{self, Candidate, Suppression};
use crate::picture::{BoxPx, Matrix, PictureView, Plane, Range};
use crate::quantisation::{self, Mute};
use crate::session::{Output, Session};
use crate::tensor::{InputTensor, Preparation};

/// Most detections of one picture where [`Settings::max_detections`] says nothing.
pub const MAX_DETECTIONS: usize = 300;

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
    /// Least score; the model's own default where absent.
    pub threshold: Option<f32>,
    /// Least score for single labels.
    pub label_thresholds: Vec<(String, f32)>,
    /// Execution provider; CPU where absent.
    pub provider: Option<String>,
    /// Overlap (intersection over union) from which two candidates are one object; the family's where absent.
    pub overlap: Option<f32>,
    /// Whether candidates of different labels may be one object; the family's choice where absent.
    pub across_labels: Option<bool>,
    /// Most detections of one picture; [`MAX_DETECTIONS`] where absent.
    pub max_detections: Option<usize>,
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
    /// Least score by label.
    thresholds: Vec<f32>,
    /// Least score that is read from the outputs.
    floor: f32,
    max_detections: usize,
    candidates: Vec<Candidate>,
    faint: Vec<Detection>,
}

// === impl Detector ===

impl Detector {
    /// Loads a model, recognises its family and proves that it runs (self-test on a grey picture).
    pub fn open(source: &ModelSource, settings: &Settings) -> Result<Self, ModelError> {
        let model = match source {
            ModelSource::File(path) => ModelFile::read(path)?,
            ModelSource::BuiltIn(name) => built_in(name)?,
        };
        let mut session = Session::open(&model, settings.provider.as_deref().unwrap_or("cpu"))?;
        let names = settings.labels.clone().or_else(|| labels::parse(model.metadata.get("names")?));
        let (family, recognised) = recognise(&model, &mut session, settings, names.as_ref().map(Vec::len))?;
        let labels = label_names(&model, names, &recognised)?;
        let threshold = settings.threshold.or_else(|| model.metadata.get("threshold")?.parse().ok());
        let threshold = in_unit("threshold", threshold.unwrap_or(recognised.threshold))?;
        let thresholds = label_thresholds(&model, &labels, threshold, &settings.label_thresholds)?;
        let least = thresholds.iter().copied().fold(1.0, f32::min);

        if let Some(Mute { output, step, most }) = quantisation::mute_output(&model, least) {
            return Err(ModelError::Mute { model: model.name, output, step, most, threshold: least });
        }
        let suppression = match recognised.suppression {
            Some(rule) => Some(Suppression {
                iou: in_unit("overlap", settings.overlap.unwrap_or(rule.iou))?,
                across_labels: settings.across_labels.unwrap_or(rule.across_labels),
            }),
            None => None,
        };
        let input = session.input();
        // A model that takes bytes normalises them itself.
        let Preparation { fit, channels, .. } = recognised.preparation;
        let preparation =
            if input.takes_bytes() { Preparation::plain(fit, channels) } else { recognised.preparation };
        let description = Description {
            model: model.name,
            family: family.name,
            width: input.width,
            height: input.height,
            threshold,
            labels,
            metadata: model.metadata,
        };
        let mut detector = Self {
            description,
            session,
            tensor: InputTensor::new(input.width, input.height, input.layout, preparation),
            head: recognised.head,
            suppression,
            thresholds,
            floor: least * FAINT,
            max_detections: settings.max_detections.unwrap_or(MAX_DETECTIONS).max(1),
            candidates: Vec::new(),
            faint: Vec::new(),
        };
        detector.self_test()?;
        Ok(detector)
    }

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
        for region in regions {
            self.look(picture, *region, &mut found)?;
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
        self.tensor.fill(picture, picture.area());
        Ok(())
    }

    /// Runs the model on the latest picture and looks at nothing: for measuring what the rest costs.
    pub fn run_alone(&mut self) -> Result<(), DetectError> {
        self.session.run(self.tensor.data(), |_| Ok(()))
    }

    /// Appends what is found in one rectangle, in pixels of the picture.
    fn look(
        &mut self,
        picture: &PictureView<'_>,
        region: BoxPx,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        let region = region.clipped(&picture.area());
        if region.size() < 1.0 {
            return Err(DetectError::Picture(format!("region {region:?} lies outside the picture")));
        }
        let placement = self.tensor.fill(picture, region);
        let (head, floor, classes) = (&self.head, self.floor, self.thresholds.len());
        let mut candidates = Vec::new();
        self.session.run(self.tensor.data(), |outputs| head.read(outputs, floor, &mut candidates))?;
        candidates.retain(|c| c.label < classes && c.score.is_finite());
        match self.suppression {
            Some(rule) => nms::suppress(&mut candidates, rule, self.max_detections),
            None => {
                nms::sort(&mut candidates);
                candidates.truncate(self.max_detections);
            }
        }
        let in_picture = candidates.into_iter().map(|c| Candidate {
            area: placement.to_picture(c.area).clipped(&region),
            score: c.score.min(1.0),
            ..c
        });
        found.extend(in_picture.filter(|c| c.area.size() > 0.0));
        Ok(())
    }

    fn self_test(&mut self) -> Result<(), ModelError> {
        let grey = vec![128; 64 * 64];
        let plane = Plane { data: &grey, stride: 64 };
        let (range, matrix) = (Range::Full, Matrix::Bt601);
        let picture = PictureView { width: 64, height: 64, y: plane, u: plane, v: plane, range, matrix };
        let failed = |reason: String| ModelError::SelfTest { model: self.description.model.clone(), reason };
        self.tensor.fill(&picture, picture.area());
        let finite = self.session.run(self.tensor.data(), |outputs| Ok(first_infinite(outputs)));
        match finite {
            Ok(None) => {}
            Ok(Some(output)) => {
                return Err(failed(format!("output {output} contains numbers that are not finite")));
            }
            Err(e) => return Err(failed(e.to_string())),
        }
        match self.detect(&picture) {
            Ok(_) => Ok(()),
            Err(e) => {
                Err(ModelError::SelfTest { model: self.description.model.clone(), reason: e.to_string() })
            }
        }
    }
}

fn built_in(name: &str) -> Result<ModelFile, ModelError> {
    let (name, bytes) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name).ok_or_else(|| {
        ModelError::UnknownBuiltIn {
            name: name.into(),
            known: BUILT_IN.iter().map(|(name, _)| *name).collect(),
        }
    })?;
    ModelFile::parse((*name).to_owned(), Bytes::from_static(bytes))
}

/// Runs the model on grey and asks the families, or the one that the user names.
fn recognise(
    model: &ModelFile,
    session: &mut Session,
    settings: &Settings,
    names: Option<usize>,
) -> Result<(&'static Family, Recognised), ModelError> {
    let wanted = match &settings.family {
        Some(family) => Some(Family::by_name(family).ok_or_else(|| {
            let known = FAMILIES.iter().map(|f| f.name).collect();
            ModelError::UnknownFamily { family: family.clone(), known }
        })?),
        None => model.metadata.get("family").and_then(|family| Family::by_name(family)),
    };
    let input = session.input();
    /// Grey in the range that most models take; for this run only shapes and rough sizes matter.
    const GREY: f32 = 0.45;
    let grey = vec![GREY; input.width * input.height * 3];
    let result = session.run(&grey, |outputs| {
        let (width, height) = (input.width, input.height);
        let evidence = Evidence {
            width,
            height,
            layout: input.layout,
            takes_target_size: input.takes_target_size,
            metadata: &model.metadata,
            names,
            outputs,
        };
        let mut candidates = FAMILIES.iter().filter(|f| wanted.is_none_or(|w| w.name == f.name));
        let recognised = candidates.find_map(|family| Some((family, (family.recognise)(&evidence)?)));
        Ok(recognised.ok_or_else(|| describe(outputs)))
    });
    let model = model.name.clone();
    match (result, &settings.family) {
        (Ok(Ok(recognised)), _) => Ok(recognised),
        (Ok(Err((outputs, _))), Some(family)) => {
            Err(ModelError::WrongFamily { model, family: family.clone(), outputs })
        }
        (Ok(Err((_, looks_like))), None) => Err(ModelError::NotADetector { model, looks_like }),
        (Err(e), _) => Err(ModelError::SelfTest { model, reason: e.to_string() }),
    }
}

/// Names and shapes of outputs that no family knows, and what they look like.
fn describe(outputs: &[Output<'_>]) -> (String, String) {
    let list: Vec<String> = outputs.iter().map(|o| format!("{} {:?}", o.name, o.shape)).collect();
    let list = list.join("; ");
    let looks_like = match outputs {
        [one] if matches!(one.shape.as_slice(), [1, n] if *n >= 2) => format!(
            "its only output is one vector of {} numbers ({list}): that is a re-identification or embedding model, or a \
             classifier whose label names are not given",
            one.shape[1]
        ),
        [one] if one.shape.len() == 4 && one.shape[2..].iter().all(|side| *side >= 32) => {
            format!("its only output is a picture-like map ({list}): that is a segmentation or depth model")
        }
        _ => format!(
            "no known family has these outputs: {list}; if it is one, name the family in the configuration"
        ),
    };
    (list, looks_like)
}

fn label_names(
    model: &ModelFile,
    names: Option<Vec<String>>,
    recognised: &Recognised,
) -> Result<Vec<String>, ModelError> {
    let needed = recognised.classes;
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    match names {
        Some(names) if names.len() == needed => Ok(names),
        Some(names) => Err(ModelError::Labels { model: model.name.clone(), given: names.len(), needed }),
        None => Ok(match recognised.names {
            Some(names) => owned(names),
            None if needed == labels::COCO.len() => owned(&labels::COCO),
            None => (0..needed).map(|i| format!("label-{i}")).collect(),
        }),
    }
}

fn label_thresholds(
    model: &ModelFile,
    labels: &[String],
    threshold: f32,
    single: &[(String, f32)],
) -> Result<Vec<f32>, ModelError> {
    let mut thresholds = vec![threshold; labels.len()];
    for (label, least) in single {
        let index = labels.iter().position(|l| l == label).ok_or_else(|| ModelError::UnknownLabel {
            model: model.name.clone(),
            label: label.clone(),
            known: labels.to_vec(),
        })?;
        thresholds[index] = in_unit("threshold of a label", *least)?;
    }
    Ok(thresholds)
}

fn in_unit(what: &'static str, value: f32) -> Result<f32, ModelError> {
    let (least, most) = (0.001, 1.0);
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ModelError::OutOfRange { what, value, least, most })
    }
}

fn first_infinite(outputs: &[Output<'_>]) -> Option<String> {
    outputs.iter().find(|o| o.data.iter().any(|v| !v.is_finite())).map(|o| o.name.to_owned())
}
