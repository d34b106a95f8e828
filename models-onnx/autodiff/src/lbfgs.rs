//! L-BFGS (Liu and Nocedal, 1989): Newton's direction from the differences that the last steps saw.

use std::collections::VecDeque;

/// A step has to bring at least this part of what the slope promises (Armijo's condition).
const PROMISE: f64 = 1e-4;

/// How often a step is shortened before none is taken.
const TRIES: usize = 20;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// The loss fell to this.
    Fell(f64),
    /// No step along the direction makes the loss fall: it stays at this.
    Settled(f64),
    /// At the start, the loss or its gradient was not finite. `x` is unchanged.
    NotFinite,
}

/// The state of an optimisation. After the first steps, of which it remembers `memory`, nothing is allocated.
#[derive(Debug, Clone)]
pub struct Lbfgs {
    memory: usize,
    past: VecDeque<Pair>,
    /// Room that the next pair can take.
    spare: Option<Pair>,
    loss: Option<f64>,
    gradient: Vec<f32>,
    trial: Vec<f32>,
    trial_gradient: Vec<f32>,
    direction: Vec<f64>,
    shares: Vec<f64>,
}

/// A step, and how the gradient changed over it.
#[derive(Debug, Clone)]
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// `1 / step·change`.
    inverse: f64,
}

impl Lbfgs {
    /// For `count` numbers, remembering so many steps.
    pub fn new(count: usize, memory: usize) -> Self {
        Self {
            memory: memory.max(1),
            past: VecDeque::with_capacity(memory.max(1)),
            spare: None,
            loss: None,
            gradient: vec![0.0; count],
            trial: vec![0.0; count],
            trial_gradient: vec![0.0; count],
            direction: vec![0.0; count],
            shares: Vec::with_capacity(memory.max(1)),
        }
    }

    /// Moves `x` once. `evaluate` gives the loss at a point and writes the gradient there; what it gives between two
    /// calls must be of the same function.
    ///
    /// # Errors
    /// Those of `evaluate`; `x` is then unchanged.
    ///
    /// # Panics
    /// If `x` is not as long as was said.
    pub fn step<E>(
        &mut self,
        x: &mut [f32],
        mut evaluate: impl FnMut(&[f32], &mut [f32]) -> Result<f64, E>,
    ) -> Result<Outcome, E> {
        assert_eq!(x.len(), self.gradient.len(), "another number of variables");
        let loss = match self.loss {
            Some(loss) => loss,
            None => evaluate(x, &mut self.gradient)?,
        };
        if !loss.is_finite() || !self.gradient.iter().all(|g| g.is_finite()) {
            return Ok(Outcome::NotFinite);
        }
        self.loss = Some(loss);
        self.aim();
        let mut promise = -dot(&self.direction, self.gradient.iter().map(|&g| f64::from(g)));
        if promise <= 0.0 {
            // What was remembered points uphill, which rounding can bring about: start anew.
            self.past.clear();
            self.aim();
            promise = -dot(&self.direction, self.gradient.iter().map(|&g| f64::from(g)));
        }
        if promise <= 0.0 {
            return Ok(Outcome::Settled(loss));
        }
        // Without memory nothing tells how far to go: not farther than one.
        let length = dot(&self.direction, self.direction.iter().copied()).sqrt();
        let mut far = if self.past.is_empty() { (1.0 / length).min(1.0) } else { 1.0 };
        for _ in 0..TRIES {
            for ((trial, &x), &d) in self.trial.iter_mut().zip(x.iter()).zip(&self.direction) {
                *trial = (f64::from(x) + far * d) as f32;
            }
            let reached = evaluate(&self.trial, &mut self.trial_gradient)?;
            let sound = reached.is_finite() && self.trial_gradient.iter().all(|g| g.is_finite());
            if sound && reached <= loss - PROMISE * far * promise {
                self.remember(x);
                x.copy_from_slice(&self.trial);
                std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
                self.loss = Some(reached);
                return Ok(Outcome::Fell(reached));
            }
            // The lowest point of the parabola through what is known, within bounds.
            let bend = reached - loss + far * promise;
            let lowest = 0.5 * far * far * promise / bend;
            far = if sound && bend > 0.0 { lowest.clamp(0.1 * far, 0.5 * far) } else { 0.1 * far };
        }
        Ok(Outcome::Settled(loss))
    }

    /// Forgets everything, for when the function changes.
    pub fn reset(&mut self) {
        self.past.clear();
        self.loss = None;
    }

    /// Sets the direction to `−H g`, `H` being what the past tells of the inverse of the second derivatives.
    fn aim(&mut self) {
        let direction = &mut self.direction;
        direction.iter_mut().zip(&self.gradient).for_each(|(d, &g)| *d = -f64::from(g));
        self.shares.clear();
        for pair in self.past.iter().rev() {
            let share = pair.inverse * dot(&pair.step, direction.iter().copied());
            direction.iter_mut().zip(&pair.change).for_each(|(d, c)| *d -= share * c);
            self.shares.push(share);
        }
        if let Some(last) = self.past.back() {
            let scale = 1.0 / (last.inverse * dot(&last.change, last.change.iter().copied()));
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for (pair, share) in self.past.iter().zip(self.shares.iter().rev()) {
            let back = pair.inverse * dot(&pair.change, direction.iter().copied());
            direction.iter_mut().zip(&pair.step).for_each(|(d, s)| *d += (share - back) * s);
        }
    }

    /// Keeps what the step from `x` to the trial showed, if the slope rose along it.
    fn remember(&mut self, x: &[f32]) {
        let empty = || Pair { step: vec![0.0; x.len()], change: vec![0.0; x.len()], inverse: 0.0 };
        let mut pair = self.spare.take().unwrap_or_else(empty);
        let difference = |to: &mut [f64], after: &[f32], before: &[f32]| {
            for ((to, &a), &b) in to.iter_mut().zip(after).zip(before) {
                *to = f64::from(a) - f64::from(b);
            }
        };
        difference(&mut pair.step, &self.trial, x);
        difference(&mut pair.change, &self.trial_gradient, &self.gradient);
        let product = dot(&pair.step, pair.change.iter().copied());
        if product > 1e-10 * dot(&pair.change, pair.change.iter().copied()) {
            pair.inverse = 1.0 / product;
            if self.past.len() == self.memory {
                self.spare = self.past.pop_front();
            }
            self.past.push_back(pair);
        } else {
            self.spare = Some(pair);
        }
    }
}

fn dot(a: &[f64], b: impl IntoIterator<Item = f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Rosenbrock's valley, whose lowest point is at ones.
    fn valley(x: &[f32], gradient: &mut [f32]) -> Result<f64, Infallible> {
        let x: Vec<f64> = x.iter().map(|&v| v.into()).collect();
        let mut slopes = vec![0.0f64; x.len()];
        let mut loss = 0.0;
        for i in 0..x.len() - 1 {
            let (bend, off) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
            loss += 100.0 * bend * bend + off * off;
            slopes[i] += -400.0 * bend * x[i] - 2.0 * off;
            slopes[i + 1] += 200.0 * bend;
        }
        gradient.iter_mut().zip(slopes).for_each(|(g, s)| *g = s as f32);
        Ok(loss)
    }

    #[test]
    fn it_follows_a_bent_valley_down() {
        let mut x = vec![-1.2f32, 1.0, -1.2, 1.0, -1.2, 1.0];
        let mut optimiser = Lbfgs::new(6, 8);
        let mut loss = f64::INFINITY;
        for _ in 0..120 {
            match optimiser.step(&mut x, valley).unwrap() {
                Outcome::Fell(to) => {
                    assert!(to < loss);
                    loss = to;
                }
                Outcome::Settled(_) => break,
                Outcome::NotFinite => unreachable!(),
            }
        }
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-3), "{x:?} {loss}");
    }

    #[test]
    fn steps_into_nothing_are_shortened() {
        // x − ln x / 20 is a number only to the right of zero; a first step of one would leave it.
        let evaluate = |x: &[f32], g: &mut [f32]| {
            g[0] = 1.0 - 0.05 / x[0];
            Ok::<_, Infallible>(f64::from(x[0]) - 0.05 * f64::from(x[0]).ln())
        };
        let mut optimiser = Lbfgs::new(1, 4);
        let mut x = vec![0.9f32];
        for _ in 0..30 {
            assert_ne!(optimiser.step(&mut x, evaluate).unwrap(), Outcome::NotFinite);
        }
        assert!((x[0] - 0.05).abs() < 1e-4, "{x:?}");

        let mut nowhere = vec![-1.0f32];
        assert_eq!(Lbfgs::new(1, 4).step(&mut nowhere, evaluate).unwrap(), Outcome::NotFinite);
        assert_eq!(nowhere, [-1.0]);
    }

    #[test]
    fn an_error_leaves_everything_as_it_was() {
        let mut x = vec![2.0f32];
        let failed = Lbfgs::new(1, 4).step(&mut x, |_, _| Err::<f64, _>("cancelled"));
        assert_eq!((failed, x), (Err("cancelled"), vec![2.0]));
    }
}
