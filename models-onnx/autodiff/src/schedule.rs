//! How far each step of an optimisation goes.

use std::f64::consts::PI;

/// A rate that rises linearly at first and falls along a cosine at last, as in the projector of StyleGAN2 (Karras et
/// al., 2020), which StyleCLIP's optimiser (Patashnik et al., 2021) took over with these very fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The rate between rise and fall.
    pub rate: f64,
    /// How many steps there will be.
    pub steps: usize,
    /// The part of them in which the rate rises from zero.
    pub warm_up: f64,
    /// The part of them in which it falls to zero.
    pub ramp_down: f64,
}

impl Schedule {
    /// With the papers' fractions: 0.05 to rise and 0.25 to fall.
    pub fn new(rate: f64, steps: usize) -> Self {
        Self { rate, steps, warm_up: 0.05, ramp_down: 0.25 }
    }

    /// The same rate for all steps.
    pub fn flat(rate: f64, steps: usize) -> Self {
        Self { rate, steps, warm_up: 0.0, ramp_down: 0.0 }
    }

    /// The rate of a step; the first is zero, and there the papers' rate is zero too.
    pub fn at(&self, step: usize) -> f64 {
        let t = step as f64 / self.steps.max(1) as f64;
        let part = |done: f64, whole: f64| if whole > 0.0 { (done / whole).clamp(0.0, 1.0) } else { 1.0 };
        let fall = 0.5 - 0.5 * (PI * part(1.0 - t, self.ramp_down)).cos();
        self.rate * fall * part(t, self.warm_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_stays_and_falls() {
        let schedule = Schedule::new(0.1, 100);
        assert!(schedule.at(0).abs() < 1e-12);
        assert!((schedule.at(2) - 0.04).abs() < 1e-12);
        assert!((5..=75).all(|s| (schedule.at(s) - 0.1).abs() < 1e-12));
        // Half of a cosine is over in the middle of the fall.
        assert!((schedule.at(75 + 25 / 2) - 0.05).abs() < 4e-3);
        assert!(schedule.at(100).abs() < 1e-12);
        assert!((Schedule::flat(0.3, 10).at(0) - 0.3).abs() < 1e-12);
    }
}
