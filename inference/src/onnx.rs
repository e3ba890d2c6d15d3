//! The part of ONNX's protobuf that is read before the runtime sees a model (`onnx.proto3`, IR version 3 and later).
//!
//! Fields that are not listed are skipped by the decoder. Weights stay where they are: `bytes` fields share the file's
//! buffer.

use prost::Message;
use prost::bytes::Bytes;

/// `TensorProto.DataType` of fp32.
pub(crate) const FLOAT: i32 = 1;
/// `TensorProto.DataType` of u8.
pub(crate) const UINT8: i32 = 2;
/// `TensorProto.DataType` of i8.
pub(crate) const INT8: i32 = 3;
/// `TensorProto.DataType` of i64.
pub(crate) const INT64: i32 = 7;
/// `TensorProto.DataLocation`: the weights lie in another file.
pub(crate) const EXTERNAL: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    #[prost(int64, tag = "1")]
    pub(crate) ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringStringEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StringStringEntry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) t: Option<TensorProto>,
    #[prost(message, optional, boxed, tag = "6")]
    pub(crate) g: Option<Box<GraphProto>>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) graphs: Vec<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(crate) int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub(crate) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    #[prost(bytes = "bytes", tag = "9")]
    pub(crate) raw_data: Bytes,
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<StringStringEntry>,
    #[prost(int32, tag = "14")]
    pub(crate) data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TypeProtoTensor>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProtoTensor {
    #[prost(int32, tag = "1")]
    pub(crate) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dimension {
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub(crate) value: Option<DimensionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum DimensionValue {
    #[prost(int64, tag = "1")]
    Fixed(i64),
    #[prost(string, tag = "2")]
    Named(String),
}

// === impl TensorProto ===

impl TensorProto {
    /// The only number of a scalar fp32 tensor, or the first of several.
    pub(crate) fn first_f32(&self) -> Option<f32> {
        let raw = || self.raw_data.first_chunk::<4>().map(|b| f32::from_le_bytes(*b));
        (self.data_type == FLOAT).then(|| self.float_data.first().copied().or_else(raw)).flatten()
    }

    /// The first number of an 8-bit integer tensor.
    pub(crate) fn first_8_bit(&self) -> Option<i32> {
        let raw = |signed: bool| {
            self.raw_data.first().map(|b| if signed { i32::from(*b as i8) } else { i32::from(*b) })
        };
        match self.data_type {
            INT8 => self.int32_data.first().copied().or_else(|| raw(true)),
            UINT8 => self.int32_data.first().copied().or_else(|| raw(false)),
            _ => None,
        }
    }

    /// All numbers of an i64 tensor, such as a shape; `None` for other types.
    pub(crate) fn all_i64(&self) -> Option<Vec<i64>> {
        if self.data_type != INT64 {
            return None;
        }
        if !self.int64_data.is_empty() {
            return Some(self.int64_data.clone());
        }
        let (numbers, _) = self.raw_data.as_chunks::<8>();
        Some(numbers.iter().map(|b| i64::from_le_bytes(*b)).collect())
    }
}
