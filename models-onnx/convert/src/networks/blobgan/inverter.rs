//! The inverter: the body of StyleGAN2's discriminator, which gives blobs.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use checkpoint::Checkpoint;
use ndarray::{Array4, Ix1, Ix4};

use super::dense;
use super::form::Inverter;
use crate::build::{Graph, Value};
use crate::error::Error;
use crate::networks::stylegan2::filter;
use crate::networks::{equal_linear, tensor};

/// A picture to the numbers that the layout's last layer gives.
pub(super) fn invert(
    graph: &Graph,
    own: &Checkpoint,
    form: &Inverter,
    image: &Value,
) -> Result<Value, Error> {
    let first = form.channels[0];
    let mut x = activated(graph, own, "convs.0", image, [first, 3, 1], false)?;
    for (index, pair) in form.channels.windows(2).enumerate() {
        let &[before, after] = pair else { continue };
        let name = format!("convs.{}", index + 1);
        let y = activated(graph, own, &format!("{name}.conv1"), &x, [before, before, 3], false)?;
        let y = blurred(&graph.scope(&format!("{name}.conv2")), &y, before, 1, 2)?;
        let y = activated(graph, own, &format!("{name}.conv2"), &y, [after, before, 3], true)?;
        // Only every second place of the blurred picture is used.
        let g = graph.scope(&format!("{name}.skip"));
        let skip = blurred(&g, &x, before, 2, 1)?;
        let weight = weight(own, &format!("{name}.skip.1"), [after, before, 1], FRAC_1_SQRT_2)?;
        x = g.add(&y, &g.conv(&skip, &g.weight("weight", weight)?, None, 1, 0)?)?;
    }
    let last = form.channels[form.channels.len() - 1];
    let x = activated(graph, own, "final_conv", &x, [last, last, 3], false)?;
    let x = graph.reshape(&x, &[0, -1])?;
    let x = dense(graph, own, "final_linear.0", [last, last * 16], 1.0, &x)?;
    let (weight, bias) = equal_linear(own, "final_linear.1", [form.outputs, last], 1.0, 1.0)?;
    graph.scope("final_linear.1").linear(&x, weight, Some(bias))
}

/// A convolution with bias and activation, the second of a block after its input was blurred: it goes in steps of two,
/// and since the sum of both branches is divided by √2, its activation has no gain.
fn activated(
    graph: &Graph,
    own: &Checkpoint,
    name: &str,
    x: &Value,
    sizes: [usize; 3],
    after_blur: bool,
) -> Result<Value, Error> {
    let g = graph.scope(name);
    // The blur is the layer's first part, and its padding the convolution's too.
    let (at, stride, pad, gain) = if after_blur { (1, 2, 0, 1.0) } else { (0, 1, sizes[2] / 2, SQRT_2) };
    let weight = g.weight("weight", weight(own, &format!("{name}.{at}"), sizes, gain)?)?;
    let bias = tensor(own, &format!("{name}.{}.bias", at + 1), Ix1(sizes[0]))? * gain;
    g.leaky_relu(&g.conv(x, &weight, Some(&g.weight("bias", bias)?), stride, pad)?, 0.2)
}

fn weight(own: &Checkpoint, name: &str, [o, i, k]: [usize; 3], gain: f32) -> Result<Array4<f32>, Error> {
    let weight = tensor(own, &format!("{name}.weight"), Ix4(o, i, k, k))?;
    Ok(weight * (gain / ((i * k * k) as f32).sqrt()))
}

/// Each channel filtered by [1, 3, 3, 1] of unit sum.
fn blurred(g: &Graph, x: &Value, channels: usize, stride: usize, pad: usize) -> Result<Value, Error> {
    let filter = filter() / 4.0;
    let kernel = Array4::from_shape_fn((channels, 1, 4, 4), |(_, _, y, x)| filter[(y, x)]);
    g.depthwise(x, &g.numbers(&kernel), stride, pad)
}
