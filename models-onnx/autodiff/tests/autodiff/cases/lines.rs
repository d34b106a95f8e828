//! Products of matrices, and reductions.

use super::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    let mut all = vec![
        case("MatMul").x(&[2, 3]).x(&[3, 4]),
        case("MatMul").x(&[2, 2, 3]).x(&[3, 2]),
        case("MatMul").x(&[2, 2, 3]).x(&[2, 3, 2]).batch(),
        case("MatMul").x(&[2, 1, 2, 3]).x(&[2, 3, 2]),
        case("MatMul").x(&[2, 3]).x(&[2, 3, 2]),
        case("MatMul").x(&[3]).x(&[3, 2]),
        case("MatMul").x(&[2, 3]).x(&[3]),
        case("MatMul").x(&[3]).x(&[3]),
        case("MatMul").x(&[3]).x(&[2, 3, 2]),
    ];
    for (ta, tb) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let a: &[usize] = if ta == 0 { &[2, 3] } else { &[3, 2] };
        let b: &[usize] = if tb == 0 { &[3, 4] } else { &[4, 3] };
        let gemm = case("Gemm").x(a).x(b).x(&[4]).with("transA", ta).with("transB", tb);
        all.push(gemm.real("alpha", 0.7).real("beta", 1.3));
    }
    all.push(case("Gemm").x(&[2, 3]).x(&[3, 2]));
    all.push(case("Gemm").x(&[2, 3]).x(&[3, 2]).x(&[2, 1]));

    let einsum = |equation| case("Einsum").word("equation", equation);
    all.push(einsum("ij,jk->ik").x(&[2, 3]).x(&[3, 2]));
    all.push(einsum("bhid, bhjd -> bhij").x(&[1, 2, 2, 3]).x(&[1, 2, 2, 3]).batch());
    all.push(einsum("ij,kj").x(&[2, 3]).x(&[2, 3]));
    all.push(einsum("ij,j,k->ki").x(&[2, 3]).x(&[3]).x(&[2]));
    all.push(einsum("ijk->kij").x(&[2, 3, 2]));
    // Letters that only one has, alone and beside others.
    all.push(einsum("ij->i").x(&[2, 3]).batch());
    all.push(einsum("ij->").x(&[2, 3]));
    all.push(einsum("ij,k->").x(&[2, 3]).x(&[2]));
    all.push(einsum("ijl,jk->ik").x(&[2, 3, 2]).x(&[3, 2]));
    // Diagonals.
    all.push(einsum("ii->i").x(&[3, 3]));
    all.push(einsum("ii").x(&[3, 3]));
    all.push(einsum("bii,ij->bj").x(&[2, 3, 3]).x(&[3, 2]));
    all.push(einsum("iij,j->ij").x(&[2, 2, 3]).x(&[3]));
    // Dots: axes alike, sizes of one, and axes that one does not name.
    all.push(einsum("...ij,...jk->...ik").x(&[2, 2, 3]).x(&[2, 3, 2]).batch());
    all.push(einsum("...ij,...kj").x(&[2, 1, 2, 3]).x(&[1, 2, 2, 3]));
    all.push(einsum("b...,...->b...").x(&[2, 3, 2]).x(&[3, 2]));

    // In opset 18 axes moved from the attributes to the inputs; for sums they did so in 13.
    let reductions = [
        "ReduceSum",
        "ReduceMean",
        "ReduceL1",
        "ReduceL2",
        "ReduceSumSquare",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMin",
    ];
    for op in reductions {
        for (axes, keep) in [(&[1i64][..], 1), (&[1], 0), (&[0, -1], 0), (&[-1, 0], 1)] {
            let with = |c: Case| c.with("keepdims", keep);
            all.push(with(case(op).apart(&[2, 3, 2]).list(axes)).opsets(&[18, 21]).batch());
            if op == "ReduceSum" {
                all.push(with(case(op).apart(&[2, 3, 2]).list(axes)).opsets(&[13]));
            } else {
                all.push(with(case(op).apart(&[2, 3, 2]).lists("axes", axes)).opsets(&[13, 17]));
            }
        }
        all.push(case(op).apart(&[2, 3]));
        all.push(case(op).apart(&[2, 3]).with("keepdims", 0).batch());
    }
    all.push(case("ReduceSum").x(&[2, 2]).list(&[]).with("noop_with_empty_axes", 1));
    all
}
