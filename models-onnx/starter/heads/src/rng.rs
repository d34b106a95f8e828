//! A small seeded generator: the same face number gives the same face on every machine.

/// SplitMix64: one 64-bit state, full period, good enough for dice.
pub(crate) struct Rng(u64);

impl Rng {
    /// The dice of one face; `stream` separates attribute dice from shape dice.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // Mixed first: SplitMix64 walks in equal steps, so neighbouring states would give
        // neighbouring faces the same dice, one throw apart.
        Self(mix(mix(seed ^ 0x6A09_E667_F3BC_C908).wrapping_add(stream)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Normal with the given mean and standard deviation (Box-Muller).
    pub(crate) fn normal(&mut self, mean: f32, deviation: f32) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f32::consts::TAU * self.unit()).cos()
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// An index drawn in proportion to `weights`.
    pub(crate) fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f32>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// `count` different numbers below `limit`.
    pub(crate) fn distinct(&mut self, count: usize, limit: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..limit).collect();
        for i in 0..count.min(limit) {
            let j = i + self.below(limit - i);
            all.swap(i, j);
        }
        all.truncate(count);
        all
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn same_seed_same_dice() {
        let (mut a, mut b) = (Rng::new(7, 1), Rng::new(7, 1));
        assert!((0..100).all(|_| a.next() == b.next()));
        assert_ne!(Rng::new(7, 1).next(), Rng::new(8, 1).next());
    }

    #[test]
    fn neighbouring_faces_throw_unrelated_dice() {
        let (mut a, mut b) = (Rng::new(41, 0), Rng::new(42, 0));
        let of_a: Vec<u64> = (0..50).map(|_| a.next()).collect();
        assert!((0..50).all(|_| !of_a.contains(&b.next())));
    }

    #[test]
    fn distinct_numbers_differ() {
        let mut picked = Rng::new(3, 0).distinct(24, 60);
        picked.sort_unstable();
        picked.dedup();
        assert_eq!(picked.len(), 24);
    }

    #[test]
    fn weights_are_kept() {
        let mut rng = Rng::new(1, 0);
        let hits = (0..10_000).filter(|_| rng.weighted(&[1.0, 3.0]) == 1).count();
        assert!((7_200..7_800).contains(&hits), "{hits}");
    }
}
