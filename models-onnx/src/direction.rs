//! Global directions: from two embedded texts to a change of StyleSpace.
//!
//! Patashnik et al., “StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery”, 2021, section 6. A pack holds the
//! relevance of every StyleSpace channel: how the embedding of a picture turns when that channel is moved.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayView1, Axis};

use crate::code::{Code, STYLES};
use crate::error::ModelError;
use crate::pack::{Array, Pack, Style};

/// How many channels more than which [`StyleSpace::disentanglement`] keeps for faces, as published for the 6048 channels
/// of FFHQ's generator. Colours need about 10 to 20, changes of shape 100 to 200.
pub const CHANNELS_OF_FACES: usize = 20;

/// The same for anything else.
pub const CHANNELS_OF_OTHERS: usize = 100;

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
    layers: Arc<[Style]>,
}

impl StyleSpace {
    /// Reads the arrays of a pack.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has none, [`ModelError::Pack`] where they are broken.
    pub fn open(pack: &Pack) -> Result<Self, ModelError> {
        let relevance = pack.matrix(Array::Relevance)?;
        let deviation = pack.vector(Array::StyleStd)?;
        Ok(Self::new(relevance, deviation, pack.manifest().styles.clone())?)
    }

    /// From the relevance `[S, D]` of `S` channels, their standard deviations `[S]`, and the layers that have them.
    /// StyleCLIP leaves channels of RGB outputs alone: they only tint.
    ///
    /// # Errors
    /// [`DirectionError::Mismatch`] where the lengths differ.
    pub fn new(
        relevance: Array2<f32>,
        deviation: Array1<f32>,
        layers: Vec<Style>,
    ) -> Result<Self, DirectionError> {
        let channels: usize = layers.iter().map(|layer| layer.channels).sum();
        if relevance.nrows() != deviation.len() || deviation.len() != channels {
            return Err(DirectionError::Mismatch);
        }
        Ok(Self { relevance, deviation, layers: layers.into() })
    }

    /// A disentanglement (β) for a change of text where nobody chose one: the largest of twenty that moves more than
    /// `channels` channels, such as [`CHANNELS_OF_FACES`], and the smallest of them where none does.
    ///
    /// StyleCLIP's interface tries 0.10, 0.11 … 0.29, but relevances are cosines and have no scale of their own: in a
    /// space of many dimensions, or where pictures lie close together, all of them are small. What carries the scale
    /// of a pack is the β that its makers found `usual` ([`DirectionDefaults`](crate::pack::DirectionDefaults)). The
    /// twenty are therefore 10/15 to 29/15 of it, which for StyleCLIP's own 0.15 are those of its interface. That the
    /// smallest is the end of it keeps texts of which the pack knows nothing from moving channels that only happen to
    /// turn a little their way.
    ///
    /// # Errors
    /// [`DirectionError::Mismatch`] for an embedding of another length, [`DirectionError::Number`] where `usual` is not
    /// finite or below zero.
    pub fn disentanglement(
        &self,
        change: ArrayView1<'_, f32>,
        channels: usize,
        usual: f32,
    ) -> Result<f32, DirectionError> {
        if !(usual.is_finite() && usual >= 0.0) {
            return Err(DirectionError::Number("usual disentanglement"));
        }
        let relevance = self.relevance_to(change)?;
        let step = f64::from(usual) / 15.0;
        let candidate = |steps: u32| (f64::from(steps) * step) as f32;
        let enough = |beta: &f32| relevance.iter().filter(|r| moves(**r, *beta)).count() > channels;
        Ok((10..30).rev().map(candidate).find(enough).unwrap_or(candidate(10)))
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
        if disentanglement.is_nan() {
            return Err(DirectionError::Number("disentanglement"));
        }
        let mut deviations = self.relevance_to(change)?;
        deviations.mapv_inplace(|r| if moves(r, disentanglement) { r } else { 0.0 });
        let largest = deviations.fold(0.0f32, |m, r| m.max(r.abs()));
        // The published code divides without looking and gives NaN where nothing is left.
        if largest > 0.0 {
            // Scaled so that the most relevant channel moves by its whole deviation.
            deviations.mapv_inplace(|r| r / largest);
        }
        let shift = &deviations * &self.deviation;
        Ok(Direction { shift, deviations, layers: Arc::clone(&self.layers) })
    }

    /// StyleCLIP (7): r = ΔS·Δt for each channel; zero for those of RGB outputs.
    fn relevance_to(&self, change: ArrayView1<'_, f32>) -> Result<Array1<f32>, DirectionError> {
        if change.len() != self.relevance.ncols() {
            return Err(DirectionError::Mismatch);
        }
        let mut relevance = self.relevance.dot(&change);
        let rgb = self.layers.iter().flat_map(|layer| std::iter::repeat_n(layer.rgb, layer.channels));
        for (r, _) in relevance.iter_mut().zip(rgb).filter(|(_, rgb)| *rgb) {
            *r = 0.0;
        }
        Ok(relevance)
    }
}

/// Whether a channel of relevance `r` is among those that move: |r| ≥ β, unless it is zero.
fn moves(r: f32, beta: f32) -> bool {
    r != 0.0 && r.abs() >= beta
}

/// A change of StyleSpace.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    shift: Array1<f32>,
    /// The same in standard deviations of each channel.
    deviations: Array1<f32>,
    layers: Arc<[Style]>,
}

/// A channel that a direction moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel<'a> {
    /// Name of its layer.
    pub layer: &'a str,
    /// Which it is in its layer, from zero.
    pub index: usize,
    /// Its change at strength 1, in its standard deviations, `-1..=1`; never zero.
    pub deviations: f32,
    /// The same in units of the styles themselves.
    pub shift: f32,
}

impl Direction {
    /// How many channels it moves; with zero an edit changes nothing.
    pub fn moved(&self) -> usize {
        self.deviations.iter().filter(|d| **d != 0.0).count()
    }

    /// The channels it moves, the strongest first; those that are equally strong in the order of the layers.
    pub fn channels(&self) -> Vec<Channel<'_>> {
        let places = self.layers.iter().flat_map(|l| (0..l.channels).map(|index| (l.name.as_str(), index)));
        let values = self.deviations.iter().zip(&self.shift);
        let mut channels: Vec<Channel<'_>> = places
            .zip(values)
            .filter(|(_, (deviations, _))| **deviations != 0.0)
            .map(|((layer, index), (&deviations, &shift))| Channel { layer, index, deviations, shift })
            .collect();
        channels.sort_by(|a, b| b.deviations.abs().total_cmp(&a.deviations.abs()));
        channels
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
