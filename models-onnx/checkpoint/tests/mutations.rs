//! Tens of thousands of damaged files: no panic, little memory, little time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mutate.rs"]
mod mutate;

use std::time::Duration;

use mutate::{Counts, Random};
use peak_alloc::PeakAlloc;

/// One test in this file, so that it counts nothing but its own memory.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A repeated tensor may have 16 million numbers; the fixtures themselves are of ten thousand bytes.
const BYTES: usize = 160 << 20;

#[test]
fn mutations() {
    let fixtures = mutate::fixtures();
    assert!(fixtures.len() >= 20);
    let mut random = Random(1);
    let mut counts = Counts::default();
    for _ in 0..60_000 {
        mutate::run(mutate::mutate(&mut random, &fixtures), &MEMORY, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.largest < BYTES, "{counts:?}");
    // Generous: machines that test may be busy.
    assert!(counts.slowest < Duration::from_secs(5), "{counts:?}");
    // A fuzzer whose files are all refused at the door tests nothing.
    assert!(counts.read > 10_000 && counts.refused > 1_000, "{counts:?}");
}
