//! Quantised models that can never find anything.
//!
//! Whole outputs are often quantised with one step for boxes (0..640) and scores (0..1) alike. A step of 2.5 then rounds
//! every score to 0: the model runs, answers in the right shape, and is mute.

use std::collections::HashMap;

use crate::model_file::ModelFile;
use crate::onnx::{GraphProto, NodeProto, TensorProto, UINT8};

/// Operators that only move numbers.
const MOVES: [&str; 8] =
    ["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten", "Cast", "Slice"];
/// Most operators looked back through.
const MOST_STEPS: usize = 16;

/// An output that cannot carry a score of the threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mute {
    pub(crate) output: String,
    /// Distance between neighbouring values.
    pub(crate) step: f32,
    /// Largest value up to 1 that can come out.
    pub(crate) most: f32,
}

/// The first output whose last step is a dequantisation that leaves no score in `threshold..=1`.
pub(crate) fn mute_output(model: &ModelFile, threshold: f32) -> Option<Mute> {
    let constants = constants(&model.graph);
    let producers: HashMap<&str, &NodeProto> =
        model.graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n))).collect();
    model.outputs.iter().find_map(|output| {
        let (step, most) = dequantised(&output.name, &producers, &constants)?;
        (most < threshold).then(|| Mute { output: output.name.clone(), step, most })
    })
}

/// Step and largest score of a tensor that comes out of a dequantisation.
fn dequantised(
    tensor: &str,
    producers: &HashMap<&str, &NodeProto>,
    constants: &HashMap<&str, &TensorProto>,
) -> Option<(f32, f32)> {
    let mut name = tensor;
    for _ in 0..MOST_STEPS {
        let node = producers.get(name)?;
        if MOVES.contains(&node.op_type.as_str()) {
            name = node.input.first()?;
            continue;
        }
        if node.op_type != "DequantizeLinear" {
            return None;
        }
        let step = constants.get(node.input.get(1)?.as_str())?.first_f32().filter(|s| *s > 0.0)?;
        let zero = node.input.get(2).and_then(|z| constants.get(z.as_str()));
        let unsigned = zero.is_none_or(|z| z.data_type == UINT8);
        let zero_point = zero.and_then(|z| z.first_8_bit()).unwrap_or(0);
        let top = (if unsigned { 255 } else { 127 } - zero_point) as f32 * step;
        // A score is at most 1 and is rounded to a whole number of steps.
        return Some((step, ((1.0 / step).round_ties_even() * step).min(top)));
    }
    None
}

fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let of_nodes =
        graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            Some((n.output.first()?.as_str(), n.attribute.iter().find_map(|a| a.t.as_ref())?))
        });
    graph.initializer.iter().map(|t| (t.name.as_str(), t)).chain(of_nodes).collect()
}
