//! The starter pack of the family `diffusion` against PyTorch: a text, one step out of noise, and the picture it shows.

use std::path::Path;
use std::sync::Arc;

use models_onnx::pack::{BetaSchedule, File, Prediction, Spacing};
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Pack, Role};
use ndarray::{Array, Array2, ArrayD};

use crate::starter::close;
use crate::support::runtime;

/// What the goldens were asked for.
const TEXT: &str = "a woman with long blond hair, sunglasses";

fn golden_path(name: &str) -> String {
    format!("{}/tests/golden/denoiser_{name}.npy", env!("CARGO_MANIFEST_DIR"))
}

fn golden(name: &str) -> ArrayD<f32> {
    ndarray_npy::read_npy(golden_path(name)).unwrap()
}

fn pack() -> Arc<Pack> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-denoiser");
    Arc::new(Pack::open(&folder, &folder).unwrap())
}

fn run(pack: &Pack, role: Role, inputs: &[(&str, Tensor<'_>)]) -> ArrayD<f32> {
    Session::open(&runtime(), pack, role).unwrap().run(inputs, &Cancel::new()).unwrap().swap_remove(0)
}

fn states(pack: &Pack, text: &str) -> (Array2<i64>, ArrayD<f32>) {
    let tokenizer = tokenizers::Tokenizer::from_bytes(pack.file(File::Tokenizer).unwrap()).unwrap();
    let encoding = tokenizer.encode(text, true).unwrap();
    let ids: Array2<i64> =
        Array::from_iter(encoding.get_ids().iter().map(|&id| id.into())).insert_axis(ndarray::Axis(0));
    let states = run(pack, Role::TextEncoder, &[("input_ids", Tensor::I64(ids.view().into_dyn()))]);
    (ids, states)
}

fn velocity(pack: &Pack, states: &ArrayD<f32>) -> ArrayD<f32> {
    let (sample, step) = (golden("sample"), ndarray::arr1(&[999.0]).into_dyn());
    let inputs = [("sample", &sample), ("timestep", &step), ("states", states)];
    run(pack, Role::Denoiser, &inputs.map(|(name, values)| (name, Tensor::F32(values.view()))))
}

#[test]
fn a_step_out_of_noise_as_in_pytorch() {
    let pack = pack();
    pack.verify().unwrap();
    let denoising = pack.manifest().denoising.unwrap();
    assert_eq!(denoising.prediction, Prediction::Velocity);
    assert_eq!((denoising.schedule, denoising.spacing), (BetaSchedule::ScaledLinear, Spacing::Trailing));
    assert_eq!((denoising.steps, denoising.pixels_per_latent), (1000, 8));

    // Weights were in half precision in PyTorch, too, and both compute in single: what `close` allows is for sums.
    let (ids, states) = states(&pack, TEXT);
    let expected: Array2<i64> = ndarray_npy::read_npy(golden_path("ids")).unwrap();
    assert_eq!(ids, expected);
    close(&states, &golden("states"), "states");
    let velocity = velocity(&pack, &states);
    close(&velocity, &golden("velocity"), "velocity");
    // What the step takes for the clean latents: √ᾱ x − √(1 − ᾱ) v, with ᾱ of the last step.
    let kept: f32 = golden("kept")[[]];
    let clean = golden("sample") * kept.sqrt() - velocity * (1.0 - kept).sqrt();
    let picture = run(&pack, Role::LatentDecoder, &[("latent", Tensor::F32(clean.view()))]);
    close(&picture, &golden("picture"), "picture");
    let mean = run(&pack, Role::LatentEncoder, &[("image", Tensor::F32(picture.view()))]);
    close(&mean, &golden("mean"), "mean");
}

#[test]
fn texts_matter() {
    let pack = pack();
    let [told, untold, other] =
        [TEXT, "", "a bald man with a beard"].map(|text| velocity(&pack, &states(&pack, text).1));
    let length = |values: &ArrayD<f32>| values.mapv(|v| v * v).sum().sqrt();
    // Out of pure noise, little but the text says what the picture shall be.
    for (name, against) in [("none", &untold), ("another", &other)] {
        let share = length(&(&told - against)) / length(&told);
        println!("{name}: {share}");
        assert!(share > 0.2, "{name}: {share}");
    }
}

#[test]
fn it_can_be_differentiated_to_be_tuned() {
    let model = pack().model(Role::Denoiser).unwrap();
    let missing: Vec<_> =
        autodiff::coverage(&model).into_iter().filter(|operator| !operator.covered).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
