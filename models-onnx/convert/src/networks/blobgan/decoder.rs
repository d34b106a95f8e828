//! The decoder: StyleGAN2's synthesis, whose styles differ from place to place.

use std::f32::consts::SQRT_2;

use autodiff::Dim;
use checkpoint::Checkpoint;
use ndarray::{Array4, Axis, Ix1, Ix4, Ix5, arr1};

use super::Options;
use super::fields::Given;
use super::form::{Decoder, SMALLEST};
use super::splat::{laid, pyramid};
use crate::build::{Graph, Value};
use crate::error::Error;
use crate::networks::stylegan2::{Noise, blurred, doubled, seeded};
use crate::networks::{equal_linear, tensor};

/// Everything that its layers share.
struct Layers<'a> {
    own: &'a Checkpoint,
    given: &'a Given,
    /// Shares by side.
    levels: Vec<(usize, Value)>,
    options: &'a Options,
}

/// Fields and shares to a picture.
pub(super) fn decode(
    graph: &Graph,
    own: &Checkpoint,
    decoder: &Decoder,
    given: &Given,
    shares: &Value,
    options: &Options,
) -> Result<Value, Error> {
    let levels = pyramid(&graph.scope("splat"), shares, SMALLEST)?;
    let layers = Layers { own, given, levels, options };
    let first = decoder.channels[0];
    let x = laid(&graph.scope("input"), &given.features, layers.shares(SMALLEST)?, SMALLEST)?;
    let mut x = layers.styled(graph, "conv1", &x, [first, decoder.features], 0, false)?;
    let mut picture = layers.rgb(graph, "to_rgb1", &x, first)?;
    for (block, pair) in decoder.channels.windows(2).enumerate() {
        let &[before, after] = pair else { continue };
        let (up, conv) = (format!("convs.{}", 2 * block), format!("convs.{}", 2 * block + 1));
        x = layers.styled(graph, &up, &x, [after, before], 2 * block + 1, true)?;
        x = layers.styled(graph, &conv, &x, [after, after], 2 * block + 2, false)?;
        let name = format!("to_rgbs.{block}");
        let new = layers.rgb(graph, &name, &x, after)?;
        picture = doubled(&graph.scope(&name), &picture, &new)?;
    }
    Ok(picture)
}

impl Layers<'_> {
    fn shares(&self, side: usize) -> Result<&Value, Error> {
        let level = self.levels.iter().find(|(s, _)| *s == side).map(|(_, shares)| shares);
        level.ok_or_else(|| Error::Unsupported(format!("its pictures never have {side} pixels")))
    }

    /// The input of a convolution times the styles of the blobs that lie there, `[n, C, side, side]`.
    fn modulated(&self, g: &Graph, name: &str, x: &Value, normalise: bool) -> Result<Value, Error> {
        let inputs = x.size(1).unwrap_or_default();
        let side = x.size(3).unwrap_or_default();
        let width = self.given.styles.size(2).unwrap_or_default();
        let modulation = format!("{name}.conv.modulation");
        let (weight, bias) = equal_linear(self.own, &modulation, [inputs, width], 1.0, 1.0)?;
        let styles = g.scope("modulation").linear(&self.given.styles, weight, Some(bias))?;
        let mut shares = self.shares(side)?.clone();
        if normalise {
            // The mean square over channels of Σₘ αₘ tₘ is αᵀ (t tᵀ / C) α: a few products for each blob and place,
            // instead of some for each channel and place. Rounding must not take it below zero.
            let gram = g.matmul(&styles, &g.transpose(&styles, &[0, 2, 1])?)?;
            let gram = g.scale(&gram, 1.0 / inputs as f32)?;
            let square = g.mul(&shares, &g.matmul(&gram, &shares)?)?;
            let square = g.relu(&g.reduce("ReduceSum", &square, &[1], true)?)?;
            shares = g.mul(&shares, &g.rsqrt(&square, 1e-8)?)?;
        }
        g.mul(x, &laid(g, &styles, &shares, side)?)
    }

    /// A convolution with noise, bias and activation.
    fn styled(
        &self,
        graph: &Graph,
        name: &str,
        x: &Value,
        [outputs, inputs]: [usize; 2],
        number: usize,
        up: bool,
    ) -> Result<Value, Error> {
        let g = &graph.scope(name);
        let x = self.modulated(g, name, x, true)?;
        let stored = tensor(self.own, &format!("{name}.conv.weight"), Ix5(1, outputs, inputs, 3, 3))?;
        let weight = demodulated(stored.index_axis_move(Axis(0), 0));
        let y = if up {
            let weight = g.weight("weight", weight.permuted_axes((1, 0, 2, 3)))?;
            blurred(g, &g.conv_transpose(&x, &weight, 2, 0)?, outputs)?
        } else {
            g.conv(&x, &g.weight("weight", weight)?, None, 1, 1)?
        };
        let strength = tensor(self.own, &format!("{name}.noise.weight"), Ix1(1))?.sum() * SQRT_2;
        let side = y.size(3).unwrap_or_default();
        let y = match self.options.noise {
            Noise::Off => y,
            Noise::Stored => g.add(&y, &g.weight("noise", seeded(number, side) * strength)?)?,
            Noise::Input => {
                let noise = g.input(&format!("noise_{number}"), &[1, 1, side, side].map(Dim::known))?;
                g.add(&y, &g.mul(&noise, &g.weight("strength", arr1(&[strength]))?)?)?
            }
        };
        let bias = tensor(self.own, &format!("{name}.activate.bias"), Ix1(outputs))? * SQRT_2;
        let bias = bias.insert_axis(Axis(1)).insert_axis(Axis(2));
        g.leaky_relu(&g.add(&y, &g.weight("bias", bias)?)?, 0.2)
    }

    /// A picture of the features.
    fn rgb(&self, graph: &Graph, name: &str, x: &Value, inputs: usize) -> Result<Value, Error> {
        let g = &graph.scope(name);
        let x = self.modulated(g, name, x, false)?;
        let weight = tensor(self.own, &format!("{name}.conv.weight"), Ix5(1, 3, inputs, 1, 1))?;
        let weight = weight.index_axis_move(Axis(0), 0) / (inputs as f32).sqrt();
        let bias = tensor(self.own, &format!("{name}.bias"), Ix4(1, 3, 1, 1))?;
        let bias = arr1(&[bias[(0, 0, 0, 0)], bias[(0, 1, 0, 0)], bias[(0, 2, 0, 0)]]);
        g.conv(&x, &g.weight("weight", weight)?, Some(&g.weight("bias", bias)?), 1, 0)
    }
}

/// Each output's weight, scaled by its fan-in, over its length. It does not depend on the styles here, so that it can be
/// done once; the activation's gain is in it too.
fn demodulated(mut weight: Array4<f32>) -> Array4<f32> {
    let fan_in = (weight.len() / weight.len_of(Axis(0)).max(1)) as f64;
    for mut output in weight.outer_iter_mut() {
        let square: f64 = output.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / fan_in;
        let gain = 2f64.sqrt() / ((square + 1e-8).sqrt() * fan_in.sqrt());
        output.mapv_inplace(|w| (f64::from(w) * gain) as f32);
    }
    weight
}
