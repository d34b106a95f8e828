//! The residual image tower: He et al., “Deep Residual Learning for Image Recognition”, 2016, with a stem of three
//! convolutions, strides that are average pools (Zhang, 2019), and a last pool that attends.

use ndarray::Axis;

use super::names::Names;
use super::transformer::attend;
use super::{EPSILON, HEAD, ImageTower};
use crate::build::{Graph, Value};
use crate::error::Error;

/// Every stage but the first halves its pictures, and so do the stem's first convolution and its pool.
const STRIDE: usize = 32;

pub(super) fn recognise(names: &Names<'_>) -> Option<ImageTower> {
    let &[width, _, 3, 3] = names.shape("visual.conv3.weight")? else { return None };
    let &[embedding, _] = names.shape("visual.attnpool.c_proj.weight")? else { return None };
    let &[tokens, _] = names.shape("visual.attnpool.positional_embedding")? else { return None };
    let across = tokens.checked_sub(1)?.isqrt();
    let side = across.checked_mul(STRIDE).filter(|&s| s > 0 && across * across + 1 == tokens)?;
    let layers = [1, 2, 3, 4].map(|stage| names.count(|at| format!("{}conv1.weight", block(stage, at))));
    Some(ImageTower::ResNet { side, width, layers, embedding })
}

fn block(stage: usize, at: usize) -> String {
    format!("visual.layer{stage}.{at}.")
}

pub(super) fn add(graph: &Graph, names: &Names<'_>, tower: &ImageTower, x: &Value) -> Result<Value, Error> {
    let &ImageTower::ResNet { side, width, layers, embedding } = tower else {
        return Err(Error::Unsupported("its image tower is of no known kind".into()));
    };
    let net = Net { graph, names };
    let x = net.conv("visual.conv1", "visual.bn1", x, [width / 2, 3, 3, 3], 2)?;
    let x = net.conv("visual.conv2", "visual.bn2", &graph.relu(&x)?, [width / 2, width / 2, 3, 3], 1)?;
    let x = net.conv("visual.conv3", "visual.bn3", &graph.relu(&x)?, [width, width / 2, 3, 3], 1)?;
    let mut x = graph.average_pool(&graph.relu(&x)?, 2, 2)?;
    let mut inputs = width;
    for (stage, count) in (1..).zip(layers) {
        let inner = width << (stage - 1);
        for at in 0..count {
            let halve = stage > 1 && at == 0;
            x = net.bottleneck(&block(stage, at), &x, inputs, inner, halve)?;
            inputs = 4 * inner;
        }
    }
    net.pool(&x, inputs, side / STRIDE, embedding)
}

struct Net<'a> {
    graph: &'a Graph,
    names: &'a Names<'a>,
}

impl Net<'_> {
    /// A convolution and the batch norm after it in one.
    fn conv(
        &self,
        conv: &str,
        norm: &str,
        x: &Value,
        sizes: [usize; 4],
        stride: usize,
    ) -> Result<Value, Error> {
        let mut kernel = self.names.tensor(&format!("{conv}.weight"), sizes)?;
        let of = |what: &str| self.names.tensor(&format!("{norm}.{what}"), sizes[0]);
        let (weight, mut bias) = (of("weight")?, of("bias")?);
        let (mean, variance) = (of("running_mean")?, of("running_var")?);
        for (at, mut kernel) in kernel.axis_iter_mut(Axis(0)).enumerate() {
            let factor = f64::from(weight[at]) / f64::from(variance[at] + EPSILON).sqrt();
            kernel.mapv_inplace(|v| (f64::from(v) * factor) as f32);
            bias[at] = (f64::from(bias[at]) - f64::from(mean[at]) * factor) as f32;
        }
        let graph = self.graph.scope(conv);
        let (kernel, bias) = (graph.weight("weight", kernel)?, graph.weight("bias", bias)?);
        graph.conv(x, &kernel, Some(&bias), stride, sizes[2] / 2)
    }

    fn bottleneck(
        &self,
        block: &str,
        x: &Value,
        inputs: usize,
        inner: usize,
        halve: bool,
    ) -> Result<Value, Error> {
        let (graph, outputs) = (self.graph, 4 * inner);
        let conv = |at: usize, x: &Value, sizes: [usize; 4]| {
            self.conv(&format!("{block}conv{at}"), &format!("{block}bn{at}"), x, sizes, 1)
        };
        let pool = |x: &Value| if halve { graph.average_pool(x, 2, 2) } else { Ok(x.clone()) };
        let y = graph.relu(&conv(1, x, [inner, inputs, 1, 1])?)?;
        let y = graph.relu(&conv(2, &y, [inner, inner, 3, 3])?)?;
        let y = conv(3, &pool(&y)?, [outputs, inner, 1, 1])?;
        let x = if halve || inputs != outputs {
            let names = [0, 1].map(|at| format!("{block}downsample.{at}"));
            self.conv(&names[0], &names[1], &pool(x)?, [outputs, inputs, 1, 1], 1)?
        } else {
            x.clone()
        };
        graph.relu(&graph.add(&x, &y)?)
    }

    /// One attention whose query is the mean of all places and whose keys and values are the mean and the places.
    fn pool(&self, x: &Value, width: usize, across: usize, embedding: usize) -> Result<Value, Error> {
        let graph = self.graph.scope("visual.attnpool");
        let places = (across * across) as i64;
        let x = graph.transpose(&graph.reshape(x, &[0, 0, places])?, &[0, 2, 1])?;
        let x = graph.concat(&[&graph.reduce("ReduceMean", &x, &[1], true)?, &x], 1)?;
        let name = "visual.attnpool.positional_embedding";
        let added = self.names.tensor(name, [across * across + 1, width])?;
        let x = graph.add(&x, &graph.weight("positional_embedding", added)?)?;
        let linear = |part: &str, x: &Value, outputs: usize, scale: f32| {
            let of = |what: &str| format!("visual.attnpool.{part}.{what}");
            let weight = self.names.tensor(&of("weight"), [outputs, width])? * scale;
            let bias = self.names.tensor(&of("bias"), outputs)? * scale;
            graph.scope(part).linear(x, weight, Some(bias))
        };
        let queries = linear("q_proj", &graph.slice(&x, 1, 0, 1)?, width, (HEAD as f32).sqrt().recip())?;
        let (keys, values) = (linear("k_proj", &x, width, 1.0)?, linear("v_proj", &x, width, 1.0)?);
        let y = graph.row(&attend(&graph, &queries, &keys, &values, None)?, 1, 0)?;
        linear("c_proj", &y, embedding, 1.0)
    }
}
