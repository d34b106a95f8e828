//! The graphs of the generator, in the form that ONNX Runtime runs fastest.
//!
//! Modulated convolutions (§2.2 of the paper) have a weight for each picture. Here all pictures share the weight:
//! activations are scaled by the styles before and by the demodulation after it, which is the same (Appendix B), and
//! lets the runtime lay the weights out once. Doubling is a transposed 3 × 3 convolution and a depthwise filter:
//! merging both into one 6 × 6 kernel costs four times as many products. The gain √2 of the activations moves into
//! weights, noise and bias, through which the rectifier lets it pass.

use std::f32::consts::SQRT_2;

use checkpoint::Checkpoint;
use ndarray::{Array1, Array2, Array4, Axis, arr1};

use super::form::{Form, Kind, Layer};
use super::keys::Keys;
use super::{Noise, Options};
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use autodiff::{Dim, Model};

/// Rates of learning by which the mapping's weights are stored too large.
const MAPPING_RATE: f32 = 0.01;

/// In all roots, so that nothing is divided by zero.
const EPSILON: f32 = 1e-8;

/// `z` to `w`, not truncated.
pub(super) fn mapping(keys: &Keys<'_>, form: &Form) -> Result<Model, Error> {
    let graph = Graph::new("mapping");
    let z = graph.input("z", &batch([form.latent]))?;
    let mut inputs = form.latent;
    let mut x = if form.labels == 0 {
        normalised(&graph, &z)?
    } else {
        let c = graph.input("c", &batch([form.labels]))?;
        let (weight, bias) = keys.embedding()?;
        inputs += weight.nrows();
        let embedded = graph.scope("embed").linear(&c, weight, bias)?;
        if form.labels_with_z {
            normalised(&graph, &graph.concat(&[&z, &embedded], 1)?)?
        } else {
            graph.concat(&[&normalised(&graph, &z)?, &normalised(&graph, &embedded)?], 1)?
        }
    };
    for index in 0..form.mapping {
        let g = graph.scope(&format!("fc{index}"));
        let (weight, bias) = keys.mapping(index, inputs)?;
        let weight = weight * (MAPPING_RATE * SQRT_2 / (inputs as f32).sqrt());
        let bias = bias * (MAPPING_RATE * SQRT_2);
        x = g.leaky_relu(&g.linear(&x, weight, Some(bias))?, 0.2)?;
        inputs = form.width;
    }
    graph.output("w", &x)?;
    graph.finish()
}

/// A vector of length √width.
fn normalised(graph: &Graph, x: &Value) -> Result<Value, Error> {
    let square = graph.reduce("ReduceMean", &graph.mul(x, x)?, &[1], true)?;
    graph.mul(x, &graph.rsqrt(&square, EPSILON)?)
}

/// W+ to StyleSpace.
pub(super) fn affine(keys: &Keys<'_>, form: &Form) -> Result<Model, Error> {
    let graph = Graph::new("affine");
    let w_plus = graph.input("w_plus", &batch([form.rows(), form.width]))?;
    let mut styles = Vec::new();
    for layer in form.layers() {
        let g = graph.scope(&layer.name());
        let row = g.row(&w_plus, 1, i64::try_from(layer.row).unwrap_or(i64::MAX))?;
        let (weight, bias) = keys.affine(&layer)?;
        styles.push(g.linear(&row, weight / (form.width as f32).sqrt(), Some(bias))?);
    }
    let styles = graph.concat(&styles.iter().collect::<Vec<_>>(), 1)?;
    graph.output("styles", &styles)?;
    graph.finish()
}

/// What the synthesis makes.
#[derive(Debug, Clone)]
pub struct Synthesised {
    /// Pictures of 4, 8, 16….
    pub pictures: Vec<Value>,
    /// The constant that everything starts from, of a batch of one, and what each convolution makes of what came
    /// before it, after the activation.
    pub features: Vec<Value>,
}

/// Adds the synthesis to a graph that has `styles [n, S]`.
///
/// # Errors
/// [`Error`], naming the tensor or the node.
pub fn synthesise(
    graph: &Graph,
    checkpoint: &Checkpoint,
    form: &Form,
    styles: &Value,
    options: &Options,
) -> Result<Synthesised, Error> {
    let keys = Keys::new(checkpoint, form);
    let layers = form.layers();
    let sizes: Vec<usize> = layers.iter().map(|l| l.inputs).collect();
    let vectors = graph.split(styles, 1, &sizes)?;
    let last = options.stop_at.unwrap_or(form.resolution);
    let start = graph.scope("b4").weight("const", keys.start()?.insert_axis(Axis(0)))?;
    let mut made = Synthesised { pictures: Vec::new(), features: vec![start.clone()] };
    let mut x = start;
    for (layer, style) in layers.iter().zip(&vectors).filter(|(l, _)| l.resolution <= last) {
        let g = graph.scope(&layer.name());
        let scaled = g.mul(&x, &g.unsqueeze(style, &[2, 3])?)?;
        if layer.kind == Kind::Rgb {
            let picture = clipped(&g, rgb(&g, &keys, layer, &scaled)?, form.clamp)?;
            let picture = made.pictures.last().map_or(Ok(picture.clone()), |b| doubled(&g, b, &picture))?;
            made.pictures.push(picture);
        } else {
            x = clipped(&g, styled(&g, &keys, layer, &scaled, style, options.noise)?, form.clamp)?;
            made.features.push(x.clone());
        }
    }
    Ok(made)
}

/// `weight` over the root of its fan-in, and `gain` times that.
fn scaled_weight(keys: &Keys<'_>, layer: &Layer, gain: f32) -> Result<(Array4<f32>, Array4<f32>), Error> {
    let weight = keys.weight(layer)?;
    let fan_in = weight.len_of(Axis(1)) * weight.len_of(Axis(2)) * weight.len_of(Axis(3));
    let weight = weight / (fan_in as f32).sqrt();
    let gained = &weight * gain;
    Ok((weight, gained))
}

/// A convolution with demodulation, noise, bias and activation.
fn styled(
    g: &Graph,
    keys: &Keys<'_>,
    layer: &Layer,
    scaled: &Value,
    style: &Value,
    noise: Noise,
) -> Result<Value, Error> {
    let (weight, gained) = scaled_weight(keys, layer, SQRT_2)?;
    // d = 1 / √(Σ s² Σ w² + ε), the inner sum over the kernel; in double precision, since thousands are added.
    let energy: Array2<f32> =
        weight.mapv(|w| f64::from(w).powi(2)).sum_axis(Axis(3)).sum_axis(Axis(2)).mapv(|e| e as f32);
    let energy = g.weight("energy", energy.reversed_axes())?;
    let demodulation = g.rsqrt(&g.matmul(&g.mul(style, style)?, &energy)?, EPSILON)?;
    let y = if layer.kind == Kind::Up {
        let weight = g.weight("weight", gained.permuted_axes((1, 0, 2, 3)))?;
        let y = g.conv_transpose(scaled, &weight, 2, 0)?;
        blurred(g, &y, layer.outputs)?
    } else {
        g.conv(scaled, &g.weight("weight", gained)?, None, 1, 1)?
    };
    let y = g.mul(&y, &g.unsqueeze(&demodulation, &[2, 3])?)?;
    let bias = keys.bias(layer)? * SQRT_2;
    let bias =
        g.weight("bias", bias.to_shape((1, layer.outputs, 1, 1)).map(|b| b.to_owned()).unwrap_or_default())?;
    let strength = keys.strength(layer)? * SQRT_2;
    let r = layer.resolution;
    let y = match noise {
        Noise::Off => y,
        Noise::Stored => {
            g.add(&y, &g.weight("noise", (keys.noise(layer)? * strength).insert_axis(Axis(0)))?)?
        }
        Noise::Input => {
            let noise = g.input(&format!("noise_{}", layer.noise()), &[1, 1, r, r].map(Dim::known))?;
            g.add(&y, &g.mul(&noise, &g.weight("strength", arr1(&[strength]))?)?)?
        }
    };
    g.leaky_relu(&g.add(&y, &bias)?, 0.2)
}

fn clipped(g: &Graph, x: Value, most: Option<f32>) -> Result<Value, Error> {
    most.map_or(Ok(x.clone()), |most| g.op("Clip", &[&x, &g.scalar(-most), &g.scalar(most)], &[]))
}

/// A picture of the features.
fn rgb(g: &Graph, keys: &Keys<'_>, layer: &Layer, scaled: &Value) -> Result<Value, Error> {
    let (weight, _) = scaled_weight(keys, layer, 1.0)?;
    let bias: Array1<f32> = keys.bias(layer)?;
    g.conv(scaled, &g.weight("weight", weight)?, Some(&g.weight("bias", bias)?), 1, 0)
}

/// What a doubled picture `[n, C, 2 h + 1, 2 w + 1]` looks like after the filter, `[n, C, 2 h, 2 w]`.
pub(crate) fn blurred(g: &Graph, x: &Value, channels: usize) -> Result<Value, Error> {
    let filter = filter();
    let kernel = Array4::from_shape_fn((channels, 1, 4, 4), |(_, _, y, x)| filter[(y, x)]);
    g.depthwise(x, &g.numbers(&kernel), 1, 1)
}

/// A picture added to that of the resolution before, doubled.
pub(crate) fn doubled(g: &Graph, before: &Value, picture: &Value) -> Result<Value, Error> {
    // Zeros are inserted and filtered. A bilinear interpolation is the same inside, but not at the borders, outside of
    // which zeros lie. One kernel for all three channels: ONNX Runtime's depthwise transposed convolutions are slow.
    let filter = filter();
    let kernel =
        Array4::from_shape_fn((3, 3, 4, 4), |(i, o, y, x)| if i == o { filter[(y, x)] } else { 0.0 });
    g.add(&g.conv_transpose(before, &g.numbers(&kernel), 2, 1)?, picture)
}

/// [1, 3, 3, 1] in both axes; its sum is four, since three of four pixels are zeros that were inserted.
pub(crate) fn filter() -> Array2<f32> {
    let row = [1.0, 3.0, 3.0, 1.0];
    Array2::from_shape_fn((4, 4), |(y, x)| row[y] * row[x] / 16.0)
}
