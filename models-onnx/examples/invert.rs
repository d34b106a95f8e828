//! Inverts pictures by optimisation: from what the encoder finds, W+ goes on until the generator's pictures come near.
//!
//! `cargo run --release -p pentimento-models --example invert -- PACK pictures.npy OUT.npy STEPS [RATE]`
//!
//! `pictures.npy` is `[n, 3, R, R]` in the range of the pack; `OUT.npy` are the codes `[n, layers, width]` at the least
//! loss, the mean square of differences.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use models_onnx::inversion::{Refinement, Refiner};
use models_onnx::runtime::Options;
use models_onnx::{Cancel, Pack, Places, Runtime, generator};
use ndarray::{Array4, Axis, concatenate};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, pictures, out, steps, rate @ ..] = words.as_slice() else {
        return Err("PACK pictures.npy OUT.npy STEPS [RATE]".into());
    };
    let settings = Refinement {
        steps: steps.parse()?,
        rate: rate.first().map_or(Ok(0.05), |rate| rate.parse())?,
        perceptual: 0.0,
        identity: 0.0,
        ..Refinement::default()
    };
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let pack = Arc::new(Pack::open(Path::new(folder), &places.shared())?);
    let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
    let cancel = Cancel::new();

    let pictures: Array4<f32> = ndarray_npy::read_npy(pictures)?;
    let mut encoder = generator::open(&pack, &runtime)?;
    let mut refiner = Refiner::open(&pack, &runtime, &settings)?;
    let mut codes = Vec::new();
    for picture in pictures.axis_chunks_iter(Axis(0), 1) {
        let picture = picture.to_owned();
        let start = encoder.encode(&picture, &cancel)?;
        let refined = refiner.refine(&picture, &start, &cancel, &mut |_| ControlFlow::Continue(()))?;
        println!("{}: {:.2} to {:.2} dB", codes.len(), refined.before, refined.after);
        codes.push(refined.code);
    }
    let views = codes.iter().map(|code| code.w_plus()).collect::<Result<Vec<_>, _>>()?;
    ndarray_npy::write_npy(out, &concatenate(Axis(0), &views)?)?;
    Ok(())
}
