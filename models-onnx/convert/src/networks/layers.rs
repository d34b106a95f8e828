//! Layers that several networks have, read from a checkpoint as PyTorch names them.

use checkpoint::Checkpoint;
use ndarray::{Array1, Array4, Axis, Ix1, Ix2, Ix4};

use super::tensor;
use crate::build::{Graph, Value};
use crate::error::Error;

/// What PyTorch adds to variances.
const EPSILON: f32 = 1e-5;

/// A graph, and the checkpoint whose layers it gets. Layers have the names of their tensors as scopes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) graph: &'a Graph,
    pub(super) checkpoint: &'a Checkpoint,
}

/// A batch norm as it is at inference: a factor and an offset for each channel.
struct Norm {
    factor: Array1<f32>,
    offset: Array1<f32>,
}

impl Layers<'_> {
    /// Whether there is a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.checkpoint.shape(name).is_some()
    }

    fn vector(&self, name: String, channels: usize) -> Result<Array1<f32>, Error> {
        tensor(self.checkpoint, &name, Ix1(channels))
    }

    /// The weight of a convolution of `x`, with as many outputs as it has.
    fn filters(&self, x: &Value, name: &str, kernel: usize) -> Result<Array4<f32>, Error> {
        let name = format!("{name}.weight");
        let outputs = self.checkpoint.shape(&name).and_then(|s| s.first().copied()).unwrap_or_default();
        tensor(self.checkpoint, &name, Ix4(outputs, x.size(1).unwrap_or_default(), kernel, kernel))
    }

    /// A convolution that keeps sides, or halves them with a stride of two; with a bias if it has one.
    pub(super) fn conv(&self, x: &Value, name: &str, kernel: usize, stride: usize) -> Result<Value, Error> {
        let weight = self.filters(x, name, kernel)?;
        let bias = format!("{name}.bias");
        let bias = self.has(&bias).then(|| self.vector(bias, weight.dim().0)).transpose()?;
        self.convolved(x, name, weight, bias, stride)
    }

    /// A convolution without a bias, and the batch norm after it folded into its weights, which is exact.
    pub(super) fn conv_norm(
        &self,
        x: &Value,
        [conv, norm]: [&str; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Value, Error> {
        let mut weight = self.filters(x, conv, kernel)?;
        let norm = self.folded(norm, weight.dim().0)?;
        for (mut filter, factor) in weight.axis_iter_mut(Axis(0)).zip(&norm.factor) {
            filter *= *factor;
        }
        self.convolved(x, conv, weight, Some(norm.offset), stride)
    }

    fn convolved(
        &self,
        x: &Value,
        name: &str,
        weight: Array4<f32>,
        bias: Option<Array1<f32>>,
        stride: usize,
    ) -> Result<Value, Error> {
        let g = self.graph.scope(name);
        let pad = weight.dim().2 / 2;
        let weight = g.weight("weight", weight)?;
        let bias = bias.map(|b| g.weight("bias", b)).transpose()?;
        g.conv(x, &weight, bias.as_ref(), stride, pad)
    }

    fn folded(&self, name: &str, channels: usize) -> Result<Norm, Error> {
        let vector = |part: &str| self.vector(format!("{name}.{part}"), channels);
        let variance = vector("running_var")?;
        let factor = vector("weight")? / (variance + EPSILON).sqrt();
        let offset = vector("bias")? - vector("running_mean")? * &factor;
        Ok(Norm { factor, offset })
    }

    /// A batch norm before a convolution. Zeros around the picture come after it, so that it cannot be folded.
    pub(super) fn norm(&self, x: &Value, name: &str) -> Result<Value, Error> {
        let g = self.graph.scope(name);
        let settings = ["weight", "bias", "running_mean", "running_var"];
        let channels = x.size(1).unwrap_or_default();
        let weight = |part: &str| g.weight(part, self.vector(format!("{name}.{part}"), channels)?);
        let [scale, bias, mean, variance] = settings.map(weight);
        g.batch_norm(x, [&scale?, &bias?, &mean?, &variance?], EPSILON)
    }

    /// A batch norm as it is in training, with one picture in the batch.
    pub(super) fn norm_of_picture(&self, x: &Value, name: &str) -> Result<Value, Error> {
        let g = self.graph.scope(name);
        let channels = x.size(1).unwrap_or_default();
        let weight = |part: &str| g.weight(part, self.vector(format!("{name}.{part}"), channels)?);
        let (scale, bias) = (weight("weight")?, weight("bias")?);
        g.op("InstanceNormalization", &[x, &scale, &bias], &[("epsilon", EPSILON.into())])
    }

    /// A slope below zero for each channel.
    pub(super) fn prelu(&self, x: &Value, name: &str) -> Result<Value, Error> {
        let g = self.graph.scope(name);
        let slope = self.vector(format!("{name}.weight"), x.size(1).unwrap_or_default())?;
        g.prelu(x, &g.weight("weight", slope.insert_axis(Axis(1)).insert_axis(Axis(2)))?)
    }

    /// Feature maps to vectors `[n, C]` (`map2style` in pSp): halved until one place is left, then a linear layer whose
    /// weights are stored `gain` times too large.
    pub(super) fn head(&self, x: &Value, name: &str, gain: f32) -> Result<Value, Error> {
        let mut x = x.clone();
        for index in (0..).step_by(2) {
            let conv = format!("{name}.convs.{index}");
            if !self.has(&format!("{conv}.weight")) {
                break;
            }
            x = self.graph.leaky_relu(&self.conv(&x, &conv, 3, 2)?, 0.01)?;
        }
        if (x.size(2), x.size(3)) != (Some(1), Some(1)) {
            let why = format!("“{name}” does not come down to one place for pictures of this size");
            return Err(Error::Unsupported(why));
        }
        let width = x.size(1).unwrap_or_default();
        let linear = format!("{name}.linear");
        let weight = tensor(self.checkpoint, &format!("{linear}.weight"), Ix2(width, width))? / gain;
        let bias = self.vector(format!("{linear}.bias"), width)?;
        let flat = self.graph.reshape(&x, &[0, -1])?;
        self.graph.scope(&linear).linear(&flat, weight, Some(bias))
    }

    /// Vectors `[n, C]`, one after the other, as `[n, count, C]`.
    pub(super) fn stacked(&self, rows: &[Value]) -> Result<Value, Error> {
        let rows: Vec<Value> =
            rows.iter().map(|row| self.graph.unsqueeze(row, &[1])).collect::<Result<_, _>>()?;
        self.graph.concat(&rows.iter().collect::<Vec<_>>(), 1)
    }

    /// A linear layer `[out, places · C]` over flattened feature maps between two batch norms, folded into one.
    pub(super) fn linear_between(
        &self,
        x: &Value,
        [before, linear, after]: [&str; 3],
    ) -> Result<Value, Error> {
        let (channels, places) =
            (x.size(1).unwrap_or_default(), [2, 3].map(|a| x.size(a).unwrap_or_default()));
        let places: usize = places.iter().product();
        let name = format!("{linear}.weight");
        let outputs = self.checkpoint.shape(&name).and_then(|s| s.first().copied()).unwrap_or_default();
        let mut weight = tensor(self.checkpoint, &name, Ix2(outputs, channels * places))?;
        let mut bias = self.vector(format!("{linear}.bias"), outputs)?;
        let (before, after) = (self.folded(before, channels)?, self.folded(after, outputs)?);
        for (mut row, bias) in weight.axis_iter_mut(Axis(0)).zip(&mut bias) {
            for (column, value) in row.iter_mut().enumerate() {
                // Places of a channel lie together.
                let channel = column / places;
                *bias += *value * before.offset[channel];
                *value *= before.factor[channel];
            }
        }
        for (mut row, factor) in weight.axis_iter_mut(Axis(0)).zip(&after.factor) {
            row *= *factor;
        }
        let bias = bias * &after.factor + &after.offset;
        let flat = self.graph.reshape(x, &[0, -1])?;
        self.graph.scope(linear).linear(&flat, weight, Some(bias))
    }
}

/// The names with which `checkpoint` continues after `prefix`, as numbers: how many layers `prefix.0.suffix`,
/// `prefix.1.suffix`… there are.
pub(super) fn count(checkpoint: &Checkpoint, prefix: &str, suffix: &str) -> usize {
    (0..).take_while(|i| checkpoint.shape(&format!("{prefix}.{i}.{suffix}")).is_some()).count()
}

/// What stands before `landmark` in the name that ends with it; the shortest if there are several.
pub(super) fn prefix<'a>(checkpoint: &'a Checkpoint, landmark: &str) -> Option<&'a str> {
    let before = checkpoint.names().filter_map(|name| name.strip_suffix(landmark));
    before.filter(|p| p.is_empty() || p.ends_with('.')).min_by_key(|p| p.len())
}
