//! One ONNX Runtime session: opened with the measured settings, run with one picture, outputs as fp32.
//!
//! One thread that does not spin, fixed input shape, no memory pattern: on the boxes this is for, two spinning threads
//! cost three times the processor time of one, and varying shapes make the arena grow. Of the crate, only this module and
//! [`crate::runtime`] know ONNX Runtime.

mod deadline;
mod input;
mod output;

use std::borrow::Cow;
use std::time::Duration;

use half::f16;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::SessionInputValue;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use self::deadline::Deadline;
use self::input::{Element, free_dimensions, not_a_picture_model, picture_input};
pub(crate) use self::input::{Extra, PictureInput};
pub(crate) use self::output::Output;
use crate::error::{DetectError, ModelError};
use crate::model_file::{ModelFile, Port};
use crate::runtime;

/// Execution providers, by the names that configuration uses.
pub(crate) const PROVIDERS: [&str; 7] = ["cpu", "xnnpack", "openvino", "cuda", "tensorrt", "acl", "rknpu"];

/// A model ready to run.
pub(crate) struct Session {
    session: ort::session::Session,
    input: PictureInput,
    picture_name: String,
    extras: Vec<(Port, Extra)>,
    output_names: Vec<String>,
    longest_run: Duration,
    as_f16: Vec<f16>,
    as_u8: Vec<u8>,
}

// === impl Session ===

impl Session {
    /// Opens a checked model. `provider` is one of [`PROVIDERS`]; `batch` pictures at a time, where the file leaves that
    /// free. A run that takes longer than `longest_run` for each of them is stopped.
    pub(crate) fn open(
        model: &ModelFile,
        provider: &str,
        batch: Option<usize>,
        longest_run: Duration,
    ) -> Result<Self, ModelError> {
        let (picture, input) = picture_input(model, batch)?;
        let mut extras = Vec::new();
        for port in model.inputs.iter().filter(|p| p.name != picture) {
            extras
                .push((port.clone(), Extra::by_name(&port.name).ok_or_else(|| not_a_picture_model(model))?));
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
            longest_run: longest_run * input.batch as u32,
            as_f16: Vec::new(),
            as_u8: Vec::new(),
        })
    }

    pub(crate) fn input(&self) -> PictureInput {
        self.input
    }

    /// What the model takes beside the picture.
    pub(crate) fn extras(&self) -> Vec<Extra> {
        self.extras.iter().map(|(_, extra)| *extra).collect()
    }

    /// Runs the model on one batch and hands its outputs to `read`.
    pub(crate) fn run<T>(
        &mut self,
        tensor: &[f32],
        read: impl FnOnce(&[Output<'_>]) -> Result<T, DetectError>,
    ) -> Result<T, DetectError> {
        let failed = |e: ort::Error| DetectError::Run(first_line(&e.to_string()));
        let PictureInput { element, .. } = self.input;
        let shape = self.input.shape();
        let picture: SessionInputValue<'_> = match element {
            Element::F32 => {
                ort::value::TensorRef::from_array_view((shape.clone(), tensor)).map_err(failed)?.into()
            }
            Element::F16 => {
                self.as_f16.clear();
                self.as_f16.extend(tensor.iter().map(|v| f16::from_f32(*v)));
                ort::value::TensorRef::from_array_view((shape.clone(), &self.as_f16[..]))
                    .map_err(failed)?
                    .into()
            }
            Element::U8 => {
                self.as_u8.clear();
                self.as_u8.extend(tensor.iter().map(|v| v.round() as u8));
                ort::value::TensorRef::from_array_view((shape.clone(), &self.as_u8[..]))
                    .map_err(failed)?
                    .into()
            }
        };
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            vec![(self.picture_name.as_str().into(), picture)];
        for (port, extra) in &self.extras {
            inputs.push((port.name.as_str().into(), extra.value(port, self.input).map_err(failed)?.into()));
        }
        let deadline = Deadline::new(self.longest_run).map_err(failed)?;
        let outputs = deadline
            .watch(|options| self.session.run_with_options(inputs, options))
            .map_err(|e| DetectError::Run(format!("cannot watch over the run: {e}")))?
            .map_err(|e| match deadline.has_passed() {
                true => DetectError::TooLong { limit_s: self.longest_run.as_secs_f32() },
                false => failed(e),
            })?;
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

/// The runtime appends stack traces and source paths to some messages.
fn first_line(message: &str) -> String {
    const MOST: usize = 300;
    message.lines().next().unwrap_or_default().chars().take(MOST).collect()
}
