//! Pictures of other sizes by two matrices, one for rows and one for columns: what networks saw in training, inside of
//! their graphs, with gradients that cost little.

use std::ops::Range;

use ndarray::{Array2, Axis, Slice};

use crate::build::{Graph, Value};
use crate::error::Error;

/// `rows · image · columnsᵀ`, for each channel of `image`.
pub(super) fn resampled(
    graph: &Graph,
    image: &Value,
    rows: &Array2<f64>,
    columns: &Array2<f64>,
) -> Result<Value, Error> {
    let rows = graph.numbers(&rows.mapv(|v| v as f32));
    let columns = graph.numbers(&columns.t().mapv(|v| v as f32));
    graph.matmul(&graph.matmul(&rows, image)?, &columns)
}

/// The matrix `[to, from]` of means over areas, PyTorch's adaptive pools: bins overlap where sizes do not divide.
pub(super) fn means(from: usize, to: usize) -> Array2<f64> {
    Array2::from_shape_fn((to, from), |(row, column)| {
        let bin = row * from / to..((row + 1) * from).div_ceil(to);
        if bin.contains(&column) { 1.0 / bin.len() as f64 } else { 0.0 }
    })
}

/// The matrix `[to, from]` of Pillow's bilinear resizing: a triangle as wide as two places of what is coarser.
pub(super) fn triangles(from: usize, to: usize) -> Array2<f64> {
    let scale = from as f64 / to as f64;
    let mut matrix = Array2::from_shape_fn((to, from), |(row, column)| {
        let middle = (row as f64 + 0.5) * scale;
        (1.0 - ((column as f64 + 0.5 - middle) / scale.max(1.0)).abs()).max(0.0)
    });
    for mut row in matrix.rows_mut() {
        row /= row.sum();
    }
    matrix
}

/// The part `range` of the rows of a matrix.
pub(super) fn rows(matrix: &Array2<f64>, range: Range<usize>) -> Array2<f64> {
    matrix.slice_axis(Axis(0), Slice::from(range)).to_owned()
}

/// A matrix that does the same to the middle of `side` places, and takes nothing from outside of it.
pub(super) fn of_middle(matrix: &Array2<f64>, side: usize) -> Array2<f64> {
    let mut wide = Array2::zeros((matrix.nrows(), side));
    let start = side.saturating_sub(matrix.ncols()) / 2;
    wide.slice_axis_mut(Axis(1), Slice::from(start..start + matrix.ncols())).assign(matrix);
    wide
}
