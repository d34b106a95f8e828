//! The mutation fuzzer of the tests, for as long as asked: `cargo run --release --example fuzz -- SECONDS [SEED]`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/support/mutate.rs"]
mod mutate;

use std::time::{Duration, Instant};

use mutate::{Counts, Random};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|number| number.parse::<u64>().expect("a number"));
    let seconds = arguments.next().expect("for how many seconds?");
    let seed = arguments.next().unwrap_or(2);
    let fixtures = mutate::fixtures();
    let mut random = Random(seed);
    let mut counts = Counts::default();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let file = mutate::mutate(&mut random, &fixtures);
        // What led to a panic is there to be looked at.
        let kept = file.clone();
        let run = std::panic::AssertUnwindSafe(|| mutate::run(file, &MEMORY, &mut counts));
        if let Err(panic) = std::panic::catch_unwind(run) {
            let path = std::env::temp_dir().join("pentimento-fuzz-panic");
            std::fs::write(&path, kept).expect("a place for the file");
            println!("panic after {counts:?}: {}", path.display());
            std::panic::resume_unwind(panic);
        }
    }
    println!("{counts:?}");
}
