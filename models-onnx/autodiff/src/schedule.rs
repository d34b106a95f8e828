//! How far each step of an optimisation goes.

use std::f64::consts::PI;

/// A rate that may rise linearly at first and fall along a cosine at last. It knows parts, not numbers of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The rate between rise and fall.
    pub rate: f64,
    /// The part of the steps in which the rate rises from zero, `0..=1`.
    pub warm_up: f64,
    /// The part of them in which it falls to zero, `0..=1`.
    pub ramp_down: f64,
}

impl Schedule {
    /// Rises for 0.05 of the steps and falls for 0.25 of them, as in the projector of StyleGAN2 (Karras et al., 2020),
    /// which StyleCLIP's optimiser (Patashnik et al., 2021) took over. The very first rate is zero, as theirs is.
    pub fn ramped(rate: f64) -> Self {
        Self { rate, warm_up: 0.05, ramp_down: 0.25 }
    }

    /// The same rate for all steps, however many there will be.
    pub fn flat(rate: f64) -> Self {
        Self { rate, warm_up: 0.0, ramp_down: 0.0 }
    }

    /// The rate of a step of so many; the first is zero.
    pub fn at(&self, step: usize, steps: usize) -> f64 {
        let t = step as f64 / steps.max(1) as f64;
        let part = |done: f64, whole: f64| if whole > 0.0 { (done / whole).clamp(0.0, 1.0) } else { 1.0 };
        let fall = 0.5 - 0.5 * (PI * part(1.0 - t, self.ramp_down)).cos();
        self.rate * fall * part(t, self.warm_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_stays_and_falls_as_published() {
        let schedule = Schedule::ramped(0.1);
        // lr · (0.5 − 0.5 cos(π min(1, (1 − t) / 0.25))) · min(1, t / 0.05), to six digits.
        let published = [
            (0, 0.0),
            (1, 0.02),
            (2, 0.04),
            (5, 0.1),
            (75, 0.1),
            (80, 0.090_451),
            (90, 0.034_549),
            (99, 0.000_394),
        ];
        for (step, rate) in published {
            assert!((schedule.at(step, 100) - rate).abs() < 5e-7, "{step}: {}", schedule.at(step, 100));
        }
        assert!(schedule.at(100, 100).abs() < 1e-12);
        for step in [0, 7, 1_000_000] {
            assert_eq!(Schedule::flat(0.3).at(step, 10), 0.3);
        }
    }
}
