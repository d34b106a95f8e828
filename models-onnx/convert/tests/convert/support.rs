//! ONNX Runtime, checkpoints of seeded weights, and comparisons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use autodiff::Model;
use checkpoint::Checkpoint;
use models_onnx::{Places, Runtime};
use ndarray::{ArrayD, IxDyn};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

/// The ONNX Runtime that Pentimento's other tests use too.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let library = Places::from_environment().unwrap().onnxruntime();
        Runtime::load(&library, <_>::default()).unwrap_or_else(|why| panic!("{why}"))
    })
}

/// A model ready to run.
pub(crate) struct Runner(Session);

impl Runner {
    /// Opens it as the plug-in would, on one thread.
    pub(crate) fn new(model: &Model) -> Self {
        let builder = SessionBuilder::new(runtime().environment()).unwrap();
        let builder = builder.with_optimization_level(GraphOptimizationLevel::All).unwrap();
        let mut builder = builder.with_intra_threads(1).unwrap();
        Self(builder.commit_from_memory(&model.to_bytes().unwrap()).unwrap())
    }

    /// Runs it for all outputs of single precision.
    pub(crate) fn run(&mut self, inputs: &[(&str, &ArrayD<f32>)]) -> BTreeMap<String, ArrayD<f32>> {
        self.run_with(inputs, &[])
    }

    /// Runs it with integers too.
    pub(crate) fn run_with(
        &mut self,
        inputs: &[(&str, &ArrayD<f32>)],
        integers: &[(&str, &ArrayD<i64>)],
    ) -> BTreeMap<String, ArrayD<f32>> {
        let mut values: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for &(name, array) in inputs {
            values.push((name.into(), Tensor::from_array(array.clone()).unwrap().into()));
        }
        for &(name, array) in integers {
            values.push((name.into(), Tensor::from_array(array.clone()).unwrap().into()));
        }
        let outputs = self.0.run(values).unwrap();
        let array =
            |value: &ort::value::DynValue| value.try_extract_array::<f32>().ok().map(|a| a.to_owned());
        outputs.iter().filter_map(|(name, value)| Some((name.to_owned(), array(&value.view())?))).collect()
    }
}

/// Where a folder of goldens lies.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A golden array.
pub(crate) fn npy(name: &str) -> ArrayD<f32> {
    let path = golden(name);
    ndarray_npy::read_npy(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The checkpoint that a layout among the goldens stands for.
pub(crate) fn checkpoint(layout: &str) -> Checkpoint {
    let path = golden(layout);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let entries = seeded::layout(&text).unwrap();
    Checkpoint::of(entries.into_iter().map(|entry| {
        let array = ArrayD::from_shape_vec(IxDyn(&entry.shape), entry.values()).unwrap();
        (entry.name, array)
    }))
}

/// Values between −1 and 1 that follow from a name, as in `seeded.py`.
pub(crate) fn uniform(name: &str, shape: &[usize]) -> ArrayD<f32> {
    let values = seeded::uniform(name, shape.iter().product(), 1.0, 0.0);
    ArrayD::from_shape_vec(IxDyn(shape), values).unwrap()
}

/// The largest difference over the largest magnitude of `right`.
pub(crate) fn difference(wrong: &ArrayD<f32>, right: &ArrayD<f32>) -> f32 {
    assert_eq!(wrong.shape(), right.shape());
    assert!(wrong.iter().all(|v| v.is_finite()));
    let largest = right.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    wrong.iter().zip(right).fold(0.0f32, |m, (w, r)| m.max((w - r).abs())) / largest
}

/// The checkpoint that a layout of the reference networks stands for.
pub(crate) fn reference(layout: &str) -> Checkpoint {
    checkpoint(&format!("../../../reference/layouts/{layout}.txt"))
}
