//! Tunes a pack's generator to a photo (pivotal tuning): its code stays, the weights change until the picture is the photo.
//!
//! `cargo run --release -p pentimento-models --example tune -- PACK picture.npy OUT STEPS [RATE]`
//!
//! `picture.npy` is `[1, 3, R, R]` in the range of the pack. Written are `OUT.safetensors`, the changed weights, and
//! `OUT.npy`, their picture. The pivot is the encoder's code, or the mean code in packs without encoder.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use models_onnx::family::stylegan::StyleGan;
use models_onnx::generator::Generator;
use models_onnx::pack::Array;
use models_onnx::runtime::Options;
use models_onnx::tuning::{Settings, Tuner};
use models_onnx::{Cancel, ModelError, Pack, Places, Runtime};
use ndarray::{Array4, Axis};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, picture, out, steps, rate @ ..] = words.as_slice() else {
        return Err("PACK picture.npy OUT STEPS [RATE]".into());
    };
    let published = Settings::default();
    let rate = rate.first().map_or(Ok(published.rate), |rate| rate.parse())?;
    let settings = Settings { steps: steps.parse()?, rate, ..published };
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let pack = Arc::new(Pack::open(Path::new(folder), &places.shared())?);
    let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
    let cancel = Cancel::new();

    let picture: Array4<f32> = ndarray_npy::read_npy(picture)?;
    let mut generator = StyleGan::new(Arc::clone(&pack), runtime.clone());
    let pivot = match generator.encode(&picture, &cancel) {
        Err(ModelError::Missing { .. }) => {
            let mean = pack.matrix(Array::CodeMean)?.insert_axis(Axis(0));
            generator.styled(mean.into_dyn(), &cancel)?
        }
        found => found?,
    };
    drop(generator);
    let begun = Instant::now();
    let mut tuner = Tuner::open(&pack, &runtime, &settings)?;
    println!("opened in {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let tuning = tuner.tune(&picture, &pivot, &cancel, &mut |watched| {
        if watched.step.is_multiple_of(25) {
            println!(
                "step {}: {:.2} dB, {:.1} s",
                watched.step,
                watched.reached,
                begun.elapsed().as_secs_f64()
            );
        }
        ControlFlow::Continue(())
    })?;
    println!("{:.2} to {:.2} dB, {} steps, {}", tuning.before, tuning.after, tuning.steps, tuning.stopped);
    std::fs::write(format!("{out}.safetensors"), tuning.tuned.to_bytes())?;
    ndarray_npy::write_npy(format!("{out}.npy"), &tuning.reconstruction)?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    Ok(())
}
