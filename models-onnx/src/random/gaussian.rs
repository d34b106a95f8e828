//! Normal random numbers from a seed, the same on every machine.

use std::f64::consts::TAU;

/// Draws from a standard normal distribution: SplitMix64 and the transform of Box and Muller (1958).
pub(crate) struct Gaussian {
    state: u64,
    /// The second number of a pair.
    spare: Option<f32>,
}

impl Gaussian {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, spare: None }
    }

    /// The next number.
    pub(crate) fn draw(&mut self) -> f32 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // One minus a number below one is never zero, of which there is no logarithm.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = TAU * self.unit();
        self.spare = Some((radius * angle.sin()) as f32);
        (radius * angle.cos()) as f32
    }

    /// Between zero and one, the latter excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        (x >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_a_normal_distribution() {
        let mut gaussian = Gaussian::new(5);
        let all: Vec<f64> = (0..100_000).map(|_| f64::from(gaussian.draw())).collect();
        let moment = |power: i32| all.iter().map(|v| v.powi(power)).sum::<f64>() / all.len() as f64;
        // Four standard errors of each: √(1, 2, 15, 96) / √100000.
        for (power, right, error) in [(1, 0.0, 0.013), (2, 1.0, 0.018), (3, 0.0, 0.05), (4, 3.0, 0.125)] {
            assert!((moment(power) - right).abs() < error, "{power}: {}", moment(power));
        }
    }
}
