//! Adam (Kingma and Ba, 2015), with clipping and a guard.

/// The loss or its gradient was no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the loss or its gradient was not finite after step {step}, which was undone")]
pub struct Diverged {
    /// Counted from one; zero is the start.
    pub step: usize,
}

/// The state of an optimisation. After [`Self::new`] nothing is allocated.
#[derive(Debug, Clone)]
pub struct Adam {
    /// How slowly the mean of the gradient is forgotten.
    pub beta1: f64,
    /// How slowly the mean of its square is forgotten.
    pub beta2: f64,
    /// Added to the root of that mean.
    pub epsilon: f64,
    /// Longer gradients are shortened to this length.
    pub clip: Option<f64>,
    mean: Vec<f64>,
    square: Vec<f64>,
    before: Vec<f32>,
    step: usize,
}

impl Adam {
    /// For so many numbers, with the paper's settings.
    pub fn new(count: usize) -> Self {
        let zeros = vec![0.0; count];
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clip: None,
            mean: zeros.clone(),
            square: zeros,
            before: vec![0.0; count],
            step: 0,
        }
    }

    /// Moves `x` by what the loss and the gradient at `x` say.
    ///
    /// # Errors
    /// [`Diverged`] where one of them is not finite; `x` is then what it was one step before.
    ///
    /// # Panics
    /// If `x` or `gradient` is not as long as was said.
    pub fn step(&mut self, x: &mut [f32], loss: f32, gradient: &[f32], rate: f64) -> Result<(), Diverged> {
        assert!(x.len() == self.mean.len() && gradient.len() == x.len(), "another number of variables");
        let length = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        if !loss.is_finite() || !length.is_finite() {
            if self.step > 0 {
                x.copy_from_slice(&self.before);
            }
            return Err(Diverged { step: self.step });
        }
        self.before.copy_from_slice(x);
        self.step += 1;
        let shorter = self.clip.filter(|&clip| length > clip).map_or(1.0, |clip| clip / length);
        // Means that start at zero are too small by these factors.
        let bias = |beta: f64| 1.0 - beta.powf(self.step as f64);
        let (bias1, bias2) = (bias(self.beta1), bias(self.beta2));
        for (((x, &g), m), v) in x.iter_mut().zip(gradient).zip(&mut self.mean).zip(&mut self.square) {
            let g = f64::from(g) * shorter;
            *m = self.beta1 * *m + (1.0 - self.beta1) * g;
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *x -= (rate * (*m / bias1) / ((*v / bias2).sqrt() + self.epsilon)) as f32;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(x: &[f32]) -> Vec<f32> {
        // Of x₀⁴ + x₁⁴ + x₂⁴ + x₀x₁x₂.
        (0..3).map(|i| 4.0 * x[i].powi(3) + x[(i + 1) % 3] * x[(i + 2) % 3]).collect()
    }

    #[test]
    fn it_walks_as_the_one_of_pytorch() {
        let (mut adam, mut x) = (Adam::new(3), vec![1.0f32, -2.0, 0.5]);
        let golden: [[f32; 3]; 4] = [
            [0.9, -1.9, 0.6],
            [0.804_425_7, -1.800_719_1, 0.694_926],
            [0.717_741_4, -1.702_677, 0.772_098_9],
            [0.644_144, -1.606_398, 0.811_942_9],
        ];
        for golden in golden {
            let g = gradient(&x);
            adam.step(&mut x, 0.0, &g, 0.1).unwrap();
            assert!(x.iter().zip(golden).all(|(x, g)| (x - g).abs() < 1e-5), "{x:?} {golden:?}");
        }
    }

    #[test]
    fn what_is_not_finite_undoes_one_step() {
        let (mut adam, mut x) = (Adam::new(1), vec![1.0f32]);
        assert_eq!(adam.step(&mut x, f32::NAN, &[1.0], 0.1), Err(Diverged { step: 0 }));
        assert_eq!(x, [1.0]);
        adam.step(&mut x, 1.0, &[1.0], 0.1).unwrap();
        let good = x.clone();
        adam.step(&mut x, 1.0, &[1.0], 0.1).unwrap();
        assert_ne!(x, good);
        let error = adam.step(&mut x, 1.0, &[f32::INFINITY], 0.1).unwrap_err();
        assert_eq!(x, good);
        assert!(error.to_string().contains("step 2"), "{error}");
    }

    #[test]
    fn long_gradients_are_shortened() {
        let mut walks = [(); 2].map(|()| (Adam::new(2), vec![0.0f32, 0.0]));
        walks[0].0.clip = Some(1.0);
        for (adam, x) in &mut walks {
            // Adam hides a common factor; one that changes between the steps it does not.
            adam.step(x, 0.0, &[0.6, 0.8], 0.1).unwrap();
        }
        walks[0].0.step(&mut walks[0].1, 0.0, &[60.0, 80.0], 0.1).unwrap();
        walks[1].0.step(&mut walks[1].1, 0.0, &[0.6, 0.8], 0.1).unwrap();
        assert!(walks[0].1.iter().zip(&walks[1].1).all(|(a, b)| (a - b).abs() < 1e-6), "{walks:?}");
    }
}
