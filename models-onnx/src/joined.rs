//! Graphs of a pack as one model, for edits whose gradients go back through all of them.

use autodiff::proto::{
    AttributeProto, DimProto, DimValue, GraphProto, ModelProto, NodeProto, OperatorSetId, ShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use autodiff::{Model, tensor};
use ndarray::{Array4, ArrayD};

use crate::code::{Code, W_PLUS};
use crate::error::ModelError;
use crate::optimise::OptimiseError;
use crate::pack::{Contract, Dim, Pack, Role};
use crate::runtime::{Device, Runtime};

/// The opset that [`Nodes`] are written in.
const OPSET: i64 = 18;

/// A growing model. Graphs of other makers may have values of the same names, so those of a role's graph get its stable
/// name and a full stop before theirs: `synthesis.image`.
pub(crate) struct Joined<'p> {
    pack: &'p Pack,
    model: Model,
}

impl<'p> Joined<'p> {
    /// Starts with the graph of a role.
    pub(crate) fn of(pack: &'p Pack, role: Role) -> Result<Self, ModelError> {
        Ok(Self { pack, model: prefixed(pack, role, 1)? })
    }

    /// Starts with nodes of one's own.
    pub(crate) fn with(pack: &'p Pack, nodes: Nodes) -> Result<Self, ModelError> {
        Ok(Self { pack, model: nodes.model()? })
    }

    /// Goes on with the graph of a role. `links` are pairs of a value that is there and an input of that graph, without
    /// its prefix; other inputs stay inputs.
    pub(crate) fn then(self, role: Role, links: &[(&str, &str)]) -> Result<Self, ModelError> {
        self.then_many(role, 1, links)
    }

    /// As [`Self::then`], for so many pictures at a time.
    pub(crate) fn then_many(
        self,
        role: Role,
        count: usize,
        links: &[(&str, &str)],
    ) -> Result<Self, ModelError> {
        let inputs: Vec<String> = links.iter().map(|(_, input)| value(role, input)).collect();
        let links: Vec<(&str, &str)> = links.iter().zip(&inputs).map(|(l, input)| (l.0, &**input)).collect();
        let model =
            self.model.join(prefixed(self.pack, role, count)?, &links).map_err(OptimiseError::from)?;
        Ok(Self { model, ..self })
    }

    /// Goes on with nodes; those of their inputs that are values already are these.
    pub(crate) fn and(self, nodes: Nodes) -> Result<Self, ModelError> {
        let own = nodes.model()?;
        let there = |name: &str| {
            let graph = self.model.graph();
            graph.node.iter().any(|n| n.output.iter().any(|o| o == name))
                || graph.input.iter().any(|i| i.name == name)
        };
        let shared: Vec<String> =
            own.graph().input.iter().map(|i| i.name.clone()).filter(|n| there(n)).collect();
        let links: Vec<(&str, &str)> = shared.iter().map(|name| (&**name, &**name)).collect();
        let model = self.model.join(own, &links).map_err(OptimiseError::from)?;
        Ok(Self { model, ..self })
    }

    pub(crate) fn model(self) -> Model {
        self.model
    }
}

/// What a value of a role's graph is called in a joined model.
pub(crate) fn value(role: Role, name: &str) -> String {
    format!("{}.{name}", role.name())
}

/// The size of an axis of a tensor that goes into (`0`) or comes out of (`1`) a role's graph, the first of them; `None`
/// where the pack has no such role or leaves the size open.
pub(crate) fn size(pack: &Pack, role: Role, side: usize, axis: usize) -> Option<usize> {
    let Contract { inputs, outputs, .. } = pack.manifest().roles.get(&role)?;
    match [inputs, outputs].get(side)?.first()?.dims.get(axis)? {
        Dim::Size(size) => Some(*size),
        Dim::Any(_) => None,
    }
}

/// What gradients are written for.
pub(crate) fn device(runtime: &Runtime) -> autodiff::Device {
    match runtime.device() {
        Device::Cuda | Device::TensorRt => autodiff::Device::Gpu,
        Device::Auto | Device::Cpu => autodiff::Device::Cpu,
    }
}

/// The W+ vectors `[1, L, W]` of a code that belongs to the pack.
pub(crate) fn one_code(pack: &Pack, code: &Code) -> Result<ArrayD<f32>, ModelError> {
    code.expect(pack)?;
    let w_plus = code.tensor(W_PLUS)?;
    let sizes = [1, 2].map(|axis| size(pack, Role::Affine, 0, axis));
    let fits = w_plus.ndim() == 3 && w_plus.shape()[0] == 1;
    if fits && sizes.iter().zip(&w_plus.shape()[1..]).all(|(size, found)| size.is_none_or(|s| s == *found)) {
        return Ok(w_plus.clone());
    }
    Err(ModelError::Foreign(format!("W+ vectors of {:?} are not those of one picture", w_plus.shape())))
}

/// Refuses what is not one picture of the pack's resolution, or holds NaN or infinity.
pub(crate) fn one_picture(pack: &Pack, image: &Array4<f32>) -> Result<(), ModelError> {
    let side = pack.manifest().resolution as usize;
    if image.dim() == (1, 3, side, side) {
        let finite = image.iter().all(|v| v.is_finite());
        return if finite { Ok(()) } else { Err(OptimiseError::NotFinite.into()) };
    }
    Err(ModelError::Foreign(format!(
        "the picture has the shape {:?}, not (1, 3, {side}, {side})",
        image.dim()
    )))
}

fn prefixed(pack: &Pack, role: Role, count: usize) -> Result<Model, ModelError> {
    prefix(pack.model(role)?, role, count)
}

/// Names the values of a role's graph as [`value`] does, and has it take so many pictures at a time: what graphs of other
/// makers call the number of pictures would else be sizes that nobody knows to be the same.
pub(crate) fn prefix(model: Model, role: Role, count: usize) -> Result<Model, ModelError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let model = model.prefixed(&format!("{}.", role.name())).map_err(OptimiseError::from)?;
    let mut proto = model.into_proto();
    if let Some(graph) = &mut proto.graph {
        let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        let shapes =
            values.flat_map(|v| &mut v.r#type).flat_map(|t| &mut t.tensor_type).flat_map(|t| &mut t.shape);
        for dim in shapes.flat_map(|shape| &mut shape.dim) {
            if !matches!(dim.value, Some(DimValue::Value(_))) {
                dim.value = Some(DimValue::Value(count));
            }
        }
    }
    Ok(Model::new(proto).map_err(OptimiseError::from)?)
}

/// A few nodes that go between graphs. What they read is declared with [`Self::input`] first.
#[derive(Default)]
pub(crate) struct Nodes(GraphProto);

impl Nodes {
    /// A tensor of single precision that comes from elsewhere.
    pub(crate) fn input(mut self, name: &str, dims: &[usize]) -> Self {
        self.0.input.push(info(name, dims));
        self
    }

    /// A constant.
    pub(crate) fn floats(mut self, name: &str, dims: &[usize], values: &[f32]) -> Self {
        self.0.initializer.push(tensor::of_floats(name, dims, values));
        self
    }

    /// A list of whole numbers.
    pub(crate) fn integers(mut self, name: &str, values: &[i64]) -> Self {
        self.0.initializer.push(tensor::of_integers(name, &[values.len()], values));
        self
    }

    /// A node of one output and no attributes.
    pub(crate) fn node(self, op: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(op, inputs, output, Vec::new())
    }

    /// A node of one output.
    pub(crate) fn node_with(
        mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) -> Self {
        self.0.node.push(NodeProto {
            op_type: op.into(),
            name: output.into(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.into()],
            attribute,
            ..NodeProto::default()
        });
        self
    }

    /// A value that others go on from.
    pub(crate) fn output(mut self, name: &str, dims: &[usize]) -> Self {
        self.0.output.push(info(name, dims));
        self
    }

    pub(crate) fn graph(self) -> GraphProto {
        self.0
    }

    pub(crate) fn model(self) -> Result<Model, ModelError> {
        let opset_import = vec![OperatorSetId { domain: String::new(), version: OPSET }];
        let proto = ModelProto { ir_version: 8, opset_import, graph: Some(self.0), ..ModelProto::default() };
        Ok(Model::new(proto).map_err(OptimiseError::from)?)
    }
}

/// An attribute that is a word.
pub(crate) fn word(name: &str, word: &'static str) -> AttributeProto {
    AttributeProto { name: name.into(), s: word.as_bytes().into(), kind: 3, ..AttributeProto::default() }
}

/// An attribute that is a whole number.
pub(crate) fn integer(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, kind: 2, ..AttributeProto::default() }
}

fn info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let known = |&d: &usize| DimProto { value: i64::try_from(d).ok().map(DimValue::Value) };
    let dim = dims.iter().map(known).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: tensor::FLOAT, shape: Some(ShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }), ..ValueInfoProto::default() }
}
