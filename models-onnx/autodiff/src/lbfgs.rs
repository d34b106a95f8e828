//! L-BFGS (Liu and Nocedal, 1989): Newton's direction from the differences that the last steps saw.

use std::collections::VecDeque;

use crate::search::{Line, Points, Search};

/// How L-BFGS goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// How many steps it remembers, at least one.
    pub memory: usize,
    /// How it finds the length of a step.
    pub search: Search,
    /// It has settled where no element of the gradient is larger than this.
    pub gradient_tolerance: f64,
    /// It has settled when a step changed no number, or the loss, by more than this.
    pub change_tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { memory: 20, search: Search::StrongWolfe, gradient_tolerance: 1e-7, change_tolerance: 1e-9 }
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// To a place of this loss.
    Moved(f64),
    /// To a place of this loss, or nowhere: there is nothing left to gain, by the tolerances or because no step along
    /// the direction makes the loss fall.
    Settled(f64),
    /// At the start, or after a fixed step, the loss or its gradient was not finite. `x` is what it was before.
    NotFinite,
}

/// An optimisation with L-BFGS under way. After [`Lbfgs::start`] nothing is allocated.
#[derive(Debug, Clone)]
pub struct LbfgsState {
    lbfgs: Lbfgs,
    past: VecDeque<Pair>,
    /// Room that the next pairs can take.
    spare: Vec<Pair>,
    loss: Option<f64>,
    gradient: Vec<f32>,
    trial: Vec<f32>,
    points: Points,
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
    /// For `count` numbers. Takes `16 · memory + 32` bytes for each, about.
    pub fn start(self, count: usize) -> LbfgsState {
        let memory = self.memory.max(1);
        let pair = Pair { step: vec![0.0; count], change: vec![0.0; count], inverse: 0.0 };
        LbfgsState {
            lbfgs: self,
            past: VecDeque::with_capacity(memory + 1),
            // One more, for what is looked at before the oldest is forgotten.
            spare: vec![pair; memory + 1],
            loss: None,
            gradient: vec![0.0; count],
            trial: vec![0.0; count],
            points: Points::new(count),
            direction: vec![0.0; count],
            shares: Vec::with_capacity(memory),
        }
    }
}

impl LbfgsState {
    /// Moves `x` once. `evaluate` gives the loss at a point and writes the gradient there; what it gives between two
    /// calls must be of the same function. The loss of a step is that of the place it leads to.
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
    ) -> Result<Step, E> {
        assert_eq!(x.len(), self.gradient.len(), "another number of variables");
        let loss = match self.loss {
            Some(loss) => loss,
            None => evaluate(x, &mut self.gradient)?,
        };
        if !loss.is_finite() || !self.gradient.iter().all(|g| g.is_finite()) {
            return Ok(Step::NotFinite);
        }
        self.loss = Some(loss);
        if self.gradient.iter().all(|g| f64::from(g.abs()) <= self.lbfgs.gradient_tolerance) {
            return Ok(Step::Settled(loss));
        }
        self.aim();
        if self.slope() >= 0.0 {
            // What was remembered points uphill, which rounding can bring about: start anew.
            self.forget();
            self.aim();
        }
        let slope = self.slope();
        if slope >= 0.0 {
            return Ok(Step::Settled(loss));
        }
        // Without memory nothing tells how far to go: not farther than one, all elements together.
        let size: f64 = self.direction.iter().map(|d| d.abs()).sum();
        let first = if self.past.is_empty() { (1.0 / size).min(1.0) } else { 1.0 };
        let tolerance = self.lbfgs.change_tolerance;
        let mut line = Line { start: x, direction: &self.direction, trial: &mut self.trial, evaluate };
        let start = (loss, slope, self.gradient.as_slice());
        let found = self.points.search(self.lbfgs.search, &mut line, start, first, tolerance)?;
        if !found {
            let fixed = matches!(self.lbfgs.search, Search::Fixed(_));
            return Ok(if fixed { Step::NotFinite } else { Step::Settled(loss) });
        }
        line.go(self.points.low.far);
        self.remember(x);
        let moved = x.iter().zip(&self.trial).any(|(a, b)| f64::from((a - b).abs()) > tolerance);
        x.copy_from_slice(&self.trial);
        std::mem::swap(&mut self.gradient, &mut self.points.low.gradient);
        let reached = self.points.low.loss;
        self.loss = Some(reached);
        let settled = !moved || (reached - loss).abs() < tolerance;
        Ok(if settled { Step::Settled(reached) } else { Step::Moved(reached) })
    }

    fn slope(&self) -> f64 {
        dot(&self.direction, self.gradient.iter().map(|&g| f64::from(g)))
    }

    fn forget(&mut self) {
        self.spare.extend(self.past.drain(..));
    }

    /// Forgets everything, for when the function changes.
    pub fn reset(&mut self) {
        self.forget();
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
        let Some(mut pair) = self.spare.pop() else { return };
        let difference = |to: &mut [f64], after: &[f32], before: &[f32]| {
            for ((to, &a), &b) in to.iter_mut().zip(after).zip(before) {
                *to = f64::from(a) - f64::from(b);
            }
        };
        difference(&mut pair.step, &self.trial, x);
        difference(&mut pair.change, &self.points.low.gradient, &self.gradient);
        let product = dot(&pair.step, pair.change.iter().copied());
        if product > 1e-10 * dot(&pair.change, pair.change.iter().copied()) {
            pair.inverse = 1.0 / product;
            if self.past.len() == self.lbfgs.memory.max(1) {
                self.spare.extend(self.past.pop_front());
            }
            self.past.push_back(pair);
        } else {
            self.spare.push(pair);
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

    const SEARCHES: [Search; 2] = [Search::Armijo, Search::StrongWolfe];

    fn with(search: Search) -> Lbfgs {
        Lbfgs { memory: 8, search, ..Lbfgs::default() }
    }

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
    fn it_follows_a_bent_valley_down_and_settles() {
        for search in SEARCHES {
            let mut x = vec![-1.2f32, 1.0, -1.2, 1.0, -1.2, 1.0];
            let mut state = with(search).start(6);
            let mut loss = f64::INFINITY;
            let settled = (0..120).any(|_| match state.step(&mut x, valley).unwrap() {
                Step::Moved(to) => {
                    assert!(to < loss);
                    loss = to;
                    false
                }
                Step::Settled(_) => true,
                Step::NotFinite => unreachable!(),
            });
            assert!(settled && x.iter().all(|x| (x - 1.0).abs() < 1e-3), "{search:?} {x:?} {loss}");
        }
    }

    #[test]
    fn steps_into_nothing_are_shortened() {
        // x − ln x / 20 is a number only to the right of zero; a first step of one would leave it.
        let evaluate = |x: &[f32], g: &mut [f32]| {
            g[0] = 1.0 - 0.05 / x[0];
            Ok::<_, Infallible>(f64::from(x[0]) - 0.05 * f64::from(x[0]).ln())
        };
        for search in SEARCHES {
            let mut state = with(search).start(1);
            let mut x = vec![0.9f32];
            for _ in 0..30 {
                assert_ne!(state.step(&mut x, evaluate).unwrap(), Step::NotFinite);
            }
            assert!((x[0] - 0.05).abs() < 1e-4, "{search:?} {x:?}");
        }
        for search in [Search::Fixed(1.0), Search::Armijo, Search::StrongWolfe] {
            let mut nowhere = vec![-1.0f32];
            assert_eq!(with(search).start(1).step(&mut nowhere, evaluate).unwrap(), Step::NotFinite);
            assert_eq!(nowhere, [-1.0]);
        }
        // A fixed step out of bounds is taken back.
        let mut x = vec![0.9f32];
        assert_eq!(with(Search::Fixed(2.0)).start(1).step(&mut x, evaluate).unwrap(), Step::NotFinite);
        assert_eq!(x, [0.9]);
    }

    #[test]
    fn an_error_leaves_everything_as_it_was() {
        let mut x = vec![2.0f32];
        let failed = Lbfgs::default().start(1).step(&mut x, |_, _| Err::<f64, _>("cancelled"));
        assert_eq!((failed, x), (Err("cancelled"), vec![2.0]));
    }

    #[test]
    fn where_nothing_is_to_be_gained_it_stays() {
        let mut x = vec![1.0f32, 1.0];
        assert_eq!(Lbfgs::default().start(2).step(&mut x, valley).unwrap(), Step::Settled(0.0));
        assert_eq!(x, [1.0, 1.0]);
    }
}
