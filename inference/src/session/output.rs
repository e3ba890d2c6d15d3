//! One output of one run, as fp32 whatever it is in the model, and cut into the pictures of a batch.

use std::borrow::Cow;

use half::f16;
use ort::session::SessionOutputs;

use ort::value::{DynValue, PrimitiveTensorElementType, Shape, TensorElementType as Type, ValueType};

use super::first_line;
use crate::error::DetectError;

/// One output of one run.
#[derive(Debug, Clone)]
pub(crate) struct Output<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Cow<'a, [f32]>,
    /// The model gives whole numbers, such as labels and counts.
    pub(crate) is_whole: bool,
}

// === impl Output ===

impl<'a> Output<'a> {
    /// One output as fp32, whatever it is in the model.
    pub(super) fn read(name: &'a str, outputs: &'a SessionOutputs<'_>) -> Result<Self, DetectError> {
        let value = &outputs[name];
        let ValueType::Tensor { ty, .. } = value.dtype() else {
            return Err(DetectError::Outputs(format!("{name} is no tensor")));
        };
        let is_whole = !matches!(ty, Type::Float32 | Type::Float16 | Type::Float64);
        let (shape, data): (_, Cow<'a, [f32]>) = match ty {
            Type::Float32 => {
                let (shape, data) = value.try_extract_tensor::<f32>().map_err(failed)?;
                (shape, data.into())
            }
            Type::Float16 => converted(value, f16::to_f32)?,
            Type::Float64 => converted(value, |v: f64| v as f32)?,
            Type::Int64 => converted(value, |v: i64| v as f32)?,
            Type::Int32 => converted(value, |v: i32| v as f32)?,
            Type::Uint8 => converted(value, |v: u8| f32::from(v))?,
            other => return Err(DetectError::Outputs(format!("{name} has elements of type {other}"))),
        };
        let shape = shape.iter().map(|d| (*d).max(0) as usize).collect();
        Ok(Self { name, shape, data, is_whole })
    }

    /// The outputs as they would be had only the picture at `place` of the batch gone in.
    pub(crate) fn of_picture<'b>(
        outputs: &'b [Output<'a>],
        place: usize,
        batch: usize,
    ) -> Result<Cow<'b, [Output<'b>]>, DetectError>
    where
        'a: 'b,
    {
        if batch == 1 {
            return Ok(Cow::Borrowed(outputs));
        }
        let own = outputs.iter().map(|output| {
            let &[first, .., _] = output.shape.as_slice() else {
                return Err(output.not_by_picture(batch));
            };
            if first != batch {
                return Err(output.not_by_picture(batch));
            }
            let length = output.data.len() / batch;
            let mut shape = output.shape.clone();
            shape[0] = 1;
            let data = Cow::Borrowed(&output.data[place * length..(place + 1) * length]);
            Ok(Output { name: output.name, shape, data, is_whole: output.is_whole })
        });
        own.collect::<Result<Vec<_>, _>>().map(Cow::Owned)
    }

    fn not_by_picture(&self, batch: usize) -> DetectError {
        DetectError::Outputs(format!(
            "{} is {:?}: the answers of a batch of {batch} cannot be told apart; leave `batch` away",
            self.name, self.shape
        ))
    }
}

/// Shape and numbers of a value whose elements are `T`.
fn converted<T: PrimitiveTensorElementType + Copy + 'static>(
    value: &DynValue,
    to_f32: impl Fn(T) -> f32,
) -> Result<(&Shape, Cow<'_, [f32]>), DetectError> {
    let (shape, data) = value.try_extract_tensor::<T>().map_err(failed)?;
    Ok((shape, data.iter().map(|v| to_f32(*v)).collect()))
}

fn failed(error: ort::Error) -> DetectError {
    DetectError::Run(first_line(&error.to_string()))
}
