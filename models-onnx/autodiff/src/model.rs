//! A model as bytes and files, with weights inside or beside it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Component, Path};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::error::Error;
use crate::facts::Facts;
use crate::graph;
use crate::inline;
use crate::opset;
use crate::proto::{GraphProto, ModelProto, NodeProto, StringEntry, TensorProto};
use crate::tensor;

/// A protobuf message, and with it a file, can hold no more.
const LIMIT: usize = i32::MAX as usize;

/// A model that was read whole and found sound: one graph, its nodes in topological order, functions and branches that
/// are always taken written out in their place.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    proto: ModelProto,
}

impl Model {
    /// Tensors of fewer bytes than this stay in the model's file when weights are written beside it.
    pub const APART: usize = 1024;

    /// Reads a model that holds all of its weights. Tensors share memory with `bytes`.
    ///
    /// # Errors
    /// [`Error`]; never panics, whatever the bytes are.
    pub fn read(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        Self::read_with(bytes, |_| None)
    }

    /// Reads a model whose weights lie in memory, by the location that the model gives for them.
    ///
    /// # Errors
    /// [`Error`]; never panics, whatever the bytes are.
    pub fn read_with(
        bytes: impl Into<Bytes>,
        external: impl Fn(&str) -> Option<Bytes>,
    ) -> Result<Self, Error> {
        let mut proto = ModelProto::decode(bytes.into())?;
        for tensor in tensors(&mut proto) {
            bring_in(tensor, &external)?;
        }
        Self::new(proto)
    }

    /// Reads a file, and the files beside it that its weights lie in.
    ///
    /// # Errors
    /// [`Error`]; a location outside of the model's own folder is refused.
    pub fn read_file(path: &Path) -> Result<Self, Error> {
        let read = |path: &Path| {
            fs::read(path).map(Bytes::from).map_err(|why| Error::File { why, path: path.to_owned() })
        };
        let bytes = read(path)?;
        let mut proto = ModelProto::decode(bytes)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut files = HashMap::new();
        for tensor in tensors(&mut proto) {
            let Some(location) = location(tensor) else { continue };
            if files.contains_key(location) {
                continue;
            }
            // A model from elsewhere must not read other files than its own.
            if !Path::new(location).components().all(|c| matches!(c, Component::Normal(_))) {
                let why = format!("“{location}” is outside of the model's folder");
                return Err(Error::External { tensor: tensor.name.clone(), why });
            }
            files.insert(location.to_owned(), read(&folder.join(location))?);
        }
        for tensor in tensors(&mut proto) {
            bring_in(tensor, &|location| files.get(location).cloned())?;
        }
        Self::new(proto)
    }

    /// Takes messages as they are, for models that a program builds.
    ///
    /// # Errors
    /// [`Error::Unsound`] and [`Error::Opset`].
    pub fn new(mut proto: ModelProto) -> Result<Self, Error> {
        let opset = opset::of(&proto.opset_import);
        if !opset::OPSETS.contains(&opset) {
            return Err(Error::Opset(opset));
        }
        inline::functions(&mut proto)?;
        let graph = proto.graph.as_mut().ok_or_else(|| Error::Unsound("it has no graph".into()))?;
        graph::order(graph)?;
        // A branch may have others inside.
        while inline::branches(graph) {
            graph::order(graph)?;
        }
        Ok(Self { proto })
    }

    /// The messages.
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// The graph.
    pub fn graph(&self) -> &GraphProto {
        // `new` lets no model through without one.
        static EMPTY: GraphProto = GraphProto {
            node: Vec::new(),
            name: String::new(),
            initializer: Vec::new(),
            doc_string: String::new(),
            input: Vec::new(),
            output: Vec::new(),
            value_info: Vec::new(),
        };
        self.proto.graph.as_ref().unwrap_or(&EMPTY)
    }

    /// The version of the standard operators.
    pub fn opset(&self) -> i64 {
        opset::of(&self.proto.opset_import)
    }

    /// The messages, to be changed and made a model again.
    pub fn into_proto(self) -> ModelProto {
        self.proto
    }

    /// The whole model in one piece.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above 2 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        if self.proto.encoded_len() > LIMIT {
            return Err(Error::TooLarge);
        }
        Ok(self.proto.encode_to_vec())
    }

    /// The model and, apart from it, its weights: what a session takes as an external file in memory, or what is
    /// written beside the model as `location`. This is the way for models of any size. Weights are copied once.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where even what remains is above 2 GiB.
    pub fn to_parts(&self, location: &str) -> Result<(Vec<u8>, Arc<[u8]>), Error> {
        let Apart { graph, weights: large, length } = self.apart(location)?;
        let mut weights: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
        // Nobody else has it yet.
        if let Some(room) = Arc::get_mut(&mut weights) {
            large.iter().for_each(|(start, data)| room[*start..start + data.len()].copy_from_slice(data));
        }
        Ok((graph, weights))
    }

    /// Writes the model to a file, and its weights to another beside it, without a copy of them in memory. That file
    /// has the name of the first with `.data` added.
    ///
    /// # Errors
    /// [`Error::File`], and [`Error::TooLarge`] where even the graph alone is above 2 GiB.
    pub fn write_file(&self, path: &Path) -> Result<(), Error> {
        let mut beside = path.to_owned().into_os_string();
        beside.push(".data");
        let beside = Path::new(&beside);
        let location = beside.file_name().unwrap_or_default().to_string_lossy();
        let Apart { graph, weights, length } = self.apart(&location)?;
        let write = || {
            let mut file = fs::File::create(beside)?;
            for (start, data) in weights {
                file.seek(SeekFrom::Start(start as u64))?;
                file.write_all(&data)?;
            }
            file.set_len(length as u64)
        };
        write().map_err(|why| Error::File { why, path: beside.to_owned() })?;
        fs::write(path, graph).map_err(|why| Error::File { why, path: path.to_owned() })
    }

    /// The part of the model that makes some of its values, which become its outputs; inputs that they do not need go.
    ///
    /// # Errors
    /// [`Error::NoValue`].
    pub fn only(self, outputs: &[&str]) -> Result<Self, Error> {
        let facts = Facts::of(self.graph());
        let mut proto = self.proto;
        let graph = proto.graph.as_mut().ok_or_else(|| Error::Unsound("it has no graph".into()))?;
        let mut names = HashSet::new();
        graph::names(graph, &mut names);
        if let Some(none) = outputs.iter().find(|output| !names.contains(**output)) {
            return Err(Error::NoValue((*none).into()));
        }
        graph.output = outputs.iter().map(|output| facts.describe(output)).collect();
        graph::prune(graph);
        let used: HashSet<&str> =
            graph.node.iter().flat_map(graph::needs).chain(outputs.iter().copied()).collect();
        let unused: Vec<String> =
            graph.input.iter().map(|v| &v.name).filter(|n| !used.contains(n.as_str())).cloned().collect();
        graph.input.retain(|v| !unused.contains(&v.name));
        graph.initializer.retain(|t| !unused.contains(&t.name));
        Self::new(proto)
    }

    /// The model in one piece, without the weights that lie elsewhere: `place` is asked for each of [`Self::APART`] bytes
    /// or more, in their order, and says where, or that it stays.
    ///
    /// # Errors
    /// What `place` fails with, and [`Error::TooLarge`] where what remains is above 2 GiB.
    pub fn to_bytes_beside<E: From<Error>>(
        &self,
        mut place: impl FnMut(&TensorProto) -> Result<Option<Place>, E>,
    ) -> Result<Vec<u8>, E> {
        // Weights are shared, not copied.
        let mut apart = self.clone();
        let initializers = apart.proto.graph.iter_mut().flat_map(|g| &mut g.initializer);
        for tensor in initializers.filter(|t| t.raw_data.len() >= Self::APART) {
            let Some(Place { location, offset }) = place(tensor)? else { continue };
            let entry = |key: &str, value: String| StringEntry { key: key.into(), value };
            tensor.external_data = vec![
                entry("location", location),
                entry("offset", offset.to_string()),
                entry("length", tensor.raw_data.len().to_string()),
            ];
            tensor.data_location = 1;
            tensor.raw_data.clear();
        }
        Ok(apart.to_bytes()?)
    }

    fn apart(&self, location: &str) -> Result<Apart, Error> {
        let mut weights = Vec::new();
        let mut length = 0usize;
        let graph = self.to_bytes_beside(|tensor| {
            let offset = length;
            length = (offset + tensor.raw_data.len()).next_multiple_of(Place::ALIGNED);
            weights.push((offset, tensor.raw_data.clone()));
            Ok::<_, Error>(Some(Place { location: location.into(), offset: offset as u64 }))
        })?;
        Ok(Apart { graph, weights, length })
    }
}

/// Where a weight lies that is not in the model's own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the model's folder.
    pub location: String,
    /// The byte that it starts at.
    pub offset: u64,
}

impl Place {
    /// What offsets are multiples of: a tensor of any type may be read in place then.
    pub const ALIGNED: usize = 64;
}

/// A model without its weights, and these with where they start.
struct Apart {
    graph: Vec<u8>,
    weights: Vec<(usize, Bytes)>,
    length: usize,
}

impl ModelProto {
    /// Initializers, and the values of constant nodes, wherever they are.
    pub fn tensors_mut(&mut self) -> Vec<&mut TensorProto> {
        tensors(self)
    }
}

impl TensorProto {
    /// Where its elements lie, for those outside of the model's own file.
    pub fn location(&self) -> Option<&str> {
        location(self)
    }
}

/// Initializers, and the values of constant nodes, wherever they are.
fn tensors(proto: &mut ModelProto) -> Vec<&mut TensorProto> {
    let mut all = Vec::new();
    if let Some(graph) = &mut proto.graph {
        tensors_of_graph(graph, &mut all);
    }
    for function in &mut proto.functions {
        tensors_of_nodes(&mut function.node, &mut all);
    }
    all
}

fn tensors_of_graph<'a>(graph: &'a mut GraphProto, all: &mut Vec<&'a mut TensorProto>) {
    all.extend(&mut graph.initializer);
    tensors_of_nodes(&mut graph.node, all);
}

fn tensors_of_nodes<'a>(nodes: &'a mut [NodeProto], all: &mut Vec<&'a mut TensorProto>) {
    for attribute in nodes.iter_mut().flat_map(|n| &mut n.attribute) {
        all.extend(attribute.t.iter_mut().chain(&mut attribute.tensors));
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            tensors_of_graph(graph, all);
        }
    }
}

fn location(tensor: &TensorProto) -> Option<&str> {
    (tensor.data_location == 1)
        .then(|| tensor.external_data.iter().find(|e| e.key == "location").map_or("", |e| &e.value))
}

/// Brings external data into the tensor, without a copy.
fn bring_in(tensor: &mut TensorProto, external: &impl Fn(&str) -> Option<Bytes>) -> Result<(), Error> {
    let Some(location) = location(tensor) else { return Ok(()) };
    let bad = |why: String| Error::External { tensor: tensor.name.clone(), why };
    let data = external(location).ok_or_else(|| bad(format!("“{location}” was not given")))?;
    let number = |key: &str| match tensor.external_data.iter().find(|e| e.key == key) {
        Some(e) => e.value.parse().map(Some).map_err(|_| bad(format!("its {key} is no number"))),
        None => Ok(None),
    };
    let start: usize = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(data.len().saturating_sub(start));
    let end = start.checked_add(length).filter(|&end| end <= data.len());
    let end = end.ok_or_else(|| bad(format!("“{location}” is too short")))?;
    if tensor::count(&tensor.dims).is_none() {
        return Err(bad("its shape is none".into()));
    }
    tensor.raw_data = data.slice(start..end);
    tensor.external_data.clear();
    tensor.data_location = 0;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{NodeProto, OperatorSetId};

    fn model() -> Model {
        let weights: Vec<f32> = (0u8..=255).cycle().take(600).map(f32::from).collect();
        let graph = GraphProto {
            initializer: vec![tensor::of_floats("w", &[600], &weights), tensor::of_floats("s", &[1], &[2.0])],
            node: vec![NodeProto {
                op_type: "Mul".into(),
                input: vec!["w".into(), "s".into()],
                output: vec!["y".into()],
                ..NodeProto::default()
            }],
            ..GraphProto::default()
        };
        let opset_import = vec![OperatorSetId { domain: String::new(), version: 17 }];
        Model::new(ModelProto { ir_version: 9, opset_import, graph: Some(graph), ..ModelProto::default() })
            .unwrap()
    }

    #[test]
    fn a_model_comes_back_in_one_piece_and_in_two() {
        let model = model();
        assert_eq!(Model::read(model.to_bytes().unwrap()).unwrap(), model);

        let (bytes, weights) = model.to_parts("w.bin").unwrap();
        assert!(bytes.len() < 300 && weights.len() >= 2400, "{} {}", bytes.len(), weights.len());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("m.onnx"), &bytes).unwrap();
        let absent = Model::read_file(&folder.path().join("m.onnx")).unwrap_err().to_string();
        assert!(absent.contains("w.bin"), "{absent}");
        fs::write(folder.path().join("w.bin"), &weights).unwrap();
        assert_eq!(Model::read_file(&folder.path().join("m.onnx")).unwrap(), model);

        model.write_file(&folder.path().join("n.onnx")).unwrap();
        assert_eq!(fs::read(folder.path().join("n.onnx.data")).unwrap(), *weights);
        assert_eq!(Model::read_file(&folder.path().join("n.onnx")).unwrap(), model);

        let short = Bytes::from(weights[..100].to_vec());
        let short = Model::read_with(bytes.clone(), |_| Some(short.clone())).unwrap_err();
        assert!(matches!(short, Error::External { .. }), "{short}");
        assert!(matches!(Model::read(bytes), Err(Error::External { .. })));
    }

    #[test]
    fn weights_stay_in_the_models_folder() {
        for place in ["../w.bin", "/etc/passwd", "a/../../b"] {
            let (bytes, _) = model().to_parts(place).unwrap();
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("m.onnx"), bytes).unwrap();
            let error = Model::read_file(&folder.path().join("m.onnx")).unwrap_err();
            assert!(error.to_string().contains("outside of the model's folder"), "{error}");
        }
    }

    #[test]
    fn opsets_without_rules_are_refused() {
        let mut proto = model().into_proto();
        proto.opset_import[0].version = 12;
        assert!(matches!(Model::new(proto), Err(Error::Opset(12))));
    }
}
