//! One ONNX Runtime session: opened with the measured settings, run with one picture, outputs as fp32.
//!
//! One thread that does not spin, fixed input shape, no memory pattern: on the boxes this is for, two spinning threads
//! cost three times the processor time of one, and varying shapes make the arena grow. Of the crate, only this file and
//! [`crate::runtime`] know ONNX Runtime.

use std::borrow::Cow;

use half::f16;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};

use crate::error::{DetectError, ModelError};
use crate::model_file::{Dim, ModelFile};
use crate::runtime;
use crate::tensor::Layout;

/// Execution providers, by the names that configuration uses.
pub(crate) const PROVIDERS: [&str; 7] = ["cpu", "xnnpack", "openvino", "cuda", "tensorrt", "acl", "rknpu"];

/// Least and largest side of an input, pixels.
const SIDE_PX: std::ops::RangeInclusive<usize> = 32..=4096;
/// Input side where the file leaves it free and names none: what Ultralytics, YOLOX and DETR exports use.
const DEFAULT_SIDE_PX: usize = 640;

/// The picture input of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureInput {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) layout: Layout,
    /// Beside the picture the model takes `orig_target_sizes`.
    pub(crate) takes_target_size: bool,
    element: Element,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    F32,
    F16,
    U8,
}

/// Small inputs beside the picture that some exporters add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    /// `orig_target_sizes` (RT-DETR, D-FINE, DEIM): i64 width and height of the original. We give the input's.
    TargetSize,
    /// `im_shape` (PaddleDetection): f32 height and width of the input.
    InputSize,
    /// `scale_factor` (PaddleDetection): f32 scale in y and x. We give 1.
    Scale,
}

/// A model ready to run.
pub(crate) struct Session {
    session: ort::session::Session,
    input: PictureInput,
    picture_name: String,
    extras: Vec<(String, Extra)>,
    output_names: Vec<String>,
    as_f16: Vec<f16>,
    as_u8: Vec<u8>,
}

/// One output of one run.
#[derive(Debug, Clone)]
pub(crate) struct Output<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Cow<'a, [f32]>,
}

// === impl Session ===

impl Session {
    /// Opens a checked model. `provider` is one of [`PROVIDERS`].
    pub(crate) fn open(model: &ModelFile, provider: &str) -> Result<Self, ModelError> {
        let (picture, input) = picture_input(model)?;
        let mut extras = Vec::new();
        for port in model.inputs.iter().filter(|p| p.name != picture) {
            extras.push((
                port.name.clone(),
                Extra::by_name(&port.name).ok_or_else(|| not_a_picture_model(model))?,
            ));
        }
        let refused = |e: ort::Error| ModelError::Refused {
            model: model.name.clone(),
            reason: first_line(&e.to_string()),
        };
        let mut builder = configured(provider, refused)?;
        for (name, size) in free_dimensions(model, &picture, input) {
            builder = builder.with_dimension_override(name, size).map_err(|e| refused(e.into()))?;
        }
        let session = builder.commit_from_memory(&model.bytes).map_err(refused)?;
        let output_names = session.outputs().iter().map(|o| o.name().to_owned()).collect();
        Ok(Self {
            session,
            input,
            picture_name: picture,
            extras,
            output_names,
            as_f16: Vec::new(),
            as_u8: Vec::new(),
        })
    }

    pub(crate) fn input(&self) -> PictureInput {
        self.input
    }

    /// Runs the model on one input and hands its outputs to `read`.
    pub(crate) fn run<T>(
        &mut self,
        tensor: &[f32],
        read: impl FnOnce(&[Output<'_>]) -> Result<T, DetectError>,
    ) -> Result<T, DetectError> {
        let failed = |e: ort::Error| DetectError::Run(first_line(&e.to_string()));
        let PictureInput { width, height, layout, element, .. } = self.input;
        let shape = match layout {
            Layout::Nchw => [1, 3, height, width],
            Layout::Nhwc => [1, height, width, 3],
        };
        let picture: SessionInputValue<'_> = match element {
            Element::F32 => ort::value::TensorRef::from_array_view((shape, tensor)).map_err(failed)?.into(),
            Element::F16 => {
                self.as_f16.clear();
                self.as_f16.extend(tensor.iter().map(|v| f16::from_f32(*v)));
                ort::value::TensorRef::from_array_view((shape, &self.as_f16[..])).map_err(failed)?.into()
            }
            Element::U8 => {
                self.as_u8.clear();
                self.as_u8.extend(tensor.iter().map(|v| v.round() as u8));
                ort::value::TensorRef::from_array_view((shape, &self.as_u8[..])).map_err(failed)?.into()
            }
        };
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            vec![(self.picture_name.as_str().into(), picture)];
        for (name, extra) in &self.extras {
            inputs.push((name.as_str().into(), extra.value(width, height).map_err(failed)?.into()));
        }
        let outputs = self.session.run(inputs).map_err(failed)?;
        let outputs: Vec<Output<'_>> =
            self.output_names.iter().map(|name| Output::read(name, &outputs)).collect::<Result<_, _>>()?;
        read(&outputs)
    }
}

/// A builder with our settings and the provider, or an error where it is absent: never a silent fall-back.
fn configured(
    provider: &str,
    refused: impl Fn(ort::Error) -> ModelError,
) -> Result<SessionBuilder, ModelError> {
    let environment = runtime::environment()?;
    let builder = ort::session::Session::builder(environment).map_err(&refused)?;
    let configure = |builder: SessionBuilder| -> ort::Result<SessionBuilder> {
        Ok(builder
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_memory_pattern(false)?)
    };
    let builder = configure(builder).map_err(&refused)?;
    let Some((name, dispatch)) = dispatch(provider)? else { return Ok(builder) };
    let absent =
        |e: ort::Error| ModelError::ProviderAbsent { provider: name, reason: first_line(&e.to_string()) };
    builder.with_execution_providers([dispatch.error_on_failure()]).map_err(|e| absent(e.into()))
}

fn dispatch(provider: &str) -> Result<Option<(&'static str, ExecutionProviderDispatch)>, ModelError> {
    Ok(Some(match provider {
        "cpu" => return Ok(None),
        "xnnpack" => ("xnnpack", ep::XNNPACK::default().build()),
        "openvino" => ("openvino", ep::OpenVINO::default().build()),
        "cuda" => ("cuda", ep::CUDA::default().build()),
        "tensorrt" => ("tensorrt", ep::TensorRT::default().build()),
        "acl" => ("acl", ep::ACL::default().build()),
        "rknpu" => ("rknpu", ep::RKNPU::default().build()),
        _ => {
            return Err(ModelError::UnknownProvider { provider: provider.into(), known: PROVIDERS.to_vec() });
        }
    }))
}

/// The input that takes the picture: its name and shape.
fn picture_input(model: &ModelFile) -> Result<(String, PictureInput), ModelError> {
    let port = model.inputs.iter().find(|p| p.shape.len() == 4).ok_or_else(|| not_a_picture_model(model))?;
    let three = |at: usize| port.shape[at] == Dim::Fixed(3);
    let layout = match (three(1), three(3)) {
        (true, _) => Layout::Nchw,
        (false, true) => Layout::Nhwc,
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
    if !matches!(port.shape[0], Dim::Free(_) | Dim::Fixed(1)) {
        return Err(ModelError::Shape {
            model: model.name.clone(),
            what: "batch size".into(),
            value: port.shape[0].to_string(),
            limit: "1 or free".into(),
        });
    }
    let (y, x) = if layout == Layout::Nchw { (2, 3) } else { (1, 2) };
    let free = size_in_metadata(model).unwrap_or([DEFAULT_SIDE_PX; 2]);
    let height = side(model, &port.shape[y], free[0])?;
    let width = side(model, &port.shape[x], free[1])?;
    let takes_target_size = model.inputs.iter().any(|p| Extra::by_name(&p.name) == Some(Extra::TargetSize));
    Ok((port.name.clone(), PictureInput { width, height, layout, takes_target_size, element }))
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

/// Ultralytics' `imgsz`, height and width.
fn size_in_metadata(model: &ModelFile) -> Option<[usize; 2]> {
    serde_json::from_str(model.metadata.get("imgsz")?).ok()
}

/// Sizes for the names that the file gives to free dimensions, so that every shape is fixed.
fn free_dimensions(model: &ModelFile, picture: &str, input: PictureInput) -> Vec<(String, i64)> {
    let sizes = match input.layout {
        Layout::Nchw => [1, 3, input.height, input.width],
        Layout::Nhwc => [1, input.height, input.width, 3],
    };
    let mut named = Vec::new();
    for port in &model.inputs {
        // Beside the picture only the batch dimension is ever free.
        let sizes: &[usize] = if port.name == picture { &sizes } else { &sizes[..1] };
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

fn not_a_picture_model(model: &ModelFile) -> ModelError {
    let inputs: Vec<String> = model.inputs.iter().map(ToString::to_string).collect();
    let looks_like = format!(
        "it does not take one picture (an input of 1x3xHxW or 1xHxWx3); its inputs are: {}",
        if inputs.is_empty() { "none".into() } else { inputs.join("; ") }
    );
    ModelError::NotADetector { model: model.name.clone(), looks_like }
}

/// The runtime appends stack traces and source paths to some messages.
fn first_line(message: &str) -> String {
    const MOST: usize = 300;
    message.lines().next().unwrap_or_default().chars().take(MOST).collect()
}

// === impl PictureInput ===

impl PictureInput {
    /// Whether values go in as bytes, 0..255.
    pub(crate) fn takes_bytes(self) -> bool {
        self.element == Element::U8
    }
}

// === impl Extra ===

impl Extra {
    fn by_name(name: &str) -> Option<Self> {
        match name {
            "orig_target_sizes" => Some(Extra::TargetSize),
            "im_shape" => Some(Extra::InputSize),
            "scale_factor" => Some(Extra::Scale),
            _ => None,
        }
    }

    fn value(self, width: usize, height: usize) -> ort::Result<DynValue> {
        Ok(match self {
            Extra::TargetSize => Tensor::from_array(([1, 2], vec![width as i64, height as i64]))?.into_dyn(),
            Extra::InputSize => Tensor::from_array(([1, 2], vec![height as f32, width as f32]))?.into_dyn(),
            Extra::Scale => Tensor::from_array(([1, 2], vec![1.0_f32, 1.0]))?.into_dyn(),
        })
    }
}

// === impl Output ===

impl<'a> Output<'a> {
    /// One output as fp32, whatever it is in the model.
    fn read(name: &'a str, outputs: &'a SessionOutputs<'_>) -> Result<Self, DetectError> {
        let failed = |e: ort::Error| DetectError::Run(first_line(&e.to_string()));
        let value = &outputs[name];
        let ValueType::Tensor { ty, .. } = value.dtype() else {
            return Err(DetectError::Outputs(format!("{name} is no tensor")));
        };
        let (shape, data): (_, Cow<'a, [f32]>) = match ty {
            TensorElementType::Float32 => {
                let (shape, data) = value.try_extract_tensor::<f32>().map_err(failed)?;
                (shape, data.into())
            }
            TensorElementType::Float16 => {
                let (shape, data) = value.try_extract_tensor::<f16>().map_err(failed)?;
                (shape, data.iter().map(|v| v.to_f32()).collect())
            }
            TensorElementType::Int64 => {
                let (shape, data) = value.try_extract_tensor::<i64>().map_err(failed)?;
                (shape, data.iter().map(|v| *v as f32).collect())
            }
            TensorElementType::Int32 => {
                let (shape, data) = value.try_extract_tensor::<i32>().map_err(failed)?;
                (shape, data.iter().map(|v| *v as f32).collect())
            }
            other => return Err(DetectError::Outputs(format!("{name} has elements of type {other}"))),
        };
        Ok(Self { name, shape: shape.iter().map(|d| (*d).max(0) as usize).collect(), data })
    }
}
