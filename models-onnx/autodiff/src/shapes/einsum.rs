//! The letters of Einstein sums.

use crate::graph::Attributes;
use crate::proto::NodeProto;

/// An Einstein sum's letters.
pub(crate) struct Equation {
    pub(crate) inputs: Vec<String>,
    pub(crate) output: String,
}

impl Equation {
    /// `None` for dots, which stand for any number of axes.
    pub(crate) fn of(node: &NodeProto) -> Option<Self> {
        let text = Some(node.word("equation", "")).filter(|t| t.len() < 1024)?;
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (inputs, output) = match text.split_once("->") {
            Some((inputs, output)) => (inputs, output.to_owned()),
            None => {
                // What is there once comes out, in alphabetical order.
                let mut once: Vec<char> = text.chars().filter(|c| text.matches(*c).count() == 1).collect();
                once.retain(|&c| c != ',');
                once.sort_unstable();
                (text.as_str(), once.into_iter().collect())
            }
        };
        let inputs: Vec<String> = inputs.split(',').map(str::to_owned).collect();
        let plain = inputs.iter().chain([&output]).all(|t| t.chars().all(|c| c.is_ascii_alphabetic()));
        (plain && inputs.len() == node.input.len()).then_some(Self { inputs, output })
    }
}
