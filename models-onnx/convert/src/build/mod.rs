//! ONNX graphs, put together node by node; shapes are checked as they grow.
//!
//! ```
//! use convert::build::{Graph, batch};
//! use ndarray::Array4;
//!
//! # fn main() -> Result<(), convert::Error> {
//! let graph = Graph::new("example");
//! let image = graph.input("image", &batch([3, 64, 64]))?;
//! let stem = graph.scope("stem");
//! let weight = stem.weight("weight", Array4::zeros((16, 3, 3, 3)))?;
//! let x = stem.leaky_relu(&stem.conv(&image, &weight, None, 2, 1)?, 0.2)?;
//! graph.output("features", &x)?;
//! assert_eq!(x.to_string(), "example/stem/LeakyRelu [n, 16, 32, 32]");
//! let model = graph.finish()?;
//! # Ok(())
//! # }
//! ```
//!
//! Graphs are written in opset 18: the first with antialiased resizing and with axes of reductions as inputs, and the
//! last for which every provider of ONNX Runtime 1.22 has all the kernels (convolutions and pools were given new
//! versions in opset 22, without any change that matters here). Graphs to be joined must be written in the same opset.
//!
//! The same calls give the same bytes.

mod check;
mod ops;
mod setting;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use autodiff::proto::{GraphProto, ModelProto, NodeProto, OperatorSetId, TensorProto, ValueInfoProto};
use autodiff::{Dim, Facts, Model, Shape, tensor};
use ndarray::{ArrayBase, Data, Dimension};

use crate::error::Error;
pub use ops::Resize;
pub use setting::Setting;

/// The version of the standard operators; see the module.
pub const OPSET: i64 = 18;

/// The version of the file format that came with it.
const IR_VERSION: i64 = 8;

/// A tensor in a graph: its name and its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    name: Rc<str>,
    shape: Shape,
}

impl Value {
    /// Its name in the graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its sizes; that of the batch is open.
    pub fn shape(&self) -> &[Dim] {
        &self.shape
    }

    /// How many axes it has.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The size of an axis, where it is a number.
    pub fn size(&self, axis: usize) -> Option<usize> {
        self.shape.get(axis)?.size()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        write!(f, "{} [{}]", self.name, sizes.join(", "))
    }
}

/// The shape `[n, sizes…]` of a batch of any size.
pub fn batch<const N: usize>(sizes: [usize; N]) -> Shape {
    [Dim::named("n")].into_iter().chain(sizes.map(Dim::known)).collect()
}

/// A graph that grows. Clones and scopes are the same graph.
#[derive(Debug, Clone)]
pub struct Graph {
    grown: Rc<RefCell<Grown>>,
    /// What names start with, its slash included.
    scope: String,
}

#[derive(Debug, Default)]
struct Grown {
    graph: GraphProto,
    facts: Facts,
    /// How often a name was asked for.
    names: HashMap<String, usize>,
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), Value>,
    /// Values of the graph, by the names they have outside.
    outputs: Vec<(String, Value)>,
}

impl Graph {
    /// An empty graph. All names but those of inputs and outputs start with its own, so that graphs of different
    /// names can be joined.
    pub fn new(name: &str) -> Self {
        let graph = GraphProto { name: name.into(), ..GraphProto::default() };
        let grown = Grown { graph, ..Grown::default() };
        Self { grown: Rc::new(RefCell::new(grown)), scope: format!("{name}/") }
    }

    /// The same graph; names of what is added through it start with `name/`.
    #[must_use]
    pub fn scope(&self, name: &str) -> Self {
        Self { grown: Rc::clone(&self.grown), scope: format!("{}{name}/", self.scope) }
    }

    /// An input of single precision. Its name is not that of the scope.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn input(&self, name: &str, shape: &[Dim]) -> Result<Value, Error> {
        self.input_of(name, tensor::FLOAT, shape)
    }

    /// An input of 64-bit integers.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn integer_input(&self, name: &str, shape: &[Dim]) -> Result<Value, Error> {
        self.input_of(name, tensor::INT64, shape)
    }

    fn input_of(&self, name: &str, kind: i32, shape: &[Dim]) -> Result<Value, Error> {
        let grown = &mut *self.grown.borrow_mut();
        grown.take(name)?;
        let info = described(name, kind, shape);
        grown.facts.declare(&info);
        grown.graph.input.push(info);
        Ok(Value { name: name.into(), shape: shape.to_vec() })
    }

    /// A trained tensor, called `name` in the scope.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn weight<S: Data<Elem = f32>, D: Dimension>(
        &self,
        name: &str,
        array: ArrayBase<S, D>,
    ) -> Result<Value, Error> {
        let name = format!("{}{name}", self.scope);
        let values: Vec<f32> = array.iter().copied().collect();
        let grown = &mut *self.grown.borrow_mut();
        grown.take(&name)?;
        Ok(grown.constant(tensor::of_floats(&name, array.shape(), &values)))
    }

    /// A number; equal ones are one tensor.
    pub fn scalar(&self, value: f32) -> Value {
        self.grown.borrow_mut().shared(tensor::of_floats("", &[], &[value]))
    }

    /// Numbers of given sizes that are no weights, such as a filter; equal ones are one tensor.
    pub fn numbers<S: Data<Elem = f32>, D: Dimension>(&self, array: &ArrayBase<S, D>) -> Value {
        let values: Vec<f32> = array.iter().copied().collect();
        self.grown.borrow_mut().shared(tensor::of_floats("", array.shape(), &values))
    }

    /// A list of integers; equal ones are one tensor.
    pub fn ints(&self, values: &[i64]) -> Value {
        self.grown.borrow_mut().shared(tensor::of_integers("", &[values.len()], values))
    }

    /// One integer, without an axis.
    pub fn int(&self, value: i64) -> Value {
        self.grown.borrow_mut().shared(tensor::of_integers("", &[], &[value]))
    }

    /// A node of one output. Any operator of [`OPSET`] will do whose shapes are known to [`autodiff::Facts`].
    ///
    /// # Errors
    /// [`Error::Unfit`] where the inputs do not fit together.
    pub fn op(&self, op: &str, inputs: &[&Value], settings: &[(&str, Setting)]) -> Result<Value, Error> {
        let inputs: Vec<Option<&Value>> = inputs.iter().map(|&v| Some(v)).collect();
        self.node(op, &inputs, settings, 1).map(|mut all| all.swap_remove(0))
    }

    /// A node; inputs may be left out. Outputs are as many as asked for.
    ///
    /// # Errors
    /// [`Error::Unfit`] where the inputs do not fit together.
    pub fn node(
        &self,
        op: &str,
        inputs: &[Option<&Value>],
        settings: &[(&str, Setting)],
        outputs: usize,
    ) -> Result<Vec<Value>, Error> {
        let grown = &mut *self.grown.borrow_mut();
        let name = grown.fresh(&format!("{}{op}", self.scope));
        let output = |i| if outputs == 1 { name.clone() } else { format!("{name}:{i}") };
        let node = NodeProto {
            op_type: op.into(),
            name: name.clone(),
            input: inputs.iter().map(|v| v.map_or_else(String::new, |v| v.name().into())).collect(),
            output: (0..outputs).map(output).collect(),
            attribute: settings.iter().map(|(name, value)| value.attribute(name)).collect(),
            ..NodeProto::default()
        };
        let unfit = |why: String| Error::Unfit {
            op: op.into(),
            node: name.clone(),
            inputs: inputs.iter().flatten().map(|v| v.shape.clone()).collect(),
            why,
        };
        if let Some(foreign) = inputs.iter().flatten().find(|v| grown.facts.shape(&v.name) != Some(&v.shape))
        {
            return Err(unfit(format!("“{}” is of another graph", foreign.name)));
        }
        check::fits(&node, inputs, &grown.facts).map_err(unfit)?;
        grown.facts.learn(&node);
        let value = |output: &String| {
            let shape = grown.facts.shape(output).cloned();
            let shape = shape.ok_or_else(|| unfit("no result has a shape that follows from them".into()))?;
            if let Some(taken) = inputs.first().copied().flatten() {
                check::fills(&node, &taken.shape, &shape).map_err(unfit)?;
            }
            Ok(Value { name: output.as_str().into(), shape })
        };
        let values = node.output.iter().map(value).collect();
        grown.graph.node.push(node);
        values
    }

    /// Makes a value an output of the graph. Its name is not that of the scope.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn output(&self, name: &str, value: &Value) -> Result<(), Error> {
        let grown = &mut *self.grown.borrow_mut();
        grown.take(name)?;
        grown.outputs.push((name.into(), value.clone()));
        Ok(())
    }

    /// How many nodes there are so far.
    pub fn nodes(&self) -> usize {
        self.grown.borrow().graph.node.len()
    }

    /// The finished model; the graph is empty afterwards.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn finish(&self) -> Result<Model, Error> {
        let Grown { mut graph, facts, outputs, .. } = std::mem::take(&mut *self.grown.borrow_mut());
        let made =
            |graph: &GraphProto, value: &str| graph.node.iter().any(|n| n.output.iter().any(|o| o == value));
        // Outputs take the name of the value itself, so that no node has to copy it.
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &outputs {
            let kind = facts.kind(&value.name).unwrap_or(tensor::FLOAT);
            graph.output.push(described(name, kind, &value.shape));
            if made(&graph, &value.name) && !renamed.contains_key(value.name()) {
                renamed.insert(value.name().into(), name.clone());
            } else {
                graph.node.push(NodeProto {
                    op_type: "Identity".into(),
                    name: name.clone(),
                    input: vec![value.name().into()],
                    output: vec![name.clone()],
                    ..NodeProto::default()
                });
            }
        }
        for value in graph.node.iter_mut().flat_map(|n| n.input.iter_mut().chain(&mut n.output)) {
            if let Some(name) = renamed.get(value) {
                value.clone_from(name);
            }
        }
        let opset_import = vec![OperatorSetId { domain: String::new(), version: OPSET }];
        Ok(Model::new(ModelProto {
            ir_version: IR_VERSION,
            producer_name: "pentimento".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            opset_import,
            graph: Some(graph),
            ..ModelProto::default()
        })?)
    }
}

impl Grown {
    fn take(&mut self, name: &str) -> Result<(), Error> {
        match self.names.insert(name.into(), 1) {
            None => Ok(()),
            Some(_) => Err(Error::Taken(name.into())),
        }
    }

    /// `name`, or `name_1`, `name_2`…, whichever is free.
    fn fresh(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        while self.names.contains_key(&free) {
            let count = self.names.entry(name.into()).or_insert(1);
            free = format!("{name}_{count}");
            *count += 1;
        }
        self.names.insert(free.clone(), 1);
        free
    }

    fn constant(&mut self, tensor: TensorProto) -> Value {
        self.facts.constant(&tensor.name, &tensor);
        let shape = self.facts.shape(&tensor.name).cloned().unwrap_or_default();
        let value = Value { name: tensor.name.as_str().into(), shape };
        self.graph.initializer.push(tensor);
        value
    }

    fn shared(&mut self, mut tensor: TensorProto) -> Value {
        let key = (tensor.data_type, tensor.dims.clone(), tensor.raw_data.to_vec());
        if let Some(value) = self.constants.get(&key) {
            return value.clone();
        }
        tensor.name = self.fresh(&format!("{}/constant", self.graph.name));
        let value = self.constant(tensor);
        self.constants.insert(key, value.clone());
        value
    }
}

/// What a file says of an input or output.
fn described(name: &str, kind: i32, shape: &[Dim]) -> ValueInfoProto {
    let mut facts = Facts::default();
    facts.set(name, kind, shape.to_vec());
    facts.describe(name)
}
