//! The optimisers against PyTorch's; `tests/optimisers.py` wrote what is compared with.

use std::convert::Infallible;
use std::path::Path;

use autodiff::{Adam, Lbfgs, Search, Step};
use ndarray::Array2;

type Function = fn(&[f32], &mut [f32]) -> f64;

/// Rosenbrock's.
fn valley(x: &[f32], gradient: &mut [f32]) -> f64 {
    let x: Vec<f64> = x.iter().map(|&v| v.into()).collect();
    let mut slopes = vec![0.0; x.len()];
    let mut loss = 0.0;
    for i in 0..x.len() - 1 {
        let (bend, off) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        loss += 100.0 * bend * bend + off * off;
        slopes[i] += -400.0 * bend * x[i] - 2.0 * off;
        slopes[i + 1] += 200.0 * bend;
    }
    gradient.iter_mut().zip(slopes).for_each(|(g, s)| *g = s as f32);
    loss
}

/// `½ |A x − b|²`.
fn squares(x: &[f32], gradient: &mut [f32]) -> f64 {
    let a = |i: usize, j: usize| ((1 + 5 * i + j) as f64).sin();
    let left = |i: usize| (0..5).map(|j| a(i, j) * f64::from(x[j])).sum::<f64>() - (i as f64).cos();
    for (j, g) in gradient.iter_mut().enumerate() {
        *g = (0..8).map(|i| left(i) * a(i, j)).sum::<f64>() as f32;
    }
    (0..8).map(|i| 0.5 * left(i) * left(i)).sum()
}

/// The largest difference from what PyTorch did, over all steps.
fn off(name: &str, start: &[f32], mut step: impl FnMut(&mut [f32])) -> f64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.npy"));
    let golden: Array2<f64> = ndarray_npy::read_npy(path).unwrap();
    assert_eq!(golden.dim(), (10, start.len()));
    let mut x = start.to_vec();
    let mut most: f64 = 0.0;
    for place in golden.rows() {
        step(&mut x);
        most = x.iter().zip(place).map(|(a, b)| (f64::from(*a) - b).abs()).fold(most, f64::max);
    }
    println!("{name}: off by {most:.1e}");
    most
}

const VALLEY: [f32; 3] = [-1.2, 1.0, 0.5];

#[test]
fn adam_walks_as_the_one_of_pytorch() {
    let other = Adam { beta1: 0.5, beta2: 0.9, epsilon: 1e-3, decay: 0.3, ..Adam::default() };
    for (name, adam, rate) in [("adam", Adam::default(), 0.1), ("adam_settings", other, 0.05)] {
        let (mut state, mut gradient) = (adam.start(3), [0.0; 3]);
        let most = off(name, &VALLEY, |x| {
            let loss = valley(x, &mut gradient) as f32;
            state.step(x, loss, &gradient, rate).unwrap();
        });
        // Ten steps, each rounded to single precision.
        assert!(most < 2e-6, "{name} {most}");
    }
}

#[test]
fn lbfgs_walks_as_the_one_of_pytorch() {
    let cases: [(&str, Function, &[f32], Search, f64); 4] = [
        // The valley bends a hundred times as much across as along, which makes that much of what is rounded off.
        ("lbfgs_wolfe_valley", valley, &VALLEY, Search::StrongWolfe, 1e-4),
        ("lbfgs_wolfe_squares", squares, &[0.0; 5], Search::StrongWolfe, 1e-5),
        ("lbfgs_fixed_squares", squares, &[0.0; 5], Search::Fixed(1.0), 1e-5),
        ("lbfgs_fixed_valley", valley, &[0.9, 0.85, 0.7], Search::Fixed(0.5), 1e-4),
    ];
    for (name, function, start, search, tolerance) in cases {
        let settings = Lbfgs { memory: 4, search, gradient_tolerance: 0.0, change_tolerance: 0.0 };
        let mut state = settings.start(start.len());
        let most = off(name, start, |x| {
            let step = state.step(x, |x, gradient| Ok::<_, Infallible>(function(x, gradient))).unwrap();
            // At the bottom, single precision sees no further fall where double precision still does.
            assert_ne!(step, Step::NotFinite, "{name}");
        });
        assert!(most < tolerance, "{name} {most}");
    }
}
