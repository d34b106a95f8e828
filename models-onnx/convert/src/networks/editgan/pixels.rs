//! Classifiers of pixels (DatasetGAN, Zhang et al., 2021, §3.2): which part of an object each pixel shows, from the feature
//! maps of the generator that makes it.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `pixel-classifier` | `feature_0`, `feature_1`… `[n, C, h, w]`, lowest first, the constant included | `logits [n, classes, S, S]` |
//! | `segmenter` | `styles [n, S]` of the generator | `logits [n, classes, R, R]`, `image [n, 3, R, R]` |
//! | `segmenter-at` | `styles [n, S]`, `pixels [p]` counted row by row | `logits [n, classes, p]`, `image [n, 3, R, R]` |
//!
//! As published, maps are enlarged to the picture's size and classified pixel by pixel: 6.3 GB for the 6016 channels of a
//! generator of 512 pixels. Enlarging is linear and so is the first layer, so that one may go before the other: here each
//! map meets its part of the first layer in its own size, and only what comes out is enlarged. Batch norms follow
//! rectifiers, and are folded into the next layer.
//!
//! Several classifiers judge together: the mean of their *logits* counts, not that of their probabilities.
//!
//! EditGAN shows and trains with maps that are enlarged bilinearly, and optimises codes with the nearest value. Its loss
//! looks at the pixels of a region only. `segmenter-at` is for that: ten classifiers of all pixels of a picture of 512
//! take more than four times as many products as the generator. It takes the nearest values of the maps first, so that what it
//! costs goes by the number of pixels. Both graphs begin with the generator, under the names that its
//! own graph has, so that a pack keeps its weights once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use autodiff::{Dim, Model};
use checkpoint::Checkpoint;
use ndarray::{Array1, Array2, Axis, Ix1, Ix2, Slice};

use crate::build::{Graph, Resize, Value, batch};
use crate::error::Error;
use crate::networks::{layers, stylegan2, tensor};
use crate::{Network, Part};

/// What PyTorch adds to variances.
const EPSILON: f32 = 1e-5;

/// Nobody tells apart more classes; a file that says so is something else.
const MOST: usize = 4096;

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

/// Which pixels are classified.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// All of them: `[n, classes, side, side]`.
    All {
        /// The side of the picture.
        side: usize,
        /// How they see the feature maps.
        enlarged: Enlarged,
    },
    /// Those of some numbers, by the nearest value of the feature maps: `[n, classes, p]`.
    At {
        /// The side of the picture.
        side: usize,
        /// Their numbers `[p]`: row times side plus column.
        pixels: &'a Value,
    },
}

/// What classifier a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = layers::prefix(checkpoint, "layers.6.weight")?;
    let shape = |index: usize| checkpoint.shape(&format!("{prefix}layers.{index}.weight"));
    let (&[first, features], &[second, before], &[classes, last]) = (shape(0)?, shape(3)?, shape(6)?) else {
        return None;
    };
    if (before, last) != (first, second) || classes > MOST {
        return None;
    }
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
    let Options { side, enlarged, .. } = *options;
    let logits = classify(&graph, checkpoints, &features, View::All { side, enlarged })?;
    graph.output("logits", &logits)?;
    let model = graph.finish()?;
    Ok(Network { parts: vec![Part { role: "pixel-classifier", model }], ..Network::default() })
}

/// A generator of StyleGAN2 and classifiers of its pixels, all of which are classified, for showing.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn segmenter(generator: &Checkpoint, classifiers: &[Checkpoint]) -> Result<Model, Error> {
    joined(generator, classifiers, false)
}

/// The same for some pixels, while codes are optimised.
///
/// # Errors
/// As [`segmenter`].
pub fn segmenter_at(generator: &Checkpoint, classifiers: &[Checkpoint]) -> Result<Model, Error> {
    joined(generator, classifiers, true)
}

fn joined(generator: &Checkpoint, classifiers: &[Checkpoint], some: bool) -> Result<Model, Error> {
    let unknown = || Error::Unsupported("it holds no StyleGAN2 generator".into());
    let form = stylegan2::recognise(generator).ok_or_else(unknown)?;
    let side = form.resolution;
    let graph = Graph::new("synthesis");
    let styles = graph.input("styles", &batch([form.channels_of_styles()]))?;
    let pixels = some.then(|| graph.integer_input("pixels", &[Dim::named("p")])).transpose()?;
    let made = stylegan2::synthesise(&graph, generator, &form, &styles, &stylegan2::Options::default())?;
    let view = match &pixels {
        Some(pixels) => View::At { side, pixels },
        None => View::All { side, enlarged: Enlarged::Bilinear },
    };
    graph.output("logits", &classify(&graph, classifiers, &made.features, view)?)?;
    graph.output("image", made.pictures.last().ok_or_else(unknown)?)?;
    graph.finish()
}

/// Puts classifiers behind feature maps that a graph has already.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn classify(
    graph: &Graph,
    checkpoints: &[Checkpoint],
    features: &[Value],
    view: View<'_>,
) -> Result<Value, Error> {
    let (seen, enlarged) = match view {
        View::All { side, enlarged } => (features.to_vec(), Some((side, enlarged))),
        View::At { side, pixels } => (chosen(graph, features, side, pixels)?, None),
    };
    let mut logits = Vec::new();
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let g = graph.scope(&format!("classifier_{index}"));
        logits.push(one(&g, checkpoint, &seen, enlarged)?);
    }
    // Chosen pixels are a picture that is one pixel wide.
    if enlarged.is_none() {
        logits = logits.iter().map(|x| graph.squeeze(x, &[3])).collect::<Result<_, _>>()?;
    }
    match logits.as_slice() {
        [] => Err(Error::Unsupported("there is no classifier".into())),
        [one] => Ok(one.clone()),
        all => graph.op("Mean", &all.iter().collect::<Vec<_>>(), &[]),
    }
}

/// What feature maps have at the places `[n, C, p, 1]` that are nearest to pixels of a picture of `side`.
fn chosen(graph: &Graph, features: &[Value], side: usize, pixels: &Value) -> Result<Vec<Value>, Error> {
    let mut places: BTreeMap<usize, Value> = BTreeMap::new();
    let mut chosen = Vec::new();
    for x in features {
        let size = x.size(2).unwrap_or_default();
        let place = match places.entry(size) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(nearest(&graph.scope(&format!("nearest_{size}")), pixels, side, size)?)
            }
        };
        let flat = graph.reshape(x, &[0, 0, -1])?;
        let some = graph.gather(&flat, place, 2)?;
        chosen.push(graph.unsqueeze(&some, &[3])?);
    }
    Ok(chosen)
}

/// The places `[p]`, counted row by row, in a map of `size` that are nearest to pixels of a picture of `side`.
fn nearest(g: &Graph, pixels: &Value, side: usize, size: usize) -> Result<Value, Error> {
    let int = |value: usize| g.int(i64::try_from(value).unwrap_or(i64::MAX));
    let over = |value: usize| g.div(pixels, &int(value));
    // Sides are powers of two: `factor` rows and columns of pixels have one place.
    let factor = side / size.max(1);
    let row = over(side * factor)?;
    // The column over the factor: (pixel − side · row) / factor.
    let column = g.sub(&over(factor)?, &g.mul(&over(side)?, &int(size))?)?;
    g.add(&g.mul(&row, &int(size))?, &column)
}

fn one(
    g: &Graph,
    checkpoint: &Checkpoint,
    features: &[Value],
    enlarged: Option<(usize, Enlarged)>,
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
    let enlarge = |(size, sum): (usize, Value)| match enlarged {
        Some((side, _)) if size == side => Ok(sum),
        Some((side, Enlarged::Bilinear)) => g.resize(&sum, side, side, Resize::Bilinear),
        Some((side, Enlarged::Nearest)) => g.resize(&sum, side, side, Resize::Nearest),
        None => Ok(sum),
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
