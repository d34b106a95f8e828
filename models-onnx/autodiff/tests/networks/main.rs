//! Networks of published sizes: their gradients, run by ONNX Runtime, against PyTorch's in double precision.
//!
//! Graphs and goldens are made by `make.py`; weights are drawn from a seed. Run it in release.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod golden;
#[path = "../autodiff/support.rs"]
#[allow(dead_code, reason = "graphs of a few nodes are made by the other tests")]
mod support;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use autodiff::{Differentiate, Loss, Measure, Model, Term};

use crate::golden::{Golden, network};
use crate::support::Runner;

/// What single precision leaves of sums this long, and what is promised to users.
const LIMIT: f64 = 1e-5;

/// One network at a time: each takes gigabytes, and all of the machine.
static ALONE: Mutex<()> = Mutex::new(());

/// Differentiates the loss by all that the golden has gradients for, and compares.
fn check(name: &str, model: impl FnOnce() -> Model, loss: Loss) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    let golden = Golden::read(name.trim_end_matches("-scaled"));
    let plan = golden.variables().fold(Differentiate::new(model()).loss(loss), Differentiate::wrt);
    let gradient = plan.build().unwrap();
    let built = start.elapsed();
    let mut runner = Runner::on(&gradient.model, 2);
    drop(gradient);
    let opened = start.elapsed();
    let (reals, steps) = golden.inputs();
    let found = runner.run_with(&reals, &steps);
    let seconds =
        (built.as_secs_f32(), (opened - built).as_secs_f32(), (start.elapsed() - opened).as_secs_f32());
    let (worst, all) = golden.compare(&found);
    println!(
        "{name}: loss {:.6}, {} gradients off by {:.1e} together, {:.1e} at most; PyTorch's single precision {:.1e}; \
         {:.1} s to build, {:.1} s to open, {:.1} s to run",
        found["loss"].1[0],
        golden.variables().count(),
        all,
        worst,
        golden.torch,
        seconds.0,
        seconds.1,
        seconds.2,
    );
    let loss = f64::from(found["loss"].1[0]);
    assert!((loss - golden.loss).abs() < LIMIT * golden.loss.abs(), "{loss} {}", golden.loss);
    assert!(worst < LIMIT, "{name}: off by {worst:.1e}");
}

/// Near a target, and not far from where w was.
fn restrained() -> Loss {
    let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
    Loss::of(likeness).and(Term::new("restraint", Measure::SumSquare, "w").against("start").times(1e-4))
}

#[test]
fn stylegan2_256_with_weights_computed_from_styles() {
    check("stylegan2-256", || network("stylegan2-256"), restrained());
}

#[test]
fn stylegan2_256_with_scaled_activations() {
    check("stylegan2-256-scaled", || network("stylegan2-256-scaled"), restrained());
}

#[test]
fn the_image_tower_of_clip_vit_b32() {
    let angle = Term::new("angle", Measure::Cosine, "embedding").against("wish");
    check("vit-b32", || network("vit-b32"), Loss::of(angle));
}

#[test]
fn a_generator_and_what_clip_says_of_its_pictures() {
    let chain = || {
        let part = |name: &str| network(name).prefixed(&format!("{name}/")).unwrap();
        let generator = network("stylegan2-256");
        let pictures = generator.join(part("resize"), &[("image", "resize/image")]).unwrap();
        pictures.join(part("vit-b32"), &[("resize/resized", "vit-b32/image")]).unwrap()
    };
    check("chain", chain, Loss::of(Term::new("angle", Measure::Cosine, "vit-b32/embedding").against("wish")));
}

#[test]
fn ir_se50() {
    let angle = Term::new("angle", Measure::Cosine, "identity").against("other");
    check("ir-se50", || network("ir-se50"), Loss::of(angle));
}

#[test]
fn lpips_vgg16() {
    check(
        "lpips-vgg16",
        || network("lpips-vgg16"),
        Loss::of(Term::new("distance_", Measure::Mean, "distance")),
    );
}

#[test]
fn the_unet_of_stable_diffusion_by_its_adapters() {
    let surprise = Term::new("surprise", Measure::MeanSquare, "out_sample").against("noise");
    check("unet", || network("unet"), Loss::of(surprise));
}
