//! A model file before ONNX Runtime sees it: is it whole, what goes in and out, what does it say about itself, and can
//! it harm the process.
//!
//! Limits: [`MAX_MODEL_BYTES`] for the file, [`MAX_ELEMENTS`] for any tensor whose size is written in the file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

use crate::error::ModelError;
use crate::onnx::{DimensionValue, EXTERNAL, GraphProto, ModelProto, TensorProto, ValueInfoProto};

/// Largest model that is loaded.
pub(crate) const MAX_MODEL_BYTES: u64 = 512 * 1024 * 1024;
/// Most numbers in one tensor of the graph: 256 Mi, 1 GiB as fp32.
const MAX_ELEMENTS: u64 = 256 * 1024 * 1024;
/// Depth to which subgraphs (`If`, `Loop`) are looked at.
const MAX_DEPTH: usize = 8;

/// A complete ONNX model and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct ModelFile {
    /// Path or name, for messages.
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    pub(crate) graph: GraphProto,
    /// Free-form entries, such as Ultralytics' `names`.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What goes in; weights that are listed as inputs (IR version 3) are not.
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// An input or output as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// `TensorProto.DataType`.
    pub(crate) element: i32,
    pub(crate) shape: Vec<Dim>,
}

/// One dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dim {
    Fixed(i64),
    /// Free, with the name that the file gives it; may be empty.
    Free(String),
}

// === impl ModelFile ===

impl ModelFile {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ModelError> {
        let unreadable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => ModelError::Missing { path: path.to_owned() },
            _ => ModelError::Unreadable { path: path.to_owned(), reason: e.to_string() },
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            let reason = "it is a folder; name the .onnx file in it".into();
            return Err(ModelError::Unreadable { path: path.to_owned(), reason });
        }
        let mut bytes = Vec::new();
        file.take(MAX_MODEL_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_MODEL_BYTES {
            return Err(ModelError::TooLarge { model: name, bytes: metadata.len(), limit: MAX_MODEL_BYTES });
        }
        Self::parse(name, bytes.into())
    }

    /// Checks bytes that are in memory already.
    pub(crate) fn parse(name: String, bytes: Bytes) -> Result<Self, ModelError> {
        let not_onnx = |reason: String| ModelError::NotOnnx { model: name.clone(), reason };
        if let Some(other) = other_format(&bytes) {
            return Err(not_onnx(other.into()));
        }
        let model = ModelProto::decode(bytes.clone()).map_err(|e| {
            not_onnx(format!("{} bytes that end or break off in the middle: {e}", bytes.len()))
        })?;
        let graph = model.graph.ok_or_else(|| not_onnx("there is no graph in it".into()))?;
        if model.ir_version <= 0 || graph.node.is_empty() || graph.output.is_empty() {
            return Err(not_onnx("it has no nodes or no outputs".into()));
        }
        check_tensors(&name, &graph, 0)?;
        let weights: std::collections::HashSet<&str> =
            graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs =
            graph.input.iter().filter(|i| !weights.contains(i.name.as_str())).map(Port::from).collect();
        let outputs = graph.output.iter().map(Port::from).collect();
        let metadata = model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
        Ok(Self { name, bytes, graph, metadata, inputs, outputs })
    }
}

/// Formats that people hand in by mistake, by their first bytes.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [] => Some("the file is empty"),
        [b'P', b'K', 3, 4, ..] => Some("it is a zip or PyTorch checkpoint; export it to ONNX first"),
        [_, _, _, _, b'O', b'R', b'T', b'M', ..] => {
            Some("it is an ORT-format model; use the .onnx it was made from")
        }
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => {
            Some("it is a TensorFlow Lite model; export it to ONNX first")
        }
        _ if bytes.starts_with(b"<!DOCTYPE") || bytes.starts_with(b"<html") => {
            Some("it is a web page; the download went wrong")
        }
        _ if bytes.starts_with(b"version https://git-lfs") => {
            Some("it is a Git LFS pointer; fetch the real file")
        }
        _ => None,
    }
}

/// Refuses weights outside the file and sizes that would take unbounded memory.
fn check_tensors(name: &str, graph: &GraphProto, depth: usize) -> Result<(), ModelError> {
    if depth > MAX_DEPTH {
        let (what, limit) = ("nesting of subgraphs".into(), MAX_DEPTH.to_string());
        return Err(ModelError::Shape {
            model: name.into(),
            what,
            value: format!("more than {MAX_DEPTH}"),
            limit,
        });
    }
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    for tensor in graph.initializer.iter().chain(attributes().filter_map(|a| a.t.as_ref())) {
        check_tensor(name, tensor)?;
    }
    check_shape_arguments(name, graph)?;
    for subgraph in attributes().flat_map(|a| a.g.as_deref().into_iter().chain(&a.graphs)) {
        check_tensors(name, subgraph, depth + 1)?;
    }
    Ok(())
}

fn check_tensor(model: &str, tensor: &TensorProto) -> Result<(), ModelError> {
    if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
        let location = tensor.external_data.iter().find(|e| e.key == "location");
        return Err(ModelError::ExternalData {
            model: model.into(),
            tensor: tensor.name.clone(),
            location: location.map_or_else(String::new, |e| e.value.clone()),
        });
    }
    limit_elements(model, &format!("tensor {:?}", tensor.name), &tensor.dims)
}

/// Looks at operators that make a tensor of a size written in the file.
fn check_shape_arguments(model: &str, graph: &GraphProto) -> Result<(), ModelError> {
    let constants =
        graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            Some((n.output.first()?.as_str(), n.attribute.iter().find_map(|a| a.t.as_ref())?))
        });
    let known: std::collections::HashMap<&str, &TensorProto> =
        graph.initializer.iter().map(|t| (t.name.as_str(), t)).chain(constants).collect();
    for node in &graph.node {
        let argument = match node.op_type.as_str() {
            "ConstantOfShape" => 0,
            "Expand" | "Tile" | "Reshape" => 1,
            _ => continue,
        };
        let sizes = node.input.get(argument).and_then(|i| known.get(i.as_str())).and_then(|t| t.all_i64());
        if let Some(sizes) = sizes {
            limit_elements(model, &format!("result of {}", node.op_type), &sizes)?;
        }
    }
    Ok(())
}

fn limit_elements(model: &str, what: &str, dims: &[i64]) -> Result<(), ModelError> {
    let elements = dims.iter().fold(1_u64, |product, dim| product.saturating_mul(dim.unsigned_abs().max(1)));
    if elements <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(ModelError::Shape {
        model: model.into(),
        what: format!("size of the {what}"),
        value: format!("{dims:?}"),
        limit: format!("{MAX_ELEMENTS} elements"),
    })
}

// === impl Port ===

impl From<&ValueInfoProto> for Port {
    fn from(info: &ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let dims = tensor.and_then(|t| t.shape.as_ref()).map(|s| s.dim.as_slice()).unwrap_or_default();
        let dim = |d: &crate::onnx::Dimension| match &d.value {
            Some(DimensionValue::Fixed(n)) if *n > 0 => Dim::Fixed(*n),
            Some(DimensionValue::Named(name)) => Dim::Free(name.clone()),
            _ => Dim::Free(String::new()),
        };
        let element = tensor.map_or(0, |t| t.elem_type);
        Self { name: info.name.clone(), element, shape: dims.iter().map(dim).collect() }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        write!(f, "{} [{}]", self.name, dims.join(", "))
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(n) => write!(f, "{n}"),
            Dim::Free(name) if name.is_empty() => f.write_str("?"),
            Dim::Free(name) => f.write_str(name),
        }
    }
}
