//! What every kind of generator can do.

use std::sync::Arc;

use ndarray::{Array4, ArrayView3};

use crate::cancel::Cancel;
use crate::code::Code;
use crate::error::ModelError;
use crate::family::blobgan::BlobGan;
use crate::family::stylegan::StyleGan;
use crate::pack::{Family, Pack, Role};
use crate::runtime::Runtime;
use crate::tuning::Tuned;

/// Pictures to codes and back.
///
/// Pictures are `[n, 3, R, R]`: R'G'B' planes, rows from the top, `R` the resolution of the pack, values in the
/// range of the pack (`range.low..=range.high`), which results may leave a little.
pub trait Generator {
    /// Inverts pictures: the code whose synthesis comes nearest to them.
    ///
    /// # Errors
    /// [`ModelError`], in particular where the pack has no encoder or `image` has another shape.
    fn encode(&mut self, image: &Array4<f32>, cancel: &Cancel) -> Result<Code, ModelError>;

    /// The pictures of a code.
    ///
    /// # Errors
    /// [`ModelError`], in particular where the code belongs to another pack.
    fn synthesise(&mut self, code: &Code, cancel: &Cancel) -> Result<Array4<f32>, ModelError>;

    /// The code with other W+ vectors `[n, layers, width]`, of as many pictures. What edits did to its styles is done to
    /// the new ones, too; with the very same vectors it stays as it is.
    ///
    /// # Errors
    /// [`ModelError::Missing`] for families without W+, [`ModelError::Foreign`] where the shape is another.
    fn with_w_plus(
        &mut self,
        code: &Code,
        w_plus: ArrayView3<'_, f32>,
        cancel: &Cancel,
    ) -> Result<Code, ModelError>;

    /// The code of one picture that nobody gave: the mean of all that the generator makes, which is where free generation
    /// from a text starts (StyleCLIP §4).
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Missing`] for families without a mean.
    fn mean(&mut self, cancel: &Cancel) -> Result<Code, ModelError>;

    /// The code of a random picture, the same for the same `seed`. `truncation` (ψ, `0..=1`) is how far codes stay away
    /// from the mean: pictures are varied at one and sound at less; 0.7 is usual. Of generators that know classes, the
    /// seed chooses one.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Missing`] where the pack cannot make pictures of nothing.
    fn random(&mut self, seed: u64, truncation: f32, cancel: &Cancel) -> Result<Code, ModelError>;

    /// Has all pictures from now on made with the weights that a photo gave the generator, or again with the pack's own.
    ///
    /// # Errors
    /// [`ModelError`], in particular where they were tuned in another pack, or where generators of this kind cannot be.
    fn tune(&mut self, tuned: Option<&Tuned>) -> Result<(), ModelError>;
}

/// The generator of a pack. Loads nothing yet: each graph is opened when it is first used.
///
/// # Errors
/// [`ModelError::Missing`] for families that have no codes.
pub fn open(pack: &Arc<Pack>, runtime: &Runtime) -> Result<Box<dyn Generator + Send>, ModelError> {
    match pack.manifest().family {
        Family::StyleGan2 => Ok(Box::new(StyleGan::new(Arc::clone(pack), runtime.clone()))),
        Family::BlobGan => Ok(Box::new(BlobGan::new(Arc::clone(pack), runtime.clone()))),
        Family::Diffusion | Family::FeedForward | Family::Mtcnn => {
            Err(ModelError::Missing { pack: pack.manifest().id.clone(), role: Role::Synthesis.words() })
        }
    }
}
