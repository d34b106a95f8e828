//! How a picture is made ready for an image tower.

use autodiff::Model;
use ndarray::{Array2, Array4};

use crate::build::{Graph, Value, batch};
use crate::error::Error;

/// Mean of red, green and blue, for black 0 and white 1, in the pictures that CLIP was trained with.
pub const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

/// Standard deviation of the same.
pub const DEVIATION: [f32; 3] = [0.268_629_55, 0.261_302_6, 0.275_777_1];

/// The pictures that an image tower is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picture {
    /// Their side in pixels.
    pub side: usize,
    /// The value of black.
    pub low: f32,
    /// The value of white.
    pub high: f32,
    /// How they are made ready.
    pub view: View,
}

/// Ways to make a picture ready.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// As CLIP was trained: reduced by a cubic filter, then normalised by [`MEAN`] and [`DEVIATION`].
    Published,
    /// The same with a mean and a standard deviation of one's own.
    Normalised {
        /// Mean of red, green and blue, for black 0 and white 1.
        mean: [f32; 3],
        /// Standard deviation of the same.
        deviation: [f32; 3],
    },
    /// As StyleCLIP's optimiser and mappers do: every pixel seven times, then the mean of squares (which together are
    /// a filter of one small matrix), and black −1 and white 1 as they are.
    StyleClip,
}

/// A graph by itself: `image [n, 3, side, side]` → `view [n, 3, tower, tower]`.
///
/// # Errors
/// [`Error::Unsupported`] for sides of zero and for a white that is not above black.
pub fn view(picture: &Picture, tower: usize) -> Result<Model, Error> {
    let graph = Graph::new("view of CLIP");
    let x = add(&graph, picture, tower)?;
    graph.output("view", &x)?;
    graph.finish()
}

/// The same from the graph's new input `image`.
pub(super) fn add(graph: &Graph, picture: &Picture, tower: usize) -> Result<Value, Error> {
    let &Picture { side, low, high, view } = picture;
    let sound = side > 0 && tower > 0 && low.is_finite() && high.is_finite() && low < high;
    if !sound {
        return Err(Error::Unsupported(format!("pictures of {side} pixels from {low} to {high} are none")));
    }
    let x = graph.input("image", &batch([3, side, side]))?;
    let graph = graph.scope("view");
    let normalised = match view {
        View::Published => Some((MEAN, DEVIATION)),
        View::Normalised { mean, deviation } => Some((mean, deviation)),
        View::StyleClip => None,
    };
    match normalised {
        Some((mean, deviation)) => {
            // Files hold no values beyond black and white, and CLIP never saw any.
            let clip = |x: &Value| graph.op("Clip", &[x, &graph.scalar(low), &graph.scalar(high)], &[]);
            let mut x = clip(&x)?;
            if side != tower {
                x = clip(&cubic(&graph, &x, tower)?)?;
            }
            // ((x − low) / (high − low) − mean) / deviation, as one product and one sum.
            let span = high - low;
            let factor = Array4::from_shape_fn([1, 3, 1, 1], |at| (span * deviation[at.1]).recip());
            let shift =
                Array4::from_shape_fn([1, 3, 1, 1], |at| -(low / span + mean[at.1]) / deviation[at.1]);
            graph.add(&graph.mul(&x, &graph.numbers(&factor))?, &graph.numbers(&shift))
        }
        None => {
            let x = boxes(&graph, &x, side, tower)?;
            if (low, high) == (-1.0, 1.0) {
                return Ok(x);
            }
            let factor = 2.0 / (high - low);
            graph.add(&graph.scale(&x, factor)?, &graph.scalar(-1.0 - low * factor))
        }
    }
}

/// Resized as Pillow's bicubic filter does: wider when it reduces, and cut off at the border.
fn cubic(graph: &Graph, x: &Value, side: usize) -> Result<Value, Error> {
    let none = None;
    let sizes = graph.ints(&[side as i64; 2]);
    let settings = [
        ("axes", [2, 3].into()),
        ("mode", "cubic".into()),
        ("cubic_coeff_a", (-0.5).into()),
        ("coordinate_transformation_mode", "half_pixel".into()),
        ("antialias", 1.into()),
        ("exclude_outside", 1.into()),
    ];
    let made = graph.node("Resize", &[Some(x), none, none, Some(&sizes)], &settings, 1)?;
    made.into_iter().next().ok_or_else(|| Error::Unsupported("resizing has no result".into()))
}

/// Every pixel `up` times, then the mean of squares of `down`, for the smallest such numbers.
///
/// Every `up` rows of the result come from the same `down` rows of the picture by the same matrix.
fn boxes(graph: &Graph, x: &Value, side: usize, tower: usize) -> Result<Value, Error> {
    let common = gcd(side, tower);
    let (up, down) = (tower / common, side / common);
    let mut matrix = Array2::<f32>::zeros([up, down]);
    for row in 0..up {
        for at in 0..down {
            matrix[[row, (row * down + at) / up]] += 1.0 / down as f32;
        }
    }
    let [common, down, side, tower] = [common, down, side, tower].map(|v| v as i64);
    let rows = graph.reshape(x, &[0, 3, common, down, side])?;
    let rows = graph.matmul(&graph.numbers(&matrix), &rows)?;
    let columns = graph.reshape(&rows, &[0, 3, tower, common, down])?;
    let columns = graph.matmul(&columns, &graph.numbers(&matrix.reversed_axes()))?;
    graph.reshape(&columns, &[0, 3, tower, tower])
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
