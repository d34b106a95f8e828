//! One module for each kind of network.

pub mod blobgan;
pub mod clip;
pub mod direction;
pub mod editgan;
pub mod encoder;
pub mod identity;
mod irse;
mod layers;
pub mod lpips;
pub mod mapper;
pub mod mtcnn;
mod resample;
pub mod stylegan2;

use checkpoint::Checkpoint;
use ndarray::{Array, Array1, Array2, ArrayD, Dimension, Ix1, Ix2};

use crate::error::Error;

/// A tensor of given sizes.
///
/// # Errors
/// [`Error::Checkpoint`] where it is missing, [`Error::Sizes`] where it has others.
pub(crate) fn tensor<D: Dimension>(
    checkpoint: &Checkpoint,
    name: &str,
    sizes: D,
) -> Result<Array<f32, D>, Error> {
    let found: ArrayD<f32> = checkpoint.f32(name)?;
    let unfit = |found: &[usize]| Error::Sizes {
        tensor: name.into(),
        found: found.into(),
        expected: format!("the network has {:?} there", sizes.slice()),
    };
    if found.shape() != sizes.slice() {
        return Err(unfit(found.shape()));
    }
    let shape = found.shape().to_vec();
    found.into_dimensionality::<D>().map_err(|_| unfit(&shape))
}

/// A linear layer of StyleGAN's kind, whose stored weight `[outputs, inputs]` is multiplied by `rate / √inputs` and
/// whose bias by `rate`; both are multiplied by `gain` too.
///
/// # Errors
/// As [`tensor`].
pub(crate) fn equal_linear(
    checkpoint: &Checkpoint,
    name: &str,
    [outputs, inputs]: [usize; 2],
    rate: f32,
    gain: f32,
) -> Result<(Array2<f32>, Array1<f32>), Error> {
    let weight = tensor(checkpoint, &format!("{name}.weight"), Ix2(outputs, inputs))?;
    let bias = tensor(checkpoint, &format!("{name}.bias"), Ix1(outputs))?;
    Ok((weight * (rate * gain / (inputs as f32).sqrt()), bias * (rate * gain)))
}
