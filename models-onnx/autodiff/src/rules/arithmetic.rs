//! Sums, products, and smooth functions of one number.

use std::f64::consts::PI;

use crate::backward::Step;
use crate::error::Refusal;

/// `y = a + b + …`: `da = g`, summed where `a` was broadcast.
pub(super) fn add(s: &mut Step<'_>) -> Result<(), Refusal> {
    let g = s.g()?;
    for index in 0..s.node.input.len() {
        if s.wants(index) {
            s.give_summed(index, &g)?;
        }
    }
    Ok(())
}

/// `y = (a + b + …) / n`.
pub(super) fn mean(s: &mut Step<'_>) -> Result<(), Refusal> {
    let n = s.node.input.len();
    let g = s.tape.scale(&s.g()?, 1.0 / n as f64)?;
    for index in 0..n {
        if s.wants(index) {
            s.give_summed(index, &g)?;
        }
    }
    Ok(())
}

/// `y = a − b`.
pub(super) fn sub(s: &mut Step<'_>) -> Result<(), Refusal> {
    let g = s.g()?;
    if s.wants(0) {
        s.give_summed(0, &g)?;
    }
    if s.wants(1) {
        // Negated after the sum, when it is smaller.
        let summed = s.tape.sum_to(&g, &s.x(1)?)?;
        let negative = s.tape.unary("Neg", &summed);
        s.give(1, negative);
    }
    Ok(())
}

/// `y = a · b`: `da = g · b`.
pub(super) fn mul(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, a, b) = (s.g()?, s.x(0)?, s.x(1)?);
    if a == b {
        let twice = s.tape.scale(&a, 2.0)?;
        let d = s.tape.mul(&g, &twice);
        s.give(0, d);
        return Ok(());
    }
    for (index, other) in [(0, b), (1, a)] {
        if s.wants(index) {
            let d = s.tape.mul(&g, &other);
            s.give_summed(index, &d)?;
        }
    }
    Ok(())
}

/// `y = a / b`: `da = g / b`, `db = −g · y / b`.
pub(super) fn div(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, b, y) = (s.g()?, s.x(1)?, s.y());
    let share = s.tape.div(&g, &b);
    if s.wants(0) {
        s.give_summed(0, &share)?;
    }
    if s.wants(1) {
        let d = s.tape.mul(&share, &y);
        let summed = s.tape.sum_to(&d, &b)?;
        let negative = s.tape.unary("Neg", &summed);
        s.give(1, negative);
    }
    Ok(())
}

/// `y = xᵉ`: `dx = g · e · xᵉ⁻¹`, `de = g · y · ln x`.
pub(super) fn pow(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, x, e, y) = (s.g()?, s.x(0)?, s.x(1)?, s.y());
    let constant = match s.tape.facts.reals(&e) {
        Some(&[value]) => Some(value),
        _ => s.tape.facts.integers(&e).filter(|v| v.len() == 1).map(|v| v[0] as f64),
    };
    if s.wants(0) {
        let slope = match constant {
            Some(e) if e.total_cmp(&2.0).is_eq() => s.tape.scale(&x, 2.0)?,
            Some(e) => {
                let less = s.tape.scalar(e - 1.0, &x)?;
                let power = s.tape.op("Pow", &[&x, &less], &[]);
                s.tape.scale(&power, e)?
            }
            None => {
                let kind = s.tape.facts.kind(&x).ok_or_else(|| Refusal::Precision(x.clone()))?;
                let e = s.tape.cast(&e, kind);
                let one = s.tape.scalar(1.0, &x)?;
                let less = s.tape.sub(&e, &one);
                let power = s.tape.op("Pow", &[&x, &less], &[]);
                s.tape.mul(&power, &e)
            }
        };
        let d = s.tape.mul(&g, &slope);
        s.give_summed(0, &d)?;
    }
    if s.wants(1) {
        let log = s.tape.unary("Log", &x);
        let slope = s.tape.mul(&y, &log);
        let d = s.tape.mul(&g, &slope);
        s.give_summed(1, &d)?;
    }
    Ok(())
}

/// `y = −x`.
pub(super) fn neg(s: &mut Step<'_>) -> Result<(), Refusal> {
    let d = s.tape.unary("Neg", &s.g()?);
    s.give(0, d);
    Ok(())
}

/// `y = |x|`: `dx = g · sign x`, which is zero at zero.
pub(super) fn abs(s: &mut Step<'_>) -> Result<(), Refusal> {
    let sign = s.tape.unary("Sign", &s.x(0)?);
    product(s, &sign)
}

/// `y = √x`: `dx = g / 2y`. At zero the slope is infinite, and what comes from a length is zero times that: the slope is
/// capped, so that it comes to zero and not to NaN.
pub(super) fn sqrt(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    let tiny = s.tape.scalar(1e-12, &y)?;
    let root = s.tape.op("Max", &[&y, &tiny], &[]);
    let half = s.tape.scale(&s.g()?, 0.5)?;
    let d = s.tape.div(&half, &root);
    s.give(0, d);
    Ok(())
}

/// `y = 1/x`: `dx = −g · y²`.
pub(super) fn reciprocal(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    let square = s.tape.mul(&y, &y);
    let slope = s.tape.unary("Neg", &square);
    product(s, &slope)
}

/// `y = eˣ`: `dx = g · y`.
pub(super) fn exp(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    product(s, &y)
}

/// `y = ln x`: `dx = g / x`.
pub(super) fn log(s: &mut Step<'_>) -> Result<(), Refusal> {
    let d = s.tape.div(&s.g()?, &s.x(0)?);
    s.give(0, d);
    Ok(())
}

/// `y = sin x`.
pub(super) fn sin(s: &mut Step<'_>) -> Result<(), Refusal> {
    let slope = s.tape.unary("Cos", &s.x(0)?);
    product(s, &slope)
}

/// `y = cos x`.
pub(super) fn cos(s: &mut Step<'_>) -> Result<(), Refusal> {
    let sin = s.tape.unary("Sin", &s.x(0)?);
    let slope = s.tape.unary("Neg", &sin);
    product(s, &slope)
}

/// `y = erf x`: `dx = g · 2/√π · exp(−x²)`.
pub(super) fn erf(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let bell = s.tape.bell(&x, 1.0)?;
    let slope = s.tape.scale(&bell, 2.0 / PI.sqrt())?;
    product(s, &slope)
}

/// Gives `dx = g · slope`.
pub(super) fn product(s: &mut Step<'_>, slope: &str) -> Result<(), Refusal> {
    let d = s.tape.mul(&s.g()?, slope);
    s.give(0, d);
    Ok(())
}

impl crate::tape::Tape {
    /// `exp(−factor · x²)`.
    pub(super) fn bell(&mut self, x: &str, factor: f64) -> Result<String, Refusal> {
        let square = self.mul(x, x);
        let exponent = self.scale(&square, -factor)?;
        Ok(self.unary("Exp", &exponent))
    }
}
