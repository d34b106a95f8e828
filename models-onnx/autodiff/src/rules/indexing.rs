//! Operators that take elements by their place.

use crate::backward::Step;
use crate::dim::{self, Dim};
use crate::error::Refusal;
use crate::graph::{Attributes, Setting};
use crate::shapes;
use crate::tape::Tape;
use crate::tensor;
use crate::window::whole;

/// Longer tables are not gone through for every index.
const LARGE: i64 = 1024;

impl Tape {
    /// Puts zeros before and after; each entry is an axis and how many.
    fn surround(&mut self, g: &str, zeros: &[(usize, i64, i64)]) -> Result<String, Refusal> {
        if zeros.iter().all(|&(_, before, after)| before == 0 && after == 0) {
            return Ok(g.into());
        }
        let rank = self.rank(g)?;
        let mut pads = vec![0i64; 2 * rank];
        for &(axis, before, after) in zeros {
            if axis >= rank {
                return Err(Refusal::Shape(g.into()));
            }
            (pads[axis], pads[rank + axis]) = (before, after);
        }
        let pads = self.ints(&pads);
        Ok(self.op("Pad", &[g, &pads], &[]))
    }
}

/// `y[…, i, …] = x[…, start + step · i, …]`: back between zeros, or through a matrix where places are skipped.
pub(super) fn slice(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let shape = s.tape.shape(&x)?;
    let cuts = shapes::cuts(&s.tape.facts, s.node).ok_or_else(|| Refusal::Computed(s.y()))?;
    let mut g = s.g()?;
    let mut zeros = Vec::new();
    for cut in cuts {
        let size = shape[cut.axis].size().ok_or_else(|| Refusal::Shape(x.clone()))?;
        if cut.count == 0 {
            zeros.push((cut.axis, 0, whole(size)));
        } else if cut.step == 1 {
            zeros.push((cut.axis, cut.start, whole(size) - cut.start - whole(cut.count)));
        } else {
            let places = cut.places().enumerate().map(|(column, row)| (row, column, 1.0));
            g = s.tape.spread(&g, cut.axis, (size, cut.count), places)?;
        }
    }
    let d = s.tape.surround(&g, &zeros)?;
    s.give(0, d);
    Ok(())
}

/// `y[…, i, …] = x[…, index[i], …]`: each `g` goes back to its index, and what meets there is summed. One index is
/// a slice; for several, the sum is a product with the matrix that has a one at each pair of index and place. That
/// matrix grows with the table, so that in a large one elements are put back one by one.
pub(super) fn gather(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, indices, g) = (s.x(0)?, s.x(1)?, s.g()?);
    let axis = s.axis(0, &x)?;
    let t = &mut *s.tape;
    let (shape, picked) = (t.shape(&x)?, t.shape(&indices)?);
    let size = shape[axis].size().map(whole).ok_or_else(|| Refusal::Shape(x.clone()))?;
    let count = dim::product(&picked).ok_or_else(|| Refusal::Shape(indices.clone()))?;
    let mut flat = shape.clone();
    flat[axis] = count;
    let g = t.reshape(&g, &flat)?;
    let constant = t.facts.integers(&indices);
    if let Some(&[index]) = constant.as_deref() {
        let place = if index < 0 { index.checked_add(size) } else { Some(index) };
        let place = place.filter(|p| (0..size).contains(p)).ok_or(Refusal::Computed(indices))?;
        let d = t.surround(&g, &[(axis, place, size - place - 1)])?;
        s.give(0, d);
        return Ok(());
    }
    let list = t.reshape(&indices, &[flat[axis].clone()])?;
    let list = t.cast(&list, tensor::INT64);
    if size > LARGE {
        let zeros = t.zeros_like(&x)?;
        let d = put_back(t, &zeros, &list, &g, (axis, flat.len()));
        s.give(0, d);
        return Ok(());
    }
    let depth = t.int(size);
    let values = t.reals(&[2], &[0.0, 1.0], &x)?;
    let matrix = t.op("OneHot", &[&list, &depth, &values], &[("axis", Setting::Int(0))]);
    let d = t.along(&g, axis, &matrix)?;
    s.give(0, d);
    Ok(())
}

/// Adds each slice of `g` along an axis, of `rank` axes, to the slice of `zeros` that the list names.
///
/// Not by ScatterND: on several threads, ONNX Runtime 1.31 loses sums there where places repeat.
fn put_back(t: &mut Tape, zeros: &str, list: &str, g: &str, (axis, rank): (usize, usize)) -> String {
    let others: Vec<usize> = (0..rank).filter(|&other| other != axis).collect();
    let places = t.unsqueeze(list, &others);
    let places = t.expand_like(&places, g);
    let settings = [("axis", Setting::Int(whole(axis))), ("reduction", Setting::Word("add"))];
    t.op("ScatterElements", &[zeros, &places, g], &settings)
}

/// With zeros around, what was added is cut off. Where the border is repeated or mirrored, it goes back to the
/// elements it was taken from.
pub(super) fn pad(s: &mut Step<'_>) -> Result<(), Refusal> {
    s.only_before(1)?;
    let (x, mut g) = (s.x(0)?, s.g()?);
    let shape = s.tape.shape(&x)?;
    let pads = shapes::paddings(&s.tape.facts, s.node, shape.len()).ok_or(Refusal::Computed(s.x(1)?))?;
    let mode = s.node.word("mode", "constant");
    if mode == "constant" {
        let negative: Option<Vec<_>> =
            pads.iter().map(|&(axis, b, a)| Some((axis, b.checked_neg()?, a.checked_neg()?))).collect();
        let d = s.tape.surround(&g, &negative.ok_or(Refusal::Attribute("pads"))?)?;
        s.give(0, d);
        return Ok(());
    }
    for (axis, before, after) in pads.into_iter().filter(|p| (p.1, p.2) != (0, 0)) {
        let size =
            shape[axis].size().map(whole).filter(|&n| n > 0).ok_or_else(|| Refusal::Shape(x.clone()))?;
        let padded = size.checked_add(before).and_then(|n| n.checked_add(after));
        let padded = padded.and_then(|n| usize::try_from(n).ok()).ok_or(Refusal::Attribute("pads"))?;
        let source = |place: usize| -> Option<i64> {
            let place = whole(place).checked_sub(before)?;
            Some(match mode {
                "edge" => place.clamp(0, size - 1),
                "wrap" => place.rem_euclid(size),
                // There and back without repeating the ends.
                _ => {
                    let period = (size - 1).checked_mul(2)?.max(1);
                    let place = place.rem_euclid(period);
                    place.min(period - place)
                }
            })
        };
        if !matches!(mode, "edge" | "wrap" | "reflect") {
            return Err(Refusal::Attribute("mode"));
        }
        let to = usize::try_from(size).map_err(|_| Refusal::Attribute("pads"))?;
        let entries =
            (0..padded).filter_map(|column| Some((usize::try_from(source(column)?).ok()?, column, 1.0)));
        g = s.tape.spread(&g, axis, (to, padded), entries)?;
    }
    s.give(0, g);
    Ok(())
}

/// `y[i, j] = x[index[i, j], j]`: back to where each was taken, summed where it was taken twice.
pub(super) fn gather_elements(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, indices, g) = (s.x(0)?, s.x(1)?, s.g()?);
    let axis = s.axis(0, &x)?;
    let zeros = s.tape.zeros_like(&x)?;
    let settings = [("axis", Setting::Int(whole(axis))), ("reduction", Setting::Word("add"))];
    let d = s.tape.op("ScatterElements", &[&zeros, &indices, &g], &settings);
    s.give(0, d);
    Ok(())
}

/// `y[i] = x[index[i, …]]`, an index being a row of numbers: with the axes that these count along made one, as for
/// [`gather`] from a long table.
pub(super) fn gather_nd(s: &mut Step<'_>) -> Result<(), Refusal> {
    let batch = usize::try_from(s.node.int("batch_dims", 0)).map_err(|_| Refusal::Attribute("batch_dims"))?;
    let (x, mut indices, g) = (s.x(0)?, s.x(1)?, s.g()?);
    let t = &mut *s.tape;
    if batch > 0 {
        indices = with_places(t, &indices, batch)?;
    }
    let (shape, picked) = (t.shape(&x)?, t.shape(&indices)?);
    let unknown = || Refusal::Shape(x.clone());
    let (columns, rows) = picked.split_last().ok_or_else(unknown)?;
    let columns = columns.size().filter(|&n| n <= shape.len()).ok_or_else(unknown)?;
    let (front, rest) = shape.split_at(columns);
    let front: Option<Vec<i64>> = front.iter().map(|dim| dim.size().map(whole)).collect();
    let front = front.ok_or_else(unknown)?;
    let count = dim::product(rows).ok_or_else(|| Refusal::Shape(indices.clone()))?;
    let total = front.iter().try_fold(1i64, |all, &n| all.checked_mul(n)).ok_or_else(unknown)?;
    let total = usize::try_from(total).map_err(|_| unknown())?;
    let strides: Vec<i64> = (0..columns).map(|at| front[at + 1..].iter().product()).collect();

    let own = t.cast(&indices, tensor::INT64);
    let (zero, sizes, strides) = (t.int(0), t.ints(&front), t.ints(&strides));
    // Negative indices count from the end.
    let negative = t.op("Less", &[&own, &zero], &[]);
    let wrapped = t.add(&own, &sizes);
    let own = t.choose(&negative, &wrapped, &own);
    let places = t.mul(&own, &strides);
    let places = t.sum(&places, &[rows.len()], false);
    let list = t.reshape(&places, std::slice::from_ref(&count))?;
    let g = t.reshape(&g, &[&[count], rest].concat())?;
    let zeros = t.zeros_like(&x)?;
    let zeros = t.reshape(&zeros, &[&[Dim::known(total)], rest].concat())?;
    let d = put_back(t, &zeros, &list, &g, (0, rest.len() + 1));
    let d = t.reshape_like(&d, &x);
    s.give(0, d);
    Ok(())
}

/// Rows of indices that count from the first axis on, for rows that count from the one after `batch` others.
fn with_places(t: &mut Tape, indices: &str, batch: usize) -> Result<String, Refusal> {
    const MOST: usize = 1 << 20;
    let unknown = || Refusal::Shape(indices.into());
    let mut sizes = t.sizes(indices)?;
    let last = sizes.len().checked_sub(1).filter(|&last| batch <= last).ok_or_else(unknown)?;
    sizes[last] = 1;
    let all = sizes.iter().try_fold(1usize, |all, &s| all.checked_mul(s).filter(|&n| n <= MOST));
    let all = all.ok_or_else(|| Refusal::Long(indices.into()))?;
    let mut columns = Vec::with_capacity(batch + 1);
    for axis in 0..batch {
        let inner: usize = sizes[axis + 1..].iter().product();
        let places: Vec<i64> = (0..all).map(|i| whole(i / inner % sizes[axis])).collect();
        columns.push(t.grid(&sizes, &places));
    }
    let own = t.cast(indices, tensor::INT64);
    columns.push(own);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Ok(t.op("Concat", &columns, &[("axis", Setting::Int(-1))]))
}

/// `y = x` but for `y[index[i, j], j] = u[i, j]`, or plus that.
pub(super) fn scatter_elements(s: &mut Step<'_>) -> Result<(), Refusal> {
    let axis = s.axis(0, &s.x(0)?)?;
    written_over(s, "ScatterElements", "GatherElements", &[("axis", Setting::Int(whole(axis)))])
}

/// The same for indices that are rows of numbers.
pub(super) fn scatter_nd(s: &mut Step<'_>) -> Result<(), Refusal> {
    written_over(s, "ScatterND", "GatherND", &[])
}

/// What was written over gets nothing; what was written gets what came to its place.
fn written_over(
    s: &mut Step<'_>,
    scatter: &str,
    gather: &str,
    settings: &[(&str, Setting<'_>)],
) -> Result<(), Refusal> {
    let (g, indices, updates) = (s.g()?, s.x(1)?, s.x(2)?);
    let adds = match s.node.word("reduction", "none") {
        "none" => false,
        "add" => true,
        _ => return Err(Refusal::Attribute("reduction")),
    };
    if s.wants(0) {
        let d = if adds {
            g.clone()
        } else {
            let zeros = s.tape.zeros_like(&updates)?;
            s.tape.op(scatter, &[&g, &indices, &zeros], settings)
        };
        s.give(0, d);
    }
    if s.wants(2) {
        let d = s.tape.op(gather, &[&g, &indices], settings);
        s.give(2, d);
    }
    Ok(())
}
