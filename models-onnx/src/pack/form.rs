//! Whether a graph takes and gives what its role says; see [`Role::form`](super::Role::form).

use super::{Contract, Dim, Dtype, Port};

/// Sizes that several files of a pack share, by letter.
#[derive(Default)]
pub(super) struct Widths(Vec<(String, usize)>);

impl Widths {
    /// Holds `size` against what is known of the size `name`.
    pub(super) fn agree(&mut self, name: &str, size: usize) -> Result<(), String> {
        match self.of(name) {
            Some(known) if known != size => Err(format!("the size “{name}” is both {known} and {size}")),
            Some(_) => Ok(()),
            None => {
                self.0.push((name.into(), size));
                Ok(())
            }
        }
    }

    pub(super) fn of(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|known| known.0 == name).map(|known| known.1)
    }
}

/// Holds a contract against a form. Further outputs than those of the form are free.
pub(super) fn fits(contract: &Contract, form: &str, widths: &mut Widths) -> Result<(), String> {
    // Alternatives differ in what goes in first.
    let goes_in =
        |form: &&str| contract.inputs.first().is_some_and(|port| Pattern::of(form).name == port.name);
    let form = form.split(" | ").find(goes_in).or(form.split(" | ").next()).unwrap_or(form);
    let (inputs, outputs) = form.split_once(" -> ").unwrap_or((form, "*"));
    let wanted: Vec<Pattern> = inputs.split(' ').map(Pattern::of).collect();
    for port in &contract.inputs {
        let pattern = wanted.iter().find(|w| w.name == port.name);
        pattern.ok_or_else(|| format!("{port} is not wanted"))?.fits(port, widths)?;
    }
    let given = |pattern: &&Pattern| contract.inputs.iter().any(|port| port.name == pattern.name);
    if let Some(missing) = wanted.iter().find(|pattern| !pattern.optional && !given(pattern)) {
        return Err(format!("no “{}” goes in", missing.name));
    }
    for (at, pattern) in outputs.split(' ').map(Pattern::of).enumerate() {
        let port = contract.outputs.get(at).ok_or("nothing comes out")?;
        pattern.fits(port, widths)?;
    }
    Ok(())
}

/// One tensor of a form.
struct Pattern<'a> {
    text: &'a str,
    name: &'a str,
    dtype: Dtype,
    /// None if any shape will do.
    dims: Option<Vec<&'a str>>,
    optional: bool,
}

impl<'a> Pattern<'a> {
    fn of(text: &'a str) -> Self {
        let optional = text.ends_with('?');
        let text = text.trim_end_matches('?');
        let (name, dims) = match text.split_once('[') {
            Some((name, dims)) => (name, Some(dims.trim_end_matches(']').split(',').collect())),
            None => (text, None),
        };
        let (name, dtype) = match name.split_once(':') {
            Some((name, _)) => (name, Dtype::I64),
            None => (name, Dtype::F32),
        };
        Self { text, name, dtype, dims, optional }
    }

    fn fits(&self, port: &Port, widths: &mut Widths) -> Result<(), String> {
        let no = || format!("{port} is not {}", self.text);
        if (self.name != "*" && self.name != port.name) || self.dtype != port.dtype {
            return Err(no());
        }
        let Some(dims) = &self.dims else { return Ok(()) };
        if dims.len() != port.dims.len() {
            return Err(no());
        }
        for (pattern, dim) in dims.iter().zip(&port.dims) {
            let open = pattern.starts_with(|c: char| c.is_ascii_lowercase());
            match (pattern.parse::<usize>(), dim) {
                (Ok(size), Dim::Size(found)) if size == *found => {}
                (Err(_), Dim::Any(_)) if open => {}
                (Err(_), Dim::Size(size)) if !open => {
                    widths.agree(pattern, *size).map_err(|why| format!("{}, {why}", no()))?;
                }
                _ => return Err(no()),
            }
        }
        Ok(())
    }
}
