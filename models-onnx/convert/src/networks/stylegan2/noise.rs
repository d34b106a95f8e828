//! Noise for checkpoints that come without.

use ndarray::Array2;

/// Values with mean 0 and variance 1, `side` by `side`, the same each time for the noise of that number.
///
/// The sum of twelve even values is near enough to a normal distribution, and unlike logarithms and cosines the same
/// on every machine.
pub(crate) fn seeded(number: usize, side: usize) -> Array2<f32> {
    let mut state = number as u64;
    let mut even = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        (x >> 40) as f64 / f64::from(1 << 24)
    };
    Array2::from_shape_simple_fn((side, side), || ((0..12).map(|_| even()).sum::<f64>() - 6.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_near_normal_and_each_its_own() {
        let noise = seeded(3, 128).mapv(f64::from);
        let (mean, square) = (noise.mean().unwrap(), noise.mapv(|v| v * v).mean().unwrap());
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.03, "{mean} {square}");
        let beyond = noise.iter().filter(|v| v.abs() > 2.0).count() as f64 / 16384.0;
        assert!((0.03..0.06).contains(&beyond), "{beyond}");
        let other = seeded(4, 128).mapv(f64::from);
        assert!((&noise * &other).mean().unwrap().abs() < 0.03);
    }
}
