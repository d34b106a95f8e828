//! How the embedding of a picture turns with each style: the table that global directions are read from.
//!
//! Patashnik et al., “StyleCLIP”, 2021, section 6. Packs whose generator nobody measured before get theirs here: first
//! [`sample`], then [`measure`], which takes seconds for each of thousands of channels on a processor, says how far it
//! is, can be stopped at any time and goes on where it stopped.

mod partial;

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, Axis, Ix2, Slice, concatenate};

use crate::cancel::Cancel;
use crate::direction::norm;
use crate::error::ModelError;
use crate::pack::{Array, Dim, Pack, Role};
use crate::random::{BATCH, Codes, Moments};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};
use partial::Partial;
pub use partial::PartialError;

/// What is sampled and how far channels are moved. The defaults are StyleCLIP's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Start of the random numbers.
    pub seed: u64,
    /// How many codes the statistics are made of.
    pub samples: usize,
    /// How far codes stay away from their mean, `0..=1` (ψ).
    pub truncation: f32,
    /// How many pictures each channel is moved in.
    pub pictures: usize,
    /// How far it is moved to either side, in its standard deviations.
    pub reach: f32,
    /// How many pictures run at once.
    pub batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 5, samples: 100_000, truncation: 0.7, pictures: 100, reach: 5.0, batch: 8 }
    }
}

/// What a generator's styles are like.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Mean of each channel, `[S]`.
    pub mean: Array1<f32>,
    /// Standard deviation of the same.
    pub deviation: Array1<f32>,
    /// The styles `[n, S]` of the first pictures, as many as are to be moved.
    pub styles: Array2<f32>,
}

/// Why there is no relevance.
#[derive(Debug, thiserror::Error)]
pub enum RelevanceError {
    /// A model is at fault, or the work was cancelled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What was measured so far cannot be kept or gone on with.
    #[error(transparent)]
    Partial(#[from] PartialError),
    /// Nothing to sample, or nothing to move.
    #[error("at least two samples, one picture and one picture at a time are needed, and a reach above zero")]
    Settings,
}

/// Samples codes and takes the statistics of their styles. `progress` is told how many are done, and of how many.
///
/// # Errors
/// [`RelevanceError::Settings`]; [`ModelError`] in particular where the pack has no `mapping` or no `affine`.
pub fn sample(
    pack: &Arc<Pack>,
    runtime: &Runtime,
    settings: &Settings,
    progress: &mut dyn FnMut(usize, usize),
    cancel: &Cancel,
) -> Result<Sample, RelevanceError> {
    sound(settings)?;
    let mut codes = Codes::new(pack, runtime, settings.seed)?;
    let mut affine = graph(pack, runtime, Role::Affine);
    let [layers, width] = [1, 2].map(|axis| size(pack, Role::Affine, Ends::In, axis));
    let (layers, width) = (layers?, width?);
    let mean = match pack.matrix(Array::CodeMean) {
        Ok(mean) => mean,
        Err(ModelError::Missing { .. }) => {
            let mean = codes.mean(settings.seed, cancel)?;
            mean.broadcast((layers, width)).ok_or_else(|| misfit(Role::Mapping))?.to_owned()
        }
        Err(error) => return Err(error.into()),
    };
    let mut moments = Moments::default();
    let mut styles = Vec::new();
    let mut done = 0;
    while done < settings.samples {
        let w = codes.draw(BATCH.min(settings.samples - done), cancel)?;
        let count = w.nrows();
        let w_plus = w.insert_axis(Axis(1));
        let w_plus = w_plus.broadcast((count, layers, width)).ok_or_else(|| misfit(Role::Mapping))?;
        let w_plus = ((&w_plus - &mean) * settings.truncation + &mean).into_dyn();
        let some = affine.one(&[("w_plus", Tensor::F32(w_plus.view()))], cancel)?;
        let some = matrix(some, Role::Affine)?;
        moments.add(some.view());
        if done < settings.pictures {
            let first = count.min(settings.pictures - done);
            styles.push(some.slice_axis(Axis(0), Slice::from(..first)).to_owned());
        }
        done += count;
        progress(done, settings.samples);
    }
    let views: Vec<_> = styles.iter().map(|s| s.view()).collect();
    let styles = concatenate(Axis(0), &views).map_err(|_| misfit(Role::Affine))?;
    let (mean, deviation) = moments.mean_and_deviation();
    Ok(Sample { mean, deviation, styles })
}

/// The relevance `[S, D]`: for each channel the mean over pictures of how the embedding turns between the channel's
/// mean minus and plus `reach` deviations, of unit length. Rows of channels that must not be moved (those of RGB
/// outputs) and of channels that change nothing are zero.
///
/// Rows are kept in the file `partial` as they come; a file that is there already is gone on with. `progress` is told
/// how many channels are done, and of how many. Whoever has the result may delete the file.
///
/// # Errors
/// [`RelevanceError`], in particular [`PartialError::Other`] for a file that belongs to another pack or to other
/// settings, and [`ModelError::Cancelled`], after which the file is good to go on with.
pub fn measure(
    pack: &Arc<Pack>,
    runtime: &Runtime,
    sample: &Sample,
    settings: &Settings,
    partial: &Path,
    progress: &mut dyn FnMut(usize, usize),
    cancel: &Cancel,
) -> Result<Array2<f32>, RelevanceError> {
    sound(settings)?;
    let styles = pack.manifest().styles.iter();
    let movable: Vec<bool> = styles.flat_map(|s| std::iter::repeat_n(!s.rgb, s.channels)).collect();
    let channels = movable.len();
    if sample.mean.len() != channels || sample.styles.ncols() != channels {
        return Err(misfit(Role::Affine).into());
    }
    let size = size(pack, Role::ImageEncoder, Ends::Out, 1)?;
    let mut measuring = Measuring {
        synthesis: graph(pack, runtime, Role::Synthesis),
        encoder: graph(pack, runtime, Role::ImageEncoder),
        settings,
        sample,
        cancel,
    };
    let key = format!("relevance 1 {} {settings:?}", pack.hash());
    let (mut partial, mut values) = Partial::open(partial, &key, channels * size, size)?;
    let done = values.len() / size;
    progress(done, channels);
    for (channel, &movable) in movable.iter().enumerate().skip(done) {
        cancel.check()?;
        let row = if movable { measuring.turn(channel, size)? } else { Array1::zeros(size) };
        partial.push(&row)?;
        values.extend(row);
        progress(channel + 1, channels);
    }
    Ok(Array2::from_shape_vec((channels, size), values).map_err(|_| misfit(Role::ImageEncoder))?)
}

struct Measuring<'a> {
    synthesis: Lazy,
    encoder: Lazy,
    settings: &'a Settings,
    sample: &'a Sample,
    cancel: &'a Cancel,
}

impl Measuring<'_> {
    /// How the embedding turns with one channel: StyleCLIP's ΔI, normalised, meant and normalised.
    fn turn(&mut self, channel: usize, size: usize) -> Result<Array1<f32>, ModelError> {
        let (mean, deviation) = (self.sample.mean[channel], self.sample.deviation[channel]);
        let mut sum = Array1::<f32>::zeros(size);
        if deviation <= 0.0 {
            return Ok(sum);
        }
        let step = self.settings.reach * deviation;
        for styles in self.sample.styles.axis_chunks_iter(Axis(0), self.settings.batch) {
            let mut end = |value: f32| {
                let mut styles = styles.to_owned();
                styles.column_mut(channel).fill(value);
                self.embed(styles)
            };
            let (minus, plus) = (end(mean - step)?, end(mean + step)?);
            for (minus, plus) in minus.rows().into_iter().zip(plus.rows()) {
                sum += &unit(unit(plus.to_owned()) - unit(minus.to_owned()));
            }
        }
        Ok(unit(sum))
    }

    fn embed(&mut self, styles: Array2<f32>) -> Result<Array2<f32>, ModelError> {
        let styles = styles.into_dyn();
        let image = self.synthesis.one(&[("styles", Tensor::F32(styles.view()))], self.cancel)?;
        let embedding = self.encoder.one(&[("image", Tensor::F32(image.view()))], self.cancel)?;
        matrix(embedding, Role::ImageEncoder)
    }
}

fn sound(settings: &Settings) -> Result<(), RelevanceError> {
    let counts = settings.samples > 1 && settings.pictures > 0 && settings.batch > 0;
    let reach = settings.reach.is_finite() && settings.reach > 0.0 && settings.truncation.is_finite();
    if counts && reach { Ok(()) } else { Err(RelevanceError::Settings) }
}

fn graph(pack: &Arc<Pack>, runtime: &Runtime, role: Role) -> Lazy {
    Lazy::new(Arc::clone(pack), runtime.clone(), role)
}

#[derive(Clone, Copy)]
enum Ends {
    In,
    Out,
}

/// A fixed size of the first tensor that goes into a graph, or of the first that comes out.
fn size(pack: &Pack, role: Role, ends: Ends, axis: usize) -> Result<usize, ModelError> {
    let contract = pack.contract(role)?;
    let ports = match ends {
        Ends::In => &contract.inputs,
        Ends::Out => &contract.outputs,
    };
    match ports.first().and_then(|port| port.dims.get(axis)) {
        Some(Dim::Size(size)) => Ok(*size),
        _ => Err(misfit(role)),
    }
}

fn misfit(role: Role) -> ModelError {
    ModelError::Shape { role, what: "sizes do not fit those of the pack’s other graphs".into() }
}

fn matrix(array: ArrayD<f32>, role: Role) -> Result<Array2<f32>, ModelError> {
    array.into_dimensionality::<Ix2>().map_err(|e| ModelError::Shape { role, what: e.to_string() })
}

/// The vector at unit length; one that is nothing but rounding becomes zero.
fn unit(vector: Array1<f32>) -> Array1<f32> {
    let length = norm(vector.view());
    if length > 1e-6 { vector / length } else { vector * 0.0 }
}
