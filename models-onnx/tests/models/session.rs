//! Runs that go wrong.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, ModelError, Pack, Role, generator};
use ndarray::{Array, Array4, ArrayD, IxDyn};

use crate::support::{Damaged, picture, runtime, tiny};

fn styles(n: usize) -> ArrayD<f32> {
    Array::from_elem(IxDyn(&[n, 197]), 0.25)
}

/// The tiny pack with another graph for its synthesis; the folder goes when the first is dropped.
fn misbehaving(graph: &str) -> (Damaged, Pack) {
    let copy = Damaged::new();
    copy.swap("synthesis.onnx", graph);
    let pack = copy.open().unwrap();
    (copy, pack)
}

fn synthesise(pack: &Pack, cancel: &Cancel) -> Result<Vec<ArrayD<f32>>, ModelError> {
    let mut session = Session::open(&runtime(), pack, Role::Synthesis)?;
    session.run(&[("styles", Tensor::F32(styles(1).view()))], cancel)
}

#[test]
fn inputs_that_do_not_fit() {
    let mut session = Session::open(&runtime(), &tiny(), Role::Synthesis).unwrap();
    let cancel = Cancel::new();
    let wrong: [ArrayD<f32>; 4] = [
        Array::zeros(IxDyn(&[1, 196])),
        Array::zeros(IxDyn(&[197])),
        Array::zeros(IxDyn(&[0, 197])),
        Array::zeros(IxDyn(&[1, 197, 1])),
    ];
    for tensor in &wrong {
        let result = session.run(&[("styles", Tensor::F32(tensor.view()))], &cancel);
        assert!(matches!(result, Err(ModelError::Shape { .. })), "{result:?}");
    }
    let whole = Array::<i64, _>::zeros(IxDyn(&[1, 197]));
    let result = session.run(&[("styles", Tensor::I64(whole.view()))], &cancel);
    assert!(matches!(result, Err(ModelError::Shape { .. })), "{result:?}");
    let result = session.run(&[("style", Tensor::F32(styles(1).view()))], &cancel);
    assert!(matches!(result, Err(ModelError::Shape { .. })), "{result:?}");
    // After all that it still works, and takes views that are not contiguous.
    let transposed = Array::<f32, _>::zeros((197, 2));
    let images = session.run(&[("styles", Tensor::F32(transposed.t().into_dyn()))], &cancel).unwrap();
    assert_eq!(images[0].shape(), [2, 3, 8, 8]);
}

#[test]
fn a_generator_refuses_pictures_of_another_size_and_codes_of_another_pack() {
    let mut tiny_generator = generator::open(&tiny(), &runtime()).unwrap();
    let cancel = Cancel::new();
    assert!(matches!(tiny_generator.encode(&picture(1, 9), &cancel), Err(ModelError::Shape { .. })));
    assert!(matches!(
        tiny_generator.encode(&Array4::zeros((0, 3, 8, 8)), &cancel),
        Err(ModelError::Shape { .. })
    ));
    let code = tiny_generator.encode(&picture(1, 8), &cancel).unwrap();
    let other = Damaged::with("name = \"Tiny\"", "name = \"Another\"");
    let mut other = generator::open(&Arc::new(other.open().unwrap()), &runtime()).unwrap();
    assert!(matches!(other.synthesise(&code, &cancel), Err(ModelError::Foreign(_))));
}

#[test]
fn a_broken_graph_and_one_that_is_not_what_the_manifest_says() {
    let (_copy, pack) = misbehaving("renamed.onnx");
    let error = synthesise(&pack, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ModelError::Open { role: Role::Synthesis, .. }), "{error}");
    let (_copy, pack) = misbehaving("make.py");
    let error = synthesise(&pack, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ModelError::Open { role: Role::Synthesis, .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn numbers_that_are_not_finite_are_reported_with_the_role() {
    let (_copy, pack) = misbehaving("nan.onnx");
    let error = synthesise(&pack, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ModelError::NotFinite { role: Role::Synthesis }), "{error}");
    assert!(error.to_string().contains("generator"), "{error}");
}

#[test]
fn running_out_of_memory_is_reported_as_that() {
    let (_copy, pack) = misbehaving("memory.onnx");
    let error = synthesise(&pack, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ModelError::OutOfMemory { role: Role::Synthesis }), "{error}");
}

#[test]
fn a_long_run_stops_within_a_second_of_cancel() {
    let (_copy, pack) = misbehaving("slow.onnx");
    let cancel = Cancel::new();
    let from_outside = cancel.clone();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        from_outside.cancel();
        Instant::now()
    });
    let result = synthesise(&pack, &cancel);
    let stopped = Instant::now();
    let cancelled = canceller.join().unwrap();
    assert!(matches!(result, Err(ModelError::Cancelled)), "{result:?}");
    let took = stopped.saturating_duration_since(cancelled);
    println!("stopped {took:?} after cancel");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn nothing_runs_once_cancelled_and_another_cancel_is_fresh() {
    let cancelled = Cancel::new();
    cancelled.cancel();
    let mut generator = generator::open(&tiny(), &runtime()).unwrap();
    assert!(matches!(generator.encode(&picture(1, 8), &cancelled), Err(ModelError::Cancelled)));
    assert!(generator.encode(&picture(1, 8), &Cancel::new()).is_ok());
    assert!(matches!(generator.encode(&picture(1, 8), &cancelled), Err(ModelError::Cancelled)));
}
