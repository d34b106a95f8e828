//! Functions of a model and branches that are always taken, written out in their place.

use std::collections::{HashMap, HashSet};

use crate::compose::rename_node;
use crate::error::Error;
use crate::facts::Facts;
use crate::graph::{self, is_standard, label};
use crate::opset;
use crate::proto::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto};

/// Functions that call functions multiply; a model with more nodes than this is not one that anybody means.
const MOST: usize = 1 << 18;

/// Domain, name and overload.
type Key = (String, String, String);

fn key(domain: &str, name: &str, overload: &str) -> Key {
    let domain = if is_standard(domain) { "" } else { domain };
    (domain.into(), name.into(), overload.into())
}

/// Replaces calls of functions by what they do. Where a function is written in another opset than the graph, the older
/// of the two is raised.
pub(crate) fn functions(proto: &mut ModelProto) -> Result<(), Error> {
    if proto.functions.is_empty() {
        return Ok(());
    }
    let functions = std::mem::take(&mut proto.functions);
    let mut all = HashMap::new();
    for mut function in functions {
        let version = opset::of(&function.opset_import);
        if version > 0 {
            opset::raise_model(proto, version)?;
        }
        for import in function.opset_import.drain(..) {
            if !is_standard(&import.domain) && !proto.opset_import.iter().any(|o| o.domain == import.domain) {
                proto.opset_import.push(import);
            }
        }
        all.insert(key(&function.domain, &function.name, &function.overload), (function, version));
    }
    let target = opset::of(&proto.opset_import);
    for (function, version) in all.values_mut() {
        opset::raise(&mut function.node, if *version > 0 { *version } else { target }, target)?;
    }
    let Some(graph) = proto.graph.as_mut() else { return Ok(()) };
    let mut names = HashSet::new();
    graph::names(graph, &mut names);
    let mut writer = Writer { functions: &all, names, calls: Vec::new(), nodes: 0 };
    graph.node = writer.expand(std::mem::take(&mut graph.node))?;
    Ok(())
}

struct Writer<'a> {
    functions: &'a HashMap<Key, (FunctionProto, i64)>,
    names: HashSet<String>,
    calls: Vec<Key>,
    nodes: usize,
}

impl Writer<'_> {
    fn expand(&mut self, nodes: Vec<NodeProto>) -> Result<Vec<NodeProto>, Error> {
        let mut all = Vec::with_capacity(nodes.len());
        for mut node in nodes {
            for graph in inner(&mut node) {
                graph.node = self.expand(std::mem::take(&mut graph.node))?;
            }
            // Calls count too: what they call may be empty.
            self.nodes += 1;
            if self.nodes > MOST {
                return Err(Error::Unsound(format!("its functions come to more than {MOST} nodes")));
            }
            let called = key(&node.domain, &node.op_type, &node.overload);
            let Some((function, _)) = self.functions.get(&called) else {
                all.push(node);
                continue;
            };
            if self.calls.contains(&called) {
                return Err(Error::Unsound(format!("the function “{}” calls itself", function.name)));
            }
            let body = instance(function, &node, &mut self.names);
            self.calls.push(called);
            all.extend(self.expand(body)?);
            self.calls.pop();
        }
        Ok(all)
    }
}

/// The graphs inside a node.
fn inner(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs))
}

/// The nodes of a function as one call of it has them.
fn instance(function: &FunctionProto, call: &NodeProto, names: &mut HashSet<String>) -> Vec<NodeProto> {
    let mut own = HashSet::new();
    graph::names_of_nodes(&function.node, &mut own);
    let prefix = prefix(call, names, own.iter());
    let mut given: HashMap<&str, String> = HashMap::new();
    for (index, name) in function.input.iter().enumerate() {
        given.insert(name, call.input.get(index).cloned().unwrap_or_default());
    }
    let mut handed_on = Vec::new();
    for (name, output) in function.output.iter().zip(&call.output).filter(|(_, output)| !output.is_empty()) {
        match given.get(name.as_str()) {
            // An output that is an input, or another output.
            Some(value) => handed_on.push(copy(value, output)),
            None => {
                given.insert(name, output.clone());
            }
        }
    }
    let new = |name: &str| given.get(name).cloned().unwrap_or_else(|| format!("{prefix}{name}"));
    let mut nodes = function.node.clone();
    for node in &mut nodes {
        settle(node, function, &call.attribute);
        rename_node(node, &new);
    }
    nodes.extend(handed_on);
    names.extend(own.iter().map(|name| new(name)));
    nodes
}

/// A prefix with which none of `own` is taken.
fn prefix<'a>(
    node: &NodeProto,
    names: &HashSet<String>,
    own: impl Iterator<Item = &'a String> + Clone,
) -> String {
    let base = label(node);
    let free = |p: &String| !own.clone().any(|name| names.contains(&format!("{p}{name}")));
    let numbered = (2usize..).map(|i| format!("{base}.{i}/"));
    std::iter::once(format!("{base}/")).chain(numbered).find(free).unwrap_or_default()
}

fn copy(value: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: "Identity".into(),
        input: vec![value.into()],
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// Puts the caller's attributes, or the function's defaults, where a function refers to them. What neither gives is as
/// if it were not there.
fn settle(node: &mut NodeProto, function: &FunctionProto, given: &[AttributeProto]) {
    node.attribute.retain_mut(|attribute| {
        if attribute.ref_attr_name.is_empty() {
            return true;
        }
        let named = |a: &&AttributeProto| a.name == attribute.ref_attr_name;
        let Some(value) = given.iter().find(named).or_else(|| function.attribute_proto.iter().find(named))
        else {
            return false;
        };
        *attribute = AttributeProto { name: attribute.name.clone(), ..value.clone() };
        true
    });
    for graph in inner(node) {
        graph.node.iter_mut().for_each(|node| settle(node, function, given));
    }
}

/// Puts the branch of an `If` in its place where the condition is known. Says whether there was one.
pub(crate) fn branches(graph: &mut GraphProto) -> bool {
    if !graph.node.iter().any(|n| n.op_type == "If" && is_standard(&n.domain)) {
        return false;
    }
    let facts = Facts::of(graph);
    let mut names = HashSet::new();
    graph::names(graph, &mut names);
    let mut found = false;
    for mut node in std::mem::take(&mut graph.node) {
        let condition = (node.op_type == "If" && is_standard(&node.domain))
            .then(|| facts.integers(node.input.first()?))
            .flatten();
        let wanted = match condition.as_deref() {
            Some([0]) => "else_branch",
            Some([_]) => "then_branch",
            _ => "",
        };
        let branch = node.attribute.iter_mut().find(|a| a.name == wanted).and_then(|a| a.g.take());
        let Some(branch) = branch else {
            graph.node.push(node);
            continue;
        };
        found = true;
        write_branch(graph, branch, &node, &mut names);
    }
    found
}

fn write_branch(
    graph: &mut GraphProto,
    mut branch: GraphProto,
    node: &NodeProto,
    names: &mut HashSet<String>,
) {
    let mut own = HashSet::new();
    graph::names(&branch, &mut own);
    let prefix = prefix(node, names, own.iter());
    // What the branch reads from outside keeps its name.
    let new = |name: &str| if own.contains(name) { format!("{prefix}{name}") } else { name.to_owned() };
    for node in &mut branch.node {
        rename_node(node, &new);
    }
    for tensor in &mut branch.initializer {
        tensor.name = new(&tensor.name);
    }
    for value in &mut branch.value_info {
        value.name = new(&value.name);
    }
    let outputs = branch.output.iter().zip(&node.output).filter(|(_, output)| !output.is_empty());
    branch.node.extend(outputs.map(|(value, output)| copy(&new(&value.name), output)));
    names.extend(own.into_iter().map(|name| format!("{prefix}{name}")));
    graph.node.extend(branch.node);
    graph.initializer.extend(branch.initializer);
    graph.value_info.extend(branch.value_info);
}
