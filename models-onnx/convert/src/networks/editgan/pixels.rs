//! Classifiers of pixels (DatasetGAN, Zhang et al., 2021, §3.2): which part of an object each pixel shows, from the feature
//! maps of the generator that makes it.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `pixel-classifier` | `feature_0`, `feature_1`… `[n, C, h, w]`, lowest first, the constant included | `logits [n, classes, S, S]` |
//!
//! As published, maps are enlarged to the picture's size and classified pixel by pixel: 6.3 GB for the 6016 channels of a
//! generator of 512 pixels. Enlarging is linear and so is the first layer, so that one may go before the other: here each
//! map meets its part of the first layer in its own size, and only what comes out is enlarged. Batch norms follow
//! rectifiers, and are folded into the next layer.
//!
//! Several classifiers judge together: the mean of their *logits* counts, not that of their probabilities.

use checkpoint::Checkpoint;
use ndarray::{Array1, Array2, Axis, Ix1, Ix2, Slice};

use crate::build::{Graph, Resize, Value, batch};
use crate::error::Error;
use crate::networks::{layers, tensor};
use crate::{Network, Part};

/// What PyTorch adds to variances.
const EPSILON: f32 = 1e-5;

/// A classifier in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the names of its tensors start with: `model_state_dict.module.` in published files.
    pub prefix: String,
    /// Channels of all feature maps.
    pub features: usize,
    /// Kinds of parts, the background included.
    pub classes: usize,
}

/// What the graph takes and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Channels and side of each feature map, lowest first.
    pub maps: Vec<(usize, usize)>,
    /// The side of what comes out.
    pub side: usize,
    /// How maps are enlarged.
    pub enlarged: Enlarged,
}

/// How feature maps are enlarged. EditGAN does both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enlarged {
    /// For showing, and when classifiers are trained.
    Bilinear,
    /// While codes are optimised.
    Nearest,
}

/// What classifier a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = layers::prefix(checkpoint, "layers.6.weight")?;
    let shape = |index: usize| checkpoint.shape(&format!("{prefix}layers.{index}.weight"));
    let (&[_, features], &[classes, _]) = (shape(0)?, shape(6)?) else { return None };
    Some(Form { prefix: prefix.into(), features, classes })
}

/// The graph of the classifiers in several checkpoints.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoints: &[Checkpoint], options: &Options) -> Result<Network, Error> {
    let graph = Graph::new("pixel classifier");
    let input = |(index, &(channels, side)): (usize, &(usize, usize))| {
        graph.input(&format!("feature_{index}"), &batch([channels, side, side]))
    };
    let features = options.maps.iter().enumerate().map(input).collect::<Result<Vec<_>, _>>()?;
    let logits = classify(&graph, checkpoints, &features, options.side, options.enlarged)?;
    graph.output("logits", &logits)?;
    let model = graph.finish()?;
    Ok(Network { parts: vec![Part { role: "pixel-classifier", model }], ..Network::default() })
}

/// Puts classifiers behind feature maps that a graph has already; gives `[n, classes, side, side]`.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn classify(
    graph: &Graph,
    checkpoints: &[Checkpoint],
    features: &[Value],
    side: usize,
    enlarged: Enlarged,
) -> Result<Value, Error> {
    let how = match enlarged {
        Enlarged::Bilinear => Resize::Bilinear,
        Enlarged::Nearest => Resize::Nearest,
    };
    let mut logits = Vec::new();
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let g = graph.scope(&format!("classifier_{index}"));
        logits.push(one(&g, checkpoint, features, side, how)?);
    }
    match logits.as_slice() {
        [] => Err(Error::Unsupported("there is no classifier".into())),
        [one] => Ok(one.clone()),
        all => graph.op("Mean", &all.iter().collect::<Vec<_>>(), &[]),
    }
}

fn one(
    g: &Graph,
    checkpoint: &Checkpoint,
    features: &[Value],
    side: usize,
    how: Resize,
) -> Result<Value, Error> {
    let unknown = || Error::Unsupported("it holds no classifier of pixels".into());
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    let own = checkpoint.under(&form.prefix);
    let channels = features.iter().map(|x| x.size(1).unwrap_or_default());
    let all: usize = channels.clone().sum();
    if all != form.features {
        let why = format!("it wants {} channels of features, the generator has {all}", form.features);
        return Err(Error::Unsupported(why));
    }
    let (weight, bias) = linear(&own, 0, all)?;
    // Maps of one size are summed before they are enlarged.
    let mut sums: Vec<(usize, Value)> = Vec::new();
    let mut start = 0;
    for (index, (x, channels)) in features.iter().zip(channels).enumerate() {
        let part = weight.slice_axis(Axis(1), Slice::from(start..start + channels));
        let part =
            g.weight(&format!("layers.0.weight_{index}"), part.insert_axis(Axis(2)).insert_axis(Axis(3)))?;
        start += channels;
        let y = g.conv(x, &part, None, 1, 0)?;
        let size = x.size(2).unwrap_or_default();
        match sums.last_mut() {
            Some((last, sum)) if *last == size => *sum = g.add(sum, &y)?,
            _ => sums.push((size, y)),
        }
    }
    let bias = g.weight("layers.0.bias", bias.insert_axis(Axis(1)).insert_axis(Axis(2)))?;
    // All are enlarged before any is added: of a node's inputs, ONNX Runtime first makes the one that was written last,
    // so that this way one enlarged map at a time waits in memory.
    let enlarge = |(size, sum): (usize, Value)| {
        if size == side { Ok(sum) } else { g.resize(&sum, side, side, how) }
    };
    let enlarged = sums.into_iter().map(enlarge).collect::<Result<Vec<_>, _>>()?;
    let (first, rest) = enlarged.split_first().ok_or_else(unknown)?;
    let mut x = first.clone();
    for y in rest {
        x = g.add(&x, y)?;
    }
    x = g.add(&x, &bias)?;
    for index in [3, 6] {
        x = g.relu(&x)?;
        let (weight, bias) = after_norm(&own, index, x.size(1).unwrap_or_default())?;
        let scope = g.scope(&format!("layers.{index}"));
        let weight = scope.weight("weight", weight.insert_axis(Axis(2)).insert_axis(Axis(3)))?;
        x = scope.conv(&x, &weight, Some(&scope.weight("bias", bias)?), 1, 0)?;
    }
    Ok(x)
}

fn linear(own: &Checkpoint, index: usize, inputs: usize) -> Result<(Array2<f32>, Array1<f32>), Error> {
    let name = format!("layers.{index}.weight");
    let outputs = own.shape(&name).and_then(|s| s.first().copied()).unwrap_or_default();
    let bias = tensor(own, &format!("layers.{index}.bias"), Ix1(outputs))?;
    Ok((tensor(own, &name, Ix2(outputs, inputs))?, bias))
}

/// A linear layer and the batch norm before it: `W (f x + o) + b = (W f) x + (W o + b)`.
fn after_norm(own: &Checkpoint, index: usize, inputs: usize) -> Result<(Array2<f32>, Array1<f32>), Error> {
    let (weight, bias) = linear(own, index, inputs)?;
    let vector = |part: &str| tensor(own, &format!("layers.{}.{part}", index - 1), Ix1(inputs));
    let factor = vector("weight")? / (vector("running_var")? + EPSILON).sqrt();
    let offset = vector("bias")? - vector("running_mean")? * &factor;
    let bias = bias + weight.dot(&offset);
    Ok((weight * &factor, bias))
}
