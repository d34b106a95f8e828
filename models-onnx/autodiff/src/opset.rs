//! Newer opsets for older models.
//!
//! Most versions of operators differ in the types they take. Where they differ in more, the nodes are rewritten here,
//! or refused. Facts are those of the published list of changes.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::error::Error;
use crate::graph::{Attributes, Setting, is_standard, label, setting};
use crate::proto::{ModelProto, NodeProto, OperatorSetId, TensorProto};
use crate::tensor;
use crate::window::whole;

/// The opsets that the rules were written for.
pub(crate) const OPSETS: RangeInclusive<i64> = 13..=24;

/// The version of the standard operators, or zero.
pub(crate) fn of(imports: &[OperatorSetId]) -> i64 {
    imports.iter().find(|o| is_standard(&o.domain)).map_or(0, |o| o.version)
}

/// Writes a model in an opset, if it is in an older one.
pub(crate) fn raise_model(proto: &mut ModelProto, to: i64) -> Result<(), Error> {
    let from = of(&proto.opset_import);
    if to <= from {
        return Ok(());
    }
    if !OPSETS.contains(&from) || !OPSETS.contains(&to) {
        return Err(Error::Opset(if OPSETS.contains(&from) { to } else { from }));
    }
    if let Some(graph) = &mut proto.graph {
        raise(&mut graph.node, from, to)?;
    }
    for import in proto.opset_import.iter_mut().filter(|o| is_standard(&o.domain)) {
        import.version = to;
    }
    // The versions of the format that came with them.
    let format = match to {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        _ => 11,
    };
    proto.ir_version = proto.ir_version.max(format);
    Ok(())
}

/// Writes nodes, and those of the graphs inside them, in a newer opset.
pub(crate) fn raise(nodes: &mut Vec<NodeProto>, from: i64, to: i64) -> Result<(), Error> {
    if from >= to {
        return Ok(());
    }
    for mut node in std::mem::take(nodes) {
        for graph in node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs)) {
            raise(&mut graph.node, from, to)?;
        }
        if is_standard(&node.domain) {
            let refused = || Error::Raise { op: node.op_type.clone(), node: label(&node).into(), from, to };
            if differs(&node, from, to) {
                return Err(refused());
            }
            rewrite(&mut node, nodes, &|version| from < version && version <= to);
        }
        nodes.push(node);
    }
    Ok(())
}

/// Whether a node means something else, and in a way that is not rewritten.
fn differs(node: &NodeProto, from: i64, to: i64) -> bool {
    let passes = |version: i64| from < version && version <= to;
    match node.op_type.as_str() {
        // Its further outputs, those of training, became others.
        "BatchNormalization" => passes(14) && node.output.len() > 1,
        // A scale for each group became one for each channel.
        "GroupNormalization" => passes(21),
        // What is counted in windows that reach beyond the padding.
        "AveragePool" => passes(19) && node.int("ceil_mode", 0) != 0 && node.int("count_include_pad", 0) != 0,
        // The axis became an input, counted from the other end by default.
        "DFT" => passes(20),
        _ => false,
    }
}

fn rewrite(node: &mut NodeProto, before: &mut Vec<NodeProto>, passes: &dyn Fn(i64) -> bool) {
    match node.op_type.as_str() {
        "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean"
        | "ReduceMin" | "ReduceProd" | "ReduceSumSquare"
            if passes(18) =>
        {
            let Some(axes) = node.ints("axes").map(<[i64]>::to_vec) else { return };
            node.attribute.retain(|a| a.name != "axes");
            let name = format!("{}/axes", label(node));
            before.push(constant(tensor::of_integers(&name, &[axes.len()], &axes)));
            node.input.push(name);
        }
        "Split" if passes(18) && node.input.get(1).is_none_or(String::is_empty) => {
            node.attribute.push(setting("num_outputs", &Setting::Int(whole(node.output.len()))));
        }
        "RoiAlign" if passes(16) && node.attribute("coordinate_transformation_mode").is_none() => {
            let mode = setting("coordinate_transformation_mode", &Setting::Word("output_half_pixel"));
            node.attribute.push(mode);
        }
        "GridSample" if passes(20) => {
            for mode in node.attribute.iter_mut().filter(|a| a.name == "mode") {
                mode.s = match mode.s.as_ref() {
                    b"bilinear" => Bytes::from_static(b"linear"),
                    b"bicubic" => Bytes::from_static(b"cubic"),
                    _ => mode.s.clone(),
                };
            }
        }
        _ => {}
    }
}

/// A node that makes a tensor of its name.
fn constant(mut value: TensorProto) -> NodeProto {
    let name = std::mem::take(&mut value.name);
    let mut attribute = crate::proto::AttributeProto { name: "value".into(), ..Default::default() };
    (attribute.t, attribute.kind) = (Some(value), 4);
    NodeProto {
        op_type: "Constant".into(),
        name: name.clone(),
        output: vec![name],
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}
