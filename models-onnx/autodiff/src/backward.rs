//! The backward pass: from a result's cotangent to those of what it was made from.
//!
//! For `y = f(x)` and a scalar `L`, the cotangent of `x` is `∂L/∂x = Jᵀ · ∂L/∂y`, `J` being the Jacobian of `f`. A
//! rule writes down `Jᵀ · g` for one operator; here they are chained from the last node to the first. Only nodes
//! that lie between a variable and a result are visited.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::error::{Error, Refusal};
use crate::facts::Facts;
use crate::graph::{self, Attributes};
use crate::proto::{GraphProto, NodeProto};
use crate::recompute::Segments;
use crate::rules;
use crate::tape::Tape;
use crate::tensor;

/// The values that depend on the variables, each with the one through which that was first seen.
pub(crate) struct Active(HashMap<String, String>);

impl Active {
    /// Values of types without derivative, such as indices, are never active.
    pub(crate) fn of(graph: &GraphProto, facts: &Facts, variables: &[String]) -> Self {
        let mut from: HashMap<String, String> =
            variables.iter().map(|v| (v.clone(), String::new())).collect();
        for node in &graph.node {
            let Some(source) = graph::needs(node).into_iter().find(|i| from.contains_key(*i)) else {
                continue;
            };
            let source = source.to_owned();
            for output in node.output.iter().filter(|o| !o.is_empty()) {
                if facts.kind(output).is_none_or(tensor::is_real) {
                    from.insert(output.clone(), source.clone());
                }
            }
        }
        Self(from)
    }

    pub(crate) fn has(&self, value: &str) -> bool {
        self.0.contains_key(value)
    }

    /// The values from a variable to `value`.
    fn path(&self, value: &str) -> Vec<String> {
        let mut path = vec![value.to_owned()];
        let mut at = value;
        while let Some(before) = self.0.get(at).filter(|b| !b.is_empty()) {
            path.push(before.clone());
            at = before;
        }
        path.reverse();
        path
    }
}

/// One visit of a rule: its node, what came back to the node, and what the rule gives on.
pub(crate) struct Step<'a> {
    pub(crate) tape: &'a mut Tape,
    /// The node, or the copy of it that computes it again.
    pub(crate) node: &'a NodeProto,
    /// What the node itself reads.
    inputs: &'a [String],
    /// Where the node is in the graph.
    pub(crate) place: usize,
    cotangents: Vec<Option<String>>,
    active: &'a Active,
    given: Vec<(usize, String)>,
}

impl Step<'_> {
    /// An input that has to be there.
    pub(crate) fn x(&self, index: usize) -> Result<String, Refusal> {
        self.optional(index).ok_or(Refusal::Missing(index))
    }

    /// An input that may be left out.
    pub(crate) fn optional(&self, index: usize) -> Option<String> {
        self.node.input.get(index).filter(|i| !i.is_empty()).cloned()
    }

    /// The node's first output.
    pub(crate) fn y(&self) -> String {
        self.node.output[0].clone()
    }

    /// The cotangent of the first output.
    pub(crate) fn g(&self) -> Result<String, Refusal> {
        self.cotangent(0).ok_or_else(|| Refusal::Shape(self.y()))
    }

    /// The cotangent of an output, if the result depends on it.
    pub(crate) fn cotangent(&self, output: usize) -> Option<String> {
        self.cotangents.get(output).cloned().flatten()
    }

    /// Whether the gradient of an input is wanted.
    pub(crate) fn wants(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(|i| self.active.has(i))
    }

    /// Gives the gradient of an input, if it is wanted.
    pub(crate) fn give(&mut self, index: usize, gradient: String) {
        if self.wants(index) {
            self.given.push((index, gradient));
        }
    }

    /// Gives the gradient of an input that was broadcast.
    pub(crate) fn give_summed(&mut self, index: usize, gradient: &str) -> Result<(), Refusal> {
        let summed = self.tape.sum_to(gradient, &self.x(index)?)?;
        self.give(index, summed);
        Ok(())
    }

    /// Refuses if the gradient of an input is wanted, from the one of this index on.
    pub(crate) fn only_before(&self, index: usize) -> Result<(), Refusal> {
        (index..self.node.input.len()).find(|&i| self.wants(i)).map_or(Ok(()), |i| Err(Refusal::Input(i)))
    }

    /// An attribute that is an axis, as a place among those of `value`.
    pub(crate) fn axis(&self, default: i64, value: &str) -> Result<usize, Refusal> {
        let rank = self.tape.rank(value)?;
        crate::shapes::axis(self.node.int("axis", default), rank).ok_or(Refusal::Attribute("axis"))
    }
}

/// The cotangents of `variables` from those of the results in `seeds`; a variable that no result depends on has none.
pub(crate) fn backward(
    tape: &mut Tape,
    variables: &[String],
    seeds: &[(String, String)],
    mut segments: Segments,
) -> Result<HashMap<String, String>, Error> {
    let active = Active::of(&tape.graph, &tape.facts, variables);
    let mut cotangents: HashMap<String, String> = HashMap::new();
    // For messages: the value through which each one reached the result.
    let mut towards: HashMap<String, String> = HashMap::new();
    // Values whose cotangents are newer than the segment that is being computed again.
    let mut fresh: BTreeSet<String> = BTreeSet::new();
    for (value, cotangent) in seeds {
        accumulate(tape, &mut cotangents, value, cotangent);
        fresh.insert(value.clone());
    }
    for place in (0..tape.graph.node.len()).rev() {
        let node = tape.graph.node[place].clone();
        let came: Vec<Option<String>> = node.output.iter().map(|o| cotangents.get(o).cloned()).collect();
        let Some(reached) = came.iter().position(Option::is_some) else { continue };
        let Some(input) = graph::needs(&node).into_iter().find(|i| active.has(i)) else { continue };
        if !node.output.iter().any(|o| active.has(o)) {
            continue;
        }
        let path = || {
            let mut path = active.path(input);
            let mut at = &node.output[reached];
            path.push(at.clone());
            while let Some(next) = towards.get(at) {
                path.push(next.clone());
                at = next;
            }
            written(&path)
        };
        let name = || graph::label(&node).to_owned();
        if node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty()) {
            let op = graph::operator(&node);
            return Err(Error::ControlFlow { op, node: name(), path: path() });
        }
        let Some(rule) = rules::find(&node) else {
            return Err(Error::NoRule { op: graph::operator(&node), node: name(), path: path() });
        };
        let (seen, place) = segments.node(tape, place, &mut fresh, &cotangents);
        let given = Vec::new();
        let inputs = &node.input;
        let mut step = Step { tape, node: &seen, inputs, place, cotangents: came, active: &active, given };
        (rule.backward)(&mut step).map_err(|why| Error::Refused {
            op: node.op_type.clone(),
            node: name(),
            path: path(),
            why,
        })?;
        for (index, gradient) in step.given {
            let value = &node.input[index];
            tape.facts.same(&gradient, value);
            towards.entry(value.clone()).or_insert_with(|| node.output[reached].clone());
            accumulate(tape, &mut cotangents, value, &gradient);
            fresh.insert(value.clone());
        }
    }
    let wanted: HashSet<&String> = variables.iter().collect();
    cotangents.retain(|value, _| wanted.contains(value));
    Ok(cotangents)
}

/// A value that is used twice gets the sum of what comes back from both.
fn accumulate(tape: &mut Tape, all: &mut HashMap<String, String>, value: &str, gradient: &str) {
    let sum = match all.get(value) {
        Some(before) => tape.add(before, gradient),
        None => gradient.to_owned(),
    };
    all.insert(value.to_owned(), sum);
}

/// A path as text, its middle left out where it is long.
fn written(path: &[String]) -> String {
    const ENDS: usize = 3;
    let arrows = |values: &[String]| values.join(" → ");
    if path.len() <= 2 * ENDS + 1 {
        return arrows(path);
    }
    format!("{} → … → {}", arrows(&path[..ENDS]), arrows(&path[path.len() - ENDS..]))
}
