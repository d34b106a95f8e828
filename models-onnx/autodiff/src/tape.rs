//! A graph that grows: what losses and rules write their nodes with.
//!
//! Every node that is added is learned at once, so that the shape of whatever a rule makes is known as far as those of
//! the model are. Weights are never copied: transposed or flipped, they are nodes over the same tensor, which a
//! session folds when it is opened.

use std::collections::{HashMap, HashSet};

use crate::differentiate::Device;
use crate::dim::{self, Dim, Shape};
use crate::error::Refusal;
use crate::facts::Facts;
use crate::graph::{self, Setting, setting};
use crate::proto::{GraphProto, NodeProto, TensorProto};
use crate::tensor;
use crate::window::{whole, wholes};

/// See the module.
pub(crate) struct Tape {
    pub(crate) graph: GraphProto,
    pub(crate) facts: Facts,
    pub(crate) opset: i64,
    pub(crate) device: Device,
    taken: HashSet<String>,
    serial: usize,
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
}

impl Tape {
    pub(crate) fn new(graph: GraphProto, opset: i64, device: Device) -> Self {
        let mut taken = graph.node.iter().map(|n| n.name.clone()).collect();
        graph::names(&graph, &mut taken);
        let facts = Facts::of(&graph);
        Self { graph, facts, opset, device, taken, serial: 0, constants: HashMap::new() }
    }

    /// Whether a value of this name exists.
    pub(crate) fn has(&self, value: &str) -> bool {
        self.taken.contains(value)
    }

    /// Marks a name as that of a value.
    pub(crate) fn take(&mut self, value: &str) {
        self.taken.insert(value.into());
    }

    /// A name that nothing has yet.
    pub(crate) fn fresh(&mut self, op: &str) -> String {
        loop {
            self.serial += 1;
            let name = format!("grad_{}_{op}", self.serial);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Adds a node of one output.
    pub(crate) fn op(&mut self, op: &str, inputs: &[&str], settings: &[(&str, Setting<'_>)]) -> String {
        let output = self.fresh(op);
        let node = NodeProto {
            op_type: op.into(),
            name: output.clone(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.clone()],
            attribute: settings.iter().map(|(name, value)| setting(name, value)).collect(),
            ..NodeProto::default()
        };
        self.push(node);
        output
    }

    /// Adds a node as it is.
    pub(crate) fn push(&mut self, node: NodeProto) {
        self.facts.learn(&node);
        self.graph.node.push(node);
    }

    /// Adds a node whose result has a name that was asked for.
    pub(crate) fn name(&mut self, value: &str, name: &str) {
        self.facts.same(name, value);
        self.take(name);
        self.graph.node.push(NodeProto {
            op_type: "Identity".into(),
            name: name.into(),
            input: vec![value.into()],
            output: vec![name.into()],
            ..NodeProto::default()
        });
    }

    /// The output in a slot of a node that is there already, which gets one if it has none.
    pub(crate) fn further_output(&mut self, node: usize, slot: usize) -> String {
        let there = self.graph.node[node].output.get(slot).filter(|o| !o.is_empty()).cloned();
        let name = there.unwrap_or_else(|| self.fresh("output"));
        let outputs = &mut self.graph.node[node].output;
        outputs.resize(outputs.len().max(slot + 1), String::new());
        outputs[slot].clone_from(&name);
        let node = self.graph.node[node].clone();
        self.facts.learn(&node);
        name
    }

    fn constant(&mut self, make: impl Fn(&str) -> TensorProto) -> String {
        let mut tensor = make("");
        let key = (tensor.data_type, tensor.dims.clone(), tensor.raw_data.to_vec());
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        tensor.name = self.fresh("constant");
        let name = tensor.name.clone();
        self.facts.constant(&name, &tensor);
        self.graph.initializer.push(tensor);
        self.constants.insert(key, name.clone());
        name
    }

    /// A list of integers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        self.constant(|name| tensor::of_integers(name, &[values.len()], values))
    }

    /// Integers of a shape, of which there must be as many as fit.
    pub(crate) fn grid(&mut self, dims: &[usize], values: &[i64]) -> String {
        self.constant(|name| tensor::of_integers(name, dims, values))
    }

    /// One integer.
    pub(crate) fn int(&mut self, value: i64) -> String {
        self.constant(|name| tensor::of_integers(name, &[], &[value]))
    }

    /// One number of single precision.
    pub(crate) fn float(&mut self, value: f32) -> String {
        self.constant(|name| tensor::of_floats(name, &[], &[value]))
    }

    /// A number of the type of `like`.
    pub(crate) fn scalar(&mut self, value: f64, like: &str) -> Result<String, Refusal> {
        self.reals(&[], &[value], like)
    }

    /// Numbers of the type of `like`.
    pub(crate) fn reals(&mut self, dims: &[usize], values: &[f64], like: &str) -> Result<String, Refusal> {
        match self.facts.kind(like) {
            Some(tensor::FLOAT) => {
                let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
                Ok(self.constant(|name| tensor::of_floats(name, dims, &values)))
            }
            Some(tensor::DOUBLE) => Ok(self.constant(|name| tensor::of_doubles(name, dims, values))),
            _ => Err(Refusal::Precision(like.into())),
        }
    }

    /// The shape, which must be known.
    pub(crate) fn shape(&self, value: &str) -> Result<Shape, Refusal> {
        self.facts.shape(value).cloned().ok_or_else(|| Refusal::Shape(value.into()))
    }

    /// The number of axes.
    pub(crate) fn rank(&self, value: &str) -> Result<usize, Refusal> {
        Ok(self.shape(value)?.len())
    }

    /// The shape, all of whose sizes must be numbers.
    pub(crate) fn sizes(&self, value: &str) -> Result<Vec<usize>, Refusal> {
        dim::numbers(&self.shape(value)?).ok_or_else(|| Refusal::Shape(value.into()))
    }

    /// The sizes of the axes from one on, which must be numbers.
    pub(crate) fn sizes_from(&self, value: &str, axis: usize) -> Result<Vec<usize>, Refusal> {
        let shape = self.shape(value)?;
        shape.get(axis..).and_then(dim::numbers).ok_or_else(|| Refusal::Shape(value.into()))
    }

    /// The shape as a tensor, which the run computes where sizes are not known.
    pub(crate) fn shape_of(&mut self, value: &str) -> String {
        match self.facts.shape(value).and_then(|s| dim::numbers(s)) {
            Some(sizes) => self.ints(&wholes(&sizes)),
            None => self.op("Shape", &[value], &[]),
        }
    }

    pub(crate) fn add(&mut self, a: &str, b: &str) -> String {
        self.op("Add", &[a, b], &[])
    }

    pub(crate) fn sub(&mut self, a: &str, b: &str) -> String {
        self.op("Sub", &[a, b], &[])
    }

    pub(crate) fn mul(&mut self, a: &str, b: &str) -> String {
        self.op("Mul", &[a, b], &[])
    }

    pub(crate) fn div(&mut self, a: &str, b: &str) -> String {
        self.op("Div", &[a, b], &[])
    }

    pub(crate) fn matmul(&mut self, a: &str, b: &str) -> String {
        self.op("MatMul", &[a, b], &[])
    }

    pub(crate) fn unary(&mut self, op: &str, x: &str) -> String {
        self.op(op, &[x], &[])
    }

    /// Times a number.
    pub(crate) fn scale(&mut self, x: &str, factor: f64) -> Result<String, Refusal> {
        if factor.total_cmp(&1.0).is_eq() {
            return Ok(x.into());
        }
        let factor = self.scalar(factor, x)?;
        Ok(self.mul(x, &factor))
    }

    /// `a` where `condition` holds, else `b`.
    pub(crate) fn choose(&mut self, condition: &str, a: &str, b: &str) -> String {
        self.op("Where", &[condition, a, b], &[])
    }

    /// `x` where `condition` holds, else zero.
    pub(crate) fn only(&mut self, condition: &str, x: &str) -> Result<String, Refusal> {
        let zero = self.scalar(0.0, x)?;
        Ok(self.choose(condition, x, &zero))
    }

    /// A change of type.
    pub(crate) fn cast(&mut self, x: &str, kind: i32) -> String {
        if self.facts.kind(x) == Some(kind) {
            return x.into();
        }
        self.op("Cast", &[x], &[("to", Setting::Int(kind.into()))])
    }

    pub(crate) fn transpose(&mut self, x: &str, order: &[usize]) -> String {
        if order.is_sorted() {
            return x.into();
        }
        self.op("Transpose", &[x], &[("perm", Setting::Ints(&wholes(order)))])
    }

    /// Swaps the last two axes.
    pub(crate) fn swap(&mut self, x: &str) -> Result<String, Refusal> {
        let rank = self.rank(x)?;
        let mut order: Vec<usize> = (0..rank).collect();
        if rank < 2 {
            return Err(Refusal::Shape(x.into()));
        }
        order.swap(rank - 2, rank - 1);
        Ok(self.transpose(x, &order))
    }

    /// Into a shape in which at most one size is not a number.
    pub(crate) fn reshape(&mut self, x: &str, shape: &[Dim]) -> Result<String, Refusal> {
        if self.facts.shape(x).is_some_and(|s| s == shape) {
            return Ok(x.into());
        }
        let sizes: Vec<i64> = shape.iter().map(|d| d.size().map_or(-1, whole)).collect();
        if sizes.iter().filter(|&&s| s == -1).count() > 1 {
            return Err(Refusal::Shape(x.into()));
        }
        let sizes = self.ints(&sizes);
        let output = self.op("Reshape", &[x, &sizes], &[]);
        Ok(output)
    }

    /// Into the shape of `like`, whatever it is.
    pub(crate) fn reshape_like(&mut self, x: &str, like: &str) -> String {
        let (a, b) = (self.facts.shape(x), self.facts.shape(like));
        if a.is_some() && a == b {
            return x.into();
        }
        let shape = self.shape_of(like);
        let output = self.op("Reshape", &[x, &shape], &[]);
        self.facts.same(&output, like);
        output
    }

    /// Spread over the shape of `like`.
    pub(crate) fn expand_like(&mut self, x: &str, like: &str) -> String {
        let (a, b) = (self.facts.shape(x), self.facts.shape(like));
        if a.is_some() && a == b {
            return x.into();
        }
        let shape = self.shape_of(like);
        let output = self.op("Expand", &[x, &shape], &[]);
        self.facts.same(&output, like);
        output
    }

    /// Adds axes of size one.
    pub(crate) fn unsqueeze(&mut self, x: &str, axes: &[usize]) -> String {
        if axes.is_empty() {
            return x.into();
        }
        let axes = self.ints(&wholes(axes));
        self.op("Unsqueeze", &[x, &axes], &[])
    }

    /// Sums over axes.
    pub(crate) fn sum(&mut self, x: &str, axes: &[usize], keep: bool) -> String {
        // An empty list would mean all.
        if axes.is_empty() {
            return x.into();
        }
        let axes = self.ints(&wholes(axes));
        self.op("ReduceSum", &[x, &axes], &[("keepdims", Setting::Int(keep.into()))])
    }

    /// Averages over axes, which stay with size one.
    pub(crate) fn mean(&mut self, x: &str, axes: &[usize]) -> String {
        if axes.is_empty() {
            return x.into();
        }
        let axes = self.ints(&wholes(axes));
        self.op("ReduceMean", &[x, &axes], &[])
    }

    /// Divides by how many elements of `many` there are to each of `few`.
    pub(crate) fn per(&mut self, x: &str, many: &str, few: &str) -> Result<String, Refusal> {
        let number = |facts: &Facts, v: &str| {
            let all = dim::numbers(facts.shape(v)?)?;
            Some(all.into_iter().map(|s| s as f64).product::<f64>())
        };
        if let (Some(many), Some(few)) = (number(&self.facts, many), number(&self.facts, few)) {
            return self.scale(x, few / many);
        }
        let kind = self.facts.kind(x).ok_or_else(|| Refusal::Precision(x.into()))?;
        let (many, few) = (self.unary("Size", many), self.unary("Size", few));
        let (many, few) = (self.cast(&many, kind), self.cast(&few, kind));
        let share = self.div(&few, &many);
        Ok(self.mul(x, &share))
    }

    /// Zeros of the shape and type of `like`.
    pub(crate) fn zeros_like(&mut self, like: &str) -> Result<String, Refusal> {
        let zero = self.scalar(0.0, like)?;
        Ok(self.expand_like(&zero, like))
    }

    /// Sums a gradient over the axes along which `like` was broadcast.
    ///
    /// If `y[i, j] = x[i, 1]` then `∂L/∂x[i, 1] = Σⱼ ∂L/∂y[i, j]`.
    pub(crate) fn sum_to(&mut self, g: &str, like: &str) -> Result<String, Refusal> {
        let (from, to) = (self.shape(g)?, self.shape(like)?);
        let Some(more) = from.len().checked_sub(to.len()) else { return Err(Refusal::Shape(g.into())) };
        let mut axes: Vec<usize> = (0..more).collect();
        for (axis, (from, to)) in from[more..].iter().zip(&to).enumerate() {
            if to.is_one() && !from.is_one() {
                axes.push(more + axis);
            } else if from != to {
                // One of the two is unknown: whether it was broadcast only the run would tell.
                return Err(Refusal::Shape(like.into()));
            }
        }
        let leading = axes.iter().copied().eq(0..more);
        let summed = self.sum(g, &axes, !leading);
        Ok(self.reshape_like(&summed, like))
    }

    /// Applies a constant matrix, `to × from`, along one axis; `entries` are what is not zero in it, as row, column and
    /// number, which add up where they meet.
    ///
    /// This is the gradient of every map that treats one axis alike everywhere: with `y = A x`, `dx = Aᵀ g`.
    pub(crate) fn spread(
        &mut self,
        g: &str,
        axis: usize,
        (to, from): (usize, usize),
        entries: impl IntoIterator<Item = (usize, usize, f64)>,
    ) -> Result<String, Refusal> {
        const MOST: usize = 1 << 24;
        let long = || Refusal::Long(g.into());
        let size = to.checked_mul(from).filter(|&s| s <= MOST).ok_or_else(long)?;
        let mut matrix = vec![0.0; size];
        for (row, column, number) in entries {
            let place = row.checked_mul(from).and_then(|start| start.checked_add(column));
            *place.and_then(|p| matrix.get_mut(p)).ok_or_else(long)? += number;
        }
        let matrix = self.reals(&[to, from], &matrix, g)?;
        self.along(g, axis, &matrix)
    }

    /// Applies a matrix (a value, `to × from`) along one axis.
    pub(crate) fn along(&mut self, g: &str, axis: usize, matrix: &str) -> Result<String, Refusal> {
        let shape = self.shape(g)?;
        if axis >= shape.len() {
            return Err(Refusal::Shape(g.into()));
        }
        let to = self.shape(matrix)?.first().cloned().ok_or_else(|| Refusal::Shape(matrix.into()))?;
        let size = |dims: &[Dim]| dim::product(dims).ok_or_else(|| Refusal::Shape(g.into()));
        let mut result = shape.clone();
        let from = std::mem::replace(&mut result[axis], to);
        if axis + 1 == shape.len() {
            // Along the last axis a plain product with the transpose does it.
            let turned = self.swap(matrix)?;
            return Ok(self.matmul(g, &turned));
        }
        let flat = self.reshape(g, &[size(&shape[..axis])?, from, size(&shape[axis + 1..])?])?;
        let product = self.matmul(matrix, &flat);
        self.reshape(&product, &result)
    }
}
