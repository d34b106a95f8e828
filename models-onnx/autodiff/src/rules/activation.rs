//! Activations of networks.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::Attributes;
use crate::rules::arithmetic::product;
use crate::tape::Tape;

impl Tape {
    /// Where `x > 0`.
    fn positive(&mut self, x: &str) -> Result<String, Refusal> {
        let zero = self.scalar(0.0, x)?;
        Ok(self.op("Greater", &[x, &zero], &[]))
    }

    /// Where `y` is positive 1, else `below`, which is between 0 and 1. ONNX Runtime takes less than half as long for
    /// this as for a comparison and a choice.
    fn bent(&mut self, y: &str, below: f64) -> Result<String, Refusal> {
        // Only between zero and 1e-38, where single precision ends, would the slope be something in between.
        let (low, high) = (self.scalar(below, y)?, self.scalar(1.0, y)?);
        let steep = self.scale(y, 1e38)?;
        Ok(self.op("Clip", &[&steep, &low, &high], &[]))
    }

    /// `1 − x`.
    fn rest(&mut self, x: &str) -> Result<String, Refusal> {
        let one = self.scalar(1.0, x)?;
        Ok(self.sub(&one, x))
    }
}

/// `y = max(x, 0)`. The sign is that of the output, so that the input need not be kept.
pub(super) fn relu(s: &mut Step<'_>) -> Result<(), Refusal> {
    let slope = s.tape.bent(&s.y(), 0.0)?;
    product(s, &slope)
}

/// `y = x` where positive, else `α · x`.
pub(super) fn leaky_relu(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, alpha) = (s.g()?, s.node.float("alpha", 0.01));
    if alpha > 0.0 && alpha < 1.0 {
        // The output has the input's sign, and the input need not be kept.
        let slope = s.tape.bent(&s.y(), alpha.into())?;
        return product(s, &slope);
    }
    let positive = s.tape.positive(&s.x(0)?)?;
    let less = s.tape.scale(&g, alpha.into())?;
    let d = s.tape.choose(&positive, &g, &less);
    s.give(0, d);
    Ok(())
}

/// `y = x` where positive, else `a · x`, `a` being a tensor.
pub(super) fn prelu(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, x, slope) = (s.g()?, s.x(0)?, s.x(1)?);
    let positive = s.tape.positive(&x)?;
    if s.wants(0) {
        let less = s.tape.mul(&g, &slope);
        let d = s.tape.choose(&positive, &g, &less);
        s.give(0, d);
    }
    if s.wants(1) {
        let product = s.tape.mul(&g, &x);
        let zero = s.tape.scalar(0.0, &x)?;
        let d = s.tape.choose(&positive, &zero, &product);
        s.give_summed(1, &d)?;
    }
    Ok(())
}

/// `y = x` where positive, else `α (eˣ − 1)`, whose slope is `y + α`.
pub(super) fn elu(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, x, y) = (s.g()?, s.x(0)?, s.y());
    let positive = s.tape.positive(&x)?;
    let alpha = s.tape.scalar(s.node.float("alpha", 1.0).into(), &x)?;
    let slope = s.tape.add(&y, &alpha);
    let less = s.tape.mul(&g, &slope);
    let d = s.tape.choose(&positive, &g, &less);
    s.give(0, d);
    Ok(())
}

/// `y = 1/(1 + e⁻ˣ)`: `dx = g · y (1 − y)`.
pub(super) fn sigmoid(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    let rest = s.tape.rest(&y)?;
    let slope = s.tape.mul(&y, &rest);
    product(s, &slope)
}

/// `y = min(max(α x + β, 0), 1)`.
pub(super) fn hard_sigmoid(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    let (above, rest) = (s.tape.positive(&y)?, s.tape.rest(&y)?);
    let below = s.tape.positive(&rest)?;
    let inside = s.tape.op("And", &[&above, &below], &[]);
    let scaled = s.tape.scale(&s.g()?, s.node.float("alpha", 0.2).into())?;
    let d = s.tape.only(&inside, &scaled)?;
    s.give(0, d);
    Ok(())
}

/// `y = x · min(max(x/6 + 1/2, 0), 1)`, whose slope is `x/3 + 1/2` between −3 and 3.
pub(super) fn hard_swish(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, g) = (s.x(0)?, s.g()?);
    let (three, half) = (s.tape.scalar(3.0, &x)?, s.tape.scalar(0.5, &x)?);
    let size = s.tape.unary("Abs", &x);
    let inside = s.tape.op("Less", &[&size, &three], &[]);
    let third = s.tape.scale(&x, 1.0 / 3.0)?;
    let slope = s.tape.add(&third, &half);
    let bent = s.tape.mul(&g, &slope);
    let straight = s.tape.positive(&x)?;
    let outside = s.tape.only(&straight, &g)?;
    let d = s.tape.choose(&inside, &bent, &outside);
    s.give(0, d);
    Ok(())
}

/// `dx = g (1 − y²)`.
pub(super) fn tanh(s: &mut Step<'_>) -> Result<(), Refusal> {
    let y = s.y();
    let square = s.tape.mul(&y, &y);
    let slope = s.tape.rest(&square)?;
    product(s, &slope)
}

/// `y = ln(1 + eˣ)`, whose slope is the sigmoid.
pub(super) fn softplus(s: &mut Step<'_>) -> Result<(), Refusal> {
    let slope = s.tape.unary("Sigmoid", &s.x(0)?);
    product(s, &slope)
}

/// `y = x Φ(x)`: the slope is `Φ(x) + x φ(x)`, `Φ` being the normal distribution and `φ` its density. The other form
/// is `y = x/2 · (1 + tanh u)`, `u = √(2/π) (x + 0.044715 x³)`, with the slope
/// `(1 + tanh u)/2 + x/2 · (1 − tanh² u) · u'`.
pub(super) fn gelu(s: &mut Step<'_>) -> Result<(), Refusal> {
    const CUBIC: f64 = 0.044_715;
    let x = s.x(0)?;
    let approximate = s.node.word("approximate", "none") == "tanh";
    let t = &mut *s.tape;
    let one = t.scalar(1.0, &x)?;
    let (distribution, density) = if approximate {
        let square = t.mul(&x, &x);
        let bend = t.scale(&square, CUBIC)?;
        let bend = t.add(&bend, &one);
        let inner = t.mul(&x, &bend);
        let inner = t.scale(&inner, (2.0 / PI).sqrt())?;
        let tanh = t.unary("Tanh", &inner);
        let squared = t.mul(&tanh, &tanh);
        let fall = t.rest(&squared)?;
        let rise = t.scale(&square, 3.0 * CUBIC)?;
        let rise = t.add(&rise, &one);
        let rise = t.scale(&rise, 0.5 * (2.0 / PI).sqrt())?;
        (tanh, t.mul(&fall, &rise))
    } else {
        let scaled = t.scale(&x, FRAC_1_SQRT_2)?;
        let bell = t.bell(&x, 0.5)?;
        (t.unary("Erf", &scaled), t.scale(&bell, (2.0 * PI).sqrt().recip())?)
    };
    let doubled = t.add(&distribution, &one);
    let distribution = t.scale(&doubled, 0.5)?;
    let moment = t.mul(&x, &density);
    let slope = t.add(&distribution, &moment);
    product(s, &slope)
}

/// `yᵢ = e^xᵢ / Σ e^x`: `dx = y (g − Σ g y)`.
pub(super) fn softmax(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, y) = (s.g()?, s.y());
    let axis = s.axis(-1, &y)?;
    let weighted = s.tape.mul(&g, &y);
    let sum = s.tape.sum(&weighted, &[axis], true);
    let centred = s.tape.sub(&g, &sum);
    let d = s.tape.mul(&y, &centred);
    s.give(0, d);
    Ok(())
}

/// `y = ln softmax x`: `dx = g − e^y Σ g`.
pub(super) fn log_softmax(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, y) = (s.g()?, s.y());
    let axis = s.axis(-1, &y)?;
    let sum = s.tape.sum(&g, &[axis], true);
    let softmax = s.tape.unary("Exp", &y);
    let share = s.tape.mul(&softmax, &sum);
    let d = s.tape.sub(&g, &share);
    s.give(0, d);
    Ok(())
}
