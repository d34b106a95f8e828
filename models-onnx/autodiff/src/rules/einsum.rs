//! Einstein sums, among them every product of matrices.

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::Setting;
use crate::shapes::{Equation, free_letters};

/// The longest diagonal: it goes back through a square matrix.
const MOST: usize = 4096;

/// `y[out] = Σ a[i] b[j] …`: each input's gradient is the sum of the cotangent with all other inputs, under the same
/// letters. A letter that only this input has was summed over, so that the gradient is the same for each of its places.
/// A letter that the input has twice is a diagonal: one of the two gets a name of its own, and the identity matrix,
/// as one more factor, says that both are the same.
pub(super) fn einsum(s: &mut Step<'_>) -> Result<(), Refusal> {
    let ranks: Vec<usize> =
        (0..s.node.input.len()).map(|i| s.tape.rank(&s.x(i)?)).collect::<Result<_, _>>()?;
    let equation = Equation::of(s.node, &ranks).ok_or(Refusal::Attribute("equation"))?;
    for index in (0..equation.inputs.len()).filter(|&i| s.wants(i)).collect::<Vec<_>>() {
        let (x, g) = (s.x(index)?, s.g()?);
        let mut factors = vec![(equation.output.clone(), g)];
        for (other, letters) in equation.inputs.iter().enumerate().filter(|(other, _)| *other != index) {
            factors.push((letters.clone(), s.x(other)?));
        }
        let own = without_repeats(s, &equation, index, &x, &mut factors)?;
        let summed = |c: &char| !factors.iter().any(|(letters, _)| letters.contains(*c));
        let lone: Vec<usize> =
            own.iter().enumerate().filter(|(_, c)| summed(c)).map(|(axis, _)| axis).collect();
        let wanted: String = own.iter().filter(|c| !summed(c)).collect();
        let product = contract(s, factors, &wanted);
        let d = s.tape.unsqueeze(&product, &lone);
        // Sizes of one may have met larger ones.
        let d = if lone.is_empty() { s.tape.sum_to(&d, &x)? } else { s.tape.expand_like(&d, &x) };
        s.give(index, d);
    }
    Ok(())
}

/// The letters of an input, each once.
fn without_repeats(
    s: &mut Step<'_>,
    equation: &Equation,
    index: usize,
    x: &str,
    factors: &mut Vec<(String, String)>,
) -> Result<Vec<char>, Refusal> {
    let mut own: Vec<char> = Vec::new();
    let used = [equation.inputs.concat(), equation.output.clone()].concat();
    let mut free = free_letters(&used);
    for (axis, letter) in equation.inputs[index].chars().enumerate() {
        if !own.contains(&letter) {
            own.push(letter);
            continue;
        }
        let size = s.tape.shape(x)?[axis].size().ok_or_else(|| Refusal::Shape(x.into()))?;
        let other = free.next().filter(|_| size <= MOST).ok_or_else(|| Refusal::Long(x.into()))?;
        let mut identity = vec![0.0; size * size];
        identity.iter_mut().step_by(size + 1).for_each(|one| *one = 1.0);
        let identity = s.tape.reals(&[size, size], &identity, x)?;
        factors.push((format!("{letter}{other}"), identity));
        own.push(other);
    }
    Ok(own)
}

/// The sum of products. A factor without letters is a number, which runtimes do not take in an equation.
fn contract(s: &mut Step<'_>, factors: Vec<(String, String)>, wanted: &str) -> String {
    let (numbers, tensors): (Vec<_>, Vec<_>) = factors.into_iter().partition(|(term, _)| term.is_empty());
    let product = match tensors.as_slice() {
        [] => None,
        [(term, value)] if term == wanted => Some(value.clone()),
        tensors => {
            let terms: Vec<&str> = tensors.iter().map(|t| t.0.as_str()).collect();
            let values: Vec<&str> = tensors.iter().map(|t| t.1.as_str()).collect();
            let text = format!("{}->{wanted}", terms.join(","));
            Some(s.tape.op("Einsum", &values, &[("equation", Setting::Text(&text))]))
        }
    };
    let all = product.into_iter().chain(numbers.into_iter().map(|n| n.1));
    // The cotangent is always there.
    all.reduce(|a, b| s.tape.mul(&a, &b)).unwrap_or_default()
}
