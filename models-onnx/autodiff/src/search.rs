//! How far to go along a direction.

/// A step has to bring at least this part of what the slope promises (Armijo's condition; Wolfe's first).
const PROMISE: f64 = 1e-4;

/// The slope has to become this much gentler (Wolfe's second condition, in its strong form).
const GENTLER: f64 = 0.9;

/// How often another length is tried.
const TRIES: usize = 25;

/// How L-BFGS chooses how far to go along its direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// Always as far as the direction is long, times this rate. One run per step, and nothing keeps the loss from
    /// rising.
    Fixed(f64),
    /// Shortens until the loss falls enough (Nocedal and Wright, 2006, algorithm 3.1).
    Armijo,
    /// Also goes on until the slope is gentle enough, which keeps the memory sound (algorithms 3.5 and 3.6, with the
    /// cubic steps of equation 3.59 and the safeguards of minFunc, as in PyTorch's `strong_wolfe`).
    StrongWolfe,
}

/// What was found at one place along the direction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Point {
    /// In lengths of the direction.
    pub(crate) far: f64,
    /// Infinite where the loss or its gradient is not finite.
    pub(crate) loss: f64,
    pub(crate) slope: f64,
    pub(crate) gradient: Vec<f32>,
}

/// Room for the places that a search compares. The one that was chosen ends as `low`.
#[derive(Debug, Clone)]
pub(crate) struct Points {
    pub(crate) low: Point,
    high: Point,
    trial: Point,
}

/// The line that is searched.
pub(crate) struct Line<'a, F> {
    pub(crate) start: &'a [f32],
    pub(crate) direction: &'a [f64],
    pub(crate) trial: &'a mut [f32],
    pub(crate) evaluate: F,
}

impl<E, F: FnMut(&[f32], &mut [f32]) -> Result<f64, E>> Line<'_, F> {
    fn at(&mut self, far: f64, point: &mut Point) -> Result<(), E> {
        self.go(far);
        point.far = far;
        point.loss = (self.evaluate)(self.trial, &mut point.gradient)?;
        point.slope = point.gradient.iter().zip(self.direction).map(|(&g, d)| f64::from(g) * d).sum();
        if !(point.loss.is_finite() && point.slope.is_finite()) {
            (point.loss, point.slope) = (f64::INFINITY, f64::INFINITY);
        }
        Ok(())
    }

    /// Brings the trial to a place along the line.
    pub(crate) fn go(&mut self, far: f64) {
        for ((trial, &x), &d) in self.trial.iter_mut().zip(self.start).zip(self.direction) {
            *trial = (f64::from(x) + far * d) as f32;
        }
    }
}

impl Points {
    pub(crate) fn new(count: usize) -> Self {
        let point = || Point { gradient: vec![0.0; count], ..Point::default() };
        Self { low: point(), high: point(), trial: point() }
    }

    /// Goes along a line, whose start is known, for `first` at first. Whether `low` is a place to go to.
    pub(crate) fn search<E, F: FnMut(&[f32], &mut [f32]) -> Result<f64, E>>(
        &mut self,
        how: Search,
        line: &mut Line<'_, F>,
        start: (f64, f64, &[f32]),
        first: f64,
        tolerance: f64,
    ) -> Result<bool, E> {
        match how {
            Search::Fixed(rate) => {
                line.at(first * rate, &mut self.low)?;
                Ok(self.low.loss.is_finite())
            }
            Search::Armijo => self.armijo(line, start, first),
            Search::StrongWolfe => self.wolfe(line, start, first, tolerance),
        }
    }

    fn armijo<E, F: FnMut(&[f32], &mut [f32]) -> Result<f64, E>>(
        &mut self,
        line: &mut Line<'_, F>,
        (loss, slope, _): (f64, f64, &[f32]),
        first: f64,
    ) -> Result<bool, E> {
        let mut far = first;
        for _ in 0..TRIES {
            line.at(far, &mut self.low)?;
            if self.low.loss <= loss + PROMISE * far * slope {
                return Ok(true);
            }
            // The lowest point of the parabola through what is known, within bounds.
            let bend = self.low.loss - loss - far * slope;
            let lowest = -0.5 * far * far * slope / bend;
            far = if bend.is_finite() { lowest.clamp(0.1 * far, 0.5 * far) } else { 0.1 * far };
        }
        Ok(false)
    }

    fn wolfe<E, F: FnMut(&[f32], &mut [f32]) -> Result<f64, E>>(
        &mut self,
        line: &mut Line<'_, F>,
        (loss, slope, gradient): (f64, f64, &[f32]),
        first: f64,
        tolerance: f64,
    ) -> Result<bool, E> {
        let Self { low, high, trial } = self;
        let enough = |point: &Point| point.loss <= loss + PROMISE * point.far * slope;
        let gentle = |point: &Point| point.slope.abs() <= -GENTLER * slope;
        (low.far, low.loss, low.slope) = (0.0, loss, slope);
        low.gradient.copy_from_slice(gradient);
        // Farther and farther, until the lowest point lies between the last two places.
        let mut tries = 1;
        line.at(first, trial)?;
        loop {
            if !enough(trial) || (tries > 2 && trial.loss >= low.loss) {
                std::mem::swap(high, trial);
                break;
            }
            if gentle(trial) {
                std::mem::swap(low, trial);
                return Ok(true);
            }
            let uphill = trial.slope >= 0.0;
            let (step, far) = (trial.far - low.far, trial.far);
            let next = lowest(low, trial, far + 0.01 * step, 10.0 * far);
            // The last place becomes the one before.
            std::mem::swap(low, trial);
            if uphill {
                std::mem::swap(high, trial);
                break;
            }
            if tries == TRIES {
                return Ok(true);
            }
            line.at(next, trial)?;
            tries += 1;
        }
        // Between them, closer and closer.
        let longest = line.direction.iter().fold(0.0f64, |most, d| most.max(d.abs()));
        let mut cramped = false;
        while tries < TRIES {
            if high.loss < low.loss {
                std::mem::swap(low, high);
            }
            let (left, right) = (low.far.min(high.far), low.far.max(high.far));
            if (right - left) * longest < tolerance {
                break;
            }
            let mut far = lowest(low, high, left, right);
            // Twice in a row near an end would make no progress.
            let margin = 0.1 * (right - left);
            let near = (right - far).min(far - left) < margin;
            if near && (cramped || far >= right || far <= left) {
                far = if right - far < far - left { right - margin } else { left + margin };
                cramped = false;
            } else {
                cramped = near;
            }
            line.at(far, trial)?;
            tries += 1;
            if !enough(trial) || trial.loss >= low.loss {
                std::mem::swap(high, trial);
                continue;
            }
            let done = gentle(trial);
            if !done && trial.slope * (high.far - low.far) >= 0.0 {
                std::mem::swap(high, low);
            }
            std::mem::swap(low, trial);
            if done {
                break;
            }
        }
        if high.loss < low.loss {
            std::mem::swap(low, high);
        }
        Ok(low.far > 0.0)
    }
}

/// The lowest point of the cubic through losses and slopes at two places, within bounds.
fn lowest(a: &Point, b: &Point, least: f64, most: f64) -> f64 {
    let (a, b) = if a.far <= b.far { (a, b) } else { (b, a) };
    // Where nothing is finite there is no curve: near the other place.
    if b.loss.is_infinite() {
        return least + 0.1 * (most - least);
    }
    if a.loss.is_infinite() {
        return most - 0.1 * (most - least);
    }
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.far - b.far);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = square.sqrt();
    let place = b.far - (b.far - a.far) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    // Also where the square is negative or everything is flat.
    if place.is_nan() { 0.5 * (least + most) } else { place.clamp(least, most) }
}
