//! How faithfully a pack reconstructs a picture.

use ndarray::Array4;

use crate::error::ModelError;
use crate::pack::{Fidelity, Pack};

/// PSNR of a reconstruction beside what the pack says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Peak signal-to-noise ratio in dB; infinite for equal pictures.
    pub psnr: f32,
    /// What pictures of the pack's domain typically reach, dB.
    pub typical: f32,
    /// Below this the pack does not know such pictures, dB.
    pub poor: f32,
}

/// Compares `image` with its reconstruction, both as [`Generator`](crate::Generator) takes them.
///
/// # Errors
/// [`ModelError::Foreign`] where the two have different shapes or hold no pixels, [`ModelError::Missing`] where the pack
/// says nothing of its fidelity.
pub fn measure(
    pack: &Pack,
    image: &Array4<f32>,
    reconstruction: &Array4<f32>,
) -> Result<Measured, ModelError> {
    let range = pack.manifest().range;
    let missing = || ModelError::Missing { pack: pack.manifest().id.clone(), role: "measure of fidelity" };
    let Fidelity { typical, poor } = pack.manifest().fidelity.ok_or_else(missing)?;
    let psnr = psnr(image, reconstruction, range.low, range.high)?;
    Ok(Measured { psnr, typical, poor })
}

/// Peak signal-to-noise ratio in dB, `−10·log₁₀(mean((a − b)²))` over values that `low..=high` scales to `0..=1`.
/// Values outside are clamped first, since no display shows them.
///
/// # Errors
/// [`ModelError::Foreign`] where the two have different shapes or hold no pixels.
pub fn psnr(a: &Array4<f32>, b: &Array4<f32>, low: f32, high: f32) -> Result<f32, ModelError> {
    if a.dim() != b.dim() || a.is_empty() {
        let what = format!("pictures of {:?} and {:?} cannot be compared", a.dim(), b.dim());
        return Err(ModelError::Foreign(what));
    }
    let unit = |v: f32| f64::from(((v - low) / (high - low)).clamp(0.0, 1.0));
    let squares: f64 = a.iter().zip(b).map(|(&x, &y)| (unit(x) - unit(y)).powi(2)).sum();
    Ok((-10.0 * (squares / a.len() as f64).log10()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_range_is_twenty_decibels() {
        let a = Array4::zeros((1, 3, 2, 2));
        let b = Array4::from_elem((1, 3, 2, 2), 0.2);
        assert!((psnr(&a, &b, -1.0, 1.0).unwrap() - 20.0).abs() < 1e-4);
        assert_eq!(psnr(&a, &a, -1.0, 1.0).unwrap(), f32::INFINITY);
    }

    #[test]
    fn values_beyond_the_range_do_not_count() {
        let white = Array4::from_elem((1, 3, 1, 1), 1.0);
        let whiter = Array4::from_elem((1, 3, 1, 1), 1.7);
        assert_eq!(psnr(&white, &whiter, -1.0, 1.0).unwrap(), f32::INFINITY);
    }

    #[test]
    fn different_shapes_are_refused() {
        let a = Array4::zeros((1, 3, 2, 2));
        assert!(psnr(&a, &Array4::zeros((1, 3, 2, 3)), -1.0, 1.0).is_err());
        let empty = Array4::zeros((0, 3, 2, 2));
        assert!(psnr(&empty, &empty, -1.0, 1.0).is_err());
    }
}
