//! Moves, and taking elements by their place.

use autodiff::tensor::of_integers;

use super::{Case, case};

/// The largest whole number, which exporters write for “to the end”.
const END: i64 = i64::MAX;

pub(crate) fn cases() -> Vec<Case> {
    // Scattering itself can add since opset 16; its gradients need that of any.
    let adding = |op| case(op).opsets(&[16, 17, 21, 24]);
    let mut all = vec![
        case("Reshape").x(&[2, 6]).list(&[3, 4]),
        case("Reshape").x(&[2, 6]).list(&[0, -1, 2]).batch(),
        case("Flatten").x(&[2, 3, 2]).batch(),
        case("Flatten").x(&[2, 3, 2]).with("axis", -1),
        case("Flatten").x(&[2, 3]).with("axis", 0),
        case("Squeeze").x(&[1, 3, 1]),
        case("Squeeze").x(&[2, 1, 3]).list(&[-2]).batch(),
        case("Unsqueeze").x(&[2, 3]).list(&[0, -1]).batch(),
        case("Transpose").x(&[2, 3, 2]).lists("perm", &[2, 0, 1]).batch(),
        case("Transpose").x(&[2, 3]),
        case("Expand").x(&[3, 1]).list(&[2, 3, 4]),
        case("Expand").x(&[2, 3]).list(&[1, 3]).batch(),
        case("Concat").x(&[2, 3]).x(&[2, 1]).x(&[2, 2]).with("axis", 1).batch(),
        case("Concat").x(&[2, 3]).x(&[1, 3]).with("axis", -2),
        case("Split").x(&[2, 6]).list(&[1, 3, 2]).with("axis", 1).outs(3).batch(),
        case("Split").x(&[4, 2]).outs(2).opsets(&[17]),
        case("Split").x(&[5, 2]).outs(2).with("num_outputs", 2).opsets(&[18, 21]),
        case("DepthToSpace").x(&[1, 8, 2, 1]).with("blocksize", 2).batch(),
        case("DepthToSpace").x(&[1, 8, 1, 2]).with("blocksize", 2).word("mode", "CRD"),
        case("SpaceToDepth").x(&[2, 2, 4, 2]).with("blocksize", 2).batch(),
        case("Slice").x(&[2, 5]).list(&[1]).list(&[4]).list(&[1]).batch(),
        case("Slice").x(&[3, 5]).list(&[1, -3]).list(&[END, -1]),
        case("Slice").x(&[2, 7]).list(&[1]).list(&[END]).list(&[-1]).list(&[2]).batch(),
        case("Slice").x(&[2, 5]).list(&[-1]).list(&[i64::MIN]).list(&[1]).list(&[-1]),
        case("Slice").x(&[4, 5]).list(&[3, 0]).list(&[0, 4]).list(&[0, 1]).list(&[-2, 1]),
        case("Gather").x(&[2, 4]).int(2).with("axis", 1).batch(),
        case("Gather").x(&[2, 4]).int(-1).with("axis", -1),
        case("Gather").x(&[4, 2]).list(&[1]),
        case("Gather").x(&[4, 2]).fixed(of_integers("", &[2, 2], &[1, 3, 1, -4])),
        case("Gather").x(&[2, 4, 2]).list(&[3, 0, 3]).with("axis", 1).batch(),
        case("Gather").x(&[2, 3]).list(&[2, 2]).with("axis", 1),
        // Tables so long that elements are put back one by one.
        case("Gather").x(&[2, 1025]).list(&[1024, 0, 1024, -2]).with("axis", 1).batch(),
        case("Gather").x(&[1025, 2]).fixed(of_integers("", &[2, 2], &[1024, 3, 1, -1])),
        case("GatherElements").x(&[3, 2]).fixed(of_integers("", &[2, 2], &[2, 0, 2, -3])),
        case("GatherElements").x(&[2, 3]).fixed(of_integers("", &[2, 2], &[2, 2, 0, 1])).with("axis", -1),
        case("GatherND").x(&[3, 2]).fixed(of_integers("", &[3, 1], &[2, 0, 2])),
        case("GatherND").x(&[3, 2]).fixed(of_integers("", &[3, 2], &[2, 0, 0, 1, 2, 0])),
        case("GatherND")
            .x(&[2, 3, 2])
            .fixed(of_integers("", &[2, 2, 1], &[2, 0, 1, 1]))
            .with("batch_dims", 1),
        case("GatherND")
            .x(&[2, 2, 3])
            .fixed(of_integers("", &[2, 2, 1], &[2, 0, -1, 1]))
            .with("batch_dims", 2),
        case("ScatterElements").x(&[3, 2]).fixed(of_integers("", &[1, 2], &[2, 0])).x(&[1, 2]),
        adding("ScatterElements")
            .x(&[2, 3])
            .fixed(of_integers("", &[2, 2], &[2, 2, 0, 1]))
            .x(&[2, 2])
            .with("axis", 1)
            .word("reduction", "add"),
        case("ScatterND").x(&[3, 2]).fixed(of_integers("", &[2, 1], &[2, 0])).x(&[2, 2]),
        adding("ScatterND").x(&[3]).fixed(of_integers("", &[2, 1], &[1, 1])).x(&[2]).word("reduction", "add"),
        case("CumSum").x(&[2, 3]).int(1).batch(),
        case("CumSum").x(&[2, 3, 2]).int(-2).with("exclusive", 1).with("reverse", 1),
        case("Tile").x(&[2, 3]).list(&[3, 2]),
        case("Tile").x(&[2, 1, 2]).list(&[1, 3, 1]).batch(),
        case("Pad").x(&[2, 3]).list(&[0, 1, 1, 2]),
        case("Pad").x(&[2, 5]).list(&[0, -1, 0, 2]).batch(),
        case("Pad").x(&[2, 3]).list(&[1, 2]).absent().list(&[1]).opsets(&[18, 21]).batch(),
    ];
    for mode in ["reflect", "edge"] {
        all.push(case("Pad").x(&[2, 4, 3]).list(&[0, 2, 1, 0, 3, 2]).word("mode", mode).batch());
    }
    all.push(case("Pad").x(&[2, 3]).list(&[0, 2, 0, 1]).word("mode", "wrap").opsets(&[19, 21]));
    all
}
