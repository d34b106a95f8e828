//! Whether a manifest is sound.

use std::path::Path;

use serde::Deserialize;

use super::{Array, Dim, Dtype, Manifest, PackError, Port, Role, Source, VERSION};
use crate::pack::manifest::{ArrayFile, Contract};

// Far beyond any generator, and small enough that no product of them overflows or eats the machine.
const RESOLUTION: std::ops::RangeInclusive<u32> = 4..=4096;
const CHANNELS: usize = 8192;
const LAYERS: usize = 256;
const DIM: usize = 1 << 20;
const ELEMENTS: usize = 1 << 28;
const TEMPLATES: usize = 512;
const STRING: usize = 1 << 16;

/// The manifest in `bytes`; nothing but its version and its keys is checked.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Manifest, PackError> {
    #[derive(Deserialize)]
    struct Head {
        version: i64,
    }
    let broken = |why: String| PackError::Broken { why, path: path.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|e| broken(e.to_string()))?;
    let describe = |e: toml::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let message: String =
            e.message().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        broken(format!("line {}: {message}", before.matches('\n').count() + 1))
    };
    let head: Head = toml::from_str(text).map_err(describe)?;
    if head.version != i64::from(VERSION) {
        return Err(PackError::Version { version: head.version, path: path.to_owned() });
    }
    toml::from_str(text).map_err(describe)
}

/// Whether sizes are sane and shapes fit each other.
pub(super) fn sound(manifest: &Manifest, path: &Path) -> Result<(), PackError> {
    let unsound = |what: String| PackError::Unsound { what, path: path.to_owned() };
    scalars(manifest).and_then(|()| shapes(manifest)).map_err(unsound)
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn scalars(m: &Manifest) -> Result<(), String> {
    let id_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ensure((1..=64).contains(&m.id.len()) && m.id.bytes().all(id_byte), || {
        "its id is not lower-case letters, digits and hyphens".into()
    })?;
    let strings = [&m.name, &m.description, &m.domain, &m.licence.spdx, &m.licence.text, &m.licence.origin];
    ensure(strings.iter().all(|s| s.len() <= STRING), || "a text is too long".into())?;
    ensure(RESOLUTION.contains(&m.resolution), || format!("a resolution of {}", m.resolution))?;
    let range = m.range.low.is_finite() && m.range.high.is_finite() && m.range.low < m.range.high;
    ensure(range, || format!("a range from {} to {}", m.range.low, m.range.high))?;
    let eyes = m.alignment.eyes.iter().flatten().flatten();
    ensure(eyes.clone().all(|v| (0.0..=1.0).contains(v)), || "eyes outside the picture".into())?;
    let fidelity = m.fidelity.poor.is_finite() && m.fidelity.typical.is_finite();
    ensure(fidelity && m.fidelity.poor <= m.fidelity.typical, || "a fidelity that is typically poor".into())?;
    if let Some(direction) = m.direction {
        let usable = direction.strength.is_finite() && direction.disentanglement.is_finite();
        ensure(usable && direction.disentanglement >= 0.0, || "a direction that is not a number".into())?;
    }
    if let Some(text) = &m.text {
        ensure((1..=TEMPLATES).contains(&text.templates.len()), || "no templates, or too many".into())?;
        ensure(text.templates.iter().all(|t| t.contains("{}")), || "a template without {}".into())?;
    }
    ensure(m.styles.len() <= LAYERS, || format!("{} style layers", m.styles.len()))?;
    for style in &m.styles {
        ensure((1..=CHANNELS).contains(&style.channels), || format!("{} channels", style.channels))?;
    }
    for source in m.sources() {
        let hex = source.sha256.len() == 64
            && source.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ensure(hex, || format!("the hash of {} is not a lower-case SHA-256", source.file))?;
    }
    Ok(())
}

fn shapes(m: &Manifest) -> Result<(), String> {
    for (role, contract) in &m.roles {
        for port in contract.inputs.iter().chain(&contract.outputs) {
            small(port).map_err(|what| format!("{what} is too large for the {role}"))?;
        }
        ensure((*role == Role::SentenceEncoder) == contract.pooling.is_some(), || {
            format!("the pooling of the {role}")
        })?;
    }
    for array in m.arrays.values() {
        ensure(bounded(array.dims.iter().copied()), || format!("{} of {:?}", array.file, array.dims))?;
    }
    let r = m.resolution as usize;
    let styles: usize = m.styles.iter().map(|s| s.channels).sum();
    let image = [None, Some(3), Some(r), Some(r)];
    let mut widths = Widths::default();
    for (role, contract) in &m.roles {
        let [first_in, first_out] = [&contract.inputs, &contract.outputs].map(|ports| ports.first());
        let (Some(input), Some(output)) = (first_in, first_out) else {
            return Err(format!("the {role} without input or output"));
        };
        let is = |port: &Port, name: &str, dims: &[Option<usize>]| {
            let fits = port.name == name && port.dtype == Dtype::F32 && port.dims.len() == dims.len();
            let fits = fits && port.dims.iter().zip(dims).all(|(dim, size)| same(dim, *size));
            ensure(fits, || format!("{port} does not fit the {role}"))
        };
        let single = *role == Role::SentenceEncoder || contract.inputs.len() == 1;
        ensure(single, || format!("the {role} with more than one input"))?;
        match role {
            Role::Mapping => {
                is(input, "z", &[None, last(input)])?;
                is(output, "w", &[None, last(output)])?;
                widths.agree("w", last(output))?;
            }
            Role::Affine => {
                is(input, "w_plus", &[None, at(input, 1), last(input)])?;
                is(output, "styles", &[None, Some(styles)])?;
                widths.agree("w", last(input))?;
                widths.agree("layers", at(input, 1))?;
            }
            Role::Synthesis => {
                is(input, "styles", &[None, Some(styles)])?;
                is(output, "image", &image)?;
            }
            Role::Encoder => {
                is(input, "image", &image)?;
                is(output, "w_plus", &[None, at(output, 1), last(output)])?;
                widths.agree("w", last(output))?;
                widths.agree("layers", at(output, 1))?;
            }
            Role::ImageEncoder => {
                is(input, "image", &image)?;
                is(output, "embedding", &[None, last(output)])?;
                widths.agree("embedding", last(output))?;
            }
            Role::SentenceEncoder => {
                for port in &contract.inputs {
                    let known =
                        ["input_ids", "attention_mask", "token_type_ids"].contains(&port.name.as_str());
                    let open = port.dims.len() == 2 && port.dims.iter().all(|d| matches!(d, Dim::Any(_)));
                    ensure(known && open && port.dtype == Dtype::I64, || {
                        format!("{port} does not fit the {role}")
                    })?;
                }
                is(output, &output.name, &[None, None, last(output)])?;
                widths.agree("sentence", last(output))?;
            }
            Role::TextProjection => {
                is(input, "sentence", &[None, last(input)])?;
                is(output, "embedding", &[None, last(output)])?;
                widths.agree("sentence", last(input))?;
                widths.agree("embedding", last(output))?;
            }
            Role::Segmenter => {
                is(input, "styles", &[None, Some(styles)])?;
            }
        }
    }
    for (array, file) in &m.arrays {
        let expected = match array {
            Array::StyleMean | Array::StyleStd => vec![Some(styles)],
            Array::Relevance => vec![Some(styles), widths.of("embedding")],
        };
        let found: Vec<_> = file.dims.iter().map(|d| Some(*d)).collect();
        ensure(found == expected, || format!("{} of {:?}", file.file, file.dims))?;
    }
    Ok(())
}

/// Sizes that several files share, by name.
#[derive(Default)]
struct Widths(Vec<(&'static str, usize)>);

impl Widths {
    fn agree(&mut self, name: &'static str, size: Option<usize>) -> Result<(), String> {
        let size = size.ok_or_else(|| format!("the size “{name}” is left open"))?;
        match self.of(name) {
            Some(known) => ensure(known == size, || format!("the size “{name}” is both {known} and {size}")),
            None => {
                self.0.push((name, size));
                Ok(())
            }
        }
    }

    fn of(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|known| known.0 == name).map(|known| known.1)
    }
}

/// `None` stands for a dimension that is open.
fn same(dim: &Dim, size: Option<usize>) -> bool {
    match (dim, size) {
        (Dim::Size(a), Some(b)) => *a == b,
        (Dim::Any(_), None) => true,
        _ => false,
    }
}

fn at(port: &Port, index: usize) -> Option<usize> {
    match port.dims.get(index) {
        Some(Dim::Size(size)) => Some(*size),
        _ => None,
    }
}

fn last(port: &Port) -> Option<usize> {
    at(port, port.dims.len().checked_sub(1)?)
}

fn small(port: &Port) -> Result<(), String> {
    let sizes = port.dims.iter().map(|d| if let Dim::Size(size) = d { *size } else { 1 });
    ensure(bounded(sizes) && port.name.len() <= STRING, || port.to_string())
}

fn bounded(sizes: impl Iterator<Item = usize> + Clone) -> bool {
    let elements = sizes.clone().try_fold(1usize, |product, size| product.checked_mul(size));
    sizes.clone().count() <= 8
        && sizes.clone().all(|s| (1..=DIM).contains(&s))
        && elements.is_some_and(|e| e <= ELEMENTS)
}

impl Manifest {
    /// Those of `roles` that the pack does not have.
    pub fn missing(&self, roles: &[Role]) -> Vec<Role> {
        roles.iter().copied().filter(|role| !self.roles.contains_key(role)).collect()
    }

    /// Every file the manifest names, graphs first.
    pub fn sources(&self) -> Vec<Source> {
        let graphs = self.roles.values().map(Contract::source);
        let arrays = self.arrays.values().map(ArrayFile::source);
        graphs.chain(self.files.values().cloned()).chain(arrays).collect()
    }
}

impl Contract {
    /// Its file.
    pub fn source(&self) -> Source {
        Source { file: self.file.clone(), sha256: self.sha256.clone(), shared: self.shared }
    }
}

impl ArrayFile {
    /// Its file.
    pub fn source(&self) -> Source {
        Source { file: self.file.clone(), sha256: self.sha256.clone(), shared: self.shared }
    }
}
