//! The transformer that both towers are made of.
//!
//! Vaswani et al., “Attention Is All You Need”, 2017, with the norms before the branches.

use ndarray::{Axis, Slice};

use super::names::Names;
use super::{Activation, EPSILON, HEAD};
use crate::build::{Graph, Value};
use crate::error::Error;

/// The name of a block's tensors, up to what is in it.
pub(super) fn block(tower: &str, at: usize) -> String {
    format!("{tower}transformer.resblocks.{at}.")
}

/// How many blocks there are.
pub(super) fn layers(names: &Names<'_>, tower: &str) -> usize {
    names.count(|at| format!("{}ln_1.weight", block(tower, at)))
}

/// What a transformer is like.
pub(super) struct Transformer<'a> {
    /// What the names of its tensors start with.
    pub(super) tower: &'a str,
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) activation: Activation,
}

impl Transformer<'_> {
    /// All blocks, from `x` `[n, t, width]` to the same. `mask` `[n, 1, t, t]` is added before each softmax.
    pub(super) fn add(
        &self,
        graph: &Graph,
        names: &Names<'_>,
        x: &Value,
        mask: Option<&Value>,
    ) -> Result<Value, Error> {
        if !self.width.is_multiple_of(HEAD) {
            return Err(Error::Unsupported(format!("its width of {} is no multiple of {HEAD}", self.width)));
        }
        let mut x = x.clone();
        for at in 0..self.layers {
            let prefix = block(self.tower, at);
            let graph = graph.scope(&format!("{}resblocks.{at}", self.tower));
            let branch = graph.scope("attn");
            let y = norm(&graph.scope("ln_1"), names, &format!("{prefix}ln_1"), &x, self.width)?;
            let (mut weight, mut bias) = names.attention(&prefix, self.width)?;
            // The scale of the scores, 1/√64, is a power of two: the queries take it without rounding.
            let (queries, scale) = (Slice::from(..self.width), (HEAD as f32).sqrt().recip());
            weight.slice_axis_mut(Axis(0), queries).mapv_inplace(|v| v * scale);
            bias.slice_axis_mut(Axis(0), queries).mapv_inplace(|v| v * scale);
            let y = branch.linear(&y, weight, Some(bias))?;
            let parts = branch.split(&y, 2, &[self.width; 3])?;
            let y = attend(&branch, &parts[0], &parts[1], &parts[2], mask)?;
            let weight = names.tensor(&format!("{prefix}attn.out_proj.weight"), [self.width; 2])?;
            let bias = names.tensor(&format!("{prefix}attn.out_proj.bias"), self.width)?;
            x = graph.add(&x, &branch.scope("out_proj").linear(&y, weight, Some(bias))?)?;
            x = graph.add(&x, &self.perceptron(&graph, names, &prefix, &x)?)?;
        }
        Ok(x)
    }

    fn perceptron(&self, graph: &Graph, names: &Names<'_>, prefix: &str, x: &Value) -> Result<Value, Error> {
        let (width, inner) = (self.width, 4 * self.width);
        let y = norm(&graph.scope("ln_2"), names, &format!("{prefix}ln_2"), x, width)?;
        let graph = graph.scope("mlp");
        let weight = names.tensor(&format!("{prefix}mlp.c_fc.weight"), [inner, width])?;
        let bias = names.tensor(&format!("{prefix}mlp.c_fc.bias"), inner)?;
        let y = graph.scope("c_fc").linear(&y, weight, Some(bias))?;
        let y = match self.activation {
            Activation::QuickGelu => graph.mul(&y, &graph.sigmoid(&graph.scale(&y, 1.702)?)?)?,
            Activation::Gelu => graph.gelu(&y)?,
        };
        let weight = names.tensor(&format!("{prefix}mlp.c_proj.weight"), [width, inner])?;
        let bias = names.tensor(&format!("{prefix}mlp.c_proj.bias"), width)?;
        graph.scope("c_proj").linear(&y, weight, Some(bias))
    }
}

/// The mean of the values `[n, t, width]`, weighted for each of the queries `[n, q, width]` and for each head by how
/// well the keys fit; queries are scaled already.
pub(super) fn attend(
    graph: &Graph,
    queries: &Value,
    keys: &Value,
    values: &Value,
    mask: Option<&Value>,
) -> Result<Value, Error> {
    let heads = |x: &Value| graph.reshape(x, &[0, 0, -1, HEAD as i64]);
    let queries = graph.transpose(&heads(queries)?, &[0, 2, 1, 3])?;
    let keys = graph.transpose(&heads(keys)?, &[0, 2, 3, 1])?;
    let values_by_head = graph.transpose(&heads(values)?, &[0, 2, 1, 3])?;
    let mut scores = graph.matmul(&queries, &keys)?;
    if let Some(mask) = mask {
        scores = graph.add(&scores, mask)?;
    }
    let y = graph.matmul(&graph.softmax(&scores, -1)?, &values_by_head)?;
    let y = graph.transpose(&y, &[0, 2, 1, 3])?;
    let width = values.size(2).map_or(-1, |w| w as i64);
    graph.reshape(&y, &[0, 0, width])
}

/// The norm of a layer, over the last axis.
pub(super) fn norm(
    graph: &Graph,
    names: &Names<'_>,
    name: &str,
    x: &Value,
    width: usize,
) -> Result<Value, Error> {
    let weight = graph.weight("weight", names.tensor(&format!("{name}.weight"), width)?)?;
    let bias = graph.weight("bias", names.tensor(&format!("{name}.bias"), width)?)?;
    graph.layer_norm(x, &weight, &bias, EPSILON)
}
