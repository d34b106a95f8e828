//! ONNX files that others exported, taken as they are.
//!
//! Their nodes and weights stay what they were. What differs from exporter to exporter is what goes in and comes out:
//! names, ranks, types of numbers, the order of axes, the values of black and white. That is read from each graph and
//! mended at its ports, with a few nodes before and after it, so that a role takes and gives the same in every pack.
//!
//! * [`diffusion`]: folders of Stable Diffusion, as Optimum and, earlier, Diffusers wrote them.
//! * [`clip`]: towers of CLIP, in one graph or in two.
//! * [`stylise`]: one pass from picture to picture, with a small file that says what the graph does not.

pub mod clip;
pub mod diffusion;
mod ports;
pub mod stylise;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use autodiff::Model;
use autodiff::proto::ModelProto;
use prost::Message;
use serde_json::Value;

use crate::error::Error;
use crate::{Port, ports as described};
pub use ports::Kept;

/// A protobuf message, and with it a file, can hold no more.
const LIMIT: u64 = i32::MAX as u64;

/// Longer settings are none.
const SETTINGS: u64 = 1 << 20;

/// An ONNX file and where its weights lie; weights in files beside it were not read.
#[derive(Debug, Clone)]
pub struct Export {
    path: PathBuf,
    proto: ModelProto,
    /// By the location that the graph gives.
    weights: BTreeMap<String, PathBuf>,
}

impl Export {
    /// Reads the graph.
    ///
    /// # Errors
    /// [`Error::File`] where a file cannot be read or is missing, [`Error::Export`] where it is no ONNX graph or names
    /// weights outside of its own folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read(path, LIMIT)?;
        let mut proto = ModelProto::decode(bytes::Bytes::from(bytes))
            .map_err(|why| refused(path, format!("it is not an ONNX graph: {why}")))?;
        if proto.graph.is_none() {
            return Err(refused(path, "it has no graph"));
        }
        let mut weights = BTreeMap::new();
        for tensor in proto.tensors_mut() {
            let Some(location) = tensor.location() else { continue };
            // A file from elsewhere must not name other files than its own.
            if location.is_empty()
                || !Path::new(location).components().all(|c| matches!(c, Component::Normal(_)))
            {
                return Err(refused(path, format!("its weights lie outside of its folder, in “{location}”")));
            }
            let beside = path.with_file_name(location);
            if !weights.contains_key(location) && !beside.is_file() {
                let why =
                    std::io::Error::new(std::io::ErrorKind::NotFound, "the weights of a graph are missing");
                return Err(Error::File { why, path: beside });
            }
            weights.insert(location.to_owned(), beside);
        }
        Ok(Self { path: path.to_owned(), proto, weights })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has to be given to it.
    pub fn inputs(&self) -> Vec<Port> {
        let Some(graph) = &self.proto.graph else { return Vec::new() };
        let given = |port: &Port| graph.initializer.iter().all(|tensor| tensor.name != port.name);
        described(&graph.input).into_iter().filter(given).collect()
    }

    /// What comes out.
    pub fn outputs(&self) -> Vec<Port> {
        self.proto.graph.as_ref().map_or_else(Vec::new, |graph| described(&graph.output))
    }

    /// The input of that name.
    fn input(&self, name: &str) -> Option<Port> {
        self.inputs().into_iter().find(|port| port.name == name)
    }

    /// The output of that name.
    fn output(&self, name: &str) -> Option<Port> {
        self.outputs().into_iter().find(|port| port.name == name)
    }

    /// How many operators it has that gradients are not known for, each with the number of its nodes; `None` for graphs
    /// that cannot be differentiated at all. Constants do not matter, and are not looked at.
    pub fn without_gradient(&self) -> Option<Vec<(String, usize)>> {
        let model = Model::new(self.proto.clone()).ok()?;
        let missing = autodiff::coverage(&model).into_iter().filter(|operator| !operator.covered);
        Some(missing.map(|operator| (operator.op, operator.nodes)).collect())
    }

    /// The size of an axis of an input, by what the first layer that it goes through takes; for graphs that leave all
    /// sizes open.
    fn size_by_use(&self, input: &str, axis: usize) -> Option<usize> {
        let graph = self.proto.graph.as_ref()?;
        let declared = self.input(input).and_then(|port| port.shape.get(axis)?.size());
        let mut names = vec![input];
        let by_use = || {
            for node in &graph.node {
                if !node.input.first().is_some_and(|first| names.contains(&first.as_str())) {
                    continue;
                }
                let weight =
                    node.input.get(1).and_then(|name| graph.initializer.iter().find(|t| t.name == *name));
                let at = |index: usize| weight.and_then(|w| usize::try_from(*w.dims.get(index)?).ok());
                match node.op_type.as_str() {
                    "Cast" | "Identity" => names.extend(node.output.iter().map(String::as_str)),
                    "Conv" => return at(1),
                    "MatMul" => return at(0),
                    _ => {}
                }
            }
            None
        };
        declared.or_else(by_use)
    }
}

/// Whether a file begins as an ONNX graph does: with the version of its format, which every exporter writes first.
pub fn is_export(path: &Path) -> bool {
    let mut first = [0u8; 9];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    // Safetensors begin with a length, which may look the same, and then a header in JSON.
    let safetensors = first[4..] == *b"\0\0\0\0{";
    read.is_ok() && first[0] == 0x08 && (1..=0x7f).contains(&first[1]) && !safetensors
}

/// A file of settings in JSON.
fn settings(path: &Path) -> Result<Value, Error> {
    let bytes = read(path, SETTINGS)?;
    serde_json::from_slice(&bytes).map_err(|why| refused(path, format!("its settings cannot be read: {why}")))
}

/// The same where it may be missing.
fn settings_if_any(path: &Path) -> Result<Value, Error> {
    if path.is_file() { settings(path) } else { Ok(Value::Null) }
}

/// The bytes of a file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |why| Error::File { why, path: path.to_owned() };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let length = file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if length as u64 > limit {
        return Err(refused(path, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

fn refused(path: &Path, why: impl Into<String>) -> Error {
    Error::Export { why: why.into(), path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_graph_need_not_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let is = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            is_export(&path)
        };
        assert!(is(b"\x08\x08\x12\x07pytorch\x1a\x06"));
        // A header of 264 bytes; a pickle; nothing.
        assert!(!is(b"\x08\x01\0\0\0\0\0\0{\"w\": {}}"));
        assert!(!is(b"\x80\x02}q\x00X\x01\x00\x00"));
        assert!(!is(b""));
    }
}
