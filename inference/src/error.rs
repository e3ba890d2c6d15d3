//! What can be wrong with a model, each with what to do about it.

use std::path::PathBuf;

use crate::runtime::RuntimeError;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No such file.
    #[error(
        "{path}: no such model file; check the path, or fetch a catalogue model with `moshao models pull NAME`"
    )]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{path}: cannot read the model: {reason}")]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Larger than any detector for this kind of box.
    #[error("{model}: {bytes} bytes; a model may have at most {limit} bytes; export a smaller variant")]
    TooLarge {
        /// Path or name.
        model: String,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// No detector of that name is built in.
    #[error("no built-in model {name:?}; built in are: {}", known.join(", "))]
    UnknownBuiltIn {
        /// The name as given.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The bytes are no ONNX model, or only the beginning of one.
    #[error("{model}: not a complete ONNX model ({reason}); download or export it again")]
    NotOnnx {
        /// Path or name.
        model: String,
        /// What was found instead.
        reason: String,
    },
    /// Weights lie in another file.
    #[error(
        "{model}: weights of {tensor:?} lie outside the model, in {location:?}; save it as one file \
         (onnx.save_model(..., save_as_external_data=False))"
    )]
    ExternalData {
        /// Path or name.
        model: String,
        /// First tensor of that kind.
        tensor: String,
        /// Where the file says they are.
        location: String,
    },
    /// Input or intermediate sizes beyond what a camera box can serve.
    #[error(
        "{model}: {what} is {value}, the limit is {limit}; export it for a usual size such as 416 or 640"
    )]
    Shape {
        /// Path or name.
        model: String,
        /// Which size.
        what: String,
        /// The size found.
        value: String,
        /// What is accepted.
        limit: String,
    },
    /// Runs, but finds no objects.
    #[error("{model}: not a detector: {looks_like}")]
    NotADetector {
        /// Path or name.
        model: String,
        /// What the outputs look like.
        looks_like: String,
    },
    /// A family that does not exist.
    #[error("no detector family {family:?}; there are: {}", known.join(", "))]
    UnknownFamily {
        /// The family as given.
        family: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The family that was asked for has other outputs.
    #[error("{model}: asked for family {family}, but the outputs do not fit: {outputs}")]
    WrongFamily {
        /// Path or name.
        model: String,
        /// The family as given.
        family: String,
        /// Names and shapes.
        outputs: String,
    },
    /// As many names as labels are needed.
    #[error("{model}: {given} label names given, the model has {needed} labels; give one name for each")]
    Labels {
        /// Path or name.
        model: String,
        /// Names given.
        given: usize,
        /// Labels of the model.
        needed: usize,
    },
    /// A threshold for a label that the model does not know.
    #[error("{model}: no label {label:?}; it knows: {}", known.join(", "))]
    UnknownLabel {
        /// Path or name.
        model: String,
        /// The label as given.
        label: String,
        /// The model's labels.
        known: Vec<String>,
    },
    /// The label map drops everything.
    #[error("{model}: the label map drops every label; keep at least one")]
    NoLabelLeft {
        /// Path or name.
        model: String,
    },
    /// Another number of pictures at a time than the model was exported for.
    #[error(
        "{model}: takes {has} at a time, asked for {wanted}; export it with a free batch dimension (dynamic), or leave \
         `batch` away"
    )]
    Batch {
        /// Path or name.
        model: String,
        /// What it takes.
        has: String,
        /// Pictures at a time as given.
        wanted: usize,
    },
    /// A number out of its range.
    #[error("{what} is {value}, must lie between {least} and {most}")]
    OutOfRange {
        /// Which setting.
        what: &'static str,
        /// The value given.
        value: f32,
        /// Least.
        least: f32,
        /// Most.
        most: f32,
    },
    /// Quantised so that no score can pass.
    #[error(
        "{model}: output {output:?} is quantised in steps of {step} up to {most}: no score can exceed the threshold of \
         {threshold}; quantise boxes and scores apart, or use the fp32 model"
    )]
    Mute {
        /// Path or name.
        model: String,
        /// Which output.
        output: String,
        /// Quantisation step.
        step: f32,
        /// Largest score that can come out.
        most: f32,
        /// The threshold.
        threshold: f32,
    },
    /// A provider that does not exist.
    #[error("no execution provider {provider:?}; there are: {}", known.join(", "))]
    UnknownProvider {
        /// As given.
        provider: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A provider that this runtime or box does not have.
    #[error(
        "execution provider {provider} is not usable here: {reason}; install an ONNX Runtime built with it (set \
         ORT_DYLIB_PATH), or leave the provider at cpu"
    )]
    ProviderAbsent {
        /// Its name.
        provider: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// ONNX Runtime is missing.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// ONNX Runtime refuses the model.
    #[error("{model}: ONNX Runtime refuses it: {reason}")]
    Refused {
        /// Path or name.
        model: String,
        /// What the runtime said.
        reason: String,
    },
    /// The model loads and does not run, or answers nonsense.
    #[error("{model}: self-test on a grey picture failed: {reason}")]
    SelfTest {
        /// Path or name.
        model: String,
        /// What went wrong.
        reason: String,
    },
}

/// Why one picture could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// Planes shorter than width, height and stride say, or a picture too small or too large.
    #[error("picture unusable: {0}")]
    Picture(String),
    /// ONNX Runtime failed.
    #[error("inference failed: {0}")]
    Run(String),
    /// Stopped, or it would perhaps have gone on for ever.
    #[error(
        "inference stopped after {limit_s} s without an answer; use a smaller model, or look in its graph for a loop that \
         never ends"
    )]
    TooLong {
        /// The limit, seconds.
        limit_s: f32,
    },
    /// The outputs are not those of the self-test.
    #[error("outputs changed their shape: {0}")]
    Outputs(String),
}
