//! Products of matrices.

use crate::backward::Step;
use crate::dim::{self, Dim};
use crate::error::Refusal;
use crate::graph::{Attributes, Setting};

/// `Y = A B`: `dA = G Bᵀ`, `dB = Aᵀ G`, summed over batches along which a side was broadcast.
pub(super) fn matmul(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (a, b) = (s.x(0)?, s.x(1)?);
    let (rank_a, rank_b) = (s.tape.rank(&a)?, s.tape.rank(&b)?);
    if rank_a == 0 || rank_b == 0 {
        return Err(Refusal::Shape(s.y()));
    }
    // A vector on the left is a row, one on the right a column; the result lacks that axis.
    let mut g = s.g()?;
    let rank = s.tape.rank(&g)?;
    match (rank_a, rank_b) {
        (1, 1) => g = s.tape.unsqueeze(&g, &[0, 1]),
        (1, _) => g = s.tape.unsqueeze(&g, &[rank - 1]),
        (_, 1) => g = s.tape.unsqueeze(&g, &[rank]),
        _ => {}
    }
    let row = if rank_a == 1 { s.tape.unsqueeze(&a, &[0]) } else { a.clone() };
    let column = if rank_b == 1 { s.tape.unsqueeze(&b, &[1]) } else { b.clone() };
    if s.wants(0) {
        let columns = s.tape.shape(&g)?.last().is_some_and(|d| d.size().is_some());
        let d = if rank_a > 1 && rank_b == 2 && columns {
            // With the weights as they are: a session would keep a transposed copy of them.
            let g = flat(s, &g)?;
            s.tape.op("Gemm", &[&g, &b], &[("transB", Setting::Int(1))])
        } else {
            let turned = s.tape.swap(&column)?;
            let d = s.tape.matmul(&g, &turned);
            s.tape.sum_to(&d, &row)?
        };
        let d = s.tape.reshape_like(&d, &a);
        s.give(0, d);
    }
    if s.wants(1) {
        let d = if rank_b == 2 && rank_a > 2 {
            // One product over all rows, instead of one for each batch and a sum.
            let (x, g) = (flat(s, &row)?, flat(s, &g)?);
            s.tape.op("Gemm", &[&x, &g], &[("transA", Setting::Int(1))])
        } else {
            let turned = s.tape.swap(&row)?;
            s.tape.matmul(&turned, &g)
        };
        let d = s.tape.sum_to(&d, &column)?;
        let d = s.tape.reshape_like(&d, &b);
        s.give(1, d);
    }
    Ok(())
}

/// All axes but the last as one.
fn flat(s: &mut Step<'_>, x: &str) -> Result<String, Refusal> {
    let shape = s.tape.shape(x)?;
    let Some((columns, rows)) = shape.split_last() else { return Err(Refusal::Shape(x.into())) };
    let rows: Dim = dim::product(rows).ok_or_else(|| Refusal::Shape(x.into()))?;
    s.tape.reshape(x, &[rows, columns.clone()])
}

/// `Y = α A' B' + β C`, `A'` and `B'` being `A` and `B` or their transposes. With `A' = A`, `dA = α G B'ᵀ`; with
/// `A' = Aᵀ`, `dA = α B' Gᵀ`; and alike for `B`. No transpose is ever stored.
pub(super) fn gemm(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, a, b) = (s.g()?, s.x(0)?, s.x(1)?);
    let (ta, tb) = (i64::from(s.node.int("transA", 0) != 0), i64::from(s.node.int("transB", 0) != 0));
    let alpha = s.node.float("alpha", 1.0);
    let product = |s: &mut Step<'_>, left: &str, right: &str, turn_left: i64, turn_right: i64| {
        let settings = [
            ("alpha", Setting::Float(alpha)),
            ("transA", Setting::Int(turn_left)),
            ("transB", Setting::Int(turn_right)),
        ];
        s.tape.op("Gemm", &[left, right], &settings)
    };
    if s.wants(0) {
        let d = if ta == 0 { product(s, &g, &b, 0, 1 - tb) } else { product(s, &b, &g, tb, 1) };
        s.give(0, d);
    }
    if s.wants(1) {
        let d = if tb == 0 { product(s, &a, &g, 1 - ta, 0) } else { product(s, &g, &a, 1, ta) };
        s.give(1, d);
    }
    if s.wants(2) {
        let d = s.tape.sum_to(&g, &s.x(2)?)?;
        let d = s.tape.scale(&d, s.node.float("beta", 1.0).into())?;
        s.give(2, d);
    }
    Ok(())
}
