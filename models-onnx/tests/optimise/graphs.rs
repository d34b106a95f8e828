//! Graphs of a few nodes, and their gradients.

use models_onnx::autodiff::proto::{
    DimProto, DimValue, GraphProto, ModelProto, NodeProto, OperatorSetId, ShapeProto, TensorProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use models_onnx::autodiff::{Differentiate, Gradient, Loss, Measure, Model, Term, tensor};

/// Enough for weights to be handed over beside the model.
pub(crate) const COUNT: usize = 300;

fn info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim =
        dims.iter().map(|&d| DimProto { value: Some(DimValue::Value(i64::try_from(d).unwrap())) }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: Some(ShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }), ..ValueInfoProto::default() }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the_{output}"),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn model(input: Vec<ValueInfoProto>, initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> Model {
    let last = node.iter().flat_map(|n| &n.output).next_back().unwrap();
    let output = vec![ValueInfoProto { name: last.clone(), ..input[0].clone() }];
    let graph = GraphProto { node, name: "test".into(), initializer, input, output, ..GraphProto::default() };
    let opset_import = vec![OperatorSetId { domain: String::new(), version: 17 }];
    Model::new(ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..ModelProto::default() })
        .unwrap()
}

/// The weight of one element.
pub(crate) fn weight(index: usize) -> f32 {
    0.5 + index as f32 / COUNT as f32
}

/// `w x`.
fn product() -> Model {
    let weights: Vec<f32> = (0..COUNT).map(weight).collect();
    let weights = tensor::of_floats("w", &[COUNT], &weights);
    let inputs = vec![info("x", &[1, COUNT])];
    model(inputs, vec![weights], vec![node("Mul", &["x", "w"], "product")])
}

/// `mean (w x − target)² + strength · Σ (y − wish)²`, by `x` and `y`, with the product `w x`.
pub(crate) fn two() -> Gradient {
    let likeness = Term::new("likeness", Measure::MeanSquare, "product").against("target");
    let nearness = Term::new("nearness", Measure::SumSquare, "same").against("wish").times_input("strength");
    let loss = Loss::of(likeness).and(nearness);
    let other = model(vec![info("y", &[2])], Vec::new(), vec![node("Identity", &["y"], "same")]);
    let model = product().join(other, &[]).unwrap();
    Differentiate::new(model).loss(loss).wrt("x").wrt("y").also("product").build().unwrap()
}

/// The first term alone, by `x` and the weights.
pub(crate) fn trained() -> Gradient {
    let likeness = Term::new("likeness", Measure::MeanSquare, "product").against("target");
    Differentiate::new(product()).loss(Loss::of(likeness)).wrt("x").wrt("w").build().unwrap()
}

/// `Σ ln x`, which has no bottom, and no value where `x` is negative.
pub(crate) fn bottomless() -> Gradient {
    let model = model(vec![info("x", &[3])], Vec::new(), vec![node("Log", &["x"], "log")]);
    let loss = Loss::of(Term::new("depth", Measure::Sum, "log"));
    Differentiate::new(model).loss(loss).wrt("x").build().unwrap()
}

/// A run of seconds: a long chain of products of matrices.
pub(crate) fn slow() -> Gradient {
    let side = 256;
    let values: Vec<f32> = (0..side * side).map(|i| if i % (side + 1) == 0 { 1.0 } else { 1e-6 }).collect();
    let dims = [side; 2];
    let names: Vec<String> = (0..=800).map(|i| if i == 0 { "x".into() } else { format!("v{i}") }).collect();
    let nodes = names.windows(2).map(|n| node("MatMul", &[&n[0], "w"], &n[1])).collect();
    let model = model(vec![info("x", &dims)], vec![tensor::of_floats("w", &dims, &values)], nodes);
    let loss = Loss::of(Term::new("size", Measure::MeanSquare, "v800"));
    Differentiate::new(model).loss(loss).wrt("x").build().unwrap()
}

/// Rows and columns of each matrix of [`large`].
pub(crate) const LARGE: usize = 12_000;

/// Four matrices of 576 MB, one after another, each nearly the identity, with a trace of its own that comes from a seed.
pub(crate) fn large() -> Gradient {
    let dims = [LARGE; 2];
    let mut weights = Vec::new();
    for k in 0..4usize {
        let mut values = vec![0.0f32; LARGE * LARGE];
        for (i, trace) in trace(k).enumerate() {
            values[i * LARGE + i] = trace;
        }
        weights.push(tensor::of_floats(&format!("w{k}"), &dims, &values));
    }
    let nodes = (0..4usize).map(|k| {
        let from = if k == 0 { "x".to_owned() } else { format!("v{k}") };
        node("MatMul", &[&from, &format!("w{k}")], &format!("v{}", k + 1))
    });
    let model = model(vec![info("x", &[1, LARGE])], weights, nodes.collect());
    let loss = Loss::of(Term::new("size", Measure::MeanSquare, "v4"));
    Differentiate::new(model).loss(loss).wrt("x").build().unwrap()
}

fn trace(k: usize) -> impl Iterator<Item = f32> {
    (0..LARGE).map(move |i| 1.0 + 0.5 * ((i * 31 + k * 7919) as f32 * 0.37).sin())
}

/// The loss of [`large`] where `x` is one everywhere.
pub(crate) fn large_loss() -> f64 {
    let mut product = vec![1.0f64; LARGE];
    for k in 0..4 {
        product.iter_mut().zip(trace(k)).for_each(|(p, t)| *p *= f64::from(t));
    }
    product.iter().map(|p| p * p).sum::<f64>() / LARGE as f64
}
