//! Codes of pictures that nobody gave, and codes whose W+ vectors are changed.

use models_onnx::direction::StyleSpace;
use models_onnx::pack::Array;
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, ModelError, generator};
use ndarray::{Array3, Axis};

use super::rooms::rooms;
use super::starter::starter;
use crate::support::{picture, runtime, tiny};

#[test]
fn random_codes_follow_from_their_seed_alone() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    let mut random = |seed, truncation| generator.random(seed, truncation, &cancel).unwrap();
    // The mapping of the tiny pack gives back what it gets, so that a code that is not truncated is the random numbers
    // themselves: SplitMix64 and Box and Muller, here computed in Python.
    let right =
        [(5, [0.014_334_746, -0.988_847_1, 0.590_620_96]), (6, [-1.548_480_5, 0.543_091_34, 0.268_391_26])];
    for (seed, right) in right {
        let code = random(seed, 1.0);
        let w_plus = code.w_plus().unwrap();
        assert_eq!(w_plus.dim(), (1, 2, 96));
        for (at, right) in right.into_iter().enumerate() {
            assert!((w_plus[[0, 0, at]] - right).abs() < 1e-6 && (w_plus[[0, 1, at]] - right).abs() < 1e-6);
        }
        assert_eq!(random(seed, 1.0), code);
    }
    // Nobody told the mean, so that it is that of 4096 codes: of a standard normal distribution, 4 / √4096 at most.
    let (whole, half, mean) = (random(5, 1.0), random(5, 0.5), random(5, 0.0));
    let [whole, half, mean] = [&whole, &half, &mean].map(|code| code.w_plus().unwrap());
    assert!(mean.iter().all(|v| v.abs() < 0.0625) && mean.iter().any(|v| *v != 0.0));
    assert!((&half * 2.0 - whole - mean).iter().all(|v| v.abs() < 1e-5));
    assert_eq!(generator.mean(&cancel).unwrap().w_plus().unwrap(), mean);
    assert!(matches!(generator.random(5, f32::NAN, &cancel), Err(ModelError::Number("truncation"))));
}

#[test]
fn pictures_of_nothing_are_varied_and_the_mean_is_that_of_the_pack() {
    let (pack, cancel) = (starter(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    let mean = generator.mean(&cancel).unwrap();
    let told = pack.matrix(Array::CodeMean).unwrap();
    assert_eq!(mean.w_plus().unwrap(), told.view().insert_axis(Axis(0)));
    let centre = generator.synthesise(&mean, &cancel).unwrap();
    let mut away = |seed, truncation| {
        let code = generator.random(seed, truncation, &cancel).unwrap();
        let picture = generator.synthesise(&code, &cancel).unwrap();
        (&picture - &centre).mapv(f32::abs).mean().unwrap()
    };
    for seed in 0..4 {
        let (none, some, all) = (away(seed, 0.0), away(seed, 0.5), away(seed, 1.0));
        println!("seed {seed}: {some}, {all}");
        assert!(none < 1e-5 && 0.02 < some && some < all, "{seed}: {none}, {some}, {all}");
    }
}

#[test]
fn edits_of_styles_survive_edits_of_codes() {
    let (pack, runtime, cancel) = (starter(), runtime(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime).unwrap();
    let [code, other] = [1, 2].map(|seed| generator.random(seed, 0.7, &cancel).unwrap());
    let change =
        TextEncoder::open(&pack, &runtime).unwrap().change("blue hair", "a person", &cancel).unwrap();
    let direction = StyleSpace::open(&pack).unwrap().direction(change.view(), 0.1).unwrap();
    let edited = direction.apply(&code, 3.0).unwrap();
    let moved = generator.with_w_plus(&edited, other.w_plus().unwrap(), &cancel).unwrap();
    assert_eq!(moved.w_plus().unwrap(), other.w_plus().unwrap());
    // Both ways to the same styles, up to rounding.
    let right = direction.apply(&other, 3.0).unwrap();
    let off = (&moved.styles().unwrap() - &right.styles().unwrap()).mapv(f32::abs);
    let largest = right.styles().unwrap().fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(off.iter().all(|v| *v < 1e-5 * largest), "{off}");
    // Without such edits, exactly; with the very same vectors, the very same code.
    assert_eq!(generator.with_w_plus(&code, other.w_plus().unwrap(), &cancel).unwrap(), other);
    assert_eq!(generator.with_w_plus(&edited, edited.w_plus().unwrap(), &cancel).unwrap(), edited);
}

#[test]
fn codes_that_do_not_fit_and_families_without() {
    let (pack, runtime, cancel) = (tiny(), runtime(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime).unwrap();
    let code = generator.encode(&picture(1, 8), &cancel).unwrap();
    for dims in [(2, 2, 96), (1, 3, 96), (1, 2, 95)] {
        let result = generator.with_w_plus(&code, Array3::zeros(dims).view(), &cancel);
        assert!(matches!(result, Err(ModelError::Foreign(_))), "{result:?}");
    }
    let torn = code.clone().with("styles", ndarray::ArrayD::zeros(vec![1, 5]));
    let result = generator.with_w_plus(&torn, Array3::zeros((1, 2, 96)).view(), &cancel);
    assert!(matches!(result, Err(ModelError::Foreign(_))), "{result:?}");

    let mut rooms = generator::open(&rooms(), &runtime).unwrap();
    let results = [rooms.mean(&cancel), rooms.random(1, 0.7, &cancel)];
    for result in results {
        assert!(matches!(result, Err(ModelError::Missing { .. })), "{result:?}");
    }
}
