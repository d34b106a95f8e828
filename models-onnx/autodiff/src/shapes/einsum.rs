//! The letters of Einstein sums.

use crate::dim::Dim;
use crate::facts::Facts;
use crate::graph::Attributes;
use crate::proto::NodeProto;

/// An Einstein sum's letters, dots written out as letters.
pub(crate) struct Equation {
    pub(crate) inputs: Vec<String>,
    pub(crate) output: String,
}

/// Letters that a text does not use.
pub(crate) fn free_letters(used: &str) -> impl Iterator<Item = char> {
    ('a'..='z').chain('A'..='Z').filter(move |c| !used.contains(*c))
}

impl Equation {
    /// `None` for what is no equation, or none for inputs of these numbers of axes.
    pub(crate) fn of(node: &NodeProto, ranks: &[usize]) -> Option<Self> {
        let text = Some(node.word("equation", "")).filter(|t| t.len() < 1024)?;
        // One character for the dots, which stand for any number of axes.
        let text: String =
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace("...", "*");
        let (inputs, output) = match text.split_once("->") {
            Some((inputs, output)) => (inputs, output.to_owned()),
            None => {
                // What is there once comes out, in alphabetical order, after the dots.
                let mut once: Vec<char> = text.chars().filter(|c| text.matches(*c).count() == 1).collect();
                once.retain(|&c| c.is_ascii_alphabetic());
                once.sort_unstable();
                let dots = text.contains('*').then_some('*');
                (text.as_str(), dots.into_iter().chain(once).collect())
            }
        };
        let inputs: Vec<String> = inputs.split(',').map(str::to_owned).collect();
        if inputs.len() != node.input.len() || inputs.len() != ranks.len() {
            return None;
        }
        let plain = |t: &String| {
            t.chars().all(|c| c.is_ascii_alphabetic() || c == '*') && t.matches('*').count() <= 1
        };
        if !inputs.iter().chain([&output]).all(plain) {
            return None;
        }
        let more = |(term, rank): (&String, &usize)| {
            let letters = term.chars().filter(|&c| c != '*').count();
            rank.checked_sub(letters).filter(|&more| more == 0 || term.contains('*'))
        };
        let dotted: Vec<usize> = inputs.iter().zip(ranks).map(more).collect::<Option<_>>()?;
        let most = dotted.iter().copied().max()?;
        let letters: Vec<char> = free_letters(&text).take(most).collect();
        if letters.len() < most {
            return None;
        }
        // Axes behind dots are counted from the last.
        let written =
            |term: &str, n: usize| term.replace('*', &letters[most - n..].iter().collect::<String>());
        let output = written(&output, most);
        let inputs = inputs.iter().zip(dotted).map(|(term, n)| written(term, n)).collect();
        Some(Self { inputs, output })
    }
}

/// The shape of an Einstein sum.
pub(super) fn summed(facts: &Facts, node: &NodeProto) -> Option<Vec<Dim>> {
    let shapes: Vec<&Vec<Dim>> = node.input.iter().map(|i| facts.shape(i)).collect::<Option<_>>()?;
    let ranks: Vec<usize> = shapes.iter().map(|s| s.len()).collect();
    let equation = Equation::of(node, &ranks)?;
    let sizes = equation.inputs.iter().zip(shapes).flat_map(|(letters, shape)| letters.chars().zip(shape));
    let sizes: Vec<(char, &Dim)> = sizes.collect();
    let size = |c: char| {
        // A size of one is spread over that of another input.
        let of = || sizes.iter().filter(|(letter, _)| *letter == c).map(|(_, size)| *size);
        of().find(|d| !d.is_one()).or_else(|| of().next()).cloned()
    };
    equation.output.chars().map(size).collect()
}
