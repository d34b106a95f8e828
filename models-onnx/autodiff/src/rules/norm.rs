//! Normalisations: `y = γ x̂ + β` with `x̂ = (x − μ) r` and `r = 1/√(σ² + ε)`.
//!
//! With the mean and the variance taken over some axes, and `h = g γ`, what comes back to `x` is
//! `dx = r (h − mean h − x̂ mean(h x̂))`; without the mean, as in RMS normalisation, its term is left out.

use crate::backward::Step;
use crate::dim::{self, Dim};
use crate::error::Refusal;
use crate::graph::Attributes;
use crate::tape::Tape;
use crate::window::wholes;

/// A normalised tensor.
struct Normal {
    /// `x̂`.
    x: String,
    /// `r`.
    scale: String,
    axes: Vec<usize>,
    centred: bool,
}

impl Normal {
    fn of(t: &mut Tape, x: &str, axes: Vec<usize>, epsilon: f32, centred: bool) -> Result<Self, Refusal> {
        let mut x = x.to_owned();
        if centred {
            let mean = t.mean(&x, &axes);
            x = t.sub(&x, &mean);
        }
        let square = t.mul(&x, &x);
        let variance = t.mean(&square, &axes);
        let scale = inverse_root(t, &variance, epsilon)?;
        Ok(Self { x: t.mul(&x, &scale), scale, axes, centred })
    }

    /// From `h` to `dx`.
    fn back(&self, t: &mut Tape, h: &str) -> String {
        let mut rest = h.to_owned();
        if self.centred {
            let mean = t.mean(h, &self.axes);
            rest = t.sub(h, &mean);
        }
        let product = t.mul(h, &self.x);
        let along = t.mean(&product, &self.axes);
        let along = t.mul(&self.x, &along);
        let rest = t.sub(&rest, &along);
        t.mul(&rest, &self.scale)
    }
}

/// `1/√(x + ε)`.
fn inverse_root(t: &mut Tape, x: &str, epsilon: f32) -> Result<String, Refusal> {
    let epsilon = t.scalar(epsilon.into(), x)?;
    let sum = t.add(x, &epsilon);
    let root = t.unary("Sqrt", &sum);
    Ok(t.unary("Reciprocal", &root))
}

fn epsilon(s: &Step<'_>) -> f32 {
    s.node.float("epsilon", 1e-5)
}

/// Refuses where the result depends on the statistics that some operators give as further outputs.
fn only_first_output(s: &Step<'_>) -> Result<(), Refusal> {
    let used = (1..s.node.output.len()).find(|&i| s.cotangent(i).is_some());
    used.map_or(Ok(()), |output| Err(Refusal::Output(output)))
}

/// Over the last axes, with a number for each place in them.
pub(super) fn layer(s: &mut Step<'_>) -> Result<(), Refusal> {
    only_first_output(s)?;
    trailing(s, true)
}

/// Over the last axes, without the mean.
pub(super) fn rms(s: &mut Step<'_>) -> Result<(), Refusal> {
    trailing(s, false)
}

fn trailing(s: &mut Step<'_>, centred: bool) -> Result<(), Refusal> {
    let (g, x, gamma) = (s.g()?, s.x(0)?, s.x(1)?);
    let axes = (s.axis(-1, &x)?..s.tape.rank(&x)?).collect();
    let normal = Normal::of(s.tape, &x, axes, epsilon(s), centred)?;
    if s.wants(0) {
        let h = s.tape.mul(&g, &gamma);
        let d = normal.back(s.tape, &h);
        s.give(0, d);
    }
    if s.wants(1) {
        let d = s.tape.mul(&g, &normal.x);
        s.give_summed(1, &d)?;
    }
    if s.wants(2) {
        s.give_summed(2, &g)?;
    }
    Ok(())
}

/// Over the places of each channel of each picture.
pub(super) fn instance(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let axes = (2..s.tape.rank(&x)?).collect();
    let normal = Normal::of(s.tape, &x, axes, epsilon(s), true)?;
    by_channel(s, &normal)
}

/// Over groups of channels of each picture. Before opset 21 there was one scale for all channels of a group.
pub(super) fn group(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let shape = s.tape.shape(&x)?;
    let groups = Dim::known(
        usize::try_from(s.node.int("num_groups", 0)).map_err(|_| Refusal::Attribute("num_groups"))?,
    );
    let unknown = || Refusal::Shape(x.clone());
    let [batch, channels, places @ ..] = shape.as_slice() else { return Err(unknown()) };
    let inside = channels.over(&groups).ok_or_else(unknown)?;
    let rest = dim::product(places).and_then(|p| p.times(&inside)).ok_or_else(unknown)?;
    let grouped = [batch.clone(), groups.clone(), rest];
    let each = if s.tape.opset < 21 { inside } else { Dim::known(1) };
    let gamma = spread_over_channels(s, &groups, &each)?;
    let g = s.g()?;
    let flat = s.tape.reshape(&x, &grouped)?;
    let normal = Normal::of(s.tape, &flat, vec![2], epsilon(s), true)?;
    if s.wants(0) {
        let h = s.tape.mul(&g, &gamma);
        let h = s.tape.reshape(&h, &grouped)?;
        let d = normal.back(s.tape, &h);
        let d = s.tape.reshape_like(&d, &x);
        s.give(0, d);
    }
    if each.is_one() {
        let hat = s.tape.reshape_like(&normal.x, &x);
        return parameters(s, &hat);
    }
    for (index, of) in [(1, Some(&normal.x)), (2, None)] {
        if s.wants(index) {
            let g = s.tape.reshape(&g, &grouped)?;
            let part = of.map_or_else(|| g.clone(), |hat| s.tape.mul(&g, hat));
            let d = s.tape.sum(&part, &[0, 2], false);
            s.give(index, d);
        }
    }
    Ok(())
}

/// The scale as one number for each channel, where it is given once for each so many.
fn spread_over_channels(s: &mut Step<'_>, groups: &Dim, each: &Dim) -> Result<String, Refusal> {
    if each.is_one() {
        return channels(s, 1);
    }
    let (x, gamma) = (s.x(0)?, s.x(1)?);
    let size = |d: &Dim| d.size().ok_or_else(|| Refusal::Shape(x.clone()));
    let (groups, each) = (size(groups)?, size(each)?);
    let column = s.tape.unsqueeze(&gamma, &[1]);
    let sizes = s.tape.ints(&wholes(&[groups, each]));
    let spread = s.tape.op("Expand", &[&column, &sizes], &[]);
    let mut shape = vec![Dim::known(groups * each)];
    shape.resize(s.tape.rank(&x)?.saturating_sub(1), Dim::known(1));
    s.tape.reshape(&spread, &shape)
}

/// Over all pictures: with the statistics of this batch in training, else with those that were learnt.
pub(super) fn batch(s: &mut Step<'_>) -> Result<(), Refusal> {
    only_first_output(s)?;
    let (x, g) = (s.x(0)?, s.g()?);
    if s.node.int("training_mode", 0) != 0 {
        let axes = (0..s.tape.rank(&x)?).filter(|&a| a != 1).collect();
        let normal = Normal::of(s.tape, &x, axes, epsilon(s), true)?;
        return by_channel(s, &normal);
    }
    s.only_before(3)?;
    let (gamma, mean, variance) = (channels(s, 1)?, channels(s, 3)?, channels(s, 4)?);
    let scale = inverse_root(s.tape, &variance, epsilon(s))?;
    if s.wants(0) {
        let factor = s.tape.mul(&gamma, &scale);
        let d = s.tape.mul(&g, &factor);
        s.give(0, d);
    }
    if s.wants(1) {
        let centred = s.tape.sub(&x, &mean);
        let hat = s.tape.mul(&centred, &scale);
        return parameters(s, &hat);
    }
    parameters(s, &x)
}

/// A number for each channel, as something that broadcasts over the places.
fn channels(s: &mut Step<'_>, index: usize) -> Result<String, Refusal> {
    let axes: Vec<usize> = (1..s.tape.rank(&s.x(0)?)?.saturating_sub(1)).collect();
    Ok(s.tape.unsqueeze(&s.x(index)?, &axes))
}

fn by_channel(s: &mut Step<'_>, normal: &Normal) -> Result<(), Refusal> {
    if s.wants(0) {
        let gamma = channels(s, 1)?;
        let h = s.tape.mul(&s.g()?, &gamma);
        let d = normal.back(s.tape, &h);
        s.give(0, d);
    }
    parameters(s, &normal.x)
}

/// `dγ = Σ g x̂` and `dβ = Σ g` for each channel.
fn parameters(s: &mut Step<'_>, hat: &str) -> Result<(), Refusal> {
    let g = s.g()?;
    let axes: Vec<usize> = (0..s.tape.rank(&g)?).filter(|&a| a != 1).collect();
    if s.wants(1) {
        let product = s.tape.mul(&g, hat);
        let d = s.tape.sum(&product, &axes, false);
        s.give(1, d);
    }
    if s.wants(2) {
        let d = s.tape.sum(&g, &axes, false);
        s.give(2, d);
    }
    Ok(())
}
