//! Image towers.

use ndarray::{Axis, Slice};

use super::names::Names;
use super::transformer::{Transformer, layers, norm};
use super::{Activation, ImageTower, resnet};
use crate::build::{Graph, Value};
use crate::error::Error;

/// The image tower, if there is one.
pub(super) fn recognise(names: &Names<'_>) -> Option<ImageTower> {
    let Some((width, embedding)) = names.projected("visual.proj") else { return resnet::recognise(names) };
    let &[_, 3, patch, _] = names.shape("visual.conv1.weight")? else { return None };
    let &[tokens, _] = names.shape("visual.positional_embedding")? else { return None };
    let across = tokens.checked_sub(1)?.isqrt();
    let side = across.checked_mul(patch).filter(|&s| s > 0 && across * across + 1 == tokens)?;
    Some(ImageTower::Transformer { side, patch, width, layers: layers(names, "visual."), embedding })
}

/// From `[n, 3, side, side]` to `[n, D]`.
pub(super) fn add(
    graph: &Graph,
    names: &Names<'_>,
    tower: &ImageTower,
    activation: Activation,
    x: &Value,
) -> Result<Value, Error> {
    let &ImageTower::Transformer { side, patch, width, layers, embedding } = tower else {
        return resnet::add(graph, names, tower, x);
    };
    let across = side / patch;
    let visual = graph.scope("visual");
    let kernel = names.tensor("visual.conv1.weight", [width, 3, patch, patch])?;
    let kernel = kernel.into_shape_with_order([width, 3 * patch * patch]);
    let kernel = kernel.map_err(|e| Error::Unsupported(e.to_string()))?;
    // A product of matrices instead of the convolution: as fast forward, and faster backward.
    let [a, p] = [across as i64, patch as i64];
    let x = visual.reshape(x, &[0, 3, a, p, a, p])?;
    let x = visual.transpose(&x, &[0, 2, 4, 1, 3, 5])?;
    let x = visual.reshape(&x, &[0, a * a, 3 * p * p])?;
    let x = visual.scope("conv1").linear(&x, kernel, None)?;
    // The token of the class stands before the patches and has nothing but its own place added: one constant.
    let places = names.tensor("visual.positional_embedding", [across * across + 1, width])?;
    let class = names.tensor("visual.class_embedding", width)? + places.index_axis(Axis(0), 0);
    let class = class.insert_axis(Axis(0)).insert_axis(Axis(0));
    let class = visual.weight("class_embedding", class)?;
    let places = visual.weight("positional_embedding", places.slice_axis(Axis(0), Slice::from(1..)))?;
    let x = visual.add(&x, &places)?;
    // As many as there are pictures: a column of the patches, times zero, knows how many.
    let none = visual.scale(&visual.slice(&x, 1, 0, 1)?, 0.0)?;
    let x = visual.concat(&[&visual.add(&none, &class)?, &x], 1)?;
    let x = norm(&visual.scope("ln_pre"), names, "visual.ln_pre", &x, width)?;
    let x = Transformer { tower: "visual.", width, layers, activation }.add(graph, names, &x, None)?;
    let x = norm(&visual.scope("ln_post"), names, "visual.ln_post", &visual.row(&x, 1, 0)?, width)?;
    let projection = visual.weight("proj", names.projection("visual.proj", width, embedding)?)?;
    visual.matmul(&x, &projection)
}
