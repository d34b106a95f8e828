//! Global directions: from two embedded texts to a change of StyleSpace.
//!
//! Patashnik et al., “StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery”, 2021, section 6. A pack holds the
//! relevance of every StyleSpace channel: how the embedding of a picture turns when that channel is moved.

use ndarray::{Array1, Array2, ArrayD, ArrayView1, Axis};

use crate::code::{Code, STYLES};
use crate::error::ModelError;
use crate::pack::{Array, Pack};

/// Why two texts give no direction. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectionError {
    /// Both texts have the same embedding.
    #[error("both texts mean the same to this pack; describe what should change in other words")]
    Same,
    /// A strength or threshold that is not a number.
    #[error("the {0} is not a usable number; choose another")]
    Number(&'static str),
    /// Lengths of the pack's arrays and of an embedding or a code differ.
    #[error("the text model and the generator of this pack do not fit each other; install the pack again")]
    Mismatch,
}

/// What a pack knows of its StyleSpace channels.
#[derive(Debug, Clone, PartialEq)]
pub struct StyleSpace {
    relevance: Array2<f32>,
    deviation: Array1<f32>,
    movable: Vec<bool>,
}

impl StyleSpace {
    /// Reads the arrays of a pack.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has none, [`ModelError::Pack`] where they are broken.
    pub fn open(pack: &Pack) -> Result<Self, ModelError> {
        let relevance = pack.matrix(Array::Relevance)?;
        let deviation = pack.vector(Array::StyleStd)?;
        let movable =
            pack.manifest().styles.iter().flat_map(|s| std::iter::repeat_n(!s.rgb, s.channels)).collect();
        Ok(Self::new(relevance, deviation, movable)?)
    }

    /// From the relevance `[S, D]` of `S` channels, their standard deviations `[S]`, and which of them may be moved
    /// (StyleCLIP leaves those of the RGB outputs alone: they only tint).
    ///
    /// # Errors
    /// [`DirectionError::Mismatch`] where the lengths differ.
    pub fn new(
        relevance: Array2<f32>,
        deviation: Array1<f32>,
        movable: Vec<bool>,
    ) -> Result<Self, DirectionError> {
        if relevance.nrows() != deviation.len() || deviation.len() != movable.len() {
            return Err(DirectionError::Mismatch);
        }
        Ok(Self { relevance, deviation, movable })
    }

    /// The direction of a change of text.
    ///
    /// `change` is what [`text_change`] gives. Channels whose relevance to it is below `disentanglement` (β, `0..`)
    /// stay where they are: a larger β moves fewer. With none left the direction moves nothing, which
    /// [`Direction::moved`] tells.
    ///
    /// # Errors
    /// [`DirectionError::Mismatch`] for an embedding of another length, [`DirectionError::Number`] for a NaN.
    pub fn direction(
        &self,
        change: ArrayView1<'_, f32>,
        disentanglement: f32,
    ) -> Result<Direction, DirectionError> {
        if change.len() != self.relevance.ncols() {
            return Err(DirectionError::Mismatch);
        }
        if disentanglement.is_nan() {
            return Err(DirectionError::Number("disentanglement"));
        }
        // StyleCLIP (7): r = ΔS·Δt, then zero where |r| < β.
        let mut shift = self.relevance.dot(&change);
        for (r, &movable) in shift.iter_mut().zip(&self.movable) {
            if !movable || r.abs() < disentanglement {
                *r = 0.0;
            }
        }
        let moved = shift.iter().filter(|r| **r != 0.0).count();
        let largest = shift.fold(0.0f32, |m, r| m.max(r.abs()));
        // The published code divides without looking and gives NaN where nothing is left.
        if largest > 0.0 {
            // Scaled so that the most relevant channel moves by its whole deviation.
            shift.zip_mut_with(&self.deviation, |r, &d| *r = *r / largest * d);
        }
        Ok(Direction { shift, moved })
    }
}

/// A change of StyleSpace.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    shift: Array1<f32>,
    moved: usize,
}

impl Direction {
    /// How many channels it moves; with zero an edit changes nothing.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// The change of each channel `[S]` at strength 1.
    pub fn shift(&self) -> ArrayView1<'_, f32> {
        self.shift.view()
    }

    /// `s' = s + α·Δs` for every picture of the code; at strength (α) zero the very same code.
    ///
    /// # Errors
    /// [`ModelError::Direction`] for a strength that is not finite or a code with another number of channels.
    pub fn apply(&self, code: &Code, strength: f32) -> Result<Code, ModelError> {
        if !strength.is_finite() {
            return Err(DirectionError::Number("strength").into());
        }
        let mut styles = code.styles()?.to_owned();
        if styles.ncols() != self.shift.len() {
            return Err(DirectionError::Mismatch.into());
        }
        for mut picture in styles.axis_iter_mut(Axis(0)) {
            picture.scaled_add(strength, &self.shift);
        }
        let styles: ArrayD<f32> = styles.into_dyn();
        Ok(code.clone().with(STYLES, styles))
    }
}

/// The change from the embedding of what is there to that of what is wanted, `Δt = normalise(target − neutral)`.
///
/// # Errors
/// [`DirectionError::Same`] where they do not differ, [`DirectionError::Mismatch`] where their lengths do.
pub fn text_change(
    target: ArrayView1<'_, f32>,
    neutral: ArrayView1<'_, f32>,
) -> Result<Array1<f32>, DirectionError> {
    if target.len() != neutral.len() {
        return Err(DirectionError::Mismatch);
    }
    let change = &target - &neutral;
    let length = norm(change.view());
    // Unit vectors: a thousandth of their length is below what rounding in a text model leaves of equal meaning.
    if length.is_nan() || length < 1e-3 {
        return Err(DirectionError::Same);
    }
    Ok(change / length)
}

/// Euclidean length, summed in double precision.
pub(crate) fn norm(vector: ArrayView1<'_, f32>) -> f32 {
    vector.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt() as f32
}
