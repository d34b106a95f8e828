//! Making one model of two.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::graph;
use crate::model::Model;
use crate::opset;
use crate::proto::{DimValue, GraphProto, NodeProto};

impl Model {
    /// Puts a prefix before the names of all values, nodes and open sizes, so that the model can be joined with any other.
    ///
    /// # Errors
    /// Never for a sound model.
    pub fn prefixed(self, prefix: &str) -> Result<Self, Error> {
        self.renamed(&|name| format!("{prefix}{name}"))
    }

    /// Writes the model in an opset, if it is in an older one.
    ///
    /// # Errors
    /// [`Error::Raise`] where a node means something else there, [`Error::Opset`] for opsets without rules.
    pub fn raised(self, opset: i64) -> Result<Self, Error> {
        let mut proto = self.into_proto();
        opset::raise_model(&mut proto, opset)?;
        Self::new(proto)
    }

    fn renamed(self, new: &dyn Fn(&str) -> String) -> Result<Self, Error> {
        let mut proto = self.into_proto();
        proto.graph.iter_mut().for_each(|g| rename_graph(g, new));
        Model::new(proto)
    }

    /// Feeds outputs of this model (or any of its values) into inputs of another. `links` are pairs of a value here
    /// and an input there; the other inputs stay inputs. All outputs of both remain.
    ///
    /// # Errors
    /// [`Error::Taken`] where both have a value of the same name (see [`Self::prefixed`]), [`Error::NoValue`] for links
    /// that lead nowhere, [`Error::Raise`] where the model in the older opset has nodes that mean something else in the
    /// newer one, [`Error::Opsets`] where both use further operators in different versions.
    pub fn join(self, other: Self, links: &[(&str, &str)]) -> Result<Self, Error> {
        let opset = self.opset().max(other.opset());
        let (this, other) = (self.raised(opset)?, other.raised(opset)?);
        let own = names(this.graph());
        for (value, input) in links {
            if !own.contains(*value) {
                return Err(Error::NoValue((*value).into()));
            }
            if !other.graph().input.iter().any(|v| v.name == *input) {
                return Err(Error::NoValue((*input).into()));
            }
        }
        let linked: HashMap<&str, &str> = links.iter().map(|&(value, input)| (input, value)).collect();
        let there = names(other.graph());
        if let Some(both) = there.iter().find(|n| own.contains(*n) && !linked.contains_key(n.as_str())) {
            return Err(Error::Taken(both.clone()));
        }
        let mut other = other.into_proto();
        let mut graph = other.graph.take().unwrap_or_default();
        // A linked input's default is no longer needed.
        graph.input.retain(|v| !linked.contains_key(v.name.as_str()));
        graph.initializer.retain(|t| !linked.contains_key(t.name.as_str()));
        graph.value_info.retain(|v| !linked.contains_key(v.name.as_str()));
        rename_graph(&mut graph, &|name| linked.get(name).map_or(name, |v| v).to_owned());
        let mut proto = this.into_proto();
        proto.ir_version = proto.ir_version.max(other.ir_version);
        for import in other.opset_import {
            match proto.opset_import.iter().find(|o| o.domain == import.domain) {
                Some(o) if o.version != import.version => {
                    return Err(Error::Opsets(import.domain, o.version, import.version));
                }
                Some(_) => {}
                None => proto.opset_import.push(import),
            }
        }
        let mut whole = proto.graph.take().unwrap_or_default();
        whole.node.extend(graph.node);
        whole.initializer.extend(graph.initializer);
        whole.input.extend(graph.input);
        whole.output.extend(graph.output);
        whole.value_info.extend(graph.value_info);
        proto.graph = Some(whole);
        Model::new(proto)
    }
}

impl GraphProto {
    /// Gives all values, nodes and open sizes new names, those inside of nodes included.
    pub fn rename(&mut self, new: &dyn Fn(&str) -> String) {
        rename_graph(self, new);
    }
}

/// Names of all values of a graph.
fn names(graph: &GraphProto) -> HashSet<String> {
    let mut all = HashSet::new();
    graph::names(graph, &mut all);
    all
}

fn rename_graph(graph: &mut GraphProto, new: &dyn Fn(&str) -> String) {
    let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    // Sizes of the same name are taken to be the same, which they are only within one model.
    let names = infos
        .map(|v| {
            for dim in v
                .r#type
                .iter_mut()
                .flat_map(|t| &mut t.tensor_type)
                .flat_map(|t| &mut t.shape)
                .flat_map(|s| &mut s.dim)
            {
                if let Some(DimValue::Param(name)) = &mut dim.value {
                    *name = new(name);
                }
            }
            &mut v.name
        })
        .chain(graph.initializer.iter_mut().map(|t| &mut t.name));
    names.for_each(|name| *name = new(name));
    graph.node.iter_mut().for_each(|node| rename_node(node, new));
}

/// Gives all that a node reads and makes new names, inside of it too.
pub(crate) fn rename_node(node: &mut NodeProto, new: &dyn Fn(&str) -> String) {
    let names = node.input.iter_mut().chain(&mut node.output).chain([&mut node.name]);
    // An empty name stands for nothing and stays so.
    names.filter(|name| !name.is_empty()).for_each(|name| *name = new(name));
    for attribute in &mut node.attribute {
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(|graph| rename_graph(graph, new));
    }
}
