//! StyleGAN2 (Karras et al., 2020) and StyleGAN2-ADA, at every resolution, width and depth of the mapping.
//!
//! Three layouts were published: that of NVIDIA's TensorFlow code, that of NVIDIA's PyTorch code (`.pkl`, which
//! StyleGAN3's repository writes too), and that of rosinality's PyTorch code (`.pt`), in which StyleCLIP, e4e, EditGAN
//! and many others keep their generators. The same weights in any of them give the same graphs.
//!
//! The generator is split where StyleSpace (Wu et al., 2021) lies, so that no weight is stored twice:
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `mapping` | `z [n, Z]`, with labels also `c [n, C]` | `w [n, W]` |
//! | `affine` | `w_plus [n, layers, W]` | `styles [n, S]` |
//! | `synthesis` | `styles [n, S]` | `image [n, 3, R, R]` around −1..1, not clamped |
//!
//! [`autodiff::Model::join`] puts affine layers and synthesis together where a graph from W+ to pictures is wanted. The
//! array `code-mean [layers, W]` is the centre of truncation: `mean + ψ · (w − mean)`.
//!
//! Generators that know classes take them as `c`, all zeros but for a one. Two ways were published: with ADA, in PyTorch
//! and TensorFlow, a layer makes a vector of them that is normalised by itself and stands beside z; before, in
//! TensorFlow, each class has a row of numbers, and z and row are normalised together.
//!
//! [`Options`] turn noise into inputs, and add smaller pictures and feature maps to the outputs.

mod form;
mod graphs;
mod keys;
mod noise;

use autodiff::Model;
use checkpoint::Checkpoint;
use ndarray::Array2;

pub use form::{Form, Layout, Style};
pub use graphs::{Synthesised, synthesise};
pub(crate) use graphs::{blurred, doubled, filter};
pub(crate) use noise::seeded;

use crate::build::{Graph, batch};
use crate::error::Error;
use crate::{Network, Part};
use keys::Keys;

/// What the synthesis graph takes and gives beside styles and picture.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where noise comes from.
    pub noise: Noise,
    /// The resolution to stop at, for previews that cost less; the graph takes all styles nevertheless.
    pub stop_at: Option<usize>,
    /// Also give the pictures of all lower resolutions, as `image_4`, `image_8`….
    pub pictures: bool,
    /// Also give what each convolution makes, after its activation, as `feature_1`, `feature_2`…, lowest first; they
    /// are what segmentation heads see (`feature_0` would be the constant that everything starts from).
    pub features: bool,
}

/// Where noise comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Noise {
    /// From the checkpoint, so that a code always gives the same picture. Checkpoints may lack it; it is made from a
    /// seed then, the same each time.
    #[default]
    Stored,
    /// From inputs `noise_0 [1, 1, 4, 4]`, `noise_1 [1, 1, 8, 8]`, `noise_2 [1, 1, 8, 8]`….
    Input,
    /// There is none.
    Off,
}

/// What generator a checkpoint holds, from the names and sizes of its tensors. Where there are several, the moving
/// average is taken.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    form::recognise(checkpoint)
}

/// The graphs of the generator in a checkpoint, and the mean of W.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let mut network = Network::default();
    network.parts.extend(mapping(checkpoint)?.map(|model| Part { role: "mapping", model }));
    network.parts.push(Part { role: "affine", model: affine(checkpoint)? });
    network.parts.push(Part { role: "synthesis", model: synthesis(checkpoint, options)? });
    network.arrays.extend(mean(checkpoint)?.map(|mean| ("code-mean", mean.into_dyn())));
    Ok(network)
}

/// `z` to `w`; nothing where the checkpoint holds no mapping.
///
/// # Errors
/// As [`build`].
pub fn mapping(checkpoint: &Checkpoint) -> Result<Option<Model>, Error> {
    let form = known(checkpoint)?;
    (form.mapping > 0).then(|| graphs::mapping(&Keys::new(checkpoint, &form), &form)).transpose()
}

/// W+ to StyleSpace.
///
/// # Errors
/// As [`build`].
pub fn affine(checkpoint: &Checkpoint) -> Result<Model, Error> {
    let form = known(checkpoint)?;
    graphs::affine(&Keys::new(checkpoint, &form), &form)
}

/// StyleSpace to pictures.
///
/// # Errors
/// As [`build`], and [`Error::Unsupported`] for a resolution to stop at that the generator does not have.
pub fn synthesis(checkpoint: &Checkpoint, options: &Options) -> Result<Model, Error> {
    let form = known(checkpoint)?;
    if options.stop_at.is_some_and(|r| r < 4 || r > form.resolution || !r.is_power_of_two()) {
        return Err(Error::Unsupported(format!("it has no pictures of {:?} pixels", options.stop_at)));
    }
    let graph = Graph::new("synthesis");
    let styles = graph.input("styles", &batch([form.channels_of_styles()]))?;
    let made = synthesise(&graph, checkpoint, &form, &styles, options)?;
    let (image, smaller) = made.pictures.split_last().ok_or_else(unknown)?;
    graph.output("image", image)?;
    for picture in smaller.iter().filter(|_| options.pictures) {
        graph.output(&format!("image_{}", picture.size(2).unwrap_or_default()), picture)?;
    }
    for (index, feature) in made.features.iter().enumerate().skip(1).filter(|_| options.features) {
        graph.output(&format!("feature_{index}"), feature)?;
    }
    graph.finish()
}

/// The mean of W, a row for each layer; nothing where the checkpoint does not tell it.
///
/// # Errors
/// As [`build`].
pub fn mean(checkpoint: &Checkpoint) -> Result<Option<Array2<f32>>, Error> {
    let form = known(checkpoint)?;
    Keys::new(checkpoint, &form).mean()
}

/// What generator it is, if it is one that graphs can be made of.
fn known(checkpoint: &Checkpoint) -> Result<Form, Error> {
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    Keys::new(checkpoint, &form).check()?;
    Ok(form)
}

fn unknown() -> Error {
    Error::Unsupported("it holds no StyleGAN2 generator".into())
}
