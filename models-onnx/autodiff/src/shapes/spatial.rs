//! Shapes of what convolutions, pools and resizing make.

use super::{entries, places};
use crate::dim::{self, Dim, Shape};
use crate::facts::Facts;
use crate::graph::Attributes;
use crate::proto::NodeProto;
use crate::window::Window;

/// New sizes of axes; those that are not numbers become unknown.
pub(super) fn spread_over(
    facts: &mut Facts,
    sizes: &[Dim],
    new: impl Fn(usize, usize) -> Option<usize>,
) -> Option<Vec<Dim>> {
    let mut all = Vec::with_capacity(sizes.len());
    for (axis, size) in sizes.iter().enumerate() {
        all.push(match size.size() {
            Some(size) => Dim::known(new(axis, size)?),
            None => facts.unknown(),
        });
    }
    Some(all)
}

/// The shape of a convolution, transposed or not.
pub(super) fn convolved(facts: &mut Facts, node: &NodeProto, x: &[Dim], w: &[Dim]) -> Option<Shape> {
    let spatial = x.get(2..)?;
    let kernel = dim::numbers(w.get(2..)?)?;
    let batch = x.first()?.clone();
    if node.op_type == "Conv" {
        let window = Window::of(node, spatial, Some(&kernel))?;
        let mut sizes = spread_over(facts, spatial, |axis, size| window.outputs(axis, size))?;
        for (axis, size) in sizes.iter_mut().enumerate().filter(|(axis, _)| window.keeps_size(*axis)) {
            size.clone_from(&spatial[axis]);
        }
        return Some([&[batch, w.first()?.clone()], sizes.as_slice()].concat());
    }
    let window = Window::transposed(node, spatial, &kernel)?;
    let extra = node.ints("output_padding").map(<[i64]>::to_vec).unwrap_or_else(|| vec![0; spatial.len()]);
    let extra: Vec<usize> =
        extra.iter().map(|&e| u16::try_from(e).ok().map(usize::from)).collect::<Option<_>>()?;
    let sizes = spread_over(facts, spatial, |axis, size| window.spread(axis, size, *extra.get(axis)?))?;
    let groups = Dim::known(usize::try_from(node.int("group", 1)).ok()?);
    Some([&[batch, w.get(1)?.times(&groups)?], sizes.as_slice()].concat())
}

/// The shape of a resized tensor.
pub(super) fn resized(facts: &mut Facts, node: &NodeProto, x: &[Dim]) -> Option<Shape> {
    let given = |index: usize| node.input.get(index).filter(|i| !i.is_empty());
    let axes = match node.ints("axes") {
        Some(axes) => places(axes, x.len())?,
        None => (0..x.len()).collect(),
    };
    if node.word("keep_aspect_ratio_policy", "stretch") != "stretch" {
        return None;
    }
    let mut shape = x.to_vec();
    if let Some(sizes) = given(3) {
        let sizes = entries(facts, sizes)?;
        for (&axis, size) in axes.iter().zip(sizes) {
            shape[axis] = size;
        }
        return Some(shape);
    }
    let scales = facts.reals(given(2)?)?.to_vec();
    for (&axis, scale) in axes.iter().zip(scales) {
        if scale.total_cmp(&1.0).is_eq() {
            continue;
        }
        // The format rounds down; scales are single precision, and so is ONNX Runtime's product.
        let size = |s: usize| Some((s as f32 * scale as f32).floor()).filter(|v| (0.0..1e9).contains(v));
        shape[axis] = match x[axis].size() {
            Some(s) => Dim::known(size(s)? as usize),
            None => facts.unknown(),
        };
    }
    Some(shape)
}
