//! What goes into a model: the picture in the shape that it takes, and the small inputs that some exporters add.

use ort::value::{DynValue, Tensor};

use crate::error::ModelError;
use crate::model_file::{Dim, ModelFile, Port};
use crate::tensor::Layout;

/// Least and largest side of an input, pixels.
const SIDE_PX: std::ops::RangeInclusive<usize> = 32..=4096;
/// Least and most pictures at a time.
const BATCH: std::ops::RangeInclusive<usize> = 1..=16;
/// Input side where the file leaves it free and names none: what Ultralytics, YOLOX and DETR exports use.
const DEFAULT_SIDE_PX: usize = 640;

/// The picture input of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureInput {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) layout: Layout,
    /// Pictures at a time.
    pub(crate) batch: usize,
    /// The input has a batch dimension at all; torchvision's have none.
    pub(crate) has_batch: bool,
    pub(super) element: Element,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F16,
    U8,
}

/// Small inputs beside the picture that some exporters add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    /// `orig_target_sizes` (RT-DETR, D-FINE, DEIM): i64 width and height of the original. We give the input's.
    TargetSize,
    /// `im_shape` (PaddleDetection): f32 height and width of the input.
    InputSize,
    /// `scale_factor` (PaddleDetection): f32 scale in y and x. We give 1.
    Scale,
    /// `pixel_mask` (Hugging Face DETR): i64, 1 where there is picture. We give 1 everywhere.
    PictureMask,
}

// === impl PictureInput ===

impl PictureInput {
    /// Its dimensions.
    pub(super) fn shape(self) -> Vec<usize> {
        let Self { batch, width, height, .. } = self;
        let picture = match self.layout {
            Layout::Nchw => [3, height, width],
            Layout::Nhwc => [height, width, 3],
        };
        let batch = self.has_batch.then_some(batch);
        batch.into_iter().chain(picture).collect()
    }

    /// Whether values go in as bytes, 0..255.
    pub(crate) fn takes_bytes(self) -> bool {
        self.element == Element::U8
    }
}

// === impl Extra ===

impl Extra {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        match name {
            "orig_target_sizes" | "orig_size" => Some(Extra::TargetSize),
            "im_shape" => Some(Extra::InputSize),
            "scale_factor" => Some(Extra::Scale),
            "pixel_mask" => Some(Extra::PictureMask),
            _ => None,
        }
    }

    pub(super) fn value(self, port: &Port, input: PictureInput) -> ort::Result<DynValue> {
        let PictureInput { width, height, batch, .. } = input;
        let pair = |a: f32, b: f32| Tensor::from_array(([batch, 2], [a, b].repeat(batch)));
        Ok(match self {
            Extra::TargetSize => {
                Tensor::from_array(([batch, 2], [width as i64, height as i64].repeat(batch)))?.into_dyn()
            }
            Extra::InputSize => pair(height as f32, width as f32)?.into_dyn(),
            Extra::Scale => pair(1.0, 1.0)?.into_dyn(),
            Extra::PictureMask => {
                let side = |at: usize, free: usize| match port.shape.get(at) {
                    Some(Dim::Fixed(side)) => usize::try_from(*side).unwrap_or(free).min(*SIDE_PX.end()),
                    _ => free,
                };
                let shape = [batch, side(1, height), side(2, width)];
                Tensor::from_array((shape, vec![1_i64; shape.iter().product()]))?.into_dyn()
            }
        })
    }
}

/// The input that takes the picture: its name and shape.
pub(super) fn picture_input(
    model: &ModelFile,
    batch: Option<usize>,
) -> Result<(String, PictureInput), ModelError> {
    let with = |dims: usize| model.inputs.iter().find(|p| p.shape.len() == dims);
    let port = with(4).or_else(|| with(3)).ok_or_else(|| not_a_picture_model(model))?;
    // torchvision's exports take one picture and no batch.
    let has_batch = port.shape.len() == 4;
    let shape = if has_batch { &port.shape[1..] } else { &port.shape[..] };
    let is_free = |dim: &Dim| matches!(dim, Dim::Free(_));
    let layout = match shape {
        [Dim::Fixed(3), ..] => Layout::Nchw,
        [_, _, Dim::Fixed(3)] => Layout::Nhwc,
        // Hugging Face's exports leave even the number of channels free.
        free if has_batch && free.iter().all(is_free) => Layout::Nchw,
        _ => return Err(not_a_picture_model(model)),
    };
    let element = match port.element {
        1 => Element::F32,
        10 => Element::F16,
        2 => Element::U8,
        other => {
            return Err(ModelError::Shape {
                model: model.name.clone(),
                what: format!("element type of input {}", port.name),
                value: format!("number {other} of TensorProto.DataType"),
                limit: "fp32, fp16 and uint8".into(),
            });
        }
    };
    let batch = batch_size(model, has_batch.then(|| &port.shape[0]), batch)?;
    let (y, x) = if layout == Layout::Nchw { (1, 2) } else { (0, 1) };
    let free = size_in_metadata(model).unwrap_or([DEFAULT_SIDE_PX; 2]);
    let height = side(model, &shape[y], free[0])?;
    let width = side(model, &shape[x], free[1])?;
    Ok((port.name.clone(), PictureInput { width, height, layout, batch, has_batch, element }))
}

/// Pictures at a time: what the file fixes, or what is wanted.
fn batch_size(model: &ModelFile, dim: Option<&Dim>, wanted: Option<usize>) -> Result<usize, ModelError> {
    let fixed = match dim {
        Some(Dim::Free(_)) => None,
        Some(Dim::Fixed(batch)) => Some(usize::try_from(*batch).unwrap_or(usize::MAX)),
        None => Some(1),
    };
    let batch = fixed.or(wanted).unwrap_or(1);
    if !BATCH.contains(&batch) {
        return Err(ModelError::Shape {
            model: model.name.clone(),
            what: "batch size".into(),
            value: batch.to_string(),
            limit: format!("{} to {} pictures", BATCH.start(), BATCH.end()),
        });
    }
    match wanted {
        Some(wanted) if wanted != batch => {
            let has = if batch == 1 { "1 picture".to_owned() } else { format!("{batch} pictures") };
            Err(ModelError::Batch { model: model.name.clone(), has, wanted })
        }
        _ => Ok(batch),
    }
}

fn side(model: &ModelFile, dim: &Dim, free: usize) -> Result<usize, ModelError> {
    let side = match dim {
        Dim::Fixed(side) => usize::try_from(*side).unwrap_or(usize::MAX),
        Dim::Free(_) => free,
    };
    if SIDE_PX.contains(&side) {
        return Ok(side);
    }
    Err(ModelError::Shape {
        model: model.name.clone(),
        what: "side of the input".into(),
        value: format!("{side} pixels"),
        limit: format!("{} to {} pixels", SIDE_PX.start(), SIDE_PX.end()),
    })
}

/// Ultralytics' `imgsz`: height and width, or one number for both.
fn size_in_metadata(model: &ModelFile) -> Option<[usize; 2]> {
    let text = model.metadata.get("imgsz")?.trim();
    if let Ok(side) = text.parse() {
        return Some([side; 2]);
    }
    match serde_json::from_str::<Vec<usize>>(text).ok()?[..] {
        [side] => Some([side; 2]),
        [height, width] => Some([height, width]),
        _ => None,
    }
}

/// Sizes for the names that the file gives to free dimensions, so that every shape is fixed.
pub(super) fn free_dimensions(model: &ModelFile, picture: &str, input: PictureInput) -> Vec<(String, i64)> {
    let sizes = input.shape();
    let mut named = Vec::new();
    for port in &model.inputs {
        // Beside the picture, a mask of it is all that has more than a batch dimension.
        let mask = [input.batch, input.height, input.width];
        let sizes = if port.name == picture { &sizes[..] } else { &mask[..] };
        for (dim, size) in port.shape.iter().zip(sizes) {
            if let Dim::Free(name) = dim
                && !name.is_empty()
                && !named.iter().any(|(n, _)| n == name)
            {
                named.push((name.clone(), *size as i64));
            }
        }
    }
    named
}

pub(super) fn not_a_picture_model(model: &ModelFile) -> ModelError {
    let inputs: Vec<String> = model.inputs.iter().map(ToString::to_string).collect();
    let looks_like = format!(
        "it does not take one picture (an input of 1x3xHxW or 1xHxWx3); its inputs are: {}",
        if inputs.is_empty() { "none".into() } else { inputs.join("; ") }
    );
    ModelError::NotADetector { model: model.name.clone(), looks_like }
}
