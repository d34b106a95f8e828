//! Pictures of another size, each pixel the mean of those that its area touches: what MTCNN was trained with.

use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView3, Axis};

/// `[3, h, w]` to `[3, height, width]`, as PyTorch's `interpolate(mode="area")`.
pub(super) fn resized(picture: ArrayView3<'_, f32>, height: usize, width: usize) -> Array3<f32> {
    let (planes, from_height, from_width) = picture.dim();
    // Areas are rectangles, so rows can go before columns.
    let mut rows = Array3::zeros((planes, height, from_width));
    for y in 0..height {
        let mean = mean_of(&picture, Axis(1), touched(y, height, from_height));
        rows.index_axis_mut(Axis(1), y).assign(&mean);
    }
    let mut resized = Array3::zeros((planes, height, width));
    for x in 0..width {
        let mean = mean_of(&rows.view(), Axis(2), touched(x, width, from_width));
        resized.index_axis_mut(Axis(2), x).assign(&mean);
    }
    resized
}

fn mean_of(picture: &ArrayView3<'_, f32>, axis: Axis, range: Range<usize>) -> Array2<f32> {
    let count = range.len() as f32;
    picture.slice_axis(axis, range.into()).sum_axis(axis) / count
}

/// Which of `from` places the place `at` of `to` touches.
fn touched(at: usize, to: usize, from: usize) -> Range<usize> {
    at * from / to..((at + 1) * from).div_ceil(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `torch.nn.functional.interpolate` has them.
    #[test]
    fn pixels_are_means_of_what_they_touch() {
        let row = Array3::from_shape_vec((1, 1, 5), vec![1.0, 2.0, 4.0, 8.0, 16.0]).unwrap();
        let three = resized(row.view(), 1, 3);
        assert_eq!(three.as_slice().unwrap(), [1.5, 14.0 / 3.0, 12.0]);
        let eight = resized(row.view(), 2, 8);
        assert_eq!(
            eight.iter().skip(8).copied().collect::<Vec<f32>>(),
            [1.0, 1.5, 2.0, 3.0, 6.0, 8.0, 12.0, 16.0]
        );
        assert_eq!(resized(row.view(), 1, 5), row);
    }
}
