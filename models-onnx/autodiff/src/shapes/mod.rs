//! Shapes of a node's outputs from those of its inputs, for the operators that gradients have to do with.
//!
//! Nothing here fails: what cannot be known is left out, and a rule that needs it says so. Sizes come from files that
//! anyone may have written, so that no arithmetic may overflow.

mod cuts;
mod einsum;
mod spatial;

pub(crate) use cuts::{cuts, paddings};
pub(crate) use einsum::{Equation, free_letters};
use spatial::{convolved, resized, spread_over};

use crate::dim::{self, Dim, Shape};
use crate::facts::{Entry, Facts};
use crate::graph::{Attributes, is_standard};
use crate::proto::NodeProto;
use crate::window::Window;

/// The shapes of a node's outputs, where something is known of them.
pub(crate) fn infer(facts: &mut Facts, node: &NodeProto) -> Option<Vec<Option<Shape>>> {
    if !is_standard(&node.domain) {
        return None;
    }
    let input = |index: usize| node.input.get(index).filter(|i| !i.is_empty()).map(String::as_str);
    let one = |shape: Shape| Some(vec![Some(shape)]);
    let of = |facts: &Facts, index: usize| facts.shape(input(index)?).cloned();
    match node.op_type.as_str() {
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Sum" | "Mean" | "Where" | "Greater"
        | "Less" | "GreaterOrEqual" | "LessOrEqual" | "Equal" | "And" | "Or" | "Xor" | "Mod" => {
            let shapes: Vec<Shape> = (0..node.input.len()).map(|i| of(facts, i)).collect::<Option<_>>()?;
            one(shapes.iter().skip(1).try_fold(shapes.first()?.clone(), |a, b| broadcast(facts, &a, b))?)
        }
        "MatMul" => one(matmul(facts, &of(facts, 0)?, &of(facts, 1)?)?),
        "Gemm" => {
            let (a, b) = (of(facts, 0)?, of(facts, 1)?);
            let rows = a.get(usize::from(node.int("transA", 0) != 0))?;
            one(vec![rows.clone(), b.get(usize::from(node.int("transB", 0) == 0))?.clone()])
        }
        "Transpose" => {
            let x = of(facts, 0)?;
            one(permutation(node, x.len())?.into_iter().map(|i| x[i].clone()).collect())
        }
        "Reshape" => one(reshape(facts, node, &of(facts, 0)?)?),
        "Flatten" => {
            let x = of(facts, 0)?;
            let at = axis_or_end(node.int("axis", 1), x.len())?;
            one(vec![dim::product(&x[..at])?, dim::product(&x[at..])?])
        }
        "Unsqueeze" => one(unsqueeze(&of(facts, 0)?, &axes(facts, node)?)?),
        "Squeeze" => {
            let x = of(facts, 0)?;
            let gone = match axes(facts, node) {
                Some(axes) => places(&axes, x.len())?,
                None if node.input.len() < 2 => (0..x.len()).filter(|&i| x[i].is_one()).collect(),
                None => return None,
            };
            one(x.into_iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, d)| d).collect())
        }
        "Expand" => {
            let to = entries(facts, input(1)?)?;
            let x = of(facts, 0)?;
            one(broadcast(facts, &x, &to)?)
        }
        "Tile" => {
            let (x, times) = (of(facts, 0)?, entries(facts, input(1)?)?);
            let all = x.len() == times.len();
            one(all.then(|| x.iter().zip(&times).map(|(x, t)| x.times(t)).collect::<Option<_>>())??)
        }
        "ConstantOfShape" => one(entries(facts, input(0)?)?),
        "Shape" => one(vec![Dim::known(
            facts
                .entries(node.output.first()?)
                .map_or_else(|| facts.shape(input(0)?).map(Vec::len), |e| Some(e.len()))?,
        )]),
        "Size" => one(Vec::new()),
        "Concat" => {
            let shapes: Vec<Shape> = (0..node.input.len()).map(|i| of(facts, i)).collect::<Option<_>>()?;
            let mut shape = shapes.first()?.clone();
            let at = axis(node.int("axis", 0), shape.len())?;
            let sizes: Option<Vec<usize>> = shapes.iter().map(|s| s.get(at)?.size()).collect();
            let all = sizes.and_then(|s| s.into_iter().try_fold(0usize, usize::checked_add));
            shape[at] = all.map_or_else(|| facts.unknown(), Dim::known);
            one(shape)
        }
        "Split" => split(facts, node, &of(facts, 0)?),
        "Slice" => {
            let mut x = of(facts, 0)?;
            for cut in cuts(facts, node)? {
                x[cut.axis] = Dim::known(cut.count);
            }
            one(x)
        }
        "Gather" => {
            let (x, indices) = (of(facts, 0)?, of(facts, 1)?);
            let at = axis(node.int("axis", 0), x.len())?;
            one([&x[..at], &indices, &x[at + 1..]].concat())
        }
        "GatherElements" => one(of(facts, 1)?),
        "GatherND" => {
            let (x, indices) = (of(facts, 0)?, of(facts, 1)?);
            let (depth, rows) = indices.split_last()?;
            let batch = usize::try_from(node.int("batch_dims", 0)).ok()?;
            one([rows, x.get(depth.size()?.checked_add(batch)?..)?].concat())
        }
        "Einsum" => one(einsum::summed(facts, node)?),
        "Pad" => {
            let mut x = of(facts, 0)?;
            for (at, before, after) in paddings(facts, node, x.len())? {
                let padded =
                    x[at].size().and_then(|s| i64::try_from(s).ok()?.checked_add(before)?.checked_add(after));
                let padded = padded.map(|s| usize::try_from(s).ok().map(Dim::known));
                x[at] = match padded {
                    Some(size) => size?,
                    None if before.checked_add(after) == Some(0) => x[at].clone(),
                    None => facts.unknown(),
                };
            }
            one(x)
        }
        "DepthToSpace" | "SpaceToDepth" => {
            let x = of(facts, 0)?;
            let [n, c, h, w] = x.as_slice() else { return None };
            let block = Dim::known(usize::try_from(node.int("blocksize", 0)).ok()?);
            let area = block.times(&block)?;
            one(if node.op_type == "DepthToSpace" {
                vec![n.clone(), c.over(&area)?, h.times(&block)?, w.times(&block)?]
            } else {
                vec![n.clone(), c.times(&area)?, h.over(&block)?, w.over(&block)?]
            })
        }
        "OneHot" => {
            let mut shape = of(facts, 0)?;
            let depth = facts.integers(input(1)?)?;
            let at = axis_or_end(node.int("axis", -1), shape.len().checked_add(1)?)?;
            let depth = usize::try_from(*depth.first()?).ok()?;
            (at <= shape.len()).then(|| shape.insert(at, Dim::known(depth)))?;
            one(shape)
        }
        op if op.starts_with("Reduce") || op == "ArgMax" || op == "ArgMin" => {
            let x = of(facts, 0)?;
            let gone = if op.starts_with("Arg") {
                vec![axis(node.int("axis", 0), x.len())?]
            } else {
                reduced(facts, node, x.len())?
            };
            one(if node.int("keepdims", 1) != 0 { kept(&x, &gone) } else { dropped(&x, &gone) })
        }
        "Conv" | "ConvTranspose" => one(convolved(facts, node, &of(facts, 0)?, &of(facts, 1)?)?),
        "MaxPool" | "AveragePool" | "LpPool" => {
            let x = of(facts, 0)?;
            let spatial = x.get(2..)?;
            let window = Window::of(node, spatial, None)?;
            let sizes = spread_over(facts, spatial, |axis, size| window.outputs(axis, size))?;
            let shape = [x.get(..2)?, &sizes].concat();
            Some(vec![Some(shape.clone()), Some(shape)])
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let x = of(facts, 0)?;
            one([x.get(..2)?, &vec![Dim::known(1); x.len().checked_sub(2)?]].concat())
        }
        "Resize" => one(resized(facts, node, &of(facts, 0)?)?),
        "LayerNormalization" => {
            let x = of(facts, 0)?;
            let from = axis(node.int("axis", -1), x.len())?;
            let statistics = kept(&x, &(from..x.len()).collect::<Vec<_>>());
            Some(vec![Some(x), Some(statistics.clone()), Some(statistics)])
        }
        op if SAME.contains(&op) => one(of(facts, 0)?),
        _ => None,
    }
}

/// Operators whose first output is of the shape of their first input.
const SAME: &[&str] = &[
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "CumSum",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "Mish",
    "Neg",
    "Not",
    "PRelu",
    "RMSNormalization",
    "Reciprocal",
    "Relu",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Trilu",
];

/// The place of an axis that may be counted from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Option<usize> {
    axis_or_end(axis, rank).filter(|&a| a < rank)
}

fn axis_or_end(axis: i64, rank: usize) -> Option<usize> {
    let place = if axis < 0 { axis.checked_add(i64::try_from(rank).ok()?)? } else { axis };
    usize::try_from(place).ok().filter(|&a| a <= rank)
}

fn places(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    // No tensor has more axes, and what follows compares each with each.
    if axes.len() > 64 {
        return None;
    }
    axes.iter().map(|&a| axis(a, rank)).collect()
}

/// Axes given as second input, or as the attribute of older opsets.
fn axes(facts: &Facts, node: &NodeProto) -> Option<Vec<i64>> {
    match node.input.get(1).filter(|i| !i.is_empty()) {
        Some(input) => facts.integers(input),
        None => node.ints("axes").map(<[i64]>::to_vec),
    }
}

/// The axes that a reduction takes together.
pub(crate) fn reduced(facts: &Facts, node: &NodeProto, rank: usize) -> Option<Vec<usize>> {
    let computed = node.input.get(1).is_some_and(|i| !i.is_empty());
    match axes(facts, node) {
        Some(axes) if !axes.is_empty() => places(&axes, rank),
        None if computed => None,
        _ if node.int("noop_with_empty_axes", 0) != 0 => Some(Vec::new()),
        _ => Some((0..rank).collect()),
    }
}

/// A shape with some axes of size one.
pub(crate) fn kept(shape: &[Dim], gone: &[usize]) -> Shape {
    let size = |(i, d): (usize, &Dim)| if gone.contains(&i) { Dim::known(1) } else { d.clone() };
    shape.iter().enumerate().map(size).collect()
}

fn dropped(shape: &[Dim], gone: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, d)| d.clone()).collect()
}

/// The axes of a transposition; without the attribute they are reversed.
pub(crate) fn permutation(node: &NodeProto, rank: usize) -> Option<Vec<usize>> {
    let order = match node.ints("perm") {
        Some(order) => places(order, rank)?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    (sorted.iter().copied().eq(0..rank)).then_some(order)
}

/// The shape of an operation between two tensors.
fn broadcast(facts: &mut Facts, a: &[Dim], b: &[Dim]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let one = Dim::known(1);
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        let size = |s: &[Dim]| (axis + s.len()).checked_sub(rank).map_or(one.clone(), |i| s[i].clone());
        let (a, b) = (size(a), size(b));
        shape.push(match (a.size(), b.size()) {
            _ if a == b => a,
            (Some(1), _) => b,
            (_, Some(1)) => a,
            (Some(_), Some(_)) => return None,
            // An unknown that meets a number larger than one can only be that or one.
            (Some(_), None) => a,
            (None, Some(_)) => b,
            (None, None) => facts.unknown(),
        });
    }
    Some(shape)
}

fn matmul(facts: &mut Facts, a: &[Dim], b: &[Dim]) -> Option<Shape> {
    let (columns, rows) = (b.len() > 1, a.len() > 1);
    let mut shape = broadcast(
        facts,
        &a[..a.len().checked_sub(1 + usize::from(rows))?],
        &b[..b.len().checked_sub(1 + usize::from(columns))?],
    )?;
    if rows {
        shape.push(a[a.len() - 2].clone());
    }
    if columns {
        shape.push(b[b.len() - 1].clone());
    }
    Some(shape)
}

/// An integer tensor as sizes.
fn entries(facts: &Facts, name: &str) -> Option<Shape> {
    let size = |e: &Entry| match e {
        Entry::Int(i) => usize::try_from(*i).ok().map(Dim::known),
        Entry::Size(d) => Some(d.clone()),
    };
    facts.entries(name)?.iter().map(size).collect()
}

fn reshape(facts: &Facts, node: &NodeProto, x: &[Dim]) -> Option<Shape> {
    let target = facts.entries(node.input.get(1)?)?;
    let copies_zero = node.int("allowzero", 0) == 0;
    let mut rest = None;
    let mut shape = Vec::with_capacity(target.len());
    for (index, entry) in target.iter().enumerate() {
        shape.push(match entry {
            Entry::Int(0) if copies_zero => x.get(index)?.clone(),
            Entry::Int(-1) if rest.is_none() => {
                rest = Some(index);
                Dim::known(1)
            }
            Entry::Int(i) => Dim::known(usize::try_from(*i).ok()?),
            Entry::Size(d) => d.clone(),
        });
    }
    if let Some(rest) = rest {
        shape[rest] = dim::product(x)?.over(&dim::product(&shape)?)?;
    }
    Some(shape)
}

fn unsqueeze(x: &[Dim], axes: &[i64]) -> Option<Shape> {
    let rank = x.len().checked_add(axes.len())?;
    let new = places(axes, rank)?;
    let mut old = x.iter();
    (0..rank).map(|i| if new.contains(&i) { Some(Dim::known(1)) } else { old.next().cloned() }).collect()
}

fn split(facts: &Facts, node: &NodeProto, x: &[Dim]) -> Option<Vec<Option<Shape>>> {
    let at = axis(node.int("axis", 0), x.len())?;
    let n = node.output.len();
    let sizes: Vec<usize> = match node.input.get(1).filter(|i| !i.is_empty()) {
        Some(sizes) => {
            facts.integers(sizes)?.into_iter().map(|s| usize::try_from(s).ok()).collect::<Option<_>>()?
        }
        None => {
            let all = x[at].size()?;
            // Equal parts, of which the last may be smaller.
            let part = all.div_ceil(n.max(1));
            (0..n).map(|i| part.min(all.saturating_sub(part.saturating_mul(i)))).collect()
        }
    };
    let part = |size: usize| {
        let mut shape = x.to_vec();
        shape[at] = Dim::known(size);
        Some(shape)
    };
    (sizes.len() == n).then(|| sizes.into_iter().map(part).collect())
}
