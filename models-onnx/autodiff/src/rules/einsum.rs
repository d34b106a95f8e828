//! Einstein sums, among them every product of matrices.

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::Setting;
use crate::shapes::Equation;

/// `y[out] = Σ a[i] b[j] …`: each input's gradient is the sum of the cotangent with all other inputs, under the same
/// letters. A letter that only one input has would have to be spread instead, and one that an input has twice
/// picked from a diagonal: neither is a product of matrices, and both are refused.
pub(super) fn einsum(s: &mut Step<'_>) -> Result<(), Refusal> {
    let refused = Refusal::Attribute("equation");
    let equation = Equation::of(s.node).ok_or(refused.clone())?;
    for index in 0..equation.inputs.len() {
        if !s.wants(index) {
            continue;
        }
        let own = &equation.inputs[index];
        let mut terms = vec![equation.output.clone()];
        let mut values = vec![s.g()?];
        for (other, letters) in equation.inputs.iter().enumerate().filter(|(other, _)| *other != index) {
            terms.push(letters.clone());
            values.push(s.x(other)?);
        }
        let twice = own.chars().enumerate().any(|(at, c)| own.chars().take(at).any(|before| before == c));
        if twice || own.chars().any(|c| !terms.iter().any(|t| t.contains(c))) {
            return Err(refused);
        }
        let text = format!("{}->{own}", terms.join(","));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let d = s.tape.op("Einsum", &values, &[("equation", Setting::Text(&text))]);
        s.give(index, d);
    }
    Ok(())
}
