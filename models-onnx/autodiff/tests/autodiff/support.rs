//! ONNX Runtime, graphs of a few nodes, and finite differences.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use autodiff::Model;
use autodiff::proto::{
    AttributeProto, DimProto, DimValue, GraphProto, ModelProto, NodeProto, OperatorSetId, ShapeProto,
    TensorProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};

/// Shape and elements.
pub(crate) type Array = (Vec<usize>, Vec<f32>);

/// Arrays by name.
pub(crate) type Arrays = BTreeMap<String, Array>;

/// The ONNX Runtime that Pentimento's other tests use too.
fn library() -> PathBuf {
    let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = path("PENTIMENTO_DATA")
        .or_else(|| path("XDG_DATA_HOME").map(|p| p.join("pentimento")))
        .or_else(|| path("HOME").map(|p| p.join(".local/share/pentimento")));
    let library = path("PENTIMENTO_ORT").or(data.map(|d| d.join("onnxruntime/libonnxruntime.so")));
    let library = library.expect("HOME is set");
    assert!(
        library.is_file(),
        "ONNX Runtime is not at {}: run pentimento-installer, or name one with PENTIMENTO_ORT",
        library.display()
    );
    library
}

fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let build = ort::init_from(library().canonicalize().unwrap()).unwrap().with_telemetry(false);
        build.with_logger(Arc::new(|_, _, _, _, _| {})).build().unwrap()
    })
}

/// A model ready to run.
pub(crate) struct Runner(Session);

impl Runner {
    /// Opens it as the plug-in would, on one thread.
    pub(crate) fn new(model: &Model) -> Self {
        Self::on(model, 1)
    }

    /// Opens it on several threads.
    pub(crate) fn on(model: &Model, threads: usize) -> Self {
        Self::with_threads(model, threads).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Opens it, or says why not.
    pub(crate) fn open(model: &Model) -> Result<Self, String> {
        Self::with_threads(model, 1)
    }

    fn with_threads(model: &Model, threads: usize) -> Result<Self, String> {
        let builder = SessionBuilder::new(environment()).unwrap();
        let builder = builder.with_optimization_level(GraphOptimizationLevel::All).unwrap();
        let mut builder = builder.with_intra_threads(threads).unwrap();
        let session = builder.commit_from_memory(&model.to_bytes().unwrap()).map_err(|e| e.to_string())?;
        Ok(Self(session))
    }

    /// What ONNX Runtime makes of a model when it is opened.
    pub(crate) fn folded(model: &Model) -> Model {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folded.onnx");
        let builder = SessionBuilder::new(environment()).unwrap();
        // Later levels would bring operators of their own.
        let builder = builder.with_optimization_level(GraphOptimizationLevel::Level1).unwrap();
        let mut builder = builder.with_optimized_model_path(&path).unwrap();
        builder.commit_from_memory(&model.to_bytes().unwrap()).unwrap();
        Model::read_file(&path).unwrap()
    }

    /// Runs it for all outputs of single precision.
    pub(crate) fn run(&mut self, inputs: &Arrays) -> Arrays {
        self.run_with(inputs, &BTreeMap::new())
    }

    /// Runs it with integers too.
    pub(crate) fn run_with(
        &mut self,
        inputs: &Arrays,
        integers: &BTreeMap<String, (Vec<usize>, Vec<i64>)>,
    ) -> Arrays {
        let mut values: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for (name, array) in inputs {
            let value = ort::value::Tensor::from_array(array.clone()).unwrap();
            values.push((name.clone(), value.into()));
        }
        for (name, array) in integers {
            values.push((name.clone(), ort::value::Tensor::from_array(array.clone()).unwrap().into()));
        }
        self.run_values(values)
    }

    /// Runs it with a truth value too.
    pub(crate) fn run_with_flag(&mut self, inputs: &Arrays, name: &str, flag: bool) -> Arrays {
        let flag = ort::value::Tensor::from_array((Vec::<usize>::new(), vec![flag])).unwrap();
        let mut values: Vec<(String, SessionInputValue<'_>)> = vec![(name.to_owned(), flag.into())];
        for (name, array) in inputs {
            let value = ort::value::Tensor::from_array(array.clone()).unwrap();
            values.push((name.clone(), value.into()));
        }
        self.run_values(values)
    }

    fn run_values(&mut self, values: Vec<(String, SessionInputValue<'_>)>) -> Arrays {
        let outputs = self.0.run(values).unwrap();
        let arrays = outputs.iter().filter_map(|(name, value)| {
            let array = value.try_extract_array::<f32>().ok()?;
            Some((name.to_owned(), (array.shape().to_vec(), array.iter().copied().collect())))
        });
        arrays.collect()
    }
}

/// Numbers between -1 and 1 that are the same every time.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    let mut next = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A type, each size a number or a name.
pub(crate) fn info(name: &str, kind: i32, dims: &[Result<usize, &str>]) -> ValueInfoProto {
    let dim = |d: &Result<usize, &str>| DimProto {
        value: Some(match d {
            Ok(size) => DimValue::Value(i64::try_from(*size).unwrap()),
            Err(name) => DimValue::Param((*name).into()),
        }),
    };
    let shape = Some(ShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: kind, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }), ..ValueInfoProto::default() }
}

/// A node.
pub(crate) fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the_{}", outputs[0]),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: outputs.iter().map(|&o| o.into()).collect(),
        attribute,
        ..NodeProto::default()
    }
}

/// A model of single precision; outputs leave their shapes open.
pub(crate) fn model(
    opset: i64,
    input: Vec<ValueInfoProto>,
    initializer: Vec<TensorProto>,
    nodes: Vec<NodeProto>,
    outputs: &[&str],
) -> Model {
    let open = |name: &&str| {
        let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: None });
        ValueInfoProto {
            name: (*name).into(),
            r#type: Some(TypeProto { tensor_type }),
            ..ValueInfoProto::default()
        }
    };
    let graph = GraphProto {
        node: nodes,
        name: "test".into(),
        initializer,
        input,
        output: outputs.iter().map(open).collect(),
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetId { domain: String::new(), version: opset }];
    // Version 10 of the format carries opset 21; opsets above need later ones.
    let ir_version = if opset > 21 { 11 } else { 8.max(opset / 2) };
    Model::new(ModelProto { ir_version, opset_import, graph: Some(graph), ..ModelProto::default() }).unwrap()
}

/// Euclidean distance over the length of `right`, which is taken as at least `least`.
pub(crate) fn distance(wrong: &[f64], right: &[f64], least: f64) -> f64 {
    assert_eq!(wrong.len(), right.len());
    let length = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let off = length(&mut wrong.iter().zip(right).map(|(w, r)| w - r));
    off / length(&mut right.iter().copied()).max(least)
}

/// The derivative of `f` at zero by differences of fourth order: with steps of 0.03 and single precision behind `f`,
/// good to about 1e-5 for functions that bend on the scale of one.
pub(crate) fn slope(mut f: impl FnMut(f64) -> f64, step: f64) -> f64 {
    let near = f(step) - f(-step);
    let far = f(2.0 * step) - f(-2.0 * step);
    (8.0 * near - far) / (12.0 * step)
}
