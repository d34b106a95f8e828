//! What is known of values before anything runs: shapes, types, and the integers that shapes are computed from.

use std::collections::HashMap;

use crate::dim::{self, Dim, Shape};
use crate::graph::{Attributes, is_standard};
use crate::proto::{
    DimProto, DimValue, GraphProto, NodeProto, ShapeProto, TensorProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use crate::shapes;
use crate::tensor;

/// Integer tensors above this are data, not shapes and indices.
const MOST_INTEGERS: usize = 1 << 16;

/// Tensors of reals above this are weights, not settings such as bounds, exponents and scales.
const MOST_REALS: usize = 64;

/// An element of an integer tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A number, perhaps negative.
    Int(i64),
    /// A size that is not a number before the run.
    Size(Dim),
}

/// Everything known; filled node by node in topological order.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    shapes: HashMap<String, Shape>,
    kinds: HashMap<String, i32>,
    integers: HashMap<String, Vec<Entry>>,
    reals: HashMap<String, Vec<f64>>,
    unknowns: usize,
}

impl Facts {
    /// What a graph says of itself and what follows from it.
    pub(crate) fn of(graph: &GraphProto) -> Self {
        let mut facts = Self::default();
        for value in graph.input.iter().chain(&graph.value_info).chain(&graph.output) {
            facts.declare(value);
        }
        for tensor in &graph.initializer {
            facts.constant(&tensor.name, tensor);
        }
        for node in &graph.node {
            facts.learn(node);
        }
        facts
    }

    /// The shape of a value.
    pub fn shape(&self, value: &str) -> Option<&Shape> {
        self.shapes.get(value)
    }

    /// The type of a value's elements.
    pub fn kind(&self, value: &str) -> Option<i32> {
        self.kinds.get(value).copied()
    }

    /// An integer tensor's elements, sizes that are not numbers included.
    pub(crate) fn entries(&self, value: &str) -> Option<&[Entry]> {
        self.integers.get(value).map(Vec::as_slice)
    }

    /// An integer tensor's elements where all are numbers.
    pub fn integers(&self, value: &str) -> Option<Vec<i64>> {
        let number = |e: &Entry| if let Entry::Int(i) = e { Some(*i) } else { None };
        self.entries(value)?.iter().map(number).collect()
    }

    /// A small constant tensor's elements.
    pub(crate) fn reals(&self, value: &str) -> Option<&[f64]> {
        self.reals.get(value).map(Vec::as_slice)
    }

    /// Says of what shape and type a value is.
    pub fn set(&mut self, value: &str, kind: i32, shape: Shape) {
        self.kinds.insert(value.into(), kind);
        self.shapes.insert(value.into(), shape);
    }

    /// Says that `value` is of the shape and type of `like`.
    pub(crate) fn same(&mut self, value: &str, like: &str) {
        if let Some(shape) = self.shapes.get(like).cloned() {
            self.shapes.insert(value.into(), shape);
        }
        if let Some(kind) = self.kind(like) {
            self.kinds.insert(value.into(), kind);
        }
    }

    /// A message that says what is known of a value.
    pub fn describe(&self, value: &str) -> ValueInfoProto {
        let dim = |d: &Dim| DimProto {
            value: match (d.size().and_then(|s| i64::try_from(s).ok()), d.name()) {
                (Some(size), _) => Some(DimValue::Value(size)),
                (None, Some(name)) => Some(DimValue::Param(name.into())),
                (None, None) => None,
            },
        };
        let shape = self.shape(value).map(|s| ShapeProto { dim: s.iter().map(dim).collect() });
        let elem_type = self.kind(value).unwrap_or(tensor::FLOAT);
        let tensor_type = Some(TensorTypeProto { elem_type, shape });
        ValueInfoProto {
            name: value.into(),
            r#type: Some(TypeProto { tensor_type }),
            ..ValueInfoProto::default()
        }
    }

    /// Takes what a message says of a value.
    pub fn declare(&mut self, value: &ValueInfoProto) {
        let Some(tensor) = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) else { return };
        if tensor.elem_type != 0 {
            self.kinds.insert(value.name.clone(), tensor.elem_type);
        }
        let Some(shape) = &tensor.shape else { return };
        let shape = shape.dim.iter().map(|d| match &d.value {
            Some(DimValue::Value(size)) => usize::try_from(*size).map_or_else(|_| self.unknown(), Dim::known),
            Some(DimValue::Param(name)) if !name.is_empty() => Dim::named(name),
            _ => self.unknown(),
        });
        let shape = shape.collect();
        self.shapes.insert(value.name.clone(), shape);
    }

    /// Takes a constant.
    pub fn constant(&mut self, name: &str, tensor: &TensorProto) {
        self.kinds.insert(name.into(), tensor.data_type);
        if let Some(shape) = tensor.dims.iter().map(|&d| usize::try_from(d).ok().map(Dim::known)).collect() {
            self.shapes.insert(name.into(), shape);
        }
        if let Some(values) = tensor::integers(tensor, MOST_INTEGERS) {
            self.integers.insert(name.into(), values.into_iter().map(Entry::Int).collect());
        }
        if let Some(values) = tensor::reals(tensor, MOST_REALS) {
            self.reals.insert(name.into(), values);
        }
    }

    /// A size of which nothing is known; equal only to itself.
    pub(crate) fn unknown(&mut self) -> Dim {
        self.unknowns += 1;
        // No name in a file has a NUL before it by accident.
        Dim::named(&format!("\0{}", self.unknowns))
    }

    /// Works out what a node makes from what it takes.
    pub fn learn(&mut self, node: &NodeProto) {
        if node.op_type == "Constant" {
            return self.learn_constant(node);
        }
        for (index, output) in node.output.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
            if let Some(kind) = self.kind_of(node, index) {
                self.kinds.insert(output.clone(), kind);
            }
        }
        if node.op_type == "If" {
            self.learn_branches(node);
        }
        let found = shapes::infer(self, node).unwrap_or_default();
        for (output, found) in node.output.iter().zip(found) {
            let Some(mut shape) = found else { continue };
            // A file may know more than follows from the nodes.
            if let Some(said) = self.shapes.get(output).filter(|s| s.len() == shape.len()) {
                for (dim, said) in shape.iter_mut().zip(said) {
                    if dim.size().is_none() && said.size().is_some() {
                        *dim = said.clone();
                    }
                }
            }
            self.shapes.insert(output.clone(), shape);
        }
        if let (Some(entries), Some(output)) = (self.entries_of(node), node.output.first()) {
            self.integers.insert(output.clone(), entries);
        }
    }

    /// What comes out is known where both branches say the same of it.
    fn learn_branches(&mut self, node: &NodeProto) {
        let branch = |name: &str| node.attribute(name)?.g.as_ref();
        let (Some(one), Some(other)) = (branch("then_branch"), branch("else_branch")) else { return };
        for ((one, other), output) in one.output.iter().zip(&other.output).zip(&node.output) {
            if one.r#type == other.r#type {
                self.declare(&ValueInfoProto { name: output.clone(), ..one.clone() });
            }
        }
    }

    fn learn_constant(&mut self, node: &NodeProto) {
        let Some(output) = node.output.first() else { return };
        let made = if let Some(tensor) = node.tensor("value") {
            self.constant(output, tensor);
            return;
        } else if let Some(a) = node.attribute("value_int") {
            tensor::of_integers("", &[], &[a.i])
        } else if let Some(a) = node.attribute("value_ints") {
            tensor::of_integers("", &[a.ints.len()], &a.ints)
        } else if let Some(a) = node.attribute("value_float") {
            tensor::of_floats("", &[], &[a.f])
        } else if let Some(a) = node.attribute("value_floats") {
            tensor::of_floats("", &[a.floats.len()], &a.floats)
        } else {
            return;
        };
        self.constant(output, &made);
    }

    fn kind_of(&self, node: &NodeProto, output: usize) -> Option<i32> {
        let of = |index: usize| self.kind(node.input.get(index)?);
        if !is_standard(&node.domain) {
            return None;
        }
        match node.op_type.as_str() {
            "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "Equal" | "And" | "Or" | "Xor"
            | "Not" | "IsNaN" | "IsInf" => Some(tensor::BOOL),
            "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "NonMaxSuppression" => Some(tensor::INT64),
            // What these make follows from what is inside of them, or from attributes.
            "If"
            | "Loop"
            | "Scan"
            | "SequenceAt"
            | "OptionalGetElement"
            | "EyeLike"
            | "Bernoulli"
            | "Multinomial"
            | "QuantizeLinear"
            | "DynamicQuantizeLinear"
            | "ConvInteger"
            | "MatMulInteger"
            | "StringNormalizer"
            | "TfIdfVectorizer"
            | "Unique" => None,
            "DequantizeLinear" => of(1),
            "MaxPool" | "TopK" if output == 1 => Some(tensor::INT64),
            "Dropout" if output == 1 => Some(tensor::BOOL),
            "Cast" => i32::try_from(node.int("to", 0)).ok(),
            "CastLike" | "Where" => of(1),
            "OneHot" => of(2),
            "ConstantOfShape" => Some(node.tensor("value").map_or(tensor::FLOAT, |t| t.data_type)),
            _ => of(0),
        }
    }

    /// Integers that follow from integers: how exporters compute shapes.
    fn entries_of(&self, node: &NodeProto) -> Option<Vec<Entry>> {
        let input = |index: usize| node.input.get(index).map(String::as_str);
        let of = |index: usize| self.entries(input(index)?);
        let entries = match node.op_type.as_str() {
            "Shape" => {
                let shape = self.shape(input(0)?)?;
                let rank = i64::try_from(shape.len()).ok()?;
                let place = |at: i64| if at < 0 { at.saturating_add(rank) } else { at }.clamp(0, rank);
                let from = usize::try_from(place(node.int("start", 0))).ok()?;
                let to = usize::try_from(place(node.int("end", rank))).ok()?;
                shape.get(from..to)?.iter().map(entry).collect()
            }
            "Size" => vec![entry(&dim::product(self.shape(input(0)?)?)?)],
            "Identity" | "Unsqueeze" | "Squeeze" | "Reshape" => of(0)?.to_vec(),
            "Cast" if matches!(node.int("to", 0), 6 | 7) => of(0)?.to_vec(),
            "Cast" if node.int("to", 0) == 9 => truths(&self.integers(input(0)?)?, |v| v != 0),
            "Not" => truths(&self.integers(input(0)?)?, |v| v == 0),
            "ConstantOfShape" => {
                let sizes = self.integers(input(0)?)?;
                let count = tensor::count(&sizes).filter(|&n| n <= MOST_INTEGERS)?;
                let value = tensor::integers(node.tensor("value")?, 1)?;
                vec![Entry::Int(*value.first()?); count]
            }
            // Exporters reverse the pairs of a padding with these two.
            "Transpose" => {
                let (all, sizes) = (of(0)?, dim::numbers(self.shape(input(0)?)?)?);
                let [rows, columns] = sizes.as_slice() else { return None };
                let swaps = shapes::permutation(node, 2)? == [1, 0];
                let places = (0..*columns).flat_map(|c| (0..*rows).map(move |r| r * columns + c));
                match swaps {
                    true => places.map(|p| all.get(p).cloned()).collect::<Option<_>>()?,
                    false => all.to_vec(),
                }
            }
            "Concat" => (0..node.input.len()).map(of).collect::<Option<Vec<_>>>()?.concat(),
            "Gather" if self.shape(input(0)?)?.len() == 1 => {
                let all = of(0)?;
                let picked = self.integers(input(1)?)?.into_iter().map(|i| {
                    let i = if i < 0 { i.checked_add_unsigned(all.len() as u64)? } else { i };
                    all.get(usize::try_from(i).ok()?).cloned()
                });
                picked.collect::<Option<_>>()?
            }
            "Slice" => {
                let (all, cuts) = (of(0)?, shapes::cuts(self, node)?);
                let [cut] = cuts.as_slice() else { return None };
                let row = dim::product(self.shape(input(0)?)?.get(1..)?)?.size()?;
                let rows = cut.places().map(|i| all.get(i.checked_mul(row)?..)?.get(..row));
                (cut.axis == 0).then(|| rows.collect::<Option<Vec<_>>>())??.concat()
            }
            "Mul" | "Add" | "Sub" | "Div" | "Equal" | "Less" | "Greater" | "And" | "Or" => {
                let (a, b) = (of(0)?, of(1)?);
                if a.len() != b.len() && a.len() != 1 && b.len() != 1 {
                    return None;
                }
                let n = if a.len() == 1 { b.len() } else { a.len() };
                let pair = |i: usize| {
                    let a = a.get(if a.len() == 1 { 0 } else { i })?;
                    calculate(&node.op_type, a, b.get(if b.len() == 1 { 0 } else { i })?)
                };
                (0..n).map(pair).collect::<Option<_>>()?
            }
            _ => return None,
        };
        (entries.len() <= MOST_INTEGERS).then_some(entries)
    }
}

fn truths(values: &[i64], holds: impl Fn(i64) -> bool) -> Vec<Entry> {
    values.iter().map(|&v| Entry::Int(holds(v).into())).collect()
}

fn entry(dim: &Dim) -> Entry {
    match dim.size().and_then(|s| i64::try_from(s).ok()) {
        Some(i) => Entry::Int(i),
        None => Entry::Size(dim.clone()),
    }
}

fn calculate(op: &str, a: &Entry, b: &Entry) -> Option<Entry> {
    if let (Entry::Int(a), Entry::Int(b)) = (a, b) {
        let value = match op {
            "Add" => a.checked_add(*b),
            "Sub" => a.checked_sub(*b),
            "Mul" => a.checked_mul(*b),
            "Equal" => Some((a == b).into()),
            "Less" => Some((a < b).into()),
            "Greater" => Some((a > b).into()),
            "And" => Some((*a != 0 && *b != 0).into()),
            "Or" => Some((*a != 0 || *b != 0).into()),
            // Rounds toward zero, as the operator does for integers.
            _ => a.checked_div(*b),
        };
        return value.map(Entry::Int);
    }
    let dim = |e: &Entry| match e {
        Entry::Int(i) => usize::try_from(*i).ok().map(Dim::known),
        Entry::Size(d) => Some(d.clone()),
    };
    match op {
        "Mul" => dim(a)?.times(&dim(b)?).map(|d| entry(&d)),
        "Div" => dim(a)?.over(&dim(b)?).map(|d| entry(&d)),
        _ => None,
    }
}
