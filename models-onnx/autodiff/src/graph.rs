//! Nodes and the order they run in.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::error::Error;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// Whether a domain is that of the standard operators, which has two spellings.
pub(crate) fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// What a node is called in messages: its name, or the first value it makes.
pub(crate) fn label(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// The operator, with its domain where that is not the standard one.
pub(crate) fn operator(node: &NodeProto) -> String {
    if is_standard(&node.domain) { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}

/// Sorts nodes topologically, and refuses graphs in which a value is made twice, or from itself, or not at all.
pub(crate) fn order(graph: &mut GraphProto) -> Result<(), Error> {
    let mut made: HashSet<&str> = HashSet::new();
    for input in &graph.input {
        if !made.insert(&input.name) {
            return Err(Error::Unsound(format!("the input “{}” is there twice", input.name)));
        }
    }
    // An initializer may give an input its default.
    made.extend(graph.initializer.iter().map(|i| i.name.as_str()));
    let mut maker: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            if made.contains(output.as_str()) || maker.insert(output, index).is_some() {
                return Err(Error::Unsound(format!("the value “{output}” is made twice")));
            }
        }
    }
    // Kahn's algorithm, always taking the node that comes first in the file: a sorted file stays as it is.
    let mut waiting = vec![0usize; graph.node.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate() {
        for input in needs(node).into_iter().filter(|i| !made.contains(i)) {
            let Some(&source) = maker.get(input) else {
                return Err(Error::Unsound(format!("nothing makes “{input}”, which “{}” uses", label(node))));
            };
            waiting[index] += 1;
            users[source].push(index);
        }
    }
    for output in &graph.output {
        if !made.contains(output.name.as_str()) && !maker.contains_key(output.name.as_str()) {
            return Err(Error::Unsound(format!("nothing makes its output “{}”", output.name)));
        }
    }
    let mut ready: BinaryHeap<_> = (0..waiting.len()).filter(|&i| waiting[i] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(index);
        for &user in &users[index] {
            waiting[user] -= 1;
            if waiting[user] == 0 {
                ready.push(Reverse(user));
            }
        }
    }
    if let Some(stuck) = waiting.iter().position(|&w| w > 0) {
        return Err(Error::Unsound(format!("“{}” needs its own result", label(&graph.node[stuck]))));
    }
    if !sorted.is_sorted() {
        let mut nodes: Vec<Option<NodeProto>> =
            std::mem::take(&mut graph.node).into_iter().map(Some).collect();
        graph.node = sorted.into_iter().filter_map(|i| nodes[i].take()).collect();
    }
    Ok(())
}

/// Puts every node as late as its users allow, and of those that could go last the one that was written first.
///
/// ONNX Runtime does not run nodes in the order of the file: it goes back from the results, and of a node's inputs it
/// first makes the one whose maker stands last. Where gradients of many layers are summed, the layer that the backward
/// pass reached last came first that way, and the activations and cotangents of all others waited in memory. Nodes
/// written early, placed late, are made early. `nodes` are in topological order, and so is the result.
pub(crate) fn late(nodes: Vec<NodeProto>) -> Vec<NodeProto> {
    let maker: HashMap<&str, usize> =
        nodes.iter().enumerate().flat_map(|(i, n)| n.output.iter().map(move |o| (o.as_str(), i))).collect();
    let sources: Vec<Vec<usize>> =
        nodes.iter().map(|n| needs(n).into_iter().filter_map(|i| maker.get(i).copied()).collect()).collect();
    let mut users = vec![0usize; nodes.len()];
    sources.iter().flatten().for_each(|&source| users[source] += 1);
    let mut ready: BinaryHeap<_> = (0..nodes.len()).filter(|&i| users[i] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(index);
        for &source in &sources[index] {
            users[source] -= 1;
            if users[source] == 0 {
                ready.push(Reverse(source));
            }
        }
    }
    let mut nodes: Vec<Option<NodeProto>> = nodes.into_iter().map(Some).collect();
    sorted.into_iter().rev().filter_map(|i| nodes[i].take()).collect()
}

/// Adds the names of all values to `all`, those inside of nodes included.
pub(crate) fn names(graph: &GraphProto, all: &mut HashSet<String>) {
    let inputs = graph.input.iter().map(|v| &v.name).chain(graph.initializer.iter().map(|t| &t.name));
    all.extend(inputs.filter(|n| !n.is_empty()).cloned());
    names_of_nodes(&graph.node, all);
}

/// As [`names`], of what nodes make.
pub(crate) fn names_of_nodes(nodes: &[NodeProto], all: &mut HashSet<String>) {
    all.extend(nodes.iter().flat_map(|n| &n.output).filter(|n| !n.is_empty()).cloned());
    let attributes = nodes.iter().flat_map(|n| &n.attribute);
    attributes.flat_map(|a| a.g.iter().chain(&a.graphs)).for_each(|graph| names(graph, all));
}

/// Leaves out what no output depends on. Inputs stay, and so do their defaults.
pub(crate) fn prune(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|v| v.name.clone()).collect();
    let mut used = vec![false; graph.node.len()];
    for (index, node) in graph.node.iter().enumerate().rev() {
        if node.output.iter().any(|o| needed.contains(o)) {
            used[index] = true;
            needed.extend(needs(node).into_iter().map(str::to_owned));
        }
    }
    let mut used = used.into_iter();
    graph.node.retain(|_| used.next().unwrap_or(true));
    needed.extend(graph.input.iter().map(|v| v.name.clone()));
    graph.initializer.retain(|t| needed.contains(&t.name));
    needed.extend(graph.node.iter().flat_map(|n| n.output.iter().cloned()));
    graph.value_info.retain(|v| needed.contains(&v.name));
}

/// What a node reads, including what the graphs inside it take from outside.
pub(crate) fn needs(node: &NodeProto) -> Vec<&str> {
    let mut all: Vec<&str> = node.input.iter().filter(|i| !i.is_empty()).map(String::as_str).collect();
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            let mut own: HashSet<&str> = graph.input.iter().map(|v| v.name.as_str()).collect();
            own.extend(graph.initializer.iter().map(|t| t.name.as_str()));
            own.extend(graph.node.iter().flat_map(|n| &n.output).map(String::as_str));
            all.extend(graph.node.iter().flat_map(needs).filter(|n| !own.contains(n)));
        }
    }
    all
}

/// Reading attributes, with the defaults of the format.
pub(crate) trait Attributes {
    /// The attribute, if it is given.
    fn attribute(&self, name: &str) -> Option<&AttributeProto>;

    /// A number.
    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    /// A number with a fraction.
    fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    /// Several numbers.
    fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    /// A word; one that is not UTF-8 is none that a rule knows.
    fn word<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.attribute(name).map_or(default, |a| std::str::from_utf8(&a.s).unwrap_or("?"))
    }

    /// A tensor.
    fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name)?.t.as_ref()
    }
}

impl Attributes for NodeProto {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|a| a.name == name)
    }
}

/// A value for an attribute.
#[derive(Debug, Clone)]
pub(crate) enum Setting<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Word(&'static str),
    Text(&'a str),
}

/// The message for an attribute.
pub(crate) fn setting(name: &str, value: &Setting<'_>) -> AttributeProto {
    let mut a = AttributeProto { name: name.into(), ..AttributeProto::default() };
    match value {
        Setting::Float(f) => (a.f, a.kind) = (*f, 1),
        Setting::Int(i) => (a.i, a.kind) = (*i, 2),
        Setting::Word(s) => (a.s, a.kind) = (bytes::Bytes::from_static(s.as_bytes()), 3),
        Setting::Text(s) => (a.s, a.kind) = (bytes::Bytes::copy_from_slice(s.as_bytes()), 3),
        Setting::Ints(i) => (a.ints, a.kind) = (i.to_vec(), 7),
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ValueInfoProto;

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: "Sum".into(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn graph(nodes: Vec<NodeProto>) -> GraphProto {
        let x = ValueInfoProto { name: "x".into(), ..ValueInfoProto::default() };
        GraphProto { node: nodes, input: vec![x], ..GraphProto::default() }
    }

    #[test]
    fn nodes_are_put_in_order() {
        let mut g = graph(vec![node(&["b", "x"], "c"), node(&["a"], "b"), node(&["x"], "a")]);
        order(&mut g).unwrap();
        let names: Vec<_> = g.node.iter().map(|n| n.output[0].as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn sums_of_gradients_come_last_and_begin_with_the_first() {
        // A chain a → b → c with a branch at each, summed as the backward pass goes.
        let chain = [(&["x"][..], "a"), (&["a"], "pa"), (&["a"], "b"), (&["b"], "pb"), (&["pa", "pb"], "s")];
        let rest = [(&["b"][..], "c"), (&["c"], "pc"), (&["s", "pc"], "t")];
        let nodes = chain.iter().chain(&rest).map(|(inputs, output)| node(inputs, output)).collect();
        let names: Vec<_> = late(nodes).into_iter().map(|n| n.output[0].clone()).collect();
        assert_eq!(names, ["x", "a", "b", "c", "pc", "pb", "pa", "s", "t"][1..]);
    }

    #[test]
    fn what_cannot_be_ordered_is_said() {
        let says = |nodes, word: &str| {
            let error = order(&mut graph(nodes)).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        says(vec![node(&["b"], "a"), node(&["a"], "b")], "its own result");
        says(vec![node(&["x"], "a"), node(&["x"], "a")], "made twice");
        says(vec![node(&["x"], "x")], "made twice");
        says(vec![node(&["q"], "a")], "nothing makes “q”");
    }
}
