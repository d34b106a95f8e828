//! Whether a node's inputs fit together, beyond what follows from the shape of its result.

use autodiff::proto::NodeProto;
use autodiff::{Dim, Facts};

use super::Value;

/// Says why not. Sizes that are not numbers are taken to fit.
pub(super) fn fits(node: &NodeProto, inputs: &[Option<&Value>], facts: &Facts) -> Result<(), String> {
    let int =
        |name: &str, default: i64| node.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i);
    let shape = |i: usize| inputs.get(i).copied().flatten().map(Value::shape);
    let need = |i: usize| shape(i).ok_or_else(|| format!("its input {i} is missing"));
    match node.op_type.as_str() {
        "Conv" | "ConvTranspose" => {
            let (x, w) = (need(0)?, need(1)?);
            same_rank(x, w)?;
            let groups = usize::try_from(int("group", 1)).unwrap_or(0);
            let transposed = node.op_type == "ConvTranspose";
            // A transposed convolution has its weights by input channels first.
            let taken = if transposed { w[0].clone() } else { times(&w[1], groups) };
            let made = if transposed { times(&w[1], groups) } else { w[0].clone() };
            equal("channels", &x[1], "those of the weights", &taken)?;
            vector(shape(2), &made, "the bias")
        }
        "MatMul" => {
            let (a, b) = (need(0)?, need(1)?);
            let columns = a.last().ok_or("a number is no matrix")?;
            let rows = b.get(b.len().saturating_sub(2)).ok_or("a number is no matrix")?;
            equal("columns", columns, "rows", rows)
        }
        "Gemm" => {
            let (a, b) = (need(0)?, need(1)?);
            if a.len() != 2 || b.len() != 2 {
                return Err("both must be matrices".into());
            }
            let columns = &a[usize::from(int("transA", 0) == 0)];
            equal("columns", columns, "rows", &b[usize::from(int("transB", 0) != 0)])?;
            vector(shape(2), &b[usize::from(int("transB", 0) == 0)], "the bias")
        }
        "Concat" => {
            let first = need(0)?;
            let at = place(int("axis", 0), first.len())?;
            for other in inputs.iter().flatten().map(|v| v.shape()) {
                same_rank(first, other)?;
                for axis in (0..first.len()).filter(|&a| a != at) {
                    equal("sizes", &first[axis], "others", &other[axis])?;
                }
            }
            Ok(())
        }
        "Split" => {
            let x = need(0)?;
            let at = place(int("axis", 0), x.len())?;
            let parts = inputs.get(1).copied().flatten().and_then(|v| facts.integers(v.name()));
            let parts = parts.ok_or("the sizes of its parts are not known")?;
            let all = usize::try_from(parts.iter().sum::<i64>()).map_err(|e| e.to_string())?;
            equal("sizes", &x[at], "all parts", &all.into())
        }
        "BatchNormalization" | "InstanceNormalization" => {
            let channels = need(0)?.get(1).cloned().ok_or("it has no channels")?;
            (1..inputs.len()).try_for_each(|i| vector(shape(i), &channels, "its settings"))
        }
        "LayerNormalization" => {
            let size = need(0)?.last().cloned().ok_or("it has no axis")?;
            let one = int("axis", -1) == -1;
            (1..inputs.len()).filter(|_| one).try_for_each(|i| vector(shape(i), &size, "its settings"))
        }
        "PRelu" => {
            let (x, slope) = (need(0)?, need(1)?);
            let missing = x.len().checked_sub(slope.len()).ok_or("the slope has too many axes")?;
            for (x, slope) in x[missing..].iter().zip(slope).filter(|(_, s)| !s.is_one()) {
                equal("sizes", x, "slopes", slope)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether what a node makes has as many elements as it takes, where none may be lost.
pub(super) fn fills(node: &NodeProto, taken: &[Dim], made: &[Dim]) -> Result<(), String> {
    match (product(taken), product(made)) {
        (Some(taken), Some(made)) if node.op_type == "Reshape" && taken != made => {
            Err(format!("{taken} elements cannot become {made}"))
        }
        _ => Ok(()),
    }
}

fn same_rank(a: &[Dim], b: &[Dim]) -> Result<(), String> {
    if a.len() == b.len() { Ok(()) } else { Err(format!("{} axes do not go with {}", a.len(), b.len())) }
}

fn equal(what: &str, a: &Dim, with: &str, b: &Dim) -> Result<(), String> {
    match (a.size(), b.size()) {
        (Some(a), Some(b)) if a != b => Err(format!("{what}: {a}, {with}: {b}")),
        _ => Ok(()),
    }
}

fn vector(shape: Option<&[Dim]>, size: &Dim, what: &str) -> Result<(), String> {
    match shape {
        None => Ok(()),
        Some([one]) => equal(what, one, "channels", size),
        Some(_) => Err(format!("{what} must have one axis")),
    }
}

fn times(dim: &Dim, factor: usize) -> Dim {
    dim.times(&factor.into()).unwrap_or_else(|| dim.clone())
}

fn product(shape: &[Dim]) -> Option<Dim> {
    shape.iter().try_fold(Dim::known(1), |all, d| all.times(d))
}

fn place(axis: i64, rank: usize) -> Result<usize, String> {
    let rank = i64::try_from(rank).map_err(|e| e.to_string())?;
    let place = if axis < 0 { axis + rank } else { axis };
    usize::try_from(place).ok().filter(|_| place < rank).ok_or_else(|| format!("it has no axis {axis}"))
}
