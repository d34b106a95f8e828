//! IR-SE50, the residual network of ArcFace (Deng et al., 2019) with channels weighted by squeeze and excitation (Hu et
//! al., 2018): the judge of identities, and what e4e and pSp see with.

use super::layers::Layers;
use crate::build::{Graph, Value};
use crate::error::Error;

/// Feature maps of `x` after the first layers.
pub(super) fn stem(layers: &Layers<'_>, x: &Value) -> Result<Value, Error> {
    let y = layers.conv_norm(x, ["input_layer.0", "input_layer.1"], 3, 1)?;
    layers.prelu(&y, "input_layer.2")
}

/// What each block makes; the first of each stage halves sides.
pub(super) fn body(layers: &Layers<'_>, x: &Value, blocks: usize) -> Result<Vec<Value>, Error> {
    let mut made: Vec<Value> = Vec::with_capacity(blocks);
    for index in 0..blocks {
        let x = made.last().unwrap_or(x);
        made.push(block(layers, x, &format!("body.{index}"), index == 0)?);
    }
    Ok(made)
}

fn block(layers: &Layers<'_>, x: &Value, name: &str, first: bool) -> Result<Value, Error> {
    let g = layers.graph;
    let part = |index: usize| format!("{name}.res_layer.{index}");
    let widens = format!("{name}.shortcut_layer.0");
    // A stage starts where channels become more; the first stage has as many as the stem.
    let widened = layers.has(&format!("{widens}.weight"));
    let stride = if first || widened { 2 } else { 1 };
    let y = layers.norm(x, &part(0))?;
    let y = layers.prelu(&layers.conv(&y, &part(1), 3, 1)?, &part(2))?;
    let y = layers.conv_norm(&y, [&part(3), &part(4)], 3, stride)?;
    let y = excited(layers, &y, &part(5))?;
    let short = match stride {
        _ if widened => layers.conv_norm(x, [&widens, &format!("{name}.shortcut_layer.1")], 1, stride)?,
        1 => x.clone(),
        // Every second place.
        stride => g.max_pool(x, 1, stride, 0)?,
    };
    g.add(&y, &short)
}

/// Channels times weights that follow from the means of all.
fn excited(layers: &Layers<'_>, x: &Value, name: &str) -> Result<Value, Error> {
    let g: &Graph = layers.graph;
    let y = layers.conv(&g.global_average_pool(x)?, &format!("{name}.fc1"), 1, 1)?;
    let y = layers.conv(&g.relu(&y)?, &format!("{name}.fc2"), 1, 1)?;
    g.mul(x, &g.sigmoid(&y)?)
}
