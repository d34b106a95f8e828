//! Values that are computed again in the backward pass, instead of being held from the forward pass on.
//!
//! The forward pass is cut into segments (Chen et al., “Training deep nets with sublinear memory cost”, 2016,
//! section 4). What passes over a cut is kept; what is made and used within a segment is made a second time when the
//! backward pass comes to it, by copies of the segment's nodes. The last segment needs no copies: its turn comes at once.
//!
//! A runtime would merge copies with the originals, or run them early and hold their results after all. Hence copies
//! read `x − z` where the originals read a kept `x`. The number `z` is zero, but no optimiser can know: it is one where
//! the sum of squares of some elements is negative, and the elements are those of all cotangents that later segments
//! have made. So it is there only when these are done. The subtraction keeps every bit of `x`.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::dim;
use crate::error::Error;
use crate::facts::Facts;
use crate::graph::{self, Setting};
use crate::proto::NodeProto;
use crate::tape::Tape;
use crate::tensor;

/// Which values of the forward pass are held until the backward pass needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Keep {
    /// All of them, which is fastest.
    #[default]
    All,
    /// These, and what else is made before one of them and used after it. The rest is computed again, which takes about
    /// the time of one more forward pass. Best are values that are all there is of a network at their place, such as
    /// the sums that end residual blocks.
    Values(Vec<String>),
    /// As with `Values`, at places that are chosen: where little passes, and so far apart that what is kept and what is
    /// computed again at one time are together about smallest. Sizes that are open count as one.
    Few,
}

/// The segments, and the copies of the one that the backward pass is in.
pub(crate) struct Segments {
    /// Of each node of the forward pass.
    of: Vec<usize>,
    last: usize,
    /// Whether a node depends on the variables and may run twice.
    copied: Vec<bool>,
    makers: HashMap<String, usize>,
    /// Values that depend on the variables.
    reached: HashSet<String>,
    kept: HashSet<String>,
    /// The segment that has been copied last.
    here: usize,
    copies: HashMap<String, String>,
    places: HashMap<usize, usize>,
}

impl Segments {
    /// Cuts what is on the tape; `held` are values that are there to the end anyway, such as outputs.
    pub(crate) fn new(
        tape: &Tape,
        keep: &Keep,
        variables: &[String],
        held: &[String],
    ) -> Result<Self, Error> {
        let nodes = &tape.graph.node;
        let mut reached: HashSet<String> = variables.iter().cloned().collect();
        let mut copied = Vec::with_capacity(nodes.len());
        let mut makers = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            // Sizes hold no memory, and shapes that are known must stay known.
            let sizes = matches!(node.op_type.as_str(), "Shape" | "Size");
            let depends = !sizes && graph::needs(node).into_iter().any(|i| reached.contains(i));
            if depends {
                reached.extend(node.output.iter().cloned());
            }
            copied.push(depends && repeatable(node));
            makers.extend(node.output.iter().map(|o| (o.clone(), place)));
        }
        let mut segments = Self {
            of: vec![0; nodes.len()],
            last: 0,
            copied,
            makers,
            reached,
            kept: held.iter().cloned().collect(),
            here: usize::MAX,
            copies: HashMap::new(),
            places: HashMap::new(),
        };
        let cuts = match keep {
            Keep::All => return Ok(segments),
            Keep::Values(values) => {
                let mut cuts = BTreeSet::new();
                for value in values {
                    if !tape.has(value) {
                        return Err(Error::NoValue(value.clone()));
                    }
                    // Inputs are kept whoever names them.
                    cuts.extend(segments.makers.get(value));
                }
                cuts.into_iter().collect()
            }
            Keep::Few => segments.choose(tape),
        };
        segments.last = cuts.len();
        for (place, segment) in segments.of.iter_mut().enumerate() {
            *segment = cuts.partition_point(|&cut| cut < place);
        }
        for (place, node) in nodes.iter().enumerate() {
            for input in graph::needs(node) {
                if segments.makers.get(input).is_some_and(|&m| segments.of[m] < segments.of[place]) {
                    segments.kept.insert(input.to_owned());
                }
            }
        }
        Ok(segments)
    }

    /// Places to cut after.
    fn choose(&self, tape: &Tape) -> Vec<usize> {
        let nodes = &tape.graph.node;
        let mut last_use: HashMap<&str, usize> = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            last_use.extend(graph::needs(node).into_iter().map(|i| (i, place)));
        }
        // Bytes that each node makes, and bytes that pass over a cut after it.
        let (mut made, mut change) = (vec![0u64; nodes.len()], vec![0i128; nodes.len() + 1]);
        for (place, node) in nodes.iter().enumerate().filter(|(place, _)| self.copied[*place]) {
            // These only look at what is there.
            let view =
                matches!(node.op_type.as_str(), "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity");
            for output in &node.output {
                let bytes = size(&tape.facts, output);
                made[place] = made[place].saturating_add(if view { 0 } else { bytes });
                let end = last_use.get(output.as_str()).copied().unwrap_or(place);
                if end > place && !self.kept.contains(output) {
                    change[place] += i128::from(bytes);
                    change[end] -= i128::from(bytes);
                }
            }
        }
        let passing = change.iter().scan(0i128, |all, change| {
            *all += change;
            Some(u64::try_from(*all).unwrap_or(u64::MAX))
        });
        let places: Vec<(usize, u64, u64)> = made
            .iter()
            .zip(passing)
            .enumerate()
            .filter(|(_, (made, _))| **made > 0)
            .map(|(place, (&made, passing))| (place, made, passing))
            .collect();
        cheapest(&places)
    }

    /// The value's node has not been visited yet when the node at `place` is.
    fn is_ahead(&self, value: &str, place: usize) -> bool {
        self.makers.get(value).is_none_or(|&maker| maker <= place)
    }

    /// The node that the rule for the one at `place` is to look at, which is a copy if its segment is computed again,
    /// and where it is in the graph. `fresh` are values whose cotangents have changed since this was last asked for
    /// another segment; they are taken away when a segment is copied.
    pub(crate) fn node(
        &mut self,
        tape: &mut Tape,
        place: usize,
        fresh: &mut BTreeSet<String>,
        cotangents: &HashMap<String, String>,
    ) -> (NodeProto, usize) {
        let mut node = tape.graph.node[place].clone();
        if self.of[place] == self.last {
            return (node, place);
        }
        if self.of[place] != self.here {
            let ahead = std::mem::take(fresh).into_iter().filter(|v| self.is_ahead(v, place));
            let done: Vec<String> = ahead.filter_map(|v| cotangents.get(&v).cloned()).collect();
            self.copy(tape, self.of[place], &done);
        }
        for value in node.input.iter_mut().chain(&mut node.output) {
            if let Some(copy) = self.copies.get(value) {
                value.clone_from(copy);
            }
        }
        (node, self.places.get(&place).copied().unwrap_or(place))
    }

    /// Copies a segment. Copies that nobody reads are left out when the graph is done.
    fn copy(&mut self, tape: &mut Tape, segment: usize, done: &[String]) {
        self.here = segment;
        self.copies.clear();
        self.places.clear();
        let never = never(tape, done);
        let mut late: HashMap<String, String> = HashMap::new();
        for place in 0..self.of.len() {
            if self.of[place] != segment || !self.copied[place] {
                continue;
            }
            let mut node = tape.graph.node[place].clone();
            let original = node.output.clone();
            let mut again = false;
            for input in &mut node.input {
                if let Some(copy) = self.copies.get(input).or_else(|| late.get(input)) {
                    input.clone_from(copy);
                    again = true;
                }
            }
            if !again {
                // The smallest will do, for the node waits for all.
                let real = |i: &&String| {
                    self.reached.contains(*i) && tape.facts.kind(i).is_some_and(tensor::is_real)
                };
                let least = node.input.iter().filter(real).min_by_key(|i| size(&tape.facts, i)).cloned();
                if let Some(value) = least {
                    let kind = tape.facts.kind(&value).unwrap_or(tensor::FLOAT);
                    let zero = tape.cast(&never, kind);
                    let later = tape.sub(&value, &zero);
                    tape.facts.same(&later, &value);
                    node.input.iter_mut().filter(|i| **i == value).for_each(|i| i.clone_from(&later));
                    late.insert(value, later);
                }
            }
            for (output, original) in node.output.iter_mut().zip(&original).filter(|(o, _)| !o.is_empty()) {
                *output = tape.fresh("again");
                tape.facts.same(output, original);
                if !self.kept.contains(original) {
                    self.copies.insert(original.clone(), output.clone());
                }
            }
            node.name = format!("{}_again", node.output.iter().find(|o| !o.is_empty()).map_or("", |o| o));
            self.places.insert(place, tape.graph.node.len());
            tape.push(node);
        }
    }
}

/// A truth value that is never true, but that follows from all of `done`.
fn never(tape: &mut Tape, done: &[String]) -> String {
    let (flat, zero, one) = (tape.ints(&[-1]), tape.ints(&[0]), tape.ints(&[1]));
    let mut parts = Vec::with_capacity(done.len());
    for value in done {
        let list = tape.op("Reshape", &[value, &flat], &[]);
        let part = tape.op("Slice", &[&list, &zero, &one], &[]);
        parts.push(tape.cast(&part, tensor::FLOAT));
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let all = tape.op("Concat", &parts, &[("axis", Setting::Int(0))]);
    let square = tape.op("ReduceSumSquare", &[&all], &[("keepdims", Setting::Int(0))]);
    let nothing = tape.float(0.0);
    // Whatever is compared with NaN is false too.
    tape.op("Less", &[&square, &nothing], &[])
}

/// Whether a node gives the same when it runs again.
fn repeatable(node: &NodeProto) -> bool {
    let inner = node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty());
    let random = node.op_type.starts_with("Random")
        || matches!(node.op_type.as_str(), "Bernoulli" | "Multinomial" | "Dropout");
    !inner && !random
}

/// Bytes of a value, open sizes being taken as one.
fn size(facts: &Facts, value: &str) -> u64 {
    let width = match facts.kind(value) {
        Some(tensor::BOOL) => 1,
        Some(tensor::FLOAT16 | tensor::BFLOAT16) => 2,
        Some(tensor::DOUBLE | tensor::INT64) => 8,
        _ => 4,
    };
    let elements = facts.shape(value).and_then(dim::product).map_or(0, |d| d.factor());
    (elements as u64).saturating_mul(width)
}

/// Where to cut, of places with the bytes made at each and those that pass over a cut after it: so that what passes and
/// the largest segment are together smallest.
fn cheapest(places: &[(usize, u64, u64)]) -> Vec<usize> {
    const MOST: u64 = 64;
    let total = places.iter().fold(0u64, |all, p| all.saturating_add(p.1));
    let mut best = (total, Vec::new());
    for parts in 2..=MOST.min(places.len() as u64) {
        let limit = total / parts;
        // The least that passes over all cuts where the last is after each place, and the cut before that one.
        let mut least: Vec<Option<(u64, Option<usize>)>> = Vec::with_capacity(places.len());
        for at in 0..places.len() {
            let mut found: Option<(u64, Option<usize>)> = None;
            let mut segment = 0u64;
            for start in (0..=at).rev() {
                segment = segment.saturating_add(places[start].1);
                // A node alone may be larger than the limit.
                if segment > limit && start < at {
                    break;
                }
                let before = match start.checked_sub(1) {
                    Some(before) => least[before].map(|(cost, _)| (cost, Some(before))),
                    None => Some((0, None)),
                };
                if let Some((cost, before)) = before
                    && found.is_none_or(|(least, _)| cost < least)
                {
                    found = Some((cost, before));
                }
            }
            // After the end nothing passes.
            let passing = if at + 1 == places.len() { 0 } else { places[at].2 };
            least.push(found.map(|(cost, before)| (cost.saturating_add(passing), before)));
        }
        let Some((cost, mut before)) = least.last().copied().flatten() else { continue };
        let cost = cost.saturating_add(limit);
        if cost < best.0 {
            let mut cuts = Vec::new();
            while let Some(at) = before {
                cuts.push(places[at].0);
                before = least[at].and_then(|l| l.1);
            }
            cuts.reverse();
            best = (cost, cuts);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::cheapest;

    #[test]
    fn cuts_are_where_little_passes() {
        // Sixteen blocks of three nodes each; between blocks one part in four passes.
        let place = |p: usize| (p, 100, if p % 3 == 2 { 25 } else { 100 });
        let cuts = cheapest(&(0..48).map(place).collect::<Vec<_>>());
        assert!(cuts.iter().all(|c| c % 3 == 2), "{cuts:?}");
        // The best of k equal segments is at k·25 + 4800/k: between 12 and 16.
        assert!((11..=16).contains(&cuts.len()), "{cuts:?}");
    }

    #[test]
    fn nothing_is_cut_where_that_saves_nothing() {
        assert!(cheapest(&[]).is_empty());
        assert!(cheapest(&[(0, 10, 10)]).is_empty());
        assert!(cheapest(&[(0, 10, 100), (1, 10, 100), (2, 10, 0)]).is_empty());
    }
}
