//! Copies of a picture that a text is held against beside it, each shifted a little and grainy, other ones in each step.
//!
//! Embeddings can be pleased by patterns of single pixels that mean nothing to people; averaged over copies they cannot, as
//! these are not the same in any two of them (Liu et al., “FuseDream”, 2021, AugCLIP). A shift is a product with a
//! matrix of ones and zeros from each side, through which gradients go back exactly; at the edge pixels are repeated.

use ndarray::{ArrayD, IxDyn};

use crate::joined::{Nodes, integer};
use crate::optimise::Renew;
use crate::random::gaussian::Gaussian;

/// The matrices `[n, 1, R, R]` that shift the rows and the columns of each copy, and what is added to it, `[n, 3, R, R]`.
pub(super) const DOWN: &str = "down";
pub(super) const ACROSS: &str = "across";
pub(super) const GRAIN: &str = "grain";
/// The picture and its copies, `[1 + n, 3, R, R]`.
pub(super) const ALL: &str = "all";

/// The farthest shift, as a part of the side.
const FAR: f64 = 0.03;
/// The deviation of the grain, as a part of the range of pictures.
const ROUGH: f32 = 0.02;

/// How many copies, and of what.
#[derive(Clone, Copy)]
pub(super) struct Copies {
    pub(super) count: usize,
    pub(super) side: usize,
    /// What pictures range over.
    pub(super) range: f32,
}

impl Copies {
    /// From a picture to [`ALL`].
    pub(super) fn nodes(&self, picture: &str) -> Nodes {
        let Self { count, side, .. } = *self;
        let (matrices, pictures) = ([count, 1, side, side], [count, 3, side, side]);
        Nodes::default()
            .input(picture, &[1, 3, side, side])
            .input(DOWN, &matrices)
            .input(ACROSS, &matrices)
            .input(GRAIN, &pictures)
            .node("MatMul", &[DOWN, picture], "lowered")
            .node("MatMul", &["lowered", ACROSS], "shifted")
            .node("Add", &["shifted", GRAIN], "copies")
            .node_with("Concat", &[picture, "copies"], ALL, vec![integer("axis", 0)])
            .output(ALL, &[1 + count, 3, side, side])
    }

    /// What the nodes read for copies that are like the picture, by name.
    pub(super) fn still(&self) -> [(&'static str, ArrayD<f32>); 3] {
        let Self { count, side, .. } = *self;
        let matrices = ArrayD::from_shape_fn(IxDyn(&[count, 1, side, side]), |at| match at[2] == at[3] {
            true => 1.0,
            false => 0.0,
        });
        let grain = ArrayD::zeros(IxDyn(&[count, 3, side, side]));
        [(DOWN, matrices.clone()), (ACROSS, matrices), (GRAIN, grain)]
    }

    /// What writes these anew, with other random numbers each time.
    pub(super) fn drawn(self, seed: u64) -> [(&'static str, Renew<'static>); 3] {
        let of = |name: u64| Gaussian::new(seed ^ (name << 62));
        let [mut down, mut across, mut grain] = [of(0), of(1), of(2)];
        let far = (self.side as f64 * FAR).round();
        let by = move |chance: &mut Gaussian| ((2.0 * far + 1.0) * chance.unit()).floor() - far;
        let deviation = ROUGH * self.range;
        [
            (DOWN, Box::new(move |all| shift(all, self.side, |to, from| (to, from), || by(&mut down)))),
            (ACROSS, Box::new(move |all| shift(all, self.side, |to, from| (from, to), || by(&mut across)))),
            (GRAIN, Box::new(move |all| all.fill_with(|| deviation * grain.draw()))),
        ]
    }
}

/// Writes matrices of `side` by `side` with a one where each pixel comes from, which is so many before it.
fn shift(
    matrices: &mut [f32],
    side: usize,
    place: impl Fn(usize, usize) -> (usize, usize),
    mut by: impl FnMut() -> f64,
) {
    let last = side.saturating_sub(1) as f64;
    for matrix in matrices.chunks_exact_mut((side * side).max(1)) {
        matrix.fill(0.0);
        let by = by();
        for to in 0..side {
            let from = (to as f64 - by).clamp(0.0, last) as usize;
            let (row, column) = place(to, from);
            matrix[row * side + column] = 1.0;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use autodiff::{Differentiate, Loss, Measure, Term};
    use ndarray::ArrayViewD;

    use super::*;
    use crate::optimise::GradientSession;
    use crate::runtime::Options;
    use crate::session::Tensor;
    use crate::{Cancel, Places, Runtime};

    const SIDE: usize = 70;
    const OF: Copies = Copies { count: 3, side: SIDE, range: 2.0 };

    fn noise(seed: u64, count: usize) -> ArrayD<f32> {
        let mut gaussian = Gaussian::new(seed);
        ArrayD::from_shape_simple_fn(IxDyn(&[count, 3, SIDE, SIDE]), || gaussian.draw())
    }

    /// A model of `⟨A x, y⟩`, where `A` makes copies of the picture `x`.
    fn paired() -> GradientSession {
        let loss = Loss::of(Term::new("paired", Measure::Sum, ALL).masked_by("y"));
        let model = OF.nodes("x").model().unwrap();
        let gradient = Differentiate::new(model).loss(loss).wrt("x").also(ALL).build().unwrap();
        let places = Places::from_environment().unwrap();
        let runtime = Runtime::load(&places.onnxruntime(), Options::default()).unwrap();
        GradientSession::open(&runtime, gradient).unwrap()
    }

    #[test]
    fn copies_are_shifted_and_grainy_and_others_in_each_step() {
        let (mut session, cancel) = (paired(), Cancel::new());
        let (x, y) = (noise(1, 1), noise(2, 1 + OF.count));
        let still = OF.still().map(|(name, value)| (name.to_owned(), value));
        let constants: Vec<_> = still.iter().map(|(name, v)| (name.clone(), Tensor::F32(v.view()))).collect();
        let constants = [constants, vec![("y".to_owned(), Tensor::F32(y.view()))]].concat();
        let variables = [("x".to_owned(), x.clone())];
        let mut bound = session.bind(&variables, &constants, Some(ALL), &cancel).unwrap();
        let flat: Vec<f32> = x.iter().copied().collect();
        let mut gradient = vec![0.0; flat.len()];
        let mut see = |bound: &mut crate::optimise::Bound<'_>| {
            let mut seen = None;
            bound
                .watch(&flat, &mut gradient, |all: ArrayViewD<'_, f32>| seen = Some(all.to_owned()))
                .unwrap();
            seen.unwrap()
        };
        let all = see(&mut bound);
        assert!(all.outer_iter().all(|copy| copy == x.index_axis(ndarray::Axis(0), 0)), "still copies");

        // How a copy was shifted, and the deviation of what is left.
        let shifted = |copy: ArrayViewD<'_, f32>| {
            let by = (-2i32..=2).flat_map(|dy| (-2i32..=2).map(move |dx| (dy, dx)));
            let left = by.map(|(dy, dx)| {
                let from = |at: usize, by: i32| (at as i32 - by).clamp(0, SIDE as i32 - 1) as usize;
                let square = copy
                    .indexed_iter()
                    .map(|(at, v)| f64::from(v - x[[0, at[0], from(at[1], dy), from(at[2], dx)]]).powi(2));
                ((square.sum::<f64>() / copy.len() as f64).sqrt(), (dy, dx))
            });
            left.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
        };
        let mut drawn = OF.drawn(7);
        let mut places = Vec::new();
        for _ in 0..8 {
            drawn.iter_mut().for_each(|(name, draw)| bound.renew(name, draw).unwrap());
            let all = see(&mut bound);
            assert_eq!(all.index_axis(ndarray::Axis(0), 0), x.index_axis(ndarray::Axis(0), 0));
            for copy in all.outer_iter().skip(1) {
                let (left, place) = shifted(copy);
                assert!((left - 0.04).abs() < 0.001, "{place:?}: {left}");
                places.push(place);
            }
        }
        assert!(bound.renew("z", |_| ()).is_err());
        places.sort_unstable();
        places.dedup();
        // Of 25 places, 24 draws meet 15.6 on average, with a deviation of 1.7.
        assert!(places.len() > 8, "{places:?}");
    }

    #[test]
    fn gradients_go_back_exactly() {
        let (mut session, cancel) = (paired(), Cancel::new());
        let (y, zero) = (noise(2, 1 + OF.count), noise(0, 1) * 0.0);
        let still = OF.still().map(|(name, value)| (name.to_owned(), value));
        let constants: Vec<_> = still.iter().map(|(name, v)| (name.clone(), Tensor::F32(v.view()))).collect();
        let constants = [constants, vec![("y".to_owned(), Tensor::F32(y.view()))]].concat();
        let mut bound = session.bind(&[("x".to_owned(), zero)], &constants, None, &cancel).unwrap();
        for seed in 0..4 {
            // All but the grain, which is added.
            for (name, draw) in &mut OF.drawn(seed)[..2] {
                bound.renew(name, draw).unwrap();
            }
            let mut back = vec![0.0; bound.count()];
            let [one, other] = [3, 4].map(|x| noise(x, 1).into_iter().collect::<Vec<_>>());
            bound.evaluate(&one, &mut back).unwrap();
            let forth = bound.evaluate(&other, &mut vec![0.0; other.len()]).unwrap();
            let product: f64 = other.iter().zip(&back).map(|(x, g)| f64::from(*x) * f64::from(*g)).sum();
            println!("⟨A x, y⟩ = {forth}, ⟨x, A' y⟩ = {product}");
            assert!((forth - product).abs() < 1e-2, "{forth} {product}");
        }
    }
}
