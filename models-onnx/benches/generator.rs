//! One generator pass of the starter pack, affine layers and synthesis, by number of threads.
//!
//! `cargo bench -p pentimento-models` prints a table; `starter/bench/eager.py` runs it beside PyTorch.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use models_onnx::family::stylegan::StyleGan;
use models_onnx::pack::Dim;
use models_onnx::runtime::Options;
use models_onnx::{Cancel, Device, Generator, Pack, Places, Role, Runtime};
use ndarray::{ArrayD, IxDyn};

const WARM: usize = 20;
const RUNS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-faces");
    let pack = Arc::new(Pack::open(&folder, &places.shared())?);
    let w_plus = w_plus(&pack)?;
    println!("threads  median ms  tenth ms  ninetieth ms");
    for threads in [1, 2] {
        let options = Options { device: Device::Cpu, threads: NonZeroUsize::new(threads) };
        let runtime = Runtime::load(&places.onnxruntime(), options)?;
        let mut generator = StyleGan::new(Arc::clone(&pack), runtime);
        let mut times = Vec::with_capacity(RUNS);
        for run in 0..WARM + RUNS {
            let time = pass(&mut generator, &w_plus)?;
            if run >= WARM {
                times.push(time.as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[RUNS * part / 10];
        println!("{threads:7}  {:9.3}  {:8.3}  {:12.3}", at(5), at(1), at(9));
    }
    Ok(())
}

fn pass(generator: &mut StyleGan, w_plus: &ArrayD<f32>) -> Result<Duration, Box<dyn Error>> {
    let (w_plus, cancel) = (w_plus.clone(), Cancel::new());
    let start = Instant::now();
    let code = generator.styled(w_plus, &cancel)?;
    generator.synthesise(&code, &cancel)?;
    Ok(start.elapsed())
}

/// Some W+ vectors: what they hold does not change how long a pass takes.
fn w_plus(pack: &Pack) -> Result<ArrayD<f32>, Box<dyn Error>> {
    let port = pack.contract(Role::Affine)?.inputs.first().ok_or("the affine layers have no input")?;
    let dims: Vec<usize> =
        port.dims.iter().map(|d| if let Dim::Size(size) = d { *size } else { 1 }).collect();
    let mut value = 0.0f32;
    Ok(ArrayD::from_shape_simple_fn(IxDyn(&dims), || {
        value = (value + 0.618) % 2.0;
        value - 1.0
    }))
}
