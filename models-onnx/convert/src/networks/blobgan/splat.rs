//! Blobs to the share that each has in every place.

use ndarray::Array1;

use crate::build::{Graph, Value};
use crate::error::Error;

/// The size of a blob that covers all, wherever it is.
pub const BACKGROUND: f32 = 1e4;

/// Where blobs are, how large and of what shape; see [`super`].
#[derive(Debug, Clone)]
pub struct Places {
    /// `[n, k]`.
    pub xs: Value,
    /// `[n, k]`.
    pub ys: Value,
    /// `[n, k]`.
    pub sizes: Value,
    /// `[n, k, 2, 2]`.
    pub covs: Value,
}

/// The shares `[n, k, side, side]` of the blobs; in every place they add up to one, if the first covers all.
///
/// The opacity of a blob is `σ(size − d²)`, `d` the distance from its centre by its covariance. Places are whole pixels
/// over the side: the first lies on the edge, not half a pixel inside.
///
/// # Errors
/// [`Error::Unfit`].
pub fn shares(graph: &Graph, places: &Places, side: usize) -> Result<Value, Error> {
    let g = &graph.scope("splat");
    let axis = g.numbers(&Array1::from_shape_fn(side, |i| i as f32 / side as f32));
    // [n, k, 1, 1].
    let blob = |x: &Value| g.unsqueeze(x, &[2, 3]);
    // Cut rather than picked: its gradient needs no sizes.
    let covs = g.split(&g.reshape(&places.covs, &[0, 0, 4])?, 2, &[1; 4])?;
    let entry = |at: usize| g.unsqueeze(&covs[at], &[3]);
    let dx = g.sub(&axis, &blob(&places.xs)?)?;
    let dy = g.sub(&g.unsqueeze(&axis, &[1])?, &blob(&places.ys)?)?;
    // δᵀ Σ⁻¹ δ = dy² / Σyy + (dx − Σxy / Σyy · dy)² / (Σxx − Σxy² / Σyy): a sum of squares, which loses no digits where
    // blobs are long and thin. Only what has both axes is as large as the picture.
    let (xx, xy, yy) = (entry(0)?, entry(1)?, entry(3)?);
    let slope = g.div(&xy, &yy)?;
    let across = g.op("Sqrt", &[&g.sub(&xx, &g.mul(&xy, &slope)?)?], &[])?;
    let off = g.sub(&g.div(&dx, &across)?, &g.mul(&dy, &g.div(&slope, &across)?)?)?;
    let down = g.sub(&blob(&places.sizes)?, &g.div(&g.mul(&dy, &dy)?, &yy)?)?;
    let inside = g.sub(&down, &g.mul(&off, &off)?)?;
    // What blobs above let through, Π (1 − σ(x)), is the exponential of a sum: ln(1 − σ(x)) = −softplus(x). It needs no
    // loop over the blobs, whose number is open, and stays precise where a blob covers all.
    let covered = g.op("Softplus", &[&inside], &[])?;
    let settings = [("exclusive", 1.into()), ("reverse", 1.into())];
    let above = g.op("CumSum", &[&covered, &g.int(1)], &settings)?;
    let through = g.op("Exp", &[&g.op("Neg", &[&above], &[])?], &[])?;
    g.mul(&g.sigmoid(&inside)?, &through)
}

/// Shares at every side from `side` down to `smallest`, each the mean of 2 × 2 places, as `[n, k, places]`.
pub(super) fn pyramid(g: &Graph, shares: &Value, smallest: usize) -> Result<Vec<(usize, Value)>, Error> {
    let counts = g.slice(&g.op("Shape", &[shares], &[])?, 0, 0, 2)?;
    let mut side = shares.size(3).unwrap_or_default();
    // All blobs of all pictures as pictures of one channel: gradients of pools know one open size, not two.
    let mut pictures = g.reshape(shares, &[-1, 1, side as i64, side as i64])?;
    let mut levels = Vec::new();
    loop {
        let shape = g.concat(&[&counts, &g.ints(&[(side * side) as i64])], 0)?;
        levels.push((side, g.op("Reshape", &[&pictures, &shape], &[])?));
        if side <= smallest {
            return Ok(levels);
        }
        pictures = g.average_pool(&pictures, 2, 2)?;
        side /= 2;
    }
}

/// Vectors `[n, k, c]` laid where their blobs have shares `[n, k, side²]`: `[n, c, side, side]`.
pub(super) fn laid(g: &Graph, vectors: &Value, shares: &Value, side: usize) -> Result<Value, Error> {
    let channels = vectors.size(2).unwrap_or_default();
    let laid = g.matmul(&g.transpose(vectors, &[0, 2, 1])?, shares)?;
    g.reshape(&laid, &[0, channels as i64, side as i64, side as i64])
}
