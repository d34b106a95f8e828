//! Losses: their values against formulas, their gradients against differences.

use std::collections::BTreeMap;

use autodiff::{Differentiate, Error, Loss, Measure, Model, Term};

use crate::support::{self, Array, Arrays, Runner, distance, info, model, node, noise, slope};

const SHAPE: [usize; 3] = [2, 3, 4];
const COUNT: usize = 24;

/// `y = tanh x`, the batch left open.
fn tanh() -> Model {
    let x = info("x", 1, &[Err("n"), Ok(3), Ok(4)]);
    model(17, vec![x], Vec::new(), vec![node("Tanh", &["x"], &["y"], Vec::new())], &["y"])
}

fn noisy(seed: u64) -> Array {
    (SHAPE.to_vec(), noise(seed, COUNT))
}

type Integers = BTreeMap<String, (Vec<usize>, Vec<i64>)>;

/// Checks the gradient and gives the outputs.
fn check(loss: Loss, inputs: &[(&str, Array)], integers: &Integers) -> Arrays {
    let gradient = Differentiate::new(tanh()).loss(loss).wrt("x").also("y").build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    let mut given: Arrays = inputs.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect();
    // Away from zero, where |x| has a kink.
    let (shape, values) = noisy(3);
    given.insert("x".into(), (shape, values.iter().map(|v| v + 0.2_f32.copysign(*v)).collect()));
    let results = runner.run_with(&given, integers);
    let expected: Vec<f64> = (0..COUNT)
        .map(|place| {
            let mut moved = given.clone();
            let f = |step: f64| {
                moved.get_mut("x").unwrap().1[place] = (f64::from(given["x"].1[place]) + step) as f32;
                f64::from(runner.run_with(&moved, integers)["loss"].1[0])
            };
            slope(f, 0.05)
        })
        .collect();
    let found: Vec<f64> = results["grad_x"].1.iter().map(|&v| v.into()).collect();
    // The loss itself is of single precision, and so are its differences.
    let error = distance(&found, &expected, 1e-2);
    assert!(error < 1e-3, "off by {error:.1e}:\n{found:?}\n{expected:?}");
    results
}

fn close(found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{found} {expected}");
}

#[test]
fn every_measure_is_what_its_formula_says() {
    let formula = |measure, d: &[f64]| {
        let (sum, square) = (d.iter().sum::<f64>(), d.iter().map(|d| d * d).sum::<f64>());
        match measure {
            Measure::Mean => sum / COUNT as f64,
            Measure::Sum => sum,
            Measure::MeanSquare => square / COUNT as f64,
            Measure::SumSquare => square,
            Measure::L1 => d.iter().map(|d| d.abs()).sum::<f64>() / COUNT as f64,
            _ => square.sqrt(),
        }
    };
    let t = noisy(5);
    for measure in
        [Measure::Mean, Measure::Sum, Measure::MeanSquare, Measure::SumSquare, Measure::L1, Measure::Norm]
    {
        let plain = check(Loss::of(Term::new("term", measure, "y")), &[], &Integers::new());
        let y: Vec<f64> = plain["y"].1.iter().map(|&v| v.into()).collect();
        close(plain["term"].1[0], formula(measure, &y));

        // Far from the value, so that no difference changes its sign, where |d| has a kink.
        let far: Array = (t.0.clone(), t.1.iter().map(|v| v + 3.0).collect());
        let against = Term::new("term", measure, "y").against("t").times(0.5);
        let results = check(Loss::of(against), &[("t", far.clone())], &Integers::new());
        let d: Vec<f64> = y.iter().zip(&far.1).map(|(y, t)| y - f64::from(*t)).collect();
        close(results["term"].1[0], formula(measure, &d));
        close(results["loss"].1[0], 0.5 * formula(measure, &d));
    }
}

#[test]
fn a_mask_and_weights_count() {
    let mask: Array = (SHAPE.to_vec(), noise(8, COUNT).iter().map(|v| v.abs()).collect());
    let terms = Loss::of(Term::new("a", Measure::MeanSquare, "y").masked_by("mask").times_input("w"))
        .and(Term::new("b", Measure::Sum, "y").masked_by("mask").times(-0.25));
    let w = (Vec::new(), vec![3.0]);
    let results = check(terms, &[("mask", mask.clone()), ("w", w)], &Integers::new());
    let pairs = || results["y"].1.iter().zip(&mask.1).map(|(y, m)| (f64::from(*y), f64::from(*m)));
    let total: f64 = pairs().map(|(_, m)| m).sum();
    let a = pairs().map(|(y, m)| m * y * y).sum::<f64>() / total;
    let b = pairs().map(|(y, m)| m * y).sum::<f64>();
    close(results["a"].1[0], a);
    close(results["b"].1[0], b);
    close(results["loss"].1[0], 3.0 * a - 0.25 * b);
}

#[test]
fn the_cosine_is_along_the_last_axis() {
    let t = noisy(5);
    let loss = Loss::of(Term::new("angle", Measure::Cosine, "y").against("t"));
    let results = check(loss, &[("t", t.clone())], &Integers::new());
    let rows = results["y"].1.chunks(4).zip(t.1.chunks(4)).map(|(a, b)| {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    });
    close(results["angle"].1[0], rows.sum::<f64>() / 6.0);
}

#[test]
fn the_cross_entropy_is_that_of_the_right_classes() {
    let labels: Vec<i64> = vec![0, 2, 1, 1, 2, 0, 0, 1];
    let integers: Integers = [("labels".to_owned(), (vec![2, 4], labels.clone()))].into();
    let loss = Loss::of(Term::new("surprise", Measure::CrossEntropy, "y").against("labels"));
    let results = check(loss, &[], &integers);
    let y = &results["y"].1;
    let mut expected = 0.0;
    for (place, &label) in labels.iter().enumerate() {
        let (picture, column) = (place / 4, place % 4);
        let at = |class: usize| f64::from(y[picture * 12 + class * 4 + column]);
        let total: f64 = (0..3).map(|c| at(c).exp()).sum();
        expected += (total.ln() - at(usize::try_from(label).unwrap())) / 8.0;
    }
    close(results["surprise"].1[0], expected);
}

#[test]
fn at_zero_a_norm_and_a_cosine_have_no_slope_and_no_nan() {
    let terms = Loss::of(Term::new("length", Measure::Norm, "y"))
        .and(Term::new("angle", Measure::Cosine, "y").against("t"));
    let gradient = Differentiate::new(tanh()).loss(terms).wrt("x").build().unwrap();
    let zeros: Array = (SHAPE.to_vec(), vec![0.0; COUNT]);
    let given: Arrays = [("x".into(), zeros.clone()), ("t".into(), zeros)].into();
    let results = Runner::new(&gradient.model).run(&given);
    assert!(results["grad_x"].1.iter().all(|v| v.abs() < 1e-6), "{:?}", results["grad_x"]);
}

#[test]
fn losses_that_do_not_fit_are_refused_in_words() {
    let says = |loss: Loss, word: &str| {
        let error = Differentiate::new(tanh()).loss(loss).wrt("x").build().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(word) && text.lines().count() == 1, "{text}");
        error
    };
    says(Loss::of(Term::new("a", Measure::Sum, "z")), "no value “z”");
    says(Loss::of(Term::new("y", Measure::Sum, "y")), "“y” already");
    says(Loss::of(Term::new("loss", Measure::Sum, "y")), "“loss” already");
    says(Loss::default(), "no terms");
    let alone = says(Loss::of(Term::new("a", Measure::Cosine, "y")), "“a”");
    assert!(matches!(alone, Error::Loss { .. }));
    let own = support::model(17, vec![info("x", 1, &[])], Vec::new(), Vec::new(), &["x"]);
    let scalar =
        Differentiate::new(own).loss(Loss::of(Term::new("a", Measure::Cosine, "x").against("t"))).wrt("x");
    assert!(matches!(scalar.build(), Err(Error::Loss { .. })));
}
