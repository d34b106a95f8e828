//! Weights in half precision, computed with in single precision.

use autodiff::Model;
use autodiff::proto::{NodeProto, TensorProto};
use autodiff::tensor::{FLOAT, FLOAT16};
use half::f16;

use crate::build::Setting;
use crate::error::Error;

/// Smaller tensors stay as they are: they weigh nothing, and biases and norms among them matter most.
const SMALL: usize = 4096;

/// The model with its large weights in half precision, each followed by a cast, which a session folds when it is
/// opened. Tensors with values that half precision cannot hold stay as they are.
pub(super) fn stored(model: Model) -> Result<Model, Error> {
    let mut proto = model.into_proto();
    let initializers = proto.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    let mut casts = Vec::new();
    for tensor in initializers {
        let Some(halves) = halves(tensor) else { continue };
        let name = tensor.name.clone();
        tensor.name = format!("{name}:f16");
        tensor.data_type = FLOAT16;
        tensor.raw_data = halves.into();
        casts.push(NodeProto {
            op_type: "Cast".into(),
            name: format!("{name}:f32"),
            input: vec![tensor.name.clone()],
            output: vec![name],
            attribute: vec![Setting::Int(i64::from(FLOAT)).attribute("to")],
            ..NodeProto::default()
        });
    }
    if let Some(graph) = &mut proto.graph {
        graph.node.splice(0..0, casts);
    }
    Ok(Model::new(proto)?)
}

fn halves(tensor: &TensorProto) -> Option<Vec<u8>> {
    if tensor.data_type != FLOAT || tensor.raw_data.len() < 4 * SMALL {
        return None;
    }
    let mut bytes = Vec::with_capacity(tensor.raw_data.len() / 2);
    for value in tensor.raw_data.chunks_exact(4) {
        let half = f16::from_f32(f32::from_le_bytes([value[0], value[1], value[2], value[3]]));
        if !half.is_finite() {
            return None;
        }
        bytes.extend_from_slice(&half.to_le_bytes());
    }
    Some(bytes)
}
