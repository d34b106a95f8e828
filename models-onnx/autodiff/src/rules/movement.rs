//! Operators that move numbers without changing them. Their gradients move them back.

use crate::backward::Step;
use crate::dim::Dim;
use crate::error::Refusal;
use crate::graph::{Attributes, Setting};
use crate::shapes;
use crate::window::whole;

/// `y = x`.
pub(super) fn identity(s: &mut Step<'_>) -> Result<(), Refusal> {
    let g = s.g()?;
    s.give(0, g);
    Ok(())
}

/// Only the precision changes.
pub(super) fn cast(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let kind = s.tape.facts.kind(&x).ok_or(Refusal::Precision(x))?;
    let d = s.tape.cast(&s.g()?, kind);
    s.give(0, d);
    Ok(())
}

/// Dropout as it is outside of training: nothing happens.
pub(super) fn dropout(s: &mut Step<'_>) -> Result<(), Refusal> {
    if let Some(training) = s.optional(2)
        && s.tape.facts.integers(&training).as_deref() != Some(&[0])
    {
        return Err(Refusal::Attribute("training_mode"));
    }
    identity(s)
}

/// Another shape, the same order.
pub(super) fn reshape(s: &mut Step<'_>) -> Result<(), Refusal> {
    let d = s.tape.reshape_like(&s.g()?, &s.x(0)?);
    s.give(0, d);
    Ok(())
}

/// Back by the inverse permutation.
pub(super) fn transpose(s: &mut Step<'_>) -> Result<(), Refusal> {
    let rank = s.tape.rank(&s.x(0)?)?;
    let order = shapes::permutation(s.node, rank).ok_or(Refusal::Attribute("perm"))?;
    let mut inverse = vec![0; rank];
    for (to, &from) in order.iter().enumerate() {
        inverse[from] = to;
    }
    let d = s.tape.transpose(&s.g()?, &inverse);
    s.give(0, d);
    Ok(())
}

/// What was repeated is summed.
pub(super) fn expand(s: &mut Step<'_>) -> Result<(), Refusal> {
    let g = s.g()?;
    s.give_summed(0, &g)
}

/// What was repeated is summed, axis by axis.
pub(super) fn tile(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, g, times) = (s.x(0)?, s.g()?, s.x(1)?);
    let shape = s.tape.shape(&x)?;
    let times: Option<Vec<usize>> = s
        .tape
        .facts
        .integers(&times)
        .and_then(|all| all.into_iter().map(|t| usize::try_from(t).ok()).collect());
    let times = times.filter(|t| t.len() == shape.len()).ok_or(Refusal::Computed(s.x(1)?))?;
    let apart: Vec<_> = times.iter().zip(&shape).flat_map(|(&t, d)| [Dim::known(t), d.clone()]).collect();
    let repeats: Vec<usize> = (0..shape.len()).map(|axis| 2 * axis).collect();
    let d = s.tape.reshape(&g, &apart)?;
    let d = s.tape.sum(&d, &repeats, false);
    s.give(0, d);
    Ok(())
}

/// Each input gets its part.
pub(super) fn concat(s: &mut Step<'_>) -> Result<(), Refusal> {
    let g = s.g()?;
    let axis = s.axis(0, &g)?;
    let mut start = 0i64;
    for index in 0..s.node.input.len() {
        let x = s.x(index)?;
        // Of inputs that are not differentiated only the size along the axis matters.
        let size = s.tape.shape(&x)?.get(axis).and_then(|d| d.size());
        let size = size.ok_or_else(|| Refusal::Shape(x.clone()))?;
        let end = start.checked_add(whole(size)).ok_or(Refusal::Shape(x))?;
        if s.wants(index) {
            let (from, to, axis) = (s.tape.ints(&[start]), s.tape.ints(&[end]), s.tape.ints(&[whole(axis)]));
            let part = s.tape.op("Slice", &[&g, &from, &to, &axis], &[]);
            s.give(index, part);
        }
        start = end;
    }
    Ok(())
}

/// The parts are joined, with zeros for those that the result does not depend on.
pub(super) fn split(s: &mut Step<'_>) -> Result<(), Refusal> {
    let axis = s.axis(0, &s.x(0)?)?;
    let mut parts = Vec::with_capacity(s.node.output.len());
    for (index, output) in s.node.output.iter().enumerate() {
        parts.push(match s.cotangent(index) {
            Some(g) => g,
            None => s.tape.zeros_like(output)?,
        });
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let d = s.tape.op("Concat", &parts, &[("axis", Setting::Int(whole(axis)))]);
    s.give(0, d);
    Ok(())
}

/// The two moves between channels and places undo each other where the order of channels is the same. The operator
/// that goes back knows only one order of its two, so that the gradients are written as transpositions.
pub(super) fn depth_to_space(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, g) = (s.x(0)?, s.g()?);
    // (N, C, H, b, W, b), the two blocks then going before or after the channels.
    let order: &[usize] = match s.node.word("mode", "DCR") {
        "DCR" => &[0, 3, 5, 1, 2, 4],
        "CRD" => &[0, 1, 3, 5, 2, 4],
        _ => return Err(Refusal::Attribute("mode")),
    };
    let spread = blocks(s, &g)?;
    let d = s.tape.transpose(&spread, order);
    let d = s.tape.reshape_like(&d, &x);
    s.give(0, d);
    Ok(())
}

/// See [`depth_to_space`]: from `(N, b, b, C, H, W)` to `(N, C, H, b, W, b)`.
pub(super) fn space_to_depth(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, g) = (s.x(0)?, s.g()?);
    // The shape the forward transposition led to is that of the input in blocks, moved alike.
    let shape = block_shape(s, &x)?;
    let moved: Vec<_> = [0, 3, 5, 1, 2, 4].iter().map(|&i: &usize| shape[i].clone()).collect();
    let spread = s.tape.reshape(&g, &moved)?;
    let d = s.tape.transpose(&spread, &[0, 3, 4, 1, 5, 2]);
    let d = s.tape.reshape_like(&d, &x);
    s.give(0, d);
    Ok(())
}

/// `(N, C, H·b, W·b)` as `(N, C, H, b, W, b)`.
fn blocks(s: &mut Step<'_>, g: &str) -> Result<String, Refusal> {
    let shape = block_shape(s, g)?;
    s.tape.reshape(g, &shape)
}

fn block_shape(s: &Step<'_>, value: &str) -> Result<Vec<Dim>, Refusal> {
    let shape = s.tape.shape(value)?;
    let size = usize::try_from(s.node.int("blocksize", 0)).map_err(|_| Refusal::Attribute("blocksize"))?;
    let block = Dim::known(size);
    let [n, c, h, w] = shape.as_slice() else { return Err(Refusal::Shape(value.into())) };
    let (Some(rows), Some(columns)) = (h.over(&block), w.over(&block)) else {
        return Err(Refusal::Shape(value.into()));
    };
    Ok(vec![n.clone(), c.clone(), rows, block.clone(), columns, block])
}
