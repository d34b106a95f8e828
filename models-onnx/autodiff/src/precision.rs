//! Models of half precision, computed in single precision.
//!
//! Half precision ends at 65504 and at 6e-8, which gradients leave on either side. Hence nothing is computed in it:
//! weights stay as they are stored, half as large, and are widened where they are used.

use std::collections::HashMap;

use bytes::Bytes;

use crate::compose::rename_node;
use crate::error::Error;
use crate::graph::{Setting, setting};
use crate::model::Model;
use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::tensor::{self, BFLOAT16, FLOAT, FLOAT16};

/// Attributes that are types.
const TYPES: [&str; 6] =
    ["to", "dtype", "output_datatype", "output_dtype", "stash_type", "softmax_precision"];

impl Model {
    /// Computes in single precision what the model computes in half precision (of either kind). Weights stay as they
    /// are stored; inputs and outputs become of single precision.
    ///
    /// # Errors
    /// Never for a sound model.
    pub fn widened(self) -> Result<Self, Error> {
        let mut proto = self.into_proto();
        if let Some(graph) = &mut proto.graph {
            widen(graph);
        }
        Self::new(proto)
    }
}

fn is_half(kind: i32) -> bool {
    matches!(kind, FLOAT16 | BFLOAT16)
}

/// See [`Model::widened`]; also for the graphs inside nodes.
pub(crate) fn widen(graph: &mut GraphProto) {
    let mut casts = Vec::new();
    let mut wide: HashMap<String, String> = HashMap::new();
    for tensor in graph.initializer.iter().filter(|t| is_half(t.data_type)) {
        let name = format!("{}/wide", tensor.name);
        casts.push(cast(&tensor.name, &name));
        wide.insert(tensor.name.clone(), name);
    }
    let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    values.filter(|v| !wide.contains_key(&v.name)).for_each(widen_info);
    let new = |name: &str| wide.get(name).map_or(name, |v| v).to_owned();
    for mut node in std::mem::take(&mut graph.node) {
        if !wide.is_empty() {
            rename_node(&mut node, &new);
        }
        for attribute in &mut node.attribute {
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(widen);
            if TYPES.contains(&attribute.name.as_str()) && matches!(attribute.i, 10 | 16) {
                attribute.i = FLOAT.into();
            }
            if node.op_type == "ConstantOfShape" {
                attribute.t.iter_mut().for_each(widen_tensor);
            }
        }
        let constant = node.attribute.iter().any(|a| a.t.as_ref().is_some_and(|t| is_half(t.data_type)));
        match node.output.first_mut() {
            Some(output) if constant && node.op_type == "Constant" => {
                let stored = format!("{output}/half");
                let cast = cast(&stored, output);
                *output = stored;
                casts.extend([node, cast]);
            }
            _ => graph.node.push(node),
        }
    }
    graph.node.splice(..0, casts);
}

/// Stores weights in single precision, which are to be trained: small steps would be lost in half of it.
pub(crate) fn widen_stored(graph: &mut GraphProto, names: &[String]) {
    graph.initializer.iter_mut().filter(|t| names.contains(&t.name)).for_each(widen_tensor);
    let tensors = &graph.initializer;
    let single = |v: &&mut ValueInfoProto| tensors.iter().any(|t| t.name == v.name && t.data_type == FLOAT);
    graph.input.iter_mut().filter(single).for_each(widen_info);
}

fn cast(from: &str, to: &str) -> NodeProto {
    NodeProto {
        op_type: "Cast".into(),
        name: to.into(),
        input: vec![from.into()],
        output: vec![to.into()],
        attribute: vec![setting("to", &Setting::Int(FLOAT.into()))],
        ..NodeProto::default()
    }
}

fn widen_info(value: &mut ValueInfoProto) {
    for tensor in value.r#type.iter_mut().flat_map(|t| &mut t.tensor_type) {
        if is_half(tensor.elem_type) {
            tensor.elem_type = FLOAT;
        }
    }
}

fn widen_tensor(tensor: &mut TensorProto) {
    let Some(values) = tensor::halves(tensor) else { return };
    tensor.data_type = FLOAT;
    tensor.int32_data.clear();
    tensor.raw_data = Bytes::from(values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>());
}
