//! Arrays that go with a generator: directions of attributes, and what StyleCLIP's global directions need.
//!
//! | file | what it is | array |
//! |---|---|---|
//! | InterFaceGAN's boundaries, `.npy`, `[1, W]` | the normal of a plane, of length one | `direction` |
//! | e4e's directions, `.pt`, `[1, W]` or `[1, layers, W]` | what is added to a code | `direction` |
//! | StyleCLIP's `fs3.npy`, `[channels, D]` | how embeddings turn with each channel | `relevance` |
//! | StyleCLIP's `S_mean_std`, lists of vectors | mean and deviation of each channel | `style-mean`, `style-std` |
//!
//! Lengths stay as they are published, since the published ranges of sliders go with them.

use checkpoint::Checkpoint;
use ndarray::{Array1, Array2, ArrayD, Axis, Slice};

use super::stylegan2::Style;
use crate::error::Error;

/// The only tensor of a file that holds one.
fn only(checkpoint: &Checkpoint) -> Result<(String, ArrayD<f32>), Error> {
    let names: Vec<&str> = checkpoint.names().collect();
    let &[name] = names.as_slice() else {
        return Err(Error::Unsupported(format!("it holds {} arrays, where one is needed", names.len())));
    };
    Ok((name.into(), checkpoint.f32(name)?))
}

/// A direction in W, `[W]`, or in W+, `[layers, W]`.
///
/// # Errors
/// [`Error::Sizes`] where the file's array is of another width or has other layers.
pub fn direction(checkpoint: &Checkpoint, layers: usize, width: usize) -> Result<ArrayD<f32>, Error> {
    let (name, mut array) = only(checkpoint)?;
    let found = array.shape().to_vec();
    // A batch of one.
    if array.ndim() > 1 && array.len_of(Axis(0)) == 1 {
        array = array.index_axis_move(Axis(0), 0);
    }
    if array.shape() == [width] || array.shape() == [layers, width] {
        return Ok(array);
    }
    let expected = format!("the codes of this generator have {layers} layers of {width}");
    Err(Error::Sizes { tensor: name, found, expected })
}

/// StyleCLIP's relevances, `[S, D]`: a row for each channel of StyleSpace.
///
/// The published file has no rows for RGB outputs, and may end before the last layers, which its script leaves out:
/// both get zeros, so that no text moves them.
///
/// # Errors
/// [`Error::Sizes`] where rows end inside of a layer.
pub fn relevance(checkpoint: &Checkpoint, styles: &[Style]) -> Result<Array2<f32>, Error> {
    let (name, array) = only(checkpoint)?;
    let expected = "it should have a row for each channel that does not go to an RGB output".to_owned();
    let found = array.shape().to_vec();
    let unfit = || Error::Sizes { tensor: name, found, expected };
    let Ok(rows) = array.into_dimensionality::<ndarray::Ix2>() else { return Err(unfit()) };
    let all: usize = styles.iter().map(|s| s.channels).sum();
    let mut relevance = Array2::zeros((all, rows.ncols()));
    let (mut from, mut to) = (0, 0);
    for style in styles {
        let next = to + style.channels;
        if !style.rgb && from < rows.nrows() {
            if from + style.channels > rows.nrows() {
                return Err(unfit());
            }
            let part = rows.slice_axis(Axis(0), Slice::from(from..from + style.channels));
            relevance.slice_axis_mut(Axis(0), Slice::from(to..next)).assign(&part);
            from += style.channels;
        }
        to = next;
    }
    if from < rows.nrows() { Err(unfit()) } else { Ok(relevance) }
}

/// Mean and standard deviation of each channel of StyleSpace, `[S]` each, from the two lists of vectors in StyleCLIP's
/// `S_mean_std`.
///
/// # Errors
/// [`Error`] where a vector is missing or of another length.
pub fn statistics(checkpoint: &Checkpoint, styles: &[Style]) -> Result<[Array1<f32>; 2], Error> {
    let list = |which: usize| {
        let mut all = Vec::new();
        for (index, style) in styles.iter().enumerate() {
            let name = format!("{which}.{index}");
            let vector = checkpoint.f32(&name)?;
            if vector.len() != style.channels {
                let expected = format!("the layer {} has {} channels", style.name, style.channels);
                return Err(Error::Sizes { tensor: name, found: vector.shape().to_vec(), expected });
            }
            all.extend(vector);
        }
        Ok(Array1::from_vec(all))
    };
    Ok([list(0)?, list(1)?])
}
