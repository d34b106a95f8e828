//! Whether a manifest is sound.

use std::path::Path;

use serde::Deserialize;

use super::form::{self, Widths};
use super::{
    AlignmentKind, Array, ArrayFile, Contract, Dim, Family, Fidelity, Manifest, PackError, Port, Role,
    Source, VERSION,
};

// Far beyond any generator, and small enough that no product of them overflows or eats the machine.
const RESOLUTION: std::ops::RangeInclusive<u32> = 4..=4096;
const CHANNELS: usize = 8192;
const LAYERS: usize = 256;
const CLASSES: usize = 4096;
const DIM: usize = 1 << 20;
const ELEMENTS: usize = 1 << 28;
const TEMPLATES: usize = 512;
const STEPS: u32 = 100_000;
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
    names(manifest).and_then(|()| scalars(manifest)).and_then(|()| shapes(manifest)).map_err(unsound)
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Whether every name can be told in a sentence of one line: manifests may spell line breaks inside strings.
fn names(m: &Manifest) -> Result<(), String> {
    let ports = m.roles.values().chain(m.mappers.values()).flat_map(|g| g.inputs.iter().chain(&g.outputs));
    let graphs = ports.flat_map(|port| {
        let sizes =
            port.dims.iter().filter_map(|dim| if let Dim::Any(name) = dim { Some(name) } else { None });
        std::iter::once(&port.name).chain(sizes).cloned()
    });
    let files = m.sources().into_iter().map(|source| source.file);
    let classes = m.classes.iter().flat_map(|c| std::iter::once(&c.name).chain(&c.parts));
    let given = m.mappers.keys().chain(m.attributes.keys()).chain(classes).cloned();
    for name in files.chain(graphs).chain(given) {
        ensure(!name.chars().any(char::is_control), || format!("a name with control characters, {name:?}"))?;
    }
    Ok(())
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
    if let Some([left, right]) = m.alignment.eyes {
        ensure(left != right, || "both eyes at one place".into())?;
        ensure(m.alignment.kind == AlignmentKind::Square, || {
            "places for eyes beside an alignment that has its own".into()
        })?;
    }
    let coded = matches!(m.family, Family::StyleGan2 | Family::BlobGan);
    ensure(m.fidelity.is_some() || !coded, || "no fidelity".into())?;
    let sane = |f: Fidelity| f.poor.is_finite() && f.typical.is_finite() && f.poor <= f.typical;
    ensure(m.fidelity.is_none_or(sane), || "a fidelity that is typically poor".into())?;
    if let Some(direction) = m.direction {
        let usable = direction.strength.is_finite() && direction.disentanglement.is_finite();
        ensure(usable && direction.disentanglement >= 0.0, || "a direction that is not a number".into())?;
    }
    if let Some(d) = m.denoising {
        let betas = 0.0 < d.beta_start && d.beta_start <= d.beta_end && d.beta_end < 1.0;
        ensure(betas && (1..=STEPS).contains(&d.steps) && d.offset < d.steps, || {
            format!("noise of {} steps from {} to {}", d.steps, d.beta_start, d.beta_end)
        })?;
        ensure((1..=64).contains(&d.pixels_per_latent), || {
            format!("{} pixels per latent", d.pixels_per_latent)
        })?;
    }
    ensure(m.denoising.is_some() == (m.family == Family::Diffusion), || {
        "only the family diffusion is denoised, and it must say how".into()
    })?;
    if let Some(text) = &m.text {
        ensure((1..=TEMPLATES).contains(&text.templates.len()), || "no templates, or too many".into())?;
        ensure(text.templates.iter().all(|t| t.contains("{}")), || "a template without {}".into())?;
    }
    ensure(m.styles.len() <= LAYERS, || format!("{} style layers", m.styles.len()))?;
    for style in &m.styles {
        ensure((1..=CHANNELS).contains(&style.channels), || format!("{} channels", style.channels))?;
    }
    ensure(m.classes.len() <= CLASSES, || format!("{} classes", m.classes.len()))?;
    for source in m.sources() {
        let hex = source.sha256.len() == 64
            && source.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ensure(hex, || format!("the hash of {} is not a lower-case SHA-256", source.file))?;
    }
    Ok(())
}

fn shapes(m: &Manifest) -> Result<(), String> {
    for (role, contract) in &m.roles {
        graph(*role, contract)?;
        ensure(*role != Role::Mapper, || "a mapper without a name of its own".into())?;
        ensure((*role == Role::SentenceEncoder) == contract.pooling.is_some(), || {
            format!("the pooling of the {role}")
        })?;
    }
    for array in m.arrays.values().chain(m.attributes.values()) {
        ensure(bounded(array.dims.iter().copied()), || format!("{} of {:?}", array.file, array.dims))?;
    }
    let mut widths = Widths::default();
    widths.agree("R", m.resolution as usize)?;
    if !m.styles.is_empty() {
        widths.agree("S", m.styles.iter().map(|s| s.channels).sum())?;
    }
    if !m.classes.is_empty() {
        widths.agree("C", m.classes.len())?;
    }
    for (role, contract) in &m.roles {
        let form = role.form(m.family).ok_or_else(|| format!("a {role} in a family without"))?;
        form::fits(contract, &form, &mut widths).map_err(|why| format!("{why} for the {role}"))?;
    }
    let preview = widths.of("P").is_none_or(|side| side < m.resolution as usize);
    ensure(preview, || "a preview that is not smaller than the picture".into())?;
    for (name, contract) in &m.mappers {
        ensure(!name.is_empty() && name.len() <= 64, || "the name of a mapper".into())?;
        graph(Role::Mapper, contract)?;
        let form = Role::Mapper.form(m.family).ok_or("a mapper in a family without")?;
        form::fits(contract, &form, &mut widths).map_err(|why| format!("{why} for the mapper “{name}”"))?;
    }
    let size = |letter| widths.of(letter);
    for (array, file) in &m.arrays {
        let expected = match array {
            Array::StyleMean | Array::StyleStd => vec![size("S")],
            Array::Relevance => vec![size("S"), size("D")],
            Array::CodeMean => vec![size("L"), size("W")],
            // As many axes as its makers found worth keeping.
            Array::CodeAxes => vec![file.dims.first().copied(), size("W")],
        };
        let found: Vec<_> = file.dims.iter().map(|d| Some(*d)).collect();
        ensure(found == expected, || format!("{} of {:?}", file.file, file.dims))?;
    }
    for (name, file) in &m.attributes {
        let found: Vec<_> = file.dims.iter().map(|d| Some(*d)).collect();
        let known = found == [size("W")] || found == [size("L"), size("W")];
        ensure(known, || format!("{} of {:?} for the attribute “{name}”", file.file, file.dims))?;
    }
    Ok(())
}

/// Whether the ports of a graph are of sane sizes.
fn graph(role: Role, contract: &Contract) -> Result<(), String> {
    for port in contract.inputs.iter().chain(&contract.outputs) {
        small(port).map_err(|port| format!("{port} is too large for the {role}"))?;
    }
    ensure(!contract.inputs.is_empty() && !contract.outputs.is_empty(), || {
        format!("the {role} without input or output")
    })?;
    let error = contract.storage.map(|s| s.error);
    ensure(error.is_none_or(|e| (0.0..=1.0).contains(&e)), || format!("the storage of the {role}"))
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
    /// Whether sizes are sane and shapes fit each other; `path` is where errors say that it lies.
    ///
    /// # Errors
    /// [`PackError::Unsound`], saying what does not fit.
    pub fn check(&self, path: &Path) -> Result<(), PackError> {
        sound(self, path)
    }

    /// Those of `roles` that the pack does not have. A text encoder stands for a sentence encoder and its projection, an
    /// encoder in steps, with the code it starts from, for one of a single step.
    pub fn missing(&self, roles: &[Role]) -> Vec<Role> {
        let has = |role| self.roles.contains_key(&role);
        let there = |role| match role {
            Role::SentenceEncoder | Role::TextProjection => has(role) || has(Role::TextEncoder),
            Role::Encoder => has(role) || has(Role::Restyle) && self.arrays.contains_key(&Array::CodeMean),
            _ => has(role),
        };
        roles.iter().copied().filter(|&role| !there(role)).collect()
    }

    /// Every file the manifest names, each once, graphs first.
    pub fn sources(&self) -> Vec<Source> {
        let graphs = self.roles.values().chain(self.mappers.values());
        let graphs = graphs.flat_map(|graph| std::iter::once(graph.source()).chain(graph.weights()));
        let arrays = self.arrays.values().chain(self.attributes.values()).map(ArrayFile::source);
        let mut sources: Vec<Source> = Vec::new();
        for source in graphs.chain(self.files.values().cloned()).chain(arrays) {
            // Graphs may share the weights beside them.
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }
}

impl Contract {
    /// Its file.
    pub fn source(&self) -> Source {
        Source { file: self.file.clone(), sha256: self.sha256.clone(), shared: self.shared }
    }

    /// The files of weights beside it.
    pub fn weights(&self) -> impl Iterator<Item = Source> {
        let shared = self.shared;
        self.data.iter().map(move |d| Source { file: d.file.clone(), sha256: d.sha256.clone(), shared })
    }
}

impl ArrayFile {
    /// Its file.
    pub fn source(&self) -> Source {
        Source { file: self.file.clone(), sha256: self.sha256.clone(), shared: self.shared }
    }
}
