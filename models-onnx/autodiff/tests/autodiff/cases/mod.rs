//! Small uses of every operator that has a rule.

mod images;
mod lines;
mod moves;
mod numbers;

use autodiff::Model;
use autodiff::proto::{AttributeProto, TensorProto};
use autodiff::tensor;
use bytes::Bytes;

use crate::support::{self, Array};

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    [numbers::cases(), lines::cases(), moves::cases(), images::cases()].concat()
}

/// One node with its inputs.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) op: &'static str,
    pub(crate) opsets: Vec<i64>,
    /// Whether it is also tried with the first size of every variable left open.
    pub(crate) batch: bool,
    inputs: Vec<Input>,
    attributes: Vec<AttributeProto>,
    outputs: usize,
    /// Further outputs, which nothing depends on.
    unused: usize,
}

#[derive(Clone)]
enum Input {
    Variable(Array),
    Fixed(Box<TensorProto>),
    Absent,
}

/// A case without inputs, for opsets from the oldest to the newest.
pub(crate) fn case(op: &'static str) -> Case {
    Case {
        op,
        opsets: vec![13, 17, 21, 24],
        batch: false,
        inputs: Vec::new(),
        attributes: Vec::new(),
        outputs: 1,
        unused: 0,
    }
}

impl Case {
    /// A variable, between -1 and 1.
    pub(crate) fn x(self, shape: &[usize]) -> Self {
        let seed = 7 + self.inputs.len() as u64;
        let values = support::noise(seed, shape.iter().product());
        self.values(shape, values)
    }

    /// A variable, between 0.5 and 1.5.
    pub(crate) fn positive(self, shape: &[usize]) -> Self {
        let seed = 7 + self.inputs.len() as u64;
        let values = support::noise(seed, shape.iter().product()).iter().map(|v| 1.0 + v / 2.0).collect();
        self.values(shape, values)
    }

    /// A variable whose numbers are at least 0.15 away from each other, from zero, and from those of other inputs.
    pub(crate) fn apart(self, shape: &[usize]) -> Self {
        let count: usize = shape.iter().product();
        let shift = 0.15 * self.inputs.len() as f32;
        let mut order: Vec<usize> = (0..count).collect();
        let keys = support::noise(11 + self.inputs.len() as u64, count);
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        let values = order.iter().map(|&i| (i as f32 - (count / 2) as f32 + 0.5) * 0.45 + shift).collect();
        self.values(shape, values)
    }

    /// A variable.
    pub(crate) fn values(mut self, shape: &[usize], values: Vec<f32>) -> Self {
        self.inputs.push(Input::Variable((shape.to_vec(), values)));
        self
    }

    /// A constant list of integers.
    pub(crate) fn list(self, values: &[i64]) -> Self {
        let fixed = tensor::of_integers("", &[values.len()], values);
        self.fixed(fixed)
    }

    /// A constant integer.
    pub(crate) fn int(self, value: i64) -> Self {
        self.fixed(tensor::of_integers("", &[], &[value]))
    }

    /// A constant.
    pub(crate) fn fixed(mut self, tensor: TensorProto) -> Self {
        self.inputs.push(Input::Fixed(Box::new(tensor)));
        self
    }

    /// An input that is left out.
    pub(crate) fn absent(mut self) -> Self {
        self.inputs.push(Input::Absent);
        self
    }

    fn set(mut self, name: &str, kind: i32, fill: impl Fn(&mut AttributeProto)) -> Self {
        let mut attribute = AttributeProto { name: name.into(), kind, ..AttributeProto::default() };
        fill(&mut attribute);
        self.attributes.push(attribute);
        self
    }

    /// An attribute that is a number.
    pub(crate) fn with(self, name: &str, value: i64) -> Self {
        self.set(name, 2, |a| a.i = value)
    }

    /// An attribute that is a number with a fraction.
    pub(crate) fn real(self, name: &str, value: f32) -> Self {
        self.set(name, 1, |a| a.f = value)
    }

    /// An attribute that is a list.
    pub(crate) fn lists(self, name: &str, values: &[i64]) -> Self {
        self.set(name, 7, |a| a.ints = values.to_vec())
    }

    /// An attribute that is a word.
    pub(crate) fn word(self, name: &str, value: &'static str) -> Self {
        self.set(name, 3, |a| a.s = Bytes::from_static(value.as_bytes()))
    }

    /// How many outputs.
    pub(crate) fn outs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }

    /// How many outputs there are beyond those that are differentiated.
    pub(crate) fn unused(mut self, outputs: usize) -> Self {
        self.unused = outputs;
        self
    }

    /// In which opsets.
    pub(crate) fn opsets(mut self, opsets: &[i64]) -> Self {
        self.opsets = opsets.to_vec();
        self
    }

    /// Also with the first size left open.
    pub(crate) fn batch(mut self) -> Self {
        self.batch = true;
        self
    }

    /// Its variables by name.
    pub(crate) fn variables(&self) -> Vec<(String, Array)> {
        let variable = |(i, input): (usize, &Input)| match input {
            Input::Variable(array) => Some((format!("x{i}"), array.clone())),
            _ => None,
        };
        self.inputs.iter().enumerate().filter_map(variable).collect()
    }

    /// Names of its outputs.
    pub(crate) fn outputs(&self) -> Vec<String> {
        (0..self.outputs).map(|i| format!("y{i}")).collect()
    }

    /// For messages.
    pub(crate) fn label(&self) -> String {
        let shapes: Vec<_> = self.variables().into_iter().map(|v| v.1.0).collect();
        let names: Vec<_> = self.attributes.iter().map(|a| a.name.as_str()).collect();
        format!("{} of {shapes:?} with {names:?}", self.op)
    }

    /// As a model, the first size of variables left open if asked.
    pub(crate) fn model(&self, opset: i64, open: bool) -> Model {
        let (mut infos, mut initializers, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (i, input) in self.inputs.iter().enumerate() {
            let name = format!("x{i}");
            match input {
                Input::Variable((shape, _)) => {
                    let mut dims: Vec<_> = shape.iter().map(|&d| Ok(d)).collect();
                    if open && let Some(first) = dims.first_mut() {
                        *first = Err("n");
                    }
                    infos.push(support::info(&name, tensor::FLOAT, &dims));
                    names.push(name);
                }
                Input::Fixed(tensor) => {
                    initializers.push(TensorProto { name: name.clone(), ..(**tensor).clone() });
                    names.push(name);
                }
                Input::Absent => names.push(String::new()),
            }
        }
        let outputs = self.outputs();
        let outputs: Vec<_> = outputs.iter().map(String::as_str).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut node = support::node(self.op, &names, &outputs, self.attributes.clone());
        node.output.extend((0..self.unused).map(|i| format!("unused{i}")));
        support::model(opset, infos, initializers, vec![node], &outputs)
    }
}
