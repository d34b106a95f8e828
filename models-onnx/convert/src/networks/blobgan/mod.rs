//! BlobGAN (Epstein et al., 2022): pictures of rooms, made of blobs that can be moved.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `mapping` | `z [n, Z]` | `w [n, H]`, what truncation mixes |
//! | `layout` | `w [n, H]` | the fields of `k` blobs |
//! | `synthesis` | the fields of any number of blobs | `image [n, 3, R, R]` around −1..1, not clamped |
//! | `encoder` | `image [n, 3, R, R]` | the fields of `k` blobs |
//!
//! The fields:
//!
//! | field | shape | |
//! |---|---|---|
//! | `xs`, `ys` | `[n, k]` | centres, 0..1 from the upper left |
//! | `sizes` | `[n, k]` | where the squared distance by `covs` is as much, half of what lies below shows |
//! | `covs` | `[n, k, 2, 2]` | shapes: covariances in units of the picture's side, x first |
//! | `features` | `[n, k, F]` | what the blobs are |
//! | `styles` | `[n, k, D]` | how they look |
//!
//! Later blobs lie above earlier ones. The first is the background: a blob of size [`BACKGROUND`], which covers all.
//! (The published code has no place and no shape for it, and its size is never used.) The decoder was trained with
//! fresh noise; here it is made from a seed, or an input.

mod decoder;
mod fields;
mod form;
mod inverter;
mod splat;

use autodiff::Model;
use checkpoint::Checkpoint;

pub use form::{Decoder, Form, Inverter, Layout};
pub use splat::{BACKGROUND, Places, shares};

use super::equal_linear;
use super::stylegan2::Noise;
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// What the decoder's graph takes beside the fields.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where noise comes from. The buffers in checkpoints are of other sizes than the decoder needs and never used;
    /// [`Noise::Stored`] is made from a seed.
    pub noise: Noise,
}

/// What networks a checkpoint holds; those that are averaged over the training are taken where both are there.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    form::recognise(checkpoint)
}

/// The graphs of the networks in a checkpoint: layout and decoder in one, the inverter in another.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    let part = |role| Ok(Part { role, model: part(checkpoint, options, role)? });
    let parts = form.roles().into_iter().map(part).collect::<Result<_, Error>>()?;
    Ok(Network { parts, ..Network::default() })
}

/// One of the graphs, by its role, which is one of [`Form::roles`].
///
/// # Errors
/// As [`build`], and [`Error::Unsupported`] for a role that none of the networks has.
pub fn part(checkpoint: &Checkpoint, options: &Options, role: &str) -> Result<Model, Error> {
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    let graph = Graph::new(role);
    match (role, &form.layout, &form.decoder, &form.inverter) {
        ("mapping", Some(layout), ..) => {
            let own = checkpoint.under(&layout.prefix);
            let z = graph.input("z", &batch([layout.noise]))?;
            let mut x = fields::normalised(&graph, &z)?;
            let mut inputs = layout.noise;
            let (_, hidden) = layout.layers.split_last().ok_or_else(unknown)?;
            for (index, &outputs) in hidden.iter().enumerate() {
                x = dense(&graph, &own, &format!("mlp.{}", index + 1), [outputs, inputs], 0.01, &x)?;
                inputs = outputs;
            }
            graph.output("w", &x)?;
        }
        ("layout", Some(layout), ..) => {
            let own = checkpoint.under(&layout.prefix);
            let (last, hidden) = layout.layers.split_last().ok_or_else(unknown)?;
            let inputs = *hidden.last().unwrap_or(&layout.noise);
            let w = graph.input("w", &batch([inputs]))?;
            let name = format!("mlp.{}", layout.layers.len());
            let (weight, bias) = equal_linear(&own, &name, [*last, inputs], 0.01, 1.0)?;
            let flat = graph.scope(&name).linear(&w, weight, Some(bias))?;
            fields::split(&graph, &form.fields(*last)?, &flat)?;
        }
        ("synthesis", _, Some(decoder), _) => {
            let given = fields::inputs(&graph, decoder)?;
            let shares = shares(&graph, &given.places, decoder.resolution())?;
            let own = checkpoint.under(&decoder.prefix);
            let image = decoder::decode(&graph, &own, decoder, &given, &shares, options)?;
            graph.output("image", &image)?;
        }
        ("encoder", _, _, Some(inverter)) => {
            let image = graph.input("image", &batch([3, inverter.resolution, inverter.resolution]))?;
            let flat = inverter::invert(&graph, &checkpoint.under(&inverter.prefix), inverter, &image)?;
            fields::split(&graph, &form.fields(inverter.outputs)?, &flat)?;
        }
        _ => return Err(unknown()),
    }
    graph.finish()
}

fn unknown() -> Error {
    Error::Unsupported("it holds no such network of BlobGAN".into())
}

/// A linear layer with its activation, whose gain goes into the weights.
fn dense(
    g: &Graph,
    own: &Checkpoint,
    name: &str,
    sizes: [usize; 2],
    rate: f32,
    x: &Value,
) -> Result<Value, Error> {
    let (weight, bias) = equal_linear(own, name, sizes, rate, std::f32::consts::SQRT_2)?;
    let g = g.scope(name);
    g.leaky_relu(&g.linear(x, weight, Some(bias))?, 0.2)
}
