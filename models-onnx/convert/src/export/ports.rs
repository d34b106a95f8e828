//! What goes into a graph and comes out, changed to what a role takes and gives.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use autodiff::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use autodiff::tensor::{self, FLOAT};
use autodiff::{Facts, Shape};
use models_onnx::pack::{Contract, Data, Hasher, sha256};
use prost::Message;

use super::Export;
use crate::Port;
use crate::build::Setting;
use crate::error::Error;

/// One node between a port and the graph; the rest of its inputs are constants.
#[derive(Debug, Clone)]
pub(super) struct Step {
    op: &'static str,
    constants: Vec<TensorProto>,
    settings: Vec<(&'static str, Setting)>,
}

impl Step {
    fn new(op: &'static str, constants: Vec<TensorProto>) -> Self {
        Self { op, constants, settings: Vec::new() }
    }

    fn cast(kind: i32) -> Self {
        Self { settings: vec![("to", i64::from(kind).into())], ..Self::new("Cast", Vec::new()) }
    }

    /// To other sizes of as many elements; −1 stands for one that follows.
    pub(super) fn reshape(sizes: &[i64]) -> Self {
        Self::new("Reshape", vec![tensor::of_integers("", &[sizes.len()], sizes)])
    }

    /// To another order of axes.
    pub(super) fn transpose<const N: usize>(axes: [i64; N]) -> Self {
        Self { settings: vec![("perm", axes.into())], ..Self::new("Transpose", Vec::new()) }
    }

    /// Some entries of an axis, in this order.
    pub(super) fn take(axis: i64, entries: &[i64]) -> Self {
        let entries = vec![tensor::of_integers("", &[entries.len()], entries)];
        Self { settings: vec![("axis", axis.into())], ..Self::new("Gather", entries) }
    }

    /// Times a number for each channel, the second of four axes, or one for all.
    pub(super) fn times(factors: &[f32]) -> Self {
        Self::new("Mul", vec![channels(factors)])
    }

    /// Plus a number for each channel, or one for all.
    pub(super) fn plus(shifts: &[f32]) -> Self {
        Self::new("Add", vec![channels(shifts)])
    }

    /// Not below a number.
    pub(super) fn least(least: f32) -> Self {
        Self::new("Max", vec![channels(&[least])])
    }

    /// Not above a number.
    pub(super) fn most(most: f32) -> Self {
        Self::new("Min", vec![channels(&[most])])
    }

    /// The exponential.
    pub(super) fn exp() -> Self {
        Self::new("Exp", Vec::new())
    }

    /// Down to the next whole number. Opsets below 11 cannot round.
    pub(super) fn floor() -> Self {
        Self::new("Floor", Vec::new())
    }
}

fn channels(values: &[f32]) -> TensorProto {
    let shape: &[usize] = if values.len() == 1 { &[] } else { &[1, values.len(), 1, 1] };
    tensor::of_floats("", shape, values)
}

/// A graph whose ports are being changed. Old outputs that are not asked for are gone; old inputs must be given or
/// [filled](Self::fill).
#[derive(Debug)]
pub(super) struct Ports {
    graph: GraphProto,
    proto: ModelProto,
    weights: BTreeMap<String, PathBuf>,
    /// The old ports: what the value is called now, and its type.
    old: BTreeMap<String, (String, i32)>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// What the names of new values start with; no value of the graph's own does.
    prefix: String,
    made: usize,
    before: Vec<NodeProto>,
    after: Vec<NodeProto>,
}

impl Ports {
    pub(super) fn of(export: &Export) -> Self {
        let mut proto = export.proto.clone();
        let mut graph = proto.graph.take().unwrap_or_default();
        let mut prefix = "ports/".to_owned();
        while graph.node.iter().flat_map(|node| &node.output).any(|name| name.starts_with(&prefix)) {
            prefix.insert(0, '_');
        }
        // All old ports make room, so that new ones may have their names.
        let mut facts = Facts::default();
        let mut old = BTreeMap::new();
        for value in graph.input.iter().chain(&graph.output) {
            facts.declare(value);
            let kind = facts.kind(&value.name).unwrap_or(FLOAT);
            old.insert(value.name.clone(), (format!("{prefix}{}", value.name), kind));
        }
        graph.rename(&|name| old.get(name).map_or(name, |(aside, _)| aside).to_owned());
        graph.input.clear();
        graph.output.clear();
        Self {
            graph,
            proto,
            weights: export.weights.clone(),
            old,
            inputs: Vec::new(),
            outputs: Vec::new(),
            prefix,
            made: 0,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Gives the old input `old` by a new one, of single precision or of integers, over `steps`.
    pub(super) fn input(&mut self, old: &str, name: &str, kind: i32, shape: Shape, steps: Vec<Step>) {
        let (aside, wanted) = self.old(old);
        self.free(name);
        // The steps compute in the new type, which is the finer one.
        let steps = steps.into_iter().chain((wanted != kind).then(|| Step::cast(wanted)));
        let nodes = self.chain(name, steps.collect(), &aside);
        self.before.extend(nodes);
        self.inputs.push(Port { name: name.to_owned(), kind, shape });
    }

    /// Gives ones to the old input `old`, in the shape of the new input `like`.
    pub(super) fn fill(&mut self, old: &str, like: &str) {
        let (aside, kind) = self.old(old);
        let one = AttributeProto {
            name: "value".into(),
            kind: 4,
            t: Some(tensor::of_integers("", &[1], &[1])),
            ..AttributeProto::default()
        };
        let steps =
            vec![Step::new("Shape", Vec::new()), Step::new("ConstantOfShape", Vec::new()), Step::cast(kind)];
        let mut nodes = self.chain(like, steps, &aside);
        nodes[1].attribute = vec![one];
        self.before.extend(nodes);
    }

    /// Makes a new output of single precision from the old one `old`, over `steps`.
    pub(super) fn output(&mut self, old: &str, name: &str, shape: Shape, steps: Vec<Step>) {
        let (aside, kind) = self.old(old);
        self.free(name);
        let steps = (kind != FLOAT).then(|| Step::cast(FLOAT)).into_iter().chain(steps);
        let nodes = self.chain(&aside, steps.collect(), name);
        self.after.extend(nodes);
        self.outputs.push(Port { name: name.to_owned(), kind: FLOAT, shape });
    }

    /// The finished graph.
    pub(super) fn finish(mut self) -> Kept {
        let mut facts = Facts::default();
        for port in self.inputs.iter().chain(&self.outputs) {
            facts.set(&port.name, port.kind, port.shape.clone());
        }
        self.graph.input = self.inputs.iter().map(|port| facts.describe(&port.name)).collect();
        self.graph.output = self.outputs.iter().map(|port| facts.describe(&port.name)).collect();
        self.graph.node.splice(0..0, self.before);
        self.graph.node.extend(self.after);
        self.proto.graph = Some(self.graph);
        Kept { proto: self.proto, weights: self.weights, inputs: self.inputs, outputs: self.outputs }
    }

    fn old(&self, name: &str) -> (String, i32) {
        self.old.get(name).cloned().unwrap_or_else(|| (name.to_owned(), FLOAT))
    }

    /// Makes room for a new port among the values of the graph.
    fn free(&mut self, name: &str) {
        let aside = format!("{}{name}'", self.prefix);
        self.graph.rename(&|other| if other == name { aside.clone() } else { other.to_owned() });
    }

    /// Nodes that lead from one value to another.
    fn chain(&mut self, from: &str, mut steps: Vec<Step>, to: &str) -> Vec<NodeProto> {
        if steps.is_empty() {
            steps.push(Step::new("Identity", Vec::new()));
        }
        let last = steps.len() - 1;
        let mut value = from.to_owned();
        let mut node = |(at, step): (usize, Step)| {
            let name = format!("{}{}_{}", self.prefix, step.op, self.made);
            self.made += 1;
            let mut input = vec![std::mem::take(&mut value)];
            for (at, constant) in step.constants.into_iter().enumerate() {
                let name = format!("{name}:{at}");
                input.push(name.clone());
                self.graph.initializer.push(TensorProto { name, ..constant });
            }
            value = if at == last { to.to_owned() } else { name.clone() };
            NodeProto {
                op_type: step.op.into(),
                input,
                output: vec![value.clone()],
                attribute: step.settings.iter().map(|(name, value)| value.attribute(name)).collect(),
                name,
                ..NodeProto::default()
            }
        };
        steps.into_iter().enumerate().map(&mut node).collect()
    }
}

/// A graph that stays as it was exported but for its ports; its weights are files.
#[derive(Debug, Clone)]
pub struct Kept {
    proto: ModelProto,
    weights: BTreeMap<String, PathBuf>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Kept {
    /// Writes the graph into the folder of a pack and copies its weights beside it.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Result<Contract, Error> {
        let file = format!("{name}.onnx");
        let mut proto = self.proto.clone();
        let mut data = Vec::new();
        let mut renamed = BTreeMap::new();
        for (at, (location, from)) in self.weights.iter().enumerate() {
            let to =
                if self.weights.len() == 1 { format!("{file}.data") } else { format!("{file}.{at}.data") };
            data.push(Data { sha256: copy(from, &folder.join(&to))?, file: to.clone() });
            renamed.insert(location.as_str(), to);
        }
        for tensor in proto.tensors_mut() {
            let Some(to) = tensor.location().and_then(|location| renamed.get(location)).cloned() else {
                continue;
            };
            tensor
                .external_data
                .iter_mut()
                .filter(|e| e.key == "location")
                .for_each(|e| e.value.clone_from(&to));
        }
        let bytes = proto.encode_to_vec();
        let path = folder.join(&file);
        fs::write(&path, &bytes).map_err(|why| Error::Write { why, path })?;
        let ports = |ports: &[Port]| ports.iter().cloned().map(crate::pack::port).collect();
        Ok(Contract {
            file,
            sha256: sha256(&bytes),
            shared: false,
            inputs: ports(&self.inputs),
            outputs: ports(&self.outputs),
            data,
            storage: None,
            pooling: None,
        })
    }

    /// The same graph with its weights in memory.
    pub(super) fn model(&self) -> Result<autodiff::Model, Error> {
        let read = |path: &PathBuf| {
            fs::read(path).map(bytes::Bytes::from).map_err(|why| Error::File { why, path: path.clone() })
        };
        let weights: BTreeMap<&str, bytes::Bytes> = self
            .weights
            .iter()
            .map(|(location, path)| Ok((location.as_str(), read(path)?)))
            .collect::<Result<_, Error>>()?;
        Ok(autodiff::Model::read_with(self.proto.encode_to_vec(), |location| weights.get(location).cloned())?)
    }
}

/// Copies a file; the hash of its bytes.
fn copy(from: &Path, to: &Path) -> Result<String, Error> {
    let failed_in = |why| Error::File { why, path: from.to_owned() };
    let failed_out = |why| Error::Write { why, path: to.to_owned() };
    let mut source = fs::File::open(from).map_err(failed_in)?;
    let mut target = fs::File::create(to).map_err(failed_out)?;
    let mut hasher = Hasher::default();
    let mut piece = vec![0; 1 << 20];
    loop {
        let length = source.read(&mut piece).map_err(failed_in)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.add(&piece[..length]);
        target.write_all(&piece[..length]).map_err(failed_out)?;
    }
}
