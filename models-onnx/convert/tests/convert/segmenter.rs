//! A generator with classifiers of its pixels against PyTorch (`reference/segmenter_golden.py`).

use autodiff::{Differentiate, Loss, Measure, Model, Term};
use checkpoint::Checkpoint;
use convert::networks::editgan::pixels;
use convert::networks::stylegan2;
use ndarray::{ArrayD, Axis, IxDyn, Slice};

use crate::support::{Runner, checkpoint, npy, reference};

const SIDE: usize = 64;
const CLASSES: usize = 20;

fn golden(name: &str) -> ArrayD<f32> {
    npy(&format!("encoders/segmenter-{name}.npy"))
}

fn generator() -> Checkpoint {
    checkpoint("stylegan2/64.layout")
}

fn classifiers() -> Vec<Checkpoint> {
    let all = reference("segmenter");
    (0..3).map(|i| all.under(&format!("{i}."))).collect()
}

fn styles() -> ArrayD<f32> {
    npy("stylegan2/64-styles.npy")
}

/// The second picture of two, `[classes, 64, 64]`.
fn second(logits: &ArrayD<f32>) -> ArrayD<f32> {
    let one = logits.index_axis(Axis(0), 1).to_owned();
    one.into_shape_with_order(IxDyn(&[CLASSES, SIDE, SIDE])).unwrap()
}

/// How far the kept logits are off, and the share of pixels that are of the right class.
fn parity(logits: &ArrayD<f32>, mode: &str) -> (f32, f32) {
    let logits = second(logits);
    let kept = logits.slice_each_axis(|a| Slice::new(0, None, if a.axis.index() > 0 { 4 } else { 1 }));
    let off = (&kept - &golden(&format!("{mode}-logits"))).iter().fold(0.0f32, |m, v| m.max(v.abs()));
    (off, agreement(&logits, &format!("{mode}-classes")))
}

fn agreement(logits: &ArrayD<f32>, golden: &str) -> f32 {
    let best = |l: ndarray::ArrayView1<'_, f32>| (0..l.len()).max_by(|&a, &b| l[a].total_cmp(&l[b])).unwrap();
    let classes = logits.map_axis(Axis(0), |l| best(l) as f32);
    let right = self::golden(golden);
    classes.iter().zip(&right).filter(|(a, b)| a == b).count() as f32 / right.len() as f32
}

/// The logits of some pixels, and the picture.
fn at(model: &Model, pixels: Vec<i64>) -> [ArrayD<f32>; 2] {
    let pixels = ArrayD::from_shape_vec(IxDyn(&[pixels.len()]), pixels).unwrap();
    let mut all = Runner::new(model).run_with(&[("styles", &styles())], &[("pixels", &pixels)]);
    ["logits", "image"].map(|name| all.remove(name).unwrap())
}

#[test]
fn the_classes_of_a_generated_picture_are_those_of_pytorch() {
    let model = pixels::segmenter(&generator(), &classifiers()).unwrap();
    let all = Runner::new(&model).run(&[("styles", &styles())]);
    let (off, agreed) = parity(&all["logits"], "bilinear");
    println!("bilinear: logits {off:.1e}, classes {agreed}");
    // As `editgan-blobgan-manifold` asks; single precision through nine convolutions and three layers leaves 1e-6.
    assert!(off <= 1e-3 && agreed >= 0.999, "{off} {agreed}");
    for wrong in ["probabilities", "nearest-classes"] {
        let agreed = agreement(&second(&all["logits"]), wrong);
        assert!(agreed < 0.999, "{wrong}: {agreed}");
    }
    // The picture comes along.
    let network = stylegan2::build(&generator(), &Default::default()).unwrap();
    let image = &Runner::new(&network.parts[2].model).run(&[("styles", &styles())])["image"];
    assert!(crate::support::difference(&all["image"], image) < 1e-6);
}

#[test]
fn chosen_pixels_see_the_nearest_features() {
    let model = pixels::segmenter_at(&generator(), &classifiers()).unwrap();
    let [all, image] = at(&model, (0..(SIDE * SIDE) as i64).collect());
    assert_eq!((all.shape(), image.shape()), (&[2, CLASSES, SIDE * SIDE][..], &[2, 3, SIDE, SIDE][..]));
    let (off, agreed) = parity(&all, "nearest");
    println!("nearest: logits {off:.1e}, classes {agreed}");
    assert!(off <= 1e-3 && agreed >= 0.999, "{off} {agreed}");
    assert!(parity(&all, "bilinear").0 > 0.1);
    // In any order, and more than once.
    let chosen = [4095, 0, 63, 64, 1000, 64];
    let [some, _] = at(&model, chosen.into());
    for (place, pixel) in chosen.into_iter().enumerate() {
        let [found, right] = [some.index_axis(Axis(2), place), all.index_axis(Axis(2), pixel as usize)];
        assert!((&found - &right).iter().all(|v| v.abs() < 1e-5), "{pixel}");
    }
}

#[test]
fn logits_of_chosen_pixels_can_be_pulled_by_the_styles() {
    let model = pixels::segmenter_at(&generator(), &classifiers()).unwrap();
    let uncovered: Vec<_> = autodiff::coverage(&model).into_iter().filter(|o| !o.covered).collect();
    assert!(uncovered.is_empty(), "{uncovered:?}");
    let pull = Loss::of(Term::new("pull", Measure::MeanSquare, "logits").against("target"));
    let gradient = Differentiate::new(model).loss(pull).wrt("styles").build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    // Pixels of one coarse place, whose gradients meet there.
    let pixels: Vec<i64> = (0..200).map(|i| 64 * (i / 16) + i % 16).collect();
    let pixels = ArrayD::from_shape_vec(IxDyn(&[pixels.len()]), pixels).unwrap();
    let target = ArrayD::zeros(IxDyn(&[2, CLASSES, 200]));
    let mut run = |styles: &ArrayD<f32>| {
        runner.run_with(&[("styles", styles), ("target", &target)], &[("pixels", &pixels)])
    };
    let here = run(&styles());
    let slope = &here["grad_styles"];
    // Along the gradient the loss changes by its square; some rounding is left of differences of single precision.
    let length = slope.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let step = 1e-2 / length;
    let ends = [-step, step].map(|s| f64::from(run(&(styles() + slope * s as f32))["loss"].sum()));
    let found = (ends[1] - ends[0]) / (2.0 * step * length * length);
    println!("by differences {found} of the gradient");
    assert!((found - 1.0).abs() < 0.01, "{found}");
    assert_eq!(
        run(&styles())["grad_styles"],
        *slope,
        "what meets in one place is summed the same way each time"
    );
}
