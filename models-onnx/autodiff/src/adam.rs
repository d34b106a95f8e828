//! Adam (Kingma and Ba, 2015), with decoupled decay (Loshchilov and Hutter, 2019), clipping and a guard.

/// The loss or its gradient was no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the loss or its gradient was not finite after step {step}, which was undone")]
pub struct Diverged {
    /// Counted from one; zero is the start.
    pub step: usize,
}

/// How Adam goes; the default is the paper's. Its rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// How slowly the mean of the gradient is forgotten, `0..1`.
    pub beta1: f64,
    /// How slowly the mean of its square is forgotten, `0..1`.
    pub beta2: f64,
    /// Added to the root of that mean.
    pub epsilon: f64,
    /// The part of each number, times the rate, that every step takes away; zero but for weights that are trained.
    pub decay: f64,
    /// Elements of the gradient are brought into `-clip_value..=clip_value`, before anything else.
    pub clip_value: Option<f64>,
    /// Gradients longer than this, over all variables, are shortened to it.
    pub clip_norm: Option<f64>,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0, clip_value: None, clip_norm: None }
    }
}

/// An optimisation with Adam under way. After [`Adam::start`] nothing is allocated.
#[derive(Debug, Clone)]
pub struct AdamState {
    adam: Adam,
    mean: Vec<f64>,
    square: Vec<f64>,
    before: Vec<f32>,
    step: usize,
}

impl Adam {
    /// For `count` numbers.
    pub fn start(self, count: usize) -> AdamState {
        let zeros = vec![0.0; count];
        AdamState { adam: self, mean: zeros.clone(), square: zeros, before: vec![0.0; count], step: 0 }
    }
}

impl AdamState {
    /// Moves `x` by what the loss and the gradient at `x` say.
    ///
    /// # Errors
    /// [`Diverged`] where one of them is not finite; `x` is then what it was one step before.
    ///
    /// # Panics
    /// If `x` or `gradient` is not as long as was said.
    pub fn step(&mut self, x: &mut [f32], loss: f32, gradient: &[f32], rate: f64) -> Result<(), Diverged> {
        assert!(x.len() == self.mean.len() && gradient.len() == x.len(), "another number of variables");
        let Adam { beta1, beta2, epsilon, decay, clip_value, clip_norm } = self.adam;
        let clipped = |g: f32| match clip_value {
            Some(most) if g.is_finite() => f64::from(g).clamp(-most.abs(), most.abs()),
            _ => f64::from(g),
        };
        let length = gradient.iter().map(|&g| clipped(g) * clipped(g)).sum::<f64>().sqrt();
        if !loss.is_finite() || !length.is_finite() {
            if self.step > 0 {
                x.copy_from_slice(&self.before);
            }
            return Err(Diverged { step: self.step });
        }
        self.before.copy_from_slice(x);
        self.step += 1;
        let shorter = clip_norm.filter(|&most| length > most).map_or(1.0, |most| most / length);
        // Means that start at zero are too small by these factors.
        let bias = |beta: f64| 1.0 - beta.powf(self.step as f64);
        let (bias1, bias2) = (bias(beta1), bias(beta2));
        for (((x, &g), m), v) in x.iter_mut().zip(gradient).zip(&mut self.mean).zip(&mut self.square) {
            let g = clipped(g) * shorter;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            let kept = f64::from(*x) * (1.0 - rate * decay);
            *x = (kept - rate * (*m / bias1) / ((*v / bias2).sqrt() + epsilon)) as f32;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_undoes_one_step() {
        let (mut adam, mut x) = (Adam::default().start(1), vec![1.0f32]);
        assert_eq!(adam.step(&mut x, f32::NAN, &[1.0], 0.1), Err(Diverged { step: 0 }));
        assert_eq!(x, [1.0]);
        adam.step(&mut x, 1.0, &[1.0], 0.1).unwrap();
        let good = x.clone();
        adam.step(&mut x, 1.0, &[1.0], 0.1).unwrap();
        assert_ne!(x, good);
        let error = adam.step(&mut x, 1.0, &[f32::INFINITY], 0.1).unwrap_err();
        assert_eq!(x, good);
        assert!(error.to_string().contains("step 2"), "{error}");
        // Clipping hides no infinity.
        let mut clipped = Adam { clip_value: Some(1.0), ..Adam::default() }.start(1);
        assert!(clipped.step(&mut x, 1.0, &[f32::NEG_INFINITY], 0.1).is_err());
    }

    #[test]
    fn long_gradients_are_shortened_and_high_elements_cut() {
        let by_norm = Adam { clip_norm: Some(1.0), ..Adam::default() };
        let by_value = Adam { clip_value: Some(0.8), ..Adam::default() };
        // Adam hides a common factor; one that changes between the steps it does not.
        let walk = |adam: Adam, second: [f32; 2]| {
            let (mut adam, mut x) = (adam.start(2), vec![0.0f32, 0.0]);
            adam.step(&mut x, 0.0, &[0.6, 0.8], 0.1).unwrap();
            adam.step(&mut x, 0.0, &second, 0.1).unwrap();
            x
        };
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&walk(by_norm, [60.0, 80.0]), &walk(Adam::default(), [0.6, 0.8])));
        assert!(near(&walk(by_value, [0.6, -80.0]), &walk(Adam::default(), [0.6, -0.8])));
        assert!(!near(&walk(Adam::default(), [60.0, 80.0]), &walk(Adam::default(), [0.6, 0.8])));
    }
}
