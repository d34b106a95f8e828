//! A deterministic mutation fuzzer: every fixture, changed at random, read, and all its tensors asked for.

use std::path::Path;
use std::time::{Duration, Instant};

use checkpoint::{Checkpoint, Error};

/// Counts of what happened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) runs: u64,
    /// Files that were read in spite of the change.
    pub(crate) read: u64,
    /// Tensors of those.
    pub(crate) tensors: u64,
    pub(crate) refused: u64,
    pub(crate) slowest: Duration,
    /// Bytes that one run held at most, beyond what was held before.
    pub(crate) largest: usize,
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }
}

/// The files of the folder of fixtures, in the order of their names.
pub(crate) fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end != "json" && end != "py"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One changed file.
pub(crate) fn mutate(random: &mut Random, fixtures: &[Vec<u8>]) -> Vec<u8> {
    /// Bytes that mean much: instructions, and the limits of small numbers.
    const LOADED: &[u8] =
        b"\0\x01\x7f\x80\xff()}].NQRabcehijlopqrstu0123\x81\x85\x86\x87\x8a\x8b\x8e\x92\x93\x94\x95";
    let mut file = fixtures[random.below(fixtures.len())].clone();
    // Changes that move bytes leave few files readable: half the files keep all their bytes in place.
    let kinds = if random.below(2) == 0 { 3 } else { 9 };
    for _ in 0..=random.below(3) {
        let at = random.below(file.len());
        let len = 1 + random.below(16.min(file.len().saturating_sub(at)));
        let end = (at + len).min(file.len());
        match random.below(kinds) {
            0 if at < file.len() => file[at] ^= 1 << random.below(8),
            1 if at < file.len() => file[at] = LOADED[random.below(LOADED.len())],
            2 => {
                let wide = random.next();
                let odd = [0, u64::MAX, 1 << 63, 1 << 31, 1 << 62, 0xffff_ffff, wide, wide >> 40];
                let number = odd[random.below(odd.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4)].min(file.len() - at);
                file[at..at + width].copy_from_slice(&number[..width]);
            }
            3 => drop(file.drain(at..end)),
            4 => {
                let copied = file[at..end].to_vec();
                let to = random.below(file.len() + 1);
                file.splice(to..to, copied);
            }
            5 => {
                let other = &fixtures[random.below(fixtures.len())];
                let from = random.below(other.len());
                let until = (from + 1 + random.below(200)).min(other.len());
                file.splice(at..end, other[from..until].iter().copied());
            }
            6 => file.truncate(at),
            7 => file.insert(at, LOADED[random.below(LOADED.len())]),
            _ => {
                // The tail of another file, as where a download was joined wrongly.
                let other = &fixtures[random.below(fixtures.len())];
                file.truncate(at);
                file.extend(&other[random.below(other.len())..]);
            }
        }
    }
    file
}

/// Reads one file and everything in it.
///
/// # Panics
/// If a tensor has another shape than it says, or takes more memory than the file can account for.
pub(crate) fn run(file: Vec<u8>, memory: &peak_alloc::PeakAlloc, counts: &mut Counts) {
    let bytes = file.len();
    let before = memory.current_usage() - bytes;
    memory.reset_peak_usage();
    let start = Instant::now();
    counts.runs += 1;
    match Checkpoint::read(file) {
        Ok(checkpoint) => {
            counts.read += 1;
            for name in checkpoint.names() {
                counts.tensors += 1;
                match checkpoint.f32(name) {
                    Ok(array) => assert_eq!(Some(array.shape()), checkpoint.shape(name)),
                    Err(Error::Refused { .. }) => counts.refused += 1,
                    Err(error) => panic!("{name}: {error}"),
                }
            }
            counts.refused += checkpoint.refused().count() as u64;
        }
        Err(error) => assert!(error.to_string().len() < 2_000, "{error}"),
    }
    counts.slowest = counts.slowest.max(start.elapsed());
    counts.largest = counts.largest.max(memory.peak_usage().saturating_sub(before));
}
