//! Inverts pictures by optimisation: from what the encoder finds, W+ goes on until the generator's pictures come near.
//!
//! `cargo run --release -p pentimento-models --example invert -- PACK pictures.npy OUT.npy STEPS [RATE]`
//!
//! `pictures.npy` is `[n, 3, R, R]` in the range of the pack; `OUT.npy` are the codes `[n, layers, width]` at the least
//! loss, the mean square of differences.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use models_onnx::autodiff::{Adam, Differentiate, Loss, Measure, Model, Schedule, Term};
use models_onnx::optimise::{GradientSession, Optimisation};
use models_onnx::runtime::Options;
use models_onnx::session::Tensor;
use models_onnx::{Cancel, Pack, Places, Role, Runtime, generator};
use ndarray::{Array4, ArrayD, Axis, concatenate};

/// What moves.
const CODE: &str = "affine.w_plus";

/// Pictures that are optimised together.
const BATCH: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, pictures, out, steps, rate @ ..] = words.as_slice() else {
        return Err("PACK pictures.npy OUT.npy STEPS [RATE]".into());
    };
    let steps: usize = steps.parse()?;
    let rate: f64 = rate.first().map_or(Ok(0.05), |rate| rate.parse())?;
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let pack = std::sync::Arc::new(Pack::open(Path::new(folder), &places.shared())?);
    let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
    let cancel = Cancel::new();

    let model = |role| -> Result<Model, Box<dyn Error>> {
        let contract = pack.contract(role)?;
        let weights = pack.weights(contract)?;
        let beside = |location: &str| weights.iter().find(|w| w.0 == location).map(|w| w.1.clone().into());
        Ok(Model::read_with(pack.graph(contract)?, beside)?)
    };
    // Graphs of other makers may have values of the same names.
    let affine = model(Role::Affine)?.prefixed("affine.")?;
    let generator_of_w = affine.join(model(Role::Synthesis)?, &[("affine.styles", "styles")])?;
    let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
    let gradient = Differentiate::new(generator_of_w).loss(Loss::of(likeness)).wrt(CODE).build()?;
    let mut session = GradientSession::open(&runtime, gradient)?;

    let pictures: Array4<f32> = ndarray_npy::read_npy(pictures)?;
    let mut encoder = generator::open(&pack, &runtime)?;
    let mut codes: Vec<ArrayD<f32>> = Vec::new();
    for some in pictures.axis_chunks_iter(Axis(0), BATCH) {
        let start = encoder.encode(&some.to_owned(), &cancel)?.w_plus()?.to_owned();
        let outcome = Optimisation::new(&mut session)
            .variable(CODE, start)
            .constant("target", Tensor::F32(some.into_dyn()))
            .adam(Adam::default(), Schedule::ramped(rate))
            .steps(steps)
            .run(&cancel, |_| ControlFlow::Continue(()))?;
        let first = outcome.losses.first().copied().unwrap_or_default();
        println!("{} pictures: {first:.5} to {:.5}", codes.len() * BATCH, outcome.best_loss);
        codes.push(outcome.best[CODE].clone());
    }
    let views: Vec<_> = codes.iter().map(|c| c.view()).collect();
    ndarray_npy::write_npy(out, &concatenate(Axis(0), &views)?)?;
    Ok(())
}
