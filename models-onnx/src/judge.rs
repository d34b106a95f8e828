//! What came of an edit, in numbers: by the networks of a pack that look at pictures.
//!
//! Candidates are ranked by [`Judges::gain`] and the numbers are printed. Packs have any of these networks or none, so
//! that every answer is an option: `None` says that the pack cannot tell.

use std::sync::Arc;

use ndarray::{Array1, Array2, Array4, ArrayD, ArrayView1, ArrayView2, Axis, Ix1, Ix2};

use crate::cancel::Cancel;
use crate::direction::{norm, text_change};
use crate::error::ModelError;
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};

/// Changes of an embedding of unit length that are smaller come from rounding.
const UNCHANGED: f32 = 1e-4;

/// What an edit did to a picture, as the picture understanding model sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// How much nearer the picture came to the wanted text: the cosine between them afterwards less that before, `-2..=2`.
    pub similarity: f32,
    /// Whether it changed as the texts do: the cosine between the change of the picture's embedding and that from the
    /// neutral to the wanted text, `-1..=1` (the directional similarity of Gal et al., “StyleGAN-NADA”, 2021, section 4.2);
    /// zero where the picture did not change.
    pub direction: f32,
}

/// The networks of a pack that look at pictures. Pictures are as [`Generator`](crate::Generator) takes and gives them; of
/// two batches, one may have a single picture, with which all of the other are compared.
pub struct Judges {
    image_encoder: Option<Lazy>,
    identity: Option<Lazy>,
    perceptual: Option<Lazy>,
}

impl Judges {
    /// Those that a pack has. Loads nothing yet: each is opened when it is first asked.
    pub fn new(pack: &Arc<Pack>, runtime: &Runtime) -> Self {
        let lazy = |role| {
            let there = pack.manifest().roles.contains_key(&role);
            there.then(|| Lazy::new(Arc::clone(pack), runtime.clone(), role))
        };
        Self {
            image_encoder: lazy(Role::ImageEncoder),
            identity: lazy(Role::Identity),
            perceptual: lazy(Role::Perceptual),
        }
    }

    /// The embeddings `[n, D]` of pictures, of unit length, in the space of the pack's texts.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn embed(
        &mut self,
        pictures: &Array4<f32>,
        cancel: &Cancel,
    ) -> Result<Option<Array2<f32>>, ModelError> {
        let Some(encoder) = &mut self.image_encoder else { return Ok(None) };
        vectors(encoder, pictures, Role::ImageEncoder, cancel).map(Some)
    }

    /// How well each picture goes with a text, whose embedding `[D]` [`TextEncoder::embed`](crate::text::TextEncoder::embed)
    /// gives: cosines, `-1..=1`.
    ///
    /// # Errors
    /// [`ModelError`], in particular where the embedding is of another length than those of pictures.
    pub fn similarity(
        &mut self,
        pictures: &Array4<f32>,
        text: ArrayView1<'_, f32>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(embeddings) = self.embed(pictures, cancel)? else { return Ok(None) };
        same_length(embeddings.ncols(), text)?;
        Ok(Some(embeddings.dot(&text).to_vec()))
    }

    /// What edits did to pictures, for each picture: `wanted` and `neutral` are the embeddings `[D]` of the text that was
    /// asked for and of the one that the picture went with before.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Direction`] where both texts mean the same, and [`ModelError::Foreign`]
    /// where there are several pictures before and another number afterwards.
    pub fn gain(
        &mut self,
        before: &Array4<f32>,
        after: &Array4<f32>,
        wanted: ArrayView1<'_, f32>,
        neutral: ArrayView1<'_, f32>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<Gain>>, ModelError> {
        let change = text_change(wanted, neutral)?;
        let Some(before) = self.embed(before, cancel)? else { return Ok(None) };
        let Some(after) = self.embed(after, cancel)? else { return Ok(None) };
        same_length(after.ncols(), wanted)?;
        let gain = |before: ArrayView1<'_, f32>, after: ArrayView1<'_, f32>| {
            let moved = &after - &before;
            let length = norm(moved.view());
            let direction = if length < UNCHANGED { 0.0 } else { moved.dot(&change) / length };
            Gain { similarity: moved.dot(&wanted), direction }
        };
        Ok(Some(each(before.view(), after.view(), gain)?))
    }

    /// Whether pictures show the same: the cosine between their identities, for each pair; one for the very same.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Foreign`] for batches of different sizes.
    pub fn identity(
        &mut self,
        a: &Array4<f32>,
        b: &Array4<f32>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(identity) = &mut self.identity else { return Ok(None) };
        let a = vectors(identity, a, Role::Identity, cancel)?;
        let b = vectors(identity, b, Role::Identity, cancel)?;
        Ok(Some(each(a.view(), b.view(), |a, b| a.dot(&b))?))
    }

    /// How different people find pictures, for each pair: zero for the very same, about 0.5 for pictures of different
    /// things (LPIPS, Zhang et al., 2018).
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Foreign`] for batches of different sizes.
    pub fn distance(
        &mut self,
        a: &Array4<f32>,
        b: &Array4<f32>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(perceptual) = &mut self.perceptual else { return Ok(None) };
        let count = pairs(a.dim().0, b.dim().0)?;
        let of = |pictures: &Array4<f32>| -> Result<ArrayD<f32>, ModelError> {
            let (_, planes, height, width) = pictures.dim();
            let all = pictures.broadcast((count, planes, height, width));
            Ok(all.ok_or_else(|| uneven(a.dim().0, b.dim().0))?.to_owned().into_dyn())
        };
        let (a, b) = (of(a)?, of(b)?);
        let inputs = [("a", Tensor::F32(a.view())), ("b", Tensor::F32(b.view()))];
        let distances = perceptual.one(&inputs, cancel)?.into_dimensionality::<Ix1>();
        let shape =
            |e: ndarray::ShapeError| ModelError::Shape { role: Role::Perceptual, what: e.to_string() };
        Ok(Some(distances.map_err(shape)?.to_vec()))
    }
}

/// What a network says of pictures, `[n, D]`, each at unit length.
fn vectors(
    network: &mut Lazy,
    pictures: &Array4<f32>,
    role: Role,
    cancel: &Cancel,
) -> Result<Array2<f32>, ModelError> {
    let vectors = network.one(&[("image", Tensor::F32(pictures.view().into_dyn()))], cancel)?;
    let shape = |e: ndarray::ShapeError| ModelError::Shape { role, what: e.to_string() };
    let mut vectors = vectors.into_dimensionality::<Ix2>().map_err(shape)?;
    for mut vector in vectors.rows_mut() {
        let length = norm(vector.view());
        if length > 0.0 {
            vector /= length;
        }
    }
    Ok(vectors)
}

/// Compares the vectors of two batches, of which one may have but one.
fn each<T>(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    compare: impl Fn(ArrayView1<'_, f32>, ArrayView1<'_, f32>) -> T,
) -> Result<Vec<T>, ModelError> {
    let count = pairs(a.nrows(), b.nrows())?;
    let row = |vectors: ArrayView2<'_, f32>, at: usize| -> Array1<f32> {
        vectors.index_axis(Axis(0), at.min(vectors.nrows() - 1)).to_owned()
    };
    Ok((0..count).map(|at| compare(row(a, at).view(), row(b, at).view())).collect())
}

fn pairs(a: usize, b: usize) -> Result<usize, ModelError> {
    match (a, b) {
        (a, b) if a == b => Ok(a),
        (1, other) | (other, 1) => Ok(other),
        _ => Err(uneven(a, b)),
    }
}

fn uneven(a: usize, b: usize) -> ModelError {
    ModelError::Foreign(format!("{a} pictures cannot be compared with {b}"))
}

fn same_length(pictures: usize, text: ArrayView1<'_, f32>) -> Result<(), ModelError> {
    if pictures == text.len() { Ok(()) } else { Err(crate::direction::DirectionError::Mismatch.into()) }
}
