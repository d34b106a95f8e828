//! Operators that make one number of many.

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::{Attributes, Setting};
use crate::shapes;
use crate::tensor;

/// A reduction with all axes in place, those it took together being of size one.
struct Reduction {
    x: String,
    y: String,
    g: String,
    axes: Vec<usize>,
}

impl Reduction {
    fn of(s: &mut Step<'_>) -> Result<Self, Refusal> {
        let (x, y, g) = (s.x(0)?, s.y(), s.g()?);
        let rank = s.tape.rank(&x)?;
        let axes = shapes::reduced(&s.tape.facts, s.node, rank);
        let mut axes = axes.ok_or_else(|| Refusal::Computed(s.optional(1).unwrap_or_default()))?;
        axes.sort_unstable();
        if s.node.int("keepdims", 1) != 0 {
            return Ok(Self { x, y, g, axes });
        }
        let (y, g) = (s.tape.unsqueeze(&y, &axes), s.tape.unsqueeze(&g, &axes));
        Ok(Self { x, y, g, axes })
    }
}

/// `y = Σ x`: `g` for each.
pub(super) fn sum(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let d = s.tape.expand_like(&r.g, &r.x);
    s.give(0, d);
    Ok(())
}

/// `yᵢ = Σ xⱼ` over all `j ≤ i`: `dxⱼ = Σ gᵢ` over all `i ≥ j`, which is the same sum from the other end.
pub(super) fn running(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, axis) = (s.g()?, s.x(1)?);
    let settings = [
        ("exclusive", Setting::Int(s.node.int("exclusive", 0))),
        ("reverse", Setting::Int(1 - s.node.int("reverse", 0))),
    ];
    let d = s.tape.op("CumSum", &[&g, &axis], &settings);
    s.give(0, d);
    Ok(())
}

/// `y = Σ x / n`.
pub(super) fn mean(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let share = s.tape.per(&r.g, &r.x, &r.y)?;
    let d = s.tape.expand_like(&share, &r.x);
    s.give(0, d);
    Ok(())
}

/// `y = Σ x²`: `dx = 2 x g`.
pub(super) fn sum_square(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let twice = s.tape.scale(&r.g, 2.0)?;
    let d = s.tape.mul(&r.x, &twice);
    s.give(0, d);
    Ok(())
}

/// `y = Σ |x|`.
pub(super) fn l1(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let sign = s.tape.unary("Sign", &r.x);
    let d = s.tape.mul(&sign, &r.g);
    s.give(0, d);
    Ok(())
}

/// `y = √Σ x²`: `dx = x g / y`. At zero, where there is no gradient, zero is given instead of 0/0.
pub(super) fn l2(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let tiny = s.tape.scalar(1e-12, &r.x)?;
    let length = s.tape.op("Max", &[&r.y, &tiny], &[]);
    let share = s.tape.div(&r.g, &length);
    let d = s.tape.mul(&r.x, &share);
    s.give(0, d);
    Ok(())
}

/// `y = ln Σ eˣ`: `dx = g e^(x − y)`.
pub(super) fn log_sum_exp(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    let below = s.tape.sub(&r.x, &r.y);
    let share = s.tape.unary("Exp", &below);
    let d = s.tape.mul(&share, &r.g);
    s.give(0, d);
    Ok(())
}

/// The largest or smallest: shared equally by those that are it.
pub(super) fn extreme(s: &mut Step<'_>) -> Result<(), Refusal> {
    let r = Reduction::of(s)?;
    shared(s, &r.x, &r.y, &r.g, &r.axes)
}

/// Gives `g` to the elements of `x` that equal `y`, in equal parts along `axes`.
pub(super) fn shared(s: &mut Step<'_>, x: &str, y: &str, g: &str, axes: &[usize]) -> Result<(), Refusal> {
    let kind = s.tape.facts.kind(x).filter(|&k| tensor::is_real(k));
    let kind = kind.ok_or_else(|| Refusal::Precision(x.into()))?;
    let equal = s.tape.op("Equal", &[x, y], &[]);
    let equal = s.tape.cast(&equal, kind);
    let many = s.tape.sum(&equal, axes, true);
    let share = s.tape.div(g, &many);
    let d = s.tape.mul(&equal, &share);
    s.give(0, d);
    Ok(())
}
