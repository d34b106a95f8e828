//! CLIP: a picture and a text become vectors whose cosine says how well they go together.
//!
//! Radford et al., “Learning Transferable Visual Models From Natural Language Supervision”, 2021. Image towers are
//! vision transformers (section 2.4, after Dosovitskiy et al., 2021) or residual networks with anti-aliased strides
//! and a pool that attends; text towers are transformers that look back only. Embeddings are not normalised, as
//! published: whoever compares them does that.
//!
//! Two layouts are known: that of the published archives (`visual.conv1.weight`), which most training code keeps, and
//! that of the library transformers (`vision_model.embeddings.patch_embedding.weight`). Either tower may be alone.

mod names;
mod resnet;
mod templates;
mod text;
mod tokenizer;
mod transformer;
mod view;
mod vision;

use autodiff::Model;
use checkpoint::Checkpoint;

use crate::build::{Graph, batch};
use crate::error::Error;
use crate::{Network, Part};
use names::Names;
pub use templates::templates;
pub use tokenizer::{CONTEXT, VOCABULARY, padded, tokenizer, tokenizer_of};
pub use view::{DEVIATION, MEAN, Picture, View, view};

/// Channels of an attention head, in every published CLIP; the number of heads follows from the width.
const HEAD: usize = 64;

/// What all norms of layers and of batches add to the variance.
const EPSILON: f32 = 1e-5;

/// What a checkpoint says of its CLIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The image tower.
    pub image: Option<ImageTower>,
    /// The text tower.
    pub text: Option<TextTower>,
}

/// Image towers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTower {
    /// A vision transformer.
    Transformer {
        /// Side of its pictures in pixels.
        side: usize,
        /// Side of a patch in pixels.
        patch: usize,
        /// Channels.
        width: usize,
        /// Blocks.
        layers: usize,
        /// Size of the embedding.
        embedding: usize,
    },
    /// A residual network.
    ResNet {
        /// Side of its pictures in pixels.
        side: usize,
        /// Channels after the stem.
        width: usize,
        /// Blocks of its four stages.
        layers: [usize; 4],
        /// Size of the embedding.
        embedding: usize,
    },
}

/// A text tower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTower {
    /// How many tokens there are.
    pub vocabulary: usize,
    /// The longest text in tokens, start and end included.
    pub context: usize,
    /// Channels.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Size of the embedding.
    pub embedding: usize,
}

impl ImageTower {
    /// Side of its pictures in pixels.
    pub fn side(&self) -> usize {
        match self {
            Self::Transformer { side, .. } | Self::ResNet { side, .. } => *side,
        }
    }

    /// Size of the embedding.
    pub fn embedding(&self) -> usize {
        match self {
            Self::Transformer { embedding, .. } | Self::ResNet { embedding, .. } => *embedding,
        }
    }
}

/// What a checkpoint does not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What its transformers bend their signals with.
    pub activation: Activation,
    /// The pictures that the image tower is to take; without, those of the network's own side that are normalised
    /// already, as [`view`] makes them.
    pub picture: Option<Picture>,
}

/// What bends the signals between the two layers of a perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// `x · σ(1.702 x)`: all that OpenAI published. The layout of a checkpoint does not tell.
    #[default]
    QuickGelu,
    /// `x · Φ(x)`: most of what others trained since.
    Gelu,
}

/// What the checkpoint is like, if it holds a tower of CLIP.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Clip> {
    let names = Names::of(checkpoint)?;
    let clip = Clip { image: vision::recognise(&names), text: text::recognise(&names) };
    (clip.image.is_some() || clip.text.is_some()).then_some(clip)
}

/// The graphs of the towers that the checkpoint holds.
///
/// `image-encoder`: `image [n, 3, R, R]` → `embedding [n, D]`. `text-encoder`: `input_ids [n, t]`, numbers of tokens
/// with the end of the text as the highest → `embedding [n, D]`; `t` is at most the context, and what comes after the
/// end does not matter. The array `logit-scale` is by how much cosines are multiplied before a softmax, where the
/// checkpoint says.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or of wrong sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let clip = recognise(checkpoint).ok_or_else(none)?;
    let mut network = Network::default();
    if clip.image.is_some() {
        network.parts.push(Part { role: "image-encoder", model: image(checkpoint, options)? });
    }
    if clip.text.is_some() {
        network.parts.push(Part { role: "text-encoder", model: text(checkpoint, options)? });
    }
    if checkpoint.shape("logit_scale").is_some() {
        network.arrays.insert("logit-scale", checkpoint.f32("logit_scale")?.mapv(f32::exp));
    }
    Ok(network)
}

/// The graph of the image tower.
///
/// # Errors
/// As [`build`], and [`Error::Unsupported`] where there is none.
pub fn image(checkpoint: &Checkpoint, options: &Options) -> Result<Model, Error> {
    let names = Names::of(checkpoint).ok_or_else(none)?;
    let tower = vision::recognise(&names).ok_or_else(none)?;
    let graph = Graph::new("CLIP image tower");
    let side = tower.side();
    let seen = match &options.picture {
        Some(picture) => view::add(&graph, picture, side)?,
        None => graph.input("image", &batch([3, side, side]))?,
    };
    let embedding = vision::add(&graph, &names, &tower, options.activation, &seen)?;
    graph.output("embedding", &embedding)?;
    graph.finish()
}

/// The graph of the text tower.
///
/// # Errors
/// As [`build`], and [`Error::Unsupported`] where there is none.
pub fn text(checkpoint: &Checkpoint, options: &Options) -> Result<Model, Error> {
    let names = Names::of(checkpoint).ok_or_else(none)?;
    let tower = text::recognise(&names).ok_or_else(none)?;
    let graph = Graph::new("CLIP text tower");
    let embedding = text::add(&graph, &names, &tower, options.activation)?;
    graph.output("embedding", &embedding)?;
    graph.finish()
}

fn none() -> Error {
    Error::Unsupported("it holds no such tower of CLIP".into())
}
