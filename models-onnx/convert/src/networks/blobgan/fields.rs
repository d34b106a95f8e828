//! The fields of blobs: from the numbers that networks give, and as inputs.

use autodiff::Dim;
use ndarray::{Array2, arr2};

use super::form::Decoder;
use super::splat::{BACKGROUND, Places};
use crate::build::{Graph, Value};
use crate::error::Error;

/// How many blobs there are above the background, and how wide their vectors are.
pub(super) struct Fields {
    pub(super) blobs: usize,
    pub(super) features: usize,
    pub(super) styles: usize,
    pub(super) area: f32,
}

/// Fields that are inputs of a graph, for any number of blobs.
pub(super) struct Given {
    pub(super) places: Places,
    pub(super) features: Value,
    pub(super) styles: Value,
}

/// The inputs of the decoder.
pub(super) fn inputs(graph: &Graph, decoder: &Decoder) -> Result<Given, Error> {
    let of = |name: &str, sizes: &[usize]| {
        let open = [Dim::named("n"), Dim::named("k")];
        let shape: Vec<Dim> = open.into_iter().chain(sizes.iter().map(|&s| Dim::known(s))).collect();
        graph.input(name, &shape)
    };
    let places = Places {
        xs: of("xs", &[])?,
        ys: of("ys", &[])?,
        sizes: of("sizes", &[])?,
        covs: of("covs", &[2, 2])?,
    };
    let features = of("features", &[decoder.features])?;
    Ok(Given { places, features, styles: of("styles", &[decoder.styles])? })
}

/// To a mean square of one, over the last axis.
pub(super) fn normalised(g: &Graph, x: &Value) -> Result<Value, Error> {
    let square = g.reduce("ReduceMean", &g.mul(x, x)?, &[-1], true)?;
    g.mul(x, &g.rsqrt(&square, 1e-5)?)
}

/// Makes the numbers `[n, N]` of the layout's last layer the graph's outputs.
pub(super) fn split(g: &Graph, fields: &Fields, flat: &Value) -> Result<(), Error> {
    let Fields { blobs, features, styles, area } = *fields;
    // All sizes, of which the first is the background's and unused; the background's vectors; then blob by blob.
    let rest = blobs * (6 + features + styles);
    let parts = g.split(flat, 1, &[1, blobs, features, styles, rest])?;
    let shape = [0, blobs as i64, (6 + features + styles) as i64];
    let each = g.split(&g.reshape(&parts[4], &shape)?, 2, &[2, 4, features, styles])?;
    let centres = g.sigmoid(&each[0])?;
    let together = |background: &Value, of_blobs: &Value| {
        normalised(g, &g.concat(&[&g.unsqueeze(background, &[1])?, of_blobs], 1)?)
    };
    // The background gets a place, a shape and a size as blobs have them.
    let zero = g.scale(&parts[0], 0.0)?;
    let below = |value: f32, of_blobs: &Value| g.concat(&[&g.add(&zero, &g.scalar(value))?, of_blobs], 1);
    g.output("xs", &below(0.5, &g.row(&centres, 2, 0)?)?)?;
    g.output("ys", &below(0.5, &g.row(&centres, 2, 1)?)?)?;
    g.output("sizes", &below(BACKGROUND, &parts[1])?)?;
    let round = g.add(&g.unsqueeze(&zero, &[2, 3])?, &g.numbers(&Array2::eye(2)))?;
    g.output("covs", &g.concat(&[&round, &covariances(g, &each[1], area)?], 1)?)?;
    g.output("features", &together(&parts[2], &each[2])?)?;
    g.output("styles", &together(&parts[3], &each[3])?)
}

/// Shapes `[n, k, 4]` to covariances `area · (√(a/b) uuᵀ + √(b/a) vvᵀ) + 10⁻⁵`, where `a` and `b` are the sigmoids of
/// the first two numbers, `u` is the direction of the others, and `v` is at right angles to it.
fn covariances(g: &Graph, shapes: &Value, area: f32) -> Result<Value, Error> {
    let parts = g.split(shapes, 2, &[1, 1, 2])?;
    let ratio = g.div(&g.sigmoid(&parts[0])?, &g.sigmoid(&parts[1])?)?;
    let ratio = g.unsqueeze(&g.op("Sqrt", &[&ratio], &[])?, &[3])?;
    let length = g.reduce("ReduceL2", &parts[2], &[2], true)?;
    let length = g.op("Max", &[&length, &g.scalar(1e-12)], &[])?;
    let u = g.div(&parts[2], &length)?;
    let v = g.matmul(&u, &g.numbers(&arr2(&[[0.0, 1.0], [-1.0, 0.0]])))?;
    let outer = |x: &Value| g.mul(&g.unsqueeze(x, &[3])?, &g.unsqueeze(x, &[2])?);
    let long = g.mul(&outer(&u)?, &ratio)?;
    let short = g.div(&outer(&v)?, &ratio)?;
    g.add(&g.scale(&g.add(&long, &short)?, area)?, &g.numbers(&(Array2::eye(2) * 1e-5)))
}
