//! Graphs put together by chance: however rules are combined, the gradient agrees with differences.

use autodiff::proto::{AttributeProto, NodeProto};
use autodiff::{Differentiate, Loss, Measure, Model, Term, tensor};

use crate::support::{Array, Arrays, Runner, info, model, node, noise, slope};

/// Choices that are the same every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

fn number(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, kind: 2, ..AttributeProto::default() }
}

/// Smooth nodes between values of 3 × 4, each reading any of those before.
fn graph(seed: u64) -> Model {
    let mut dice = Dice(seed);
    let mut values = vec!["x".to_owned()];
    let mut nodes: Vec<NodeProto> = Vec::new();
    for index in 0..12 {
        let y = format!("v{index}");
        let inner = format!("{y}_inner");
        let a = values[dice.throw(values.len())].clone();
        let b = values[dice.throw(values.len())].clone();
        let ab = [a.as_str(), b.as_str()];
        let mut push = |op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>| {
            nodes.push(node(op, inputs, &[output], attributes));
        };
        match dice.throw(11) {
            0 => push("Tanh", &[&a], &y, vec![]),
            1 => push("Sin", &[&a], &y, vec![]),
            2 => push("Sigmoid", &[&a], &y, vec![]),
            3 => push("Add", &ab, &y, vec![]),
            4 => push("Sub", &ab, &y, vec![]),
            5 => {
                push("Mul", &ab, &inner, vec![]);
                // Products of products would leave the range in which differences are good.
                push("Tanh", &[&inner], &y, vec![]);
            }
            6 => push("Softmax", &[&a], &y, vec![number("axis", i64::try_from(dice.throw(2)).unwrap())]),
            7 => push("MatMul", &[&a, "square"], &y, vec![]),
            8 => push("LayerNormalization", &[&a, "row", "row"], &y, vec![]),
            9 => {
                push("Concat", &ab, &inner, vec![number("axis", 0)]);
                push("Gather", &[&inner, "places"], &y, vec![number("axis", 0)]);
            }
            _ => {
                push("ReduceMean", &[&a], &inner, vec![number("keepdims", 1)]);
                push("Add", &[&inner, &b], &y, vec![]);
            }
        }
        values.push(y);
    }
    let weights = vec![
        tensor::of_floats("square", &[4, 4], &noise(seed + 1, 16)),
        tensor::of_floats("row", &[4], &noise(seed + 2, 4)),
        tensor::of_integers("places", &[3], &[4, 0, 4]),
    ];
    // The last values are joined, so that nearly all matter.
    let last: Vec<&str> = values.iter().rev().take(4).map(String::as_str).collect();
    nodes.push(node("Sum", &last, &["y"], Vec::new()));
    model(17, vec![info("x", 1, &[Ok(3), Ok(4)])], weights, nodes, &["y"])
}

#[test]
fn whatever_is_combined_agrees_with_differences() {
    let mut worst: f64 = 0.0;
    let mut skipped = 0;
    for seed in 0..60 {
        let loss = Loss::of(Term::new("term", Measure::Mean, "y"));
        let Ok(gradient) = Differentiate::new(graph(seed)).loss(loss).also("y").wrt("x").build() else {
            // By chance nothing may have led from x to y.
            skipped += 1;
            continue;
        };
        let mut runner = Runner::new(&gradient.model);
        let x: Array = (vec![3, 4], noise(seed + 70, 12));
        let mut at = |values: Vec<f32>| runner.run(&Arrays::from([("x".to_owned(), (vec![3, 4], values))]));
        let found: Vec<f64> = at(x.1.clone())["grad_x"].1.iter().map(|&v| v.into()).collect();
        let length = found.iter().map(|g| g * g).sum::<f64>().sqrt();
        for turn in 0..3 {
            let direction = noise(seed * 10 + turn, 12);
            let mean = |step: f64| {
                let moved =
                    x.1.iter().zip(&direction).map(|(x, d)| (f64::from(*x) + step * f64::from(*d)) as f32);
                let y = &at(moved.collect())["y"].1;
                y.iter().map(|&v| f64::from(v)).sum::<f64>() / y.len() as f64
            };
            let expected = slope(mean, 0.01);
            let along: f64 = found.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
            let error = (along - expected).abs() / length.max(0.05);
            // Normalisations of values that are nearly alike bend sharply, hence more than for single nodes.
            assert!(error < 5e-4, "seed {seed}: {along} {expected}");
            worst = worst.max(error);
        }
    }
    println!("random graphs are off by at most {worst:.1e}, {skipped} led nowhere");
    assert!(skipped < 10);
}
