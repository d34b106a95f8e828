//! From a model to one that also gives gradients.

use std::collections::HashSet;

use crate::backward::{Active, backward};
use crate::error::Error;
use crate::facts::Facts;
use crate::graph;
use crate::loss::Loss;
use crate::model::Model;
use crate::opset;
use crate::precision;
use crate::recompute::{Keep, Segments};
use crate::rules;
use crate::tape::Tape;
use crate::tensor;

/// The oldest opset that rules write in.
const OPSET: i64 = 18;

/// The name of the loss among the outputs.
const LOSS: &str = "loss";

/// What to differentiate, and by what.
#[derive(Debug, Clone)]
pub struct Differentiate {
    model: Model,
    loss: Option<Loss>,
    pulled: Vec<String>,
    wrt: Vec<String>,
    also: Vec<String>,
    keep: Keep,
    device: Device,
}

/// What a gradient is to run on. Any runs anywhere, with the same numbers but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// A CPU: convolutions of stride one go back as convolutions with flipped weights, which are 1.1 to 1.6 times as
    /// fast there as transposed ones, and far more where they are depthwise.
    #[default]
    Cpu,
    /// A GPU, through CUDA or TensorRT: convolutions go back as transposed ones with the very same weights. That is an
    /// operation of its own in cuDNN, the one that training uses, and flipped weights would be in memory as well.
    Gpu,
}

/// A model that gives gradients.
#[derive(Debug, Clone)]
pub struct Gradient {
    /// The model. Its outputs are the names below and what was asked for with [`Differentiate::also`].
    pub model: Model,
    /// The output that holds the loss, if there is one.
    pub loss: Option<String>,
    /// The outputs that hold the loss's terms, without their weights.
    pub terms: Vec<String>,
    /// The inputs that take cotangents, in the order of [`Differentiate::pull_back`].
    pub cotangents: Vec<String>,
    /// The outputs that hold gradients, in the order of [`Differentiate::wrt`]: `grad_` and the variable's name.
    pub gradients: Vec<String>,
}

impl Differentiate {
    /// Starts from a model.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            loss: None,
            pulled: Vec::new(),
            wrt: Vec::new(),
            also: Vec::new(),
            keep: Keep::All,
            device: Device::Cpu,
        }
    }

    /// Differentiates a loss, which becomes the output `loss`.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }

    /// Pulls back a cotangent of `value`, which becomes the input `cotangent_` and the value's name: the gradients are
    /// those of `Σ cotangent · value`, added to the loss's if there is one.
    pub fn pull_back(mut self, value: impl Into<String>) -> Self {
        self.pulled.push(value.into());
        self
    }

    /// Asks for the gradient by an input, an initializer or any other value of real numbers. An initializer becomes an input too, with
    /// itself as default, so that it can be trained.
    pub fn wrt(mut self, variable: impl Into<String>) -> Self {
        self.wrt.push(variable.into());
        self
    }

    /// Keeps a value as an output.
    pub fn also(mut self, value: impl Into<String>) -> Self {
        self.also.push(value.into());
        self
    }

    /// Says which values are held for the backward pass and which are computed again, which takes less memory and more
    /// time.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Says what the model is to run on.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Writes the model.
    ///
    /// # Errors
    /// [`Error`], naming the node and the path it lies on where a rule is missing or does not cover it.
    pub fn build(self) -> Result<Gradient, Error> {
        let mut proto = self.model.into_proto();
        opset::raise_model(&mut proto, OPSET)?;
        let opset = opset::of(&proto.opset_import);
        let mut graph = proto.graph.take().unwrap_or_default();
        precision::widen_stored(&mut graph, &self.wrt);
        precision::widen(&mut graph);
        let mut tape = Tape::new(graph, opset, self.device);
        for value in self.wrt.iter().chain(&self.pulled).chain(&self.also) {
            if value.is_empty() || !tape.has(value) || tape.facts.kind(value).is_none() {
                return Err(Error::NoValue(value.clone()));
            }
        }
        if self.wrt.is_empty() {
            return Err(Error::Nothing("no variable was named to differentiate by"));
        }
        if self.loss.is_none() && self.pulled.is_empty() {
            return Err(Error::Nothing("neither a loss nor a value was named to differentiate"));
        }
        let mut seeds = Vec::new();
        let mut terms = Vec::new();
        if let Some(loss) = &self.loss {
            terms = loss.write(&mut tape, LOSS)?;
            let bad = |why| Error::Loss { term: LOSS.into(), why };
            let one = tape.scalar(1.0, LOSS).map_err(bad)?;
            seeds.push((LOSS.to_owned(), one));
        }
        let mut cotangents = Vec::new();
        for value in &self.pulled {
            let name = free(&tape, "cotangent_", value)?;
            tape.input_like(&name, value);
            seeds.push((value.clone(), name.clone()));
            cotangents.push(name);
        }
        let held: Vec<String> = terms.iter().chain(&self.also).cloned().collect();
        let segments = Segments::new(&tape, &self.keep, &self.wrt, &held)?;
        let found = backward(&mut tape, &self.wrt, &seeds, segments)?;
        let mut gradients = Vec::new();
        for variable in &self.wrt {
            let name = free(&tape, "grad_", variable)?;
            let of = || seeds.iter().map(|s| s.0.as_str()).collect::<Vec<_>>().join("” and “");
            let gradient =
                found.get(variable).ok_or_else(|| Error::Independent { of: of(), wrt: variable.clone() })?;
            tape.name(gradient, &name);
            tape.facts.same(&name, variable);
            gradients.push(name);
        }
        let loss = self.loss.is_some().then(|| LOSS.to_owned());
        let outputs = loss.iter().chain(&terms).chain(&self.also).chain(&gradients);
        tape.graph.output = outputs.map(|name| tape.facts.describe(name)).collect();
        for variable in &self.wrt {
            let weights = tape.graph.initializer.iter().any(|t| t.name == *variable);
            if weights && !tape.graph.input.iter().any(|v| v.name == *variable) {
                tape.graph.input.push(tape.facts.describe(variable));
            }
        }
        graph::prune(&mut tape.graph);
        tape.graph.node = graph::late(tape.graph.node);
        // Initializers that are no inputs came with the fourth version of the format.
        proto.ir_version = proto.ir_version.max(7);
        proto.graph = Some(tape.graph);
        Ok(Gradient { model: Model::new(proto)?, loss, terms, cotangents, gradients })
    }
}

fn free(tape: &Tape, prefix: &str, value: &str) -> Result<String, Error> {
    let name = format!("{prefix}{value}");
    if tape.has(&name) { Err(Error::Taken(name)) } else { Ok(name) }
}

/// An operator that lies between the inputs and the outputs of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The operator, with its domain where that is not the standard one.
    pub op: String,
    /// How many nodes use it.
    pub nodes: usize,
    /// Whether it has a rule. The rule may still refuse some of its uses.
    pub covered: bool,
}

/// Which operators the gradients of a model need, by name: those that depend on an input of real numbers.
pub fn coverage(model: &Model) -> Vec<Coverage> {
    let facts = Facts::of(model.graph());
    let real = |name: &String| facts.kind(name).is_none_or(tensor::is_real);
    // Older exporters list their weights among the inputs.
    let weights: HashSet<&str> = model.graph().initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs = model.graph().input.iter().filter(|v| !weights.contains(v.name.as_str()));
    let inputs: Vec<String> = inputs.map(|v| v.name.clone()).filter(real).collect();
    let active = Active::of(model.graph(), &facts, &inputs);
    let mut all: Vec<Coverage> = Vec::new();
    for node in model.graph().node.iter().filter(|n| n.output.iter().any(|o| active.has(o))) {
        let op = graph::operator(node);
        match all.binary_search_by(|c| c.op.cmp(&op)) {
            Ok(at) => all[at].nodes += 1,
            Err(at) => all.insert(at, Coverage { op, nodes: 1, covered: rules::find(node).is_some() }),
        }
    }
    all
}
