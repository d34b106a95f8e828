//! One module for each kind of network.

pub mod clip;
pub mod editgan;
pub mod encoder;
pub mod identity;
mod irse;
mod layers;
pub mod lpips;
mod resample;
pub mod stylegan2;

use checkpoint::Checkpoint;
use ndarray::{Array, ArrayD, Dimension};

use crate::error::Error;

/// A tensor of given sizes.
///
/// # Errors
/// [`Error::Checkpoint`] where it is missing, [`Error::Sizes`] where it has others.
pub fn tensor<D: Dimension>(checkpoint: &Checkpoint, name: &str, sizes: D) -> Result<Array<f32, D>, Error> {
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
