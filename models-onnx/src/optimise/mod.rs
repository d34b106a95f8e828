//! Changing variables of a model until a loss is small.
//!
//! [`autodiff`] turns a model and a loss into one that also gives gradients; [`GradientSession`] opens it;
//! [`Optimisation`] makes the steps. Here a code of the starter pack is found that makes a given picture:
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use autodiff::{Adam, Differentiate, Loss, Measure, Model, Schedule, Term};
//! use models_onnx::optimise::{GradientSession, Optimisation};
//! use models_onnx::runtime::Options;
//! use models_onnx::session::Tensor;
//! use models_onnx::{Cancel, Pack, Places, Role, Runtime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let target = ndarray::Array4::<f32>::zeros((1, 3, 128, 128));
//! let places = Places::at("/home/me/.local/share/pentimento");
//! let pack = Pack::open(&places.packs().join("starter-faces"), &places.shared())?;
//! let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
//!
//! let generator = pack.model(Role::Synthesis)?;
//! let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
//! let gradient =
//!     Differentiate::new(generator).loss(Loss::of(likeness)).wrt("styles").also("image").build()?;
//! let mut session = GradientSession::open(&runtime, gradient)?;
//!
//! let outcome = Optimisation::new(&mut session)
//!     .variable("styles", ndarray::Array2::ones((1, 2752)))
//!     .constant("target", Tensor::F32(target.view().into_dyn()))
//!     .adam(Adam::default(), Schedule::ramped(0.05))
//!     .steps(200)
//!     .preview("image", 20)
//!     .run(&Cancel::new(), |progress| {
//!         println!("{} of {}: {}", progress.step, progress.steps, progress.loss);
//!         ControlFlow::Continue(())
//!     })?;
//! println!("{}; the least was {}", outcome.stopped, outcome.best_loss);
//! let styles = &outcome.best["styles"];
//! # Ok(())
//! # }
//! ```

mod error;
mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use autodiff::{Adam, Lbfgs, Schedule, Step};
use ndarray::{Array, ArrayD, ArrayViewD, Dimension};

pub use self::error::OptimiseError;
pub(crate) use self::error::usable;
pub use self::session::{Bound, GradientSession};
use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::session::Tensor;

/// What is to be optimised, and how. Without a word on it: 100 steps of Adam at a rate of 0.1 that rises and falls.
pub struct Optimisation<'a> {
    session: &'a mut GradientSession,
    variables: Vec<(String, ArrayD<f32>)>,
    constants: Vec<(String, Tensor<'a>)>,
    renewed: Vec<(String, Renew<'a>)>,
    method: Method,
    steps: usize,
    preview: Option<(String, usize)>,
}

enum Method {
    Adam(Adam, Schedule),
    Lbfgs(Lbfgs),
}

/// Writes the numbers of a constant anew.
pub type Renew<'a> = Box<dyn FnMut(&mut [f32]) + 'a>;

/// How far it is.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Steps made, this one included.
    pub step: usize,
    /// Steps there will be at most.
    pub steps: usize,
    /// The loss: with Adam that before this step, with L-BFGS that after it.
    pub loss: f64,
    /// Since the first step began.
    pub elapsed: Duration,
    /// What [`Optimisation::preview`] asked for, on the steps that it comes with.
    pub preview: Option<ArrayViewD<'a, f32>>,
    names: &'a [String],
    terms: &'a [f32],
    began: &'a [f32],
}

impl Progress<'_> {
    /// The terms of the loss, without their weights.
    pub fn terms(&self) -> impl Iterator<Item = (&str, f32)> {
        self.names.iter().map(String::as_str).zip(self.terms.iter().copied())
    }

    /// The same before the first step.
    pub fn began(&self) -> impl Iterator<Item = (&str, f32)> {
        self.names.iter().map(String::as_str).zip(self.began.iter().copied())
    }
}

/// How far an edit is, for whoever watches it.
#[derive(Debug)]
pub struct Watched<'a> {
    /// Steps made, this one included.
    pub step: usize,
    /// Steps there will be at most.
    pub steps: usize,
    /// What the edit is after, where [`Progress::loss`] is from; each edit says what that is.
    pub reached: f32,
    /// The picture `[1, 3, R, R]`, or a smaller one, of the last run in this step; on the steps that it comes with.
    pub picture: Option<ArrayViewD<'a, f32>>,
}

/// Hears of each step of an edit and may ask to stop.
pub type Watch<'w> = dyn FnMut(&Watched<'_>) -> ControlFlow<()> + 'w;

/// Variables by name.
pub type Values = BTreeMap<String, ArrayD<f32>>;

/// Where an optimisation ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The variables after the last step. With Adam, nobody has seen their loss yet.
    pub values: Values,
    /// The variables at the least loss that was seen.
    pub best: Values,
    /// That loss.
    pub best_loss: f64,
    /// The step in which it was seen, counted from one.
    pub best_step: usize,
    /// The loss of each step, as in [`Progress::loss`].
    pub losses: Vec<f64>,
    /// Why it ended.
    pub stopped: Stopped,
}

/// Why an optimisation ended. Its text is one sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// All steps were made.
    Finished,
    /// Nothing was left to gain.
    Settled,
    /// It is as good as was wanted.
    Reached,
    /// The callback asked for it.
    Asked,
    /// The loss or its gradient was NaN or infinite after a step, which was undone.
    NotFinite {
        /// That step, counted from one.
        step: usize,
    },
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("all steps were made"),
            Self::Settled => f.write_str("it ended early, because nothing was left to gain"),
            Self::Reached => f.write_str("it ended early, because it was as good as you wanted"),
            Self::Asked => f.write_str("it ended early, as you asked"),
            Self::NotFinite { step } => write!(
                f,
                "it ended at step {step}, which led to numbers that are not finite and was undone; use a lower rate"
            ),
        }
    }
}

impl<'a> Optimisation<'a> {
    /// Of a model.
    pub fn new(session: &'a mut GradientSession) -> Self {
        let method = Method::Adam(Adam::default(), Schedule::ramped(0.1));
        Self {
            session,
            variables: Vec::new(),
            constants: Vec::new(),
            renewed: Vec::new(),
            method,
            steps: 100,
            preview: None,
        }
    }

    /// An input that moves, and where it starts. There may be several; they move together.
    pub fn variable<D: Dimension>(mut self, name: impl Into<String>, start: Array<f32, D>) -> Self {
        self.variables.push((name.into(), start.into_dyn()));
        self
    }

    /// An input that stays: a target, a mask, the weight of a term, a variable that is not to move.
    pub fn constant(mut self, name: impl Into<String>, value: Tensor<'a>) -> Self {
        self.constants.push((name.into(), value));
        self
    }

    /// Has a constant of single precision written anew before each step, such as one that is random. L-BFGS compares the
    /// losses of its steps, which have to be of one function: with it, it is written once.
    pub fn renew(mut self, name: impl Into<String>, write: Renew<'a>) -> Self {
        self.renewed.push((name.into(), write));
        self
    }

    /// Uses Adam.
    pub fn adam(mut self, adam: Adam, schedule: Schedule) -> Self {
        self.method = Method::Adam(adam, schedule);
        self
    }

    /// Uses L-BFGS.
    pub fn lbfgs(mut self, lbfgs: Lbfgs) -> Self {
        self.method = Method::Lbfgs(lbfgs);
        self
    }

    /// How many steps it makes at most. A step of Adam runs the model once, and so does one of L-BFGS in most cases.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Has an output of the model (see [`autodiff::Differentiate::also`]) come along with every so-many-th step; on the
    /// others it is not handed out. It is that of the last run in the step.
    pub fn preview(mut self, output: impl Into<String>, every: usize) -> Self {
        self.preview = Some((output.into(), every.max(1)));
        self
    }

    /// Makes the steps; `progress` hears of each and may ask to stop.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] at the latest one node of the model after `cancel` was used, and [`OptimiseError`].
    /// Numbers that are not finite are an error only at the start; later they end the optimisation (see
    /// [`Stopped::NotFinite`]).
    pub fn run(
        self,
        cancel: &Cancel,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome, ModelError> {
        let Self { session, variables, constants, mut renewed, method, steps, preview } = self;
        let names = session.terms().to_vec();
        let watched = preview.as_ref().map(|p| p.0.as_str());
        let bound = session.bind(&variables, &constants, watched, cancel)?;
        let mut x: Vec<f32> = variables.iter().flat_map(|v| v.1.iter().copied()).collect();
        let mut gradient = vec![0.0; x.len()];
        let terms = vec![0.0; names.len()];
        let best = Seen { x: x.clone(), terms: terms.clone(), loss: f64::INFINITY, step: 0 };
        let mut walk = Walk { bound, best, terms, began: Vec::new(), step: 0, watch: false, seen: None };
        let mut losses = Vec::with_capacity(steps);
        let mut method = match method {
            Method::Adam(adam, schedule) => State::Adam(adam.start(x.len()), schedule),
            Method::Lbfgs(lbfgs) => State::Lbfgs(Box::new(lbfgs.start(x.len()))),
        };
        let mut stopped = Stopped::Finished;
        let begun = Instant::now();
        for step in 1..=steps {
            walk.step = step;
            walk.seen = None;
            walk.watch = preview.as_ref().is_some_and(|p| step % p.1 == 0);
            if step == 1 || matches!(method, State::Adam(..)) {
                for (name, write) in &mut renewed {
                    walk.bound.renew(name, write)?;
                }
            }
            let (loss, end) = match &mut method {
                State::Adam(adam, schedule) => {
                    let loss = walk.evaluate(&x, &mut gradient)?;
                    let rate = schedule.at(step - 1, steps);
                    let moved = adam.step(&mut x, loss as f32, &gradient, rate);
                    (loss, moved.err().map(|e| Stopped::NotFinite { step: e.step }))
                }
                State::Lbfgs(lbfgs) => match lbfgs.step(&mut x, |x, g| walk.evaluate(x, g))? {
                    Step::Moved(loss) => (loss, None),
                    Step::Settled(loss) => (loss, Some(Stopped::Settled)),
                    Step::NotFinite => (f64::NAN, Some(Stopped::NotFinite { step })),
                },
            };
            if let Some(Stopped::NotFinite { step: undone }) = end {
                // Nothing was found yet that could be kept.
                if walk.best.step == 0 || undone == 0 {
                    return Err(OptimiseError::NotFinite.into());
                }
                stopped = Stopped::NotFinite { step: undone };
                break;
            }
            losses.push(loss);
            // A search may end elsewhere than where it looked last.
            let terms = if loss == walk.best.loss { &walk.best.terms } else { &walk.terms };
            let preview = walk.seen.as_ref().map(|seen| seen.view());
            let elapsed = begun.elapsed();
            let began = walk.began.as_slice();
            let asked =
                progress(&Progress { step, steps, loss, elapsed, preview, names: &names, terms, began });
            if let Some(end) = end {
                stopped = end;
                break;
            }
            if asked.is_break() {
                stopped = Stopped::Asked;
                break;
            }
        }
        let values = |x: &[f32]| -> Values {
            let mut rest = x.iter().copied();
            let of = |v: &ArrayD<f32>, rest: &mut dyn Iterator<Item = f32>| {
                let mut array = ArrayD::zeros(v.raw_dim());
                array.iter_mut().zip(rest).for_each(|(to, from)| *to = from);
                array
            };
            variables.iter().map(|(name, start)| (name.clone(), of(start, &mut rest))).collect()
        };
        let Seen { x: best, loss: best_loss, step: best_step, .. } = &walk.best;
        Ok(Outcome {
            values: values(&x),
            best: values(best),
            best_loss: *best_loss,
            best_step: *best_step,
            losses,
            stopped,
        })
    }
}

enum State {
    Adam(autodiff::AdamState, Schedule),
    Lbfgs(Box<autodiff::LbfgsState>),
}

/// Runs the model and keeps what is worth keeping.
struct Walk<'s> {
    bound: Bound<'s>,
    best: Seen,
    /// Of the last run.
    terms: Vec<f32>,
    /// Of the first.
    began: Vec<f32>,
    step: usize,
    watch: bool,
    seen: Option<ArrayD<f32>>,
}

/// A place and what was found there.
struct Seen {
    x: Vec<f32>,
    terms: Vec<f32>,
    loss: f64,
    step: usize,
}

impl Walk<'_> {
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64, ModelError> {
        let loss = if self.watch {
            let seen = &mut self.seen;
            self.bound.watch(x, gradient, |view| *seen = Some(view.to_owned()))?
        } else {
            self.bound.evaluate(x, gradient)?
        };
        self.terms.iter_mut().zip(self.bound.terms()).for_each(|(to, from)| *to = from);
        if self.began.is_empty() {
            self.began.clone_from(&self.terms);
        }
        // Losses that are not numbers are never less.
        if loss < self.best.loss && loss.is_finite() {
            self.best.x.copy_from_slice(x);
            self.best.terms.copy_from_slice(&self.terms);
            (self.best.loss, self.best.step) = (loss, self.step);
        }
        Ok(loss)
    }
}
