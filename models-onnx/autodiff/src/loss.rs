//! Losses: weighted sums of terms, each a measure of one value, perhaps against another.
//!
//! A term reads values of the graph by name. A name that the graph does not have becomes a new input, so that targets,
//! masks, labels and weights can change from run to run without building anything again.

use crate::dim::Shape;
use crate::error::{Error, Refusal};
use crate::graph::Setting;
use crate::tape::Tape;
use crate::tensor;

/// Keeps roots and quotients finite where they have no slope: `√(x + ε)`.
const EPSILON: f64 = 1e-12;

/// What a term measures. `d` is the value itself, or its difference from what it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// `mean d`.
    Mean,
    /// `Σ d`.
    Sum,
    /// `mean d²`.
    MeanSquare,
    /// `Σ d²`.
    SumSquare,
    /// `mean |d|`.
    L1,
    /// `√Σ d²`.
    Norm,
    /// `mean (1 − cos)`, the angle being between the vectors along the last axis. Needs another value.
    Cosine,
    /// The mean of `−ln softmax` at the right class. Classes are along the second axis; what the value is held against
    /// are the right classes, as INT64 without that axis.
    CrossEntropy,
}

/// One term of a loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    name: String,
    measure: Measure,
    of: String,
    against: Option<String>,
    mask: Option<String>,
    weight: Weight,
}

#[derive(Debug, Clone, PartialEq)]
enum Weight {
    Number(f32),
    Value(String),
}

/// A sum of terms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loss {
    terms: Vec<Term>,
}

impl Term {
    /// A measure of the value `of`; the term itself becomes the output `name`, without its weight.
    pub fn new(name: impl Into<String>, measure: Measure, of: impl Into<String>) -> Self {
        let (name, of) = (name.into(), of.into());
        Self { name, measure, of, against: None, mask: None, weight: Weight::Number(1.0) }
    }

    /// Held against another value, or a new input of the same shape.
    pub fn against(mut self, value: impl Into<String>) -> Self {
        self.against = Some(value.into());
        self
    }

    /// Each element counts as much as the mask says: sums become `Σ m v`, means `Σ m v / Σ m`. A mask that the graph
    /// has must broadcast; a new input is of the shape of what is measured.
    pub fn masked_by(mut self, mask: impl Into<String>) -> Self {
        self.mask = Some(mask.into());
        self
    }

    /// Times a number.
    pub fn times(mut self, weight: f32) -> Self {
        self.weight = Weight::Number(weight);
        self
    }

    /// Times a scalar of the graph, or a new input.
    pub fn times_input(mut self, weight: impl Into<String>) -> Self {
        self.weight = Weight::Value(weight.into());
        self
    }
}

impl Loss {
    /// Of one term; more are added with [`Self::and`].
    pub fn of(term: Term) -> Self {
        Self { terms: vec![term] }
    }

    /// One term more.
    pub fn and(mut self, term: Term) -> Self {
        self.terms.push(term);
        self
    }

    /// Writes the terms and their sum, and says what they are called.
    pub(crate) fn write(&self, tape: &mut Tape, name: &str) -> Result<Vec<String>, Error> {
        let mut total: Option<String> = None;
        for term in &self.terms {
            if !tape.has(&term.of) {
                return Err(Error::NoValue(term.of.clone()));
            }
            if tape.has(&term.name) {
                return Err(Error::Taken(term.name.clone()));
            }
            let bad = |why| Error::Loss { term: term.name.clone(), why };
            let value = term.write(tape).map_err(bad)?;
            tape.name(&value, &term.name);
            let weighted = term.weighted(tape).map_err(bad)?;
            total = Some(match total {
                Some(sum) => tape.add(&sum, &weighted),
                None => weighted,
            });
        }
        let total = total.ok_or(Error::Nothing("the loss has no terms"))?;
        if tape.has(name) {
            return Err(Error::Taken(name.into()));
        }
        tape.name(&total, name);
        Ok(self.terms.iter().map(|t| t.name.clone()).collect())
    }
}

impl Term {
    fn weighted(&self, tape: &mut Tape) -> Result<String, Refusal> {
        match &self.weight {
            Weight::Number(weight) => tape.scale(&self.name, (*weight).into()),
            Weight::Value(weight) => {
                let kind =
                    tape.facts.kind(&self.name).ok_or_else(|| Refusal::Precision(self.name.clone()))?;
                tape.input_of(weight, kind, Vec::new());
                Ok(tape.mul(&self.name, weight))
            }
        }
    }

    fn write(&self, tape: &mut Tape) -> Result<String, Refusal> {
        let value = match self.measure {
            Measure::Cosine => self.angle(tape)?,
            Measure::CrossEntropy => self.surprise(tape)?,
            _ => {
                let d = self.difference(tape);
                match self.measure {
                    Measure::Mean | Measure::Sum => d,
                    Measure::L1 => tape.unary("Abs", &d),
                    _ => tape.mul(&d, &d),
                }
            }
        };
        match self.measure {
            Measure::Sum | Measure::SumSquare => Ok(self.total(tape, &value)),
            Measure::Norm => {
                let sum = self.total(tape, &value);
                root(tape, &sum)
            }
            _ => Ok(self.average(tape, &value)),
        }
    }

    fn difference(&self, tape: &mut Tape) -> String {
        let Some(other) = &self.against else { return self.of.clone() };
        tape.input_like(other, &self.of);
        tape.sub(&self.of, other)
    }

    /// `1 − a·b / |a||b|`.
    fn angle(&self, tape: &mut Tape) -> Result<String, Refusal> {
        let (a, b) = (&self.of, self.against.as_ref().ok_or(Refusal::Missing(1))?);
        let last = tape.rank(a)?.checked_sub(1).ok_or_else(|| Refusal::Shape(a.clone()))?;
        tape.input_like(b, a);
        let mut dot = |a: &str, b: &str| {
            let product = tape.mul(a, b);
            tape.sum(&product, &[last], false)
        };
        let (ab, aa, bb) = (dot(a, b), dot(a, a), dot(b, b));
        let (aa, bb) = (root(tape, &aa)?, root(tape, &bb)?);
        let lengths = tape.mul(&aa, &bb);
        let cosine = tape.div(&ab, &lengths);
        let one = tape.scalar(1.0, &cosine)?;
        Ok(tape.sub(&one, &cosine))
    }

    /// `−ln softmax` at the right class.
    fn surprise(&self, tape: &mut Tape) -> Result<String, Refusal> {
        let labels = self.against.as_ref().ok_or(Refusal::Missing(1))?;
        let mut shape = tape.shape(&self.of)?;
        if shape.len() < 2 {
            return Err(Refusal::Shape(self.of.clone()));
        }
        let classes = shape.remove(1).size().and_then(|c| i64::try_from(c).ok());
        let classes = classes.ok_or_else(|| Refusal::Shape(self.of.clone()))?;
        tape.input_of(labels, tensor::INT64, shape);
        let log = tape.op("LogSoftmax", &[&self.of], &[("axis", Setting::Int(1))]);
        let (depth, values) = (tape.int(classes), tape.reals(&[2], &[0.0, -1.0], &self.of)?);
        let right = tape.op("OneHot", &[labels, &depth, &values], &[("axis", Setting::Int(1))]);
        let picked = tape.mul(&log, &right);
        Ok(tape.sum(&picked, &[1], false))
    }

    /// `Σ m v`.
    fn total(&self, tape: &mut Tape, value: &str) -> String {
        let value = match self.mask(tape, value) {
            Some(mask) => tape.mul(value, &mask),
            None => value.to_owned(),
        };
        tape.whole("ReduceSum", &value)
    }

    /// `Σ m v / Σ m`.
    fn average(&self, tape: &mut Tape, value: &str) -> String {
        let Some(mask) = self.mask(tape, value) else { return tape.whole("ReduceMean", value) };
        let sum = self.total(tape, value);
        let all = tape.expand_like(&mask, value);
        let all = tape.whole("ReduceSum", &all);
        tape.div(&sum, &all)
    }

    fn mask(&self, tape: &mut Tape, value: &str) -> Option<String> {
        let mask = self.mask.clone()?;
        tape.input_like(&mask, value);
        Some(mask)
    }
}

/// `√(x + ε)`.
fn root(tape: &mut Tape, x: &str) -> Result<String, Refusal> {
    let epsilon = tape.scalar(EPSILON, x)?;
    let sum = tape.add(x, &epsilon);
    Ok(tape.unary("Sqrt", &sum))
}

impl Tape {
    /// Makes sure that there is a value of this name: a new input like `like` if there is none.
    pub(crate) fn input_like(&mut self, name: &str, like: &str) {
        if !self.has(name) {
            self.facts.same(name, like);
            self.new_input(name);
        }
    }

    /// Makes sure that there is a value of this name: a new input of this type and shape if there is none.
    fn input_of(&mut self, name: &str, kind: i32, shape: Shape) {
        if !self.has(name) {
            self.facts.set(name, kind, shape);
            self.new_input(name);
        }
    }

    fn new_input(&mut self, name: &str) {
        self.take(name);
        let info = self.facts.describe(name);
        self.graph.input.push(info);
    }

    /// Everything as one number.
    fn whole(&mut self, op: &str, value: &str) -> String {
        self.op(op, &[value], &[("keepdims", Setting::Int(0))])
    }
}
