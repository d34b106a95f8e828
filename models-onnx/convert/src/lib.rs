//! From published checkpoints to ONNX graphs and packs, without PyTorch.
//!
//! 1. A [`checkpoint::Checkpoint`] holds the tensors of a file.
//! 2. Each module of [`networks`] knows one kind of network in all the layouts that it was published in. Its
//!    `recognise(&Checkpoint) -> Option<…>` looks at names and sizes only, and says what the network is like;
//!    `build(&Checkpoint, &Options) -> Result<Network, Error>` makes its graphs with [`build::Graph`].
//! 3. A [`Network`] is graphs, arrays and what is to be known of them; the graphs are plain [`autodiff::Model`]s, which
//!    can be differentiated, written with their weights beside them, or opened in a session.
//!
//! Weights stay in single precision, as they are published. What a checkpoint says is never taken on trust: a missing
//! tensor, or one of other sizes than the others call for, is an [`Error`] that names it.
#![forbid(unsafe_code)]

pub mod build;
pub mod bundle;
mod error;
pub mod export;
pub mod networks;
pub mod pack;

use std::collections::BTreeMap;

use autodiff::proto::ValueInfoProto;
use autodiff::{Dim, Facts, Model, Shape};
use ndarray::ArrayD;

pub use error::Error;

/// What a checkpoint became.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Its graphs.
    pub parts: Vec<Part>,
    /// What goes with them, by name, such as the `mean` of a latent space.
    pub arrays: BTreeMap<&'static str, ArrayD<f32>>,
}

/// A graph and what it is for.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its role, in the words of a pack's manifest where it has any: `mapping`, `synthesis`, `image-encoder`….
    pub role: &'static str,
    /// The graph.
    pub model: Model,
}

/// A tensor that goes into or comes out of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Shape,
    /// The type of its elements; see [`autodiff::tensor`].
    pub kind: i32,
}

impl Part {
    /// What goes in.
    pub fn inputs(&self) -> Vec<Port> {
        ports(&self.model.graph().input)
    }

    /// What comes out; the first is what its role is about.
    pub fn outputs(&self) -> Vec<Port> {
        ports(&self.model.graph().output)
    }
}

pub(crate) fn ports(values: &[ValueInfoProto]) -> Vec<Port> {
    let mut facts = Facts::default();
    let port = |value: &ValueInfoProto| {
        facts.declare(value);
        let shape: Vec<Dim> = facts.shape(&value.name).cloned().unwrap_or_default();
        Port { kind: facts.kind(&value.name).unwrap_or_default(), name: value.name.clone(), shape }
    };
    values.iter().map(port).collect()
}
