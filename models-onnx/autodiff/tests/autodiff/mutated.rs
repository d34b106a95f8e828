//! Bytes that anyone may have written: whatever they are, nothing panics.

use autodiff::{Differentiate, Keep, Loss, Measure, Model, Term, coverage};

use crate::cases;

/// Reads, and differentiates what can be read.
fn try_all(bytes: &[u8]) -> bool {
    let Ok(model) = Model::read(bytes.to_vec()) else { return false };
    let _ = coverage(&model);
    let graph = model.graph();
    let inputs: Vec<String> = graph.input.iter().map(|v| v.name.clone()).collect();
    let outputs: Vec<String> = graph.output.iter().map(|v| v.name.clone()).collect();
    for output in outputs {
        let mut pulled = Differentiate::new(model.clone()).pull_back(&output).keep(Keep::Few);
        let term = Term::new("term", Measure::MeanSquare, &output).against("target").masked_by("mask");
        let mut loss = Differentiate::new(model.clone()).loss(Loss::of(term));
        for input in &inputs {
            (pulled, loss) = (pulled.wrt(input), loss.wrt(input));
        }
        let _ = (pulled.build(), loss.build());
    }
    true
}

#[test]
fn mutated_models_never_panic() {
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let (mut read, mut refused) = (0, 0);
    for case in cases::all() {
        let opset = case.opsets[0];
        let whole = case.model(opset, case.batch).to_bytes().unwrap();
        for round in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=round % 4 {
                let at = random(bytes.len());
                match round % 3 {
                    0 => bytes[at] ^= 1 << random(8),
                    // Small and extreme numbers find more than random ones.
                    1 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][random(6)],
                    _ => {
                        let _ = bytes.remove(at);
                    }
                }
            }
            if try_all(&bytes) {
                read += 1;
            } else {
                refused += 1;
            }
        }
        for end in [0, whole.len() / 3, whole.len() - 1] {
            try_all(&whole[..end]);
        }
    }
    // Neither would show anything if the other did not happen.
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
}
