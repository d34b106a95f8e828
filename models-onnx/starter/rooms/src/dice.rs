//! Everything random about a room: 80 standard normal numbers, scaled to a mean square of one.
//!
//! They are the `z` of the layout network. Since a room is a function of its dice, the network can be taught what
//! blobs a `z` stands for instead of having to invent a meaning. It only ever sees `z` over its root mean square
//! (BlobGAN's first layer), so the dice are scaled so, too.

use std::f32::consts::TAU;

/// How many numbers make a room.
pub(crate) const DICE: usize = 80;

/// The dice of one room, thrown one after the other.
pub(crate) struct Dice {
    z: [f32; DICE],
    next: usize,
}

/// The numbers of room `seed`; the same everywhere.
pub(crate) fn normals(seed: u64) -> [f32; DICE] {
    // SplitMix64, from a mixed seed: it walks in equal steps, so that neighbouring seeds would share their dice.
    let mut state = mix(seed ^ 0x6A09_E667_F3BC_C908);
    let mut unit = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(state) >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut z = [0.0; DICE];
    for pair in z.chunks_exact_mut(2) {
        // Box and Muller.
        let (radius, angle) = ((-2.0 * (1.0 - unit()).ln()).sqrt(), TAU * unit());
        (pair[0], pair[1]) = (radius * angle.cos(), radius * angle.sin());
    }
    let length = (z.iter().map(|v| v * v).sum::<f32>() / DICE as f32).sqrt();
    z.map(|v| v / length)
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Dice {
    pub(crate) fn new(z: [f32; DICE]) -> Self {
        Self { z, next: 0 }
    }

    /// Uniform in 0..1: the share of a normal distribution that lies below the next number.
    pub(crate) fn unit(&mut self) -> f32 {
        let z = self.z[self.next];
        self.next += 1;
        below(z).clamp(0.0, 1.0 - 1e-6)
    }

    /// Uniform in `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        // The upper end, so that a larger number means more.
        self.unit() >= 1.0 - probability
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f32) as usize
    }
}

/// The normal distribution function, by Abramowitz and Stegun 7.1.26 (error below 1e-6 in single precision).
fn below(z: f32) -> f32 {
    let x = z.abs() / std::f32::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series =
        t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152_1 + t * 1.061_405_4))));
    let half = 0.5 * series * (-x * x).exp();
    if z < 0.0 { half } else { 1.0 - half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_dice() {
        assert_eq!(normals(7), normals(7));
        let (a, b) = (normals(41), normals(42));
        assert!(a.iter().all(|v| !b.contains(v)));
    }

    #[test]
    fn dice_are_uniform() {
        let throws: Vec<f32> = (0..2000).map(|seed| Dice::new(normals(seed)).unit()).collect();
        for tenth in 1..10 {
            let limit = tenth as f32 / 10.0;
            let share = throws.iter().filter(|&&u| u < limit).count() as f32 / 2000.0;
            // Three standard deviations of 2,000 throws.
            assert!((share - limit).abs() < 0.034, "{share} below {limit}");
        }
    }

    #[test]
    fn known_values_of_the_normal_distribution() {
        for (z, share) in [(0.0, 0.5), (1.0, 0.841_345), (-1.96, 0.024_998), (3.0, 0.998_650)] {
            assert!((below(z) - share).abs() < 1e-5, "{z}: {}", below(z));
        }
    }
}
