//! The segmenter of the starter pack.

use models_onnx::code::STYLES;
use models_onnx::segmentation::Segmenter;
use models_onnx::{Cancel, Code, ModelError, generator};
use ndarray::{ArrayD, Axis, concatenate};

use super::starter::{golden, starter};
use crate::support::{runtime, tiny};

#[test]
fn classes_are_those_of_the_largest_logits_and_probabilities_add_up() {
    let (pack, cancel) = (starter(), Cancel::new());
    let mut segmenter = Segmenter::open(&pack, &runtime()).unwrap();
    let styles: ArrayD<f32> = golden("starter_styles");
    let twice = concatenate(Axis(0), &[styles.view(), styles.view()]).unwrap();
    let found = segmenter.segment(&Code::new(&pack).with(STYLES, twice), &cancel).unwrap();
    let (classes, probabilities) = (found.classes(), found.probabilities());
    let side = pack.manifest().resolution as usize;
    assert_eq!((classes.dim(), probabilities.dim()), ((2, side, side), (2, 14, side, side)));
    let logits = golden("starter_logits");
    for ((picture, y, x), &class) in classes.indexed_iter() {
        let best = (0..14).map(|c| logits[[0, c, y, x]]).fold(f32::NEG_INFINITY, f32::max);
        // Equally likely ones but for rounding.
        assert!(logits[[0, class, y, x]] > best - 1e-3, "{class} at {x}, {y}");
        let at = |c: usize| probabilities[[picture, c, y, x]];
        assert!(((0..14).map(at).sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((0..14).all(|c| at(c) <= at(class)));
        // Softmax: logarithms of shares differ as logits do.
        let other = (class + 1) % 14;
        let difference = logits[[0, class, y, x]] - logits[[0, other, y, x]];
        assert!(at(other) < 1e-6 || ((at(class) / at(other)).ln() - difference).abs() < 2e-3);
    }
    let skin = segmenter.named("skin").unwrap();
    let share = classes.iter().filter(|class| skin.contains(class)).count() as f32 / classes.len() as f32;
    assert!((0.05..0.6).contains(&share), "a share of {share} is skin");
}

#[test]
fn names_are_those_of_the_pack() {
    let (pack, cancel) = (starter(), Cancel::new());
    let mut segmenter = Segmenter::open(&pack, &runtime()).unwrap();
    assert_eq!(segmenter.named(" Hair ").unwrap(), [2]);
    assert_eq!(segmenter.classes()[2].name, "hair");
    let text = segmenter.named("wheel").unwrap_err().to_string();
    assert!(
        text.contains("no class of pixels “wheel”; choose one of “background”, “skin”, “hair”"),
        "{text}"
    );
    let error = Segmenter::open(&tiny(), &runtime()).err().unwrap();
    assert!(matches!(error, ModelError::Missing { .. }), "{error}");
    let foreign = generator::open(&tiny(), &runtime()).unwrap().random(1, 1.0, &cancel).unwrap();
    assert!(matches!(segmenter.segment(&foreign, &cancel), Err(ModelError::Foreign(_))));
}
