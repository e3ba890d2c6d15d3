//! From a file to a detector that is known to run: checks, family, labels, thresholds, self-test.

use std::collections::HashSet;

use prost::bytes::Bytes;

use super::{Description, Detector, FAINT, LONGEST_RUN, MAX_DETECTIONS, ModelSource, Settings};
use crate::catalogue::BUILT_IN;
use crate::error::ModelError;
use crate::family::{Evidence, FAMILIES, Family, Recognised};
use crate::labels;
use crate::model_file::ModelFile;
use crate::nms::Suppression;
use crate::picture::{Matrix, PictureView, Plane, Range, Rotation};
use crate::quantisation::{self, Mute};
use crate::session::{Output, Session};
use crate::tensor::{InputTensor, Preparation};

impl Detector {
    /// Loads a model, recognises its family and proves that it runs (self-test on a grey picture).
    pub fn open(source: &ModelSource, settings: &Settings) -> Result<Self, ModelError> {
        let model = match source {
            ModelSource::File(path) => ModelFile::read(path)?,
            ModelSource::BuiltIn(name) => built_in(name)?,
        };
        let provider = settings.provider.as_deref().unwrap_or("cpu");
        let longest_run = settings.longest_run.unwrap_or(LONGEST_RUN);
        let mut session = Session::open(&model, provider, settings.batch, longest_run)?;
        let names = settings.labels.clone().or_else(|| labels::in_metadata(&model.metadata));
        let (family, recognised) = recognise(&model, &mut session, settings, names.as_ref().map(Vec::len))?;
        let (labels, relabel) = final_labels(&model, names, &recognised, &settings.label_map)?;
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
            batch: input.batch,
            threshold,
            labels,
            metadata: model.metadata,
        };
        let mut detector = Self {
            description,
            session,
            tensor: InputTensor::new(input.batch, input.width, input.height, input.layout, preparation),
            head: recognised.head,
            suppression,
            relabel,
            thresholds,
            floor: least * FAINT,
            max_detections: settings.max_detections.unwrap_or(MAX_DETECTIONS).max(1),
            candidates: Vec::new(),
            faint: Vec::new(),
        };
        detector.self_test()?;
        Ok(detector)
    }

    fn self_test(&mut self) -> Result<(), ModelError> {
        let grey = vec![128; 64 * 64];
        let plane = Plane { data: &grey, stride: 64 };
        let (range, matrix) = (Range::Full, Matrix::Bt601);
        let rotation = Rotation::None;
        let picture =
            PictureView { width: 64, height: 64, y: plane, u: plane, v: plane, range, matrix, rotation };
        let failed = |reason: String| ModelError::SelfTest { model: self.description.model.clone(), reason };
        for place in 0..self.description.batch {
            self.tensor.fill(place, &picture, picture.area());
        }
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
    let grey = vec![GREY; input.batch * input.width * input.height * 3];
    let session_takes = session.extras();
    let operators: HashSet<&str> = model.graph.node.iter().map(|node| node.op_type.as_str()).collect();
    let result = session.run(&grey, |all| {
        let outputs = &Output::of_picture(all, 0, input.batch)?[..];
        let (width, height) = (input.width, input.height);
        let evidence = Evidence {
            width,
            height,
            layout: input.layout,
            takes: session_takes,
            has_batch: input.has_batch,
            operators: &operators,
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

/// The labels that are told, and where each of the model's goes.
fn final_labels(
    model: &ModelFile,
    names: Option<Vec<String>>,
    recognised: &Recognised,
    map: &[(String, Option<String>)],
) -> Result<(Vec<String>, Vec<Option<usize>>), ModelError> {
    let names = label_names(model, names, recognised)?;
    let (labels, relabel) = labels::renamed(&names, map).map_err(|label| ModelError::UnknownLabel {
        model: model.name.clone(),
        label,
        known: names.clone(),
    })?;
    if labels.is_empty() {
        return Err(ModelError::NoLabelLeft { model: model.name.clone() });
    }
    Ok((labels, relabel))
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
