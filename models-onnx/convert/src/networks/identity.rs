//! The judge of identities: IR-SE50 as trained for ArcFace (Deng et al., 2019), published as `model_ir_se50.pth`.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `identity` | `image [n, 3, S, S]`, an aligned face in −1..1, RGB | `identity [n, 512]` of unit length |
//!
//! Two pictures of one person have vectors whose dot product is near one; StyleCLIP's loss (Patashnik et al., 2021,
//! §4.2) is one minus it. How the loss prepares pictures is part of the graph: means over areas bring them to 256, rows
//! 35 to 223 and columns 32 to 220 are cut out, means over areas bring these to 112. All that is linear, so it is one
//! matrix for the rows and one for the columns.

use std::ops::Range;

use checkpoint::Checkpoint;

use super::irse;
use super::layers::{self, Layers};
use super::resample::{self, means, resampled};
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// The side of the pictures that the network was trained with.
const SEEN: usize = 112;

/// The side of the pictures that are cut.
const ALIGNED: usize = 256;

/// What is cut out.
const ROWS: Range<usize> = 35..223;
const COLUMNS: Range<usize> = 32..220;

/// A judge in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the names of its tensors start with.
    pub prefix: String,
    /// Residual blocks.
    pub blocks: usize,
    /// How many numbers make an identity.
    pub width: usize,
}

/// What the graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The side of the pictures.
    pub side: usize,
}

/// What judge a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = layers::prefix(checkpoint, "output_layer.3.weight")?;
    let shape = |name: &str| checkpoint.shape(&format!("{prefix}{name}"));
    shape("input_layer.0.weight")?;
    let blocks = layers::count(checkpoint, &format!("{prefix}body"), "res_layer.1.weight");
    let width = *shape("output_layer.3.weight")?.first()?;
    (blocks > 0).then(|| Form { prefix: prefix.into(), blocks, width })
}

/// The graph of the judge in a checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let unknown = || Error::Unsupported("it holds no judge of identities".into());
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    if options.side == 0 {
        return Err(Error::Unsupported("pictures need a size".into()));
    }
    let graph = Graph::new("identity");
    let image = graph.input("image", &batch([3, options.side, options.side]))?;
    let layers = Layers { graph: &graph, checkpoint: &checkpoint.under(&form.prefix) };
    let x = irse::stem(&layers, &prepared(&graph, &image, options.side)?)?;
    let x = irse::body(&layers, &x, form.blocks)?.pop().ok_or_else(unknown)?;
    let x = layers.linear_between(&x, ["output_layer.0", "output_layer.3", "output_layer.4"])?;
    let length = graph.reduce("ReduceL2", &x, &[1], true)?;
    graph.output("identity", &graph.div(&x, &length)?)?;
    let model = graph.finish()?;
    Ok(Network { parts: vec![Part { role: "identity", model }], ..Network::default() })
}

/// `[n, 3, side, side]` to `[n, 3, 112, 112]`; see the module.
fn prepared(graph: &Graph, image: &Value, side: usize) -> Result<Value, Error> {
    let cut =
        |range: Range<usize>| means(range.len(), SEEN).dot(&resample::rows(&means(side, ALIGNED), range));
    resampled(graph, image, &cut(ROWS), &cut(COLUMNS))
}
